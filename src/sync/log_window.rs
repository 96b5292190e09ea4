//! Contiguous window of a paged log around the cursor, newest row first. Distant pages are evicted and can be fetched
//! again, because every page keeps the cursors at both its ends.

use crate::wire::log::LogPage;
use crate::wire::readable::UnreadableRows;
use std::collections::VecDeque;

/// Rows per page: the maximum that a platform returns.
pub const LOG_PAGE_ROWS: u32 = 200;
/// Maximum number of pages that are held.
const MAX_HELD_PAGES: usize = 10;

/// Row of a log, ordered by its number.
pub trait NumberedRow {
    /// Returns the number of the row.
    fn number(&self) -> i64;
}

/// Position at which rows are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageDirection {
    /// Newest end of the log, regardless of the rows held.
    Newest,
    /// Behind the oldest row that is held, from this cursor.
    Older(String),
    /// Before the newest row that is held, from this cursor.
    Newer(String),
}

impl PageDirection {
    /// Returns the cursor to request with; `None` for the newest end.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        match self {
            Self::Newest => None,
            Self::Older(cursor) | Self::Newer(cursor) => Some(cursor),
        }
    }
}

/// Whether the log has newer rows than those that are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NewerRows {
    /// No newer rows, as far as is known.
    #[default]
    None,
    /// The platform changed since the newest rows were requested: there may be newer ones.
    Possible,
    /// There are more newer rows than a page holds.
    Many,
}

/// State of the current fetch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum FetchState {
    #[default]
    None,
    /// A page was requested and has not arrived.
    InFlight(PageDirection),
    /// The last page could not be fetched, for this reason.
    Failed(String),
    /// The operator stopped the search.
    Stopped,
}

#[derive(Debug, Clone, PartialEq)]
struct HeldPage<T> {
    rows: Vec<T>,
    older: Option<String>,
    newer: Option<String>,
}

/// Contiguous window of a log, made of pages.
#[derive(Debug, Clone, PartialEq)]
pub struct LogWindow<T> {
    pages: VecDeque<HeldPage<T>>,
    newer: NewerRows,
    fetch: FetchState,
    /// Number of pages in a row, towards the older end, that were not full although there may be more rows.
    n_sparse: u32,
    /// Row numbers that passed while the log was followed and were never held, because more rows came at once than
    /// fit a page.
    n_unseen: u64,
    /// Rows that could not be read, since the newest page was fetched.
    unreadable: UnreadableRows,
}

impl<T> Default for LogWindow<T> {
    fn default() -> Self {
        Self {
            pages: VecDeque::new(),
            newer: NewerRows::None,
            fetch: FetchState::None,
            n_sparse: 0,
            n_unseen: 0,
            unreadable: UnreadableRows::default(),
        }
    }
}

impl<T> LogWindow<T> {
    /// Checks whether a page has been received.
    #[must_use]
    pub fn has_pages(&self) -> bool {
        !self.pages.is_empty()
    }

    /// Returns the number of rows that are held.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.pages.iter().map(|part| part.rows.len()).sum()
    }

    /// Returns the row at a position; 0 is the newest that is held.
    #[must_use]
    pub fn row(&self, mut at: usize) -> Option<&T> {
        for part in &self.pages {
            match part.rows.get(at) {
                Some(row) => return Some(row),
                None => at -= part.rows.len(),
            }
        }
        None
    }

    /// Iterates over the rows, newest first.
    pub fn rows(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flat_map(|part| &part.rows)
    }
}

impl<T: NumberedRow> LogWindow<T> {
    /// Finds the row with a number.
    #[must_use]
    pub fn find(&self, number: i64) -> Option<&T> {
        let part = self.pages.iter().find(|part| part.rows.last().is_some_and(|last| last.number() <= number))?;
        let place = part.rows.binary_search_by(|row| number.cmp(&row.number())).ok()?;
        part.rows.get(place)
    }

