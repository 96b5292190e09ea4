//! Headers of messages that a proxy passes on: those of one connection are removed, `Via` is added (RFC 9110, sections
//! 7.6 and 6.5).

use axum::http::header::{CONNECTION, CONTENT_LENGTH, HOST, TE, TRANSFER_ENCODING, VIA};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Version};
use std::fmt::Write as _;

/// Headers that belong to one connection, beside those that `Connection` names.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Name of a proxy in `Via`, different for each process, so that a loop is noticed.
#[derive(Debug, Clone)]
pub(super) struct ProxyName(String);

impl ProxyName {
    /// Creates the name from text that is unlikely to repeat.
    pub(super) fn new(unique: &str) -> Self {
        let tail: String = unique.chars().rev().take(6).map(|c| c.to_ascii_lowercase()).collect();
        Self(format!("crow-{tail}"))
    }

    /// Checks whether a message has passed this proxy before.
    pub(super) fn has_passed(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(VIA).iter().filter_map(|value| value.to_str().ok());
        values.any(|value| value.split([',', ' ']).any(|word| word == self.0))
    }

    /// Adds this proxy to the message's `Via`, with the version of HTTP in which the message came.
    pub(super) fn add_to(&self, headers: &mut HeaderMap, came_in: Version) {
        let version = if came_in == Version::HTTP_10 { "1.0" } else { "1.1" };
        let mut value = String::with_capacity(16);
        let _ = write!(value, "{version} {}", self.0);
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.append(VIA, value);
        }
    }
}

/// Removes the headers that belong to the connection on which a message came. A body that came in chunks goes on in
/// chunks.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let is_chunked = headers.contains_key(TRANSFER_ENCODING);
    let named: Vec<HeaderName> = headers.get_all(CONNECTION).iter().flat_map(named_headers).collect();
    for name in named {
        // These two frame and address the message; no sender may have them removed.
        if name != CONTENT_LENGTH && name != HOST {
            headers.remove(name);
        }
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    if is_chunked {
        headers.remove(CONTENT_LENGTH);
    }
}

/// Prepares the headers of a request for the next server. Trailers are passed on in both directions, so that `TE:
/// trailers` holds for the next connection too.
pub(super) fn prepare_request(headers: &mut HeaderMap, host: &HeaderValue) {
    let is_chunked = headers.contains_key(TRANSFER_ENCODING);
    let takes_trailers = headers.get_all(TE).iter().any(|value| {
        let mut codings = value.to_str().unwrap_or_default().split(',');
        codings.any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
    });
    strip_hop_by_hop(headers);
    headers.insert(HOST, host.clone());
    if is_chunked {
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    if takes_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
}

fn named_headers(value: &HeaderValue) -> Vec<HeaderName> {
    let text = value.to_str().unwrap_or_default();
    text.split(',').filter_map(|name| name.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn what_belongs_to_a_connection_stays_there_and_the_rest_goes_on() {
        let mut of = headers(&[
            ("connection", "close, X-Of-This-Hop, Content-Length, Host"),
            ("connection", "x-another"),
            ("x-of-this-hop", "1"),
            ("x-another", "1"),
            ("te", "gzip"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic x"),
            ("proxy-authenticate", "Basic"),
            ("upgrade", "h2c"),
            ("expect", "100-continue"),
            ("trailer", "x-sum"),
            ("content-length", "3"),
            ("host", "a"),
            ("x-twice", "1"),
            ("x-twice", "2"),
            ("authorization", "Bearer of the application"),
        ]);
        of.append("x-bytes", HeaderValue::from_bytes(b"caf\xe9").expect("a value"));
        prepare_request(&mut of, &HeaderValue::from_static("b.example:1"));
        assert_eq!(
            names(&of),
            ["authorization", "content-length", "expect", "host", "trailer", "x-bytes", "x-twice", "x-twice"]
        );
        assert_eq!((of["x-bytes"].as_bytes(), of["host"].as_bytes()), (&b"caf\xe9"[..], &b"b.example:1"[..]));
    }

    #[test]
    fn chunks_and_trailers_are_asked_for_on_the_next_connection_too() {
        let mut of = headers(&[("transfer-encoding", "chunked"), ("content-length", "3"), ("te", "gzip, Trailers")]);
        prepare_request(&mut of, &HeaderValue::from_static("b"));
        assert_eq!(names(&of), ["connection", "host", "te", "transfer-encoding"]);
        assert_eq!((of["te"].as_bytes(), of["transfer-encoding"].as_bytes()), (&b"trailers"[..], &b"chunked"[..]));
    }

    #[test]
    fn a_message_that_comes_back_is_noticed() {
        let (own, other) = (ProxyName::new("01ARYZ6S41ABCDEF"), ProxyName::new("01ARYZ6S41ABCDEG"));
        let mut of = headers(&[("via", "1.1 elsewhere (x)")]);
        assert!(!own.has_passed(&of));
        own.add_to(&mut of, Version::HTTP_10);
        assert_eq!(of.get_all("via").iter().nth(1).expect("added"), "1.0 crow-fedcba");
        assert!(own.has_passed(&of) && !other.has_passed(&of));
    }
}
