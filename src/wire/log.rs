//! Pages of logs, newest rows first and traversable in both directions, and the filters of each log.

use super::attempts::AttemptRow;
use super::audit::AuditRow;
use super::deliveries::{DeliveryRow, EventRow};
use super::paths;
use super::readable::{ReadableRows, UnreadableRows};
use super::trips::TripRow;
use crate::domain::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Page of a log, newest rows first. A page may be shorter than the limit, or empty, and still have `hasMore`: filters
/// without an index scan a bounded number of rows per page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", from = "LogPageRead<T>", bound(deserialize = "T: DeserializeOwned"))]
pub struct LogPage<T> {
    /// Rows of the page, newest first.
    pub items: Vec<T>,
    /// Cursor of the next older page; null at the end of the log.
    pub next_cursor: Option<String>,
    /// Cursor of the next newer page, also when no newer rows exist yet.
    pub previous_cursor: Option<String>,
    /// Whether more rows exist, or may exist, in the direction of the query.
    pub has_more: bool,
    /// Rows of the page that the client could not read; never on the wire.
    #[serde(skip)]
    pub unreadable: UnreadableRows,
}

/// Wire form of [`LogPage`], read row by row so that one bad row does not fail the page.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: DeserializeOwned")]
struct LogPageRead<T> {
    items: ReadableRows<T>,
    next_cursor: Option<String>,
    previous_cursor: Option<String>,
    has_more: bool,
}

impl<T> From<LogPageRead<T>> for LogPage<T> {
    fn from(read: LogPageRead<T>) -> Self {
        let LogPageRead { items: ReadableRows { rows: items, unreadable }, next_cursor, previous_cursor, has_more } =
            read;
        Self { items, next_cursor, previous_cursor, has_more, unreadable }
    }
}

/// Query of a log, with the route that answers the query.
pub trait LogRoute: Serialize {
    /// Path of the route.
    const PATH: &'static str;
    /// Page that the route answers.
    type Page: DeserializeOwned;
}

impl LogRoute for AttemptQuery {
    const PATH: &'static str = paths::ATTEMPTS;
    type Page = LogPage<AttemptRow>;
}

impl LogRoute for DeliveryQuery {
    const PATH: &'static str = paths::DELIVERIES;
    type Page = LogPage<DeliveryRow>;
}

impl LogRoute for EventQuery {
    const PATH: &'static str = paths::PORTAL_EVENTS;
    type Page = LogPage<EventRow>;
}

impl LogRoute for TripQuery {
    const PATH: &'static str = paths::TRIPS;
    type Page = LogPage<TripRow>;
}

impl LogRoute for AuditQuery {
    const PATH: &'static str = paths::AUDIT;
    type Page = LogPage<AuditRow>;
}

/// Filters of `GET /portal/v1/attempts`; absent filters match every attempt.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AttemptQuery {
    /// Company that owns the subscription.
    pub company: Option<i64>,
    /// Subscription that the attempt was sent to.
    pub subscription: Option<i64>,
    /// Event that the attempt sent to its target.
    pub event: Option<i64>,
    /// Type of the event that was sent.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Outcome of the attempt: `success` or `failure`.
    pub outcome: Option<String>,
    /// HTTP status of the receiver's response.
    pub status: Option<u16>,
    /// Start of the range: attempts that began at or after this time.
    pub since: Option<Timestamp>,
    /// End of the range: attempts that began before this time.
    pub until: Option<Timestamp>,
    /// Text of 1 to 200 characters that the target URL or the error contains as the operator sees them, ignoring the case
    /// of ASCII letters.
    pub q: Option<String>,
}

/// Filters of `GET /portal/v1/deliveries`; absent filters match every delivery.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DeliveryQuery {
    /// Company that owns the subscription.
    pub company: Option<i64>,
    /// Subscription that the event is delivered to.
    pub subscription: Option<i64>,
    /// Event that the delivery carries to the subscription.
    pub event: Option<i64>,
    /// Type of the delivered event.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// State of the delivery, such as `pending`.
    pub state: Option<String>,
    /// Start of the range: events published at or after this time.
    pub since: Option<Timestamp>,
    /// End of the range: events published before this time.
    pub until: Option<Timestamp>,
}

/// Filters of `GET /portal/v1/events`; absent filters match every event.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EventQuery {
    /// Company that the event belongs to.
    pub company: Option<i64>,
    /// Type of the event, such as `lead.created`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Start of the range: events published at or after this time.
    pub since: Option<Timestamp>,
    /// End of the range: events published before this time.
    pub until: Option<Timestamp>,
}

/// Filters of `GET /portal/v1/requests`; absent filters match every request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RequestQuery {
    /// Company of the key that made the request.
    pub company: Option<i64>,
    /// Key that made the request.
    pub key: Option<i64>,
    /// HTTP status of the response.
    pub status: Option<u16>,
    /// Class of the response's HTTP status, `1xx` to `5xx`.
    pub class: Option<String>,
    /// Problem code of the response, such as `rate_limited`.
    pub code: Option<String>,
    /// Address that the request came from.
    pub caller: Option<String>,
    /// Start of the range: requests that arrived at or after this time.
    pub since: Option<Timestamp>,
    /// End of the range: requests that arrived before this time.
    pub until: Option<Timestamp>,
}

/// Filters of `GET /portal/v1/trips`; absent filters match every trip.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TripQuery {
    /// Company that owns the subscription.
    pub company: Option<i64>,
    /// Subscription that the breaker disabled.
    pub subscription: Option<i64>,
}

/// Filters of `GET /portal/v1/audit`, of which there are none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AuditQuery {}
