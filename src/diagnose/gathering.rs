//! Reading of lists while evidence is gathered: page by page, within limits, with failures and limits recorded.

use super::evidence_portal::{EvidencePortal, PageRequest};
use super::evidence_set::{QueryOutcome, QueryRecord, call_text};
use crate::domain::time::Timestamp;
use crate::wire::log::{LogPage, LogRoute, RequestQuery};
use crate::wire::requests::RequestRow;
use serde_json::Value;

/// Rows per page of a list.
pub(super) const PAGE_ROWS: u32 = 200;
/// Maximum number of pages read of one list.
pub(super) const MAX_PAGES: usize = 5;
/// Number of subjects that are looked at concurrently.
pub(super) const CONCURRENT_SUBJECTS: usize = 8;

/// Gathering in progress: the platform, its time, and the start of the period.
pub(super) struct EvidenceGathering<'a, P> {
    pub(super) portal: &'a P,
    pub(super) at: Timestamp,
    pub(super) since: Timestamp,
}

impl<P: EvidencePortal> EvidenceGathering<'_, P> {
    /// Reads the rows of a log page by page, up to `most` pages.
    pub(super) async fn pages<T, F>(
        &self,
        query: String,
        most: usize,
        fetch: impl Fn(PageRequest) -> F,
    ) -> QueryRecord<Vec<T>>
    where
        F: Future<Output = QueryOutcome<LogPage<T>>>,
    {
        let mut record = QueryRecord { at: self.at, found: Ok(Vec::new()), ..QueryRecord::of(&query) };
        let mut cursor: Option<String> = None;
        for _ in 0..most {
            match fetch(PageRequest { cursor: cursor.take(), limit: PAGE_ROWS }).await {
                Ok(page) => {
                    if let Ok(rows) = &mut record.found {
                        rows.extend(page.items);
                    }
                    record.is_incomplete |= page.unreadable.n > 0;
                    record.is_incomplete |= page.has_more && page.next_cursor.is_none();
                    cursor = page.next_cursor.filter(|_| page.has_more);
                    if cursor.is_none() {
                        return record;
                    }
                }
                Err(why) => {
                    record.found = Err(why);
                    return record;
                }
            }
        }
        record.is_incomplete = true;
        record
    }

    /// Reads calls that match filters, newest first.
    pub(super) async fn requests(&self, of: &RequestQuery, most: usize) -> QueryRecord<Vec<RequestRow>> {
        let fetch = |page: PageRequest| async move { self.portal.requests(of, &page).await };
        self.pages(log_text(of), most, fetch).await
    }
}

/// Formats the query of a log as it is shown.
pub(super) fn log_text<Q: LogRoute>(query: &Q) -> String {
    let Ok(Value::Object(filters)) = serde_json::to_value(query) else { return format!("GET {}", Q::PATH) };
    let pairs: Vec<(&str, String)> = filters
        .iter()
        .filter_map(|(name, value)| match value {
            Value::Null => None,
            Value::String(text) => Some((name.as_str(), text.clone())),
            other => Some((name.as_str(), other.to_string())),
        })
        .collect();
    call_text(Q::PATH, &pairs)
}

/// Merges several results into one. If any of them failed, the merged result has failed.
pub(super) fn merge_records<T, K: Ord>(
    query: String,
    parts: Vec<QueryRecord<Vec<T>>>,
    newest_first: impl Fn(&T) -> K,
) -> QueryRecord<Vec<T>> {
    let at = parts.first().map(|part| part.at).unwrap_or_default();
    let is_incomplete = parts.iter().any(|part| part.is_incomplete);
    let found: QueryOutcome<Vec<Vec<T>>> = parts.into_iter().map(|part| part.found).collect();
    let found = found.map(|lists| {
        let mut rows: Vec<T> = lists.into_iter().flatten().collect();
        rows.sort_by_key(newest_first);
        rows
    });
    QueryRecord { query, at, found, is_incomplete }
}
