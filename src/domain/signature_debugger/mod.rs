//! Signature debugger: explains why a webhook signature does not match. The debugger computes the signature in every
//! way in which receivers are known to go wrong and looks for the one that matches. See `docs/internals/contract.md`
//! for the signature.

pub mod bodies;
pub mod body_encodings;
pub mod digests;
pub mod headers;
pub mod json;
pub mod json_style;
pub mod keys;
pub mod layouts;
pub mod parsed_signature;
pub mod platform_order;
pub mod printed_json;
pub mod response_hints;
pub mod sample;
pub mod search;
pub mod signature_fault;

use super::signature_debugger::sample::SearchBudget;
use super::signature_debugger::sample::SignatureDiagnosis;
use super::signature_debugger::sample::SignatureSample;
use parsed_signature::ParsedSignature;
use signature_fault::{DetectedFault, SignatureFault};
use std::time::Duration;

/// Maximum tolerated difference between the timestamp and the receiver's clock.
pub const MAX_CLOCK_SKEW: Duration = Duration::from_secs(300);

/// Explains why a signature does not match, or why a receiver rejects one that does.
#[must_use]
pub fn diagnose_signature(sample: &SignatureSample<'_>) -> SignatureDiagnosis {
    let mut effort = SearchBudget::ONE_SECOND;
    diagnose_signature_within(sample, &mut effort).0
}

/// Explains a signature within a budget. Returns the index of the computed signature that the diagnosis is about, if it
/// is about one. When the budget runs out, untried faults stay unexplained.
#[must_use]
pub fn diagnose_signature_within(
    sample: &SignatureSample<'_>,
    effort: &mut SearchBudget,
) -> (SignatureDiagnosis, Option<usize>) {
    match explain(sample, &[sample.signature], effort).0 {
        SignatureDiagnosis::Genuine if sample.computed.is_empty() => (diagnose_clock(sample), None),
        SignatureDiagnosis::Genuine => diagnose_receiver(sample, effort),
        other => (other, None),
    }
}

/// Checks the receiver's clock after the received signature proved right.
fn diagnose_clock(sample: &SignatureSample<'_>) -> SignatureDiagnosis {
    match detect_stale_clock(sample) {
        Some(found) => SignatureDiagnosis::Explained(vec![found]),
        None => SignatureDiagnosis::Genuine,
    }
}

/// Checks the receiver's computed signatures, its clock and its comparison after the received signature proved right.
fn diagnose_receiver(sample: &SignatureSample<'_>, effort: &mut SearchBudget) -> (SignatureDiagnosis, Option<usize>) {
    let (finding, index) = explain(sample, sample.computed, effort);
    let clock = detect_stale_clock(sample);
    let finding = match finding {
        SignatureDiagnosis::Genuine => SignatureDiagnosis::Explained(vec![clock.unwrap_or_else(|| {
            DetectedFault::new(
                SignatureFault::Comparison,
                "both signatures are identical; the receiver compares something else, or only a part",
            )
        })]),
        SignatureDiagnosis::Explained(mut found) => {
            // A clock that is off is a second cause of the refusal, whatever the first one is.
            let is_about_time = found.iter().any(|found| found.fault == SignatureFault::Timestamp);
            found.extend(clock.filter(|_| !is_about_time));
            SignatureDiagnosis::Explained(found)
        }
        unexplained @ SignatureDiagnosis::Unexplained { .. } => unexplained,
    };
    (finding, Some(index))
}

/// Detects a receiver's clock that differs from the timestamp by more than [`MAX_CLOCK_SKEW`].
fn detect_stale_clock(sample: &SignatureSample<'_>) -> Option<DetectedFault> {
    let sent_at: i64 = sample.timestamp.trim().parse().ok()?;
    let off_by = sample.received_at?.checked_sub(sent_at)?;
    (off_by.unsigned_abs() > MAX_CLOCK_SKEW.as_secs()).then(|| {
        let way = if off_by > 0 { "ahead of" } else { "behind" };
        let by = off_by.unsigned_abs();
        let what = format!(
            "the receiver's clock is {by} s {way} the timestamp {sent_at}, and the tolerance is {} s",
            MAX_CLOCK_SKEW.as_secs()
        );
        DetectedFault::new(SignatureFault::StaleClock, what)
    })
}

/// Explains how one of the signatures was computed from the sample, with the index of that signature. A text that is no
/// signature is explained only where no text is one. `signatures` is not empty.
fn explain(
    sample: &SignatureSample<'_>,
    signatures: &[&str],
    effort: &mut SearchBudget,
) -> (SignatureDiagnosis, usize) {
    let read = |(index, text): (usize, &&str)| ParsedSignature::readings(text).into_iter().map(move |of| (index, of));
    let presented: Vec<(usize, ParsedSignature)> = signatures.iter().enumerate().flat_map(read).collect();
    let (found, n_tried) = match presented.as_slice() {
        [] => (None, 0),
        presented => search::search(sample, presented, effort),
    };
    if let Some(found) = found {
        let index = found.index;
        return match found.faults.is_empty() {
            true => (SignatureDiagnosis::Genuine, index),
            false => (SignatureDiagnosis::Explained(found.faults), index),
        };
    }
    if let Some((index, fault)) = presented.iter().find_map(|(index, of)| Some((*index, labelled(of)?))) {
        return (SignatureDiagnosis::Explained(vec![fault]), index);
    }
    match presented.iter().find(|(_, of)| of.is_digest() || of.n_bytes() == HMAC_BYTES) {
        Some((index, _)) => (SignatureDiagnosis::Unexplained { n_tried }, *index),
        None => (SignatureDiagnosis::Explained(vec![no_signature(signatures)]), 0),
    }
}

/// Length of an HMAC-SHA256 in bytes.
const HMAC_BYTES: usize = 32;

/// Fault of a signature whose label names another hash function and whose length confirms it.
fn labelled(of: &ParsedSignature) -> Option<DetectedFault> {
    let hash = of.label.filter(|hash| hash.n_bytes() == of.n_bytes() && of.n_bytes() != HMAC_BYTES)?;
    let what = format!("the signature is labelled {0} and has the {1} bytes of {0}", hash.name(), hash.n_bytes());
    Some(DetectedFault::new(SignatureFault::Algorithm, what))
}

fn no_signature(signatures: &[&str]) -> DetectedFault {
    let what = match signatures.first().map_or("", |text| text.trim()) {
        "" => "the signature is empty".to_owned(),
        text => format!("{} characters, neither hex nor Base64 of 32 bytes", text.chars().count()),
    };
    DetectedFault::new(SignatureFault::NoSignature, what)
}

#[cfg(test)]
mod tests;
