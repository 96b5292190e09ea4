//! Drawing of the confirmation of a single change: what it affects, its effect in words, and "no" as the default.

use crate::tui::overlays::frame::dialog;
use crate::tui::state::app::App;
use crate::tui::state::overlays::confirm::ConfirmPrompt;
use crate::tui::widgets::format;
use crate::tui::widgets::palette::StyleRole;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Draws the question in the middle of `area`.
pub(in crate::tui) fn draw(buffer: &mut Buffer, area: Rect, app: &App, question: &ConfirmPrompt) {
    let theme = app.theme();
    let room = usize::from(area.width.saturating_sub(6)).min(70);
    let mut lines = vec![
        Line::styled(question.act.asked(), theme.style(StyleRole::Strong)),
        Line::styled(format::middle(&question.name.sanitized(), room), theme.style(StyleRole::Text)),
    ];
    lines.extend(
        format::wrap_words(&question.effect, room)
            .into_iter()
            .map(|line| Line::styled(line, theme.style(StyleRole::Text))),
    );
    if !app.snapshot.link.is_live() {
        lines.push(Line::styled(
            "The connection to the platform is not live; this may fail.",
            theme.style(StyleRole::Warning),
        ));
    }
    lines.push(Line::default());
    lines.push(Line::from(vec![
        Span::styled("y", theme.style(StyleRole::Accent)),
        Span::styled(" yes    ", theme.style(StyleRole::Text)),
        Span::styled("n", theme.style(StyleRole::Accent)),
        Span::styled(" no (also Enter, Esc)", theme.style(StyleRole::Text)),
    ]));
    if question.enables().is_some() {
        lines.push(Line::from(vec![
            Span::styled("t", theme.style(StyleRole::Accent)),
            Span::styled(" send a test first", theme.style(StyleRole::Text)),
        ]));
    }
    dialog(buffer, area, app, "Confirm", &lines);
}
