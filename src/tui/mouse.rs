//! Mouse handling, where the mouse belongs to the console. Positions are resolved with the layout that was drawn, and
//! every click has an equivalent key.

use super::app::App;
use super::effect::Effect;
use super::footer;
use super::keymap::CursorMotion;
use super::layout::SizeClass;
use super::panes::{self, Pane};
use crate::domain::time::Timestamp;
use ratatui::layout::{Position, Rect};

impl App {
    /// Handles a click at a column and line: on a key of the footer, a pane, or a row. With an overlay open, only the
    /// footer can be clicked.
    pub(super) fn click(&mut self, (column, line): (u16, u16), now: Timestamp) -> Vec<Effect> {
        self.status_message = None;
        if self.screen_size.class == SizeClass::TooSmall {
            return Vec::new();
        }
        let footer = self.screen().footer;
        if footer.contains(Position::new(column, line)) {
            let pieces = footer::pieces(self, footer.width);
            let hit = pieces.iter().find(|piece| (piece.x..piece.x + piece.width).contains(&column));
            return match hit.map(|piece| piece.bound.binding) {
                Some(binding) => self.run_binding(binding, now),
                None => Vec::new(),
            };
        }
        if self.overlays.is_empty() {
            self.click_pane((column, line), now);
        }
        Vec::new()
    }

    fn click_pane(&mut self, (column, line): (u16, u16), now: Timestamp) {
        let at = Position::new(column, line);
        let hit: Option<(Pane, Rect)> = self.panes().into_iter().find(|(_, area)| area.contains(at));
        let Some((pane, area)) = hit else { return };
        let Some(view) = self.view() else { return };
        let row = panes::row_at(self, &view, pane, area, line);
        let items = view.order(pane).items;
        self.focus = pane;
        if let Some(row) = row {
            self.put_cursor(row, &items, now);
        }
    }

    /// Moves the cursor or scrolls by one step, as the arrow keys do.
    pub(super) fn scroll(&mut self, step: CursorMotion, now: Timestamp) {
        self.step(step, now);
    }
}
