//! Kinds of runbooks, with the subjects that each applies to.

use super::diagnosis_subject::DiagnosisSubject;
use serde::{Deserialize, Serialize};

/// Runbook: a guided procedure with a check after each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runbook {
    /// Replaces an API key: a new key before the old one is revoked.
    KeyRotation,
    /// Replaces a subscription whose signing secret is lost.
    LostSecret,
    /// Restores deliveries after the breaker tripped.
    BreakerRecovery,
    /// Restores an earlier configuration of a subscription.
    Rollback,
}

impl Runbook {
    /// Every runbook, in the order of the guide.
    pub const ALL: [Self; 4] = [Self::KeyRotation, Self::LostSecret, Self::BreakerRecovery, Self::Rollback];

    /// Returns the runbook's name on the wire and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeyRotation => "key-rotation",
            Self::LostSecret => "lost-secret",
            Self::BreakerRecovery => "breaker-recovery",
            Self::Rollback => "rollback",
        }
    }

    /// Returns the purpose of the runbook, in one line.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::KeyRotation => "Replace an API key without downtime",
            Self::LostSecret => "Replace a subscription whose secret is lost",
            Self::BreakerRecovery => "Resume deliveries after a breaker trip",
            Self::Rollback => "Roll back to an earlier configuration",
        }
    }

    /// Returns the runbooks that apply to a scope.
    #[must_use]
    pub const fn for_subject(subject: DiagnosisSubject) -> &'static [Self] {
        match subject {
            DiagnosisSubject::Key(_) => &[Self::KeyRotation],
            DiagnosisSubject::Subscription(_) => &[Self::BreakerRecovery, Self::LostSecret, Self::Rollback],
            DiagnosisSubject::All | DiagnosisSubject::Company(_) => &[],
        }
    }

    /// Returns the runbook with this name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|runbook| runbook.name() == name)
    }
}
