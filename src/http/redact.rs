//! Masking of payloads for operators who are not admins.
//!
//! A value is shown only if its field is known for the event type and cannot hold personal data. Any other value is
//! masked, and so are the names of unknown fields.

use super::json_scan;
use crate::domain::company::ClientStatus;
use crate::domain::event::EventType;
use crate::domain::text::Untrusted;
use crate::domain::url_redaction;
use crate::wire::attempts::{AttemptDetail, CapturedBody};
use crate::wire::deliveries::EventDetail;

/// JSON text that replaces a masked value.
const MASKED_VALUE: &[u8] = b"\"[redacted]\"";

/// Kind of value that a known field may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ShownValueKind {
    /// Digits with point or sign, as a number or a text.
    Number,
    /// Date or time as a text.
    Moment,
    /// One of the known statuses, or its number.
    Status,
    /// One of the ten event types.
    Type,
    /// Object whose own fields are known.
    Object(PayloadObject),
}

/// Object that a field is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PayloadObject {
    Envelope,
    Payload,
    Metadata,
    /// Unknown object or list; nothing in it is shown.
    Unknown,
}

/// Returns the payload fields whose values are shown, for an event type.
fn payload_fields(kind: EventType) -> &'static [(&'static str, ShownValueKind)] {
    use ShownValueKind::{Moment, Number, Status};
    match kind {
        EventType::ClientCreated => &[
            ("client_id", Number),
            ("status", Status),
            ("status_id", Number),
            ("employee_id", Number),
            ("affiliate_id", Number),
            ("created_date", Moment),
        ],
        EventType::ClientStatusChanged => &[
            ("client_id", Number),
            ("previous_status", Status),
            ("new_status", Status),
            ("changed_date", Moment),
            ("changed_by_employee_id", Number),
        ],
        EventType::LeadCreated => {
            &[("client_id", Number), ("status", Status), ("status_id", Number), ("created_date", Moment)]
        }
        EventType::InvoiceCreated => &[
            ("invoice_id", Number),
            ("client_id", Number),
            ("amount", Number),
            ("due_date", Moment),
            ("invoice_status", Status),
        ],
        EventType::InvoiceStatusChanged => &[
            ("invoice_id", Number),
            ("client_id", Number),
            ("previous_status", Status),
            ("new_status", Status),
            ("changed_date", Moment),
            ("total_paid", Number),
            ("balance", Number),
        ],
        EventType::PaymentSucceeded => &[
            ("payment_id", Number),
            ("invoice_id", Number),
            ("client_id", Number),
            ("payment_amount", Number),
            ("date_paid", Moment),
            ("transaction_id", Number),
        ],
        EventType::PaymentFailed => {
            &[("payment_id", Number), ("invoice_id", Number), ("client_id", Number), ("amount_attempted", Number)]
        }
        EventType::AffiliateCreated => &[("employee_id", Number), ("created_date", Moment)],
        EventType::DocumentUploaded => &[
            ("document_id", Number),
            ("client_id", Number),
            ("uploaded_by_employee_id", Number),
            ("uploaded_date", Moment),
        ],
        EventType::AgreementSigned => &[("agreement_id", Number), ("client_id", Number), ("signed_date", Moment)],
    }
}

/// Payload fields whose names are shown while their values are masked.
const NAME_ONLY_FIELDS: [&str; 24] = [
    "first_name",
    "last_name",
    "full_name",
    "email",
    "phone",
    "employee_name",
    "status_note",
    "source",
    "description",
    "payment_method",
    "failure_reason",
    "is_approved_affiliate",
    "file_name",
    "document_type",
    "agreement_name",
    "signer_name",
    "signer_email",
    "city",
    "state",
    "zip",
    "external_id",
    "affiliate_name",
    "status_name",
    "text",
];

const ENVELOPE_FIELDS: [(&str, ShownValueKind); 6] = [
    ("id", ShownValueKind::Number),
    ("type", ShownValueKind::Type),
    ("createdUtc", ShownValueKind::Moment),
    ("companyId", ShownValueKind::Number),
    ("payload", ShownValueKind::Object(PayloadObject::Payload)),
    ("metadata", ShownValueKind::Object(PayloadObject::Metadata)),
];

const METADATA_FIELDS: [(&str, ShownValueKind); 2] =
    [("test", ShownValueKind::Number), ("statusOverride", ShownValueKind::Status)];

/// Statuses of invoices, as documented.
const INVOICE_STATUSES: [&str; 4] = ["Paid", "Partial", "Unpaid", "Failed"];

