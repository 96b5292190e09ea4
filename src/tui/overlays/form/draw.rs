//! Drawing of a form: its fields with their hints, and below them the error, or what the keys do.

use crate::domain::text::Untrusted;
use crate::text;
use crate::tui::ids::FormPurpose;
use crate::tui::overlays::frame::dialog;
use crate::tui::state::app::App;
use crate::tui::state::overlays::form::{ChangeForm, CheckboxState, FieldInput, FormSubject};
use crate::tui::widgets::format;
use crate::tui::widgets::palette::StyleRole;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

impl ChangeForm {
    fn title(&self) -> String {
        match (self.purpose, &self.about) {
            (FormPurpose::Company, _) => "New company".to_owned(),
            (FormPurpose::Key, _) => "New key".to_owned(),
            (FormPurpose::Operator, _) => "New operator".to_owned(),
            (FormPurpose::Event, _) => "Emit a sample event".to_owned(),
            (FormPurpose::Limits(id), _) => format!("Rate limits of key {id}"),
            (FormPurpose::Replay(id), _) => format!("Replay deliveries of subscription {id}"),
            (FormPurpose::DisableReason(id), _) => format!("Why subscription {id} is disabled"),
            (FormPurpose::Disable, FormSubject::Subscriptions(ids)) => match ids.as_slice() {
                [id] => format!("Disable subscription {id}"),
                ids => format!("Disable {}", text::count(ids.len(), "subscription")),
            },
            (FormPurpose::Acknowledge, FormSubject::Alert(subject, _)) => {
                format!("Acknowledge the alert for {subject}")
            }
            (FormPurpose::Disable | FormPurpose::Acknowledge, _) => "Nothing selected".to_owned(),
        }
    }
}

/// Draws the form in the middle of `area`.
pub(in crate::tui) fn draw(buffer: &mut Buffer, area: Rect, app: &App, form: &ChangeForm) {
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
        let is_here = at == form.focused_field;
        let label_role = if is_here { StyleRole::Strong } else { StyleRole::Dim };
        let mut drawn = Line::from(vec![
            Span::styled(if is_here { "> " } else { "  " }, theme.style(StyleRole::Accent)),
            Span::styled(format!("{:<LABEL$}", field.label), theme.style(label_role)),
        ]);
        let beside = room.saturating_sub(2 + LABEL);
        match &field.input {
            FieldInput::Line(entry) if is_here => {
                let written = entry.line(wide.min(beside), theme);
                let fill = wide.saturating_sub(written.width());
                drawn.spans.extend(written.spans);
                drawn.push_span(" ".repeat(fill));
            }
            FieldInput::Line(entry) => {
                let text = format::clip(&Untrusted::new(entry.text()).sanitized(), ENTRY);
                drawn.push_span(Span::styled(format!("{text:<ENTRY$}"), theme.style(StyleRole::Text)));
            }
            FieldInput::OneOf(names, chosen) => {
                let name = names.get(*chosen).map_or("none", String::as_str);
                let text = format!("{}  ({} of {})", name, (chosen + 1).min(names.len()), names.len());
                drawn.push_span(Span::styled(format::clip(&text, beside), theme.style(StyleRole::Text)));
            }
            FieldInput::Tick(tick) => {
                let mark = if *tick == CheckboxState::On { "[x] " } else { "[ ] " };
                drawn.push_span(Span::styled(mark, theme.style(StyleRole::Accent)));
            }
        }
        let used = drawn.width();
        let role = if matches!(field.input, FieldInput::Tick(_)) { StyleRole::Text } else { StyleRole::Dim };
        let gap = if matches!(field.input, FieldInput::Tick(_)) { "" } else { " " };
        let hint = format::clip(&format!("{gap}{}", field.hint), room.saturating_sub(used));
        if is_here && hint.trim_end_matches(format::ELLIPSIS).trim() != field.hint {
            whole = format!("{}. ", field.hint);
        }
        drawn.push_span(Span::styled(hint, theme.style(role)));
        lines.push(drawn);
    }
    let (role, said) = match (&form.error, &form.sent) {
        (Some((_, why)), _) => (StyleRole::Trouble, Untrusted::new(why.as_str()).sanitized()),
        (None, Some(_)) => (StyleRole::Dim, "waiting for the platform …".to_owned()),
        (None, None) => {
            let key = match form.fields.get(form.focused_field).map(|field| &field.input) {
                Some(FieldInput::Line(_)) => "Tab next field, ",
                _ => "Tab next field, Space change, ",
            };
            (StyleRole::Dim, format!("{whole}{key}Enter continue, Esc cancel"))
        }
    };
    lines.push(Line::default());
    lines.extend(format::wrap_words(&said, room).into_iter().map(|line| Line::styled(line, theme.style(role))));
    dialog(buffer, area, app, &form.title(), &lines);
}
