//! Forms: the details a change needs before it can be confirmed. A field is a line of text, a choice or a checkbox;
//! an error is shown under its field. `fields` defines the fields of each form, `filled` evaluates them.

pub(super) mod draw;
mod fields;
pub mod filled;

use super::super::app::App;
use super::super::chord::{KeyChord, ch, key};
use super::super::keymap::CursorMotion;
use super::super::press::moved_row;
use super::super::text_input::{EditResult, TextInput};
use super::{Overlay, item_actions};
use crate::domain::alert::AlertSubject;
use crate::domain::health_status::HealthStatus;
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::time::Timestamp;
use crate::wire::keys::CompanyRow;
use crate::wire::remedy::MissedRange;
use crossterm::event::KeyCode;
use filled::FormResult;

/// Purpose of a form: what it creates or changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormPurpose {
    /// Create a company with a name.
    Company,
    /// Create an API key with scopes.
    Key,
    /// Create an operator with a role.
    Operator,
    /// Emit a sample event of a type.
    Event,
    /// Set the rate limits of a key.
    Limits(KeyId),
    /// Replay a time range of a subscription's deliveries.
    Replay(SubscriptionId),
    /// Disable the selected or marked subscriptions.
    Disable,
    /// Set the reason why a subscription was disabled manually.
    DisableReason(SubscriptionId),
    /// Acknowledge the selected alert, with an optional note.
    Acknowledge,
}

impl FormPurpose {
    /// Label of the form's entry in menus.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Company => "Create a company …",
            Self::Key => "Create a key …",
            Self::Operator => "Create an operator …",
            Self::Event => "Emit a sample event …",
            Self::Limits(_) => "Set rate limits …",
            Self::Replay(_) => "Replay deliveries …",
            Self::Disable => "Disable …",
            Self::DisableReason(_) => "Add a reason …",
            Self::Acknowledge => "Acknowledge …",
        }
    }
}

/// Items a form was opened for, as far as the fields do not say.
#[derive(Debug, Clone, PartialEq, Eq)]
enum FormSubject {
    Nothing,
    Subscriptions(Vec<SubscriptionId>),
    Alert(AlertSubject, HealthStatus),
}

/// State of a checkbox in a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CheckboxState {
    On,
    Off,
}

#[derive(Debug, Clone, PartialEq)]
enum FieldInput {
    Line(TextInput),
    OneOf(Vec<String>, usize),
    Tick(CheckboxState),
}

#[derive(Debug, Clone, PartialEq)]
struct FormField {
    label: &'static str,
    input: FieldInput,
    hint: String,
}

/// Form being filled in by the operator.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeForm {
    /// Purpose of the form: what it creates or changes.
    pub purpose: FormPurpose,
    about: FormSubject,
    fields: Vec<FormField>,
    focused_field: usize,
    /// Companies of the company field, in the order of the choices.
    companies: Vec<CompanyId>,
    /// Index of the invalid field, and what is wrong with its value.
    error: Option<(usize, String)>,
    /// What was sent to the platform for this form and is not answered yet.
    pub sent: Option<FormResult>,
}

/// Index of the company field, in forms that have one.
const COMPANY_FIELD: usize = 0;

impl ChangeForm {
    /// Creates a form with initial values from the snapshot.
    #[must_use]
    pub fn new(app: &App, purpose: FormPurpose) -> Self {
        let companies = match purpose {
            FormPurpose::Key | FormPurpose::Event => fields::companies(app),
            _ => Vec::new(),
        };
        let about = match purpose {
            FormPurpose::Disable => FormSubject::Subscriptions(subscriptions(app)),
            FormPurpose::Acknowledge => {
                alert(app).map_or(FormSubject::Nothing, |(subject, standing)| FormSubject::Alert(subject, standing))
            }
            _ => FormSubject::Nothing,
        };
        let fields = fields::of(app, purpose, &companies);
        Self { purpose, about, fields, focused_field: 0, companies, error: None, sent: None }
    }

    /// Creates a replay form filled in with the time range that a subscription missed.
    #[must_use]
    pub fn for_missed_range(app: &App, gap: MissedRange) -> Self {
        let mut form = Self::new(app, FormPurpose::Replay(gap.subscription));
        for (field, moment) in form.fields.iter_mut().zip([gap.since_utc, gap.until_utc]) {
            field.input = FieldInput::Line(TextInput::new(&moment.to_string()));
        }
        form
    }

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
        *names = came.iter().map(|company| format!("{} {}", company.id, company.name.sanitized())).collect();
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

/// Enabled subscriptions among the items of the menu that led here, or among the selected or marked items.
fn subscriptions(app: &App) -> Vec<SubscriptionId> {
    match app.overlays.last() {
        Some(Overlay::Menu(menu)) => item_actions::enabled(app, menu.items()),
        _ => item_actions::enabled(app, &app.change_targets().unwrap_or_default()),
    }
}

/// Subject and health status of the selected alert.
fn alert(app: &App) -> Option<(AlertSubject, HealthStatus)> {
    let list = app.overlays.iter().rev().find_map(|layer| match layer {
        Overlay::Alerts(list) => Some(list),
        _ => None,
    });
    list?.alert(app.visible_snapshot().alerts()).map(|alert| (alert.subject, alert.standing))
}
