//! Mouse handling, where the mouse belongs to the console. Positions are resolved with the layout that was drawn, and
//! every click has an equivalent key.

use crate::domain::time::Timestamp;
use crate::tui::effect::Effect;
use crate::tui::ids::Pane;
use crate::tui::keys::action::CursorMotion;
use crate::tui::panes::{draw, rows_of};
use crate::tui::state::app::App;
use crate::tui::state::screen;
use crate::tui::update::{cursor, press};
use crate::tui::view::footer;
use crate::tui::widgets::size_class::SizeClass;
use ratatui::layout::{Position, Rect};

/// Handles a click at a column and line: on a key of the footer, a pane, or a row. With an overlay open, only the
/// footer can be clicked.
pub(in crate::tui) fn click_at(app: &mut App, (column, line): (u16, u16), now: Timestamp) -> Vec<Effect> {
    app.status_message = None;
    if app.screen_size.class == SizeClass::TooSmall {
        return Vec::new();
    }
    let footer = screen::screen_layout(app).footer;
    if footer.contains(Position::new(column, line)) {
        let pieces = footer::pieces(app, footer.width);
        let hit = pieces.iter().find(|piece| (piece.x..piece.x + piece.width).contains(&column));
        return match hit.map(|piece| piece.bound.binding) {
            Some(binding) => press::run_binding(app, binding, now),
            None => Vec::new(),
        };
    }
    if app.overlays.is_empty() {
        click_pane(app, (column, line), now);
    }
    Vec::new()
}

fn click_pane(app: &mut App, (column, line): (u16, u16), now: Timestamp) {
    let at = Position::new(column, line);
    let hit: Option<(Pane, Rect)> = screen::visible_panes(app).into_iter().find(|(_, area)| area.contains(at));
    let Some((pane, area)) = hit else { return };
    let Some(view) = app.view() else { return };
    let row = draw::row_at(app, &view, pane, area, line);
    let items = rows_of(pane).order(&view).items;
    app.focus = pane;
    if let Some(row) = row {
        cursor::put_cursor(app, row, &items, now);
    }
}

/// Moves the cursor or scrolls by one step, as the arrow keys do.
pub(in crate::tui) fn scroll_by_wheel(app: &mut App, step: CursorMotion, now: Timestamp) {
    cursor::move_cursor(app, step, now);
}
