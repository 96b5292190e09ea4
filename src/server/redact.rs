//! What a viewer sees of payloads: their shape, and of their values only those that say nothing about a person (contract: portal, roles).

use super::strict;
use crate::api::attempts::{AttemptDetail, Body};
use crate::api::deliveries::EventDetail;
use crate::domain::text::Untrusted;

/// Stands where a value was left out.
const MASK: &[u8] = b"\"[redacted]\"";

/// Fields of envelopes and payloads whose values are shown, beside those that end in `_id`.
const SHOWN: [&str; 22] = [
    "id",
    "type",
    "createdUtc",
    "companyId",
    "status",
    "previous_status",
    "new_status",
    "invoice_status",
    "created_date",
    "changed_date",
    "due_date",
    "date_paid",
    "uploaded_date",
    "signed_date",
    "payment_method",
    "amount",
    "payment_amount",
    "amount_attempted",
    "total_paid",
    "balance",
    "document_type",
    "statusOverride",
];

/// Headers of an answer whose values are shown.
const HEADERS: [&str; 9] = [
    "content-length",
    "content-type",
    "date",
    "location",
    "retry-after",
    "server",
    "transfer-encoding",
    "x-request-id",
    "allow",
];

/// An attempt as a viewer sees it: what was sent without personal values, nothing of the body that came back but its length.
pub(super) fn attempt(detail: AttemptDetail, sent: &[u8]) -> AttemptDetail {
    let mut detail = AttemptDetail {
        request_body: Body { n_bytes: detail.request_body.n_bytes, ..Body::new(&masked(sent), 0) },
        response_body: Body { base64: String::new(), text: None, ..detail.response_body },
        redacted: true,
        ..detail
    };
    for header in &mut detail.response_headers {
        if !HEADERS.contains(&header.name.raw().to_ascii_lowercase().as_str()) {
            header.value = Untrusted::new("[redacted]");
        }
    }
    detail
}

/// An event as a viewer sees it: its envelope without personal values.
pub(super) fn event(detail: EventDetail, envelope: &[u8]) -> EventDetail {
    let envelope = Body { n_bytes: detail.envelope.n_bytes, ..Body::new(&masked(envelope), 0) };
    EventDetail { envelope, redacted: true, ..detail }
}

/// JSON whose values are masked unless their field is on the list; nothing of what is not JSON.
fn masked(bytes: &[u8]) -> Vec<u8> {
    if strict::scan(bytes).is_err() {
        return MASK.to_vec();
    }
    let mut out = Vec::with_capacity(bytes.len());
    let (mut at, mut field, mut around) = (0, Vec::new(), Vec::new());
    while let Some(byte) = bytes.get(at).copied() {
        let end = at + length(&bytes[at..]);
        let token = &bytes[at..end];
        match byte {
            b'{' | b'[' => around.push(field.clone()),
            b'}' | b']' => field = around.pop().unwrap_or_default(),
            b'"' if is_name(&bytes[end..]) => field = token[1..token.len() - 1].to_vec(),
            b'"' | b'-' | b'0'..=b'9' if !is_shown(&field) => {
                out.extend_from_slice(MASK);
                at = end;
                continue;
            }
            _ => {}
        }
        out.extend_from_slice(token);
        at = end;
    }
    out
}

fn is_shown(field: &[u8]) -> bool {
    field.ends_with(b"_id") || SHOWN.iter().any(|name| name.as_bytes() == field)
}

/// Whether what stands before `rest` is the name of a field.
fn is_name(rest: &[u8]) -> bool {
    rest.trim_ascii_start().first() == Some(&b':')
}

/// How long the token is that `rest` begins with: a text, a number, or one byte.
fn length(rest: &[u8]) -> usize {
    match rest.first() {
        Some(b'"') => {
            let mut at = 1;
            while let Some(byte) = rest.get(at) {
                match byte {
                    b'"' => return at + 1,
                    b'\\' => at += 2,
                    _ => at += 1,
                }
            }
            rest.len()
        }
        Some(b'-' | b'0'..=b'9') => {
            let is_of_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
            rest.iter().take_while(|byte| is_of_number(byte)).count()
        }
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(bytes: &[u8]) -> String {
        String::from_utf8(masked(bytes)).expect("text")
    }

    #[test]
    fn ids_states_and_amounts_stay_names_addresses_and_all_else_go() {
        let body =
            br#"{"id":7,"type":"lead.created","payload":{"client_id":4, "email" : "ada@example.com","amount":12.50,
            "tags":[{"status":"Lead - New"},"Ada \" Byron",5551234],"phone":-5.5e3,"ok":true,"none":null}}"#;
        assert_eq!(
            text(body),
            r#"{"id":7,"type":"lead.created","payload":{"client_id":4, "email" : "[redacted]","amount":12.50,
            "tags":[{"status":"Lead - New"},"[redacted]","[redacted]"],"phone":"[redacted]","ok":true,"none":null}}"#
        );
        for hostile in [b"ada@example.com".as_slice(), b"{\"id\":\"ada", b"\xff", b""] {
            assert_eq!(text(hostile), "\"[redacted]\"");
        }
        assert_eq!(text(br#"{"\u0069d":"escaped names are not known"}"#), r#"{"\u0069d":"[redacted]"}"#);
    }

    proptest! {
        #[test]
        fn what_comes_out_is_json_and_has_nothing_of_a_hidden_value(name in "[a-w]{1,8}", value in "[^x]{0,12}", depth in 0_usize..4) {
            prop_assume!(!is_shown(name.as_bytes()));
            let secret = serde_json::Value::from(format!("xx{value}xx"));
            let inner = format!("{{\"{name}\":{secret},\"more\":[{secret}]}}");
            let body = format!("{}{inner}{}", "[".repeat(depth), "]".repeat(depth));
            let out = text(body.as_bytes());
            prop_assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok(), "{out}");
            prop_assert!(!out.contains("xx"), "{out}");
        }
    }
}
