//! Fields of each form, with initial values from the snapshot where it has them.

use super::super::super::app::App;
use super::super::super::entry::Entry;
use super::{Field, Input, Purpose, Tick};
use crate::domain::delivery::State;
use crate::domain::event::EventType;
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::key::Scope;
use crate::domain::operator::Role as OperatorRole;
use crate::domain::replay::{PACE, SELECTABLE};

fn line(label: &'static str, text: &str, hint: impl Into<String>) -> Field {
    Field { label, input: Input::Line(Entry::new(text)), hint: hint.into() }
}

fn one_of(label: &'static str, names: Vec<String>, at: usize) -> Field {
    Field { label, input: Input::OneOf(names, at), hint: String::new() }
}

fn tick(label: &'static str, tick: Tick, hint: impl Into<String>) -> Field {
    Field { label, input: Input::Tick(tick), hint: hint.into() }
}

/// Fields of a form, with their initial values.
pub(super) fn of(app: &App, purpose: Purpose, companies: &[CompanyId]) -> Vec<Field> {
    let names: Vec<String> = companies.iter().map(CompanyId::to_string).collect();
    match purpose {
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
        Purpose::Disable => vec![line("Reason", "", "marks it as intended; an alert without one")],
        Purpose::Intend(_) => vec![line("Reason", "", "marks it as intended: its alert ends")],
        Purpose::Acknowledge => vec![line("Note", "", "for the others; may stay empty")],
    }
}

/// Companies found in the snapshot, with the company on the screen first.
pub(super) fn companies(app: &App) -> Vec<CompanyId> {
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
    // The range starts at the latest trip, because events were missed from then on.
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
