//! Runs of run-books, as they are kept in their file and shown.

use super::report::{Offer, Subject, Verdict};
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A run-book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runbook {
    /// A new key before the old one is revoked.
    KeyRotation,
    /// A new subscription in place of one whose secret is lost.
    LostSecret,
    /// Back to deliveries after the breaker tripped.
    BreakerRecovery,
    /// Back to an earlier configuration.
    Rollback,
}

impl Runbook {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::KeyRotation, Self::LostSecret, Self::BreakerRecovery, Self::Rollback];

    /// The name on the wire and in the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeyRotation => "key-rotation",
            Self::LostSecret => "lost-secret",
            Self::BreakerRecovery => "breaker-recovery",
            Self::Rollback => "rollback",
        }
    }

    /// What it is for, in one line.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::KeyRotation => "A new key in place of this one, without a gap",
            Self::LostSecret => "A new subscription in place of one whose secret is lost",
            Self::BreakerRecovery => "Back to deliveries after the breaker tripped",
            Self::Rollback => "Back to an earlier configuration",
        }
    }

    /// Those that can be about a subject.
    #[must_use]
    pub const fn about(subject: Subject) -> &'static [Self] {
        match subject {
            Subject::Key(_) => &[Self::KeyRotation],
            Subject::Subscription(_) => &[Self::BreakerRecovery, Self::LostSecret, Self::Rollback],
            Subject::All | Subject::Company(_) => &[],
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|runbook| runbook.name() == name)
    }
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Which run-book.
    pub runbook: Runbook,
    /// About which key or subscription.
    pub subject: Subject,
    /// When it was begun, by the platform's clock.
    pub begun_utc: Timestamp,
    /// When it was last checked.
    pub checked_utc: Timestamp,
    /// Its steps, in their order.
    pub steps: Vec<StepState>,
}

impl Progress {
    /// Whether every step is done.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !self.steps.is_empty() && self.steps.iter().all(StepState::is_done)
    }
}

/// A step and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepState {
    /// Its name.
    pub id: String,
    /// What is to be done.
    pub to_do: String,
    /// What is checked then.
    pub check: String,
    /// Pass: done. Fail: not yet. Unknown: could not be learnt. Skipped: its turn has not come.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What was seen.
    pub found: String,
    /// When.
    pub at_utc: Option<Timestamp>,
    /// How it can be done from here; only while it is its turn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<Offer>,
}

impl StepState {
    /// Whether it is done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.verdict == Verdict::Pass
    }

    /// How it stands, in one word.
    #[must_use]
    pub const fn state(&self) -> &'static str {
        match self.verdict {
            Verdict::Pass => "done",
            Verdict::Fail => "now",
            Verdict::Unknown(_) => "unknown",
            Verdict::Skipped(_) => "later",
        }
    }
}
