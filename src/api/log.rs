//! Logs: pages with newest rows first, that can be followed both ways; and the queries they are asked with.

use super::readable::{ReadableRows, UnreadableRows};
use crate::domain::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One page of a log. A page may have fewer rows than asked for, or none, and still say that there may be more: filters without an index look
/// at a bounded number of rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", from = "LogPageRead<T>", bound(deserialize = "T: DeserializeOwned"))]
pub struct LogPage<T> {
    /// The rows, newest first.
    pub items: Vec<T>,
    /// Where older rows go on; null at the end of the log.
    pub next_cursor: Option<String>,
    /// Where newer rows go on, also those that do not exist yet.
    pub previous_cursor: Option<String>,
    /// Whether there are or may be more rows in the direction that was asked for.
    pub has_more: bool,
    /// Rows that the client could not read; never sent.
    #[serde(skip)]
    pub unreadable: UnreadableRows,
}

/// A page as it is read: row by row.
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

/// The query of `GET /portal/v1/attempts`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AttemptQuery {
    /// Of a company.
    pub company: Option<i64>,
    /// To a subscription.
    pub subscription: Option<i64>,
    /// Of an event.
    pub event: Option<i64>,
    /// Of events of a type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// `success` or `failure`.
    pub outcome: Option<String>,
    /// Answered with this status.
    pub status: Option<u16>,
    /// Begun at or after.
    pub since: Option<Timestamp>,
    /// Begun before.
    pub until: Option<Timestamp>,
    /// In the target or the error, whatever the case; 1 to 200 characters.
    pub q: Option<String>,
}

/// The query of `GET /portal/v1/deliveries`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DeliveryQuery {
    /// Of a company.
    pub company: Option<i64>,
    /// To a subscription.
    pub subscription: Option<i64>,
    /// Of an event.
    pub event: Option<i64>,
    /// Of events of a type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// That stand so.
    pub state: Option<String>,
    /// Of events at or after.
    pub since: Option<Timestamp>,
    /// Of events before.
    pub until: Option<Timestamp>,
}

/// The query of `GET /portal/v1/events`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EventQuery {
    /// Of a company.
    pub company: Option<i64>,
    /// Of a type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// At or after.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

/// The query of `GET /portal/v1/requests`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RequestQuery {
    /// Of a company.
    pub company: Option<i64>,
    /// Of a key.
    pub key: Option<i64>,
    /// Answered with this status.
    pub status: Option<u16>,
    /// Answered with a status of this class: `1xx` to `5xx`.
    pub class: Option<String>,
    /// Answered with this problem code.
    pub code: Option<String>,
    /// From this address.
    pub caller: Option<String>,
    /// At or after.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

/// The query of `GET /portal/v1/trips`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TripQuery {
    /// Of a company.
    pub company: Option<i64>,
    /// Of a subscription.
    pub subscription: Option<i64>,
}

/// The query of a log without filters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Everything {}
