//! Outbound text: tickets, notifications, clipboard copies, exports and documents. Text becomes [`OutboundText`] only
//! through a [`SecretGate`], which redacts the text and scans the rest for secrets; code that writes, posts or copies
//! accepts nothing but [`OutboundText`].

use super::scan::finding::{SecretEncoding, SecretFinding, SecretKind};
use super::scan::{self, KnownSecrets};
use super::secret::Secret;
use super::url_redaction;
use std::collections::{BTreeMap, BTreeSet};

/// Text that was scanned for secrets. Only a [`SecretGate`] creates it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundText(String);

impl OutboundText {
    /// The scanned text as a string slice.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Error of a text that contains a secret and is not released. The error repeats no part of the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} has {kind}, {encoding} (fingerprint {fingerprint})")]
pub struct SecretInTextError {
    /// Line of the text with the secret, starting at 1.
    pub line: usize,
    /// Kind of secret that was found.
    pub kind: SecretKind,
    /// Encoding in which the secret is written.
    pub encoding: SecretEncoding,
    /// Fingerprint by which an operator can release the secret.
    pub fingerprint: String,
}

/// Counts of redacted items by label.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RedactionCounts {
    counts: BTreeMap<&'static str, u32>,
    masked: BTreeMap<SecretKind, BTreeSet<String>>,
}

/// Fingerprints of one kind that are kept, at most.
pub const MAX_FINGERPRINTS: usize = 20;

impl RedactionCounts {
    /// Adds `n` redacted items under a label; zero is ignored.
    pub fn add(&mut self, what: &'static str, n: usize) {
        if n > 0 {
            let so_far = self.counts.entry(what).or_default();
            *so_far = so_far.saturating_add(u32::try_from(n).unwrap_or(u32::MAX));
        }
    }

    /// Notes that a secret was masked.
    fn note_finding(&mut self, of: &SecretFinding) {
        self.add(of.kind.name(), 1);
        let fingerprints = self.masked.entry(of.kind).or_default();
        if fingerprints.len() < MAX_FINGERPRINTS {
            fingerprints.insert(of.fingerprint.to_string());
        }
    }

    /// The kinds of secrets that were masked, each with the fingerprints that release them, at most [`MAX_FINGERPRINTS`].
    pub fn masked(&self) -> impl Iterator<Item = (SecretKind, &BTreeSet<String>)> {
        self.masked.iter().map(|(kind, fingerprints)| (*kind, fingerprints))
    }

    /// Iterates over labels, sorted, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u32)> + '_ {
        self.counts.iter().map(|(what, n)| (*what, *n))
    }

    /// Number of redacted items under all labels.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.counts.values().fold(0, |sum, n| sum.saturating_add(*n))
    }
}

/// Maximum number of scans while redacting. A mask can join bytes that were apart, so one scan is not enough.
const MAX_PASSES: usize = 3;

/// Redacts and scans outbound text, for known secrets and for everything that looks like a credential.
#[derive(Debug, Default)]
pub struct SecretGate {
    known: KnownSecrets,
    allowed: BTreeSet<String>,
}

impl SecretGate {
    /// Creates a gate that knows these secrets.
    #[must_use]
    pub fn new<'s>(known: impl IntoIterator<Item = &'s Secret>) -> Self {
        Self { known: KnownSecrets::new(known), allowed: BTreeSet::new() }
    }

    /// Allows findings with these fingerprints, which an operator has reviewed and declared harmless.
    #[must_use]
    pub fn with_allowed(mut self, fingerprints: impl IntoIterator<Item = String>) -> Self {
        self.allowed.extend(fingerprints.into_iter().map(|fingerprint| fingerprint.to_ascii_lowercase()));
        self
    }

    /// Returns whether findings with this fingerprint are allowed.
    #[must_use]
    pub fn is_allowed(&self, fingerprint: &str) -> bool {
        self.allowed.contains(fingerprint)
    }

    /// Returns the fingerprints of allowed findings, in order.
    pub fn released(&self) -> impl Iterator<Item = &str> {
        self.allowed.iter().map(String::as_str)
    }

    /// Finds every secret in a text that is not allowed, in text order.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<SecretFinding> {
        let mut found = scan::find(text.as_bytes(), &self.known);
        found.retain(|of| !self.is_allowed(&of.fingerprint.to_string()));
        found
    }

    /// Redacts the URLs of a text, masks every secret found and counts both in `redactions`.
    pub fn redact(&self, text: &str, redactions: &mut RedactionCounts) -> String {
        let (told, n) = url_redaction::redact_urls(text);
        redactions.add(url_redaction::URL_PARTS_LABEL, n);
        let mut told = told.into_owned();
        for _ in 0..MAX_PASSES {
            let found = self.find(&told);
            if found.is_empty() {
                break;
            }
            found.iter().for_each(|of| redactions.note_finding(of));
            told = masked(&told, &found);
        }
        told
    }

    /// Releases a text unchanged if no secret is found in it.
    ///
    /// # Errors
    /// [`SecretInTextError`] for the first secret in the text.
    pub fn release(&self, text: String) -> Result<OutboundText, SecretInTextError> {
        match self.find(&text).first() {
            None => Ok(OutboundText(text)),
            Some(of) => Err(SecretInTextError {
                line: text.as_bytes()[..of.range.start].iter().filter(|byte| **byte == b'\n').count() + 1,
                kind: of.kind,
                encoding: of.encoding,
                fingerprint: of.fingerprint.to_string(),
            }),
        }
    }

    /// Redacts a text and releases the result.
    ///
    /// # Errors
    /// [`SecretInTextError`] for a secret that could not be masked.
    pub fn redact_and_release(
        &self,
        text: &str,
        redactions: &mut RedactionCounts,
    ) -> Result<OutboundText, SecretInTextError> {
        self.release(self.redact(text, redactions))
    }
}

/// Replaces every finding in a text with its mask.
fn masked(text: &str, found: &[SecretFinding]) -> String {
    let (mut told, mut at) = (String::with_capacity(text.len()), 0);
    for of in found {
        let start = text.floor_char_boundary(of.range.start).max(at);
        let end = text.ceil_char_boundary(of.range.end).max(start);
        told.push_str(&text[at..start]);
        told.push_str(of.kind.mask());
        at = end;
    }
    told.push_str(&text[at..]);
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_in_their_place_and_counted_and_the_rest_leaves() {
        let gate = SecretGate::new([&Secret::new("s3cr3t-that-is-known".to_owned())]);
        let mut redactions = RedactionCounts::default();
        let text = "GET https://h.example/in?a=b said s3cr3t-that-is-known, password=hunter2; größe ok";
        let out = gate.redact_and_release(text, &mut redactions).expect("nothing is left");
        assert_eq!(
            out.as_str(),
            "GET https://h.example/in?REDACTED said [redacted secret], password=[redacted value]; größe ok"
        );
        assert_eq!(redactions.total(), 3);
        assert!(redactions.iter().any(|(what, n)| (what, n) == ("a known secret", 1)));
    }

    #[test]
    fn what_is_held_is_named_by_its_line_and_fingerprint_and_leaves_once_it_is_released() {
        let gate = SecretGate::default();
        let text = "first\nwlop_Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3";
        let held = gate.release(text.to_owned()).expect_err("a token");
        assert_eq!((held.line, held.kind, held.encoding), (2, SecretKind::OperatorToken, SecretEncoding::Clear));
        assert!(!held.to_string().contains("Ab3"), "{held}");
        let open = SecretGate::default().with_allowed([held.fingerprint]);
        assert_eq!(open.release(text.to_owned()).expect("it was released").as_str(), text);
    }
}
