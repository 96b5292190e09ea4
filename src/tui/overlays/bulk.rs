//! Drawing of a typed confirmation, and of the progress of the run that makes the confirmed changes.

use crate::domain::text::Untrusted;
use crate::text;
use crate::tui::overlays::frame::dialog;
use crate::tui::state::app::App;
use crate::tui::state::overlays::bulk::{BulkRun, TypedConfirmation};
use crate::tui::widgets::format;
use crate::tui::widgets::palette::StyleRole;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// Draws the confirmation in the middle of `area`.
pub(in crate::tui) fn draw_count(buffer: &mut Buffer, area: Rect, app: &App, count: &TypedConfirmation) {
    let theme = app.theme();
    let room = usize::from(area.width.saturating_sub(6)).min(76);
    let n = count.questions.len();
    let mut lines = Vec::new();
    let shown = usize::from(area.height).saturating_sub(11).max(1);
    for question in count.questions.iter().take(shown) {
        lines.push(Line::styled(format::clip(&question.act.description(), room), theme.style(StyleRole::Text)));
    }
    if n > shown {
        lines.push(Line::styled(format!("and {} more", n - shown), theme.style(StyleRole::Dim)));
    }
    if let Some(question) = count.only().filter(|question| question.pledge.is_some()) {
        lines.push(Line::styled(format::middle(&question.name.sanitized(), room), theme.style(StyleRole::Strong)));
    }
    if let Some(question) = count.questions.first() {
        let each = if n > 1 { "For the first: " } else { "" };
        let effect = format::wrap_words(&format!("{each}{}", question.effect), room);
        lines.extend(effect.into_iter().map(|line| Line::styled(line, theme.style(StyleRole::Text))));
    }
    if !app.snapshot.link.is_live() {
        lines.push(Line::styled(
            "The connection to the platform is not live; this may fail.",
            theme.style(StyleRole::Warning),
        ));
    }
    lines.push(Line::default());
    let n_things = count.n_things();
    let ask = match count.only().filter(|question| question.pledge.is_some()) {
        Some(_) => format!("Type {} (the last four characters) and press Enter to confirm.", count.expected_text()),
        None => format!("Type {n_things} and press Enter to confirm."),
    };
    lines.push(Line::styled(format::clip(&ask, room), theme.style(StyleRole::Strong)));
    lines.push(count.entry.line(room, theme));
    lines.push(Line::styled("Esc cancels", theme.style(StyleRole::Dim)));
    dialog(buffer, area, app, &format!("Confirm {}", text::count(n, "action")), &lines);
}

/// Draws the progress of the run in the middle of `area`.
pub(in crate::tui) fn draw_run(buffer: &mut Buffer, area: Rect, app: &App, run: &BulkRun) {
    let theme = app.theme();
    let room = usize::from(area.width.saturating_sub(6)).min(76);
    let done = run.n_done + run.failed.len();
    let whole = done + run.pending.len() + usize::from(run.in_flight.is_some()) + run.n_stopped;
    let mut lines = vec![
        Line::styled(format::bar(done as u64, whole as u64, room.min(50)), theme.style(StyleRole::Text)),
        Line::styled(run.progress_text(), theme.style(StyleRole::Strong)),
    ];
    if let Some(act) = &run.in_flight {
        lines.push(Line::styled(
            format::clip(&format!("now: {}", act.description()), room),
            theme.style(StyleRole::Dim),
        ));
    }
    for (_, why) in run.failed.iter().rev().take(usize::from(area.height).saturating_sub(9)) {
        lines.push(Line::styled(
            format::clip(&Untrusted::new(why.as_str()).sanitized(), room),
            theme.style(StyleRole::Trouble),
        ));
    }
    let hint = match (run.is_over(), run.failed.is_empty()) {
        (false, _) => "Esc skips the actions not started yet",
        (true, true) => "Esc closes",
        (true, false) => "r retries the failed actions; Esc closes",
    };
    lines.push(Line::styled(hint, theme.style(StyleRole::Dim)));
    dialog(buffer, area, app, "Progress", &lines);
}
