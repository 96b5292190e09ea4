//! Extractors of query strings and paths, and cursors of lists. Cursors are opaque and bound to their list and its
//! filters.

use super::problem::ProblemResponse;
use crate::domain::log::MAX_PAGE_BYTES;
use crate::domain::time::Timestamp;
use crate::http::params;
use crate::wire::page::{Page, json_length};
use crate::wire::problem::ProblemCode;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Extractor of a query string, read into `T`.
#[derive(Debug)]
pub struct TypedQuery<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for TypedQuery<T> {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ProblemResponse> {
        params::deserialize_query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

/// Extractor of a query string whose parameters may be repeated. Empty values count as absent.
#[derive(Debug)]
pub struct QueryPairs(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for QueryPairs {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ProblemResponse> {
        Ok(Self(params::parse_pairs(parts.uri.query().unwrap_or_default())))
    }
}

impl QueryPairs {
    /// Iterates over the values of a parameter.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the value of a parameter that may be given once.
    pub fn single(&self, name: &'static str) -> Result<Option<&str>, ProblemResponse> {
        let mut values = self.values(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(ProblemResponse::invalid_field(name, "must be given once")),
            (value, None) => Ok(value),
        }
    }

    /// Returns the value of a parameter as a whole number.
    pub fn number(&self, name: &'static str) -> Result<Option<i64>, ProblemResponse> {
        let read =
            |text: &str| text.parse().map_err(|_| ProblemResponse::invalid_field(name, "must be a whole number"));
        self.single(name)?.map(read).transpose()
    }

    /// Returns the value of a parameter as a point in time.
    pub fn time(&self, name: &'static str) -> Result<Option<Timestamp>, ProblemResponse> {
        // A `+` that the caller did not percent-encode has been decoded as a space.
        let read = |text: &str| Timestamp::parse(&text.replace(' ', "+"));
        let fault = || ProblemResponse::invalid_field(name, "must be an RFC 3339 time: 2026-11-23T14:02:31Z");
        self.single(name)?.map(|text| read(text).ok_or_else(fault)).transpose()
    }

    /// Returns the cursor and the limit of a list query.
    pub fn paging(&self) -> Result<PagingQuery, ProblemResponse> {
        let cursor = self.single("cursor")?.map(ToOwned::to_owned);
        let limit = self.single("limit")?.map(|text| text.parse().unwrap_or(u32::MAX));
        Ok(PagingQuery { cursor, limit })
    }
}

/// List with its filters in canonical form, `name=value;` each, to which its cursors are bound.
#[derive(Debug)]
pub struct FilteredList<'a> {
    pub list: &'a str,
    pub filters: &'a str,
}

impl FilteredList<'_> {
    /// Encodes a position in the list as a cursor.
    pub fn cursor(&self, number: i64) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}?{}:{number}", self.list, self.filters))
    }

    /// Decodes a cursor into a position in the list.
    ///
    /// # Errors
    /// [`ProblemResponse`] that names the filters the cursor belongs to, as far as the cursor reveals them.
    fn position(&self, cursor: &str) -> Result<i64, ProblemResponse> {
        let read = || {
            let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
            let (of, number) = text.rsplit_once(':')?;
            Some((of.to_owned(), number.parse::<i64>().ok()?))
        };
        match read() {
            Some((of, number)) if of == format!("{}?{}", self.list, self.filters) || of == self.legacy_binding() => {
                Ok(number)
            }
            Some((of, _)) => Err(self.foreign_cursor(&of)),
            None => Err(self.foreign_cursor("")),
        }
    }

    /// Returns the binding used by cursors of older versions, which hashed their filters.
    fn legacy_binding(&self) -> String {
        if self.filters.is_empty() {
            return self.list.to_owned();
        }
        format!("{}/{}", self.list, hex::encode(&Sha256::digest(self.filters)[..8]))
    }

    fn foreign_cursor(&self, of: &str) -> ProblemResponse {
        let filters = of.strip_prefix(self.list).and_then(|rest| rest.strip_prefix('?'));
        let is_plain = |text: &&str| {
            text.len() <= MAX_SHOWN_FILTER_BYTES
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._=;:-".contains(&byte))
        };
        let detail = match filters.filter(is_plain) {
            None => "this cursor does not belong to this list; omit it to start over".to_owned(),
            Some("") => "this cursor belongs to this list without filters; omit the filters or the cursor".to_owned(),
            Some(filters) => format!(
                "this cursor belongs to this list with {}; use exactly these, or omit the cursor",
                filters.trim_end_matches(';').replace(';', " ")
            ),
        };
        let since = if self.list == "events" { " and begin with since=TIME" } else { "" };
        ProblemResponse::new(ProblemCode::InvalidCursor, format!("{detail}{since}"))
    }
}

/// Maximum length of a cursor's filters that an error message repeats, in characters.
const MAX_SHOWN_FILTER_BYTES: usize = 400;

