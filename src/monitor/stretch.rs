//! Contiguous window of a paged log around the cursor, newest row first. Distant pages are evicted and can be fetched
//! again, because every page keeps the cursors at both its ends.

use crate::api::log::LogPage;
use crate::api::readable::UnreadableRows;
use std::collections::VecDeque;

/// Rows per page: the maximum that a platform returns.
pub const PAGE: u32 = 200;
/// Maximum number of pages that are held.
const MOST: usize = 10;

/// Row of a log, ordered by its number.
pub trait Numbered {
    /// Returns the number of the row.
    fn number(&self) -> i64;
}

/// Position at which rows are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Toward {
    /// Newest end of the log, whatever is held.
    Newest,
    /// Behind the oldest row that is held, from this cursor.
    Older(String),
    /// Before the newest row that is held, from this cursor.
    Newer(String),
}

impl Toward {
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
pub enum News {
    /// No newer rows, as far as is known.
    #[default]
    None,
    /// The platform changed since the newest rows were requested: there may be newer ones.
    Perhaps,
    /// There are more newer rows than a page holds.
    Many,
}

/// State of the current fetch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Errand {
    #[default]
    None,
    /// A page was requested and has not arrived.
    Asked(Toward),
    /// The last page could not be fetched, for this reason.
    Failed(String),
    /// The operator stopped the search.
    Stopped,
}

#[derive(Debug, Clone, PartialEq)]
struct Part<T> {
    rows: Vec<T>,
    older: Option<String>,
    newer: Option<String>,
}

/// Contiguous window of a log, made of pages.
#[derive(Debug, Clone, PartialEq)]
pub struct Stretch<T> {
    parts: VecDeque<Part<T>>,
    news: News,
    errand: Errand,
    /// Number of pages in a row, towards the older end, that were not full although there may be more rows.
    n_sparse: u32,
    /// Row numbers that passed while the log was followed and were never held, because more rows came at once than
    /// fit a page.
    n_passed: u64,
    /// Rows that could not be read, since the newest page was fetched.
    unreadable: UnreadableRows,
}

impl<T> Default for Stretch<T> {
    fn default() -> Self {
        Self {
            parts: VecDeque::new(),
            news: News::None,
            errand: Errand::None,
            n_sparse: 0,
            n_passed: 0,
            unreadable: UnreadableRows::default(),
        }
    }
}

