//! Drawing of the input for the signature debugger. A typed secret is shown as asterisks and its length only.

use crate::text;
use crate::tui::overlays::frame::dialog;
use crate::tui::state::app::App;
use crate::tui::state::overlays::signature_input::{SignatureInput, SignatureInputKind};
use crate::tui::widgets::format;
use crate::tui::widgets::palette::StyleRole;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Draws the input in the middle of `area`.
pub(in crate::tui) fn draw(buffer: &mut Buffer, area: Rect, app: &App, line: &SignatureInput) {
    const WIDE: usize = 76;
    let theme = app.theme();
    let room = usize::from(area.width.saturating_sub(6)).min(WIDE);
    let (mut written, title, hint) = match &line.wanted {
        SignatureInputKind::ComputedSignature(entry) => (
            entry.line(room, theme),
            format!("Signature computed by the receiver of attempt {}", line.attempt),
            "The signature from the receiver's log: sha256=…, hex or Base64. Enter compares, Esc cancels.",
        ),
        SignatureInputKind::ReceiverSecret(typed) => {
            let n = typed.0.chars().count();
            let shown = format!("{} {}", "*".repeat(n.min(room.saturating_sub(18))), text::count(n, "character"));
            (
                Line::from(Span::styled(shown, theme.style(StyleRole::Text))),
                format!("Secret of the receiver of attempt {}", line.attempt),
                "Type or paste it; it is never shown and stays in this process. Only a signature computed with it is sent. Enter compares, Ctrl-U clears, Esc cancels.",
            )
        }
    };
    let fill = room.saturating_sub(written.width());
    written.push_span(" ".repeat(fill));
    let mut lines = vec![written, Line::default()];
    let flowed = format::wrap_words(hint, room);
    lines.extend(flowed.into_iter().map(|text| Line::styled(text, theme.style(StyleRole::Dim))));
    dialog(buffer, area, app, &title, &lines);
}
