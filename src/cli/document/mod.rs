//! JSON documents that the command line writes. Each carries its name and version; within a version, members are only
//! added.

pub mod configuration;
pub mod details;
pub mod doctor;
pub mod outbound;
#[cfg(test)]
mod schema;
pub mod terminal_safe;

use crate::domain::health_status::HealthAssessment;
use crate::domain::query::field::Field;
use crate::domain::query::matching::{FieldValue, QueryableRow};
use crate::domain::time::Timestamp;
use crate::text::health::why;
use crate::wire::coverage::NounCoverage;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Names of the documents about one kind of row, each with its version.
#[derive(Debug, Clone, Copy)]
pub struct DocumentNames {
    /// Name of the document with many rows.
    pub list: &'static str,
    /// Name of the document with a single row, written one per line.
    pub row: &'static str,
    /// Name of the document with all details of one object.
    pub detail: &'static str,
}

/// Document names for API keys.
pub const KEY_DOCUMENTS: DocumentNames =
    DocumentNames { list: "crow.keys/2", row: "crow.key/2", detail: "crow.key-detail/2" };
/// Document names for webhook subscriptions.
pub const SUBSCRIPTION_DOCUMENTS: DocumentNames =
    DocumentNames { list: "crow.subscriptions/2", row: "crow.subscription/2", detail: "crow.subscription-detail/2" };
/// Document names for event deliveries.
pub const DELIVERY_DOCUMENTS: DocumentNames =
    DocumentNames { list: "crow.deliveries/1", row: "crow.delivery/1", detail: "crow.delivery-detail/2" };
/// Document names for delivery attempts.
pub const ATTEMPT_DOCUMENTS: DocumentNames =
    DocumentNames { list: "crow.attempts/2", row: "crow.attempt/2", detail: "crow.attempt-detail/2" };
/// Document names for published events.
pub const EVENT_DOCUMENTS: DocumentNames =
    DocumentNames { list: "crow.events/2", row: "crow.event/2", detail: "crow.event-detail/2" };
/// Document names for rate windows.
pub const LIMIT_DOCUMENTS: DocumentNames =
    DocumentNames { list: "crow.limits/2", row: "crow.limit/2", detail: "crow.limit-detail/2" };
/// Document names for breaker trips.
pub const TRIP_DOCUMENTS: DocumentNames =
    DocumentNames { list: "crow.trips/2", row: "crow.trip/2", detail: "crow.trip-detail/2" };
/// Document names for API requests.
pub const REQUEST_DOCUMENTS: DocumentNames =
    DocumentNames { list: "crow.requests/2", row: "crow.request/2", detail: "crow.request-detail/2" };
/// Document names for stored replays.
pub const REPLAY_DOCUMENTS: DocumentNames =
    DocumentNames { list: "crow.replays/1", row: "crow.replay/1", detail: "crow.replay-detail/1" };
/// Name of the document about the result of a change.
pub const CHANGE_DOCUMENT: &str = "crow.act/1";
/// Name of the document about a created key, which contains the key.
pub const CREATED_KEY_DOCUMENT: &str = "crow.created-key/2";

/// Document with the rows of a list or log.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListDocument<'a, T> {
    /// Name and version of the document.
    pub schema: &'static str,
    /// Rows of the document, in the order of the list.
    pub items: &'a [T],
    /// Whether more rows exist, or may exist, beyond those requested.
    pub has_more: bool,
    /// How much is known of the rows; null if everything is, as on a platform with a Portal.
    pub coverage: Option<&'a NounCoverage>,
}

/// Document about one object, whose members appear beside the document's name.
#[derive(Debug, Serialize)]
pub struct ObjectDocument<'a, T> {
    /// Name and version of the document.
    pub schema: &'static str,
    /// Object that the document describes.
    #[serde(flatten)]
    pub item: &'a T,
}

/// Row with its health status and the reason for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AssessedRow<T> {
    /// Row whose health was assessed.
    #[serde(flatten)]
    pub row: T,
    /// Health status of the row: `ok`, `wrn`, `err`, `trp`, `off` or `unk`.
    pub state: &'static str,
    /// Reason for the health status: rule, value and limit in one line.
    pub why: String,
}

impl<T> AssessedRow<T> {
    /// Joins a row with the assessment of its health.
    #[must_use]
    pub fn new(row: T, judgement: &HealthAssessment) -> Self {
        Self { row, state: judgement.status.code(), why: why(&judgement.reason) }
    }
}

impl<T: QueryableRow> QueryableRow for AssessedRow<T> {
    fn fields() -> &'static [Field] {
        T::fields()
    }

    fn member_of(field: Field) -> Option<&'static str> {
        T::member_of(field)
    }

    fn values(&self, field: Field, now: Timestamp) -> Vec<FieldValue<'_>> {
        self.row.values(field, now)
    }

    fn at(&self) -> Option<Timestamp> {
        self.row.at()
    }

    fn texts(&self) -> Vec<Cow<'_, str>> {
        self.row.texts()
    }
}

/// Result of a change that was requested on the command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChangeResult {
    /// Change that was requested, as an infinitive phrase after "to".
    pub act: String,
    /// Expected or actual effects of the change, line by line.
    pub preview: Vec<String>,
    /// Whether the change was made.
    pub is_done: bool,
    /// Result of the change, or the reason why it was not made.
    pub said: String,
    /// Number of the object that was created; null if none was.
    pub id: Option<i64>,
}
