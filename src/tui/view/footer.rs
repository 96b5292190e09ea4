//! Last lines of the screen: the status line with a message or the reason of the selected row's status, and the
//! footer with the keys that work now.

use crate::domain::health_status::HealthStatus;
use crate::domain::text::Untrusted;
use crate::tui::keys::action::KeyAction;
use crate::tui::keys::keymap::ActiveBinding;
use crate::tui::overlays::availability;
use crate::tui::panes::rows_of;
use crate::tui::state::app::App;
use crate::tui::state::notice::StatusMessage;
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::size_class::SizeClass;
use crate::tui::widgets::{format, paint, theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Draws the status line: the current message, or why the selected row is not healthy.
pub fn draw_status(buffer: &mut Buffer, area: Rect, app: &App) {
    let room = usize::from(area.width.saturating_sub(2));
    if let Some((text, style)) = notice(app).or_else(|| selected_row_reason(app, room)) {
        paint::text(buffer, area, (1, 0), &format::clip(&text, room), style);
    }
}

fn notice(app: &App) -> Option<(String, Style)> {
    let notice = app.status_message.as_ref()?;
    let role = match notice {
        StatusMessage::Info { .. } => StyleRole::Strong,
        StatusMessage::Error { .. } => StyleRole::Trouble,
    };
    Some((notice.text().to_owned(), app.theme().style(role)))
}

/// Note of the operator about the selected item.
fn noted(app: &App) -> Option<(String, Style)> {
    let note = Untrusted::new(app.view_state.note(app.selected()?)?).sanitized();
    Some((format!("note: {note}"), app.theme().style(StyleRole::Text)))
}

/// Reason of the selected row's health status, with its name if there is room.
fn selected_row_reason(app: &App, room: usize) -> Option<(String, Style)> {
    if !app.overlays.is_empty() {
        return None;
    }
    let (name, judgement) = rows_of(app.selected()?.pane()).named_health(&app.view()?, app.selected()?)?;
    let standing = judgement.status;
    if standing == HealthStatus::Healthy {
        return noted(app);
    }
    let state = format!("{} {}", theme::mark(standing), theme::status_code(standing));
    let text = format!("{state} {}: {}", format::middle(&name, 40), judgement.reason);
    let text = if format::width(&text) <= room { text } else { format!("{state} {}", judgement.reason) };
    let text = noted(app).map_or(text.clone(), |(note, _)| format!("{text}   {note}"));
    Some((text, app.theme().style(StyleRole::Word(standing))))
}

/// Key with its label in the footer, and where it is drawn.
#[derive(Debug, Clone, Copy)]
pub struct FooterItem<'a> {
    /// First column of the item.
    pub x: u16,
    /// Width of the item, in columns.
    pub width: u16,
    /// Binding of the key, which a click runs.
    pub bound: &'a ActiveBinding,
}

/// Items of a footer of `columns` columns: keys that work now on the left, help and close on the right. Those of the
/// highest rank number are dropped when there is no room.
#[must_use]
pub fn pieces(app: &App, columns: u16) -> Vec<FooterItem<'_>> {
    let context = app.context();
    let works = |bound: &&ActiveBinding| availability::check_enabled(app, bound.binding.action).is_ok();
    let is_last = |bound: &&ActiveBinding| matches!(bound.binding.action, KeyAction::Help | KeyAction::Close);
    let last: Vec<&ActiveBinding> = app.config.keymap.in_context(context).filter(works).filter(is_last).collect();
    let ranked = |bound| Some((ActiveBinding::rank(bound)?, bound));
    let mut others: Vec<(u8, &ActiveBinding)> =
        app.config.keymap.in_context(context).filter(works).filter_map(ranked).collect();
    others.sort_by_key(|(rank, _)| *rank);
    let wide =
        |bounds: &[&ActiveBinding]| bounds.iter().map(|bound| format::width(&label(app, bound)) + 2).sum::<usize>();
    let closing = wide(&last);
    let room = usize::from(columns);
    let mut kept: Vec<&ActiveBinding> = others.into_iter().map(|(_, bound)| bound).collect();
    while !kept.is_empty() && wide(&kept) + closing > room {
        kept.pop();
    }
    let mut x = 1;
    let mut pieces = Vec::new();
    let mut put = |x: &mut u16, bound| {
        let width = paint::columns(&label(app, bound));
        pieces.push(FooterItem { x: *x, width, bound });
        *x += width + 2;
    };
    for bound in kept {
        put(&mut x, bound);
    }
    x = x.max(u16::try_from(room.saturating_sub(closing)).unwrap_or(0));
    for bound in last {
        put(&mut x, bound);
    }
    pieces
}

/// Draws the last line of the screen: the footer, or the message on a tiny screen.
pub fn draw(buffer: &mut Buffer, area: Rect, app: &App) {
    if app.screen_size.class == SizeClass::Tiny && app.status_message.is_some() {
        return draw_status(buffer, area, app);
    }
    for piece in pieces(app, area.width) {
        let label = label(app, piece.bound);
        let (key, words) = label.split_once(' ').unwrap_or((&label, ""));
        let x = paint::text(buffer, area, (piece.x, 0), key, app.theme().style(StyleRole::Accent)) + 1;
        paint::text(buffer, area, (x, 0), words, app.theme().style(StyleRole::Text));
    }
}

/// Key and label of a binding; while the console is frozen, the freeze key reads "resume".
fn label(app: &App, bound: &ActiveBinding) -> String {
    let key = bound.chords.first().map(|chord| chord.name()).unwrap_or_default();
    let words = match bound.binding.action {
        KeyAction::Freeze if app.frozen.is_some() => "resume",
        _ => bound.binding.label,
    };
    format!("{key} {words}")
}
