//! Polling of a company's lists: its events on from a cursor, its subscriptions part by part.

use super::super::keyed_client::{ApiCall, CallFailure, KeyClient, RateLimitedClient};
use super::super::poll_round::ListProgress;
use super::{MAX_POLL_INTERVAL, MIN_POLL_INTERVAL, PlatformPoller, UNLOCKED_FACTOR};
use crate::client::integration::answer::RawAnswer;
use crate::client::integration::partner::{self, ScopeProbe};
use crate::client::integration::tolerant_reading::{self, NextPage};
use crate::domain::ids::CompanyId;
use crate::domain::scope::KeyScope;
use crate::domain::time::Timestamp;
use crate::domain::window::RateBucket;
use crate::history::HistoryError;
use crate::history::listings::{ListedRow, ListingPart};
use crate::history::observations::{ListingOrigin, StoredEvent};
use crate::history::unreadable::UnreadableItem;
use crate::wire::requests::OwnCallKind;
use serde_json::value::RawValue;
use std::time::Duration;

/// Delay before another console may retry a poll that brought no result.
const RETRY_AFTER_MISS: Duration = Duration::from_secs(2);
/// Longest wait of a command for the poll that it needs, after another process polled the same list.
const MAX_WAIT_FOR_POLL: Duration = Duration::from_secs(10);
/// Maximum number of characters kept of an item that cannot be read.
const MAX_KEPT_CHARS: usize = 2_000;
/// Maximum number of pages read from one list per round.
const MAX_PAGES_PER_ROUND: usize = 5;

/// List that is polled with one key.
struct PolledList<'a> {
    post: &'a RateLimitedClient,
    holder: &'a KeyClient,
    company: CompanyId,
    scope: KeyScope,
    /// Purpose of the calls, such as `events:92`.
    what: String,
    /// Minimum time since the last round of this list.
    interval: Duration,
}

/// Outcome of a request for a page.
enum PageOutcome {
    /// The answer with the page.
    Page(RawAnswer),
    /// The page exceeded the size limit of an answer; the list is asked for fewer rows from now on.
    TooLarge,
    /// The list cannot be read with this key.
    Ended(ListProgress),
}

impl PlatformPoller {
    /// Polls a company's subscriptions or events, with the key that has the most room in its budget.
    pub(super) async fn poll_list(&mut self, company: CompanyId, scope: KeyScope) -> Result<ListProgress, CallFailure> {
        let post = self.post.clone();
        let Some((holder, total)) = post.best_key(company, scope, RateBucket::Read).await? else {
            return Ok(ListProgress::ScopeMissing);
        };
        // Two lists, and one page more than that, out of the whole budget of a minute.
        let every = Duration::from_secs(60) * 3 / total.max(1);
        self.source.poll_interval = every.clamp(MIN_POLL_INTERVAL, MAX_POLL_INTERVAL);
        let interval = match (self.is_waited_for, &self.lock) {
            (true, _) => self.source.poll_interval.min(MAX_WAIT_FOR_POLL),
            (false, Some(_)) => self.source.poll_interval,
            (false, None) => self.source.poll_interval * UNLOCKED_FACTOR,
        };
        let interval = interval.mul_f64(0.95 + self.ambient.random_unit().0 / 10.0);
        let list = |what: String| PolledList { post: &post, holder, company, scope, what, interval };
        match scope {
            KeyScope::EventsRead => self.poll_events(&list(format!("events:{company}"))).await,
            _ => self.poll_subscriptions(&list(format!("subscriptions:{company}"))).await,
        }
    }

    async fn poll_events(&mut self, list: &PolledList<'_>) -> Result<ListProgress, CallFailure> {
        let mut query = self.events_query(&list.what).await?;
        let mut has_place = query.iter().any(|(name, _)| name != "since");
        let mut every = list.interval;
        for _ in 0..MAX_PAGES_PER_ROUND {
            match self.request_page(list, &query, every).await {
                Err(CallFailure::Refused(_)) if has_place => {
                    // The platform no longer knows the cursor: polling restarts at the newest known event.
                    let newest = list.post.history().restart_polling(list.what.clone(), list.company).await?;
                    (query, has_place) = (self.since_query(newest), false);
                }
                Err(setback) => return Err(setback),
                Ok(PageOutcome::Ended(progress)) => return Ok(progress),
                Ok(PageOutcome::TooLarge) => {}
                Ok(PageOutcome::Page(answer)) => {
                    let (n, next) = match self.read_events(list, &answer, &query).await {
                        Ok(read) => read,
                        Err(why) => return Err(self.record_unreadable(&list.what, &answer, why).await),
                    };
                    match self.next_query(list, &next, &query).filter(|_| n > 0) {
                        Some(place) => query = place,
                        None => {
                            self.limits.forget(&list.what);
                            return Ok(ListProgress::Complete);
                        }
                    }
                }
            }
            // Further pages of the same list need no wait between permits.
            every = Duration::ZERO;
        }
        // More pages than a round reads: the next round continues at the cursor.
        Ok(ListProgress::More)
    }

