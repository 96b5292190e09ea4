//! Forms: what an act has to be told before it can be asked about. Each field is a line, one of several, or a tick; what cannot be used is said
//! under its field.

use super::super::app::App;
use super::super::chord::{Chord, ch, key};
use super::super::desk::Filter;
use super::super::effect::Act;
use super::super::entry::{Edited, Entry};
use super::super::format;
use super::super::keymap::Step;
use super::super::panes::Pane;
use super::super::press::stepped;
use super::super::theme::Role;
use super::dialog;
use crate::api::keys::{Company, LimitsWish, NewCompany, NewKey};
use crate::api::operators::NewOperator;
use crate::api::remedy::Gap;
use crate::api::replays::NewReplay;
use crate::domain::delivery::State;
use crate::domain::event::EventType;
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::key::Scope;
use crate::domain::operator::Role as OperatorRole;
use crate::domain::query::field::Field as Queried;
use crate::domain::query::portion::{Asked, Log};
use crate::domain::replay::{PACE, PACES, SELECTABLE};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

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
        }
    }

    fn title(self) -> String {
        match self {
            Self::Company => "New company".to_owned(),
            Self::Key => "New key".to_owned(),
            Self::Operator => "New operator".to_owned(),
            Self::Event => "Emit a sample event".to_owned(),
            Self::Limits(id) => format!("Limits of key {id}"),
            Self::Replay(id) => format!("Replay deliveries of subscription {id}"),
        }
    }
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

fn line(label: &'static str, text: &str, hint: impl Into<String>) -> Field {
    Field { label, input: Input::Line(Entry::new(text)), hint: hint.into() }
}

fn one_of(label: &'static str, names: Vec<String>, at: usize) -> Field {
    Field { label, input: Input::OneOf(names, at), hint: String::new() }
}

fn tick(label: &'static str, tick: Tick, hint: impl Into<String>) -> Field {
    Field { label, input: Input::Tick(tick), hint: hint.into() }
}

/// What a form leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum Filled {
    /// An act, to be asked about.
    Act(Act),
    /// A replay, to be counted first.
    Replay(SubscriptionId, NewReplay),
}

