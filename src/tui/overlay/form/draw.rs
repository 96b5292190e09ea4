//! Drawing of a form, with hints and errors.

use super::super::super::app::App;
use super::super::super::format;
use super::super::super::theme::Role;
use super::super::dialog;
use super::{About, Form, Input, Purpose, Tick};
use crate::domain::text::Untrusted;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

impl Form {
    fn title(&self) -> String {
        match (self.purpose, &self.about) {
            (Purpose::Company, _) => "New company".to_owned(),
            (Purpose::Key, _) => "New key".to_owned(),
            (Purpose::Operator, _) => "New operator".to_owned(),
            (Purpose::Event, _) => "Emit a sample event".to_owned(),
            (Purpose::Limits(id), _) => format!("Rate limits of key {id}"),
            (Purpose::Replay(id), _) => format!("Replay deliveries of subscription {id}"),
            (Purpose::Intend(id), _) => format!("Why subscription {id} is disabled"),
            (Purpose::Disable, About::Subscriptions(ids)) => match ids.as_slice() {
                [id] => format!("Disable subscription {id}"),
                ids => format!("Disable {}", format::plural(ids.len() as u64, "subscription")),
            },
            (Purpose::Acknowledge, About::Alert(subject, _)) => format!("Acknowledge the alert for {subject}"),
            (Purpose::Disable | Purpose::Acknowledge, _) => "Nothing selected".to_owned(),
        }
    }
}

/// Draws the form in the middle of `area`.
pub(in crate::tui::overlay) fn draw(buffer: &mut Buffer, area: Rect, app: &App, form: &Form) {
    const LABEL: usize = 9;
    const ENTRY: usize = 24;
    let theme = app.theme();
    let room = usize::from(area.width.saturating_sub(6)).min(76);
    // A single field may be wide; its hint is then shown beneath.
    let wide = if form.fields.len() == 1 { room.saturating_sub(2 + LABEL) } else { ENTRY };
    let mut lines = Vec::new();
    // Hint of the present field, if there was no room for all of it beside the field.
    let mut whole = String::new();
    for (at, field) in form.fields.iter().enumerate() {
        let is_here = at == form.at;
        let label_role = if is_here { Role::Strong } else { Role::Dim };
        let mut drawn = Line::from(vec![
            Span::styled(if is_here { "> " } else { "  " }, theme.style(Role::Accent)),
            Span::styled(format!("{:<LABEL_WIDTH$}", field.label), theme.style(label_role)),
        ]);
        let beside = room.saturating_sub(2 + LABEL);
        match &field.input {
            Input::Line(entry) if is_here => {
                let written = entry.line(wide.min(beside), theme);
                let fill = wide.saturating_sub(written.width());
                drawn.spans.extend(written.spans);
                drawn.push_span(" ".repeat(fill));
            }
            Input::Line(entry) => {
                let text = format::clip(&Untrusted::new(entry.text()).sanitized(), ENTRY);
                drawn.push_span(Span::styled(format!("{text:<ENTRY$}"), theme.style(Role::Text)));
            }
            Input::OneOf(names, chosen) => {
                let name = names.get(*chosen).map_or("none", String::as_str);
                let text = format!("{}  ({} of {})", name, (chosen + 1).min(names.len()), names.len());
                drawn.push_span(Span::styled(format::clip(&text, beside), theme.style(Role::Text)));
            }
            Input::Tick(tick) => {
                let mark = if *tick == Tick::On { "[x] " } else { "[ ] " };
                drawn.push_span(Span::styled(mark, theme.style(Role::Accent)));
            }
        }
        let used = drawn.width();
        let role = if matches!(field.input, Input::Tick(_)) { Role::Text } else { Role::Dim };
        let gap = if matches!(field.input, Input::Tick(_)) { "" } else { " " };
        let hint = format::clip(&format!("{gap}{}", field.hint), room.saturating_sub(used));
        if is_here && hint.trim_end_matches(format::ELLIPSIS).trim() != field.hint {
            whole = format!("{}. ", field.hint);
        }
        drawn.push_span(Span::styled(hint, theme.style(role)));
        lines.push(drawn);
    }
    let (role, said) = match (&form.fault, &form.sent) {
        (Some((_, why)), _) => (Role::Trouble, Untrusted::new(why.as_str()).sanitized()),
        (None, Some(_)) => (Role::Dim, "waiting for the platform …".to_owned()),
        (None, None) => {
            let key = match form.fields.get(form.at).map(|field| &field.input) {
                Some(Input::Line(_)) => "Tab next field, ",
                _ => "Tab next field, Space change, ",
            };
            (Role::Dim, format!("{whole}{key}Enter continue, Esc cancel"))
        }
    };
    lines.push(Line::default());
    lines.extend(format::flow(&said, room).into_iter().map(|line| Line::styled(line, theme.style(role))));
    dialog(buffer, area, app, &form.title(), &lines);
}
