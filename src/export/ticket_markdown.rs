//! Ticket as Markdown; outside text is inactive code.

use super::bundle_documents::{SupportTicket, TicketEvent};
use super::markdown::{escape_prose, inline_code, section};
use super::ticket_behaviour::without_digests;
use super::ticket_diagnosis;
use super::ticket_gaps::subject_name;
use super::ticket_parts::{
    TicketAct, TicketCallGroup, TicketFailure, TicketFailureGroup, TicketHeader, TicketImpact, TicketRequest,
};
use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::reporter::TicketReader;
use crate::domain::delivery::FailureKind;
use crate::domain::time::Timestamp;
use crate::text::{count, several};

/// Writes a ticket as Markdown.
#[must_use]
pub fn write_ticket(ticket: &SupportTicket) -> String {
    let mut lines = vec![format!("# Ticket about {}", subjects_line(&ticket.subjects)), String::new()];
    summary(ticket, &mut lines);
    reporter(ticket, &mut lines);
    notes(ticket, &mut lines);
    ticket_diagnosis::write_causes(ticket, &mut lines);
    ticket_diagnosis::write_remarks(ticket, &mut lines);
    involved(ticket, &mut lines);
    course(ticket, &mut lines);
    section("Failed or selected deliveries (UTC, oldest first)", &mut lines);
    push_none(ticket.failures.is_empty(), &mut lines);
    failures(&ticket.failures, &mut lines);
    section("Rejected or selected calls (UTC, oldest first)", &mut lines);
    push_none(ticket.requests.is_empty(), &mut lines);
    ticket.requests.iter().for_each(|of| request(of, &mut lines));
    ticket.events.iter().for_each(|of| event(of, &mut lines));
    section("Expected and actual", &mut lines);
    lines.push(format!("- Expected: {}.", escape_prose(&ticket.comparison.expected)));
    lines.push(format!("- Actual: {}.", escape_prose(&ticket.comparison.actual)));
    if ticket.reader == TicketReader::Support {
        ticket_diagnosis::write_checks(ticket, &mut lines);
    }
    section("How to reproduce", &mut lines);
    lines.push("```sh".to_owned());
    lines.extend(ticket.reproduce.iter().cloned());
    lines.push("```".to_owned());
    if !ticket.undecided.is_empty() {
        section("Not decided", &mut lines);
        lines.extend(ticket.undecided.iter().map(|point| format!("- {}", escape_prose(point))));
    }
    section("Not included", &mut lines);
    lines.extend(ticket.missing.iter().map(|what| format!("- {}", escape_prose(what))));
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

/// First lines: symptom, impact, who acts, reasons, versions and clocks.
fn summary(ticket: &SupportTicket, lines: &mut Vec<String>) {
    lines.push(format!("- Symptom: {}", escape_prose(&ticket.symptom)));
    lines.extend(impact(&ticket.impact));
    lines.extend(ticket.impact.causes.iter().map(|cause| format!("- Impact, as measured: {}", escape_prose(cause))));
    lines.push(format!("- For: {}", if ticket.reader == TicketReader::Partner { "the partner" } else { "support" }));
    lines.extend(ticket.responsible.iter().map(|who| format!("- To be resolved by: {}", escape_prose(who))));
    for reason in &ticket.reasons {
        lines.push(format!("- {}: {}", reason.label(), escape_prose(&reason.text)));
    }
    let platform = ticket.versions.platform.as_deref().unwrap_or("unknown");
    lines.push(format!(
        "- Written: {} by crow {}, platform {}",
        ticket.written_utc,
        ticket.versions.crow,
        escape_prose(platform)
    ));
    if ticket.reader == TicketReader::Support {
        let ahead = ticket.clock_ahead_ms.map_or_else(|| "unknown".to_owned(), |ms| format!("{ms:+} ms"));
        lines.push(format!("- Platform clock minus this machine's: {ahead}"));
    }
    if let Some(period) = ticket.period {
        lines.push(format!(
            "- Period examined: {} to {} (UTC); undelivered events: the last 24 h; subscriptions that were off or failing \
             before: since that began",
            period.since_utc, period.until_utc
        ));
    }
    lines.extend(ticket.sender.iter().map(|sender| format!("- Deliveries are sent by: {}", escape_prose(sender))));
    if let Some(window) = ticket.window {
        lines.push(format!("- Failures from {} to {} (UTC)", window.since_utc, window.until_utc));
    }
}

/// Impact in one line; nothing if nothing was affected.
fn impact(of: &TicketImpact) -> Option<String> {
    let part = |n: u64, one: &str, many: &str| (n > 0).then(|| several(n, one, many));
    let parts = [
        part(of.n_events, "event affected", "events affected"),
        part(of.n_undelivered, "delivery not made", "deliveries not made"),
        part(of.n_failed_attempts, "attempt failed", "attempts failed"),
        part(of.n_calls, "call rejected or failed", "calls rejected or failed"),
        part(of.n_subscriptions, "subscription", "subscriptions"),
        part(of.n_keys, "key", "keys"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let at_least = if of.is_at_least { "at least " } else { "" };
    let since = of.since_utc.map_or_else(String::new, |at| format!(", since {at}"));
    (!parts.is_empty()).then(|| format!("- Impact: {at_least}{}{since}", parts.join(", ")))
}

/// The reporter's own words.
fn reporter(ticket: &SupportTicket, lines: &mut Vec<String>) {
    let of = &ticket.reporter;
    if of.is_empty() {
        return;
    }
    section("From the reporter", lines);
    lines.extend(of.note.iter().map(|note| format!("- {}", escape_prose(note))));
    for (position, tried) in of.tried.iter().enumerate() {
        lines.push(format!("- Tried: {}", escape_prose(tried)));
        // Tickets of earlier versions have no outcomes.
        lines.extend(of.tried_outcomes.get(position).map(|of| format!("  - {}", escape_prose(&of.summary()))));
    }
    lines.extend(of.contact.iter().map(|contact| format!("- Contact: {}", escape_prose(contact))));
}

/// Course of the problem: groups, trend, the last change before and the acts since.
fn course(ticket: &SupportTicket, lines: &mut Vec<String>) {
    section("Course of the problem (UTC)", lines);
    let n_before = lines.len();
    lines.extend(ticket.failure_groups.iter().map(failure_group));
    lines.extend(ticket.call_groups.iter().map(call_group));
    if !ticket.trend.is_empty() {
        let until = ticket.period.map(|period| period.until_utc);
        let ends = ticket.trend.iter().skip(1).map(|part| Some(part.since_utc)).chain([until]);
        let clock = |at: Timestamp| at.format("%H:%M:%S");
        let tried = ticket.trend.iter().zip(ends).filter(|(part, _)| part.n > 0);
        let parts = tried.map(|(part, end)| {
            let end = end.map_or_else(String::new, clock);
            format!("{} to {end}: {} of {}", clock(part.since_utc), part.n_failed, part.n)
        });
        let parts: Vec<String> = parts.collect();
        lines.push(format!(
            "- Failed scheduled attempts by time: {} (parts of the period without an attempt: {})",
            parts.join("; "),
            ticket.trend.len() - parts.len()
        ));
    }
    lines.extend(ticket.last_change.as_ref().map(|of| format!("- Last change before: {}", act(of))));
    lines.extend(ticket.acts.iter().map(|of| format!("- Done since: {}", act(of))));
    if ticket.last_change.is_none() {
        lines
            .push("- Last change before: none of what the ticket concerns in the audit trail that was read".to_owned());
    }
    if ticket.acts.is_empty() {
        lines.push("- Done since: nothing in the audit trail that was read".to_owned());
    }
    if ticket.reporter.tried.is_empty() {
        lines.push("- Tried by the reporter: nothing stated".to_owned());
    }
    if ticket.failure_groups.is_empty() && ticket.call_groups.is_empty() {
        lines.insert(n_before, "- No failed attempt and no rejected call was read.".to_owned());
    }
}

fn failure_group(of: &TicketFailureGroup) -> String {
    let answer = match of.is_same_answer {
        Some(true) => ", same result",
        Some(false) => ", different results",
        None => "",
    };
    format!(
        "- Subscription {}: {} \u{d7} {}{}{answer}, first {}, last {}",
        of.subscription_id,
        escape_prose(&of.outcome),
        if of.is_at_least { "at least " } else { "" },
        of.n,
        of.first_utc,
        of.last_utc
    )
}

fn call_group(of: &TicketCallGroup) -> String {
    let part = |name: &str, text: &Option<String>| {
        text.as_ref().map_or_else(String::new, |text| format!(", {name} {}", inline_code(text)))
    };
    format!(
        "- {}: {}{} \u{d7} {}{}{}, first {}, last {}",
        inline_code(&of.call),
        status_text(of.status),
        of.code.as_ref().map_or_else(String::new, |code| format!(" {}", inline_code(code))),
        of.n,
        part("key ends in", &of.last4),
        part("by", &of.caller),
        of.first_utc,
        of.last_utc
    )
}

fn act(of: &TicketAct) -> String {
    let by = of.by.as_ref().map_or_else(String::new, |by| format!(" by {}", inline_code(by)));
    let reason = of.reason.as_ref().map_or_else(String::new, |reason| format!(": {}", inline_code(reason)));
    format!("{} {} ({}){by}{reason}", of.utc, escape_prose(&of.action), escape_prose(&of.subject))
}

/// Formats a time that may have whole seconds only.
fn moment(at: Timestamp) -> String {
    if at == at.whole_second() { at.to_rfc3339_seconds() } else { at.to_string() }
}

fn status_text(status: Option<u16>) -> String {
    status.map_or_else(|| "no answer".to_owned(), |status| status.to_string())
}

/// Lists subjects in one line, separated by commas.
#[must_use]
pub fn subjects_line(subjects: &[DiagnosisSubject]) -> String {
    subjects.iter().map(|subject| subject_name(*subject)).collect::<Vec<_>>().join(", ")
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
    lines.push(format!("- {}: {} of company {}", of.utc, inline_code(&of.event_type), of.company_id));
    lines.extend(of.became.iter().map(|what| format!("- {}", escape_prose(what))));
}

fn push_none(is_empty: bool, lines: &mut Vec<String>) {
    if is_empty {
        lines.push("None.".to_owned());
    }
}

fn involved(ticket: &SupportTicket, lines: &mut Vec<String>) {
    section("Keys and subscriptions", lines);
    if ticket.keys.is_empty() && ticket.subscriptions.is_empty() {
        lines.push("None concerned.".to_owned());
    }
    for key in &ticket.keys {
        let scopes = escape_prose(&key.scopes.join(", "));
        let (name, last4) = (inline_code(&key.name), inline_code(&key.last4));
        let id = key.id.map_or_else(String::new, |id| format!(" {id}"));
        let used = key.last_used_utc.map_or_else(|| "unknown".to_owned(), moment);
        lines.push(format!(
            "- Key{id} {name}, ends in {last4}, company {}: {}; scopes {scopes}; last used {used}",
            key.company_id,
            escape_prose(&key.state)
        ));
    }
    for of in &ticket.subscriptions {
        let types: Vec<String> = of.event_types.iter().map(|kind| inline_code(kind)).collect();
        let owner =
            of.managed_by.as_ref().map_or_else(String::new, |owner| format!("; managed by {}", inline_code(owner)));
        let success = of.last_success_utc.map_or_else(|| "never".to_owned(), moment);
        lines.push(format!(
            "- Subscription {} of company {}: {}{owner}",
            of.id,
            of.company_id,
            escape_prose(&of.state)
        ));
        lines.push(format!("  - Target: {}", inline_code(&of.target)));
        lines.push(format!("  - Event types: {}", types.join(", ")));
        lines.push(format!("  - Last success: {success}"));
        if let Some(n) = of.n_waiting.filter(|n| *n > 0) {
            let next = of.next_due_utc.map_or_else(String::new, |at| format!(", the next at {at}"));
            lines
                .push(format!("  - Waiting to be sent or tried again: {}{next}", several(n, "delivery", "deliveries")));
        }
    }
}

/// What attempts with the same answer have in common.
type SameAnswer<'t> = (Option<i64>, &'t str, Option<&'t str>, Option<String>);

fn same(of: &TicketFailure) -> SameAnswer<'_> {
    let body = of.body.as_deref().map(without_digests);
    (of.subscription_id, &of.outcome, of.error.as_deref(), body)
}

/// Writes failures with the same answer as one: the first and the last in full, the others by their numbers.
fn failures(all: &[TicketFailure], lines: &mut Vec<String>) {
    let mut groups: Vec<Vec<&TicketFailure>> = Vec::new();
    for of in all {
        match groups.iter_mut().find(|group| group.first().is_some_and(|first| same(first) == same(of))) {
            Some(group) => group.push(of),
            None => groups.push(vec![of]),
        }
    }
    for group in groups {
        let ([first, .., last] | [first @ last]) = group.as_slice() else { continue };
        failure(first, lines);
        if let [_, between @ .., _] = group.as_slice()
            && !between.is_empty()
        {
            let ids: Vec<String> = between.iter().map(|of| of.attempt_id.to_string()).collect();
            let n = count(between.len(), "attempt");
            lines.push(format!("- {n} with the same result between these two: {}", ids.join(", ")));
        }
        if first.attempt_id != last.attempt_id {
            failure(last, lines);
        }
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
        inline_code(&of.event_type)
    ));
    lines.extend(of.target.as_ref().map(|target| {
        let sent = match of.n_sent_bytes {
            Some(n) => format!("a body of {}", count(n, "byte")),
            None if FailureKind::named(&of.outcome).is_some_and(FailureKind::is_before_request) => {
                "no request".to_owned()
            }
            None => "a body of unknown length".to_owned(),
        };
        let peer = of.peer.as_ref().map_or_else(|| "not recorded".to_owned(), |peer| inline_code(peer));
        format!("  - Sent: {sent} to {}, address {peer}", inline_code(target))
    }));
    let sent = of
        .sent_headers
        .iter()
        .map(|of| format!("  - Sent header {}", inline_code(&format!("{}: {}", of.name, of.value))));
    lines.extend(sent);
    lines.extend(of.error.as_ref().map(|error| format!("  - Error: {}", inline_code(error))));
    lines.extend(of.body.as_ref().map(|body| format!("  - Answer: {}", inline_code(body))));
    headers(&of.headers, lines);
}

fn headers(of: &[TicketHeader], lines: &mut Vec<String>) {
    lines.extend(of.iter().map(|of| format!("  - Header {}", inline_code(&format!("{}: {}", of.name, of.value)))));
}

fn request(of: &TicketRequest, lines: &mut Vec<String>) {
    let is_whole = of.problem.as_ref().is_some_and(|problem| problem.contains_key("type"));
    let part = |name: &str, text: &Option<String>| {
        text.as_ref().map_or_else(String::new, |text| format!(", {name} {}", inline_code(text)))
    };
    lines.push(format!(
        "- {}: {} {}{}{}{}{}{}, request id {}",
        of.utc,
        status_text(of.status),
        inline_code(&of.call),
        part("query", &of.query),
        part("code", if is_whole { &None } else { &of.code }),
        part("key ends in", &of.last4),
        part("by", &of.caller),
        part("detail", if is_whole { &None } else { &of.detail }),
        inline_code(&of.request_id)
    ));
    lines.extend(of.problem.as_ref().map(|problem| {
        // The log of earlier versions has no document, only some of its members.
        let bounds = if is_whole { "" } else { ", as far as the request log keeps it" };
        let text = serde_json::Value::Object(problem.clone()).to_string();
        format!("  - Problem document{bounds}: {}", inline_code(&text))
    }));
    headers(&of.headers, lines);
}
