//! Visibility of a platform: everything with a Portal, or what the keys of a profile can show; and then which of it
//! is known, which is not, and how it could be known.

use crate::domain::health_status::{HealthAssessment, ListingFacts, ProbedKeyFacts, assess_listing, assess_probed_key};
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::scope::KeyScope;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::domain::window::RateBucket;
use crate::wire::readable::UnreadableRows;
use std::collections::BTreeMap;

/// Visibility of the platform to a console.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum PlatformVisibility {
    /// Everything: the platform has a Portal API, and the console has an operator token.
    #[default]
    Portal,
    /// Only what keys of the Integration API can show. Rows of the snapshot are empty where a value is not known; the
    /// findings say what is known.
    Keys(Box<ObservedFindings>),
}

/// Findings about a platform that is observed with keys.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ObservedFindings {
    /// Findings about the keys, by key number.
    pub keys: BTreeMap<KeyId, KeyFinding>,
    /// Findings about the subscriptions, by subscription number.
    pub subscriptions: BTreeMap<SubscriptionId, ListingFacts>,
    /// Findings about the rate windows.
    pub windows: BTreeMap<(KeyId, RateBucket), WindowFinding>,
    /// Answers that could not be read.
    pub unreadable_answers: Vec<UnreadableAnswer>,
    /// List items that could not be read, by resource: `events`, `subscriptions`.
    pub unreadable: BTreeMap<String, UnreadableRows>,
    /// Companies whose subscriptions were never listed to the end, with the number of those known.
    pub unfinished: BTreeMap<CompanyId, usize>,
    /// Periods of the last day in which subscriptions were not polled, oldest first.
    pub gaps: Vec<(Timestamp, Timestamp)>,
    /// Number of deliveries that `crow listen` received, the only source of deliveries.
    pub n_receipts: u64,
    /// Interval at which the platform is polled.
    pub poll_interval: std::time::Duration,
}

/// Findings about one key of the profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyFinding {
    /// Scopes that the key is known to have.
    pub held: Vec<KeyScope>,
    /// Scopes that the key is known to lack.
    pub lacking: Vec<KeyScope>,
    /// Reason why the platform does not accept the key.
    pub refused: Option<Untrusted>,
    /// Time of the last successful own call with the key.
    pub used_at: Option<Timestamp>,
}

/// Findings about one rate window.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WindowFinding {
    /// Own calls in the last minute.
    pub n_own: u32,
    /// Own calls allowed per minute, given the current use by others.
    pub allowance: u32,
    /// Positions in the row's history of the minutes without an answer.
    pub unseen: Vec<usize>,
    /// Calls in the busiest minute of each hour of the last week, oldest first; `None` for an hour without an answer.
    pub week: Vec<Option<u32>>,
}

/// Answer that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableAnswer {
    /// Resource that was requested: `events`, `subscriptions`.
    pub what: String,
    /// Time at which the answer was received.
    pub at: Timestamp,
    /// Description of what could not be read.
    pub why: String,
    /// Beginning of the answer, as received.
    pub answer: Untrusted,
}

/// What a pane cannot show of a platform that is observed with keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaneLimitation {
    /// Explanation of what cannot be known and how it could be known.
    pub text: &'static str,
    /// Resource that is polled for the pane: `events` or `subscriptions`; `None` if no list is polled for the pane.
    pub resource: Option<&'static str>,
}

impl PlatformVisibility {
    /// Returns what keys could show; `None` with a Portal.
    #[must_use]
    pub fn findings(&self) -> Option<&ObservedFindings> {
        match self {
            Self::Portal => None,
            Self::Keys(findings) => Some(findings),
        }
    }

    /// Explains what a pane cannot know and how it could be known, then what could not be read.
    #[must_use]
    pub fn limitations(&self, of: &PaneLimitation) -> Vec<String> {
        let Some(findings) = self.findings() else { return Vec::new() };
        let wanted = of.resource.unwrap_or_default();
        let riddles = findings.unreadable_answers.iter().filter(|riddle| riddle.what == wanted).map(|riddle| {
            format!(
                "UNREADABLE ANSWER at {} UTC: {}. It begins: {}",
                riddle.at.format("%H:%M:%S"),
                Untrusted::new(riddle.why.as_str()).sanitized(),
                riddle.answer.sanitized()
            )
        });
        let unfinished = findings.unfinished.iter().filter(|_| wanted == "subscriptions").map(|(company, n)| {
            format!("MORE SUBSCRIPTIONS: the list of company {company} goes on after the {n} that were read; the others are unknown.")
        });
        let unreadable = findings.unreadable.get(wanted).and_then(UnreadableRows::summary_line);
        std::iter::once(of.text.to_owned()).chain(riddles).chain(unfinished).chain(unreadable).collect()
    }

    /// Assesses a subscription from its listing; `None` with a Portal, which knows more.
    #[must_use]
    pub fn judge_subscription(&self, id: SubscriptionId) -> Option<HealthAssessment> {
        self.findings().and_then(|findings| findings.subscriptions.get(&id)).map(assess_listing)
    }

    /// Assesses a key from the own calls made with it; `None` with a Portal, which knows more.
    #[must_use]
    pub fn judge_key(&self, id: KeyId) -> Option<HealthAssessment> {
        let finding = self.findings()?.keys.get(&id)?;
        let refused = finding.refused.as_ref().map(Untrusted::sanitized);
        let known = finding.held.len() + finding.lacking.len();
        Some(assess_probed_key(&ProbedKeyFacts {
            refused,
            used_at: finding.used_at,
            n_unknown: KeyScope::ALL.len() - known.min(KeyScope::ALL.len()),
        }))
    }
}
