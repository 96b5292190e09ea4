//! `update`: how the console reacts to a message, one file per concern. It changes the state, returns effects and does
//! no IO.

pub mod act;
pub mod answers;
pub mod confirm;
pub mod copy;
pub mod cursor;
pub mod details;
pub mod diagnose_actions;
pub mod escalate_actions;
pub mod filters;
pub mod form_actions;
pub mod form_stack;
pub mod lists;
pub mod message;
pub mod mouse;
pub mod navigation;
pub mod paging;
pub mod press;
pub mod view_actions;

use crate::domain::time::Timestamp;
use crate::sync::link::LinkState;
use crate::sync::snapshot::Snapshot;
use crate::tui::effect::{Effect, JobResult, Msg};
use crate::tui::ids::Pane;
use crate::tui::state::app::{App, ScreenSize};
use crate::tui::state::notice::StatusMessage;
use crate::tui::state::overlays::Overlay;
use crate::tui::state::overlays::detail::DetailFetchState;
use crate::tui::state::screen::visible_panes;
use crate::tui::widgets::format::COUNTDOWN_THRESHOLD;
use crate::tui::widgets::size_class::SizeClass;
use ratatui::layout::Rect;
use std::sync::Arc;
use std::time::Duration;

/// Whether a snapshot carries news from the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SnapshotChange {
    /// Cursor of the overview advanced: the platform changed.
    Changed,
    /// Cursor of the overview is unchanged.
    Same,
}

/// Applies a message at `now` (clock of this machine) and returns the effects to run. Does no IO itself.
pub fn update(app: &mut App, msg: Msg, now: Timestamp) -> Vec<Effect> {
    if app.status_message.as_ref().is_some_and(|notice| notice.is_over(now)) {
        app.status_message = None;
    }
    let mut effects = Vec::new();
    match msg {
        Msg::Key(key) => {
            paging::retry_failed_pages(app);
            effects = press::on_key(app, &key, now);
            paging::release_followed_log(app);
        }
        Msg::RepaintNeeded => effects.push(Effect::Repaint),
        Msg::Clicked(column, line) => effects = mouse::click_at(app, (column, line), now),
        Msg::Scrolled(step) => mouse::scroll_by_wheel(app, step, now),
        Msg::Pasted(text) => filters::paste(app, &text, now),
        Msg::Resized(width, height) => {
            resize_screen(app, width, height);
            // A terminal that shrank and grew again lost its cells, even if it has the same size now.
            effects.push(Effect::Repaint);
        }
        Msg::Snapshot(picture) => {
            if on_snapshot(app, picture, now) == SnapshotChange::Changed {
                effects.extend(lists::refetch_open_lists(app));
            }
        }
        Msg::Tick => app.clock = now,
        Msg::JobFinished(finished) => effects = on_job_result(app, finished, now),
    }
    // After every message: each one can move a cursor, change the visible panes or outlast a pinned order.
    filters::release_pinned_order(app, now);
    effects.extend(paging::request_pages(app));
    effects.extend(confirm::request_callers(app));
    effects
}

fn resize_screen(app: &mut App, width: u16, height: u16) {
    let before = (!app.screen_size.area.is_empty()).then_some(app.screen_size.class);
    let fits = SizeClass::of(width, height, before);
    let class = app.config.look.layout.filter(|_| fits > SizeClass::TooSmall).unwrap_or(fits);
    app.screen_size = ScreenSize { area: Rect::new(0, 0, width, height), class };
}

fn on_snapshot(app: &mut App, picture: Arc<Snapshot>, now: Timestamp) -> SnapshotChange {
    let cursor = |picture: &Snapshot| picture.overview.as_ref().map(|overview| overview.cursor);
    let changed = cursor(&app.snapshot) != cursor(&picture);
    if !app.shows_same_as(&picture) {
        app.clock = now;
    }
    if let Some(overview) = &picture.overview {
        let known = app.snapshot.overview.as_ref().is_some_and(|old| Arc::ptr_eq(old, overview));
        if !known {
            // Measured on arrival only: the server time of an overview that was shown before is old.
            app.clock_skew_ms = overview.server_utc.millis() - now.millis();
        }
    }
    app.snapshot = picture;
    if changed {
        app.logs.mark_stale();
    }
    match &mut app.frozen {
        Some(frozen) => frozen.n_missed_snapshots += u64::from(changed),
        None => cursor::reselect_rows(app, now),
    }
    if changed { SnapshotChange::Changed } else { SnapshotChange::Same }
}

