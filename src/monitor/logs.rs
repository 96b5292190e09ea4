//! Logs that a console pages through: for each one the query, and the rows held around the cursor.

use super::stretch::{Numbered, Stretch, Toward};
use crate::api::attempts::AttemptRow;
use crate::api::deliveries::EventRow;
use crate::api::log::{AttemptQuery, EventQuery, LogPage, RequestQuery, TripQuery};
use crate::api::requests::{ProblemCodeCount, RequestRow};
use crate::api::trips::TripRow;

/// One log, with its query and the rows held.
#[derive(Debug, Clone, PartialEq)]
pub struct Log<Q, T> {
    /// Query that selects the rows.
    pub query: Q,
    /// Rows that the console holds of the log.
    pub stretch: Stretch<T>,
}

impl<Q: Default, T: Numbered> Default for Log<Q, T> {
    fn default() -> Self {
        Self { query: Q::default(), stretch: Stretch::default() }
    }
}

impl<Q: PartialEq, T: Numbered> Log<Q, T> {
    /// Sets the query; rows held for another query are dropped.
    pub fn ask(&mut self, query: Q) {
        if self.query != query {
            *self = Self { query, stretch: Stretch::default() };
        }
    }
}

/// All logs of a console.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Logs {
    /// Delivery log, one row per attempt.
    pub attempts: Log<AttemptQuery, AttemptRow>,
    /// Events log, over all companies.
    pub events: Log<EventQuery, EventRow>,
    /// Requests to the Integration API.
    pub requests: Log<RequestQuery, RequestRow>,
    /// Trips of the circuit breaker.
    pub trips: Log<TripQuery, TripRow>,
    /// Counts of the last hour's requests by status and code, most frequent first, as received with the last page of
    /// requests.
    pub last_hour: Vec<ProblemCodeCount>,
}

/// Request for a page of one of the logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Page of the attempts log.
    Attempts(AttemptQuery, Toward),
    /// Page of the events log.
    Events(EventQuery, Toward),
    /// Page of the requests log.
    Requests(RequestQuery, Toward),
    /// Page of the trips log.
    Trips(TripQuery, Toward),
}

/// Page of one of the logs, as it was received.
#[derive(Debug, Clone, PartialEq)]
pub enum Came {
    /// Page of the attempts log.
    Attempts(LogPage<AttemptRow>),
    /// Page of the events log.
    Events(LogPage<EventRow>),
    /// Page of the requests log, with the last hour's counts by status and code.
    Requests(LogPage<RequestRow>, Vec<ProblemCodeCount>),
    /// Page of the trips log.
    Trips(LogPage<TripRow>),
}

impl Logs {
    /// Adds a page that was requested. An answer to a query that has changed meanwhile is ignored.
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
            // A page of another log cannot answer this request.
            (_, Ok(_)) => {}
        }
    }

    /// Forgets the fetches in flight of all logs; their results are ignored.
    pub fn forget_errands(&mut self) {
        self.attempts.stretch.forget_errand();
        self.events.stretch.forget_errand();
        self.requests.stretch.forget_errand();
        self.trips.stretch.forget_errand();
    }

    /// Returns the number of rows that passed while logs were followed, as an upper bound.
    #[must_use]
    pub const fn n_passed(&self) -> u64 {
        self.attempts.stretch.n_passed()
            + self.events.stretch.n_passed()
            + self.requests.stretch.n_passed()
            + self.trips.stretch.n_passed()
    }

    /// Marks that every log may have newer rows, after the platform changed.
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
