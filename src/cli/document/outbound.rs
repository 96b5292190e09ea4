//! Redaction of JSON documents that leave crow. Each string is redacted by itself, so that the document stays
//! well-formed.

use super::terminal_safe::escape_active;
use crate::cli::document::terminal_safe;
use crate::domain::outbound::{OutboundText, RedactionCounts, SecretGate, SecretInTextError};
use crate::domain::text::Untrusted;
use crate::sync::notice::{AlertNotification, PagerEvent};
use serde::Serialize;

/// Redacts the strings of a JSON document and releases it through the secret gate.
///
/// # Errors
/// [`SecretInTextError`] when a secret remains that could not be redacted.
pub fn redact_and_release(
    json: &str,
    gate: &SecretGate,
    redactions: &mut RedactionCounts,
) -> Result<OutboundText, SecretInTextError> {
    gate.release(escape_active(&redact_strings(json, gate, redactions)))
}

/// Why a value does not leave as JSON.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A secret in it could not be masked.
    #[error(transparent)]
    Held(#[from] SecretInTextError),
}

/// Writes a value as JSON on one line, redacts its texts, and lets it out.
///
/// # Errors
/// [`LineError::Held`] for a secret that could not be masked, [`LineError::Json`] for what is no JSON.
pub fn line(value: &impl Serialize, gate: &SecretGate) -> Result<OutboundText, LineError> {
    Ok(redact_and_release(&terminal_safe::to_safe_line(value)?, gate, &mut RedactionCounts::default())?)
}

/// Writes a notification as the event that PagerDuty takes, on one line. Its texts are redacted before the event cuts
/// them: half a secret has no shape.
///
/// # Errors
/// [`LineError::Held`] for a secret that could not be masked, [`LineError::Json`] for what is no JSON.
pub fn pager_event(
    routing_key: &str,
    notice: &AlertNotification,
    gate: &SecretGate,
) -> Result<OutboundText, LineError> {
    let told = |text: &Untrusted| Untrusted::new(gate.redact(text.raw(), &mut RedactionCounts::default()));
    let notice = AlertNotification { name: told(&notice.name), why: told(&notice.why), ..notice.clone() };
    line(&PagerEvent::new(routing_key, &notice), gate)
}

/// Redacts a document that a command writes, and lets it out: JSON text by text, Markdown and HTML as a whole.
///
/// # Errors
/// [`SecretInTextError`] for a secret that could not be masked.
pub fn document(
    text: &str,
    gate: &SecretGate,
    redactions: &mut RedactionCounts,
) -> Result<OutboundText, SecretInTextError> {
    if text.starts_with('{') {
        redact_and_release(text, gate, redactions)
    } else {
        gate.redact_and_release(text, redactions)
    }
}

fn redact_strings(json: &str, gate: &SecretGate, redactions: &mut RedactionCounts) -> String {
    let (mut told, mut rest) = (String::with_capacity(json.len()), json);
    while let Some(start) = rest.find('"') {
        let end = start + literal_len(&rest[start..]);
        let text = &rest[start..end];
        let read: Option<String> = serde_json::from_str(text).ok();
        told.push_str(&rest[..start]);
        match read.map(|read| (gate.redact(&read, redactions), read)) {
            Some((redacted, read)) if redacted != read => {
                told.push_str(&serde_json::to_string(&redacted).unwrap_or_else(|_| "null".to_owned()));
            }
            _ => told.push_str(text),
        }
        rest = &rest[end..];
    }
    told.push_str(rest);
    told
}

/// Returns the length in bytes of the string literal at the start of `json`, quotes included.
fn literal_len(json: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_redacted_for_itself_and_the_rest_stays_to_the_byte() {
        let gate = SecretGate::default();
        let mut redactions = RedactionCounts::default();
        let json = "{\n  \"z\": \"at https://h.example/in?token=abc\",\n  \"a\": [1, \"pass\\\"word=hunter2\", \"password=hunter2 \\u001b\"]\n}";
        let out = redact_and_release(json, &gate, &mut redactions).expect("nothing is left");
        assert_eq!(
            out.as_str(),
            "{\n  \"z\": \"at https://h.example/in?REDACTED\",\n  \"a\": [1, \"pass\\\"word=hunter2\", \"password=[redacted value] \\u001b\"]\n}"
        );
        assert_eq!(redactions.total(), 2);
    }
}
