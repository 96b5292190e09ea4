//! What the console wants done and what came of it: values that `update` returns and receives.

use super::clipboard::Copied;
use super::consult::Consulted;
use super::format;
use super::once::Issued;
use super::places::Item;
use crate::api::attempts::{AttemptDetail, AttemptRow};
use crate::api::deliveries::{DeliveryDetail, EventDetail, Trace};
use crate::api::keys::{Company, LimitsWish, NewCompany, NewKey};
use crate::api::limits::{CallerUse, KeyUsage, LimitDetail};
use crate::api::operators::{NewOperator, OperatorRow};
use crate::api::replays::{NewReplay, ReplayPlan, ReplayRow};
use crate::api::report::{Report, Subject, Topic};
use crate::api::requests::RequestRow;
use crate::api::revisions::RevisionRow;
use crate::api::runbook::{Progress, Runbook};
use crate::api::stats::AttemptPoint;
use crate::api::subscriptions::{ReplayChoice, SubscriptionRow};
use crate::diagnose::case::Matter;
use crate::domain::alert;
use crate::domain::event::EventType;
use crate::domain::ids::{AttemptId, CompanyId, DeliveryId, KeyId, OperatorId, ReplayId, SubscriptionId};
use crate::domain::replay::Phase;
use crate::domain::standing::Standing;
use crate::escalation::bundle::Bundle;
use crate::escalation::ticket::Bodies;
use crate::escalation::write::Form;
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
    /// Put a secret there, because somebody asked for just that.
    CopySecret(Issued),
    /// Ask the platform for something, or for a change.
    Perform(Job),
}

/// What the platform is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// A page of a log.
    Page(Ask),
    /// All that the platform knows of a thing.
    Fetch(Item),
    /// All companies.
    Companies,
    /// The newest replays.
    Replays,
    /// All operators.
    Operators,
    /// What a replay would select; changes nothing.
    Count(SubscriptionId, NewReplay),
    /// A playbook over something, read-only; gone on with from an earlier report, if there is one.
    Playbook(Topic, Subject, Option<Box<Report>>),
    /// A run-book about something, read-only; gone on with, if it was begun.
    Runbook(Runbook, Subject, Option<Box<Progress>>),
    /// How an attempt was verified, from its answer and what the receiver is said to have computed.
    Lab(AttemptId, Subject, Option<String>),
    /// How an attempt would verify with the secret that its receiver holds, which goes nowhere.
    Held(AttemptId, Subject, Issued),
    /// A bundle about something, searched for secrets.
    Bundle(Box<Matter>, Bodies),
    /// A bundle, into a new folder or archive where the console was started.
    Write(Box<Bundle>, Form),
    /// A change, confirmed by somebody.
    Act(Act),
}

/// A change on the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Send a test to a subscription's endpoint.
    Test(SubscriptionId),
    /// Enable a subscription.
    Enable(SubscriptionId, ReplayChoice),
    /// Disable a subscription; a reason marks that as intended.
    Disable(SubscriptionId, Option<String>),
    /// Delete a subscription, whoever manages it.
    Delete(SubscriptionId),
    /// Say why a subscription is off by hand.
    Intend(SubscriptionId, String),
    /// Say that somebody looks after an alert that stands so.
    Acknowledge(alert::Subject, Standing, Option<String>),
    /// Bring an earlier configuration of a subscription back.
    RollBack(SubscriptionId, u32),
    /// Deliver again what a plan selects, so many when they were counted.
    Replay(SubscriptionId, NewReplay, u64),
    /// Pause a replay, let it go on, or give it up.
    Turn(ReplayId, Phase),
    /// Make one more attempt of a delivery.
    Resend(DeliveryId),
    /// Revoke a key.
    Revoke(KeyId),
    /// Give a key limits of its own.
    Limit(KeyId, LimitsWish),
    /// Emit a sample event of a type.
    Emit(CompanyId, EventType),
    /// Create a company.
    CreateCompany(NewCompany),
    /// Create a key, which is shown once.
    CreateKey(NewKey),
    /// Create an operator, whose token is shown once.
    CreateOperator(NewOperator),
    /// Revoke an operator.
    RevokeOperator(OperatorId),
}

