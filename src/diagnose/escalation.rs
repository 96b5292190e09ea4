//! Reasons to escalate: the five of the troubleshooting guide and those that the evidence alone gives, each with its
//! rule in words.

use std::fmt;

/// Reason for or against escalating an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EscalationKind {
    /// The problem persists after what was tried.
    Persists,
    /// The platform answers repeatedly with 500.
    PlatformErrors,
    /// The platform does not behave as documented.
    AgainstDocumentation,
    /// Rate limits are enforced wrongly.
    LimitsWrong,
    /// An action was not followed by its event.
    EventMissing,
    /// A receiver rejects valid signatures and gives no reason.
    SignatureDisputed,
    /// A check failed and no known cause explains it.
    Unexplained,
    /// Nothing could be read from the platform.
    Unreachable,
    /// The reporter states a reason that the evidence does not show.
    NotConfirmed,
    /// A cause with a resolution was found, or no problem at all.
    NotYet,
}

/// Number of 500s from which on they are repeated.
pub const MIN_PLATFORM_ERRORS: u64 = 3;
/// Number of failures after a repair from which on the problem persists.
pub const MIN_FAILURES_AFTER_REPAIR: u64 = 3;
/// Number of successful creations from which on an event is expected of at least one of them.
pub const MIN_CREATIONS: u64 = 3;

impl EscalationKind {
    /// The five reasons of the troubleshooting guide. A reporter may state any of them.
    pub const GUIDE: [Self; 5] =
        [Self::Persists, Self::PlatformErrors, Self::AgainstDocumentation, Self::LimitsWrong, Self::EventMissing];
    /// All reasons, in the order of a ticket.
    pub const ALL: [Self; 10] = [
        Self::Persists,
        Self::PlatformErrors,
        Self::AgainstDocumentation,
        Self::LimitsWrong,
        Self::EventMissing,
        Self::SignatureDisputed,
        Self::Unexplained,
        Self::Unreachable,
        Self::NotConfirmed,
        Self::NotYet,
    ];

    /// Returns the name of the reason in documents and on the command line.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Persists => "persists",
            Self::PlatformErrors => "platform-error",
            Self::AgainstDocumentation => "against-documentation",
            Self::LimitsWrong => "limits-wrong",
            Self::EventMissing => "event-missing",
            Self::SignatureDisputed => "signature-disputed",
            Self::Unexplained => "unexplained",
            Self::Unreachable => "unreachable",
            Self::NotConfirmed => "not-confirmed",
            Self::NotYet => "not-yet",
        }
    }

    /// Returns the rule of the reason in one sentence.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Persists => "the problem persists after the steps tried",
            Self::PlatformErrors => {
                "the platform answered 3 or more calls with 500 (503 for contention does not count)"
            }
            Self::AgainstDocumentation => "the platform does not behave as documented",
            Self::LimitsWrong => "calls were rejected with 429 although fewer were admitted than the limit allows",
            Self::EventMissing => "an action was not followed by its event",
            Self::SignatureDisputed => "our signature is valid, but the receiver rejects it without a reason",
            Self::Unexplained => "a check failed and no known cause explains it",
            Self::Unreachable => "no check could read anything from the platform",
            Self::NotConfirmed => "the evidence does not show the stated reason",
            Self::NotYet => "a cause was found; apply its resolution first, and escalate if the problem persists",
        }
    }

    /// Finds a reason of the guide by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::GUIDE.into_iter().find(|kind| kind.id() == name)
    }
}

impl fmt::Display for EscalationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// Reason to escalate that the evidence shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundReason {
    /// Kind of the reason.
    pub kind: EscalationKind,
    /// Facts that it rests on, in one sentence.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_reason_has_its_own_name_and_only_those_of_the_guide_can_be_stated() {
        let names: BTreeSet<&str> = EscalationKind::ALL.iter().map(|kind| kind.id()).collect();
        let rules: BTreeSet<&str> = EscalationKind::ALL.iter().map(|kind| kind.rule()).collect();
        assert_eq!((names.len(), rules.len()), (EscalationKind::ALL.len(), EscalationKind::ALL.len()));
        for kind in EscalationKind::ALL {
            let is_of_guide = EscalationKind::GUIDE.contains(&kind);
            assert_eq!(EscalationKind::named(kind.id()), is_of_guide.then_some(kind));
        }
    }
}