    /// Polls subscriptions from where the last round ended. What was read is stored, however the round ends.
    async fn poll_subscriptions(&mut self, list: &PolledList<'_>) -> Result<ListProgress, CallFailure> {
        let history = list.post.history();
        let mut part = ListingPart::new(history.open_listing(list.what.clone()).await?);
        let mut unreadable = None;
        let read = self.read_subscriptions(list, &mut part, &mut unreadable).await;
        if !part.is_empty() {
            history.record_subscriptions(self.listing_origin(&list.what), list.company, part).await?;
        }
        match unreadable {
            // Recorded after the part, whose record says that the list's answers can be read.
            Some((answer, why)) => Err(self.record_unreadable(&list.what, &answer, why).await),
            None => read,
        }
    }

    /// Reads pages of subscriptions into a part of their listing; `unreadable` receives an answer that is no list.
    async fn read_subscriptions(
        &mut self,
        list: &PolledList<'_>,
        part: &mut ListingPart,
        unreadable: &mut Option<(RawAnswer, String)>,
    ) -> Result<ListProgress, CallFailure> {
        let mut every = list.interval;
        for _ in 0..MAX_PAGES_PER_ROUND {
            match self.request_page(list, part.query(), every).await {
                Err(CallFailure::Refused(_)) if !part.query().is_empty() => part.restart(),
                Err(setback) => return Err(setback),
                Ok(PageOutcome::Ended(progress)) => return Ok(progress),
                Ok(PageOutcome::TooLarge) => {}
                Ok(PageOutcome::Page(answer)) => {
                    let taken = take_page(part, list.company, &answer.text());
                    let (n, next) = match taken {
                        Ok(read) => read,
                        Err(why) => {
                            *unreadable = Some((answer, why));
                            return Ok(ListProgress::More);
                        }
                    };
                    let next = self.next_query(list, &next, part.query()).filter(|_| n > 0);
                    let is_end = next.is_none();
                    part.set_next(next);
                    if is_end {
                        return Ok(ListProgress::Complete);
                    }
                }
            }
            every = Duration::ZERO;
        }
        Ok(ListProgress::More)
    }

    /// Requests the page of a list at `query`.
    async fn request_page(
        &mut self,
        list: &PolledList<'_>,
        query: &[(String, String)],
        every: Duration,
    ) -> Result<PageOutcome, CallFailure> {
        let PolledList { post, holder, scope, what, .. } = list;
        let path = ScopeProbe::for_scope(*scope).path;
        let letter = ApiCall {
            purpose: what.clone(),
            kind: OwnCallKind::Poll,
            interval: every,
            retry_interval: if self.lock.is_some() { every.min(RETRY_AFTER_MISS) } else { every },
            bucket: RateBucket::Read,
            method: reqwest::Method::GET,
            route: path,
            path: path.to_owned(),
            query: self.limits.with_limit(what, query),
            body: None,
        };
        let answer = match post.call(holder, &letter).await {
            Err(CallFailure::Refused(refusal)) if refusal.is_forbidden() => {
                post.record_scope(holder, *scope, None).await?;
                // Another key may have the scope, so the list is tried again.
                return Ok(PageOutcome::Ended(ListProgress::More));
            }
            Err(CallFailure::TooLarge(why)) => {
                self.limits.shrink(what).ok_or(CallFailure::Failed(why))?;
                return Ok(PageOutcome::TooLarge);
            }
            Err(CallFailure::KeyRefused(refusal)) if post.holders().len() > 1 => {
                return Ok(PageOutcome::Ended(ListProgress::KeyRefused(refusal)));
            }
            came => came?,
        };
        self.update_clock_skew(&answer);
        post.record_scope(holder, *scope, Some(*scope)).await?;
        Ok(PageOutcome::Page(answer))
    }