    /// Checks whether the oldest row that is held is the oldest of the log.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.pages.back().is_some_and(|part| part.older.is_none())
    }

    /// Tells whether there are newer rows than those that are held.
    #[must_use]
    pub const fn newer_rows(&self) -> NewerRows {
        self.newer
    }

    /// Returns the number of pages searched in a row that were not full; 0 when no search runs.
    #[must_use]
    pub const fn n_searched(&self) -> u32 {
        match self.fetch {
            FetchState::InFlight(PageDirection::Older(_)) => self.n_sparse,
            _ => 0,
        }
    }

    /// Checks whether the last page towards the older end was not full although there may be more rows.
    #[must_use]
    pub const fn is_sparse(&self) -> bool {
        self.n_sparse > 0
    }

    /// Returns how many rows passed unseen while the newest row was followed, as an upper bound: numbers of rows that
    /// a filter excludes are counted too.
    #[must_use]
    pub const fn n_unseen(&self) -> u64 {
        self.n_unseen
    }

    /// Returns the rows that could not be read since the newest page was fetched.
    #[must_use]
    pub const fn unreadable(&self) -> &UnreadableRows {
        &self.unreadable
    }

    /// Returns why the last page could not be fetched.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        match &self.fetch {
            FetchState::Failed(why) => Some(why),
            _ => None,
        }
    }

    /// Marks that the platform changed: there may be newer rows, and a failed fetch may work again.
    pub fn mark_stale(&mut self) {
        if self.newer == NewerRows::None {
            self.newer = NewerRows::Possible;
        }
        if matches!(self.fetch, FetchState::Failed(_)) {
            self.fetch = FetchState::None;
        }
    }

    /// Clears a failed or stopped fetch after user input, so that it is retried.
    pub fn retry_failed(&mut self) {
        if matches!(self.fetch, FetchState::Failed(_) | FetchState::Stopped) {
            self.fetch = FetchState::None;
        }
    }

    /// Forgets the fetch in flight; its result is ignored.
    pub fn cancel_fetch(&mut self) {
        self.fetch = FetchState::None;
    }

    /// Stops a search after the operator cancels it; the result of its fetch is ignored. Returns whether a search was
    /// running.
    pub fn stop_search(&mut self) -> bool {
        let was_searching = self.n_searched() > 0;
        if was_searching {
            self.fetch = FetchState::Stopped;
        }
        was_searching
    }

    /// Returns the page to fetch next while the newest row is followed, and records that it was requested.
    pub fn next_page_to_follow(&mut self) -> Option<PageDirection> {
        if self.fetch != FetchState::None {
            return None;
        }
        let toward = match (self.pages.front(), self.newer) {
            (Some(_), NewerRows::None) => return None,
            (Some(HeldPage { newer: Some(cursor), .. }), NewerRows::Possible) => PageDirection::Newer(cursor.clone()),
            _ => PageDirection::Newest,
        };
        Some(self.begin_fetch(toward))
    }

    /// Returns the page to fetch next when the row `at` and `margin` rows around it are shown, and records that it
    /// was requested.
    pub fn next_page_around(&mut self, at: usize, margin: usize) -> Option<PageDirection> {
        if self.fetch != FetchState::None {
            return None;
        }
        let Some(front) = self.pages.front() else { return Some(self.begin_fetch(PageDirection::Newest)) };
        let newer = front.newer.clone().filter(|_| at < margin && self.newer != NewerRows::None);
        self.next_older_page(at, margin).or_else(|| newer.map(|cursor| self.begin_fetch(PageDirection::Newer(cursor))))
    }

    /// Returns the next page towards the older end like [`Self::next_page_around`], without newer rows.
    pub fn next_older_page(&mut self, at: usize, margin: usize) -> Option<PageDirection> {
        let cursor = self.pages.back()?.older.clone()?;
        let is_near = at + margin >= self.n_rows();
        (self.fetch == FetchState::None && is_near).then(|| self.begin_fetch(PageDirection::Older(cursor)))
    }

    fn begin_fetch(&mut self, toward: PageDirection) -> PageDirection {
        if !matches!(toward, PageDirection::Older(_)) {
            // Any change from here on may bring rows that this fetch does not return.
            self.newer = NewerRows::None;
        }
        self.fetch = FetchState::InFlight(toward.clone());
        toward
    }

    /// Adds a page that was requested; a page that is no longer wanted is ignored.
    pub fn apply_page(&mut self, toward: &PageDirection, page: LogPage<T>) {
        if !matches!(&self.fetch, FetchState::InFlight(asked) if asked == toward) {
            return;
        }
        self.fetch = FetchState::None;
        let LogPage { items, next_cursor, previous_cursor, has_more, unreadable } = page;
        if matches!(toward, PageDirection::Newest) {
            self.unreadable = UnreadableRows::default();
        }
        self.unreadable.extend(unreadable);
        let part = HeldPage { rows: items, older: next_cursor, newer: previous_cursor };
        let is_sparse = has_more && part.rows.len() < LOG_PAGE_ROWS as usize;
        match toward {
            PageDirection::Newest => {
                self.n_sparse = u32::from(is_sparse);
                // Rows between the old newest one and the oldest of this page were never held.
                let before = self.pages.front().and_then(|front| front.rows.first()).map(NumberedRow::number);
                if let (Some(before), Some(oldest)) = (before, part.rows.last()) {
                    let gap = oldest.number().saturating_sub(before).saturating_sub(1);
                    self.n_unseen += u64::try_from(gap).unwrap_or(0);
                }
                self.pages = VecDeque::from([part]);
            }
            PageDirection::Older(_) => {
                self.n_sparse = if is_sparse { self.n_sparse + 1 } else { 0 };
                self.append(part);
            }
            PageDirection::Newer(_) => {
                if has_more {
                    self.newer = NewerRows::Many;
                }
                self.prepend(part);
            }
        }
    }

    fn append(&mut self, part: HeldPage<T>) {
        match self.pages.back_mut() {
            // A page with few rows extends the last one; only its cursor is new.
            Some(back) if back.rows.len() + part.rows.len() <= LOG_PAGE_ROWS as usize => {
                back.rows.extend(part.rows);
                back.older = part.older;
            }
            _ => self.pages.push_back(part),
        }
        if self.pages.len() > MAX_HELD_PAGES {
            self.pages.pop_front();
            self.newer = NewerRows::Many;
        }
    }

    fn prepend(&mut self, part: HeldPage<T>) {
        match self.pages.front_mut() {
            Some(front) if front.rows.len() + part.rows.len() <= LOG_PAGE_ROWS as usize => {
                front.rows.splice(0..0, part.rows);
                front.newer = part.newer;
            }
            _ => self.pages.push_front(part),
        }
        if self.pages.len() > MAX_HELD_PAGES {
            self.pages.pop_back();
        }
    }

    /// Records that a page could not be fetched.
    pub fn record_failure(&mut self, toward: &PageDirection, why: String) {
        if matches!(&self.fetch, FetchState::InFlight(asked) if asked == toward) {
            if !matches!(toward, PageDirection::Older(_)) {
                self.newer = NewerRows::Possible;
            }
            self.fetch = FetchState::Failed(why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl NumberedRow for i64 {
        fn number(&self) -> i64 {
            *self
        }
    }

    /// A log of the numbers 1 to `newest`, of which those that `step` divides pass its filter; looks at 300 rows a page.
    struct FakeLogPlatform {
        newest: i64,
        step: i64,
    }

    const LOOKED_AT: i64 = 300;

    impl FakeLogPlatform {
        fn page(&self, toward: &PageDirection) -> LogPage<i64> {
            let number = |cursor: &str| cursor.parse::<i64>().expect("a cursor of ours");
            let passes = |n: &i64| n % self.step == 0;
            match toward {
                PageDirection::Newer(cursor) => {
                    let above = number(cursor);
                    let last = self.newest.min(above + LOOKED_AT);
                    let mut items: Vec<i64> = (above + 1..=last).filter(passes).take(LOG_PAGE_ROWS as usize).collect();
                    let reached = if items.len() == LOG_PAGE_ROWS as usize { items[items.len() - 1] } else { last };
                    items.reverse();
                    LogPage {
                        items,
                        next_cursor: Some((above + 1).to_string()),
                        previous_cursor: Some(reached.to_string()),
                        has_more: reached < self.newest,
                        unreadable: UnreadableRows::default(),
                    }
                }
                _ => {
                    let below = toward.cursor().map_or(self.newest + 1, number);
                    let first = (below - LOOKED_AT).max(1);
                    let items: Vec<i64> = (first..below).rev().filter(passes).take(LOG_PAGE_ROWS as usize).collect();
                    let reached = if items.len() == LOG_PAGE_ROWS as usize { items[items.len() - 1] } else { first };
                    LogPage {
                        items,
                        next_cursor: (reached > 1).then(|| reached.to_string()),
                        previous_cursor: Some((below - 1).to_string()),
                        has_more: reached > 1,
                        unreadable: UnreadableRows::default(),
                    }
                }
            }
        }
    }

    fn fetch(stretch: &mut LogWindow<i64>, platform: &FakeLogPlatform, wanted: Option<PageDirection>) {
        if let Some(toward) = wanted {
            let page = platform.page(&toward);
            stretch.apply_page(&toward, page);
        }
    }

    #[test]
    fn thousands_of_a_million_rows_are_walked_both_ways_with_two_thousand_in_memory() {
        let platform = FakeLogPlatform { newest: 1_000_000, step: 1 };
        let mut stretch = LogWindow::default();
        let mut at = 0;
        let mut oldest = i64::MAX;
        let wanted = stretch.next_page_around(0, 100);
        fetch(&mut stretch, &platform, wanted);
        while oldest > 994_000 {
            let row = *stretch.row(at).expect("a row");
            assert!(row < oldest, "no row twice");
            assert!(oldest == i64::MAX || row + 1 == oldest, "no row left out");
            oldest = row;
            let wanted = stretch.next_page_around(at, 100);
            fetch(&mut stretch, &platform, wanted);
            assert!(stretch.n_rows() <= MAX_HELD_PAGES * LOG_PAGE_ROWS as usize);
            at = stretch.rows().position(|n| *n == row).expect("what is looked at is held") + 1;
        }
        for _ in 0..10_000 {
            let row = *stretch.row(at - 1).expect("a row");
            let wanted = stretch.next_page_around(at - 1, 100);
            fetch(&mut stretch, &platform, wanted);
            at = stretch.rows().position(|n| *n == row).expect("what is looked at is held");
            if at == 0 {
                break;
            }
        }
        assert_eq!((at, *stretch.row(0).expect("a row")), (0, 1_000_000));
    }

    #[test]
    fn searching_counts_pages_and_can_be_stopped() {
        let platform = FakeLogPlatform { newest: 100_000, step: 5_000 };
        let mut stretch = LogWindow::default();
        let wanted = stretch.next_page_around(0, 10);
        fetch(&mut stretch, &platform, wanted);
        for n in 1..5 {
            let toward = stretch.next_page_around(0, 10).expect("too few rows");
            assert_eq!(stretch.n_searched(), n);
            stretch.apply_page(&toward, platform.page(&toward));
        }
        let toward = stretch.next_page_around(0, 10).expect("too few rows");
        assert!(stretch.stop_search());
        stretch.apply_page(&toward, platform.page(&toward));
        assert_eq!((stretch.n_rows(), stretch.next_page_around(0, 10)), (1, None));
        stretch.retry_failed();
        assert!(stretch.next_page_around(0, 10).is_some());
    }

    #[test]
    fn a_failure_is_kept_until_something_is_heard() {
        let mut stretch = LogWindow::<i64>::default();
        let toward = stretch.next_page_around(0, 10).expect("nothing is held");
        stretch.record_failure(&toward, "refused".to_owned());
        assert_eq!(stretch.failure(), Some("refused"));
        assert_eq!(stretch.next_page_around(0, 10), None);
        stretch.mark_stale();
        assert_eq!(stretch.next_page_around(0, 10), Some(PageDirection::Newest));
    }

    #[test]
    fn what_went_by_while_the_newest_was_followed_is_counted() {
        let page = |items: std::ops::RangeInclusive<i64>| LogPage {
            items: items.rev().collect(),
            next_cursor: None,
            previous_cursor: Some("newer".to_owned()),
            has_more: true,
            unreadable: UnreadableRows::default(),
        };
        let mut stretch = LogWindow::default();
        let first = stretch.next_page_to_follow().expect("a page");
        stretch.apply_page(&first, page(1..=10));
        assert_eq!(stretch.n_unseen(), 0);
        stretch.mark_stale();
        let next = stretch.next_page_to_follow().expect("a page");
        stretch.apply_page(&next, page(11..=20));
        let newest = stretch.next_page_to_follow().expect("more than a page holds");
        assert_eq!(newest, PageDirection::Newest);
        stretch.apply_page(&newest, page(51..=60));
        assert_eq!(stretch.n_unseen(), 30);
    }

    proptest! {
        #[test]
        fn what_is_held_has_no_gap_whatever_happens(
            step in 1_i64..4, moves in proptest::collection::vec((0_u8..6, 0_usize..400, 0_i64..900), 1..60),
        ) {
            let mut platform = FakeLogPlatform { newest: 3_000, step };
            let mut stretch = LogWindow::default();
            let mut late: Option<(PageDirection, LogPage<i64>)> = None;
            for (kind, at, n) in moves {
                let wanted = match kind {
                    0 | 1 => stretch.next_page_around(at, 100),
                    2 => stretch.next_page_to_follow(),
                    3 => {
                        platform.newest += n;
                        stretch.mark_stale();
                        None
                    }
                    4 => stretch.next_page_around(stretch.n_rows(), 100),
                    _ => {
                        if let Some((toward, page)) = late.take() {
                            stretch.apply_page(&toward, page);
                        }
                        None
                    }
                };
                if let Some(toward) = wanted {
                    let page = platform.page(&toward);
                    if n % 2 == 0 { stretch.apply_page(&toward, page) } else { late = Some((toward, page)) }
                }
                let held: Vec<i64> = stretch.rows().copied().collect();
                prop_assert!(held.windows(2).all(|pair| pair[0] - step == pair[1]), "{held:?}");
                prop_assert!(held.iter().all(|n| stretch.find(*n) == Some(n)));
                prop_assert!(held.iter().enumerate().all(|(at, n)| stretch.row(at) == Some(n)));
            }
        }
    }
}
