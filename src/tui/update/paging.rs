//! Paging of logs: which pages are needed for what is on the screen. Computed after every message; a page in flight
//! is not requested again.

use crate::sync::logs::{LogName, PREFETCH_ROWS, PagedLog, PagingIntent};
use crate::tui::effect::{BackgroundJob, Effect};
use crate::tui::ids::{MainView, Pane};
use crate::tui::state::app::App;
use crate::tui::state::screen;
use crate::tui::state::selection::FollowMode;
use crate::wire::log::AttemptQuery;

/// Requests for the pages needed now; each is noted as in flight.
pub(in crate::tui) fn request_pages(app: &mut App) -> Vec<Effect> {
    let mut wanted = Vec::new();
    for (pane, area) in screen::visible_panes(app) {
        if let Some(log) = pane.log().filter(|_| is_paged(app, pane)) {
            let looking = paging_intent(app, pane, log, usize::from(area.height));
            wanted.extend(app.logs.log_mut(log).next_request(looking));
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
        _ => pane.is_log(),
    }
}

fn paging_intent(app: &App, pane: Pane, log: LogName, height: usize) -> PagingIntent {
    let at = app.selections.of(pane).row().unwrap_or(0);
    // In a sparse log no more rows are searched for than the screen shows.
    let ahead = if app.logs.log(log).is_sparse() { height } else { PREFETCH_ROWS };
    match app.selections.follow_mode(pane) {
        _ if app.frozen.is_some() => PagingIntent::Frozen(at, ahead),
        FollowMode::Newest => PagingIntent::Following,
        FollowMode::Nothing => PagingIntent::Around(at, ahead),
    }
}

/// Retries pages that failed or were stopped, after a key press.
pub(in crate::tui) fn retry_failed_pages(app: &mut App) {
    app.logs.for_each(|log| log.retry_failed());
}

/// Stops a search in the focused log; returns whether there was one.
pub(in crate::tui) fn stop_search(app: &mut App) -> bool {
    app.focus.log().is_some_and(|log| app.logs.log_mut(log).stop_search())
}

/// Drops the pages of a delivery log that is followed, unfiltered and no longer shown alone: the snapshot has its
/// newest rows.
pub(in crate::tui) fn release_followed_log(app: &mut App) {
    let is_followed = app.selections.follow_mode(Pane::Deliveries) == FollowMode::Newest;
    if app.main_view == MainView::Overview && is_followed && app.logs.attempts.query == AttemptQuery::default() {
        app.logs.attempts = PagedLog::default();
    }
}
