//! Raw answers: status, body, and what the headers say about the rate window, the request id, the time to wait and the
//! server's clock. Nothing is assumed about the body.

use super::tolerant_reading::{ObjectFields, timestamp_from_unix};
use crate::client::Error;
use crate::client::body;
use crate::client::connection::{CALL_TIMEOUT, PlatformClient};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::domain::window::RateBucket;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::time::Duration;

/// Maximum number of characters shown of a body that is not understood.
const MAX_DETAIL_CHARS: usize = 300;

/// Rate window of a call, as reported by the answer's headers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReportedWindow {
    /// Number of calls allowed in the window.
    pub limit: Option<u32>,
    /// Number of calls left in the window.
    pub remaining: Option<u32>,
    /// Time at which the next window begins.
    pub reset_at: Option<Timestamp>,
    /// Bucket named by the rate limit policy.
    pub bucket: Option<RateBucket>,
    /// Rate limit policy, as received.
    pub policy: Option<Untrusted>,
}

/// Answer of a platform, as received.
#[derive(Debug)]
pub struct RawAnswer {
    /// HTTP status of the answer.
    pub status: u16,
    /// Rate window that the call was counted in.
    pub window: ReportedWindow,
    /// Id of the request, under any of the usual headers.
    pub request_id: Option<Untrusted>,
    /// Time to wait before the next call, if the answer gives one.
    pub retry_after: Option<Duration>,
    /// Time of the platform's clock, from the `Date` header.
    pub server_at: Option<Timestamp>,
    /// Target of a redirect, if the answer is one.
    pub location: Option<Untrusted>,
    /// Bytes of the body, within the size limit.
    pub body: Vec<u8>,
}

/// Refusal of a call, read from any error format that a platform uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiRefusal {
    /// HTTP status of the answer.
    pub status: u16,
    /// Machine-readable error code, if there is one.
    pub code: Option<Untrusted>,
    /// Description of the error; the beginning of the body if nothing in it is understood.
    pub detail: Untrusted,
    /// Scope that the key lacks, if the answer names one.
    pub required_scope: Option<Untrusted>,
}

/// Meaning of a status for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusMeaning {
    /// 2xx: the call succeeded and the body is the answer.
    Success,
    /// 3xx: a redirect, which is not followed.
    Redirect,
    /// 401: the key was refused as missing, malformed, unknown or revoked.
    KeyRefused,
    /// 403: the key lacks a scope or a right.
    Forbidden,
    /// 429: the rate limit is reached.
    RateLimited,
    /// Any other 4xx: the call was refused.
    Refused,
    /// 503: the platform is busy, which is not a rate limit.
    Busy,
    /// Any other 5xx: the platform failed.
    Failing,
}

impl RawAnswer {
    /// Returns the meaning of the answer's status.
    #[must_use]
    pub const fn meaning(&self) -> StatusMeaning {
        match self.status {
            200..=299 => StatusMeaning::Success,
            300..=399 => StatusMeaning::Redirect,
            401 => StatusMeaning::KeyRefused,
            403 => StatusMeaning::Forbidden,
            429 => StatusMeaning::RateLimited,
            503 => StatusMeaning::Busy,
            500.. => StatusMeaning::Failing,
            _ => StatusMeaning::Refused,
        }
    }

    /// Returns the body as text. Invalid UTF-8 is replaced, so that half a character in one item does not make the
    /// other items unreadable.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// Reads the error in the body: problem+json, a nested or flat error object, or plain text.
    #[must_use]
    pub fn refusal(&self) -> ApiRefusal {
        let text = self.text();
        let shown = || {
            let mut shown: String = text.trim().chars().take(MAX_DETAIL_CHARS).collect();
            if shown.is_empty() {
                shown = match &self.location {
                    Some(location) => format!("redirects to {}; keys are not sent to another address", location.raw()),
                    None => "no explanation".to_owned(),
                };
            }
            Untrusted::new(shown)
        };
        let fields = serde_json::from_str::<&RawValue>(&text)
            .ok()
            .and_then(|raw| ObjectFields::read(raw, &["error", "problem", "fault"]).ok());
        let plain = ApiRefusal { status: self.status, code: None, detail: shown(), required_scope: None };
        let Some(fields) = fields else { return plain };
        let detail = fields.text(&["detail", "message", "errordescription", "description", "error", "reason", "title"]);
        ApiRefusal {
            code: fields.text(&["code", "errorcode", "type", "error"]).filter(|code| code.raw() != "about:blank"),
            detail: detail.unwrap_or(plain.detail),
            required_scope: fields.text(&["requiredscope", "scope"]),
            ..plain
        }
    }
}

impl ApiRefusal {
    /// Returns whether the key was refused for lack of a scope.
    #[must_use]
    pub const fn is_forbidden(&self) -> bool {
        self.status == 403
    }

    /// Returns the refusal as one line, sanitised for a terminal.
    #[must_use]
    pub fn summary_line(&self) -> String {
        let code = self.code.as_ref().filter(|code| *code != &self.detail);
        let code = code.map_or_else(String::new, |code| format!(" {}", code.sanitized()));
        format!("{}{code}: {}", self.status, self.detail.sanitized())
    }
}

/// Headers that may carry the id of the request.
const REQUEST_ID_HEADERS: [&str; 5] =
    ["x-request-id", "request-id", "x-correlation-id", "x-amzn-requestid", "traceparent"];

