//! The signature lab: from what a receiver has to the reason why a signature does not fit. It computes the signature in every way in which
//! receivers are known to go wrong and looks for the one that fits (contract: delivery, signature; playbook: signature).

pub mod bodies;
pub mod flaw;
pub mod headers;
pub mod json;
pub mod keys;
pub mod layouts;
pub mod presented;
pub mod said;
pub mod search;

use super::secret::Secret;
use flaw::{Flaw, Found};
use presented::Presented;
use std::time::Duration;

/// How far the timestamp may be from the receiver's clock.
pub const TOLERANCE: Duration = Duration::from_secs(300);

/// A secret of another subscription, for telling whose secret a receiver holds.
#[derive(Debug, Clone, Copy)]
pub struct Other<'a> {
    /// Whose it is, in words: `subscription 12`.
    pub name: &'a str,
    /// The secret.
    pub secret: &'a Secret,
}

/// What there is to look at.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// The value of `X-Wlcro-Signature` as it arrived.
    pub signature: &'a str,
    /// The value of `X-Wlcro-Timestamp` as it arrived.
    pub timestamp: &'a str,
    /// The body, byte by byte.
    pub body: &'a [u8],
    /// The secret that the receiver holds.
    pub secret: &'a Secret,
    /// Secrets that the receiver could hold by mistake.
    pub others: &'a [Other<'a>],
    /// What the receiver computed for this body, if it is known.
    pub computed: Option<&'a str>,
    /// The receiver's clock at arrival, in Unix seconds, if it is known.
    pub received_at: Option<i64>,
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The signature fits and nothing else is wrong; a receiver that refuses it compares wrongly.
    Genuine,
    /// What has to be different for the signature to fit.
    Explained(Vec<Found>),
    /// None of so many ways of computing gives it.
    Unexplained {
        /// How many were tried.
        n_tried: usize,
    },
}

/// What a search may cost, in bytes that are written and hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort(u64);

impl Effort {
    /// As much as it takes.
    pub const UNBOUNDED: Self = Self(u64::MAX);

    /// So many bytes.
    #[must_use]
    pub const fn bytes(n: u64) -> Self {
        Self(n)
    }

    /// Spends some of it; false where there is not so much left, and none from then on.
    fn spend(&mut self, n_bytes: usize) -> bool {
        let left = self.0.checked_sub(n_bytes as u64);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}

/// Finds out why a signature does not fit, or why a receiver refuses one that does.
#[must_use]
pub fn judge(sample: &Sample<'_>) -> Finding {
    let mut effort = Effort::UNBOUNDED;
    judge_within(sample, &mut effort)
}

/// The same for at most so much effort. Where that ends the search, what was not tried stays unexplained.
#[must_use]
pub fn judge_within(sample: &Sample<'_>, effort: &mut Effort) -> Finding {
    match explain(sample, sample.signature, effort) {
        Finding::Genuine => at_the_receiver(sample, effort),
        other => other,
    }
}

/// The signature that arrived is good: what the receiver computed, its clock, and its comparison remain.
fn at_the_receiver(sample: &Sample<'_>, effort: &mut Effort) -> Finding {
    if let Some(computed) = sample.computed {
        return match explain(sample, computed, effort) {
            Finding::Genuine => Finding::Explained(vec![Found::new(
                Flaw::Comparison,
                "both signatures are the same, byte by byte; the receiver compares something else, or only a part",
            )]),
            other => other,
        };
    }
    match stale(sample) {
        Some(found) => Finding::Explained(vec![found]),
        None => Finding::Genuine,
    }
}

/// Whether the receiver's clock and the timestamp are too far apart.
fn stale(sample: &Sample<'_>) -> Option<Found> {
    let sent_at: i64 = sample.timestamp.trim().parse().ok()?;
    let off_by = sample.received_at?.checked_sub(sent_at)?;
    (off_by.unsigned_abs() > TOLERANCE.as_secs()).then(|| {
        let way = if off_by > 0 { "ahead of" } else { "behind" };
        let by = off_by.unsigned_abs();
        let what = format!(
            "the receiver's clock is {by} s {way} the timestamp {sent_at}, and {} s are tolerated",
            TOLERANCE.as_secs()
        );
        Found::new(Flaw::StaleClock, what)
    })
}

/// How `signature` was computed, out of what the sample has.
fn explain(sample: &Sample<'_>, signature: &str, effort: &mut Effort) -> Finding {
    let Some(presented) = Presented::read(signature) else {
        let what = match signature.trim() {
            "" => "there is no signature".to_owned(),
            text => format!("{} characters that are neither hex nor Base64 of 32 bytes", text.chars().count()),
        };
        return Finding::Explained(vec![Found::new(Flaw::NoSignature, what)]);
    };
    search::search(sample, &presented, effort)
}

#[cfg(test)]
mod tests;
