//! Headers of refusals for the request log: what an answer says about limits, waits, methods and ids.

use super::request_context::looks_like_secret;
use crate::domain::url_redaction::redact_url;
use axum::http::HeaderMap;
use std::fmt::Write as _;

/// Headers that are logged, as they are written, in the order of the log.
const LOGGED_HEADERS: [&str; 11] = [
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-RateLimit-Window",
    "X-RateLimit-Policy",
    "X-Request-Id",
    "Content-Type",
    "WWW-Authenticate",
    "Allow",
    "Location",
];
/// Maximum length of a logged value, in bytes.
const MAX_VALUE_BYTES: usize = 200;
/// Maximum size of all logged headers of an answer, in bytes.
pub const MAX_ANSWER_HEADER_BYTES: usize = 1_024;

/// Returns the telling headers of a 4xx or 5xx as lines `Name: value`, within [`MAX_ANSWER_HEADER_BYTES`]; `None` for
/// any other answer. A value that may be secret becomes `…`, a target loses its secret parts.
#[must_use]
pub fn logged_headers(status: u16, headers: &HeaderMap) -> Option<String> {
    if status < 400 {
        return None;
    }
    let mut logged = String::new();
    for name in LOGGED_HEADERS {
        for value in headers.get_all(name) {
            let value = shown_value(name, value.to_str().unwrap_or("…"));
            let n_bytes = name.len() + ": \n".len() + value.len();
            if logged.len() + n_bytes > MAX_ANSWER_HEADER_BYTES {
                return Some(logged);
            }
            let separator = if logged.is_empty() { "" } else { "\n" };
            let _ = write!(logged, "{separator}{name}: {value}");
        }
    }
    (!logged.is_empty()).then_some(logged)
}

fn shown_value(name: &str, value: &str) -> String {
    if looks_like_secret(value) {
        return "…".to_owned();
    }
    let value = if name == "Location" { redact_url(value) } else { value.into() };
    value[..value.floor_char_boundary(MAX_VALUE_BYTES)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn map(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().expect("a value"));
        }
        headers
    }

    #[test]
    fn a_refusal_keeps_its_telling_headers_and_nothing_secret() {
        let headers = map(&[
            ("set-cookie", "session=1"),
            ("x-request-id", "req_1"),
            ("retry-after", "54"),
            ("allow", "GET"),
            ("allow", "POST"),
            ("www-authenticate", "Key wlcro_live_1_abc"),
            ("location", "https://user:pass@crm.example/a?token=abc"),
        ]);
        let logged = logged_headers(429, &headers).expect("headers");
        let lines: Vec<&str> = logged.lines().collect();
        assert_eq!(lines[..3], ["Retry-After: 54", "X-Request-Id: req_1", "WWW-Authenticate: …"]);
        assert_eq!(lines[3..5], ["Allow: GET", "Allow: POST"]);
        assert!(!logged.contains("cookie") && !logged.contains("pass") && !logged.contains("abc"), "{logged}");
        assert_eq!(logged_headers(200, &headers), None, "a success keeps none");
        assert_eq!(logged_headers(400, &HeaderMap::new()), None);
    }

    proptest! {
        #[test]
        fn headers_of_any_size_end_at_the_limit(values in prop::collection::vec("[ -~]{0,600}", 0..60)) {
            let mut headers = HeaderMap::new();
            for (n, value) in values.iter().enumerate() {
                let name = axum::http::HeaderName::from_bytes(LOGGED_HEADERS[n % LOGGED_HEADERS.len()].as_bytes());
                headers.append(name.expect("a name"), value.parse().expect("a value"));
            }
            let logged = logged_headers(500, &headers).unwrap_or_default();
            prop_assert!(logged.len() <= MAX_ANSWER_HEADER_BYTES);
            prop_assert!(logged.lines().all(|line| line.contains(": ")));
        }
    }
}
