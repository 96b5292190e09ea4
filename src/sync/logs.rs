//! Logs that a console pages through: for each one the query, and the rows held around the cursor.

use super::log_window::{LOG_PAGE_ROWS, LogWindow, NumberedRow, PageDirection};
use super::row_filters::{attempt_query, event_query, request_query};
use crate::client;
use crate::client::connection::PlatformClient;
use crate::domain::ids::CompanyId;
use crate::domain::query::pushdown::{LogKind, RemoteFilter};
use crate::wire::attempts::AttemptRow;
use crate::wire::deliveries::EventRow;
use crate::wire::log::{AttemptQuery, EventQuery, LogPage, RequestQuery, TripQuery};
use crate::wire::requests::{ProblemCodeCount, RequestRow};
use crate::wire::trips::TripRow;

/// Rows around the selected one that are fetched ahead of the cursor.
pub const PREFETCH_ROWS: usize = 100;

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

/// Name of a log that a console pages through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogName {
    /// Log of delivery attempts.
    Attempts,
    /// Log of all published events.
    Events,
    /// Log of requests to the Integration API.
    Requests,
    /// Trips of the circuit breaker.
    Trips,
}

impl LogName {
    /// All logs of a console.
    pub const ALL: [Self; 4] = [Self::Attempts, Self::Events, Self::Requests, Self::Trips];

    /// Log whose filters the platform evaluates; `None` if the platform filters by company only.
    #[must_use]
    pub const fn filtered_as(self) -> Option<LogKind> {
        match self {
            Self::Attempts => Some(LogKind::Attempts),
            Self::Events => Some(LogKind::Events),
            Self::Requests => Some(LogKind::Requests),
            Self::Trips => None,
        }
    }
}

/// Part of a log that the operator looks at.
#[derive(Debug, Clone, Copy)]
pub enum PagingIntent {
    /// Follows the newest row of the log.
    Following,
    /// Reads around the row at this index, with a number of rows to load on each side.
    Around(usize, usize),
    /// Reads around a row while the console is frozen: older rows are loaded, newer ones are not.
    Frozen(usize, usize),
}

/// Query of a log, with the request for a page of what it selects.
pub trait ConsoleQuery: Clone + PartialEq {
    /// Creates the request for a page.
    fn request(self, toward: PageDirection) -> LogPageRequest;
}

/// Any log of a console, whatever its rows are.
pub trait ConsoleLog {
    /// Whether pages are loaded.
    fn has_pages(&self) -> bool;
    /// Reason why the latest page could not be loaded.
    fn failure(&self) -> Option<&str>;
    /// Whether few of the rows that the platform searches match the query.
    fn is_sparse(&self) -> bool;
    /// Number of rows that passed while the log was followed, as an upper bound.
    fn n_unseen(&self) -> u64;
    /// Forgets the fetch in flight; its result is ignored.
    fn cancel_fetch(&mut self);
    /// Marks that the log may have newer rows.
    fn mark_stale(&mut self);
    /// Lets a page that failed or was stopped be requested again.
    fn retry_failed(&mut self);
    /// Stops a search; returns whether there was one.
    fn stop_search(&mut self) -> bool;
    /// Request for the page that is needed next, which is noted as in flight; `None` if none is needed.
    fn next_request(&mut self, looking: PagingIntent) -> Option<LogPageRequest>;
}

impl<Q: ConsoleQuery, T: NumberedRow> ConsoleLog for PagedLog<Q, T> {
    fn has_pages(&self) -> bool {
        self.window.has_pages()
    }

    fn failure(&self) -> Option<&str> {
        self.window.failure()
    }

    fn is_sparse(&self) -> bool {
        self.window.is_sparse()
    }

    fn n_unseen(&self) -> u64 {
        self.window.n_unseen()
    }

    fn cancel_fetch(&mut self) {
        self.window.cancel_fetch();
    }

    fn mark_stale(&mut self) {
        self.window.mark_stale();
    }

    fn retry_failed(&mut self) {
        self.window.retry_failed();
    }

    fn stop_search(&mut self) -> bool {
        self.window.stop_search()
    }

    fn next_request(&mut self, looking: PagingIntent) -> Option<LogPageRequest> {
        let window = &mut self.window;
        let toward = match looking {
            PagingIntent::Following => {
                window.next_page_to_follow().or_else(|| window.next_page_around(0, PREFETCH_ROWS))
            }
            PagingIntent::Around(at, ahead) => window.next_page_around(at, ahead),
            PagingIntent::Frozen(at, ahead) => window.next_older_page(at, ahead),
        };
        toward.map(|toward| self.query.clone().request(toward))
    }
}

impl LogPageRequest {
    /// Fetches the page from a platform with a Portal.
    ///
    /// # Errors
    /// [`client::Error`] when the call fails.
    pub async fn fetch(&self, client: &PlatformClient) -> Result<LogPageResult, client::Error> {
        let n = LOG_PAGE_ROWS;
        Ok(match self {
            Self::Attempts(query, at) => LogPageResult::Attempts(client.log_page(query, at.cursor(), n).await?),
            Self::Events(query, at) => LogPageResult::Events(client.log_page(query, at.cursor(), n).await?),
            Self::Requests(query, toward) => {
                let log = client.log_page(query, toward.cursor(), n).await?;
                LogPageResult::Requests(log.page, log.last_hour)
            }
            Self::Trips(query, at) => LogPageResult::Trips(client.log_page(query, at.cursor(), n).await?),
        })
    }
}

