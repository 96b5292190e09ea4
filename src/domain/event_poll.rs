//! Polls of events, as the request log describes them, and the rule that finds pollers without progress.

use super::time::Timestamp;
use std::time::Duration;

/// Events of a page if a poll asks for no number.
const DEFAULT_LIMIT: u64 = 50;
/// Polls of the same page in a row from which on a poller makes no progress.
pub const MIN_SAME_PAGES: u64 = 5;
/// Polls in a row with an invalid cursor, or with times that exclude every event, from which on a poller makes no
/// progress.
pub const MIN_FRUITLESS_POLLS: u64 = 3;
/// Difference of clocks that makes no time future or past.
pub const POLL_CLOCK_TOLERANCE: Duration = Duration::from_secs(60);
/// Time after its last poll until which a poller without progress needs attention.
pub const STALL_PERIOD: Duration = Duration::from_secs(600);
/// The same for pollers that poll seldom: so many of their intervals, up to [`MAX_STALL_PERIOD`].
const STALL_INTERVALS: u32 = 3;
/// Time after its last poll from which on no poller needs attention.
pub const MAX_STALL_PERIOD: Duration = Duration::from_secs(3_600);

/// Value that the request log writes in place of one that it does not show.
const MASKED: &str = "\u{2026}";

/// Value of a parameter of a logged query; `None` if it is missing or empty.
#[must_use]
pub fn query_value<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query_values(query, name).next()
}

/// Values of a parameter of a logged query that are not empty.
pub fn query_values<'q>(query: &'q str, name: &str) -> impl Iterator<Item = &'q str> {
    query
        .split('&')
        .filter_map(move |part| part.strip_prefix(name)?.strip_prefix('='))
        .filter(|value| !value.is_empty())
}

/// Poll of events that was answered, as the request log describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPoll<'l> {
    /// Event types that the poll asks for; all if empty.
    pub types: Vec<&'l str>,
    /// Start of the poll's time range.
    pub since: Option<Timestamp>,
    /// End of the poll's time range, exclusive.
    pub until: Option<Timestamp>,
    /// Whether the newest events come first.
    pub is_newest_first: bool,
    /// Cursor that the poll follows; `…` if it is not logged.
    pub cursor: Option<&'l str>,
    /// Maximum number of events of the page.
    pub limit: u64,
    /// Number of events returned.
    pub n: u64,
    /// Whether more events follow the page; `None` in rows of earlier versions.
    pub has_more: Option<bool>,
}

impl<'l> EventPoll<'l> {
    /// Reads a poll from its query and from its text in the request log, written as
    /// `type=lead.created;since=…;order=desc;hasMore=false;n=0`. `None` if the text is none of a poll.
    #[must_use]
    pub fn read(query: Option<&'l str>, logged: &'l str) -> Option<Self> {
        let filter = |name: &str| logged.split(';').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        let asked = |name: &str| query.and_then(|query| query_value(query, name));
        Some(Self {
            types: logged.split(';').filter_map(|part| part.strip_prefix("type=")).collect(),
            since: filter("since").and_then(Timestamp::parse),
            until: filter("until").and_then(Timestamp::parse),
            is_newest_first: filter("order") == Some("desc"),
            cursor: asked("cursor"),
            limit: asked("limit").and_then(|limit| limit.parse().ok()).unwrap_or(DEFAULT_LIMIT),
            n: filter("n")?.parse().ok()?,
            has_more: filter("hasMore").map(|value| value == "true"),
        })
    }

    /// Position that the poll reads from.
    #[must_use]
    pub fn position(&self) -> (Option<&'l str>, Option<Timestamp>) {
        (self.cursor, self.since)
    }

    /// Whether a poller that reads from this position again makes no progress: events follow its cursor, or more events
    /// match than fit the page. A reader of the newest events, or of a single one, needs no progress.
    #[must_use]
    pub fn leaves_events(&self) -> bool {
        match self.cursor {
            _ if self.is_newest_first => false,
            Some(MASKED) => false,
            Some(_) => self.n > 0,
            None => self.n > 1 && self.has_more.unwrap_or(self.n >= self.limit),
        }
    }
}

/// Fault of a poller that makes no progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PollStall {
    /// Sends a cursor that the platform rejects.
    InvalidCursor,
    /// Reads the same page again though further events follow.
    SamePage,
    /// Asks only for events before this time, which is past, and gets none.
    PastWindow(Timestamp),
    /// Asks only for events after a time that is still to come.
    FutureWindow,
}

impl PollStall {
    /// Polls in a row from which on the fault needs attention.
    #[must_use]
    pub const fn limit(self) -> u64 {
        match self {
            Self::SamePage => MIN_SAME_PAGES,
            Self::InvalidCursor | Self::PastWindow(_) | Self::FutureWindow => MIN_FRUITLESS_POLLS,
        }
    }
}

