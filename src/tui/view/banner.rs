//! Drawing of the banner, the warning lines beneath the header.

use crate::sync::link::LinkState;
use crate::tui::state::app::App;
use crate::tui::state::banner;
use crate::tui::widgets::paint;
use crate::tui::widgets::palette::StyleRole;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// Draws the banner, if it has any lines.
pub fn draw(buffer: &mut Buffer, area: Rect, app: &App) {
    let trouble = matches!(app.snapshot.link, LinkState::Offline { .. });
    let style = app.theme().style(if trouble { StyleRole::Trouble } else { StyleRole::Warning });
    let lines: Vec<_> = banner::lines(app).into_iter().map(|line| Line::styled(format!(" {line}"), style)).collect();
    paint::lines(buffer, area, &lines);
}
