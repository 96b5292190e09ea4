//! Forms: the details a change needs before it can be confirmed. A field is a line of text, a choice or a checkbox;
//! an error is shown under its field. `fields` defines the fields of each form, `filled` evaluates them.

pub(super) mod draw;
mod fields;
pub mod filled;

use super::super::app::App;
use super::super::chord::{Chord, ch, key};
use super::super::entry::{Edited, Entry};
use super::super::keymap::Step;
use super::super::press::stepped;
use super::{Layer, offers};
use crate::api::keys::CompanyRow;
use crate::api::remedy::MissedRange;
use crate::domain::alert::AlertSubject;
use crate::domain::health_status::HealthStatus;
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::time::Timestamp;
use crossterm::event::KeyCode;
use filled::Filled;

/// Purpose of a form: what it creates or changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
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
    Intend(SubscriptionId),
    /// Acknowledge the selected alert, with an optional note.
    Acknowledge,
}

impl Purpose {
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
            Self::Intend(_) => "Add a reason …",
            Self::Acknowledge => "Acknowledge …",
        }
    }
}

/// Items a form was opened for, as far as the fields do not say.
#[derive(Debug, Clone, PartialEq, Eq)]
enum About {
    Nothing,
    Subscriptions(Vec<SubscriptionId>),
    Alert(AlertSubject, HealthStatus),
}

/// State of a checkbox in a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tick {
    On,
    Off,
}

#[derive(Debug, Clone, PartialEq)]
enum Input {
    Line(Entry),
    OneOf(Vec<String>, usize),
    Tick(Tick),
}

#[derive(Debug, Clone, PartialEq)]
struct Field {
    label: &'static str,
    input: Input,
    hint: String,
}

/// Form being filled in by the operator.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// Purpose of the form: what it creates or changes.
    pub purpose: Purpose,
    about: About,
    fields: Vec<Field>,
    at: usize,
    /// Companies of the company field, in the order of the choices.
    companies: Vec<CompanyId>,
    /// Index of the invalid field, and what is wrong with its value.
    fault: Option<(usize, String)>,
    /// What was sent to the platform for this form and is not answered yet.
    pub sent: Option<Filled>,
}

/// Index of the company field, in forms that have one.
const COMPANY: usize = 0;

impl Form {
    /// Creates a form with initial values from the snapshot.
    #[must_use]
    pub fn new(app: &App, purpose: Purpose) -> Self {
        let companies = match purpose {
            Purpose::Key | Purpose::Event => fields::companies(app),
            _ => Vec::new(),
        };
        let about = match purpose {
            Purpose::Disable => About::Subscriptions(subscriptions(app)),
            Purpose::Acknowledge => {
                alert(app).map_or(About::Nothing, |(subject, standing)| About::Alert(subject, standing))
            }
            _ => About::Nothing,
        };
        let fields = fields::of(app, purpose, &companies);
        Self { purpose, about, fields, at: 0, companies, fault: None, sent: None }
    }

    /// Creates a replay form filled in with the time range that a subscription missed.
    #[must_use]
    pub fn of_gap(app: &App, gap: MissedRange) -> Self {
        let mut form = Self::new(app, Purpose::Replay(gap.subscription));
        for (field, moment) in form.fields.iter_mut().zip([gap.since_utc, gap.until_utc]) {
            field.input = Input::Line(Entry::new(&moment.to_string()));
        }
        form
    }

    /// Takes the fetched companies with their names; the chosen company stays chosen.
    pub fn take(&mut self, came: &[CompanyRow]) {
        if !matches!(self.purpose, Purpose::Key | Purpose::Event) {
            return;
        }
        let Some(Field { input: Input::OneOf(names, at), .. }) = self.fields.get_mut(COMPANY) else { return };
        let chosen = self.companies.get(*at).copied();
        self.companies = came.iter().map(|company| company.id).collect();
        *names = came.iter().map(|company| format!("{} {}", company.id, company.name.sanitized())).collect();
        *at = self.companies.iter().position(|id| Some(*id) == chosen).unwrap_or(0);
    }

    /// Applies a key to the present field: editing, a choice, or a checkbox.
    pub fn press(&mut self, chord: Chord) -> Edited {
        let Some(field) = self.fields.get_mut(self.at) else { return Edited::Nothing };
        let (space, left, right) = (chord == ch(' '), chord == key(KeyCode::Left), chord == key(KeyCode::Right));
        let edited = match &mut field.input {
            Input::Line(entry) => entry.press(chord),
            Input::OneOf(names, at) if !names.is_empty() && (space || left || right) => {
                let by = if left { names.len() - 1 } else { 1 };
                *at = (*at + by) % names.len();
                Edited::Text
            }
            Input::Tick(tick) if space => {
                *tick = if *tick == Tick::On { Tick::Off } else { Tick::On };
                Edited::Text
            }
            Input::OneOf(..) | Input::Tick(_) => Edited::Nothing,
        };
        if edited == Edited::Text {
            self.fault = None;
        }
        edited
    }

    /// Inserts pasted text, if the present field is a line of text.
    ///
    /// # Errors
    /// A one-line reason when the text is too long.
    pub fn paste(&mut self, text: &str) -> Result<(), String> {
        if let Some(Field { input: Input::Line(entry), .. }) = self.fields.get_mut(self.at) {
            entry.paste(text)?;
            self.fault = None;
        }
        Ok(())
    }

    /// Moves to another field, by this motion.
    pub fn step(&mut self, step: Step) {
        self.at = stepped(step, self.at, self.fields.len(), self.fields.len());
    }

    /// Moves to the next field, and from the last one to the first.
    pub fn next(&mut self) {
        self.at = (self.at + 1) % self.fields.len().max(1);
    }

    /// Shows an error at the present field and allows the form to be sent again.
    pub fn refuse(&mut self, why: String) {
        self.sent = None;
        self.fault = Some((self.at, why));
    }

    /// Evaluates the form at `now` by the platform's clock. An invalid field becomes the present one and shows its
    /// error.
    pub fn read(&mut self, now: Timestamp) -> Option<Filled> {
        match self.filled(now) {
            Ok(filled) => {
                self.fault = None;
                Some(filled)
            }
            Err((at, why)) => {
                self.at = at;
                self.fault = Some((at, why));
                None
            }
        }
    }
}

/// Enabled subscriptions among the items of the menu that led here, or among the selected or marked items.
fn subscriptions(app: &App) -> Vec<SubscriptionId> {
    match app.layers.last() {
        Some(Layer::Menu(menu)) => offers::enabled(app, menu.items()),
        _ => offers::enabled(app, &app.acted_on().unwrap_or_default()),
    }
}

/// Subject and health status of the selected alert.
fn alert(app: &App) -> Option<(AlertSubject, HealthStatus)> {
    let list = app.layers.iter().rev().find_map(|layer| match layer {
        Layer::Alerts(list) => Some(list),
        _ => None,
    });
    list?.alert(app.shown().alerts()).map(|alert| (alert.subject, alert.standing))
}
