//! Documents: what the command line writes as JSON. Each says what it is and in which version; within a version, members are only added.

pub mod details;
pub mod inert;
pub mod outbound;
pub mod schema;

use crate::domain::query::field::Field;
use crate::domain::query::sift::{Row, Value};
use crate::domain::standing::Judgement;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use utoipa::ToSchema;

/// The names of the documents of a pane, each with its version.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    /// Many rows in one document.
    pub list: &'static str,
    /// One row, as a line of its own.
    pub row: &'static str,
    /// All that is known of one thing.
    pub detail: &'static str,
}

/// Keys.
pub const KEYS: Names = Names { list: "crow.keys/1", row: "crow.key/1", detail: "crow.key-detail/1" };
/// Subscriptions.
pub const SUBSCRIPTIONS: Names =
    Names { list: "crow.subscriptions/1", row: "crow.subscription/1", detail: "crow.subscription-detail/1" };
/// Deliveries.
pub const DELIVERIES: Names =
    Names { list: "crow.deliveries/1", row: "crow.delivery/1", detail: "crow.delivery-detail/1" };
/// Attempts.
pub const ATTEMPTS: Names = Names { list: "crow.attempts/1", row: "crow.attempt/1", detail: "crow.attempt-detail/1" };
/// Events.
pub const EVENTS: Names = Names { list: "crow.events/1", row: "crow.event/1", detail: "crow.event-detail/1" };
/// Windows of keys.
pub const LIMITS: Names = Names { list: "crow.limits/1", row: "crow.limit/1", detail: "crow.limit-detail/1" };
/// Trips.
pub const TRIPS: Names = Names { list: "crow.trips/1", row: "crow.trip/1", detail: "crow.trip-detail/1" };
/// Requests.
pub const REQUESTS: Names = Names { list: "crow.requests/1", row: "crow.request/1", detail: "crow.request-detail/1" };
/// Replays.
pub const REPLAYS: Names = Names { list: "crow.replays/1", row: "crow.replay/1", detail: "crow.replay-detail/1" };
/// What came of a change.
pub const ACT: &str = "crow.act/1";
/// A key that was created, with the key.
pub const CREATED_KEY: &str = "crow.created-key/1";

/// Rows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rows<'a, T> {
    /// What this is.
    pub schema: &'static str,
    /// The rows.
    pub items: &'a [T],
    /// Whether there are or may be more that were not asked for.
    pub has_more: bool,
}

/// One thing: its members stand beside the name of the document.
#[derive(Debug, Serialize)]
pub struct One<'a, T> {
    /// What this is.
    pub schema: &'static str,
    /// The thing.
    #[serde(flatten)]
    pub item: &'a T,
}

/// A row with how it stands and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged<T> {
    /// The row.
    #[serde(flatten)]
    pub row: T,
    /// How it stands: `ok`, `wrn`, `err`, `trp`, `off` or `unk`.
    pub state: &'static str,
    /// Why: rule, value and limit in one line.
    pub why: String,
}

impl<T> Judged<T> {
    /// A row with its judgement.
    #[must_use]
    pub fn new(row: T, judgement: Judgement) -> Self {
        Self { row, state: judgement.standing.word(), why: judgement.why }
    }
}

impl<T: Row> Row for Judged<T> {
    fn values(&self, field: Field, now: Timestamp) -> Vec<Value<'_>> {
        self.row.values(field, now)
    }

    fn at(&self) -> Option<Timestamp> {
        self.row.at()
    }

    fn texts(&self) -> Vec<Cow<'_, str>> {
        self.row.texts()
    }
}

/// What came of a change that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Done {
    /// What was to be done, as it would be said after "to".
    pub act: String,
    /// What would or did come of it, line by line.
    pub preview: Vec<String>,
    /// Whether it was done.
    pub is_done: bool,
    /// What happened, or why nothing did.
    pub said: String,
    /// The number of what was made, if something was.
    pub id: Option<i64>,
}
