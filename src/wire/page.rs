//! Pages of lists with an opaque cursor, and the capped listings of the overview.

use super::readable::{ReadableRows, UnreadableRows};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io;

/// One page of a list, with the cursor of the next page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", from = "PageRead<T>", bound(deserialize = "T: DeserializeOwned"))]
pub struct Page<T> {
    /// Rows of the page, in the order of the list.
    pub items: Vec<T>,
    /// Opaque cursor of the next page. Lists that can be polled return a cursor on every page, also on an empty one.
    pub next_cursor: Option<String>,
    /// Whether more rows exist after this page.
    pub has_more: bool,
    /// Rows of the page that the client could not read; never on the wire.
    #[serde(skip)]
    pub unreadable: UnreadableRows,
}

impl<T> Page<T> {
    /// Wraps a complete list as a single page without a cursor.
    #[must_use]
    pub fn complete(items: Vec<T>) -> Self {
        Self { items, next_cursor: None, has_more: false, unreadable: UnreadableRows::default() }
    }

    /// Returns the rows of a list that was read to its end.
    ///
    /// # Errors
    /// [`Page::cut_line`] of a list with more rows than were read.
    pub fn into_complete(self) -> Result<Vec<T>, String> {
        self.cut_line().map_or(Ok(self.items), Err)
    }

    /// Returns one line about a list with more rows than were read; `None` for a list that was read to its end.
    #[must_use]
    pub fn cut_line(&self) -> Option<String> {
        let n = self.items.len();
        let rows = if n == 1 { "row was" } else { "rows were" };
        self.has_more.then(|| format!("the list has more rows than are read at once: {n} {rows} read"))
    }
}

/// Length of a value as JSON in bytes, counted without building the text.
///
/// # Errors
/// [`serde_json::Error`] when the value has no JSON form.
pub fn json_length(value: &impl Serialize) -> serde_json::Result<usize> {
    struct ByteCount(usize);

    impl io::Write for ByteCount {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.saturating_add(bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut count = ByteCount(0);
    serde_json::to_writer(&mut count, value)?;
    Ok(count.0)
}

/// Wire form of [`Page`], read row by row so that one bad row does not fail the page.
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

/// First rows of a list, with the number of rows in the whole list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", from = "ListingRead<T>", bound(deserialize = "T: DeserializeOwned"))]
pub struct CappedList<T> {
    /// First rows of the list: worst first, or newest first.
    pub items: Vec<T>,
    /// Number of rows in the whole list, shown or not.
    pub total: u64,
    /// Number of rows in the whole list that need attention: state tripped, failing or warning; failed attempts; open
    /// trips.
    pub n_alarming: u64,
    /// Rows of the listing that the client could not read; never on the wire.
    #[serde(skip)]
    pub unreadable: UnreadableRows,
}

impl<T> CappedList<T> {
    /// Wraps the first rows of a list of `total` rows, of which `n_alarming` need attention.
    #[must_use]
    pub fn new(items: Vec<T>, total: u64, n_alarming: u64) -> Self {
        Self { items, total, n_alarming, unreadable: UnreadableRows::default() }
    }
}

impl<T> Default for CappedList<T> {
    fn default() -> Self {
        Self::new(Vec::new(), 0, 0)
    }
}

/// Wire form of [`CappedList`], read row by row so that one bad row does not fail the overview.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: DeserializeOwned")]
struct ListingRead<T> {
    items: ReadableRows<T>,
    total: u64,
    n_alarming: u64,
}

impl<T> From<ListingRead<T>> for CappedList<T> {
    fn from(read: ListingRead<T>) -> Self {
        let ListingRead { items: ReadableRows { rows: items, unreadable }, total, n_alarming } = read;
        Self { items, total, n_alarming, unreadable }
    }
}
