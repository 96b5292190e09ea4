//! The logs that a console pages through: of each what was asked of it, and the stretch that is held.

use super::stretch::{Numbered, Stretch, Toward};
use crate::api::attempts::AttemptRow;
use crate::api::deliveries::EventRow;
use crate::api::log::{AttemptQuery, EventQuery, LogPage, RequestQuery, TripQuery};
use crate::api::requests::{CodeCount, RequestRow};
use crate::api::trips::TripRow;

/// One log.
#[derive(Debug, Clone, PartialEq)]
pub struct Log<Q, T> {
    /// Which rows.
    pub query: Q,
    /// Those that are held.
    pub stretch: Stretch<T>,
}

impl<Q: Default, T: Numbered> Default for Log<Q, T> {
    fn default() -> Self {
        Self { query: Q::default(), stretch: Stretch::default() }
    }
}

impl<Q: PartialEq, T: Numbered> Log<Q, T> {
    /// Asks for other rows; those that are held are let go if it really asks for others.
    pub fn ask(&mut self, query: Q) {
        if self.query != query {
            *self = Self { query, stretch: Stretch::default() };
        }
    }
}

/// All logs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Logs {
    /// The delivery log, by attempt.
    pub attempts: Log<AttemptQuery, AttemptRow>,
    /// Events of all companies.
    pub events: Log<EventQuery, EventRow>,
    /// Requests to the Integration API.
    pub requests: Log<RequestQuery, RequestRow>,
    /// The breaker's history.
    pub trips: Log<TripQuery, TripRow>,
    /// What the last hour's requests were answered with, as it came with the last page of them; most frequent first.
    pub last_hour: Vec<CodeCount>,
}

/// A page that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Of attempts.
    Attempts(AttemptQuery, Toward),
    /// Of events.
    Events(EventQuery, Toward),
    /// Of requests.
    Requests(RequestQuery, Toward),
    /// Of trips.
    Trips(TripQuery, Toward),
}

/// A page that came.
#[derive(Debug, Clone, PartialEq)]
pub enum Came {
    /// Of attempts.
    Attempts(LogPage<AttemptRow>),
    /// Of events.
    Events(LogPage<EventRow>),
    /// Of requests, with the last hour's codes.
    Requests(LogPage<RequestRow>, Vec<CodeCount>),
    /// Of trips.
    Trips(LogPage<TripRow>),
}

impl Logs {
    /// Takes what came of a page that was wanted. An answer to a question that is no longer asked is ignored.
    pub fn take(&mut self, ask: &Ask, came: Result<Came, String>) {
        match (ask, came) {
            (Ask::Attempts(query, toward), Ok(Came::Attempts(page))) => {
                put(&mut self.attempts, query, toward, Ok(page));
            }
            (Ask::Events(query, toward), Ok(Came::Events(page))) => put(&mut self.events, query, toward, Ok(page)),
            (Ask::Requests(query, toward), Ok(Came::Requests(page, last_hour))) => {
                self.last_hour = last_hour;
                put(&mut self.requests, query, toward, Ok(page));
            }
            (Ask::Trips(query, toward), Ok(Came::Trips(page))) => put(&mut self.trips, query, toward, Ok(page)),
            (Ask::Attempts(query, toward), Err(why)) => put(&mut self.attempts, query, toward, Err(why)),
            (Ask::Events(query, toward), Err(why)) => put(&mut self.events, query, toward, Err(why)),
            (Ask::Requests(query, toward), Err(why)) => put(&mut self.requests, query, toward, Err(why)),
            (Ask::Trips(query, toward), Err(why)) => put(&mut self.trips, query, toward, Err(why)),
            // A page of another log is no answer.
            (_, Ok(_)) => {}
        }
    }

    /// Nobody waits any more for what is under way.
    pub fn forget_errands(&mut self) {
        self.attempts.stretch.forget_errand();
        self.events.stretch.forget_errand();
        self.requests.stretch.forget_errand();
        self.trips.stretch.forget_errand();
    }

    /// Rows that went by unseen while logs were followed, at most.
    #[must_use]
    pub const fn n_passed(&self) -> u64 {
        self.attempts.stretch.n_passed()
            + self.events.stretch.n_passed()
            + self.requests.stretch.n_passed()
            + self.trips.stretch.n_passed()
    }

    /// The platform changed: every log may have newer rows.
    pub fn hear(&mut self) {
        self.attempts.stretch.hear();
        self.events.stretch.hear();
        self.requests.stretch.hear();
        self.trips.stretch.hear();
    }
}

fn put<Q: PartialEq, T: Numbered>(log: &mut Log<Q, T>, query: &Q, toward: &Toward, page: Result<LogPage<T>, String>) {
    if log.query != *query {
        return;
    }
    match page {
        Ok(page) => log.stretch.take(toward, page),
        Err(why) => log.stretch.fail(toward, why),
    }
}

impl Numbered for AttemptRow {
    fn number(&self) -> i64 {
        self.id.0
    }
}

impl Numbered for EventRow {
    fn number(&self) -> i64 {
        self.id.0
    }
}

impl Numbered for RequestRow {
    fn number(&self) -> i64 {
        self.id
    }
}

impl Numbered for TripRow {
    fn number(&self) -> i64 {
        self.id.0
    }
}
