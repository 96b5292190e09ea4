//! Reading of what a receiver answered: who speaks, what about, and the words that decide. A status alone says little:
//! a 403 may come from a firewall, a login or a signature check.

use crate::domain::answer_topic::{AnswerParts, AnswerTopic};
use crate::domain::text::Untrusted;
use crate::wire::attempts::AttemptDetail;
use serde_json::Value;

/// Maximum number of characters of the words that are quoted.
const MAX_WORDS: usize = 200;
/// Maximum number of bytes of an answer that are searched for words.
const MAX_SEARCHED: usize = 16 * 1024;

/// What a receiver answered, as far as it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerReading {
    /// Subject of the answer.
    pub topic: AnswerTopic,
    /// Words of the answer that decide, in one line; `None` if there are none or they are not shown to this role.
    pub words: Option<Untrusted>,
    /// Header `Location` of the answer.
    pub location: Option<Untrusted>,
    /// Header `Retry-After` of the answer.
    pub retry_after: Option<Untrusted>,
    /// Header `Server` of the answer.
    pub server: Option<Untrusted>,
    /// Header `WWW-Authenticate` of the answer.
    pub challenge: Option<Untrusted>,
}

fn raw(text: &Option<Untrusted>) -> &str {
    text.as_ref().map_or("", |text| text.raw())
}

impl AnswerReading {
    /// Reads the answer to an attempt.
    #[must_use]
    pub fn of(detail: &AttemptDetail) -> Self {
        let header = |name: &str| {
            let header = detail.response_headers.iter().find(|header| header.name.raw().eq_ignore_ascii_case(name))?;
            Some(header.value.clone()).filter(|value| !value.raw().is_empty())
        };
        let body = detail.response_body.text.as_ref().map_or("", |text| text.raw());
        let body = &body[..body.floor_char_boundary(MAX_SEARCHED)];
        let (location, server, challenge) = (header("location"), header("server"), header("www-authenticate"));
        let content_type = header("content-type");
        let parts = AnswerParts {
            status: detail.row.status_code.unwrap_or_default(),
            body,
            server: raw(&server),
            location: raw(&location),
            content_type: raw(&content_type),
            has_challenge: challenge.is_some(),
            is_cloudflare: header("cf-ray").is_some(),
        };
        // Where a listener saw the answer, only what it found of it is known.
        let topic = match &detail.answer_topic {
            Some(name) => AnswerTopic::from_name(name.raw()),
            None => parts.topic(),
        };
        Self { topic, words: words(body), location, retry_after: header("retry-after"), server, challenge }
    }

    /// Returns whether the answer speaks of the signature, the secret or the clock.
    #[must_use]
    pub const fn is_about_signature(&self) -> bool {
        matches!(self.topic, AnswerTopic::MissingSecret | AnswerTopic::Clock | AnswerTopic::Signature)
    }
}

/// Finds the words that decide: the message of a JSON document, the title of an HTML page, or the first line.
fn words(body: &str) -> Option<Untrusted> {
    let body = body.trim();
    let found = match serde_json::from_str::<Value>(body) {
        Ok(value) => message(&value, 0)?,
        Err(_) if body.starts_with('<') => {
            element(body, "title").or_else(|| element(body, "h1")).or_else(|| element(body, "body"))?
        }
        Err(_) => body.lines().map(str::trim).find(|line| !line.is_empty())?.to_owned(),
    };
    let found: String = found.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAX_WORDS).collect();
    (!found.is_empty()).then(|| Untrusted::new(found))
}

/// Names under which JSON documents say what is wrong, the most telling first.
const MESSAGE_NAMES: [&str; 9] =
    ["error_description", "message", "detail", "errorMessage", "error", "errors", "reason", "title", "description"];

fn message(value: &Value, depth: usize) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) if depth < 4 => items.iter().find_map(|item| message(item, depth + 1)),
        Value::Object(members) if depth < 4 => MESSAGE_NAMES
            .iter()
            .find_map(|name| members.get(*name).and_then(|value| message(value, depth + 1)))
            .or_else(|| members.values().find(|value| value.is_object()).and_then(|value| message(value, depth + 1))),
        _ => None,
    }
}

