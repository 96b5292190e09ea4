//! Forms: what an act has to be told before it can be asked about. Each field is a line, one of several, or a tick; what cannot be used is said
//! under its field. `fields` knows which fields a form has, `filled` what it leads to.

pub(super) mod draw;
mod fields;
pub mod filled;

use super::super::app::App;
use super::super::chord::{Chord, ch, key};
use super::super::entry::{Edited, Entry};
use super::super::keymap::Step;
use super::super::press::stepped;
use super::{Layer, offers};
use crate::api::keys::Company;
use crate::api::remedy::Gap;
use crate::domain::alert::Subject;
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::standing::Standing;
use crate::domain::time::Timestamp;
use crossterm::event::KeyCode;
use filled::Filled;

/// What a form is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Creating a company.
    Company,
    /// Creating a key.
    Key,
    /// Creating an operator.
    Operator,
    /// Emitting a sample event.
    Event,
    /// The limits of a key.
    Limits(KeyId),
    /// Replaying a range of a subscription's deliveries.
    Replay(SubscriptionId),
    /// Disabling the selected or marked subscriptions.
    Disable,
    /// Saying why a subscription is off by hand.
    Intend(SubscriptionId),
    /// Looking after the selected alert.
    Acknowledge,
}

impl Purpose {
    /// What it is called in menus.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Company => "Create a company …",
            Self::Key => "Create a key …",
            Self::Operator => "Create an operator …",
            Self::Event => "Emit a sample event …",
            Self::Limits(_) => "Set its limits …",
            Self::Replay(_) => "Replay a range of its deliveries …",
            Self::Disable => "Disable …",
            Self::Intend(_) => "Say why it is off …",
            Self::Acknowledge => "Acknowledge …",
        }
    }
}

/// What a form was opened on, where that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
enum About {
    Nothing,
    Subscriptions(Vec<SubscriptionId>),
    Alert(Subject, Standing),
}

/// Whether something is ticked.
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

/// A form being filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// What it is for.
    pub purpose: Purpose,
    about: About,
    fields: Vec<Field>,
    at: usize,
    /// The companies of its choice, in that order.
    companies: Vec<CompanyId>,
    /// What is wrong: in which field, and what.
    fault: Option<(usize, String)>,
    /// What is under way for it.
    pub sent: Option<Filled>,
}

/// The field of companies, where there is one.
const COMPANY: usize = 0;

impl Form {
    /// An empty form, filled in as far as the picture can.
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

    /// The form of a replay, filled in with what a subscription missed.
    #[must_use]
    pub fn of_gap(app: &App, gap: Gap) -> Self {
        let mut form = Self::new(app, Purpose::Replay(gap.subscription));
        for (field, moment) in form.fields.iter_mut().zip([gap.since_utc, gap.until_utc]) {
            field.input = Input::Line(Entry::new(&moment.to_string()));
        }
        form
    }

    /// Takes the companies that came, with their names; the chosen one stays chosen.
    pub fn take(&mut self, came: &[Company]) {
        if !matches!(self.purpose, Purpose::Key | Purpose::Event) {
            return;
        }
        let Some(Field { input: Input::OneOf(names, at), .. }) = self.fields.get_mut(COMPANY) else { return };
        let chosen = self.companies.get(*at).copied();
        self.companies = came.iter().map(|company| company.id).collect();
        *names = came.iter().map(|company| format!("{} {}", company.id, company.name.inert())).collect();
        *at = self.companies.iter().position(|id| Some(*id) == chosen).unwrap_or(0);
    }

    /// Takes a key that fills in the present field.
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

    /// Takes pasted text, if the present field is a line.
    ///
    /// # Errors
    /// Says why it is not taken.
    pub fn paste(&mut self, text: &str) -> Result<(), String> {
        if let Some(Field { input: Input::Line(entry), .. }) = self.fields.get_mut(self.at) {
            entry.paste(text)?;
            self.fault = None;
        }
        Ok(())
    }

    /// Goes to another field.
    pub fn step(&mut self, step: Step) {
        self.at = stepped(step, self.at, self.fields.len(), self.fields.len());
    }

    /// Goes to the next field, after the last one to the first.
    pub fn next(&mut self) {
        self.at = (self.at + 1) % self.fields.len().max(1);
    }

    /// Says what is wrong with what was asked for.
    pub fn refuse(&mut self, why: String) {
        self.sent = None;
        self.fault = Some((self.at, why));
    }

    /// What it leads to, at `now` by the platform's clock. What cannot be used is kept and shown under its field.
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

/// The enabled subscriptions of the menu that led here, else those that are selected or marked.
fn subscriptions(app: &App) -> Vec<SubscriptionId> {
    match app.layers.last() {
        Some(Layer::Menu(menu)) => offers::enabled(app, menu.items()),
        _ => offers::enabled(app, &app.acted_on().unwrap_or_default()),
    }
}

/// The selected alert.
fn alert(app: &App) -> Option<(Subject, Standing)> {
    let list = app.layers.iter().rev().find_map(|layer| match layer {
        Layer::Alerts(list) => Some(list),
        _ => None,
    });
    list?.alert(app.shown().alerts()).map(|alert| (alert.subject, alert.standing))
}