impl PlatformClient {
    /// Makes any call and returns whatever answer came. An empty body, unlike no body, is sent with its headers. The answer to a GET is read as
    /// a list: where it exceeds 8 MiB, rows of more than 2 MiB are replaced by a JSON string that gives their size and beginning.
    ///
    /// # Errors
    /// [`Error`] when no complete answer arrives within the time and size limits.
    pub async fn call_raw(
        &self,
        method: Method,
        path: &str,
        query: &[(String, String)],
        body: Option<Vec<u8>>,
    ) -> Result<RawAnswer, Error> {
        let pairs: Vec<(&str, String)> = query.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let is_get = method == Method::GET;
        let mut request = self.bare_request(method, path, &pairs);
        if let Some(body) = body {
            request =
                request.header("content-type", "application/json").header("content-length", body.len()).body(body);
        }
        let mut response = request.timeout(CALL_TIMEOUT).send().await.map_err(|error| self.call_error(&error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = if is_get { body::read_list(&mut response).await } else { body::read_body(&mut response).await };
        let body = body.map_err(|fault| self.unread(fault, status))?;
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let server_at = text("date").and_then(|date| httpdate::parse_http_date(date).ok()).and_then(timestamp_of);
        Ok(RawAnswer {
            status,
            window: parse_window(&headers, server_at),
            request_id: REQUEST_ID_HEADERS.into_iter().find_map(text).map(Untrusted::new),
            retry_after: text("retry-after").and_then(|text| parse_retry_after(text, server_at)),
            server_at,
            location: text("location").map(Untrusted::new),
            body,
        })
    }
}

fn timestamp_of(time: std::time::SystemTime) -> Option<Timestamp> {
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok().map(Timestamp::from_millis)
}

/// Parses a `Retry-After` value: seconds, or a date relative to the server's clock.
fn parse_retry_after(text: &str, server_at: Option<Timestamp>) -> Option<Duration> {
    let seconds = text.trim().parse::<f64>().ok().filter(|seconds| (0.0..=86_400.0).contains(seconds));
    let date = || {
        let until = httpdate::parse_http_date(text).ok().and_then(timestamp_of)?;
        Some(until.since(server_at?))
    };
    seconds.map(|seconds| Duration::from_secs_f64(seconds.ceil())).or_else(date)
}

fn parse_window(headers: &HeaderMap, server_at: Option<Timestamp>) -> ReportedWindow {
    let text = |name: &str| {
        let value = headers.get(format!("x-ratelimit-{name}")).or_else(|| headers.get(format!("ratelimit-{name}")));
        value.and_then(|value| value.to_str().ok()).map(str::trim)
    };
    let number = |name| text(name).and_then(|text| text.parse().ok());
    let policy = text("policy");
    // Platforms report Unix seconds, Unix milliseconds, or the seconds until the reset.
    let reset = text("reset").and_then(|text| text.parse::<i64>().ok()).and_then(|number| match number {
        0..=86_400 => server_at.map(|at| at.plus(Duration::from_secs(number.unsigned_abs()))),
        _ => Some(timestamp_from_unix(number)),
    });
    ReportedWindow {
        limit: number("limit"),
        remaining: number("remaining"),
        reset_at: reset.or_else(|| text("reset").and_then(super::tolerant_reading::parse_timestamp)),
        bucket: policy.and_then(|policy| RateBucket::named(policy.split(':').next()?)),
        policy: policy.map(Untrusted::new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> RawAnswer {
        RawAnswer {
            status,
            window: ReportedWindow::default(),
            request_id: None,
            retry_after: None,
            server_at: None,
            location: None,
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn refusals_are_understood_in_every_usual_shape() {
        let cases = [
            (
                r#"{"type":"about:blank","title":"Forbidden","status":403,"code":"insufficient_scope","detail":"no","requiredScope":"admin"}"#,
                "403 insufficient_scope: no",
            ),
            (r#"{"error":{"code":"forbidden","message":"no"}}"#, "403 forbidden: no"),
            (r#"{"error":"forbidden"}"#, "403: forbidden"),
            (r#"{"message":"no"}"#, "403: no"),
            ("no\n", "403: no"),
            ("", "403: no explanation"),
            ("<html>\u{1b}[31m</html>", "403: <html>␛[31m</html>"),
        ];
        for (body, line) in cases {
            assert_eq!(answer(403, body).refusal().summary_line(), line, "{body}");
        }
        let scope = answer(403, cases[0].0).refusal().required_scope;
        assert_eq!(scope.map(|scope| scope.sanitized()).as_deref(), Some("admin"));
    }

    #[test]
    fn windows_are_read_from_whatever_head_there_is() {
        let at = Timestamp::from_millis(1_795_430_410_000);
        let read = |pairs: &[(&'static str, &'static str)]| {
            let headers =
                pairs.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")));
            parse_window(&headers.collect(), Some(at))
        };
        let note = read(&[
            ("x-ratelimit-limit", "60"),
            ("x-ratelimit-remaining", "6"),
            ("x-ratelimit-reset", "1795430460"),
            ("x-ratelimit-policy", "read:60/1m"),
        ]);
        assert_eq!((note.limit, note.remaining, note.bucket), (Some(60), Some(6), Some(RateBucket::Read)));
        assert_eq!(note.reset_at, Some(Timestamp::from_millis(1_795_430_460_000)));
        assert_eq!(read(&[("ratelimit-reset", "50")]).reset_at, Some(Timestamp::from_millis(1_795_430_460_000)));
        assert_eq!(read(&[("x-ratelimit-remaining", "lots")]), ReportedWindow::default());
        assert_eq!(parse_retry_after("7", None), Some(Duration::from_secs(7)));
        assert_eq!(parse_retry_after("never", Some(at)), None);
    }
}
