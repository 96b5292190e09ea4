//! Cursor motions in panes and overlays, and the selected row when the rows change.

use crate::domain::time::Timestamp;
use crate::tui::ids::{MainView, Pane, RowId};
use crate::tui::keys::action::{CursorMotion, moved_row, moved_scroll};
use crate::tui::overlays;
use crate::tui::panes::rows_of;
use crate::tui::state::app::App;
use crate::tui::state::dashboard::DashboardPanes;
use crate::tui::state::overlays::Overlay;
use crate::tui::state::screen;
use crate::tui::state::selection::{FollowMode, SelectionChange};

pub(in crate::tui) fn move_cursor(app: &mut App, step: CursorMotion, now: Timestamp) {
    let page = usize::from(page_height(app));
    let n_lines = overlays::n_lines(app);
    let n_acts = match app.overlays.last() {
        Some(Overlay::Menu(menu)) => menu.n_entries(app),
        _ => 0,
    };
    let alerts: Vec<_> = app.visible_snapshot().alerts().iter().map(|alert| alert.subject).collect();
    let height = usize::from(screen::screen_layout(app).body.height.saturating_sub(2));
    match app.overlays.last_mut() {
        Some(Overlay::Help(finder) | Overlay::Palette(finder)) => finder.step(step, height.saturating_sub(2)),
        Some(Overlay::Detail(detail)) => detail.cursor_line = moved_row(step, detail.cursor_line, n_lines, height),
        Some(Overlay::TextList(sheet)) => sheet.top = moved_scroll(step, sheet.top, n_lines, height),
        Some(Overlay::Alerts(list)) => list.step(step, &alerts, page),
        Some(Overlay::Menu(menu)) => menu.step(step, n_acts),
        Some(Overlay::Companies(list)) => list.step(step),
        Some(Overlay::Form(form)) => form.step(step),
        Some(Overlay::Replays(list)) => list.step(step, page),
        Some(Overlay::Operators(list)) => list.step(step, page),
        Some(Overlay::Choice(choice)) => choice.step(step),
        Some(Overlay::Filter(line)) => line.step(step),
        Some(Overlay::Diagnose | Overlay::Escalate) => move_in_diagnose(app, step, n_lines, height),
        Some(
            Overlay::Confirm(_)
            | Overlay::ConfirmQuit
            | Overlay::TypedConfirm(_)
            | Overlay::BulkRun(_)
            | Overlay::Note(_)
            | Overlay::SecretReveal(_)
            | Overlay::SignatureInput(_),
        ) => {}
        None => step_rows(app, step, page, now),
    }
}

pub(in crate::tui) fn step_rows(app: &mut App, step: CursorMotion, page: usize, now: Timestamp) {
    let Some(items) = row_items(app) else { return };
    let row = app.selections.of(app.focus).row().unwrap_or(0);
    put_cursor(app, moved_row(step, row, items.len(), page), &items, now);
}

/// Rows of the focused pane, in the order on the screen.
pub(in crate::tui) fn row_items(app: &App) -> Option<Vec<RowId>> {
    Some(rows_of(app.focus).order(&app.view()?).items)
}

/// Moves the cursor of the focused pane to a row and, except in logs, pins the row order for a while.
pub(in crate::tui) fn put_cursor(app: &mut App, row: usize, items: &[RowId], now: Timestamp) {
    let pane = app.focus;
    app.selections.of_mut(pane).select(row, items);
    app.selections.set_follow_mode(pane, FollowMode::Nothing);
    if !pane.is_log() {
        app.view_state.pin_order(pane, items.to_vec(), now);
    }
}

/// Approximate number of rows visible in the focused list, at least 1.
pub(in crate::tui) fn page_height(app: &App) -> u16 {
    let shown = screen::visible_panes(app).into_iter().find(|(pane, _)| *pane == app.focus);
    shown.map_or(1, |(_, area)| area.height.saturating_sub(3)).max(1)
}

pub(in crate::tui) fn move_in_diagnose(app: &mut App, step: CursorMotion, n_lines: usize, height: usize) {
    match (app.overlays.last(), app.diagnose.opened) {
        (Some(Overlay::Escalate), _) => {
            app.escalate_state.top = moved_scroll(step, app.escalate_state.top, n_lines, height);
        }
        (_, Some(_)) => app.diagnose.cursor_line = moved_row(step, app.diagnose.cursor_line, n_lines, height),
        (_, None) => {
            app.diagnose.cursor_row = moved_row(step, app.diagnose.cursor_row, app.diagnose.rows().len(), height);
        }
    }
}

/// Moves every pane's cursor to its selected row in the rows shown now. On the dashboard the focus leaves a pane that
/// gave way.
pub(in crate::tui) fn reselect_rows(app: &mut App, now: Timestamp) {
    let Some(view) = app.view() else { return };
    let orders = Pane::ALL.map(|pane| (pane, rows_of(pane).order(&view)));
    if app.main_view == MainView::Overview {
        app.focus = DashboardPanes::on_screen(app).nearest(app.focus);
    }
    for (pane, order) in orders {
        let settled = app.selections.reselect(pane, &order.items);
        if settled == SelectionChange::Moved && pane == app.focus && app.overlays.is_empty() {
            app.show_message("the selected row is gone; its neighbour is selected", now);
        }
    }
}