impl ShownValueKind {
    /// Returns whether a JSON text or number may be shown in a field of this kind.
    fn is_visible(self, token: &[u8]) -> bool {
        let text = token.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
        let Some(text) = text else { return matches!(self, Self::Number | Self::Status) };
        let is_number = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
        let Ok(word) = std::str::from_utf8(text) else { return false };
        match self {
            Self::Number => text.len() <= 24 && text.iter().all(is_number),
            Self::Moment => {
                text.len() <= 40
                    && text.iter().all(|byte| is_number(byte) || matches!(byte, b':' | b'T' | b'Z' | b'+' | b' '))
            }
            Self::Status => ClientStatus::named(word).is_some() || INVOICE_STATUSES.contains(&word),
            Self::Type => EventType::named(word).is_some(),
            Self::Object(_) => false,
        }
    }
}

/// Knowledge about a field name: unknown, known by name only, or known with the kind of its value.
#[derive(Debug, Clone, Copy)]
enum FieldKnowledge {
    Unknown,
    NameOnly,
    Field(ShownValueKind),
}

fn field_knowledge(place: PayloadObject, kind: EventType, name: &[u8]) -> FieldKnowledge {
    let fields = match place {
        PayloadObject::Envelope => &ENVELOPE_FIELDS[..],
        PayloadObject::Payload => payload_fields(kind),
        PayloadObject::Metadata => &METADATA_FIELDS,
        PayloadObject::Unknown => &[],
    };
    let field =
        fields.iter().find(|(field, _)| field.as_bytes() == name).map(|(_, shown)| FieldKnowledge::Field(*shown));
    let is_name = place == PayloadObject::Payload && NAME_ONLY_FIELDS.iter().any(|known| known.as_bytes() == name);
    field.unwrap_or(if is_name { FieldKnowledge::NameOnly } else { FieldKnowledge::Unknown })
}