/// Latest polls in a row of one poller that share a fault.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PollStreak {
    /// Fault and position of the polls; `None` if the latest poll has no fault.
    fault: Option<(PollStall, String)>,
    n: u64,
    first_at: Timestamp,
    last_at: Timestamp,
}

impl PollStreak {
    /// Adds a poll that was answered. Retries of one page by a client that failed to read it count like any others.
    pub fn add_page(&mut self, poll: &EventPoll<'_>, at: Timestamp) {
        let is_past = |until: &Timestamp| at.since(*until) > POLL_CLOCK_TOLERANCE;
        let fault = if poll.leaves_events() {
            let (cursor, since) = poll.position();
            let since = since.map_or_else(String::new, |since| since.to_string());
            Some((PollStall::SamePage, format!("{} {since}", cursor.unwrap_or_default())))
        } else if poll.n > 0 || poll.cursor.is_some() {
            None
        } else if poll.since.is_some_and(|since| since > at.plus(POLL_CLOCK_TOLERANCE)) {
            Some((PollStall::FutureWindow, String::new()))
        } else {
            poll.until.filter(is_past).map(|until| (PollStall::PastWindow(until), String::new()))
        };
        self.add(fault, at);
    }

    /// Adds a poll that was refused because of its cursor.
    pub fn add_invalid_cursor(&mut self, at: Timestamp) {
        self.add(Some((PollStall::InvalidCursor, String::new())), at);
    }

    fn add(&mut self, fault: Option<(PollStall, String)>, at: Timestamp) {
        if fault.is_none() || fault != self.fault {
            (self.fault, self.n, self.first_at) = (fault, 0, at);
        }
        self.n += u64::from(self.fault.is_some());
        self.last_at = at;
    }

    /// Time from which on an event shows that the fault costs the poller something: the end of its window, but not more
    /// than [`MAX_STALL_PERIOD`] ago, or its first poll. `None` if no event is needed.
    #[must_use]
    pub fn excludes_since(&self) -> Option<Timestamp> {
        match self.fault.as_ref()? {
            (PollStall::PastWindow(until), _) => Some((*until).max(self.last_at.minus(MAX_STALL_PERIOD))),
            (PollStall::FutureWindow, _) => Some(self.first_at),
            (PollStall::SamePage | PollStall::InvalidCursor, _) => None,
        }
    }

    /// Time of the latest poll.
    #[must_use]
    pub const fn last_at(&self) -> Timestamp {
        self.last_at
    }

    /// Time of the first poll with the fault.
    #[must_use]
    pub const fn first_at(&self) -> Timestamp {
        self.first_at
    }

