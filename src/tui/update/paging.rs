//! Paging of logs: which pages are needed for what is on the screen. Computed after every message; a page in flight
//! is not requested again.

use crate::sync::log_window::{NumberedRow, PageDirection};
use crate::sync::logs::{LogPageRequest, PagedLog};
use crate::tui::effect::{BackgroundJob, Effect};
use crate::tui::ids::{MainView, Pane};
use crate::tui::state::app::App;
use crate::tui::state::screen;
use crate::tui::state::selection::FollowMode;
use crate::wire::log::AttemptQuery;

/// Rows around the selected one that are fetched ahead of the cursor.
const PREFETCH_ROWS: usize = 100;

/// Part of a log that the operator looks at.
#[derive(Debug, Clone, Copy)]
enum PagingIntent {
    /// Follows the newest row of the log.
    Following,
    /// Reads around the row at this index, with a number of rows to load on each side.
    Around(usize, usize),
    /// Reads around a row while the console is frozen: older rows are loaded, newer ones are not.
    Frozen(usize, usize),
}

/// Requests for the pages needed now; each is noted as in flight.
pub(in crate::tui) fn request_pages(app: &mut App) -> Vec<Effect> {
    let mut wanted = Vec::new();
    for (pane, area) in screen::visible_panes(app) {
        if pane.is_log() && is_paged(app, pane) {
            let looking = paging_intent(app, pane, usize::from(area.height));
            wanted.extend(page_wanted(app, pane, looking));
        }
    }
    wanted.into_iter().map(|ask| Effect::StartJob(BackgroundJob::FetchLogPage(ask))).collect()
}

/// Whether a log is paged in its present place. Events and requests always are. Deliveries are where they are shown
/// alone, restricted to a company or paged before; trips too, if the snapshot does not hold them all. On the
/// dashboard the newest rows come with the snapshot.
fn is_paged(app: &App, pane: Pane) -> bool {
    let Some(overview) = app.snapshot.overview.as_deref() else { return false };
    let is_capped = (overview.trips.items.len() as u64) < overview.trips.total;
    let is_alone = app.main_view == MainView::Single;
    match pane {
        Pane::Deliveries => is_alone || app.company.is_some() || app.logs.attempts.window.has_pages(),
        Pane::Trips => is_capped && (is_alone || app.company.is_some() || app.logs.trips.window.has_pages()),
        Pane::Events | Pane::Requests => true,
        Pane::Keys | Pane::Subscriptions | Pane::Limits => false,
    }
}

fn paging_intent(app: &App, pane: Pane, height: usize) -> PagingIntent {
    let at = app.selections.of(pane).row().unwrap_or(0);
    // In a sparse log no more rows are searched for than the screen shows.
    let is_rare = match pane {
        Pane::Deliveries => is_rare(&app.logs.attempts),
        Pane::Events => is_rare(&app.logs.events),
        Pane::Requests => is_rare(&app.logs.requests),
        _ => is_rare(&app.logs.trips),
    };
    let ahead = if is_rare { height } else { PREFETCH_ROWS };
    match app.selections.follow_mode(pane) {
        _ if app.frozen.is_some() => PagingIntent::Frozen(at, ahead),
        FollowMode::Newest => PagingIntent::Following,
        FollowMode::Nothing => PagingIntent::Around(at, ahead),
    }
}

fn page_wanted(app: &mut App, pane: Pane, looking: PagingIntent) -> Option<LogPageRequest> {
    let logs = &mut app.logs;
    match pane {
        Pane::Deliveries => wanted(&mut logs.attempts, looking, LogPageRequest::Attempts),
        Pane::Events => wanted(&mut logs.events, looking, LogPageRequest::Events),
        Pane::Requests => wanted(&mut logs.requests, looking, LogPageRequest::Requests),
        Pane::Trips => wanted(&mut logs.trips, looking, LogPageRequest::Trips),
        Pane::Keys | Pane::Subscriptions | Pane::Limits => None,
    }
}

/// Retries pages that failed or were stopped, after a key press.
pub(in crate::tui) fn retry_failed_pages(app: &mut App) {
    app.logs.attempts.window.retry_failed();
    app.logs.events.window.retry_failed();
    app.logs.requests.window.retry_failed();
    app.logs.trips.window.retry_failed();
}

/// Stops a search in the focused log; returns whether there was one.
pub(in crate::tui) fn stop_search(app: &mut App) -> bool {
    match app.focus {
        Pane::Deliveries => app.logs.attempts.window.stop_search(),
        Pane::Events => app.logs.events.window.stop_search(),
        Pane::Requests => app.logs.requests.window.stop_search(),
        Pane::Trips => app.logs.trips.window.stop_search(),
        Pane::Keys | Pane::Subscriptions | Pane::Limits => false,
    }
}

/// Drops the pages of a delivery log that is followed, unfiltered and no longer shown alone: the snapshot has its
/// newest rows.
pub(in crate::tui) fn release_followed_log(app: &mut App) {
    let is_followed = app.selections.follow_mode(Pane::Deliveries) == FollowMode::Newest;
    if app.main_view == MainView::Overview && is_followed && app.logs.attempts.query == AttemptQuery::default() {
        app.logs.attempts = PagedLog::default();
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