/// Text of the first element with a name, without the elements inside it.
fn element(html: &str, name: &str) -> Option<String> {
    let lower = html.to_ascii_lowercase();
    let open = lower.find(&format!("<{name}"))?;
    let start = open + lower[open..].find('>')? + 1;
    let end = lower[start..].find(&format!("</{name}")).map_or(lower.len(), |end| start + end);
    let mut text = String::new();
    let mut is_inside = false;
    for character in html[start..end].chars() {
        match character {
            '<' => is_inside = true,
            '>' => is_inside = false,
            _ if !is_inside => text.push(character),
            _ => {}
        }
    }
    (!text.trim().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::attempts::{AttemptRow, CapturedBody, PhaseTimes};

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> AnswerReading {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()).into()).collect();
        AnswerReading::of(&AttemptDetail {
            row: AttemptRow::answered(1, status),
            request_headers: Vec::new(),
            request_body: CapturedBody::new(b"{}", 2),
            response_headers: headers,
            response_body: CapturedBody::new(body.as_bytes(), body.len() as u64),
            peer: None,
            phases: PhaseTimes::default(),
            shed_utc: None,
            answer_topic: None,
            redacted: false,
        })
    }

    /// Status, headers and body of an answer, and what it is about.
    type AnswerCase<'a> = (u16, &'a [(&'a str, &'a str)], &'a str, AnswerTopic);

    #[test]
    fn the_words_and_heads_of_an_answer_tell_more_than_its_status() {
        let html = "text/html; charset=utf-8";
        let cases: [AnswerCase<'_>; 26] = [
            (401, &[], r#"{"error":"signature does not match"}"#, AnswerTopic::Signature),
            (500, &[], "signature verification failed", AnswerTopic::Signature),
            (422, &[], r#"{"message":"HMAC mismatch"}"#, AnswerTopic::Signature),
            (401, &[], r#"{"error":"timestamp outside of tolerance"}"#, AnswerTopic::Clock),
            (400, &[], "timestamp too old: 640 seconds", AnswerTopic::Clock),
            (401, &[], r#"{"error":"signing secret is not configured"}"#, AnswerTopic::MissingSecret),
            (500, &[], "WEBHOOK_SECRET is not set", AnswerTopic::MissingSecret),
            (400, &[], "missing secret token", AnswerTopic::Other),
            (401, &[("WWW-Authenticate", "Basic realm=\"intranet\"")], "", AnswerTopic::Login),
            (401, &[], r#"{"message":"Unauthenticated."}"#, AnswerTopic::Login),
            (403, &[], r#"{"error":{"message":"jwt malformed"}}"#, AnswerTopic::Login),
            (302, &[("location", "https://hooks.example.com/users/sign_in")], "", AnswerTopic::Login),
            (301, &[("location", "https://www.example.com/in")], "", AnswerTopic::Other),
            (
                403,
                &[("cf-ray", "8f"), ("content-type", html)],
                "<html><title>Attention Required! | Cloudflare</title></html>",
                AnswerTopic::Firewall,
            ),
            (
                403,
                &[("server", "AkamaiGHost"), ("content-type", html)],
                "<h1>Access Denied</h1>",
                AnswerTopic::Firewall,
            ),
            (403, &[], r#"{"error":"IP address is not allowed"}"#, AnswerTopic::Firewall),
            (406, &[("content-type", html)], "<p>blocked by mod_security</p>", AnswerTopic::Firewall),
            (502, &[("server", "nginx")], "<html><title>502 Bad Gateway</title></html>", AnswerTopic::Proxy),
            (503, &[("server", "awselb/2.0"), ("content-type", html)], "<h1>503</h1>", AnswerTopic::Proxy),
            (503, &[], r#"{"error":"maintenance"}"#, AnswerTopic::Other),
            (500, &[("server", "nginx")], r#"{"error":"could not open connection"}"#, AnswerTopic::Other),
            (
                400,
                &[("server", "nginx"), ("content-type", html)],
                "<title>400 The plain HTTP request was sent to HTTPS port</title>",
                AnswerTopic::WrongScheme,
            ),
            (400, &[], r#"{"message":"unexpected property metadata"}"#, AnswerTopic::Validation),
            (422, &[], r#"{"errors":["client_id must be a string"]}"#, AnswerTopic::Validation),
            (401, &[], "no", AnswerTopic::Other),
            (403, &[], "Forbidden", AnswerTopic::Other),
        ];
        for (status, headers, body, topic) in cases {
            assert_eq!(answer(status, headers, body).topic, topic, "{status} {body}");
        }
    }

    #[test]
    fn the_words_that_decide_come_in_one_short_line() {
        let said = |body: &str| answer(500, &[], body).words.map(|words| words.raw().to_owned());
        assert_eq!(said(r#"{"error":{"code":7,"message":"no  such\ntable"}}"#).as_deref(), Some("no such table"));
        assert_eq!(said("<html><head><title>\n502 Bad <b>Gateway</b></title>").as_deref(), Some("502 Bad Gateway"));
        assert_eq!(said("\n\n  boom \nat line 3").as_deref(), Some("boom"));
        assert_eq!(said(""), None);
        assert_eq!(said(&"ä".repeat(5_000)).map(|words| words.chars().count()), Some(MAX_WORDS));
        let answer = answer(429, &[("Retry-After", "120")], "slow down");
        assert_eq!(answer.retry_after.as_ref().map(Untrusted::raw), Some("120"));
    }
}
