//! Logs that a console pages through: for each one the query, and the rows held around the cursor.

use super::log_window::{LogWindow, NumberedRow, PageDirection};
use crate::wire::attempts::AttemptRow;
use crate::wire::deliveries::EventRow;
use crate::wire::log::{AttemptQuery, EventQuery, LogPage, RequestQuery, TripQuery};
use crate::wire::requests::{ProblemCodeCount, RequestRow};
use crate::wire::trips::TripRow;

/// One log, with its query and the rows held.
#[derive(Debug, Clone, PartialEq)]
pub struct PagedLog<Q, T> {
    /// Query that selects the rows.
    pub query: Q,
    /// Rows that the console holds of the log.
    pub window: LogWindow<T>,
}

impl<Q: Default, T: NumberedRow> Default for PagedLog<Q, T> {
    fn default() -> Self {
        Self { query: Q::default(), window: LogWindow::default() }
    }
}

impl<Q: PartialEq, T: NumberedRow> PagedLog<Q, T> {
    /// Sets the query; rows held for another query are dropped.
    pub fn set_query(&mut self, query: Q) {
        if self.query != query {
            *self = Self { query, window: LogWindow::default() };
        }
    }
}

/// All logs of a console.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConsoleLogs {
    /// Delivery log, one row per attempt.
    pub attempts: PagedLog<AttemptQuery, AttemptRow>,
    /// Events log, over all companies.
    pub events: PagedLog<EventQuery, EventRow>,
    /// Requests to the Integration API.
    pub requests: PagedLog<RequestQuery, RequestRow>,
    /// Trips of the circuit breaker.
    pub trips: PagedLog<TripQuery, TripRow>,
    /// Counts of the last hour's requests by status and code, most frequent first, as received with the last page of
    /// requests.
    pub last_hour: Vec<ProblemCodeCount>,
}

/// Request for a page of one of the logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogPageRequest {
    /// Page of the attempts log.
    Attempts(AttemptQuery, PageDirection),
    /// Page of the events log.
    Events(EventQuery, PageDirection),
    /// Page of the requests log.
    Requests(RequestQuery, PageDirection),
    /// Page of the trips log.
    Trips(TripQuery, PageDirection),
}

/// Page of one of the logs, as it was received.
#[derive(Debug, Clone, PartialEq)]
pub enum LogPageResult {
    /// Page of the attempts log.
    Attempts(LogPage<AttemptRow>),
    /// Page of the events log.
    Events(LogPage<EventRow>),
    /// Page of the requests log, with the last hour's counts by status and code.
    Requests(LogPage<RequestRow>, Vec<ProblemCodeCount>),
    /// Page of the trips log.
    Trips(LogPage<TripRow>),
}

impl ConsoleLogs {
    /// Adds a page that was requested. An answer to a query that has changed meanwhile is ignored.
    pub fn apply_page(&mut self, ask: &LogPageRequest, came: Result<LogPageResult, String>) {
        match (ask, came) {
            (LogPageRequest::Attempts(query, toward), Ok(LogPageResult::Attempts(page))) => {
                apply_to_log(&mut self.attempts, query, toward, Ok(page));
            }
            (LogPageRequest::Events(query, toward), Ok(LogPageResult::Events(page))) => {
                apply_to_log(&mut self.events, query, toward, Ok(page));
            }
            (LogPageRequest::Requests(query, toward), Ok(LogPageResult::Requests(page, last_hour))) => {
                self.last_hour = last_hour;
                apply_to_log(&mut self.requests, query, toward, Ok(page));
            }
            (LogPageRequest::Trips(query, toward), Ok(LogPageResult::Trips(page))) => {
                apply_to_log(&mut self.trips, query, toward, Ok(page));
            }
            (LogPageRequest::Attempts(query, toward), Err(why)) => {
                apply_to_log(&mut self.attempts, query, toward, Err(why));
            }
            (LogPageRequest::Events(query, toward), Err(why)) => {
                apply_to_log(&mut self.events, query, toward, Err(why));
            }
            (LogPageRequest::Requests(query, toward), Err(why)) => {
                apply_to_log(&mut self.requests, query, toward, Err(why));
            }
            (LogPageRequest::Trips(query, toward), Err(why)) => apply_to_log(&mut self.trips, query, toward, Err(why)),
            // A page of another log cannot answer this request.
            (_, Ok(_)) => {}
        }
    }

    /// Forgets the fetches in flight of all logs; their results are ignored.
    pub fn cancel_fetches(&mut self) {
        self.attempts.window.cancel_fetch();
        self.events.window.cancel_fetch();
        self.requests.window.cancel_fetch();
        self.trips.window.cancel_fetch();
    }

    /// Returns the number of rows that passed while logs were followed, as an upper bound.
    #[must_use]
    pub const fn n_unseen(&self) -> u64 {
        self.attempts.window.n_unseen()
            + self.events.window.n_unseen()
            + self.requests.window.n_unseen()
            + self.trips.window.n_unseen()
    }

    /// Marks that every log may have newer rows, after the platform changed.
    pub fn mark_stale(&mut self) {
        self.attempts.window.mark_stale();
        self.events.window.mark_stale();
        self.requests.window.mark_stale();
        self.trips.window.mark_stale();
    }
}

fn apply_to_log<Q: PartialEq, T: NumberedRow>(
    log: &mut PagedLog<Q, T>,
    query: &Q,
    toward: &PageDirection,
    page: Result<LogPage<T>, String>,
) {
    if log.query != *query {
        return;
    }
    match page {
        Ok(page) => log.window.apply_page(toward, page),
        Err(why) => log.window.record_failure(toward, why),
    }
}

impl NumberedRow for AttemptRow {
    fn number(&self) -> i64 {
        self.id.0
    }
}

impl NumberedRow for EventRow {
    fn number(&self) -> i64 {
        self.id.0
    }
}

impl NumberedRow for RequestRow {
    fn number(&self) -> i64 {
        self.id
    }
}

impl NumberedRow for TripRow {
    fn number(&self) -> i64 {
        self.id.0
    }
}
