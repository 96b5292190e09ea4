//! Fields of each form, with initial values from the snapshot where it has them.

use crate::diagnose::escalation::EscalationKind;
use crate::diagnose::incident::IncidentScope;
use crate::diagnose::reporter::TicketReader;
use crate::domain::delivery::DeliveryState;
use crate::domain::event::EventType;
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::operator::OperatorRole;
use crate::domain::replay::{DEFAULT_REPLAY_RATE, REPLAYABLE_STATES};
use crate::domain::scope::KeyScope;
use crate::tui::ids::FormPurpose;
use crate::tui::state::app::App;
use crate::tui::state::overlays::form::{CheckboxState, FieldInput, FormField};
use crate::tui::widgets::text_input::TextInput;

fn line(label: &'static str, text: &str, hint: impl Into<String>) -> FormField {
    FormField { label, input: FieldInput::Line(TextInput::new(text)), hint: hint.into() }
}

fn one_of(label: &'static str, names: Vec<String>, at: usize) -> FormField {
    FormField { label, input: FieldInput::OneOf(names, at), hint: String::new() }
}

fn tick(label: &'static str, tick: CheckboxState, hint: impl Into<String>) -> FormField {
    FormField { label, input: FieldInput::Tick(tick), hint: hint.into() }
}

/// Fields of a form, with their initial values.
pub(in crate::tui) fn of(app: &App, purpose: FormPurpose, companies: &[CompanyId]) -> Vec<FormField> {
    let names: Vec<String> = companies.iter().map(CompanyId::to_string).collect();
    match purpose {
        FormPurpose::Company => vec![line("Name", "", "1 to 200 characters")],
        FormPurpose::Key => key_fields(names),
        FormPurpose::Operator => {
            let roles = OperatorRole::ALL.map(|role| role.name().to_owned()).to_vec();
            vec![line("Name", "", "shown in the audit trail"), one_of("Role", roles, 0)]
        }
        FormPurpose::Event => {
            let kinds = EventType::ALL.map(|kind| kind.name().to_owned()).to_vec();
            vec![one_of("Company", names, 0), one_of("Type", kinds, 0)]
        }
        FormPurpose::Limits(id) => limit_fields(app, id),
        FormPurpose::Replay(id) => replay_fields(app, id),
        FormPurpose::Disable => vec![line("Reason", "", "optional; with a reason, no alert is raised")],
        FormPurpose::DisableReason(_) => vec![line("Reason", "", "saved for everyone; ends the alert")],
        FormPurpose::Acknowledge => vec![line("Note", "", "for your team (optional)")],
        FormPurpose::Ticket => of_ticket(&app.escalate_state.scope),
    }
}

/// Fields of the form of a ticket, with the words that its scope has: those of `crow escalate`.
pub(in crate::tui) fn of_ticket(scope: &IncidentScope) -> Vec<FormField> {
    let said = &scope.reporter;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let readers = TicketReader::ALL.map(|reader| reader.name().to_owned()).to_vec();
    let at = TicketReader::ALL.iter().position(|reader| *reader == scope.reader).unwrap_or(0);
    let mut fields = vec![
        line("Tried", &said.tried.join("; "), "09:40 step, with its time in UTC; separated by ;"),
        line("Note", &text(&said.note), "what happened, in your words"),
        line("Contact", &text(&said.contact), "how to reach you"),
        one_of("For", readers, at),
    ];
    let labels = ["Reason"].into_iter().chain(std::iter::repeat(""));
    fields.extend(EscalationKind::GUIDE.into_iter().zip(labels).map(|(kind, label)| {
        let state = if said.reasons.contains(&kind) { CheckboxState::On } else { CheckboxState::Off };
        tick(label, state, kind.rule())
    }));
    fields
}

/// Companies found in the snapshot, with the company on the screen first.
pub(in crate::tui) fn companies(app: &App) -> Vec<CompanyId> {
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

fn key_fields(companies: Vec<String>) -> Vec<FormField> {
    let mut fields = vec![one_of("Company", companies, 0), line("Name", "", "e.g. Zapier production")];
    let scopes = KeyScope::ALL.into_iter().zip(["Scopes"].into_iter().chain(std::iter::repeat("")));
    fields.extend(scopes.map(|(scope, label)| tick(label, CheckboxState::Off, scope.name())));
    fields
}

fn limit_fields(app: &App, id: KeyId) -> Vec<FormField> {
    let row = app.snapshot.overview.as_ref().and_then(|of| of.keys.items.iter().find(|row| row.id == id));
    let limits = row.and_then(|row| row.limits);
    let text = |limit: Option<u32>| limit.map_or_else(String::new, |limit| limit.to_string());
    [
        ("Read", limits.map(|limits| limits.read), 60),
        ("Write", limits.map(|limits| limits.write), 100),
        ("Admin", limits.map(|limits| limits.admin), 200),
    ]
    .map(|(label, limit, usual)| line(label, &text(limit), format!("calls per minute; empty: default ({usual})")))
    .to_vec()
}

fn replay_fields(app: &App, id: SubscriptionId) -> Vec<FormField> {
    let overview = app.snapshot.overview.as_deref();
    // The range starts at the latest trip, because events were missed from then on.
    let trip = overview.and_then(|of| of.trips.items.iter().find(|trip| trip.subscription_id == id));
    let since = trip.map_or_else(|| "24h".to_owned(), |trip| trip.tripped_utc.format("%Y-%m-%dT%H:%M:%SZ"));
    let mut fields =
        vec![line("Since", &since, "2h, 14:02 or 2026-11-23, inclusive"), line("Until", "", "exclusive; empty: now")];
    for (position, state) in REPLAYABLE_STATES.into_iter().enumerate() {
        let meant = match state {
            DeliveryState::Missed => "missed: while the subscription was off",
            DeliveryState::Exhausted => "exhausted: all attempts failed",
            DeliveryState::OnHold => "on hold: until the subscription is enabled",
            _ => "succeeded: delivered, would be sent again",
        };
        let ticked = if matches!(state, DeliveryState::Missed | DeliveryState::Exhausted) {
            CheckboxState::On
        } else {
            CheckboxState::Off
        };
        fields.push(tick(if position == 0 { "States" } else { "" }, ticked, meant));
    }
    fields.push(line("Rate", &DEFAULT_REPLAY_RATE.to_string(), "deliveries per second"));
    fields
}