/// Response headers whose values are shown.
const SHOWN_HEADERS: [&str; 9] = [
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

/// Masks an attempt for a viewer: personal values of the request are masked, the response body is omitted except for
/// its length.
#[must_use]
pub fn mask_attempt(detail: AttemptDetail, sent: &[u8]) -> AttemptDetail {
    let kind = EventType::named(detail.row.event_type.raw());
    let mut detail = AttemptDetail {
        request_body: CapturedBody {
            n_bytes: detail.request_body.n_bytes,
            ..CapturedBody::new(&mask_envelope(sent, kind), 0)
        },
        response_body: CapturedBody { base64: String::new(), text: None, ..detail.response_body },
        redacted: true,
        ..detail
    };
    for header in &mut detail.response_headers {
        let is_shown = SHOWN_HEADERS.contains(&header.name.raw().to_ascii_lowercase().as_str());
        header.value = match is_shown {
            true => Untrusted::new(url_redaction::redact_urls(header.value.raw()).0),
            false => Untrusted::new("[redacted]"),
        };
    }
    detail
}

/// Masks an event for a viewer: personal values of its envelope are masked.
#[must_use]
pub fn mask_event(detail: EventDetail, envelope: &[u8]) -> EventDetail {
    let kind = EventType::named(detail.row.kind.raw());
    let envelope =
        CapturedBody { n_bytes: detail.envelope.n_bytes, ..CapturedBody::new(&mask_envelope(envelope, kind), 0) };
    EventDetail { envelope, redacted: true, ..detail }
}

/// Masks an envelope: values of unknown fields, their names, and personal values of known fields. Bytes that are not
/// JSON, or of an unknown event type, are masked entirely.
fn mask_envelope(bytes: &[u8], kind: Option<EventType>) -> Vec<u8> {
    let Some(kind) = kind.filter(|_| json_scan::scan_body(bytes).is_ok()) else { return MASKED_VALUE.to_vec() };
    let mut out = Vec::with_capacity(bytes.len());
    let (mut at, mut field, mut place, mut around) = (0, None, None, Vec::new());
    let mut n_unknown = 0_u32;
    while let Some(byte) = bytes.get(at).copied() {
        let end = at + token_len(&bytes[at..]);
        let token = &bytes[at..end];
        at = end;
        match byte {
            b'{' | b'[' => {
                around.push(place);
                place = Some(match (byte, place, field.take()) {
                    (b'{', None, _) => PayloadObject::Envelope,
                    (b'{', _, Some(ShownValueKind::Object(inner))) => inner,
                    _ => PayloadObject::Unknown,
                });
            }
            b'}' | b']' => (place, field) = (around.pop().flatten(), None),
            b'"' if is_field_name(&bytes[end..]) => {
                match field_knowledge(place.unwrap_or(PayloadObject::Unknown), kind, &token[1..token.len() - 1]) {
                    FieldKnowledge::Field(shown) => field = Some(shown),
                    FieldKnowledge::NameOnly => field = None,
                    FieldKnowledge::Unknown => {
                        field = None;
                        n_unknown += 1;
                        out.extend_from_slice(format!("\"[redacted {n_unknown}]\"").as_bytes());
                        continue;
                    }
                }
            }
            b'"' | b'-' | b'0'..=b'9' if !field.is_some_and(|shown| shown.is_visible(token)) => {
                out.extend_from_slice(MASKED_VALUE);
                continue;
            }
            _ => {}
        }
        out.extend_from_slice(token);
    }
    out
}

/// Returns whether the token before `rest` is a field name.
fn is_field_name(rest: &[u8]) -> bool {
    rest.trim_ascii_start().first() == Some(&b':')
}

/// Returns the length of the token at the start of `rest`: a text, a number, or a single byte.
fn token_len(rest: &[u8]) -> usize {
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

    fn text(bytes: &[u8], kind: EventType) -> String {
        String::from_utf8(mask_envelope(bytes, Some(kind))).expect("text")
    }

    #[test]
    fn known_numbers_dates_and_statuses_stay_and_all_else_goes_names_too() {
        let body = br#"{"id":7,"type":"lead.created","createdUtc":"2026-11-24T10:00:00.000Z","companyId":92,
            "payload":{"client_id":4, "email" : "ada@example.com","status":"Lead - New","status_id":10,"source":"Ada's page",
            "ada@example.com":"x","email_id":"ada@example.com","note_id":5,"tags":[{"status":"Lead - New"},"Ada \" Byron",5551234],
            "created_date":"2026-11-24","ok":true,"none":null},"metadata":{"test":true,"statusOverride":"Ada"}}"#;
        assert_eq!(
            text(body, EventType::LeadCreated),
            r#"{"id":7,"type":"lead.created","createdUtc":"2026-11-24T10:00:00.000Z","companyId":92,
            "payload":{"client_id":4, "email" : "[redacted]","status":"Lead - New","status_id":10,"source":"[redacted]",
            "[redacted 1]":"[redacted]","[redacted 2]":"[redacted]","[redacted 3]":"[redacted]","[redacted 4]":[{"[redacted 5]":"[redacted]"},"[redacted]","[redacted]"],
            "created_date":"2026-11-24","[redacted 6]":true,"[redacted 7]":null},"metadata":{"test":true,"statusOverride":"[redacted]"}}"#
        );
        for hostile in [b"ada@example.com".as_slice(), b"{\"id\":\"ada", b"\xff", b"", b"\"ada\"", b"5551234"] {
            assert_eq!(text(hostile, EventType::LeadCreated), "\"[redacted]\"");
        }
        assert_eq!(mask_envelope(b"{\"id\":7}", None), MASKED_VALUE, "an unknown type has no known fields");
        assert_eq!(
            text(br#"{"\u0069d":"x","companyId":"ada"}"#, EventType::LeadCreated),
            r#"{"[redacted 1]":"[redacted]","companyId":"[redacted]"}"#
        );
    }

    #[test]
    fn a_value_is_shown_only_if_it_is_what_its_field_promises_for_each_of_the_ten_types() {
        for kind in EventType::ALL {
            for (name, shown) in payload_fields(kind) {
                for value in [
                    "\"ada@example.com\"",
                    "\"Ada\"",
                    "\"+1 (555) 123-4567 ext\"",
                    "[5551234]",
                    "{\"client_id\":5551234}",
                ] {
                    let out = text(format!("{{\"payload\":{{\"{name}\":{value}}}}}").as_bytes(), kind);
                    assert!(
                        !out.contains("Ada") && !out.contains("ada@") && !out.contains("555"),
                        "{kind} {name} {shown:?}: {out}"
                    );
                }
            }
        }
    }

    proptest! {
        #[test]
        fn what_comes_out_is_json_and_has_nothing_of_a_hidden_value(name in "[a-w]{1,8}", value in "[^x]{0,12}", depth in 0_usize..4) {
            let secret = serde_json::Value::from(format!("xx{value}xx"));
            let inner = format!("{{\"{name}\":{secret},\"more\":[{secret}],{secret}:1}}");
            let body = format!("{}{inner}{}", "[".repeat(depth), "]".repeat(depth));
            let out = text(body.as_bytes(), EventType::ClientCreated);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok(), "{out}");
            prop_assert!(!out.contains("xx"), "{out}");
        }
    }
}
