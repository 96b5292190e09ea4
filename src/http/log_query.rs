//! Queries of logs: filters, a limit, and a cursor that is bound to the filters and a direction.

use super::problem::ProblemResponse;
use super::query::{PagingQuery, TypedQuery};
use crate::domain::event::EventType;
use crate::domain::log::{PagePosition, PageSpec, RowPage};
use crate::domain::time::Timestamp;
use crate::wire::log::LogPage;
use crate::wire::problem::ProblemCode;
use crate::wire::readable::UnreadableRows;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

/// Length of the hash that binds a cursor to its list and filters, in bytes.
const CURSOR_BINDING_BYTES: usize = 12;

/// Extractor of a log query: the filters with the cursor and the limit.
#[derive(Debug)]
pub struct LogQuery<T> {
    /// Filters of the query, as given.
    pub filters: T,
    position: PagePosition,
    limit: u32,
    binding: Vec<u8>,
}

impl<S: Send + Sync, T: DeserializeOwned + Serialize + Send> FromRequestParts<S> for LogQuery<T> {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ProblemResponse> {
        let TypedQuery(filters) = TypedQuery::<T>::from_request_parts(parts, state).await?;
        let TypedQuery(paging) = TypedQuery::<PagingQuery>::from_request_parts(parts, state).await?;
        let mut digest = Sha256::new();
        digest.update(parts.uri.path());
        digest.update(serde_json::to_vec(&filters).unwrap_or_default());
        let bound = digest.finalize()[..CURSOR_BINDING_BYTES].to_vec();
        let place = match &paging.cursor {
            None => PagePosition::Newest,
            Some(cursor) => parse_cursor(cursor, &bound).ok_or_else(|| {
                ProblemResponse::new(
                    ProblemCode::InvalidCursor,
                    "this cursor does not belong to this list with these filters; omit it to start over",
                )
            })?,
        };
        Ok(Self { filters, position: place, limit: paging.limit()?, binding: bound })
    }
}

impl<T> LogQuery<T> {
    /// Builds the page request for the part of the log between two times.
    #[must_use]
    pub const fn page_spec(&self, since: Option<Timestamp>, until: Option<Timestamp>) -> PageSpec {
        PageSpec { since, until, start: self.position, limit: self.limit }
    }

    /// Converts a page of the engine into a page of the API, with its cursors.
    pub fn log_page<A, B>(&self, of: RowPage<A>, translate: impl FnMut(A) -> B) -> LogPage<B> {
        LogPage {
            items: of.items.into_iter().map(translate).collect(),
            next_cursor: of.older_than.map(|id| self.cursor(b'<', id)),
            previous_cursor: Some(self.cursor(b'>', of.newer_than)),
            has_more: of.has_more,
            unreadable: UnreadableRows::default(),
        }
    }

    fn cursor(&self, direction: u8, id: i64) -> String {
        let mut bytes = self.binding.clone();
        bytes.push(direction);
        bytes.extend(id.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

/// Parses a cursor; `None` if the cursor was issued for another list or other filters.
fn parse_cursor(cursor: &str, bound: &[u8]) -> Option<PagePosition> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let rest = bytes.strip_prefix(bound)?;
    let (direction, id) = rest.split_first()?;
    let id = i64::from_be_bytes(id.try_into().ok()?);
    match direction {
        b'<' => Some(PagePosition::OlderThan(id)),
        b'>' => Some(PagePosition::NewerThan(id)),
        _ => None,
    }
}

/// Parses a filter by event type.
///
/// # Errors
/// [`ProblemResponse`] for a text that names no event type.
pub fn parse_event_type(name: Option<&String>) -> Result<Option<EventType>, ProblemResponse> {
    parse_named(name, "type", EventType::named, &EventType::ALL.map(EventType::name))
}

/// Parses a filter by one of a closed set of names.
///
/// # Errors
/// [`ProblemResponse`] for a text that is none of the names.
pub fn parse_named<T>(
    name: Option<&String>,
    field: &'static str,
    find: impl Fn(&str) -> Option<T>,
    known: &[&str],
) -> Result<Option<T>, ProblemResponse> {
    let fault = || ProblemResponse::invalid_field(field, format!("must be one of {}", known.join(", ")));
    name.map(|name| find(name).ok_or_else(fault)).transpose()
}
