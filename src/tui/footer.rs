//! The last lines: a notice or why the selection is not OK, and the keys that work now.

use super::app::App;
use super::format;
use super::keymap::{self, Action, Binding};
use super::layout::Class;
use super::notice::Notice;
use super::paint;
use super::theme::{self, Role};
use crate::domain::standing::Standing;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Draws the line above the footer: a notice, else why the selection is not OK.
pub fn draw_status(buffer: &mut Buffer, area: Rect, app: &App) {
    let room = usize::from(area.width.saturating_sub(2));
    if let Some((text, style)) = notice(app).or_else(|| why(app, room)) {
        paint::text(buffer, area, (1, 0), &format::clip(&text, room), style);
    }
}

fn notice(app: &App) -> Option<(String, Style)> {
    let notice = app.notice.as_ref()?;
    let role = match notice {
        Notice::Remark { .. } => Role::Strong,
        Notice::Trouble { .. } => Role::Trouble,
    };
    Some((notice.text().to_owned(), app.theme().style(role)))
}

/// Why the selection is not OK, with its name if there is room for it.
fn why(app: &App, room: usize) -> Option<(String, Style)> {
    if !app.layers.is_empty() {
        return None;
    }
    let (name, judgement) = app.view()?.judged(app.selected()?)?;
    let standing = judgement.standing;
    if standing == Standing::Healthy {
        return None;
    }
    let state = format!("{} {}", theme::mark(standing), theme::word(standing));
    let text = format!("{state} {}: {}", format::middle(&name, 40), judgement.why);
    let text = if format::width(&text) <= room { text } else { format!("{state} {}", judgement.why) };
    Some((text, app.theme().style(Role::Word(standing))))
}

/// Draws the last line: keys that work now on the left, help and the way out on the right.
pub fn draw(buffer: &mut Buffer, area: Rect, app: &App) {
    if app.window.class == Class::Tiny && app.notice.is_some() {
        return draw_status(buffer, area, app);
    }
    let works = |binding: &&Binding| app.permits(binding.action).is_ok();
    let context = app.context();
    let last: Vec<&Binding> = keymap::of(context)
        .filter(works)
        .filter(|binding| matches!(binding.action, Action::Help | Action::Close))
        .collect();
    let mut others: Vec<(u8, &Binding)> =
        keymap::of(context).filter(works).filter_map(|binding| Some((binding.footer?, binding))).collect();
    others.sort_by_key(|(rank, _)| *rank);
    let wide = |bindings: &[&Binding]| bindings.iter().map(|binding| format::width(&label(app, binding)) + 2).sum();
    let closing: usize = wide(&last);
    let room = usize::from(area.width);
    let mut kept: Vec<&Binding> = others.into_iter().map(|(_, binding)| binding).collect();
    while !kept.is_empty() && wide(&kept) + closing > room {
        kept.pop();
    }
    let mut x = 1;
    for binding in kept {
        x = draw_binding(buffer, area, x, app, binding);
    }
    let mut x = x.max(u16::try_from(room.saturating_sub(closing)).unwrap_or(0));
    for binding in last {
        x = draw_binding(buffer, area, x, app, binding);
    }
}

fn draw_binding(buffer: &mut Buffer, area: Rect, x: u16, app: &App, binding: &Binding) -> u16 {
    let label = label(app, binding);
    let (key, words) = label.split_once(' ').unwrap_or((&label, ""));
    let x = paint::text(buffer, area, (x, 0), key, app.theme().style(Role::Accent)) + 1;
    paint::text(buffer, area, (x, 0), words, app.theme().style(Role::Text)) + 2
}

/// A key and its label, as it is now: what freezes also resumes.
fn label(app: &App, binding: &Binding) -> String {
    let key = binding.chords.first().map(|chord| chord.name()).unwrap_or_default();
    let words = match binding.action {
        Action::Freeze if app.frozen.is_some() => "resume",
        _ => binding.label,
    };
    format!("{key} {words}")
}