/// Returns a page of a list that is assembled for each request. `name` identifies rows: the page begins after the row
/// at which the previous page ended, wherever that row is now, or at the old offset if the row is gone. `tell` turns a
/// row into its answer. The page ends before the row that would exceed [`MAX_PAGE_BYTES`], but holds at least one row.
pub fn page_of<T, U: Serialize>(
    rows: Vec<T>,
    paging: &PagingQuery,
    list: &str,
    name: impl Fn(&T) -> String,
    tell: impl FnMut(T) -> U,
) -> Result<Page<U>, ProblemResponse> {
    page_within(rows, (paging.cursor.as_ref(), paging.limit()? as usize), list, name, tell)
}

/// Returns a page as [`page_of`] does; without a limit the page holds as many rows as fit.
pub fn page_of_all<T, U: Serialize>(
    rows: Vec<T>,
    paging: &PagingQuery,
    list: &str,
    name: impl Fn(&T) -> String,
    tell: impl FnMut(T) -> U,
) -> Result<Page<U>, ProblemResponse> {
    let limit = if paging.limit.is_none() { usize::MAX } else { paging.limit()? as usize };
    page_within(rows, (paging.cursor.as_ref(), limit), list, name, tell)
}

fn page_within<T, U: Serialize>(
    rows: Vec<T>,
    (cursor, limit): (Option<&String>, usize),
    list: &str,
    name: impl Fn(&T) -> String,
    mut tell: impl FnMut(T) -> U,
) -> Result<Page<U>, ProblemResponse> {
    let read = |cursor: &str| {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let (of, last) = text.split_once(':')?;
        let at = of.strip_prefix(list)?.strip_prefix('@')?;
        Some((at.parse::<usize>().ok()?, last.to_owned()))
    };
    let start = match cursor {
        None => 0,
        Some(cursor) => {
            let unknown = || {
                ProblemResponse::new(
                    ProblemCode::InvalidCursor,
                    "this cursor does not belong to this list; omit it to start over",
                )
            };
            let (at, last) = read(cursor).ok_or_else(unknown)?;
            rows.iter().position(|row| name(row) == last).map_or(at, |found| found + 1)
        }
    };
    let n_rows = rows.len();
    let (mut items, mut last, mut room) = (Vec::new(), None, PageRoom::default());
    for row in rows.into_iter().skip(start).take(limit) {
        let row_name = name(&row);
        let told = tell(row);
        if !room.takes(&told) {
            break;
        }
        items.push(told);
        last = Some(row_name);
    }
    let end = start.saturating_add(items.len());
    let cursor = last.map(|last| URL_SAFE_NO_PAD.encode(format!("{list}@{end}:{last}")));
    let has_more = end < n_rows;
    Ok(Page { next_cursor: cursor.filter(|_| has_more), has_more, ..Page::complete(items) })
}

/// Use of the [`MAX_PAGE_BYTES`] of a page.
#[derive(Debug, Default)]
pub struct PageRoom {
    n_rows: usize,
    n_bytes: usize,
}

impl PageRoom {
    /// Adds a row; whether it fits. The first row always fits.
    pub fn takes(&mut self, row: &impl Serialize) -> bool {
        self.n_bytes = self.n_bytes.saturating_add(json_length(row).unwrap_or(MAX_PAGE_BYTES)).saturating_add(1);
        self.n_rows += 1;
        self.n_bytes <= MAX_PAGE_BYTES || self.n_rows == 1
    }
}

/// Extractor of the number in a path; any other text answers 404.
#[derive(Debug)]
pub struct PathId(pub i64);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ProblemResponse> {
        let read = axum::extract::Path::<i64>::from_request_parts(parts, state).await;
        read.map(|path| Self(path.0))
            .map_err(|_| ProblemResponse::new(ProblemCode::NotFound, "not found: ids are whole numbers"))
    }
}

/// Cursor and limit of a list query.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct PagingQuery {
    pub cursor: Option<String>,
    pub limit: Option<u32>,
}

/// Default and maximum number of rows per page.
const PAGE_LIMITS: (u32, u32) = (50, 200);

impl PagingQuery {
    /// Returns the limit, checked against the maximum.
    pub fn limit(&self) -> Result<u32, ProblemResponse> {
        match self.limit {
            None => Ok(PAGE_LIMITS.0),
            Some(limit) if (1..=PAGE_LIMITS.1).contains(&limit) => Ok(limit),
            Some(_) => Err(ProblemResponse::invalid_field("limit", format!("must be 1 to {}", PAGE_LIMITS.1))),
        }
    }

    /// Decodes the cursor into a position in the list, if a cursor was given.
    pub fn position(&self, of: &FilteredList<'_>) -> Result<Option<i64>, ProblemResponse> {
        self.cursor.as_deref().map(|cursor| of.position(cursor)).transpose()
    }
}
