//! All that is known of one thing, put together from several answers.

use crate::api::attempts::AttemptRow;
use crate::api::deliveries::{EventDetail, TraceRow};
use crate::api::keys::KeyRow;
use crate::api::limits::{KeyUsage, LimitDetail};
use crate::api::replays::ReplayRow;
use crate::api::revisions::RevisionRow;
use crate::api::subscriptions::SubscriptionRow;
use crate::domain::text::Untrusted;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A key, and what it did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyDetail {
    /// The key.
    #[serde(flatten)]
    pub row: KeyRow,
    /// How it stands: `ok`, `wrn`, `err`, `off` or `unk`.
    pub state: String,
    /// Why.
    pub why: String,
    /// Its routes, and the scopes that it never used.
    pub history: KeyUsage,
    /// Its windows with who fills them; none once it is revoked.
    pub windows: Vec<LimitDetail>,
}

/// A subscription, its latest attempts and its configurations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionDetail {
    /// The subscription with its health.
    #[serde(flatten)]
    pub row: SubscriptionRow,
    /// How it stands: `ok`, `wrn`, `err`, `trp`, `off` or `unk`.
    pub state: String,
    /// Why.
    pub why: String,
    /// Its latest attempts, newest first.
    pub attempts: Vec<AttemptRow>,
    /// Its configurations, the one in force first.
    pub revisions: Vec<RevisionRow>,
    /// Its replays, newest first.
    pub replays: Vec<ReplayRow>,
}

/// An event, and what every subscription of its company had to do with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventStory {
    /// The event with its envelope.
    #[serde(flatten)]
    pub event: EventDetail,
    /// Those with deliveries first.
    pub subscriptions: Vec<TraceRow>,
}

/// The windows of a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyWindows {
    /// The key's name.
    pub key_name: Untrusted,
    /// Its windows with who fills them.
    pub windows: Vec<LimitDetail>,
}
