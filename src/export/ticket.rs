//! Ticket: the facts that support needs, built only from the members listed here. Every outside text is redacted and
//! cleared of control characters.

use super::bundle_documents::{
    BUNDLE_FORMAT_VERSION, FailureWindow, SoftwareVersions, SupportTicket, TicketEvent, TicketKey, TicketNote,
    TicketSubscription,
};
use super::redact::Redactor;
use super::ticket_behaviour::TicketRows;
use super::ticket_parts::{TicketFailure, TicketImpact, TicketRequest};
use super::ticket_reasons::acting;
use super::{ticket_behaviour, ticket_diagnosis, ticket_gaps, ticket_history, ticket_reasons, ticket_reproduction};
use crate::diagnose::incident::IncidentEvidence;
use crate::diagnose::incident_history::IncidentAct;
use crate::diagnose::report::{DiagnosedCause, DiagnosisConclusion};
use crate::diagnose::reporter::TicketReader;
use crate::text::health::why;
use crate::text::{count, delivery, or_unknown};
use crate::wire::attempts::AttemptDetail;
use crate::wire::deliveries::EventDeliveryTrace;
use crate::wire::keys::KeyRow;
use crate::wire::requests::RequestRow;
use crate::wire::subscriptions::SubscriptionRow;

/// Whether the ticket includes the response bodies of endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseBodies {
    /// Response bodies are included, redacted.
    Included,
    /// Response bodies are left out.
    Omitted,
}

/// Builds the ticket of an incident.
#[must_use]
pub fn build_ticket(case: &IncidentEvidence, bodies: ResponseBodies, redactor: &mut Redactor<'_>) -> SupportTicket {
    let reader = case.reader;
    let is_internal = reader == TicketReader::Support;
    let failures: Vec<TicketFailure> =
        rows(&case.failures.found).rev().map(|of| failure(of, bodies, redactor)).collect();
    let is_shown = |of: &&RequestRow| is_internal || of.key_id.is_some() || of.claimed_last4.is_some();
    let requests: Vec<TicketRequest> =
        rows(&case.requests.found).rev().filter(is_shown).map(|of| request(of, redactor)).collect();
    let times = || failures.iter().map(|of| of.utc).chain(requests.iter().map(|of| of.utc));
    let window =
        times().chain(case.history.first_failure()).min().zip(times().chain(case.history.last_failure()).max());
    let history = &case.history;
    let mut act = |of: &IncidentAct| ticket_history::act(of, reader, redactor);
    let (acts, last_change) = (history.acts.iter().map(&mut act).collect(), history.last_change.as_ref().map(&mut act));
    let failure_groups = ticket_history::failure_groups(history, &failures, redactor);
    let call_groups = ticket_history::call_groups(history, reader, redactor);
    let measured = TicketRows {
        failure_groups: &failure_groups,
        call_groups: &call_groups,
        failures: &failures,
        requests: &requests,
    };
    let comparison = ticket_behaviour::comparison(case, &measured, redactor);
    let causes = ticket_diagnosis::causes(case, redactor);
    let mut missing = ticket_gaps::missing_data(case, redactor);
    let undecided = ticket_gaps::open_points(case).iter().map(|point| redactor.redact_line(point)).collect();
    if bodies == ResponseBodies::Omitted {
        missing.push("response bodies (left out on request)".to_owned());
    }
    SupportTicket {
        version: BUNDLE_FORMAT_VERSION,
        written_utc: case.at,
        subjects: case.subjects.clone(),
        reader,
        reporter: ticket_history::reporter(&case.reporter, &case.history.tried, redactor),
        notes: case.notes.iter().filter(|_| is_internal).map(|(about, text)| note(about, text, redactor)).collect(),
        symptom: symptom(case, &comparison.actual, redactor),
        responsible: ticket_reasons::responsible(case),
        reasons: ticket_reasons::reasons(case, redactor),
        versions: SoftwareVersions {
            crow: env!("CARGO_PKG_VERSION").to_owned(),
            platform: case.platform.as_ref().map(|version| redactor.redact_line(version)),
        },
        clock_ahead_ms: case.clock_ahead_ms.filter(|_| is_internal),
        period: Some(FailureWindow { since_utc: case.at.minus(case.lookback), until_utc: case.at }),
        sender: sender(case, redactor),
        impact: TicketImpact { causes: causes_impact(case, redactor), ..ticket_history::impact(history) },
        trend: ticket_history::trend(history),
        failure_groups,
        call_groups,
        acts,
        last_change,
        window: window.map(|(since_utc, until_utc)| FailureWindow { since_utc, until_utc }),
        keys: rows(&case.keys.found).map(|of| key(of, case, redactor)).collect(),
        subscriptions: rows(&case.subscriptions.found).map(|of| subscription(of, redactor)).collect(),
        comparison,
        failures,
        requests,
        events: case.events.iter().map(|of| event(of, redactor)).collect(),
        playbooks: case
            .reports
            .iter()
            .filter_map(|report| ticket_diagnosis::playbook(report, case, redactor))
            .collect(),
        remarks: ticket_diagnosis::remarks(case, redactor),
        reproduce: ticket_reproduction::commands(case, &causes, redactor),
        causes,
        undecided,
        missing,
    }
}