impl ConsoleLogs {
    /// Returns a log by its name.
    #[must_use]
    pub const fn log(&self, name: LogName) -> &dyn ConsoleLog {
        match name {
            LogName::Attempts => &self.attempts,
            LogName::Events => &self.events,
            LogName::Requests => &self.requests,
            LogName::Trips => &self.trips,
        }
    }

    /// Returns a log by its name, to be changed.
    pub const fn log_mut(&mut self, name: LogName) -> &mut dyn ConsoleLog {
        match name {
            LogName::Attempts => &mut self.attempts,
            LogName::Events => &mut self.events,
            LogName::Requests => &mut self.requests,
            LogName::Trips => &mut self.trips,
        }
    }

    /// Applies a change to every log.
    pub fn for_each(&mut self, change: impl Fn(&mut dyn ConsoleLog)) {
        LogName::ALL.into_iter().for_each(|name| change(self.log_mut(name)));
    }

    /// Sets the queries of all logs from the filters that the platform evaluates; `restrict` narrows them to a
    /// drill-down. Trips are restricted to a company only.
    pub fn set_queries(
        &mut self,
        company: Option<CompanyId>,
        filters: impl Fn(LogName) -> Vec<RemoteFilter>,
        restrict: impl FnOnce(&mut AttemptQuery, &mut RequestQuery),
    ) {
        let mut attempts = attempt_query(&filters(LogName::Attempts));
        let mut requests = request_query(&filters(LogName::Requests));
        restrict(&mut attempts, &mut requests);
        self.attempts.set_query(attempts);
        self.events.set_query(event_query(&filters(LogName::Events)));
        self.requests.set_query(requests);
        self.trips.set_query(TripQuery { company: company.map(|id| id.0), subscription: None });
    }

    /// Adds a page that was requested. An answer to a query that has changed meanwhile is ignored.
    pub fn apply_page(&mut self, ask: &LogPageRequest, came: Result<LogPageResult, String>) {
        match ask {
            LogPageRequest::Attempts(query, toward) => self.attempts.apply(query, toward, came, |came| match came {
                LogPageResult::Attempts(page) => Some(page),
                _ => None,
            }),
            LogPageRequest::Events(query, toward) => self.events.apply(query, toward, came, |came| match came {
                LogPageResult::Events(page) => Some(page),
                _ => None,
            }),
            LogPageRequest::Requests(query, toward) => {
                let last_hour = &mut self.last_hour;
                self.requests.apply(query, toward, came, |came| match came {
                    LogPageResult::Requests(page, hour) => {
                        *last_hour = hour;
                        Some(page)
                    }
                    _ => None,
                });
            }
            LogPageRequest::Trips(query, toward) => self.trips.apply(query, toward, came, |came| match came {
                LogPageResult::Trips(page) => Some(page),
                _ => None,
            }),
        }
    }

    /// Forgets the fetches in flight of all logs; their results are ignored.
    pub fn cancel_fetches(&mut self) {
        self.for_each(|log| log.cancel_fetch());
    }

    /// Returns the number of rows that passed while logs were followed, as an upper bound.
    #[must_use]
    pub fn n_unseen(&self) -> u64 {
        LogName::ALL.into_iter().map(|name| self.log(name).n_unseen()).sum()
    }

    /// Marks that every log may have newer rows, after the platform changed.
    pub fn mark_stale(&mut self) {
        self.for_each(|log| log.mark_stale());
    }
}

impl<Q: PartialEq, T: NumberedRow> PagedLog<Q, T> {
    /// Adds the page of an answer. The answer to another query is ignored, and so is a page of another log.
    fn apply(
        &mut self,
        query: &Q,
        toward: &PageDirection,
        came: Result<LogPageResult, String>,
        page: impl FnOnce(LogPageResult) -> Option<LogPage<T>>,
    ) {
        let came = came.map(page);
        match came {
            _ if self.query != *query => {}
            Ok(Some(page)) => self.window.apply_page(toward, page),
            Ok(None) => {}
            Err(why) => self.window.record_failure(toward, why),
        }
    }
}

impl ConsoleQuery for AttemptQuery {
    fn request(self, toward: PageDirection) -> LogPageRequest {
        LogPageRequest::Attempts(self, toward)
    }
}

impl ConsoleQuery for EventQuery {
    fn request(self, toward: PageDirection) -> LogPageRequest {
        LogPageRequest::Events(self, toward)
    }
}

impl ConsoleQuery for RequestQuery {
    fn request(self, toward: PageDirection) -> LogPageRequest {
        LogPageRequest::Requests(self, toward)
    }
}

impl ConsoleQuery for TripQuery {
    fn request(self, toward: PageDirection) -> LogPageRequest {
        LogPageRequest::Trips(self, toward)
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
