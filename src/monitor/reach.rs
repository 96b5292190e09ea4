//! How far a console sees: all that a Portal tells, or what the keys of a profile can prove; and then what of it is known, what not, and how
//! it could be learnt.

use crate::api::readable::UnreadableRows;
use crate::domain::ids::{KeyId, SubscriptionId};
use crate::domain::key::Scope;
use crate::domain::standing::{Held, Judgement, Listing, judge_held, judge_listed};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::domain::window::Bucket;
use std::collections::BTreeMap;

/// How far a console sees.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Reach {
    /// The platform has a Portal API, and an operator asks.
    #[default]
    Portal,
    /// Keys of the Integration API ask. Rows of the picture hold nothing in place of what is not told; here stands what is known.
    Keys(Box<Findings>),
}

/// What keys could prove.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Findings {
    /// Of the keys.
    pub keys: BTreeMap<KeyId, KeyFinding>,
    /// Of the subscriptions.
    pub subscriptions: BTreeMap<SubscriptionId, Listing>,
    /// Of the windows.
    pub windows: BTreeMap<(KeyId, Bucket), WindowFinding>,
    /// What could not be understood.
    pub riddles: Vec<Riddle>,
    /// Items of lists that could not be read, by noun: `events`, `subscriptions`.
    pub unreadable: BTreeMap<String, UnreadableRows>,
    /// Stretches of the last day in which nothing was watched, oldest first.
    pub gaps: Vec<(Timestamp, Timestamp)>,
    /// Whether a receiver of ours has got anything: deliveries are known only through one.
    pub n_receipts: u64,
    /// How often the platform is asked.
    pub every: std::time::Duration,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyFinding {
    /// Scopes that it has.
    pub held: Vec<Scope>,
    /// Scopes that it has not.
    pub lacking: Vec<Scope>,
    /// Why the platform does not take it.
    pub refused: Option<Untrusted>,
    /// When a call of ours with it was last answered well.
    pub used_at: Option<Timestamp>,
}

/// What is known of a window.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WindowFinding {
    /// Calls of ours in the last minute.
    pub n_own: u32,
    /// Calls that we may make in a minute, as busy as the others are.
    pub allowance: u32,
    /// The minutes of the row's history that nobody saw, as places in it.
    pub unseen: Vec<usize>,
    /// The busiest minute of each hour of the last week, oldest first; nothing for an hour that nobody saw.
    pub week: Vec<Option<u32>>,
}

/// An answer that was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Riddle {
    /// What was asked for: `events`, `subscriptions`.
    pub what: String,
    /// When.
    pub at: Timestamp,
    /// What was not understood.
    pub why: String,
    /// The beginning of the answer.
    pub answer: Untrusted,
}

/// What a pane is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noun {
    /// Keys.
    Keys,
    /// Subscriptions.
    Subscriptions,
    /// Deliveries.
    Deliveries,
    /// Events.
    Events,
    /// Windows.
    Limits,
    /// Trips.
    Trips,
    /// Requests.
    Requests,
}

impl Reach {
    /// What keys could prove; nothing where a Portal tells.
    #[must_use]
    pub fn findings(&self) -> Option<&Findings> {
        match self {
            Self::Portal => None,
            Self::Keys(findings) => Some(findings),
        }
    }

    /// What a pane cannot know and how it could be learnt, then what was not understood.
    #[must_use]
    pub fn remarks(&self, noun: Noun) -> Vec<String> {
        let Some(findings) = self.findings() else { return Vec::new() };
        let cannot = match noun {
            Noun::Keys => {
                "Keys of this profile, and scopes as harmless questions showed them. The Integration API tells neither other keys nor who else uses these: the Admin Portal does."
            }
            Noun::Subscriptions => {
                "As listed. Success, delays and backlog are not told: x sends a test, crow listen receives, the Admin Portal has the log."
            }
            Noun::Deliveries => {
                "Deliveries are not told. Here stands what crow listen received on this machine; point a subscription of yours at it. The Admin Portal has the whole log."
            }
            Noun::Events => {
                "Polled with the keys that have events:read. Who got them is not told; crow reconcile compares them with what crow listen received."
            }
            Noun::Limits => {
                "From the heads of answers to our own calls: all callers of a key together, whoever they are. A ? is a minute that nobody saw. Who the others are is not told."
            }
            Noun::Trips => {
                "Subscriptions seen to go off between two listings. Whether the breaker did it or somebody is told only where the platform says it; causes stand in the Admin Portal."
            }
            Noun::Requests => {
                "Calls of this profile's consoles. Calls of others are not told; their request ids are in their own logs."
            }
        };
        let wanted = match noun {
            Noun::Events => "events",
            Noun::Subscriptions | Noun::Trips => "subscriptions",
            Noun::Keys | Noun::Deliveries | Noun::Limits | Noun::Requests => "",
        };
        let riddles = findings.riddles.iter().filter(|riddle| riddle.what == wanted).map(|riddle| {
            format!(
                "NOT UNDERSTOOD at {} UTC: {}. The answer began: {}",
                riddle.at.format("%H:%M:%S"),
                Untrusted::new(riddle.why.as_str()).inert(),
                riddle.answer.inert()
            )
        });
        let unreadable = findings.unreadable.get(wanted).and_then(UnreadableRows::remark);
        std::iter::once(cannot.to_owned()).chain(riddles).chain(unreadable).collect()
    }

    /// How a subscription does, as far as its listing tells; nothing where a Portal tells more.
    #[must_use]
    pub fn judge_subscription(&self, id: SubscriptionId) -> Option<Judgement> {
        self.findings().and_then(|findings| findings.subscriptions.get(&id)).map(judge_listed)
    }

    /// How a key does, as far as our own calls tell; nothing where a Portal tells more.
    #[must_use]
    pub fn judge_key(&self, id: KeyId) -> Option<Judgement> {
        let finding = self.findings()?.keys.get(&id)?;
        let refused = finding.refused.as_ref().map(Untrusted::inert);
        let known = finding.held.len() + finding.lacking.len();
        Some(judge_held(&Held {
            refused,
            used_at: finding.used_at,
            n_unknown: Scope::ALL.len() - known.min(Scope::ALL.len()),
        }))
    }
}