fn rows<T>(found: &Result<Vec<T>, String>) -> std::slice::Iter<'_, T> {
    found.as_ref().map_or(&[][..], Vec::as_slice).iter()
}

/// Symptom in one line: the first active cause, else what failed, else what is undecided.
fn symptom(case: &IncidentEvidence, actual: &str, redactor: &mut Redactor<'_>) -> String {
    // A receiver that refuses signatures is only the symptom; the cause behind it is preferred where it is known.
    if let Some(cause) =
        acting(case).find(|cause| cause.id != ticket_reasons::SIGNATURE_REFUSED_CAUSE).or_else(|| acting(case).next())
    {
        let title = redactor.redact_line(&ticket_behaviour::title(&cause.title, case));
        // Causes of the same subject explain each other.
        let is_other = |of: &&DiagnosedCause| {
            !of.concerns.is_empty() && !of.concerns.iter().any(|concern| cause.concerns.contains(concern))
        };
        let n_more = acting(case).filter(is_other).count();
        return if n_more > 0 { format!("{title}; and {} of other subjects", count(n_more, "cause")) } else { title };
    }
    // What is over is no symptom, but it may be what the reader looks for.
    if let Some(cause) = case.causes.first() {
        let at = cause.occurrence.last_utc.map_or_else(String::new, |at| format!(", last seen {at}"));
        return format!("no active cause; over: {}{at}", redactor.redact_line(&cause.title));
    }
    if case.history.first_failure().is_some() {
        return format!("{actual}; no known cause");
    }
    if case.reports.iter().all(|report| report.conclusion() == DiagnosisConclusion::NotRun) {
        return "no check could be completed".to_owned();
    }
    let undecided: Vec<&str> = case
        .reports
        .iter()
        .filter(|report| report.conclusion() == DiagnosisConclusion::Undecided)
        .map(|report| report.topic.name())
        .collect();
    if undecided.is_empty() {
        return "no cause found; the checks that could be made found no fault".to_owned();
    }
    format!("no cause found; not decided: {}", undecided.join(", "))
}

fn key(of: &KeyRow, case: &IncidentEvidence, redactor: &mut Redactor<'_>) -> TicketKey {
    // The list of keys is behind the log of calls.
    let calls = rows(&case.requests.found).filter(|row| row.key_id == Some(of.id)).map(|row| row.utc);
    let state = match (of.is_active, of.revoked_utc) {
        (Some(true), _) => "active".to_owned(),
        (None, None) => "unknown".to_owned(),
        (_, at) => format!("revoked at {}", at.map_or_else(|| "an unknown time".to_owned(), |at| at.to_string())),
    };
    TicketKey {
        id: Some(of.id.0),
        name: redactor.redact_line(of.name.raw()),
        last4: redactor.redact_line(of.last4.raw()),
        company_id: of.company_id.0,
        scopes: of.scopes.iter().map(ToString::to_string).collect(),
        state,
        last_used_utc: of.last_used_utc.into_iter().chain(calls).max(),
    }
}

fn subscription(of: &SubscriptionRow, redactor: &mut Redactor<'_>) -> TicketSubscription {
    let row = &of.subscription;
    TicketSubscription {
        id: row.id.0,
        company_id: row.company_id.0,
        target: redactor.redact(&row.target_url).sanitized(),
        event_types: row.event_types.iter().map(|kind| redactor.redact_line(kind.raw())).collect(),
        managed_by: row.managed_by.as_ref().map(|owner| redactor.redact_line(owner.raw())),
        state: redactor.redact_line(&why(&of.assess().reason)),
        last_success_utc: row.last_success_utc,
        n_waiting: of.health.and_then(|health| health.n_backlog),
        next_due_utc: of.health.and_then(|health| health.next_due_utc),
    }
}

