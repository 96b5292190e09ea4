//! Polls of one system with one filter, in their order: what they ask for, and whether they make progress.

use super::calls::detail;
use crate::domain::event_poll::{EventPoll, MIN_FRUITLESS_POLLS, MIN_SAME_PAGES, POLL_CLOCK_TOLERANCE};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::wire::deliveries::EventRow;
use crate::wire::paths;
use crate::wire::requests::RequestRow;
use std::collections::{BTreeMap, BTreeSet};

/// Fault of a poller, with its latest polls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PollFault {
    /// Polls ask for events from this time on, which is in the future.
    Future(Timestamp),
    /// Polls exclude events by time: their number, and the filters.
    Excludes(u64, String),
    /// Polls read the same page though further events follow: its position.
    SamePage(String),
}

/// One poll of events, as the request log has it.
#[derive(Debug, Clone)]
pub struct PolledPage<'r> {
    /// Row of the request log.
    pub row: &'r RequestRow,
    /// What the poll asked for and got.
    pub poll: EventPoll<'r>,
}

/// Returns whether a request polls events.
#[must_use]
pub fn is_poll(row: &RequestRow) -> bool {
    row.method.raw() == "GET" && row.route.raw() == paths::EVENTS
}

impl<'r> PolledPage<'r> {
    /// Reads a poll that was answered; `None` for any other request.
    #[must_use]
    pub fn read(row: &'r RequestRow) -> Option<Self> {
        if !is_poll(row) || !row.has_status(200) {
            return None;
        }
        let poll = EventPoll::read(row.query.as_ref().map(Untrusted::raw), detail(row))?;
        Some(Self { row, poll })
    }

    fn wants(&self, event: &EventRow) -> bool {
        self.poll.types.is_empty() || self.poll.types.contains(&event.kind.raw())
    }

    fn is_future(&self) -> bool {
        self.poll.since.is_some_and(|since| since > self.row.utc.plus(POLL_CLOCK_TOLERANCE))
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
        for page in rows.iter().filter_map(PolledPage::read) {
            let key = (system(page.row), page.poll.types.clone());
            streams.entry(key).or_insert_with(|| Self { polls: Vec::new() }).polls.push(page);
        }
        streams.into_values().collect()
    }

    /// Number of events that the polls returned.
    #[must_use]
    pub fn n_events(&self) -> u64 {
        self.polls.iter().map(|page| page.poll.n).sum()
    }

    /// Finds the fault of the stream from the events of its company, with the polls that have it.
    #[must_use]
    pub fn fault(&self, events: &[&EventRow]) -> Option<(PollFault, Vec<&'r RequestRow>)> {
        self.future().or_else(|| self.excludes(events)).or_else(|| self.same_page())
    }

    fn future(&self) -> Option<(PollFault, Vec<&'r RequestRow>)> {
        let polls: Vec<&PolledPage<'_>> = self.polls.iter().filter(|poll| poll.is_future()).collect();
        let since = polls.last()?.poll.since?;
        Some((PollFault::Future(since), polls.into_iter().map(|poll| poll.row).collect()))
    }

    /// Polls whose time filters exclude events that happened: those after the end of their range, and those between the
    /// poll before and the start of their range.
    fn excludes(&self, events: &[&EventRow]) -> Option<(PollFault, Vec<&'r RequestRow>)> {
        let mut excluded: BTreeSet<i64> = BTreeSet::new();
        let mut bad: Vec<&PolledPage<'r>> = Vec::new();
        for (position, poll) in self.polls.iter().enumerate().filter(|(_, page)| page.poll.cursor.is_none()) {
            let before = position.checked_sub(1).map(|before| self.polls[before].row.utc);
            let is_missed = |event: &&&EventRow| {
                let happened = event.created_utc;
                let is_late = poll.poll.until.is_some_and(|until| happened >= until) && happened < poll.row.utc;
                let is_between = before.is_some_and(|before| happened > before)
                    && poll.poll.since.is_some_and(|since| happened < since.whole_second());
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
            [range("since", last.poll.since), range("until", last.poll.until)].into_iter().flatten().collect();
        let fault = PollFault::Excludes(excluded.len() as u64, filters.join("&"));
        (bad.len() as u64 >= MIN_FRUITLESS_POLLS).then(|| (fault, bad.into_iter().map(|poll| poll.row).collect()))
    }

    fn same_page(&self) -> Option<(PollFault, Vec<&'r RequestRow>)> {
        let newest_first = self.polls.iter().rev().skip_while(|page| !page.poll.leaves_events());
        let position = newest_first.clone().next()?.poll.position();
        let is_same = |page: &&PolledPage<'r>| page.poll.position() == position && page.poll.leaves_events();
        let same: Vec<&PolledPage<'r>> = newest_first.take_while(is_same).collect();
        if (same.len() as u64) < MIN_SAME_PAGES {
            return None;
        }
        let position = match position {
            (Some(_), _) => "with the same cursor".to_owned(),
            (None, Some(since)) => format!("since={since} without a cursor"),
            (None, None) => "without a cursor".to_owned(),
        };
        Some((PollFault::SamePage(position), same.into_iter().rev().map(|page| page.row).collect()))
    }

    /// Number of polls that were answered after a time.
    #[must_use]
    pub fn n_good_since(&self, last: Timestamp) -> u64 {
        self.polls.iter().filter(|poll| poll.row.utc > last).count() as u64
    }
}
