//! Reading of what a receiver answered: who speaks, what about, and the words that decide. A status alone says little:
//! a 403 may come from a firewall, a login or a signature check.

use crate::domain::text::Untrusted;
use crate::wire::attempts::AttemptDetail;
use serde_json::Value;

/// Maximum number of characters of the words that are quoted.
const MAX_WORDS: usize = 200;
/// Maximum number of bytes of an answer that are searched for words.
const MAX_SEARCHED: usize = 16 * 1024;

/// Subject of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerTopic {
    /// The receiver has no signing secret.
    MissingSecret,
    /// The receiver finds the timestamp too old or too new.
    Clock,
    /// The receiver refuses the signature.
    Signature,
    /// The receiver asks for a login, a token or a certificate.
    Login,
    /// A firewall blocks the request.
    Firewall,
    /// A proxy answers in place of the application behind it.
    Proxy,
    /// The target speaks another scheme than it was called with.
    WrongScheme,
    /// The receiver refuses the content.
    Validation,
    /// Something else, or nothing.
    Other,
}

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

/// Phrases by which receivers say that they have no secret, where they mention a secret.
const NO_SECRET: [&str; 12] = [
    "not configured",
    "not set",
    "unset",
    "undefined",
    "no signing secret",
    "no webhook secret",
    "no secret",
    "secret is missing",
    "secret missing",
    "missing signing secret",
    "secret is empty",
    "lost",
];
/// Phrases about another kind of secret.
const OTHER_SECRETS: [&str; 2] = ["secret token", "client secret"];
const CLOCK_NOUNS: [&str; 4] = ["timestamp", "clock", "replay", "request time"];
const CLOCK_FAULTS: [&str; 9] =
    ["outside", "tolerance", "too old", "too new", "expired", "stale", "skew", "in the future", "too far"];
const SIGNATURE: [&str; 4] = ["signature", "hmac", "digest does not match", "digest mismatch"];
const TOKEN_SIGNATURE: [&str; 3] = ["jwt", "token signature", "bearer"];
const SCHEME: [&str; 3] = [
    "plain http request was sent to https port",
    "client sent an http request to an https server",
    "http request was sent to https",
];
const LOGIN: [&str; 17] = [
    "unauthenticated",
    "authentication required",
    "not authenticated",
    "authentication credentials",
    "not logged in",
    "log in",
    "login",
    "sign in",
    "signin",
    "missing token",
    "invalid token",
    "access token",
    "bearer",
    "jwt",
    "api key",
    "basic auth",
    "client certificate",
];
const LOGIN_PATHS: [&str; 7] = ["login", "signin", "sign-in", "sign_in", "/auth", "sso", "oauth"];
const FIREWALL: [&str; 19] = [
    "attention required",
    "just a moment",
    "checking your browser",
    "cloudflare ray id",
    "incapsula",
    "imperva",
    "sucuri",
    "mod_security",
    "modsecurity",
    "web application firewall",
    "request blocked",
    "you have been blocked",
    "the request could not be satisfied",
    "aws waf",
    "access denied</h1>",
    "ip address is not allowed",
    "ip not allowed",
    "not on the allow",
    "not whitelisted",
];
const FIREWALL_SERVERS: [&str; 3] = ["akamaighost", "sucuri", "imperva"];
const PROXY: [&str; 10] = [
    "bad gateway",
    "gateway time-out",
    "gateway timeout",
    "upstream",
    "service temporarily unavailable",
    "backend fetch failed",
    "application error",
    "web server is down",
    "no server is available",
    "the server returned an invalid or incomplete response",
];
const PROXY_SERVERS: [&str; 9] =
    ["nginx", "cloudflare", "awselb", "envoy", "haproxy", "varnish", "traefik", "caddy", "cloudfront"];
const VALIDATION: [&str; 14] = [
    "unexpected",
    "unknown field",
    "unknown property",
    "additional propert",
    "required",
    "validation",
    "invalid",
    "must be",
    "must not",
    "schema",
    "deserializ",
    "unprocessable",
    "cannot parse",
    "malformed",
];

fn says(text: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| text.contains(phrase))
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
        let lower = |text: &Option<Untrusted>| text.as_ref().map_or_else(String::new, |text| text.raw().to_lowercase());
        let heads = AnswerHeads {
            server: lower(&server),
            location: lower(&location),
            has_challenge: challenge.is_some(),
            is_cloudflare: header("cf-ray").is_some(),
            is_html: lower(&header("content-type")).contains("html") || body.trim_start().starts_with('<'),
        };
        let topic = topic(detail.row.status_code.unwrap_or_default(), &body.to_lowercase(), &heads);
        Self { topic, words: words(body), location, retry_after: header("retry-after"), server, challenge }
    }

    /// Returns whether the answer speaks of the signature, the secret or the clock.
    #[must_use]
    pub const fn is_about_signature(&self) -> bool {
        matches!(self.topic, AnswerTopic::MissingSecret | AnswerTopic::Clock | AnswerTopic::Signature)
    }
}

/// Headers of an answer that tell who speaks, in lower case.
struct AnswerHeads {
    server: String,
    location: String,
    has_challenge: bool,
    is_cloudflare: bool,
    is_html: bool,
}

fn topic(status: u16, text: &str, heads: &AnswerHeads) -> AnswerTopic {
    if (300..400).contains(&status) {
        return if says(&heads.location, &LOGIN_PATHS) { AnswerTopic::Login } else { AnswerTopic::Other };
    }
    if says(text, &SCHEME) {
        return AnswerTopic::WrongScheme;
    }
    let is_blocked = says(text, &FIREWALL) || says(&heads.server, &FIREWALL_SERVERS);
    let is_blocking_page = heads.is_html && (is_blocked || heads.is_cloudflare && matches!(status, 403 | 429));
    if is_blocking_page && matches!(status, 401 | 403 | 405 | 406 | 429 | 503) || is_blocked && status == 403 {
        return AnswerTopic::Firewall;
    }
    if text.contains("secret") && says(text, &NO_SECRET) && !says(text, &OTHER_SECRETS) {
        return AnswerTopic::MissingSecret;
    }
    let is_token = says(text, &TOKEN_SIGNATURE);
    if says(text, &CLOCK_NOUNS) && says(text, &CLOCK_FAULTS) && !is_token {
        return AnswerTopic::Clock;
    }
    if says(text, &SIGNATURE) && !is_token {
        return AnswerTopic::Signature;
    }
    if matches!(status, 401 | 403 | 407) && (heads.has_challenge || status == 407 || says(text, &LOGIN)) {
        return AnswerTopic::Login;
    }
    let is_proxy = says(text, &PROXY) || heads.is_html && says(&heads.server, &PROXY_SERVERS);
    if matches!(status, 502 | 504 | 520..=527) || status == 503 && is_proxy {
        return AnswerTopic::Proxy;
    }
    if matches!(status, 400 | 406 | 409 | 422) && says(text, &VALIDATION) {
        return AnswerTopic::Validation;
    }
    AnswerTopic::Other
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