    /// Fault that needs attention at `now`, with the number of polls in a row; `None` if there are too few of them, or
    /// if the poller stopped.
    #[must_use]
    pub fn stall(&self, now: Timestamp) -> Option<(PollStall, u64)> {
        let (fault, _) = self.fault.as_ref().filter(|(fault, _)| self.n >= fault.limit())?;
        let gaps = u32::try_from(self.n - 1).unwrap_or(u32::MAX).max(1);
        let interval = self.last_at.since(self.first_at) / gaps;
        let period = (interval * STALL_INTERVALS).clamp(STALL_PERIOD, MAX_STALL_PERIOD);
        (now.since(self.last_at) < period).then_some((*fault, self.n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(0).plus(Duration::from_secs(seconds))
    }

    /// Streak of polls that arrive each minute, and the time of the last one.
    fn polled(polls: &[(&str, &str)]) -> Option<(PollStall, u64)> {
        let mut streak = PollStreak::default();
        for (n, (query, logged)) in (0..).zip(polls) {
            match EventPoll::read(Some(query), logged) {
                Some(poll) => streak.add_page(&poll, at(n * 60)),
                None => streak.add_invalid_cursor(at(n * 60)),
            }
        }
        streak.stall(streak.last_at())
    }

    #[test]
    fn a_poller_that_reads_the_same_page_again_is_found_and_one_without_new_events_is_not() {
        for (poll, is_stuck) in [
            (("cursor=abc", "hasMore=false;n=1"), true),
            (("cursor=abc", "hasMore=true;n=50"), true),
            (("limit=10", "hasMore=true;n=10"), true),
            (("limit=10", "n=10"), true),
            (("", "since=2026-11-24T08:00:00Z;hasMore=true;n=50"), true),
            // Idle: nothing happened after the cursor, or all that happened fits the page.
            (("cursor=abc", "hasMore=false;n=0"), false),
            (("", "hasMore=false;n=50"), false),
            (("limit=10", "n=9"), false),
            // A window that is over, and that had events.
            (("until=2026-11-24T08:00:00Z", "until=1969-11-24T08:00:00Z;hasMore=false;n=7"), false),
            // The newest events, or whether there are any: no progress is wanted.
            (("order=desc&limit=10", "order=desc;hasMore=true;n=10"), false),
            (("limit=1", "hasMore=true;n=1"), false),
            // Nothing can be said about a cursor that was not logged.
            (("cursor=\u{2026}", "hasMore=true;n=50"), false),
        ] {
            assert_eq!(polled(&[poll; 4]), None, "{poll:?}: too few");
            assert_eq!(polled(&[poll; 5]), is_stuck.then_some((PollStall::SamePage, 5)), "{poll:?}");
        }
    }

    #[test]
    fn a_window_read_page_by_page_and_an_invalid_cursor_that_was_corrected_raise_nothing() {
        let pages: Vec<String> = (0..40).map(|n| format!("since=2026-11-24T08:00:00Z&cursor=c{n}")).collect();
        let pages: Vec<(&str, &str)> =
            pages.iter().map(|query| (query.as_str(), "since=2026-11-24T08:00:00Z;hasMore=true;n=50")).collect();
        assert_eq!(polled(&pages), None);
        let invalid = ("cursor=old", "invalid cursor");
        assert_eq!(polled(&[invalid; 2]), None);
        assert_eq!(polled(&[invalid; 3]), Some((PollStall::InvalidCursor, 3)));
        assert_eq!(polled(&[invalid, invalid, invalid, ("", "hasMore=false;n=3")]), None);
    }

    #[test]
    fn a_poller_whose_times_exclude_every_event_is_found_with_the_time_that_an_event_must_have() {
        let until = Timestamp::parse("1969-11-24T08:00:00Z").expect("a time");
        let past = ("until=1969-11-24T08:00:00Z", "until=1969-11-24T08:00:00Z;hasMore=false;n=0");
        assert_eq!(polled(&[past; 2]), None, "a window that is read once, and once more");
        assert_eq!(polled(&[past; 3]), Some((PollStall::PastWindow(until), 3)));
        let future = ("since=2026-11-24T08:00:00Z", "since=2026-11-24T08:00:00Z;hasMore=false;n=0");
        assert_eq!(polled(&[future; 3]), Some((PollStall::FutureWindow, 3)));
        let soon = ("since=1970-01-01T00:03:00Z", "since=1970-01-01T00:03:00Z;hasMore=false;n=0");
        assert_eq!(polled(&[soon; 3]), None, "the clocks differ by a minute");
        let mut streak = PollStreak::default();
        streak.add_page(&EventPoll::read(Some(past.0), past.1).expect("a poll"), at(5));
        assert_eq!(streak.excludes_since(), Some(at(5).minus(MAX_STALL_PERIOD)), "no more than an hour ago");
        streak.add_page(&EventPoll::read(Some(future.0), future.1).expect("a poll"), at(6));
        assert_eq!(streak.excludes_since(), Some(at(6)));
        streak.add_invalid_cursor(at(7));
        assert_eq!(streak.excludes_since(), None);
    }

    #[test]
    fn a_stall_is_over_when_its_poller_stopped() {
        let streak = |seconds: u64| {
            let mut streak = PollStreak::default();
            (0..5).for_each(|n| {
                streak.add_page(&EventPoll::read(Some("cursor=a"), "n=2").expect("a poll"), at(n * seconds));
            });
            streak
        };
        for (interval, lasts) in [(1, 600), (60, 600), (900, 2_700), (7_200, 3_600)] {
            let streak = streak(interval);
            let last = streak.last_at();
            assert!(streak.stall(last.plus(Duration::from_secs(lasts - 1))).is_some(), "{interval}");
            assert_eq!(streak.stall(last.plus(Duration::from_secs(lasts))), None, "{interval}");
        }
    }

    proptest! {
        /// Pollers that follow the cursor of each page, or ask since their last event, are never accused, whatever
        /// happens and whenever they ask.
        #[test]
        fn a_poller_that_follows_its_cursor_is_never_stuck(
            arrivals in prop::collection::vec(0_u64..130, 1..200),
            limit in 1_u64..60,
        ) {
            let (mut waiting, mut seen) = (0, 0);
            let mut streak = PollStreak::default();
            for (n, arrived) in (0..).zip(arrivals) {
                waiting += arrived;
                let read = waiting.min(limit);
                let query = if seen == 0 { format!("limit={limit}") } else { format!("limit={limit}&cursor=c{seen}") };
                let logged = format!("hasMore={};n={read}", waiting > read);
                streak.add_page(&EventPoll::read(Some(&query), &logged).expect("a poll"), at(n));
                prop_assert_eq!(streak.stall(at(n)), None);
                (waiting, seen) = (waiting - read, seen + read);
            }
        }
    }
}
