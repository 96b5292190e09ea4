//! Lists: pages with an opaque cursor, and the capped listings of the overview.

use super::readable::{ReadableRows, UnreadableRows};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One page of a list, with the place to go on from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", from = "PageRead<T>", bound(deserialize = "T: DeserializeOwned"))]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Opaque; always there on lists that can be polled, also on an empty page.
    pub next_cursor: Option<String>,
    /// Whether more rows exist now.
    pub has_more: bool,
    /// Rows that the client could not read; never sent.
    #[serde(skip)]
    pub unreadable: UnreadableRows,
}

impl<T> Page<T> {
    /// The only page of a list.
    #[must_use]
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next_cursor: None, has_more: false, unreadable: UnreadableRows::default() }
    }
}

/// A page as it is read: row by row.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: DeserializeOwned")]
struct PageRead<T> {
    items: ReadableRows<T>,
    next_cursor: Option<String>,
    has_more: bool,
}

impl<T> From<PageRead<T>> for Page<T> {
    fn from(read: PageRead<T>) -> Self {
        let PageRead { items: ReadableRows { rows: items, unreadable }, next_cursor, has_more } = read;
        Self { items, next_cursor, has_more, unreadable }
    }
}

/// The first rows of a list, and how much is not shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", from = "ListingRead<T>", bound(deserialize = "T: DeserializeOwned"))]
pub struct Listing<T> {
    /// The first rows: worst first, or newest first.
    pub items: Vec<T>,
    /// How many rows there are in all.
    pub total: u64,
    /// How many of all are neither healthy, unknown nor switched off by somebody.
    pub n_alarming: u64,
    /// Rows that the client could not read; never sent.
    #[serde(skip)]
    pub unreadable: UnreadableRows,
}

impl<T> Listing<T> {
    /// The first rows of `total`, `n_alarming` of which need attention.
    #[must_use]
    pub fn of(items: Vec<T>, total: u64, n_alarming: u64) -> Self {
        Self { items, total, n_alarming, unreadable: UnreadableRows::default() }
    }
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self::of(Vec::new(), 0, 0)
    }
}

/// A listing as it is read: row by row.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: DeserializeOwned")]
struct ListingRead<T> {
    items: ReadableRows<T>,
    total: u64,
    n_alarming: u64,
}

impl<T> From<ListingRead<T>> for Listing<T> {
    fn from(read: ListingRead<T>) -> Self {
        let ListingRead { items: ReadableRows { rows: items, unreadable }, total, n_alarming } = read;
        Self { items, total, n_alarming, unreadable }
    }
}
