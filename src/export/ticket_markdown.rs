//! Ticket as Markdown; outside text is inactive code.

use super::bundle_documents::{SupportTicket, TicketEvent, TicketFailure, TicketPlaybook, TicketRequest};
use super::markdown::{code_span, escape_prose};
use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::report::{Evidence, ReportedCheck};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;

/// Writes a ticket as Markdown.
#[must_use]
pub fn write_ticket(ticket: &SupportTicket) -> String {
    let mut lines = vec![format!("# Ticket about {}", subjects_line(&ticket.subjects)), String::new()];
    lines.push(format!("- Symptom: {}", escape_prose(&ticket.symptom)));
    for reason in &ticket.reasons {
        let advice = if reason.is_waiting() { "Do not escalate yet" } else { "Escalate" };
        lines.push(format!("- {advice}: {} ({})", escape_prose(&reason.text), escape_prose(&reason.id)));
    }
    let platform = ticket.versions.platform.as_deref().unwrap_or("unknown");
    lines.push(format!(
        "- Written: {} by crow {}, platform {}",
        ticket.written_utc,
        ticket.versions.crow,
        escape_prose(platform)
    ));
    let ahead = ticket.clock_ahead_ms.map_or_else(|| "unknown".to_owned(), |ms| format!("{ms:+} ms"));
    lines.push(format!("- Platform clock minus this machine's: {ahead}"));
    if let Some(window) = ticket.window {
        lines.push(format!("- Failures from {} to {} (UTC)", window.since_utc, window.until_utc));
    }
    notes(ticket, &mut lines);
    involved(ticket, &mut lines);
    section("Failed or selected deliveries (UTC, oldest first)", &mut lines);
    push_none(ticket.failures.is_empty(), &mut lines);
    ticket.failures.iter().for_each(|of| failure(of, &mut lines));
    section("Rejected or selected calls (UTC, oldest first)", &mut lines);
    push_none(ticket.requests.is_empty(), &mut lines);
    lines.extend(ticket.requests.iter().map(request));
    ticket.events.iter().for_each(|of| event(of, &mut lines));
    section("Expected and actual", &mut lines);
    lines.push(format!("- Expected: {}.", escape_prose(&ticket.comparison.expected)));
    lines.push(format!("- Actual: {}.", escape_prose(&ticket.comparison.actual)));
    for of in &ticket.playbooks {
        playbook(of, &mut lines);
    }
    section("How to reproduce", &mut lines);
    lines.push("```sh".to_owned());
    lines.extend(ticket.reproduce.iter().cloned());
    lines.push("```".to_owned());
    section("Not included", &mut lines);
    lines.extend(ticket.missing.iter().map(|what| format!("- {}", escape_prose(what))));
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

/// Lists subjects in one line, separated by commas.
#[must_use]
pub fn subjects_line(subjects: &[DiagnosisSubject]) -> String {
    subjects.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn notes(ticket: &SupportTicket, lines: &mut Vec<String>) {
    if ticket.notes.is_empty() {
        return;
    }
    section("Notes", lines);
    lines.extend(
        ticket.notes.iter().map(|note| format!("- {}: {}", escape_prose(&note.about), escape_prose(&note.text))),
    );
}

fn event(of: &TicketEvent, lines: &mut Vec<String>) {
    section(&format!("Event {}", of.event_id), lines);
    lines.push(format!("- {}: {} of company {}", of.utc, quoted(&of.event_type), of.company_id));
    lines.extend(of.became.iter().map(|what| format!("- {}", escape_prose(what))));
}

fn section(title: &str, lines: &mut Vec<String>) {
    lines.extend([String::new(), format!("## {title}"), String::new()]);
}

fn push_none(is_empty: bool, lines: &mut Vec<String>) {
    if is_empty {
        lines.push("None.".to_owned());
    }
}

fn quoted(text: &str) -> String {
    code_span(&Untrusted::new(text))
}

fn involved(ticket: &SupportTicket, lines: &mut Vec<String>) {
    section("Keys and subscriptions", lines);
    push_none(ticket.keys.is_empty() && ticket.subscriptions.is_empty(), lines);
    for key in &ticket.keys {
        let scopes = escape_prose(&key.scopes.join(", "));
        let (name, last4) = (quoted(&key.name), quoted(&key.last4));
        lines.push(format!(
            "- Key {name}, ends in {last4}, company {}: {}; scopes {scopes}",
            key.company_id,
            escape_prose(&key.state)
        ));
    }
    for of in &ticket.subscriptions {
        let types: Vec<String> = of.event_types.iter().map(|kind| quoted(kind)).collect();
        let owner = of.managed_by.as_ref().map_or_else(String::new, |owner| format!("; managed by {}", quoted(owner)));
        let success = of.last_success_utc.map_or_else(|| "never".to_owned(), |at: Timestamp| at.to_string());
        lines.push(format!(
            "- Subscription {} of company {}: {}{owner}",
            of.id,
            of.company_id,
            escape_prose(&of.state)
        ));
        lines.push(format!("  - Target: {}", quoted(&of.target)));
        lines.push(format!("  - Event types: {}", types.join(", ")));
        lines.push(format!("  - Last success: {success}"));
    }
}

fn failure(of: &TicketFailure, lines: &mut Vec<String>) {
    let id = |id: Option<i64>| id.map_or_else(|| "none".to_owned(), |id| id.to_string());
    lines.push(format!(
        "- {}: {} after {} ms; attempt {} ({}), subscription {}, delivery {}, event {} {}",
        of.utc,
        escape_prose(&of.outcome),
        of.elapsed_ms,
        of.attempt_id,
        escape_prose(&of.tried),
        id(of.subscription_id),
        id(of.delivery_id),
        id(of.event_id),
        quoted(&of.event_type)
    ));
    lines.extend(of.error.as_ref().map(|error| format!("  - Error: {}", quoted(error))));
    lines.extend(of.body.as_ref().map(|body| format!("  - Answer: {}", quoted(body))));
}

fn request(of: &TicketRequest) -> String {
    let part = |name: &str, text: &Option<String>| {
        text.as_ref().map_or_else(String::new, |text| format!(", {name} {}", quoted(text)))
    };
    format!(
        "- {}: {} {}{}{}{}, request id {}",
        of.utc,
        of.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string()),
        quoted(&of.call),
        part("code", &of.code),
        part("key ends in", &of.last4),
        part("detail", &of.detail),
        quoted(&of.request_id)
    )
}

fn playbook(of: &TicketPlaybook, lines: &mut Vec<String>) {
    section(&format!("Diagnosis {} of {}", of.topic, of.subject), lines);
    if of.causes.is_empty() {
        lines.push("No cause found.".to_owned());
    }
    for (position, cause) in of.causes.iter().enumerate() {
        lines.push(format!("{}. {}: {}", position + 1, quoted(&cause.id), escape_prose(&cause.title)));
        lines.extend(cause.evidence.iter().map(|of| format!("   - {}", evidence(of))));
        lines.push(format!("   - What to do: {}", escape_prose(&cause.resolution)));
    }
    lines.extend([String::new(), "Checks:".to_owned(), String::new()]);
    of.steps.iter().for_each(|of| step(of, lines));
}

fn step(of: &ReportedCheck, lines: &mut Vec<String>) {
    let why = of.verdict.why().map_or_else(String::new, |why| format!(": {}", quoted(why)));
    lines.push(format!("- {} **{}**{why}", escape_prose(&of.question), of.verdict.name()));
    lines.extend(of.evidence.iter().map(|of| format!("  - {}", evidence(of))));
}

fn evidence(of: &Evidence) -> String {
    format!("{}: {}{}, read {}", escape_prose(&of.query), code_span(&of.value), escape_prose(&of.expected()), of.at_utc)
}
