//! Drawing of the text input for a note on a row.

use crate::tui::overlays::frame::dialog;
use crate::tui::state::app::App;
use crate::tui::state::overlays::note::NoteInput;
use crate::tui::widgets::palette::StyleRole;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// Draws the input in the middle of `area`.
pub(in crate::tui) fn draw(buffer: &mut Buffer, area: Rect, app: &App, note: &NoteInput) {
    const WIDE: usize = 60;
    let theme = app.theme();
    let room = usize::from(area.width.saturating_sub(6)).min(WIDE);
    let mut written = note.entry.line(room, theme);
    let fill = room.saturating_sub(written.width());
    written.push_span(" ".repeat(fill));
    let hint = Line::styled("Enter saves (an empty note is deleted), Esc cancels", theme.style(StyleRole::Dim));
    dialog(buffer, area, app, &format!("Note on {}", note.item), &[written, Line::default(), hint]);
}
