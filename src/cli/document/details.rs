//! Detail documents: one object with related data from several answers.

use crate::domain::text::Untrusted;
use crate::wire::attempts::AttemptRow;
use crate::wire::deliveries::{EventDetail, TraceRow};
use crate::wire::keys::KeyRow;
use crate::wire::limits::{KeyUsage, LimitDetail};
use crate::wire::replays::ReplayRow;
use crate::wire::subscriptions::{RevisionRow, SubscriptionRow};
use serde::{Deserialize, Serialize};

/// API key with its health status, its usage and its rate windows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeyDetail {
    /// API key without its secret.
    #[serde(flatten)]
    pub row: KeyRow,
    /// Health status of the key: `ok`, `wrn`, `err`, `off` or `unk`.
    pub state: String,
    /// Reason for the health status: rule, value and limit in one line.
    pub why: String,
    /// Usage of the key: its routes, and the scopes that it never used.
    pub history: KeyUsage,
    /// Rate windows of the key with their busiest callers; empty once the key is revoked.
    pub windows: Vec<LimitDetail>,
}

/// Subscription with its health status, latest attempts, revisions and replays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionDetail {
    /// Subscription with its health counters.
    #[serde(flatten)]
    pub row: SubscriptionRow,
    /// Health status of the subscription: `ok`, `wrn`, `err`, `trp`, `off` or `unk`.
    pub state: String,
    /// Reason for the health status: rule, value and limit in one line.
    pub why: String,
    /// Latest attempts of the subscription, newest first.
    pub attempts: Vec<AttemptRow>,
    /// Revisions of the subscription, the one in force first.
    pub revisions: Vec<RevisionRow>,
    /// Replays of the subscription, newest first.
    pub replays: Vec<ReplayRow>,
}

/// Event with its trace: the relation of every subscription of its company to the event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EventStory {
    /// Event with the exact bytes of its envelope.
    #[serde(flatten)]
    pub event: EventDetail,
    /// Subscriptions of the company; those with a delivery first.
    pub subscriptions: Vec<TraceRow>,
    /// Whether the company has or had more subscriptions than these.
    #[serde(default)]
    pub has_more_subscriptions: bool,
}

/// Rate windows of one API key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeyWindows {
    /// Name of the key, for display.
    pub key_name: Untrusted,
    /// Rate windows of the key with their busiest callers.
    pub windows: Vec<LimitDetail>,
}
