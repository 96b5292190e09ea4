//! Paging of logs: which pages are needed for what is on the screen. Computed after every message; a page in flight
//! is not requested again.

use super::app::{App, MainView};
use super::effect::{BackgroundJob, Effect};
use super::panes::Pane;
use super::selection::FollowMode;
use crate::sync::log_window::{NumberedRow, PageDirection};
use crate::sync::logs::{LogPageRequest, PagedLog};
use crate::wire::log::AttemptQuery;

/// Rows around the selected one that are fetched ahead of the cursor.
const PREFETCH_ROWS: usize = 100;

/// How the operator looks at a log.
#[derive(Debug, Clone, Copy)]
enum PagingIntent {
    /// Follows the newest row of the log.
    Following,
    /// Reads around the row at this index, with a number of rows to load on each side.
    Around(usize, usize),
    /// Reads around a row while the console is frozen: older rows are loaded, newer ones are not.
    Frozen(usize, usize),
}

impl App {
    /// Requests for the pages needed now; each is noted as in flight.
    pub(super) fn request_pages(&mut self) -> Vec<Effect> {
        let mut wanted = Vec::new();
        for (pane, area) in self.panes() {
            if pane.is_log() && self.is_paged(pane) {
                let looking = self.paging_intent(pane, usize::from(area.height));
                wanted.extend(self.page_wanted(pane, looking));
            }
        }
        wanted.into_iter().map(|ask| Effect::StartJob(BackgroundJob::FetchLogPage(ask))).collect()
    }

    /// Whether a log is paged in its present place. Events and requests always are. Deliveries are where they are shown
    /// alone, restricted to a company or paged before; trips too, if the snapshot does not hold them all. On the
    /// dashboard the newest rows come with the snapshot.
    fn is_paged(&self, pane: Pane) -> bool {
        let Some(overview) = self.snapshot.overview.as_deref() else { return false };
        let is_capped = (overview.trips.items.len() as u64) < overview.trips.total;
        let is_alone = self.main_view == MainView::Single;
        match pane {
            Pane::Deliveries => is_alone || self.company.is_some() || self.logs.attempts.window.has_pages(),
            Pane::Trips => is_capped && (is_alone || self.company.is_some() || self.logs.trips.window.has_pages()),
            Pane::Events | Pane::Requests => true,
            Pane::Keys | Pane::Subscriptions | Pane::Limits => false,
        }
    }

    fn paging_intent(&self, pane: Pane, height: usize) -> PagingIntent {
        let at = self.selections.of(pane).row().unwrap_or(0);
        // In a sparse log no more rows are searched for than the screen shows.
        let is_rare = match pane {
            Pane::Deliveries => is_rare(&self.logs.attempts),
            Pane::Events => is_rare(&self.logs.events),
            Pane::Requests => is_rare(&self.logs.requests),
            _ => is_rare(&self.logs.trips),
        };
        let ahead = if is_rare { height } else { PREFETCH_ROWS };
        match self.selections.follow_mode(pane) {
            _ if self.frozen.is_some() => PagingIntent::Frozen(at, ahead),
            FollowMode::Newest => PagingIntent::Following,
            FollowMode::Nothing => PagingIntent::Around(at, ahead),
        }
    }

    fn page_wanted(&mut self, pane: Pane, looking: PagingIntent) -> Option<LogPageRequest> {
        let logs = &mut self.logs;
        match pane {
            Pane::Deliveries => wanted(&mut logs.attempts, looking, LogPageRequest::Attempts),
            Pane::Events => wanted(&mut logs.events, looking, LogPageRequest::Events),
            Pane::Requests => wanted(&mut logs.requests, looking, LogPageRequest::Requests),
            Pane::Trips => wanted(&mut logs.trips, looking, LogPageRequest::Trips),
            Pane::Keys | Pane::Subscriptions | Pane::Limits => None,
        }
    }

    /// Retries pages that failed or were stopped, after a key press.
    pub(super) fn retry_failed_pages(&mut self) {
        self.logs.attempts.window.retry_failed();
        self.logs.events.window.retry_failed();
        self.logs.requests.window.retry_failed();
        self.logs.trips.window.retry_failed();
    }

    /// Stops a search in the focused log; returns whether there was one.
    pub(super) fn stop_search(&mut self) -> bool {
        match self.focus {
            Pane::Deliveries => self.logs.attempts.window.stop_search(),
            Pane::Events => self.logs.events.window.stop_search(),
            Pane::Requests => self.logs.requests.window.stop_search(),
            Pane::Trips => self.logs.trips.window.stop_search(),
            Pane::Keys | Pane::Subscriptions | Pane::Limits => false,
        }
    }

    /// Drops the pages of a delivery log that is followed, unfiltered and no longer shown alone: the snapshot has its
    /// newest rows.
    pub(super) fn release_followed_log(&mut self) {
        let is_followed = self.selections.follow_mode(Pane::Deliveries) == FollowMode::Newest;
        if self.main_view == MainView::Overview && is_followed && self.logs.attempts.query == AttemptQuery::default() {
            self.logs.attempts = PagedLog::default();
        }
    }
}

fn is_rare<Q: PartialEq, T: NumberedRow>(log: &PagedLog<Q, T>) -> bool {
    log.window.is_sparse()
}

fn wanted<Q: Clone + PartialEq, T: NumberedRow>(
    log: &mut PagedLog<Q, T>,
    looking: PagingIntent,
    ask: impl Fn(Q, PageDirection) -> LogPageRequest,
) -> Option<LogPageRequest> {
    let stretch = &mut log.window;
    let toward = match looking {
        PagingIntent::Following => stretch.next_page_to_follow().or_else(|| stretch.next_page_around(0, PREFETCH_ROWS)),
        PagingIntent::Around(at, ahead) => stretch.next_page_around(at, ahead),
        PagingIntent::Frozen(at, ahead) => stretch.next_older_page(at, ahead),
    };
    toward.map(|toward| ask(log.query.clone(), toward))
}
