//! Masking of queries for logs: names, filters, times and pages are shown, any other value may be personal or secret.

use super::request_context::looks_like_secret;
use std::fmt::Write as _;
use url::form_urlencoded;

/// Query parameters whose values contain neither personal data nor secrets.
const SHOWN_PARAMETERS: [&str; 10] =
    ["type", "since", "until", "cursor", "limit", "order", "isEnabled", "eventType", "page", "sort"];
/// Maximum number of characters of a query in the request log.
const MAX_QUERY_CHARS: usize = 500;
/// Maximum number of characters of a value within a logged query.
const MAX_VALUE_CHARS: usize = 80;

/// Masks a query for the request log: names and the plain values of filters and pages are kept, any other value
/// becomes `…`.
#[must_use]
pub fn masked_query(query: &str) -> String {
    let mut masked = String::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let is_plain = |text: &str, more: &[u8]| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte) || more.contains(&byte);
            !looks_like_secret(text) && text.bytes().all(is_plain)
        };
        let name = if is_plain(&name, b"[]") { &name } else { "…" };
        let is_shown = SHOWN_PARAMETERS.contains(&name) && is_plain(&value, b":,+ ") && value.len() <= MAX_VALUE_CHARS;
        let value = if is_shown { &value } else { "…" };
        let _ = write!(masked, "{}{name}={value}", if masked.is_empty() { "" } else { "&" });
        if masked.len() > MAX_QUERY_CHARS {
            break;
        }
    }
    masked.chars().take(MAX_QUERY_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_logged_without_what_may_be_personal_or_secret() {
        for (query, masked) in [
            (
                "type=lead.created,payment.failed&since=2026-11-23T00:00:00Z&limit=5",
                "type=lead.created,payment.failed&since=2026-11-23T00:00:00Z&limit=5",
            ),
            ("eventType=payment.failed&type[]=x", "eventType=payment.failed&type[]=…"),
            ("email=ada%40example.com&phone=%2B1555&client_id=7", "email=…&phone=…&client_id=…"),
            ("key=wlcro_live_1_abc&api_key=x", "key=…&api_key=…"),
            ("type=wlcro_live_1_abc", "type=…"),
            ("type=ada%40example.com&limit=", "type=…&limit="),
            ("wlcro_live_1_abc=1&ada%40example.com=2", "…=…&…=…"),
            ("%1b%5b31m=%1b", "…=…"),
            ("", ""),
        ] {
            assert_eq!(masked_query(query), masked, "{query}");
        }
        let long = masked_query(&"limit=11111111111&".repeat(400));
        assert_eq!(long.chars().count(), MAX_QUERY_CHARS);
        assert_eq!(masked_query(&format!("limit={}", "1".repeat(5_000))), "limit=…");
    }
}
