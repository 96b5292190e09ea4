//! Read-only text lists: the console's messages, and the items in the bundle.

use super::super::app::App;
use super::super::theme::StyleRole;
use crate::domain::text::Untrusted;
use ratatui::text::{Line, Span};

/// Kind of a text list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextListKind {
    /// Messages of the console, the latest first.
    Messages,
    /// Items in the bundle, in the order of adding, with their notes.
    Bundle,
}

/// Text list with its scroll position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextList {
    /// Kind of the list, which decides its content.
    pub kind: TextListKind,
    /// Index of the first visible line.
    pub top: usize,
}

impl TextListKind {
    /// Title of the list for its frame.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Messages => "Messages",
            Self::Bundle => "Ticket items",
        }
    }
}

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
                let name = app.view().and_then(|view| view.named_health(*item));
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
