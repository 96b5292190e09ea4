//! Redaction of a ticket's texts: what the secret scan masks in any text, and the secret parts of the ticket's own
//! target URLs, also where they appear without the URL.

use super::bundle_documents::RedactionTally;
use crate::domain::outbound::{RedactionCounts, SecretGate};
use crate::domain::text::Untrusted;
use crate::domain::url_redaction::{self, REDACTED};
use serde_json::Value;

/// Minimum length, in bytes, of a URL part that is masked where it appears alone.
const MIN_SECRET_PART_BYTES: usize = 6;

/// Maximum number of places reported for one kind of secret.
const MAX_PLACES: usize = 20;

/// Redactor of texts that counts the values it masks.
#[derive(Debug)]
pub struct Redactor<'g> {
    gate: &'g SecretGate,
    /// Secret parts of the targets, longest first.
    parts: Vec<String>,
    redactions: RedactionCounts,
}

impl<'g> Redactor<'g> {
    /// Creates a redactor that knows the secret parts of these targets.
    #[must_use]
    pub fn new<'t>(gate: &'g SecretGate, targets: impl IntoIterator<Item = &'t Untrusted>) -> Self {
        let mut parts: Vec<String> =
            targets.into_iter().flat_map(|target| url_redaction::secret_url_parts(target.raw())).collect();
        parts.retain(|part| part.len() >= MIN_SECRET_PART_BYTES);
        parts.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        parts.dedup();
        Self { gate, parts, redactions: RedactionCounts::default() }
    }

    /// Masks the secrets in a text.
    pub fn redact(&mut self, text: &Untrusted) -> Untrusted {
        let mut clean = text.raw().to_owned();
        for part in &self.parts {
            let n = clean.matches(part.as_str()).count();
            if n > 0 {
                clean = clean.replace(part.as_str(), REDACTED);
                self.redactions.add(url_redaction::URL_PARTS_LABEL, n);
            }
        }
        let clean = self.gate.redact(&clean, &mut self.redactions);
        Untrusted::new(clean)
    }

    /// Masks the secrets in a text, and makes it one line without control characters.
    pub fn redact_line(&mut self, text: &str) -> String {
        self.redact(&Untrusted::new(text)).sanitized()
    }

    /// Returns the masked values by kind, with their number and places.
    #[must_use]
    pub fn redactions(&self, ticket: &Value) -> Vec<RedactionTally> {
        let of = |(what, n): (&'static str, u32)| {
            let masked = self.redactions.masked().find(|(kind, _)| kind.name() == what);
            let mut places = Vec::new();
            if let Some((kind, _)) = masked {
                places_of(ticket, "", kind.mask(), &mut places);
            }
            let fingerprints = masked.map(|(_, fingerprints)| fingerprints.iter().cloned().collect());
            RedactionTally { what: what.to_owned(), n, fingerprints: fingerprints.unwrap_or_default(), places }
        };
        self.redactions.iter().map(of).collect()
    }
}

/// Collects the members of a document that have a mask in them, at most [`MAX_PLACES`].
fn places_of(value: &Value, place: &str, mask: &str, places: &mut Vec<String>) {
    match value {
        _ if places.len() >= MAX_PLACES => {}
        Value::String(text) if text.contains(mask) => places.push(place.to_owned()),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                places_of(item, &format!("{place}/{at}"), mask, places);
            }
        }
        Value::Object(members) => {
            for (name, item) in members {
                places_of(item, &format!("{place}/{name}"), mask, places);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_parts_of_a_target_are_left_out_wherever_they_turn_up_and_counted() {
        let gate = SecretGate::default();
        let target = Untrusted::new("https://hooks.zapier.com/hooks/catch/123456/abcdef?token=abc&v=2");
        let mut redactor = Redactor::new(&gate, [&target]);
        let told = redactor.redact(&target);
        assert_eq!(told.raw(), "https://hooks.zapier.com/hooks/catch/REDACTED/REDACTED?REDACTED");
        assert_eq!(
            redactor.redact_line("no hook abcdef of 123456, got token=abc&v=2"),
            "no hook REDACTED of REDACTED, got REDACTED"
        );
        assert_eq!(redactor.redactions(&Value::Null).iter().map(|of| of.n).sum::<u32>(), 6);
    }

    #[test]
    fn a_target_without_secrets_stays_as_it_is() {
        let gate = SecretGate::default();
        let target = Untrusted::new("https://hooks.example/in");
        let mut redactor = Redactor::new(&gate, [&target]);
        assert_eq!(redactor.redact(&target), target);
        assert_eq!(redactor.redactions(&Value::Null), []);
    }
}
