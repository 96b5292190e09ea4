//! What the console wants done and what came of it: values that `update` returns and receives.

use crate::api::attempts::{AttemptDetail, AttemptRow};
use crate::api::deliveries::{EventDetail, Trace};
use crate::api::subscriptions::{ReplayChoice, SubscriptionRow};
use crate::domain::ids::{AttemptId, EventId, SubscriptionId};
use crate::monitor::logs::{Ask, Came};

/// What the loop is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// End the console.
    Leave,
    /// Draw every cell again.
    Repaint,
    /// Give the terminal back until the process is resumed.
    Suspend,
    /// Put a text where it can be pasted from.
    Copy(String),
    /// Ask the platform for something, or for a change.
    Perform(Job),
}

/// What the platform is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// A page of a log.
    Page(Ask),
    /// A subscription with its latest attempts.
    Subscription(SubscriptionId),
    /// An attempt with its exact bytes.
    Attempt(AttemptId),
    /// An event with its envelope and what became of it.
    Event(EventId),
    /// A change, confirmed by somebody.
    Act(Act),
}

/// A change on the platform: one object each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Send a test to a subscription's endpoint.
    Test(SubscriptionId),
    /// Enable a subscription.
    Enable(SubscriptionId, ReplayChoice),
    /// Disable a subscription.
    Disable(SubscriptionId),
}

impl Act {
    /// The subscription it is about.
    #[must_use]
    pub const fn subject(self) -> SubscriptionId {
        match self {
            Self::Test(id) | Self::Enable(id, _) | Self::Disable(id) => id,
        }
    }

    /// What is asked of the platform, after "to" or "could not".
    #[must_use]
    pub fn verb(self) -> String {
        match self {
            Self::Test(id) => format!("send a test to subscription {id}"),
            Self::Enable(id, ReplayChoice::None) => format!("enable subscription {id}"),
            Self::Enable(id, ReplayChoice::Skipped) => format!("enable subscription {id} and replay what it missed"),
            Self::Disable(id) => format!("disable subscription {id}"),
        }
    }
}

/// A subscription as it was fetched.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The subscription with its health.
    pub row: SubscriptionRow,
    /// Its latest attempts, newest first.
    pub attempts: Vec<AttemptRow>,
}

/// An event as it was fetched.
#[derive(Debug, Clone, PartialEq)]
pub struct Happening {
    /// The event with its envelope.
    pub event: EventDetail,
    /// What every subscription of its company had to do with it.
    pub trace: Trace,
}

/// What came of a job; errors are one line, fit for the screen.
#[derive(Debug, Clone, PartialEq)]
pub enum Finished {
    /// A page came, or not.
    Page(Box<Ask>, Result<Box<Came>, String>),
    /// An event was fetched, or not.
    Event(EventId, Result<Box<Happening>, String>),
    /// A subscription was fetched, or not.
    Subscription(SubscriptionId, Result<Box<Known>, String>),
    /// An attempt was fetched, or not.
    Attempt(AttemptId, Result<Box<AttemptDetail>, String>),
    /// A text was sent on its way to be pasted, or not: where it went in one line.
    Copied(Result<String, String>),
    /// A change was made, or not: what happened in one line.
    Act(Act, Result<String, String>),
}