/// A form being filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// What it is for.
    pub purpose: Purpose,
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
        let companies = if matches!(purpose, Purpose::Key | Purpose::Event) { companies(app) } else { Vec::new() };
        let names: Vec<String> = companies.iter().map(CompanyId::to_string).collect();
        let fields = match purpose {
            Purpose::Company => vec![line("Name", "", "1 to 200 characters")],
            Purpose::Key => key_fields(names),
            Purpose::Operator => {
                let roles = OperatorRole::ALL.map(|role| role.name().to_owned()).to_vec();
                vec![line("Name", "", "as the audit trail is to call it"), one_of("Role", roles, 0)]
            }
            Purpose::Event => {
                let kinds = EventType::ALL.map(|kind| kind.name().to_owned()).to_vec();
                vec![one_of("Company", names, 0), one_of("Type", kinds, 0)]
            }
            Purpose::Limits(id) => limit_fields(app, id),
            Purpose::Replay(id) => replay_fields(app, id),
        };
        Self { purpose, fields, at: 0, companies, fault: None, sent: None }
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
    pub fn paste(&mut self, text: &str) {
        if let Some(Field { input: Input::Line(entry), .. }) = self.fields.get_mut(self.at) {
            entry.paste(text);
            self.fault = None;
        }
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

    fn text(&self, at: usize) -> &str {
        match self.fields.get(at).map(|field| &field.input) {
            Some(Input::Line(entry)) => entry.text().trim(),
            _ => "",
        }
    }

    fn choice(&self, at: usize) -> usize {
        match self.fields.get(at).map(|field| &field.input) {
            Some(Input::OneOf(_, chosen)) => *chosen,
            _ => 0,
        }
    }

    fn is_ticked(&self, at: usize) -> bool {
        matches!(self.fields.get(at).map(|field| &field.input), Some(Input::Tick(Tick::On)))
    }

    fn company(&self) -> Result<CompanyId, (usize, String)> {
        let missing = || (COMPANY, "no company is known; C lists them, and N there makes one".to_owned());
        self.companies.get(self.choice(COMPANY)).copied().ok_or_else(missing)
    }

    fn name(&self, at: usize, most: usize) -> Result<String, (usize, String)> {
        let text = self.text(at);
        match text.chars().count() {
            0 => Err((at, "a name is missing".to_owned())),
            n if n > most => Err((at, format!("{n} characters; {most} at most"))),
            _ => Ok(text.to_owned()),
        }
    }

    fn filled(&self, now: Timestamp) -> Result<Filled, (usize, String)> {
        Ok(Filled::Act(match self.purpose {
            Purpose::Company => Act::CreateCompany(NewCompany { name: self.name(0, 200)? }),
            Purpose::Key => {
                let (company_id, name) = (self.company()?, self.name(1, 100)?);
                let ticked = |(position, scope): (usize, Scope)| self.is_ticked(2 + position).then_some(scope);
                let scopes: Vec<Scope> = Scope::ALL.into_iter().enumerate().filter_map(ticked).collect();
                if scopes.is_empty() {
                    return Err((2, "at least one scope; they cannot be changed later".to_owned()));
                }
                Act::CreateKey(NewKey { company_id, name, scopes, limits: None })
            }
            Purpose::Operator => {
                let role = OperatorRole::ALL.get(self.choice(1)).copied().unwrap_or(OperatorRole::Viewer);
                Act::CreateOperator(NewOperator { name: self.name(0, 100)?, role })
            }
            Purpose::Event => {
                let kind = EventType::ALL.get(self.choice(1)).copied().unwrap_or(EventType::ClientCreated);
                Act::Emit(self.company()?, kind)
            }
            Purpose::Limits(id) => {
                let limit = |at: usize| match self.text(at) {
                    "" => Ok(None),
                    text => match text.parse::<u32>() {
                        Ok(n) if n <= 1_000_000 => Ok(Some(n)),
                        _ => Err((at, format!("{text} is no number from 0 to 1,000,000"))),
                    },
                };
                Act::Limit(id, LimitsWish { read: limit(0)?, write: limit(1)?, admin: limit(2)? })
            }
            Purpose::Replay(id) => return self.replay(id, now),
        }))
    }

    fn replay(&self, id: SubscriptionId, now: Timestamp) -> Result<Filled, (usize, String)> {
        let since = self.moment(0, Queried::Since, now)?.ok_or_else(|| (0, "a beginning is missing".to_owned()))?;
        let until = self.moment(1, Queried::Until, now)?;
        if until.is_some_and(|until| until <= since) {
            return Err((1, "it ends before it begins".to_owned()));
        }
        let ticked = |(position, state): (usize, State)| self.is_ticked(2 + position).then_some(state);
        let states: Vec<State> = SELECTABLE.into_iter().enumerate().filter_map(ticked).collect();
        if states.is_empty() {
            return Err((2, "nothing is ticked that could be replayed".to_owned()));
        }
        let at = 2 + SELECTABLE.len();
        let pace = match self.text(at) {
            "" => None,
            text => match text.parse::<u32>() {
                Ok(n) if PACES.contains(&n) => Some(n),
                _ => return Err((at, format!("{text} is no number from {} to {}", PACES.start(), PACES.end()))),
            },
        };
        Ok(Filled::Replay(id, NewReplay { since, until, states, dry_run: true, rate_per_second: pace }))
    }

    /// A moment as filters write it; nothing where nothing was written.
    fn moment(&self, at: usize, field: Queried, now: Timestamp) -> Result<Option<Timestamp>, (usize, String)> {
        let text = self.text(at);
        if text.is_empty() {
            return Ok(None);
        }
        let read = Filter::read(&format!("{}:{text}", field.name()), Pane::Deliveries);
        let asked = read
            .map_err(|fault| (at, fault.to_string()))?
            .map_or_else(Vec::new, |filter| filter.query.portion(Log::Deliveries, now).asked);
        match asked.as_slice() {
            [Asked::Time(_, moment)] => Ok(Some(*moment)),
            _ => Err((at, format!("{text} is no time; write 2h, 14:02 or 2026-11-23"))),
        }
    }
}

/// The companies that the picture names, the one that is looked at, or that the selection belongs to, first.
fn companies(app: &App) -> Vec<CompanyId> {
    let Some(view) = app.view() else { return Vec::new() };
    let of = view.overview;
    let keys = of.keys.items.iter().map(|row| row.company_id);
    let subscriptions = of.subscriptions.items.iter().map(|row| row.subscription.company_id);
    let mut known: Vec<CompanyId> = Vec::new();
    for id in app.company.into_iter().chain(keys).chain(subscriptions) {
        if !known.contains(&id) {
            known.push(id);
        }
    }
    known
}