fn failure(of: &AttemptDetail, bodies: ResponseBodies, redactor: &mut Redactor<'_>) -> TicketFailure {
    let row = &of.row;
    let body = of.response_body.text.as_ref().filter(|_| bodies == ResponseBodies::Included);
    let is_sent = row.outcome().is_sent();
    TicketFailure {
        utc: row.started_utc,
        attempt_id: row.id.0,
        subscription_id: row.subscription_id.map(|id| id.0),
        delivery_id: row.delivery_id.map(|id| id.0),
        event_id: row.event_id.map(|id| id.0),
        event_type: redactor.redact_line(row.event_type.raw()),
        tried: row.kind.map_or_else(
            || "unknown".to_owned(),
            |kind| format!("{}, try {} of {}", kind.name(), or_unknown(row.number), or_unknown(row.of)),
        ),
        outcome: row.outcome().to_string(),
        elapsed_ms: row.elapsed_ms,
        target: row.target_url.as_ref().map(|target| redactor.redact(target).sanitized()),
        peer: of.peer.as_ref().map(|peer| redactor.redact_line(peer.raw())),
        n_sent_bytes: (is_sent && of.shed_utc.is_none() && row.kind.is_some()).then_some(of.request_body.n_bytes),
        sent_headers: ticket_history::sent_headers(if is_sent { &of.request_headers } else { &[] }, redactor),
        error: row.error.as_ref().map(|error| redactor.redact_line(error.raw())),
        body: body.filter(|text| !text.raw().is_empty()).map(|text| redactor.redact_line(text.raw())),
        headers: ticket_history::headers(&of.response_headers, redactor),
    }
}

/// What the acting causes explain, where no failed attempt and no refused call shows it.
fn causes_impact(case: &IncidentEvidence, redactor: &mut Redactor<'_>) -> Vec<String> {
    if case.history.first_failure().is_some() { Vec::new() } else { ticket_behaviour::measures(case, redactor) }
}

/// Causes behind which a firewall or a proxy may decide by who sends.
const SENDER_CAUSES: [&str; 6] = [
    "endpoint-refused",
    "endpoint-firewall",
    "endpoint-proxy",
    "endpoint-login",
    "endpoint-unexplained",
    "endpoint-broken",
];

/// Says by what a receiver recognises deliveries, where that may matter.
fn sender(case: &IncidentEvidence, redactor: &mut Redactor<'_>) -> Option<String> {
    acting(case).find(|cause| SENDER_CAUSES.contains(&cause.id.as_str()))?;
    let mut headers = rows(&case.failures.found).flat_map(|of| &of.request_headers);
    let agent = headers.find(|header| header.name.raw().eq_ignore_ascii_case("user-agent"));
    let agent = agent.map_or_else(|| "unknown".to_owned(), |header| redactor.redact_line(header.value.raw()));
    Some(format!(
        "User-Agent {agent}; source addresses unknown: the platform does not record them, its operator or the \
         receiver's log knows them"
    ))
}

fn note(about: &str, text: &str, redactor: &mut Redactor<'_>) -> TicketNote {
    TicketNote { about: redactor.redact_line(about), text: redactor.redact_line(text) }
}

/// Formats an event and its deliveries; the payload is left out.
fn event(of: &EventDeliveryTrace, redactor: &mut Redactor<'_>) -> TicketEvent {
    let mut became = Vec::new();
    for row in &of.subscriptions {
        let delivery = row.delivery.as_ref().map_or_else(String::new, |row| {
            format!("; delivery {} {} after {}", row.id, delivery(row.state), count(row.n_attempts, "attempt"))
        });
        let target = redactor.redact(&row.target_url).sanitized();
        let why = redactor.redact_line(&row.why);
        became.push(format!("subscription {} to {target}: {why}{delivery}", row.subscription_id));
    }
    TicketEvent {
        event_id: of.event.id.0,
        event_type: redactor.redact_line(of.event.kind.raw()),
        company_id: of.event.company_id.0,
        utc: of.event.created_utc,
        became,
    }
}

fn request(of: &RequestRow, redactor: &mut Redactor<'_>) -> TicketRequest {
    TicketRequest {
        utc: of.utc,
        request_id: of.request_id.as_ref().map_or_else(String::new, |id| redactor.redact_line(id.raw())),
        call: redactor.redact_line(&format!("{} {}", of.method.raw(), of.route.raw())),
        status: of.status,
        code: of.code.as_ref().map(|code| redactor.redact_line(code.raw())),
        detail: of.detail.as_ref().map(|detail| redactor.redact_line(detail.raw())),
        last4: of.last4.as_ref().or(of.claimed_last4.as_ref()).map(|last4| redactor.redact_line(last4.raw())),
        query: of.query.as_ref().map(|query| redactor.redact_line(query.raw())),
        caller: ticket_history::caller(of, redactor),
        problem: ticket_history::problem(of, redactor),
        headers: ticket_history::headers(of.answer_headers.as_deref().unwrap_or_default(), redactor),
    }
}
