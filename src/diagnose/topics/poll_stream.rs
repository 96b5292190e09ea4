//! Polls of one system with one filter, in their order: what they ask for, and whether they make progress.

use super::calls::detail;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::wire::deliveries::EventRow;
use crate::wire::paths;
use crate::wire::requests::RequestRow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Events of a page if a poll asks for no number.
const DEFAULT_LIMIT: u64 = 50;
/// Number of polls with the same full page from which on a poller makes no progress.
const MIN_SAME_PAGES: usize = 5;
/// Number of polls that exclude events from which on that is no accident.
const MIN_EXCLUDING: usize = 3;
/// Difference of clocks that makes no future.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// Fault of a poller, with its latest polls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PollFault {
    /// Polls ask for events from this time on, which is in the future.
    Future(Timestamp),
    /// Polls exclude events by time: their number, and the filters.
    Excludes(u64, String),
    /// Polls read the same full page: its position.
    SamePage(String),
}

/// One poll of events, as the request log has it.
#[derive(Debug, Clone)]
pub struct PolledPage<'r> {
    /// Row of the request log.
    pub row: &'r RequestRow,
    /// Event types that the poll asks for; all if empty.
    pub types: Vec<&'r str>,
    /// Start of the poll's time range.
    pub since: Option<Timestamp>,
    /// End of the poll's time range, exclusive.
    pub until: Option<Timestamp>,
    /// Whether the newest events come first.
    pub is_newest_first: bool,
    /// Cursor that the poll follows; `…` if it is not logged.
    pub cursor: Option<&'r str>,
    /// Maximum number of events of the page.
    pub limit: u64,
    /// Number of events returned.
    pub n: u64,
}

/// Returns whether a request polls events.
#[must_use]
pub fn is_poll(row: &RequestRow) -> bool {
    row.method.raw() == "GET" && row.route.raw() == paths::EVENTS
}

/// Value of a query parameter.
fn parameter<'r>(row: &'r RequestRow, name: &str) -> Option<&'r str> {
    let query = row.query.as_ref()?.raw();
    query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).filter(|value| !value.is_empty())
}

impl<'r> PolledPage<'r> {
    /// Reads a poll that was answered; `None` for any other request.
    #[must_use]
    pub fn read(row: &'r RequestRow) -> Option<Self> {
        if !is_poll(row) || !row.has_status(200) {
            return None;
        }
        // Written as `type=lead.created;since=…;order=desc;n=0`.
        let filter = |name: &str| detail(row).split(';').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        Some(Self {
            row,
            types: detail(row).split(';').filter_map(|part| part.strip_prefix("type=")).collect(),
            since: filter("since").and_then(Timestamp::parse),
            until: filter("until").and_then(Timestamp::parse),
            is_newest_first: filter("order") == Some("desc"),
            cursor: parameter(row, "cursor"),
            limit: parameter(row, "limit").and_then(|limit| limit.parse().ok()).unwrap_or(DEFAULT_LIMIT),
            n: filter("n")?.parse().ok()?,
        })
    }

    fn wants(&self, event: &EventRow) -> bool {
        self.types.is_empty() || self.types.contains(&event.kind.raw())
    }

    fn is_future(&self) -> bool {
        self.since.is_some_and(|since| since > self.row.utc.plus(CLOCK_TOLERANCE))
    }

    /// Position that the poll reads from.
    fn position(&self) -> (Option<&'r str>, Option<Timestamp>) {
        (self.cursor, self.since)
    }
}

/// Polls of one system with the same types, oldest first.
#[derive(Debug)]
pub struct PollStream<'r> {
    /// Polls that were answered.
    pub polls: Vec<PolledPage<'r>>,
}