fn key_fields(companies: Vec<String>) -> Vec<Field> {
    let mut fields = vec![one_of("Company", companies, 0), line("Name", "", "what people will call it")];
    let scopes = Scope::ALL.into_iter().zip(["Scopes"].into_iter().chain(std::iter::repeat("")));
    fields.extend(scopes.map(|(scope, label)| tick(label, Tick::Off, scope.name())));
    fields
}

fn limit_fields(app: &App, id: KeyId) -> Vec<Field> {
    let row = app.picture.overview.as_ref().and_then(|of| of.keys.items.iter().find(|row| row.id == id));
    let text = |limit: Option<u32>| limit.map_or_else(String::new, |limit| limit.to_string());
    [
        ("Read", row.map(|row| row.limits.read), 60),
        ("Write", row.map(|row| row.limits.write), 100),
        ("Admin", row.map(|row| row.limits.admin), 200),
    ]
    .map(|(label, limit, usual)| line(label, &text(limit), format!("calls a minute; empty: the usual {usual}")))
    .to_vec()
}

fn replay_fields(app: &App, id: SubscriptionId) -> Vec<Field> {
    let overview = app.picture.overview.as_deref();
    // Where it tripped last, something was missed from then on.
    let trip = overview.and_then(|of| of.trips.items.iter().find(|trip| trip.subscription_id == id));
    let since = trip.map_or_else(|| "24h".to_owned(), |trip| trip.tripped_utc.format("%Y-%m-%dT%H:%M:%SZ"));
    let mut fields = vec![
        line("Since", &since, "2h, 14:02 or 2026-11-23, inclusive"),
        line("Until", "", "not inclusive; empty: now"),
    ];
    for (position, state) in SELECTABLE.into_iter().enumerate() {
        let meant = match state {
            State::Skipped => "skipped: passed by while it was off",
            State::Exhausted => "exhausted: given up after all tries",
            State::Parked => "parked: wait for it to be enabled",
            _ => "succeeded: arrived already, and would again",
        };
        let ticked = if matches!(state, State::Skipped | State::Exhausted) { Tick::On } else { Tick::Off };
        fields.push(tick(if position == 0 { "States" } else { "" }, ticked, meant));
    }
    fields.push(line("Pace", &PACE.to_string(), "deliveries a second"));
    fields
}

/// Draws the form in the middle of `area`.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, form: &Form) {
    const LABEL: usize = 9;
    const ENTRY: usize = 24;
    let theme = app.theme();
    let room = usize::from(area.width.saturating_sub(6)).min(76);
    let mut lines = Vec::new();
    // What the present field wants, where there was no room beside it.
    let mut whole = String::new();
    for (at, field) in form.fields.iter().enumerate() {
        let is_here = at == form.at;
        let label_role = if is_here { Role::Strong } else { Role::Dim };
        let mut drawn = Line::from(vec![
            Span::styled(if is_here { "> " } else { "  " }, theme.style(Role::Accent)),
            Span::styled(format!("{:<LABEL$}", field.label), theme.style(label_role)),
        ]);
        let beside = room.saturating_sub(2 + LABEL);
        match &field.input {
            Input::Line(entry) if is_here => {
                let written = entry.line(ENTRY.min(beside), theme);
                let fill = ENTRY.saturating_sub(written.width());
                drawn.spans.extend(written.spans);
                drawn.push_span(" ".repeat(fill));
            }
            Input::Line(entry) => {
                let text = format::clip(&Untrusted::new(entry.text()).inert(), ENTRY);
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
        if is_here && hint.ends_with(format::ELLIPSIS) {
            whole = format!("{}. ", field.hint);
        }
        drawn.push_span(Span::styled(hint, theme.style(role)));
        lines.push(drawn);
    }
    let (role, said) = match (&form.fault, &form.sent) {
        (Some((_, why)), _) => (Role::Trouble, Untrusted::new(why.as_str()).inert()),
        (None, Some(_)) => (Role::Dim, "the platform is asked …".to_owned()),
        (None, None) => {
            let key = match form.fields.get(form.at).map(|field| &field.input) {
                Some(Input::Line(_)) => "Tab next field, ",
                _ => "Tab next field, Space changes it, ",
            };
            (Role::Dim, format!("{whole}{key}Enter goes on, Esc leaves it"))
        }
    };
    lines.push(Line::default());
    lines.extend(format::flow(&said, room).into_iter().map(|line| Line::styled(line, theme.style(role))));
    dialog(buffer, area, app, &form.purpose.title(), &lines);
}
