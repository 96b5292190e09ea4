//! The line in which somebody says what the receiver of an attempt computed.

use super::super::app::App;
use super::super::entry::Entry;
use super::super::theme::Role;
use super::dialog;
use crate::api::report::Subject;
use crate::domain::ids::AttemptId;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// A signature being written.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectLine {
    /// Of which attempt.
    pub attempt: AttemptId,
    /// Over what the lab was opened.
    pub subject: Subject,
    /// What is typed.
    pub entry: Entry,
}

/// Draws the line in the middle of `area`.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, line: &ExpectLine) {
    const WIDE: usize = 76;
    let theme = app.theme();
    let room = usize::from(area.width.saturating_sub(6)).min(WIDE);
    let mut written = line.entry.line(room, theme);
    let fill = room.saturating_sub(written.width());
    written.push_span(" ".repeat(fill));
    let hint = "The signature as the receiver computed it: sha256=… or hex or Base64. Enter compares, Esc leaves it.";
    let mut lines = vec![written, Line::default()];
    let flowed = super::super::format::flow(hint, room);
    lines.extend(flowed.into_iter().map(|text| Line::styled(text, theme.style(Role::Dim))));
    dialog(buffer, area, app, &format!("What the receiver of attempt {} computed", line.attempt), &lines);
}