impl<'r> PollStream<'r> {
    /// Splits the calls of a key, oldest first, into the polls of its systems.
    #[must_use]
    pub fn split(rows: &'r [RequestRow]) -> Vec<Self> {
        let system = |row: &'r RequestRow| {
            (row.address.as_ref().map(Untrusted::raw), row.user_agent.as_ref().map(Untrusted::raw))
        };
        let mut streams: BTreeMap<_, Self> = BTreeMap::new();
        for poll in rows.iter().filter_map(PolledPage::read) {
            let key = (system(poll.row), poll.types.clone());
            streams.entry(key).or_insert_with(|| Self { polls: Vec::new() }).polls.push(poll);
        }
        streams.into_values().collect()
    }

    /// Number of events that the polls returned.
    #[must_use]
    pub fn n_events(&self) -> u64 {
        self.polls.iter().map(|poll| poll.n).sum()
    }

    /// Finds the fault of the stream from the events of its company, with the polls that have it.
    #[must_use]
    pub fn fault(&self, events: &[&EventRow]) -> Option<(PollFault, Vec<&'r RequestRow>)> {
        self.future().or_else(|| self.excludes(events)).or_else(|| self.same_page())
    }

    fn future(&self) -> Option<(PollFault, Vec<&'r RequestRow>)> {
        let polls: Vec<&PolledPage<'_>> = self.polls.iter().filter(|poll| poll.is_future()).collect();
        let since = polls.last()?.since?;
        Some((PollFault::Future(since), polls.into_iter().map(|poll| poll.row).collect()))
    }

    /// Polls whose time filters exclude events that happened: those after the end of their range, and those between the
    /// poll before and the start of their range.
    fn excludes(&self, events: &[&EventRow]) -> Option<(PollFault, Vec<&'r RequestRow>)> {
        let mut excluded: BTreeSet<i64> = BTreeSet::new();
        let mut bad: Vec<&PolledPage<'r>> = Vec::new();
        for (position, poll) in self.polls.iter().enumerate().filter(|(_, poll)| poll.cursor.is_none()) {
            let before = position.checked_sub(1).map(|before| self.polls[before].row.utc);
            let is_missed = |event: &&&EventRow| {
                let happened = event.created_utc;
                let is_late = poll.until.is_some_and(|until| happened >= until) && happened < poll.row.utc;
                let is_between = before.is_some_and(|before| happened > before)
                    && poll.since.is_some_and(|since| happened < since.whole_second());
                poll.wants(event) && (is_late || is_between)
            };
            let missed: Vec<i64> = events.iter().filter(is_missed).map(|event| event.id.0).collect();
            if !missed.is_empty() {
                bad.push(poll);
                excluded.extend(missed);
            }
        }
        let last = *bad.last()?;
        let range = |name: &str, at: Option<Timestamp>| at.map(|at| format!("{name}={at}"));
        let filters: Vec<String> =
            [range("since", last.since), range("until", last.until)].into_iter().flatten().collect();
        let fault = PollFault::Excludes(excluded.len() as u64, filters.join("&"));
        (bad.len() >= MIN_EXCLUDING).then(|| (fault, bad.into_iter().map(|poll| poll.row).collect()))
    }

    fn same_page(&self) -> Option<(PollFault, Vec<&'r RequestRow>)> {
        let last = self.polls.iter().rev().find(|poll| poll.n >= poll.limit)?;
        let is_same = |poll: &&PolledPage<'r>| poll.position() == last.position() && poll.n >= poll.limit && poll.n > 1;
        let newest_first = self.polls.iter().rev().skip_while(|poll| poll.n < poll.limit);
        let same: Vec<&PolledPage<'r>> = newest_first.take_while(is_same).collect();
        if same.len() < MIN_SAME_PAGES || last.is_newest_first || last.cursor == Some("\u{2026}") {
            return None;
        }
        let position = match last.position() {
            (Some(_), _) => "with the same cursor".to_owned(),
            (None, Some(since)) => format!("since={since} without a cursor"),
            (None, None) => "without a cursor".to_owned(),
        };
        Some((PollFault::SamePage(position), same.into_iter().rev().map(|poll| poll.row).collect()))
    }

    /// Number of polls that were answered after a time.
    #[must_use]
    pub fn n_good_since(&self, last: Timestamp) -> u64 {
        self.polls.iter().filter(|poll| poll.row.utc > last).count() as u64
    }
}
