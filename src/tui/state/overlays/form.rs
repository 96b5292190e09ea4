//! Form with the details of a change: its fields with their values, the focused field, the error of an invalid one, and
//! the result that was sent to the platform.

use crate::diagnose::incident::IncidentScope;
use crate::diagnose::reporter::{ReporterStatement, TicketReader};
use crate::domain::alert::AlertSubject;
use crate::domain::health_status::HealthStatus;
use crate::domain::ids::{CompanyId, SubscriptionId};
use crate::domain::time::Timestamp;
use crate::sync::platform_change::PlatformChange;
use crate::tui::ids::FormPurpose;
use crate::tui::keys::action::{CursorMotion, moved_row};
use crate::tui::keys::chord::{KeyChord, ch, key};
use crate::tui::widgets::text_input::{EditResult, TextInput};
use crate::wire::keys::CompanyRow;
use crate::wire::replays::NewReplay;
use crossterm::event::KeyCode;

/// Items a form was opened for, as far as the fields do not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) enum FormSubject {
    Nothing,
    Subscriptions(Vec<SubscriptionId>),
    Alert(AlertSubject, HealthStatus),
    /// Scope of the ticket, as selected when the form was opened.
    Ticket(Box<IncidentScope>),
}

/// State of a checkbox in a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum CheckboxState {
    On,
    Off,
}

#[derive(Debug, Clone, PartialEq)]
pub(in crate::tui) enum FieldInput {
    Line(TextInput),
    OneOf(Vec<String>, usize),
    Tick(CheckboxState),
}

#[derive(Debug, Clone, PartialEq)]
pub(in crate::tui) struct FormField {
    pub(in crate::tui) label: &'static str,
    pub(in crate::tui) input: FieldInput,
    pub(in crate::tui) hint: String,
}

/// Form being filled in by the operator.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeForm {
    /// Purpose of the form: what it creates or changes.
    pub purpose: FormPurpose,
    pub(in crate::tui) about: FormSubject,
    pub(in crate::tui) fields: Vec<FormField>,
    pub(in crate::tui) focused_field: usize,
    /// Companies of the company field, in the order of the choices.
    pub(in crate::tui) companies: Vec<CompanyId>,
    /// Index of the invalid field, and what is wrong with its value.
    pub(in crate::tui) error: Option<(usize, String)>,
    /// Request of this form that the platform has not answered yet.
    pub sent: Option<FormResult>,
}

/// Index of the company field, in forms that have one.
pub(in crate::tui) const COMPANY_FIELD: usize = 0;

impl ChangeForm {
    /// Takes the fetched companies with their names; the chosen company stays chosen.
    pub fn on_companies_fetched(&mut self, came: &[CompanyRow]) {
        if !matches!(self.purpose, FormPurpose::Key | FormPurpose::Event) {
            return;
        }
        let Some(FormField { input: FieldInput::OneOf(names, at), .. }) = self.fields.get_mut(COMPANY_FIELD) else {
            return;
        };
        let chosen = self.companies.get(*at).copied();
        self.companies = came.iter().map(|company| company.id).collect();
        *names = came
            .iter()
            .map(|company| match &company.name {
                Some(name) => format!("{} {}", company.id, name.sanitized()),
                None => company.id.to_string(),
            })
            .collect();
        *at = self.companies.iter().position(|id| Some(*id) == chosen).unwrap_or(0);
    }

    /// Applies a key to the present field: editing, a choice, or a checkbox.
    pub fn press(&mut self, chord: KeyChord) -> EditResult {
        let Some(field) = self.fields.get_mut(self.focused_field) else { return EditResult::Nothing };
        let (space, left, right) = (chord == ch(' '), chord == key(KeyCode::Left), chord == key(KeyCode::Right));
        let edited = match &mut field.input {
            FieldInput::Line(entry) => entry.press(chord),
            FieldInput::OneOf(names, at) if !names.is_empty() && (space || left || right) => {
                let by = if left { names.len() - 1 } else { 1 };
                *at = (*at + by) % names.len();
                EditResult::Text
            }
            FieldInput::Tick(tick) if space => {
                *tick = if *tick == CheckboxState::On { CheckboxState::Off } else { CheckboxState::On };
                EditResult::Text
            }
            FieldInput::OneOf(..) | FieldInput::Tick(_) => EditResult::Nothing,
        };
        if edited == EditResult::Text {
            self.error = None;
        }
        edited
    }

    /// Inserts pasted text, if the present field is a line of text.
    ///
    /// # Errors
    /// A one-line reason when the text is too long.
    pub fn paste(&mut self, text: &str) -> Result<(), String> {
        if let Some(FormField { input: FieldInput::Line(entry), .. }) = self.fields.get_mut(self.focused_field) {
            entry.paste(text)?;
            self.error = None;
        }
        Ok(())
    }

    /// Moves to another field, by this motion.
    pub fn step(&mut self, step: CursorMotion) {
        self.focused_field = moved_row(step, self.focused_field, self.fields.len(), self.fields.len());
    }

    /// Moves to the next field, and from the last one to the first.
    pub fn next(&mut self) {
        self.focused_field = (self.focused_field + 1) % self.fields.len().max(1);
    }

    /// Shows an error at the present field and allows the form to be sent again.
    pub fn refuse(&mut self, why: String) {
        self.sent = None;
        self.error = Some((self.focused_field, why));
    }

    /// Evaluates the form at `now` by the platform's clock. An invalid field becomes the present one and shows its
    /// error.
    pub fn read(&mut self, now: Timestamp) -> Option<FormResult> {
        match self.evaluate(now) {
            Ok(filled) => {
                self.error = None;
                Some(filled)
            }
            Err((at, why)) => {
                self.focused_field = at;
                self.error = Some((at, why));
                None
            }
        }
    }
}

/// Result of a form whose fields are all valid.
#[derive(Debug, Clone, PartialEq)]
pub enum FormResult {
    /// Changes, to be confirmed by the operator.
    Changes(Vec<PlatformChange>),
    /// Replay, whose deliveries are counted before it is confirmed.
    Replay(SubscriptionId, NewReplay),
    /// Statement for a ticket, and whom the ticket is for.
    Ticket(ReporterStatement, TicketReader),
}
