//! Lists that are read row by row, so that a row which cannot be read hides none of its neighbours.

use crate::domain::text::Untrusted;
use serde::de::{DeserializeOwned, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt;
use std::marker::PhantomData;

/// Number of unreadable rows that are kept with their text; further rows are only counted.
const MAX_SHOWN_ROWS: usize = 3;
/// Number of characters kept of an unreadable row, and of the reason.
const MAX_SHOWN_CHARS: usize = 300;

/// Row of a list that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct UnreadableRow {
    /// Reason why the row could not be read, as the JSON parser words it.
    pub why: Untrusted,
    /// Beginning of the row's JSON as received, 300 characters at most.
    pub raw: Untrusted,
}

/// Rows of a list that could not be read: their number and the first three.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct UnreadableRows {
    /// Number of rows that could not be read.
    pub n: u64,
    /// First unreadable rows, 3 at most.
    pub shown: Vec<UnreadableRow>,
}

impl UnreadableRows {
    /// Creates a collection without any row.
    #[must_use]
    pub const fn new() -> Self {
        Self { n: 0, shown: Vec::new() }
    }

    /// Whether every row was read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Records a row that could not be read; the row's text is kept only for the first three.
    pub fn record(&mut self, why: &str, raw: &str) {
        self.n += 1;
        if self.shown.len() < MAX_SHOWN_ROWS {
            let head = |text: &str| Untrusted::new(text.chars().take(MAX_SHOWN_CHARS).collect::<String>());
            self.shown.push(UnreadableRow { why: head(why), raw: head(raw) });
        }
    }

    /// Adds the unreadable rows of another page of the list.
    pub fn extend(&mut self, other: Self) {
        self.n += other.n;
        let room = MAX_SHOWN_ROWS.saturating_sub(self.shown.len());
        self.shown.extend(other.shown.into_iter().take(room));
    }

    /// Returns one line about the unreadable rows, sanitised for a terminal; `None` when every row was read.
    #[must_use]
    pub fn summary_line(&self) -> Option<String> {
        let first = self.shown.first()?;
        let rows = if self.n == 1 { "1 row" } else { &format!("{} rows", self.n) };
        let which = if self.n == 1 { "Content" } else { "First" };
        Some(format!("{rows} could not be read: {}. {which}: {}", first.why.sanitized(), first.raw.sanitized()))
    }
}

/// Rows of a list that could be read, in order, and those that could not. Only the readable rows are serialised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadableRows<T> {
    /// Rows that could be read, in order.
    pub rows: Vec<T>,
    /// Rows that could not be read.
    pub unreadable: UnreadableRows,
}

impl<T> Default for ReadableRows<T> {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl<T> From<Vec<T>> for ReadableRows<T> {
    fn from(rows: Vec<T>) -> Self {
        Self { rows, unreadable: UnreadableRows::default() }
    }
}

impl<T: Serialize> Serialize for ReadableRows<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.rows.serialize(serializer)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for ReadableRows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ReadableRowsVisitor<T>(PhantomData<T>);
        impl<'de, T: DeserializeOwned> Visitor<'de> for ReadableRowsVisitor<T> {
            type Value = ReadableRows<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut read = ReadableRows::default();
                while let Some(raw) = list.next_element::<Box<RawValue>>()? {
                    match serde_json::from_str(raw.get()) {
                        Ok(row) => read.rows.push(row),
                        Err(error) => read.unreadable.record(&error.to_string(), raw.get()),
                    }
                }
                Ok(read)
            }
        }
        deserializer.deserialize_seq(ReadableRowsVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::log::LogPage;
    use crate::wire::page::{CappedList, Page};

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    struct Row {
        id: i64,
        name: String,
    }

    /// Rows that are JSON and no row of this kind.
    fn odd() -> Vec<String> {
        let nested = format!(r#"{{"id":2,"name":{}1{}}}"#, "[".repeat(500), "]".repeat(500));
        [
            r#"{"id":2,"name":"\ud83d"}"#,
            r#"{"id":2,"name":"\udc00"}"#,
            r#"{"id":1e400,"name":"a"}"#,
            r#"{"id":-1e400,"name":"a"}"#,
            r#"{"id":2,"name":7}"#,
            r#"{"id":"2","name":"a"}"#,
            r#"{"name":"a"}"#,
            r#"{"id":2,"id":3,"name":"a"}"#,
            "null",
            "[]",
            "7",
            r#""text""#,
            nested.as_str(),
        ]
        .map(str::to_owned)
        .to_vec()
    }

    #[test]
    fn r3_a_row_that_cannot_be_read_hides_no_neighbour_in_any_list() {
        let row = |id| format!(r#"{{"id":{id},"name":"good","more":1e400,"text":"\ud83d"}}"#);
        for odd in odd() {
            let items = format!("[{},{odd},{}]", row(1), row(3));
            let page = format!(r#"{{"items":{items},"nextCursor":"c","previousCursor":null,"hasMore":true}}"#);
            let listing = format!(r#"{{"items":{items},"total":3,"nAlarming":0}}"#);
            let page_read: Page<Row> = serde_json::from_str(&page).expect(&odd);
            let log_read: LogPage<Row> = serde_json::from_str(&page).expect(&odd);
            let listing_read: CappedList<Row> = serde_json::from_str(&listing).expect(&odd);
            assert_eq!((page_read.next_cursor.as_deref(), log_read.has_more), (Some("c"), true));
            for (items, unreadable) in [
                (page_read.items, page_read.unreadable),
                (log_read.items, log_read.unreadable),
                (listing_read.items, listing_read.unreadable),
            ] {
                let ids: Vec<i64> = items.iter().map(|row| row.id).collect();
                assert_eq!((ids, unreadable.n), (vec![1, 3], 1), "{odd}");
                let remark = unreadable.summary_line().expect("it is told");
                let shown: String = odd.chars().take(20).collect();
                assert!(remark.starts_with("1 row could not be read: ") && remark.contains(&shown), "{remark}");
            }
        }
    }

    #[test]
    fn a_flood_of_unreadable_rows_is_counted_and_not_kept() {
        let text = format!(r#"{{"items":[{}0],"nextCursor":null,"hasMore":false}}"#, "0,".repeat(100_000));
        let page: Page<Row> = serde_json::from_str(&text).expect("a page");
        assert_eq!((page.unreadable.n, page.unreadable.shown.len(), page.items.len()), (100_001, MAX_SHOWN_ROWS, 0));
        let long = format!(r#"{{"items":["{}"],"nextCursor":null,"hasMore":false}}"#, "x".repeat(100_000));
        let page: Page<Row> = serde_json::from_str(&long).expect("a page");
        assert_eq!(page.unreadable.shown[0].raw.raw().len(), MAX_SHOWN_CHARS);
    }
}
