//! Listings of a company's subscriptions: stored part by part, because a list may have more pages than a round reads.

use super::observations::{ListingOrigin, record_poll};
use super::unreadable::{self, UnreadableItem};
use super::{HistoryError, PlatformHistory};
use crate::database::options::JobPriority;
use crate::domain::ids::{CompanyId, SubscriptionId};
use crate::domain::text::Untrusted;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Maximum number of pages read of one list before it is read from its beginning again.
const MAX_LISTING_PAGES: u32 = 100;
/// Maximum number of subscriptions read of one list before it is read from its beginning again.
const MAX_LISTED: usize = 20_000;
/// Maximum number of bytes of subscriptions read of one list before it is read from its beginning again.
const MAX_LISTED_BYTES: usize = 64 * 1024 * 1024;
/// Maximum number of subscriptions that are kept, of all companies; those seen last.
const MAX_KEPT: i64 = 50_000;

/// Listing that was not read to its end: where it goes on, and the subscriptions that it had so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OpenListing {
    /// Query of the next page; empty for the first page.
    pub query: Vec<(String, String)>,
    /// Number of pages read so far.
    n_pages: u32,
    /// Number of bytes of the subscriptions listed so far.
    n_bytes: usize,
    /// Numbers of the subscriptions listed so far.
    ids: BTreeSet<i64>,
    /// Whether an item without a readable number was listed.
    has_unnumbered: bool,
}

impl OpenListing {
    /// Whether so much was read that the list is read from its beginning again.
    fn is_too_long(&self) -> bool {
        self.n_pages >= MAX_LISTING_PAGES || self.ids.len() >= MAX_LISTED || self.n_bytes >= MAX_LISTED_BYTES
    }
}

/// Subscription of a page, as far as the history needs to understand it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRow {
    /// Number of the subscription.
    pub id: SubscriptionId,
    /// Company that owns the subscription.
    pub company: CompanyId,
    /// Target URL of the subscription.
    pub target: Untrusted,
    /// Whether the subscription is enabled.
    pub is_enabled: bool,
    /// Item of the list, as received.
    pub document: String,
}

/// Part of a listing that one round reads.
#[derive(Debug, Default)]
pub struct ListingPart {
    /// Listing before this part, with the query of the page that is read next.
    open: OpenListing,
    /// Whether the end of the list was read.
    is_complete: bool,
    /// Number of pages of this part.
    n_pages: u32,
    /// Subscriptions that could be read.
    rows: Vec<ListedRow>,
    /// Subscriptions that could not be read.
    unreadable: Vec<UnreadableItem>,
}

impl ListingPart {
    /// Begins a part where a listing goes on.
    #[must_use]
    pub fn new(open: OpenListing) -> Self {
        Self { open, ..Self::default() }
    }

    /// Returns the query of the page that is read next.
    #[must_use]
    pub fn query(&self) -> &[(String, String)] {
        &self.open.query
    }

    /// Whether no page was read yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.n_pages == 0
    }

    /// Adds a page: the subscriptions that could be read, and the items that could not.
    pub fn add_page(&mut self, rows: Vec<ListedRow>, unreadable: Vec<UnreadableItem>) {
        self.rows.extend(rows);
        self.unreadable.extend(unreadable);
        self.n_pages += 1;
    }

    /// Sets where the list goes on; `None` at its end.
    pub fn set_next(&mut self, next: Option<Vec<(String, String)>>) {
        self.is_complete = next.is_none();
        self.open.query = next.unwrap_or_default();
    }

    /// Begins again at the first page, because the platform no longer knows where the list goes on.
    pub fn restart(&mut self) {
        self.open = OpenListing::default();
    }
}

