//! Drawing of the confirmation before quitting where this process is the platform, with what stops along with it.

use crate::text;
use crate::tui::overlays::frame::dialog;
use crate::tui::state::app::App;
use crate::tui::widgets::format;
use crate::tui::widgets::palette::StyleRole;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Consequences of quitting, one sentence each.
#[must_use]
pub fn effects(app: &App) -> Vec<String> {
    let address = &app.config.identity.address;
    let mut said = vec![format!(
        "Quitting stops the platform at {address}: API calls fail and consoles connected to it go OFFLINE."
    )];
    if let Some(overview) = &app.snapshot.overview {
        let rows = &overview.subscriptions;
        let n: u64 = rows.items.iter().filter_map(|row| row.health?.n_backlog).sum();
        let least = if rows.total > rows.items.len() as u64 { "At least " } else { "" };
        let waiting = text::several(n, "delivery waits", "deliveries wait");
        said.push(format!("{least}{waiting} until it is started again."));
    }
    said
}

/// Draws the question in the middle of `area`.
pub(in crate::tui) fn draw(buffer: &mut Buffer, area: Rect, app: &App) {
    let theme = app.theme();
    let room = usize::from(area.width.saturating_sub(6)).min(70);
    let mut lines = vec![Line::styled("Quit and stop the platform?", theme.style(StyleRole::Strong))];
    for said in effects(app) {
        lines.extend(
            format::wrap_words(&said, room).into_iter().map(|line| Line::styled(line, theme.style(StyleRole::Text))),
        );
    }
    lines.push(Line::default());
    lines.push(Line::from(vec![
        Span::styled("y", theme.style(StyleRole::Accent)),
        Span::styled(" quit    ", theme.style(StyleRole::Text)),
        Span::styled("n", theme.style(StyleRole::Accent)),
        Span::styled(" stay (also Enter, Esc)", theme.style(StyleRole::Text)),
    ]));
    dialog(buffer, area, app, "Quit", &lines);
}