fn on_job_result(app: &mut App, finished: JobResult, now: Timestamp) -> Vec<Effect> {
    match finished {
        JobResult::Companies(came) => {
            for layer in &mut app.overlays {
                match (layer, &came) {
                    (Overlay::Companies(list), came) => list.take(came.clone()),
                    (Overlay::Form(form), Ok(companies)) => form.on_companies_fetched(companies),
                    _ => {}
                }
            }
        }
        JobResult::Replays(came) => return lists::on_replays_fetched(app, came),
        JobResult::Operators(came) => return lists::on_operators_fetched(app, came),
        JobResult::ReplayCounted(id, wish, came) => form_actions::on_replay_counted(app, id, wish, came, now),
        JobResult::SecretIssued(act, issued) => return form_actions::on_secret_issued(app, &act, issued, now),
        JobResult::DetailFetched(item, result) => {
            details::on_detail_fetched(
                app,
                item,
                &result.map_or_else(DetailFetchState::Failed, DetailFetchState::Found),
            );
        }
        JobResult::LogPage(ask, came) => {
            app.logs.apply_page(&ask, came.map(|came| *came));
            cursor::reselect_rows(app, now);
        }
        JobResult::Copied(Ok(copied)) => app.show_message(copied.line(), now),
        JobResult::SecretCopied(issued, came) => form_actions::on_secret_copied(app, &issued, came, now),
        JobResult::Copied(Err(why)) => message::show_error(app, why, now),
        JobResult::ChangeFinished(act, came) => return confirm::on_change_finished(app, &act, came, now),
        JobResult::Diagnosed(came) => diagnose_actions::on_diagnose_result(app, *came, now),
    }
    Vec::new()
}

/// Time of the next change on the screen, if nothing happens after `now`: a tick of ages or countdowns, the end
/// of a message, or the end of a pinned order.
#[must_use]
pub fn next_tick_at(app: &App, now: Timestamp) -> Timestamp {
    let pace = if ticks_every_second(app) { 1_000 } else { 60_000 };
    let tick = now.floor_to(pace).plus(Duration::from_millis(pace.unsigned_abs()));
    let told = app.status_message.as_ref().and_then(StatusMessage::until);
    [told, app.view_state.pinned_until()].into_iter().flatten().fold(tick, Timestamp::min)
}

/// Whether ages or countdowns on the screen change every second.
fn ticks_every_second(app: &App) -> bool {
    if matches!(
        app.snapshot.link,
        LinkState::Lagging | LinkState::Stale | LinkState::Waiting { .. } | LinkState::Offline { .. }
    ) {
        return true;
    }
    if app.frozen.is_some() {
        return false;
    }
    let fresh = app.snapshot.changed_at.is_some_and(|at| app.clock.since(at) < Duration::from_secs(60));
    fresh || counts_down(app)
}

fn counts_down(app: &App) -> bool {
    let Some(view) = app.view() else { return false };
    let soon = |at: Timestamp| at > view.now && at.since(view.now) < COUNTDOWN_THRESHOLD;
    let panes = visible_panes(app);
    let shows = |pane| panes.iter().any(|(shown, _)| *shown == pane) || !app.overlays.is_empty();
    let retry = || {
        let rows = &view.overview.subscriptions.items;
        rows.iter().any(|row| {
            row.subscription.is_enabled && row.health.and_then(|health| health.next_due_utc).is_some_and(soon)
        })
    };
    let reset =
        || view.overview.limits.items.iter().any(|row| row.used.is_some_and(|used| used > 0) && soon(row.reset_utc));
    (shows(Pane::Subscriptions) && retry()) || (shows(Pane::Limits) && reset())
}