impl Act {
    /// What is asked of the platform, after "to" or "could not". Names in it are as somebody typed them.
    #[must_use]
    pub fn verb(&self) -> String {
        match self {
            Self::Test(id) => format!("send a test to subscription {id}"),
            Self::Enable(id, ReplayChoice::None) => format!("enable subscription {id}"),
            Self::Enable(id, ReplayChoice::Skipped) => format!("enable subscription {id} and replay what it missed"),
            Self::Disable(id, _) => format!("disable subscription {id}"),
            Self::Delete(id) => format!("delete subscription {id}"),
            Self::Intend(id, _) => format!("mark as intended that subscription {id} is off"),
            Self::Acknowledge(subject, ..) => format!("acknowledge the alert of {subject}"),
            Self::RollBack(id, revision) => format!("bring revision {revision} of subscription {id} back"),
            Self::Replay(id, _, n) => {
                format!("replay {} of subscription {id}", format::several(*n, "delivery", "deliveries"))
            }
            Self::Turn(id, Phase::Paused) => format!("pause replay {id}"),
            Self::Turn(id, Phase::Running) => format!("let replay {id} go on"),
            Self::Turn(id, Phase::Cancelled | Phase::Finished) => format!("give replay {id} up"),
            Self::Resend(id) => format!("resend delivery {id}"),
            Self::Revoke(id) => format!("revoke key {id}"),
            Self::Limit(id, _) => format!("change the limits of key {id}"),
            Self::Emit(company, kind) => format!("emit a sample {kind} event for company {company}"),
            Self::CreateCompany(_) => "create a company".to_owned(),
            Self::CreateKey(new) => format!("create a key for company {}", new.company_id),
            Self::CreateOperator(new) => format!("create an operator with the role {}", new.role.name()),
            Self::RevokeOperator(id) => format!("revoke operator {id}"),
        }
    }

    /// How many things it changes: who is asked about more than one types the number.
    #[must_use]
    pub const fn n_things(&self) -> u64 {
        match self {
            Self::Replay(_, _, n) => *n,
            _ => 1,
        }
    }
}

/// All that the platform knows of a thing.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// A subscription.
    Subscription(Known),
    /// An attempt.
    Attempt(Sent),
    /// An event.
    Event(Happening),
    /// A key.
    Key(KeyStory),
    /// A window.
    Window(WindowStory),
    /// Nothing beyond what is at hand.
    Nothing,
}

/// A subscription as it was fetched.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The subscription with its health.
    pub row: SubscriptionRow,
    /// Its latest attempts, newest first.
    pub attempts: Vec<AttemptRow>,
    /// Its configurations, the one in force first.
    pub revisions: Vec<RevisionRow>,
    /// Its attempts minute by minute, oldest first.
    pub minutes: Vec<AttemptPoint>,
}

/// An attempt as it was fetched.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// The attempt with its bytes.
    pub detail: AttemptDetail,
    /// Its delivery with all attempts; none for a test.
    pub delivery: Option<DeliveryDetail>,
}

/// An event as it was fetched.
#[derive(Debug, Clone, PartialEq)]
pub struct Happening {
    /// The event with its envelope.
    pub event: EventDetail,
    /// What every subscription of its company had to do with it.
    pub trace: Trace,
}

/// What a key did.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyStory {
    /// Its routes, and the scopes that it never used.
    pub usage: KeyUsage,
    /// Who calls with it, today, busiest first.
    pub callers: Vec<CallerUse>,
    /// Its latest requests, newest first.
    pub requests: Vec<RequestRow>,
}

/// Who fills a window.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowStory {
    /// The window with its routes and callers; none if the key has no windows any more.
    pub detail: Option<LimitDetail>,
    /// The latest requests of the key that were refused with 429, newest first, whichever bucket.
    pub refused: Vec<RequestRow>,
}

/// What came of a job; errors are one line, fit for the screen.
#[derive(Debug, Clone, PartialEq)]
pub enum Finished {
    /// A page came, or not.
    Page(Box<Ask>, Result<Box<Came>, String>),
    /// A text was sent on its way to be pasted, or not: where it went in one line.
    Copied(Result<Copied, String>),
    /// The same of a secret that is shown once.
    CopiedSecret(Issued, Result<Copied, String>),
    /// The companies came, or not.
    Companies(Result<Vec<Company>, String>),
    /// The replays came, or not.
    Replays(Result<Vec<ReplayRow>, String>),
    /// The operators came, or not.
    Operators(Result<Vec<OperatorRow>, String>),
    /// It is known what a replay would select, or not.
    Counted(SubscriptionId, NewReplay, Result<Box<ReplayPlan>, String>),
    /// A thing was fetched, or not.
    Fetched(Item, Result<Box<Found>, String>),
    /// A playbook ran, or a bundle got further.
    Consulted(Box<Consulted>),
    /// A change was made, or not: what happened in one line.
    Act(Act, Result<String, String>),
    /// A change was made whose answer alone carries a secret.
    Issued(Act, Issued),
}
