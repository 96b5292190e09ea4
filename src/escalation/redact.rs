//! Redaction of a ticket's texts: what the gate leaves out of any text, and the secret parts of the ticket's own targets wherever they turn up,
//! also without the URL around them.

use crate::api::bundle::Redaction;
use crate::domain::address::{self, REDACTED};
use crate::domain::outbound::{Redactions, SecretGate};
use crate::domain::text::Untrusted;

/// The shortest part of a target that is left out where it stands alone.
const MIN_PART: usize = 6;

/// Redacts texts, and counts.
#[derive(Debug)]
pub struct Redactor<'g> {
    gate: &'g SecretGate,
    /// What is left out of the targets, the longest first.
    parts: Vec<String>,
    redactions: Redactions,
}

impl<'g> Redactor<'g> {
    /// One that knows the secret parts of these targets.
    #[must_use]
    pub fn new<'t>(gate: &'g SecretGate, targets: impl IntoIterator<Item = &'t Untrusted>) -> Self {
        let mut parts: Vec<String> =
            targets.into_iter().flat_map(|target| address::secret_parts(target.raw())).collect();
        parts.retain(|part| part.len() >= MIN_PART);
        parts.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        parts.dedup();
        Self { gate, parts, redactions: Redactions::default() }
    }

    /// The text without secrets.
    pub fn clean(&mut self, text: &Untrusted) -> Untrusted {
        let mut clean = text.raw().to_owned();
        for part in &self.parts {
            let n = clean.matches(part.as_str()).count();
            if n > 0 {
                clean = clean.replace(part.as_str(), REDACTED);
                self.redactions.note(address::PARTS, n);
            }
        }
        let clean = self.gate.redact(&clean, &mut self.redactions);
        Untrusted::new(clean)
    }

    /// The text without secrets, as one line that is inert.
    pub fn inert(&mut self, text: &str) -> String {
        self.clean(&Untrusted::new(text)).inert()
    }

    /// What was left out, and how often.
    #[must_use]
    pub fn redactions(&self) -> Vec<Redaction> {
        self.redactions.iter().map(|(what, n)| Redaction { what: what.to_owned(), n }).collect()
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
        let told = redactor.clean(&target);
        assert_eq!(told.raw(), "https://hooks.zapier.com/hooks/catch/REDACTED/REDACTED?REDACTED");
        assert_eq!(
            redactor.inert("no hook abcdef of 123456, got token=abc&v=2"),
            "no hook REDACTED of REDACTED, got REDACTED"
        );
        assert_eq!(redactor.redactions().iter().map(|of| of.n).sum::<u32>(), 6);
    }

    #[test]
    fn a_target_without_secrets_stays_as_it_is() {
        let gate = SecretGate::default();
        let target = Untrusted::new("https://hooks.example/in");
        let mut redactor = Redactor::new(&gate, [&target]);
        assert_eq!(redactor.clean(&target), target);
        assert_eq!(redactor.redactions(), []);
    }
}