impl<T: Numbered> Stretch<T> {
    /// Checks whether a page has been received.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        !self.parts.is_empty()
    }

    /// Returns the number of rows that are held.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.parts.iter().map(|part| part.rows.len()).sum()
    }

    /// Returns the row at a position; 0 is the newest that is held.
    #[must_use]
    pub fn row(&self, mut at: usize) -> Option<&T> {
        for part in &self.parts {
            match part.rows.get(at) {
                Some(row) => return Some(row),
                None => at -= part.rows.len(),
            }
        }
        None
    }

    /// Iterates over the rows, newest first.
    pub fn rows(&self) -> impl Iterator<Item = &T> {
        self.parts.iter().flat_map(|part| &part.rows)
    }

    /// Finds the row with a number.
    #[must_use]
    pub fn find(&self, number: i64) -> Option<&T> {
        let part = self.parts.iter().find(|part| part.rows.last().is_some_and(|last| last.number() <= number))?;
        let place = part.rows.binary_search_by(|row| number.cmp(&row.number())).ok()?;
        part.rows.get(place)
    }

    /// Checks whether the oldest row that is held is the oldest of the log.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.parts.back().is_some_and(|part| part.older.is_none())
    }

    /// Tells whether there are newer rows than those that are held.
    #[must_use]
    pub const fn news(&self) -> News {
        self.news
    }

    /// Returns the number of pages searched in a row that were not full; 0 when no search runs.
    #[must_use]
    pub const fn n_searched(&self) -> u32 {
        match self.errand {
            Errand::Asked(Toward::Older(_)) => self.n_sparse,
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
    pub const fn n_passed(&self) -> u64 {
        self.n_passed
    }

    /// Returns the rows that could not be read since the newest page was fetched.
    #[must_use]
    pub const fn unreadable(&self) -> &UnreadableRows {
        &self.unreadable
    }

    /// Returns why the last page could not be fetched.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        match &self.errand {
            Errand::Failed(why) => Some(why),
            _ => None,
        }
    }

    /// Marks that the platform changed: there may be newer rows, and a failed fetch may work again.
    pub fn hear(&mut self) {
        if self.news == News::None {
            self.news = News::Perhaps;
        }
        if matches!(self.errand, Errand::Failed(_)) {
            self.errand = Errand::None;
        }
    }

    /// Clears a failed or stopped fetch after user input, so that it is retried.
    pub fn stir(&mut self) {
        if matches!(self.errand, Errand::Failed(_) | Errand::Stopped) {
            self.errand = Errand::None;
        }
    }

    /// Forgets the fetch in flight; its result is ignored.
    pub fn forget_errand(&mut self) {
        self.errand = Errand::None;
    }

    /// Stops a search after the operator cancels it; the result of its fetch is ignored. Returns whether a search was
    /// running.
    pub fn stop(&mut self) -> bool {
        let was_searching = self.n_searched() > 0;
        if was_searching {
            self.errand = Errand::Stopped;
        }
        was_searching
    }

    /// Returns the page to fetch next while the newest row is followed, and records that it was requested.
    pub fn wanted_to_follow(&mut self) -> Option<Toward> {
        if self.errand != Errand::None {
            return None;
        }
        let toward = match (self.parts.front(), self.news) {
            (Some(_), News::None) => return None,
            (Some(Part { newer: Some(cursor), .. }), News::Perhaps) => Toward::Newer(cursor.clone()),
            _ => Toward::Newest,
        };
        Some(self.ask(toward))
    }

    /// Returns the page to fetch next when the row `at` and `margin` rows around it are shown, and records that it
    /// was requested.
    pub fn wanted_around(&mut self, at: usize, margin: usize) -> Option<Toward> {
        if self.errand != Errand::None {
            return None;
        }
        let Some(front) = self.parts.front() else { return Some(self.ask(Toward::Newest)) };
        let newer = front.newer.clone().filter(|_| at < margin && self.news != News::None);
        self.wanted_behind(at, margin).or_else(|| newer.map(|cursor| self.ask(Toward::Newer(cursor))))
    }

    /// Returns the next page towards the older end like [`Self::wanted_around`], without newer rows.
    pub fn wanted_behind(&mut self, at: usize, margin: usize) -> Option<Toward> {
        let cursor = self.parts.back()?.older.clone()?;
        let is_near = at + margin >= self.n_rows();
        (self.errand == Errand::None && is_near).then(|| self.ask(Toward::Older(cursor)))
    }

    fn ask(&mut self, toward: Toward) -> Toward {
        if !matches!(toward, Toward::Older(_)) {
            // Any change from here on may bring rows that this fetch does not return.
            self.news = News::None;
        }
        self.errand = Errand::Asked(toward.clone());
        toward
    }

    /// Adds a page that was requested; a page that is no longer wanted is ignored.
    pub fn take(&mut self, toward: &Toward, page: LogPage<T>) {
        if !matches!(&self.errand, Errand::Asked(asked) if asked == toward) {
            return;
        }
        self.errand = Errand::None;
        let LogPage { items, next_cursor, previous_cursor, has_more, unreadable } = page;
        if matches!(toward, Toward::Newest) {
            self.unreadable = UnreadableRows::default();
        }
        self.unreadable.extend(unreadable);
        let part = Part { rows: items, older: next_cursor, newer: previous_cursor };
        let is_sparse = has_more && part.rows.len() < PAGE as usize;
        match toward {
            Toward::Newest => {
                self.n_sparse = u32::from(is_sparse);
                // Rows between the old newest one and the oldest of this page were never held.
                let before = self.parts.front().and_then(|front| front.rows.first()).map(Numbered::number);
                if let (Some(before), Some(oldest)) = (before, part.rows.last()) {
                    let gap = oldest.number().saturating_sub(before).saturating_sub(1);
                    self.n_passed += u64::try_from(gap).unwrap_or(0);
                }
                self.parts = VecDeque::from([part]);
            }
            Toward::Older(_) => {
                self.n_sparse = if is_sparse { self.n_sparse + 1 } else { 0 };
                self.append(part);
            }
            Toward::Newer(_) => {
                if has_more {
                    self.news = News::Many;
                }
                self.prepend(part);
            }
        }
    }

    fn append(&mut self, part: Part<T>) {
        match self.parts.back_mut() {
            // A page with few rows extends the last one; only its cursor is new.
            Some(back) if back.rows.len() + part.rows.len() <= PAGE as usize => {
                back.rows.extend(part.rows);
                back.older = part.older;
            }
            _ => self.parts.push_back(part),
        }
        if self.parts.len() > MOST {
            self.parts.pop_front();
            self.news = News::Many;
        }
    }

    fn prepend(&mut self, part: Part<T>) {
        match self.parts.front_mut() {
            Some(front) if front.rows.len() + part.rows.len() <= PAGE as usize => {
                front.rows.splice(0..0, part.rows);
                front.newer = part.newer;
            }
            _ => self.parts.push_front(part),
        }
        if self.parts.len() > MOST {
            self.parts.pop_back();
        }
    }

    /// Records that a page could not be fetched.
    pub fn fail(&mut self, toward: &Toward, why: String) {
        if matches!(&self.errand, Errand::Asked(asked) if asked == toward) {
            if !matches!(toward, Toward::Older(_)) {
                self.news = News::Perhaps;
            }
            self.errand = Errand::Failed(why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl Numbered for i64 {
        fn number(&self) -> i64 {
            *self
        }
    }

    /// A log of the numbers 1 to `newest`, of which those that `step` divides pass its filter; looks at 300 rows a page.
    struct Platform {
        newest: i64,
        step: i64,
    }

    const LOOKED_AT: i64 = 300;

    impl Platform {
        fn page(&self, toward: &Toward) -> LogPage<i64> {
            let number = |cursor: &str| cursor.parse::<i64>().expect("a cursor of ours");
            let passes = |n: &i64| n % self.step == 0;
            match toward {
                Toward::Newer(cursor) => {
                    let above = number(cursor);
                    let last = self.newest.min(above + LOOKED_AT);
                    let mut items: Vec<i64> = (above + 1..=last).filter(passes).take(PAGE as usize).collect();
                    let reached = if items.len() == PAGE as usize { items[items.len() - 1] } else { last };
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
                    let items: Vec<i64> = (first..below).rev().filter(passes).take(PAGE as usize).collect();
                    let reached = if items.len() == PAGE as usize { items[items.len() - 1] } else { first };
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

    fn fetch(stretch: &mut Stretch<i64>, platform: &Platform, wanted: Option<Toward>) {
        if let Some(toward) = wanted {
            let page = platform.page(&toward);
            stretch.take(&toward, page);
        }
    }

    #[test]
    fn thousands_of_a_million_rows_are_walked_both_ways_with_two_thousand_in_memory() {
        let platform = Platform { newest: 1_000_000, step: 1 };
        let mut stretch = Stretch::default();
        let mut at = 0;
        let mut oldest = i64::MAX;
        let wanted = stretch.wanted_around(0, 100);
        fetch(&mut stretch, &platform, wanted);
        while oldest > 994_000 {
            let row = *stretch.row(at).expect("a row");
            assert!(row < oldest, "no row twice");
            assert!(oldest == i64::MAX || row + 1 == oldest, "no row left out");
            oldest = row;
            let wanted = stretch.wanted_around(at, 100);
            fetch(&mut stretch, &platform, wanted);
            assert!(stretch.n_rows() <= MOST * PAGE as usize);
            at = stretch.rows().position(|n| *n == row).expect("what is looked at is held") + 1;
        }
        for _ in 0..10_000 {
            let row = *stretch.row(at - 1).expect("a row");
            let wanted = stretch.wanted_around(at - 1, 100);
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
        let platform = Platform { newest: 100_000, step: 5_000 };
        let mut stretch = Stretch::default();
        let wanted = stretch.wanted_around(0, 10);
        fetch(&mut stretch, &platform, wanted);
        for n in 1..5 {
            let toward = stretch.wanted_around(0, 10).expect("too few rows");
            assert_eq!(stretch.n_searched(), n);
            stretch.take(&toward, platform.page(&toward));
        }
        let toward = stretch.wanted_around(0, 10).expect("too few rows");
        assert!(stretch.stop());
        stretch.take(&toward, platform.page(&toward));
        assert_eq!((stretch.n_rows(), stretch.wanted_around(0, 10)), (1, None));
        stretch.stir();
        assert!(stretch.wanted_around(0, 10).is_some());
    }

    #[test]
    fn a_failure_is_kept_until_something_is_heard() {
        let mut stretch = Stretch::<i64>::default();
        let toward = stretch.wanted_around(0, 10).expect("nothing is held");
        stretch.fail(&toward, "refused".to_owned());
        assert_eq!(stretch.failure(), Some("refused"));
        assert_eq!(stretch.wanted_around(0, 10), None);
        stretch.hear();
        assert_eq!(stretch.wanted_around(0, 10), Some(Toward::Newest));
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
        let mut stretch = Stretch::default();
        let first = stretch.wanted_to_follow().expect("a page");
        stretch.take(&first, page(1..=10));
        assert_eq!(stretch.n_passed(), 0);
        stretch.hear();
        let next = stretch.wanted_to_follow().expect("a page");
        stretch.take(&next, page(11..=20));
        let newest = stretch.wanted_to_follow().expect("more than a page holds");
        assert_eq!(newest, Toward::Newest);
        stretch.take(&newest, page(51..=60));
        assert_eq!(stretch.n_passed(), 30);
    }

    proptest! {
        #[test]
        fn what_is_held_has_no_gap_whatever_happens(
            step in 1_i64..4, moves in proptest::collection::vec((0_u8..6, 0_usize..400, 0_i64..900), 1..60),
        ) {
            let mut platform = Platform { newest: 3_000, step };
            let mut stretch = Stretch::default();
            let mut late: Option<(Toward, LogPage<i64>)> = None;
            for (kind, at, n) in moves {
                let wanted = match kind {
                    0 | 1 => stretch.wanted_around(at, 100),
                    2 => stretch.wanted_to_follow(),
                    3 => {
                        platform.newest += n;
                        stretch.hear();
                        None
                    }
                    4 => stretch.wanted_around(stretch.n_rows(), 100),
                    _ => {
                        if let Some((toward, page)) = late.take() {
                            stretch.take(&toward, page);
                        }
                        None
                    }
                };
                if let Some(toward) = wanted {
                    let page = platform.page(&toward);
                    if n % 2 == 0 { stretch.take(&toward, page) } else { late = Some((toward, page)) }
                }
                let held: Vec<i64> = stretch.rows().copied().collect();
                prop_assert!(held.windows(2).all(|pair| pair[0] - step == pair[1]), "{held:?}");
                prop_assert!(held.iter().all(|n| stretch.find(*n) == Some(n)));
                prop_assert!(held.iter().enumerate().all(|(at, n)| stretch.row(at) == Some(n)));
            }
        }
    }
}
