//! Drawing of a form: its fields with their hints, and below them the error, or what the keys do.

use crate::domain::text::Untrusted;
use crate::text;
use crate::tui::ids::FormPurpose;
use crate::tui::overlays::frame::dialog;
use crate::tui::panes::diagnose_result;
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
            (FormPurpose::Ticket, FormSubject::Ticket(scope)) => match scope.subjects.as_slice() {
                [one] => format!("Ticket for {}", diagnose_result::scope(*one)),
                several => format!("Ticket for {} subjects", several.len()),
            },
            (FormPurpose::Disable | FormPurpose::Acknowledge | FormPurpose::Ticket, _) => "Nothing selected".to_owned(),
        }
    }
}

/// Width of a label, in columns.
const LABEL: usize = 9;
/// Width of an entry with a hint beside it, in columns.
const ENTRY: usize = 24;

/// Draws the form in the middle of `area`. Fields that do not fit scroll with the focused one.
pub(in crate::tui) fn draw(buffer: &mut Buffer, area: Rect, app: &App, form: &ChangeForm) {
    let theme = app.theme();
    let room = usize::from(area.width.saturating_sub(6)).min(76);
    let drawn: Vec<FieldLine> = (0..form.fields.len()).map(|at| field_line(app, form, at, room)).collect();
    let whole = drawn.get(form.focused_field).and_then(|of| of.unseen_hint.clone());
    let (role, said) = status(form, &whole.map_or_else(String::new, |hint| format!("{hint}. ")));
    let inner = usize::from(area.height.saturating_sub(2));
    // The focused field comes first where little fits.
    let status: Vec<Line<'_>> = format::wrap_words(&said, room)
        .into_iter()
        .take(inner.saturating_sub(1))
        .map(|line| Line::styled(line, theme.style(role)))
        .collect();
    let height = inner.saturating_sub(status.len());
    let fields: Vec<Line<'_>> = drawn.into_iter().map(|of| of.line).collect();
    let mut lines: Vec<Line<'_>> = if fields.len() < height {
        fields.into_iter().chain([Line::default()]).collect()
    } else {
        let top = form.focused_field.saturating_sub(height / 2).min(fields.len().saturating_sub(height));
        fields.into_iter().skip(top).take(height).collect()
    };
    lines.extend(status);
    dialog(buffer, area, app, &form.title(), &lines);
}

/// Drawn field, with its hint if there was no room for all of it.
struct FieldLine {
    line: Line<'static>,
    unseen_hint: Option<String>,
}

fn field_line(app: &App, form: &ChangeForm, at: usize, room: usize) -> FieldLine {
    let theme = app.theme();
    let field = &form.fields[at];
    let is_here = at == form.focused_field;
    let beside = room.saturating_sub(2 + LABEL);
    // A single field and those of a ticket are wide; their hints are then shown beneath.
    let is_wide = form.fields.len() == 1 || form.purpose == FormPurpose::Ticket;
    let wide = if is_wide { beside } else { ENTRY };
    let label_role = if is_here { StyleRole::Strong } else { StyleRole::Dim };
    let mut drawn = Line::from(vec![
        Span::styled(if is_here { "> " } else { "  " }, theme.style(StyleRole::Accent)),
        Span::styled(format!("{:<LABEL$}", field.label), theme.style(label_role)),
    ]);
    match &field.input {
        FieldInput::Line(entry) if is_here => {
            let written = entry.line(wide.min(beside), theme);
            let fill = wide.saturating_sub(written.width());
            drawn.spans.extend(written.spans);
            drawn.push_span(" ".repeat(fill));
        }
        FieldInput::Line(entry) => {
            let text = format::clip(&Untrusted::new(entry.text()).sanitized(), wide);
            drawn.push_span(Span::styled(format!("{text:<wide$}"), theme.style(StyleRole::Text)));
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
    let is_cut = hint.trim_end_matches(format::ELLIPSIS).trim() != field.hint;
    drawn.push_span(Span::styled(hint, theme.style(role)));
    FieldLine { line: drawn, unseen_hint: is_cut.then(|| field.hint.clone()) }
}

/// Error of the form, or what its keys do.
fn status(form: &ChangeForm, hint: &str) -> (StyleRole, String) {
    match (&form.error, &form.sent) {
        (Some((_, why)), _) => (StyleRole::Trouble, Untrusted::new(why.as_str()).sanitized()),
        (None, Some(_)) => (StyleRole::Dim, "waiting for the platform …".to_owned()),
        (None, None) => {
            let key = match form.fields.get(form.focused_field).map(|field| &field.input) {
                Some(FieldInput::Line(_)) => "Tab next field, ",
                _ => "Tab next field, Space change, ",
            };
            (StyleRole::Dim, format!("{hint}{key}Enter continue, Esc cancel"))
        }
    }
}
