//! What is shown once: a new key or token, until the layer is closed.

use super::super::app::App;
use super::super::format;
use super::super::once::Issued;
use super::super::theme::Role;
use super::dialog;
use crate::domain::text::Untrusted;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// Draws it in the middle of `area`.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, issued: &Issued) {
    let theme = app.theme();
    let room = usize::from(area.width.saturating_sub(6)).min(100);
    let say = |text: &str, role| -> Vec<Line<'static>> {
        format::flow(text, room).into_iter().map(|line| Line::styled(line, theme.style(role))).collect()
    };
    let mut lines = say(&format!("{}, shown this once:", issued.name), Role::Text);
    lines.push(Line::default());
    let secret = Untrusted::new(issued.secret().reveal()).inert();
    lines.extend(format::wrap(&secret, room).into_iter().map(|line| Line::styled(line, theme.style(Role::Strong))));
    lines.push(Line::default());
    lines.extend(say("Nobody can show it again: neither the platform nor this console keeps it.", Role::Warning));
    lines.extend(say("y sends it to the terminal's clipboard; Esc closes, and it is gone", Role::Dim));
    dialog(buffer, area, app, "Shown once", &lines);
}
