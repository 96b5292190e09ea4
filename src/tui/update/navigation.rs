//! Moves in the history of drill-downs: from an item to the log rows that belong to it, back, and forward again.

use crate::domain::time::Timestamp;
use crate::sync::logs::ConsoleLogs;
use crate::tui::ids::{DrillDown, MainView, Pane};
use crate::tui::state::app::App;
use crate::tui::state::nav_history::{NavEntry, NavHistory};
use crate::tui::state::selection::{FollowMode, PaneSelection};
use crate::tui::state::view_state::PaneFilter;
use crate::tui::update::filters;

/// Maximum number of steps kept in each direction.
const MAX_HISTORY_STEPS: usize = 10;

/// Shows the rows of a drill-down and remembers the present position. The filter of their pane is suspended until
/// the operator returns.
pub(in crate::tui) fn drill_down(app: &mut App, drill: DrillDown, now: Timestamp) {
    let left = swap_position(app, ConsoleLogs::default(), Some(drill), (drill.pane(), None));
    app.history.back.push(left);
    if app.history.back.len() > MAX_HISTORY_STEPS {
        app.history.back.remove(0);
    }
    app.history.ahead.clear();
    app.overlays.clear();
    (app.main_view, app.focus) = (MainView::Single, drill.pane());
    // The attempts up to a trip are in the past, so there is no newest row to follow.
    let is_over = matches!(drill, DrillDown::Trip(..));
    app.selections.set_follow_mode(app.focus, if is_over { FollowMode::Nothing } else { FollowMode::Newest });
    *app.selections.of_mut(app.focus) = PaneSelection::default();
    filters::apply_filters(app, now);
}

/// Replaces logs, drill-down and filter, and returns the present position for the history.
fn swap_position(
    app: &mut App,
    logs: ConsoleLogs,
    drill: Option<DrillDown>,
    (pane, filter): (Pane, Option<PaneFilter>),
) -> NavEntry {
    let mut logs = std::mem::replace(&mut app.logs, logs);
    // Answers to requests in flight would no longer find their log.
    logs.cancel_fetches();
    let drill = std::mem::replace(&mut app.history.drill, drill);
    let filter = std::mem::replace(&mut app.view_state.pane_mut(pane).filter, filter);
    NavEntry { root: app.main_view, focus: app.focus, places: app.selections, logs, drill, filter: (pane, filter) }
}

fn go_to_entry(app: &mut App, stop: NavEntry) -> NavEntry {
    let NavEntry { root, focus, places, logs, drill, filter } = stop;
    let left = swap_position(app, logs, drill, filter);
    (app.main_view, app.focus, app.selections) = (root, focus, places);
    app.overlays.clear();
    // Changes that happened meanwhile are fetched.
    app.logs.mark_stale();
    left
}

/// Goes one step back; returns whether there was one.
pub(in crate::tui) fn go_back(app: &mut App) -> bool {
    let Some(stop) = app.history.back.pop() else { return false };
    let left = go_to_entry(app, stop);
    app.history.ahead.push(left);
    true
}

/// Goes one step forward; returns whether there was one.
pub(in crate::tui) fn go_forward(app: &mut App) -> bool {
    let Some(stop) = app.history.ahead.pop() else { return false };
    let left = go_to_entry(app, stop);
    app.history.back.push(left);
    true
}

/// Ends a drill-down and shows all rows again.
pub(in crate::tui) fn leave_drill_down(app: &mut App, now: Timestamp) {
    if app.history.drill.is_some() {
        app.history = NavHistory::default();
        app.logs = ConsoleLogs::default();
        filters::apply_filters(app, now);
    }
}
