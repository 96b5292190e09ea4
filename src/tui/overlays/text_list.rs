//! Lines of the read-only text lists: the messages of the console, and the items of the ticket.

use crate::domain::text::Untrusted;
use crate::tui::panes::rows_of;
use crate::tui::state::app::App;
use crate::tui::state::overlays::text_list::TextListKind;
use crate::tui::widgets::palette::StyleRole;
use ratatui::text::{Line, Span};

/// Lines of a text list, or a hint if it is empty.
#[must_use]
pub fn lines(app: &App, told: TextListKind) -> Vec<Line<'static>> {
    let theme = app.theme();
    let (text, dim) = (theme.style(StyleRole::Text), theme.style(StyleRole::Dim));
    let lines: Vec<Line<'static>> = match told {
        TextListKind::Messages => app
            .view_state
            .message_log
            .iter()
            .rev()
            .map(|(at, said)| {
                let at = Span::styled(at.format("%H:%M:%S UTC  "), dim);
                Line::from(vec![at, Span::styled(Untrusted::new(said.as_str()).sanitized(), text)])
            })
            .collect(),
        TextListKind::Bundle => app
            .view_state
            .bundle
            .iter()
            .map(|item| {
                let name = app.view().and_then(|view| rows_of((*item).pane()).named_health(&view, *item));
                let name = name.map_or_else(|| "not in the current data".to_owned(), |(name, _)| name);
                let mut line = Line::from(vec![Span::styled(format!("{item:<22}  "), text), Span::styled(name, dim)]);
                if let Some(note) = app.view_state.note(*item) {
                    line.push_span(Span::styled(format!("  note: {}", Untrusted::new(note).sanitized()), text));
                }
                line
            })
            .collect(),
    };
    if lines.is_empty() {
        let nothing = match told {
            TextListKind::Messages => ["No messages yet.", "Notices, refusals and results appear here, newest first."],
            TextListKind::Bundle => ["No items yet.", "Press b on a row to add it to the ticket, b again to remove."],
        };
        return nothing.map(|text| Line::styled(text, dim)).to_vec();
    }
    lines
}