impl PlatformHistory {
    /// Returns the listing that was not read to its end; an empty one if the list is to be read from its beginning.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be read.
    pub async fn open_listing(&self, what: String) -> Result<OpenListing, HistoryError> {
        self.database
            .read(JobPriority::Low, move |connection| {
                let mut statement = connection.prepare_cached("SELECT cursor FROM poll_state WHERE task = ?1")?;
                let text: Option<Option<String>> = statement.query_row([what], |row| row.get(0)).optional()?;
                Ok(text.flatten().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
            })
            .await
    }

    /// Stores a part of a listing of a company's subscriptions. A subscription that was on and is off now starts an
    /// outage. One that could not be read keeps its stored state. At the end of the list, or of as much as is read of
    /// one list, the subscriptions that no part had are deleted.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn record_subscriptions(
        &self,
        told: ListingOrigin,
        company: CompanyId,
        part: ListingPart,
    ) -> Result<(), HistoryError> {
        self.write(move |connection| {
            for row in &part.rows {
                record_subscription(connection, &told, row)?;
            }
            if part.open.n_pages == 0 {
                unreadable::delete_items(connection, &told.purpose)?;
            }
            unreadable::store_items(connection, &told.purpose, told.at, &part.unreadable)?;
            let mut open = part.open;
            open.n_pages += part.n_pages;
            open.n_bytes += part.rows.iter().map(|row| row.document.len()).sum::<usize>();
            open.ids.extend(part.rows.iter().map(|row| row.id.0));
            open.ids.extend(part.unreadable.iter().filter_map(|item| item.number));
            open.has_unnumbered |= part.unreadable.iter().any(|item| item.number.is_none());
            // An unreadable item without a number may be any subscription missing from the list, so none is deleted.
            if (part.is_complete || open.is_too_long()) && !open.has_unnumbered {
                connection
                    .prepare_cached(
                        "DELETE FROM subscriptions WHERE company = ?1 AND id NOT IN (SELECT value FROM json_each(?2))",
                    )?
                    .execute(params![company.0, serde_json::to_string(&open.ids).unwrap_or_default()])?;
            }
            delete_beyond(connection, MAX_KEPT)?;
            record_poll(connection, &told)?;
            record_end(connection, &told, part.is_complete, open)
        })
        .await
    }
}

impl PlatformHistory {
    /// Stores a subscription as an answer about it alone showed it.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn record_one_subscription(&self, told: ListingOrigin, row: ListedRow) -> Result<(), HistoryError> {
        self.write(move |connection| record_subscription(connection, &told, &row)).await
    }

    /// Deletes a subscription that no longer exists.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn delete_subscription(&self, id: SubscriptionId) -> Result<(), HistoryError> {
        self.write(move |connection| {
            connection.prepare_cached("DELETE FROM subscriptions WHERE id = ?1")?.execute([id.0])?;
            Ok(())
        })
        .await
    }
}

/// Deletes the subscriptions seen longest ago, down to `n`.
fn delete_beyond(connection: &Connection, n: i64) -> Result<(), HistoryError> {
    let n_kept: i64 =
        connection.prepare_cached("SELECT count(*) FROM subscriptions")?.query_row([], |row| row.get(0))?;
    if n_kept > n {
        connection
            .prepare_cached(
                "DELETE FROM subscriptions WHERE id IN (SELECT id FROM subscriptions ORDER BY seen_at DESC, id LIMIT -1 OFFSET ?1)",
            )?
            .execute([n])?;
    }
    Ok(())
}

/// Stores where a listing goes on, and whether the list was ever read to its end.
fn record_end(
    connection: &Connection,
    told: &ListingOrigin,
    is_complete: bool,
    open: OpenListing,
) -> Result<(), HistoryError> {
    if is_complete {
        connection
            .prepare_cached("UPDATE poll_state SET cursor = NULL, complete_since = ?2 WHERE task = ?1")?
            .execute(params![told.purpose, told.at.millis()])?;
        return Ok(());
    }
    let is_too_long = open.is_too_long();
    let place = serde_json::to_string(&if is_too_long { OpenListing::default() } else { open }).unwrap_or_default();
    connection
        .prepare_cached(
            "UPDATE poll_state SET cursor = ?2, complete_since = CASE WHEN ?3 THEN NULL ELSE complete_since END WHERE task = ?1",
        )?
        .execute(params![told.purpose, place, is_too_long])?;
    Ok(())
}

