//! Signature debugger: explains why a webhook signature does not match. The debugger computes the signature in every
//! way in which receivers are known to go wrong and looks for the one that matches. See `docs/internals/contract.md`
//! for the signature.

pub mod bodies;
pub mod headers;
pub mod json;
pub mod keys;
pub mod layouts;
pub mod parsed_signature;
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
    let mut effort = SearchBudget::UNBOUNDED;
    diagnose_signature_within(sample, &mut effort)
}

/// Explains a signature within a budget. When the budget runs out, untried faults stay unexplained.
#[must_use]
pub fn diagnose_signature_within(sample: &SignatureSample<'_>, effort: &mut SearchBudget) -> SignatureDiagnosis {
    match explain(sample, sample.signature, effort) {
        SignatureDiagnosis::Genuine => diagnose_receiver(sample, effort),
        other => other,
    }
}

/// Checks the receiver after the received signature proved right: its computed signature, its clock and its comparison.
fn diagnose_receiver(sample: &SignatureSample<'_>, effort: &mut SearchBudget) -> SignatureDiagnosis {
    if let Some(computed) = sample.computed {
        return match explain(sample, computed, effort) {
            SignatureDiagnosis::Genuine => SignatureDiagnosis::Explained(vec![DetectedFault::new(
                SignatureFault::Comparison,
                "both signatures are identical; the receiver compares something else, or only a part",
            )]),
            other => other,
        };
    }
    match detect_stale_clock(sample) {
        Some(found) => SignatureDiagnosis::Explained(vec![found]),
        None => SignatureDiagnosis::Genuine,
    }
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

/// Explains how `signature` was computed from the sample.
fn explain(sample: &SignatureSample<'_>, signature: &str, effort: &mut SearchBudget) -> SignatureDiagnosis {
    let Some(presented) = ParsedSignature::parse(signature) else {
        let what = match signature.trim() {
            "" => "the signature is empty".to_owned(),
            text => format!("{} characters, neither hex nor Base64 of 32 bytes", text.chars().count()),
        };
        return SignatureDiagnosis::Explained(vec![DetectedFault::new(SignatureFault::NoSignature, what)]);
    };
    search::search(sample, &presented, effort)
}

#[cfg(test)]
mod tests;