    /// Returns the query of the page after the one at `query`; `None` at the end of the list, or where an answer leads
    /// back to itself.
    fn next_query(
        &self,
        list: &PolledList<'_>,
        next: &NextPage,
        query: &[(String, String)],
    ) -> Option<Vec<(String, String)>> {
        next.next_query(query).map(|place| self.limits.without_limit(&list.what, place)).filter(|place| place != query)
    }

    /// Returns the query at which polling of events continues or begins.
    async fn events_query(&self, what: &str) -> Result<Vec<(String, String)>, HistoryError> {
        let history = self.post.history();
        if let Some(place) = history.poll_position(what.to_owned()).await? {
            return Ok(place);
        }
        history.start_polling_at(what.to_owned(), self.ambient.now().minus(self.lookback)).await?;
        Ok(self.since_query(None))
    }

    /// Builds a query that begins at a time, by default at the start of the lookback period.
    fn since_query(&self, at: Option<Timestamp>) -> Vec<(String, String)> {
        let at = at.unwrap_or_else(|| self.ambient.now().minus(self.lookback));
        vec![("since".to_owned(), at.to_rfc3339_seconds())]
    }

    fn listing_origin(&self, what: &str) -> ListingOrigin {
        ListingOrigin { purpose: what.to_owned(), at: self.ambient.now(), max_gap: self.source.poll_interval * 3 }
    }

    async fn read_events(
        &self,
        list: &PolledList<'_>,
        answer: &RawAnswer,
        query: &[(String, String)],
    ) -> Result<(usize, NextPage), String> {
        let text = answer.text();
        let listed = tolerant_reading::read_list(&text)?;
        let (mut events, mut unreadable) = (Vec::new(), Vec::new());
        for raw in &listed.items {
            match partner::read_event(raw, list.company) {
                Ok(event) => events.push(StoredEvent {
                    id: event.id,
                    kind: event.kind,
                    created_at: event.created_at,
                    company: event.company,
                    envelope: event.envelope,
                }),
                Err(why) => unreadable.push(unreadable_item(raw, why)),
            }
        }
        let n = listed.items.len();
        let place = listed.next.next_query(query).map(|place| self.limits.without_limit(&list.what, place));
        let noted = self.post.history().record_events(self.listing_origin(&list.what), events, unreadable, place).await;
        noted.map_err(|error| error.to_string())?;
        Ok((n, listed.continuation()))
    }

    /// Records an answer that could not be read, so that the pane shows it; the stored data stays.
    async fn record_unreadable(&self, what: &str, answer: &RawAnswer, why: String) -> CallFailure {
        let noun = what.split(':').next().unwrap_or_default().to_owned();
        let line = format!("unreadable answer to {noun}: {why}");
        let noted =
            self.post.history().record_unreadable_answer(noun, self.ambient.now(), why, answer.body.clone()).await;
        noted.map_or_else(CallFailure::Storage, |()| CallFailure::Failed(line))
    }
}

/// Takes the page in the body of an answer into a part of a listing. Returns the number of its items and where the
/// list goes on.
fn take_page(part: &mut ListingPart, company: CompanyId, body: &str) -> Result<(usize, NextPage), String> {
    let listed = tolerant_reading::read_list(body)?;
    let (mut rows, mut unreadable) = (Vec::new(), Vec::new());
    for raw in &listed.items {
        match partner::read_subscription(raw, company) {
            Ok(read) => rows.push(ListedRow {
                id: read.id,
                company: read.company_id,
                target: read.target_url,
                is_enabled: read.is_enabled,
                document: raw.get().to_owned(),
            }),
            Err(why) => unreadable.push(unreadable_item(raw, why)),
        }
    }
    part.add_page(rows, unreadable);
    Ok((listed.items.len(), listed.continuation()))
}

/// Keeps the beginning of an item, together with the reason why it could not be read.
fn unreadable_item(raw: &RawValue, why: String) -> UnreadableItem {
    UnreadableItem { number: partner::read_number(raw), why, raw: raw.get().chars().take(MAX_KEPT_CHARS).collect() }
}