fn record_subscription(connection: &Connection, told: &ListingOrigin, of: &ListedRow) -> Result<(), HistoryError> {
    let before: Option<(bool, i64)> = connection
        .prepare_cached("SELECT is_enabled, seen_at FROM subscriptions WHERE id = ?1")?
        .query_row([of.id.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match before {
        // The outage began between the two listings, so both times are stored.
        Some((true, seen)) if !of.is_enabled => {
            connection
                .prepare_cached(
                    "INSERT INTO subscription_outages (subscription, company, target, last_seen_enabled_at, first_seen_disabled_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![of.id.0, of.company.0, of.target.raw(), seen, told.at.millis()])?;
        }
        Some((false, _)) if of.is_enabled => {
            connection
                .prepare_cached(
                    "UPDATE subscription_outages SET enabled_at = ?2 WHERE subscription = ?1 AND enabled_at IS NULL",
                )?
                .execute(params![of.id.0, told.at.millis()])?;
        }
        _ => {}
    }
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO subscriptions (id, company, is_enabled, document, seen_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![of.id.0, of.company.0, of.is_enabled, of.document, told.at.millis()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use std::time::Duration;

    const COMPANY: CompanyId = CompanyId(92);

    fn told() -> ListingOrigin {
        let at = Timestamp::from_millis(1_000);
        ListingOrigin { purpose: "subscriptions:92".to_owned(), at, max_gap: Duration::from_secs(30) }
    }

    async fn known(history: &PlatformHistory) -> (Vec<i64>, BTreeSet<CompanyId>) {
        let seen = history.observations(Timestamp::from_millis(2_000)).await.expect("read");
        (seen.subscriptions.iter().map(|of| of.id.0).collect(), seen.unfinished)
    }

    /// Stores pages with one subscription each, where the last listing ended; the last page goes on.
    async fn listed(history: &PlatformHistory, ids: &[i64], is_complete: bool) {
        let mut part = ListingPart::new(history.open_listing(told().purpose).await.expect("read"));
        for id in ids {
            let row = ListedRow {
                id: SubscriptionId(*id),
                company: COMPANY,
                target: "https://x.example".into(),
                is_enabled: true,
                document: format!(r#"{{"id":{id}}}"#),
            };
            part.add_page(vec![row], Vec::new());
            part.set_next(Some(vec![("cursor".to_owned(), id.to_string())]));
        }
        if is_complete {
            part.set_next(None);
        }
        history.record_subscriptions(told(), COMPANY, part).await.expect("written");
    }

    #[tokio::test]
    async fn l4_a_list_without_end_is_read_from_its_beginning_again_and_keeps_what_was_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let history = PlatformHistory::open(&dir.path().join("history.db")).expect("it opens");
        listed(&history, &[1, 2], true).await;
        assert_eq!(known(&history).await, (vec![1, 2], BTreeSet::new()));
        let pages: Vec<i64> = (2..2 + i64::from(MAX_LISTING_PAGES)).collect();
        let (first, rest) = pages.split_at(40);
        listed(&history, first, false).await;
        let open = history.open_listing(told().purpose).await.expect("read");
        assert_eq!((open.n_pages, open.query), (40, vec![("cursor".to_owned(), "41".to_owned())]));
        assert_eq!(known(&history).await.1, BTreeSet::new(), "the list was read to its end before");
        listed(&history, rest, false).await;
        assert_eq!(history.open_listing(told().purpose).await.expect("read"), OpenListing::default());
        assert_eq!(known(&history).await, (pages, BTreeSet::from([COMPANY])), "1 is not among those that were read");
        listed(&history, &[7], true).await;
        assert_eq!(known(&history).await, (vec![7], BTreeSet::new()));
    }

    #[tokio::test]
    async fn l4_more_subscriptions_than_are_kept_lose_those_seen_longest_ago() {
        let dir = tempfile::tempdir().expect("a directory");
        let history = PlatformHistory::open(&dir.path().join("history.db")).expect("it opens");
        listed(&history, &[1, 2, 3], true).await;
        let later = "UPDATE subscriptions SET seen_at = 9 WHERE id = 2";
        history.write(move |connection| Ok(connection.execute(later, []).map(drop)?)).await.expect("written");
        history.write(|connection| delete_beyond(connection, 2)).await.expect("written");
        assert_eq!(known(&history).await.0, vec![1, 3]);
    }
}
