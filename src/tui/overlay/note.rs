//! Text input for a note on a row.

use super::super::app::App;
use super::super::selection::RowId;
use super::super::text_input::TextInput;
use super::super::theme::StyleRole;
use super::dialog;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// Note being written by the operator.
#[derive(Debug, Clone, PartialEq)]
pub struct NoteInput {
    /// Item that the note is about.
    pub item: RowId,
    /// Input with the text of the note.
    pub entry: TextInput,
}

/// Draws the input in the middle of `area`.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, note: &NoteInput) {
    const WIDE: usize = 60;
    let theme = app.theme();
    let room = usize::from(area.width.saturating_sub(6)).min(WIDE);
    let mut written = note.entry.line(room, theme);
    let fill = room.saturating_sub(written.width());
    written.push_span(" ".repeat(fill));
    let hint = Line::styled("Enter saves (an empty note is deleted), Esc cancels", theme.style(StyleRole::Dim));
    dialog(buffer, area, app, &format!("Note on {}", note.item), &[written, Line::default(), hint]);
}
