//! Ticket as Markdown; outside text is inactive code.

use super::bundle_documents::{SupportTicket, TicketEvent, TicketPlaybook};
use super::markdown::{code_span, escape_prose};
use super::ticket_gaps::subject_name;
use super::ticket_parts::{
    TicketAct, TicketCallGroup, TicketFailure, TicketFailureGroup, TicketHeader, TicketImpact, TicketRequest,
};
use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::report::{Evidence, ReportedCheck};
use crate::diagnose::reporter::TicketReader;
use crate::domain::delivery::FailureKind;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::text::{count, several};

/// Writes a ticket as Markdown.
#[must_use]
pub fn write_ticket(ticket: &SupportTicket) -> String {
    let mut lines = vec![format!("# Ticket about {}", subjects_line(&ticket.subjects)), String::new()];
    summary(ticket, &mut lines);
    reporter(ticket, &mut lines);
    notes(ticket, &mut lines);
    if ticket.reader == TicketReader::Partner {
        ticket.playbooks.iter().for_each(|of| resolutions(of, &mut lines));
    }
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
        ticket.playbooks.iter().for_each(|of| playbook(of, &mut lines));
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

/// First lines: symptom, impact, who acts, reasons, versions and clocks.
fn summary(ticket: &SupportTicket, lines: &mut Vec<String>) {
    lines.push(format!("- Symptom: {}", escape_prose(&ticket.symptom)));
    lines.extend(impact(&ticket.impact));
    lines.extend(ticket.impact.causes.iter().map(|cause| format!("- Impact, as measured: {}", escape_prose(cause))));
    lines.push(format!("- For: {}", if ticket.reader == TicketReader::Partner { "the partner" } else { "support" }));
    lines.extend(ticket.responsible.iter().map(|who| format!("- To be resolved by: {}", escape_prose(who))));
    for reason in &ticket.reasons {
        lines.push(format!("- {}: {} ({})", reason.label(), escape_prose(&reason.text), escape_prose(&reason.id)));
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
            "- Period examined: {} to {} (UTC); deliveries that were not made: 24 h; a subscription that is off or fails \
             since before: from then on",
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

/// What a partner does about each cause.
fn resolutions(of: &TicketPlaybook, lines: &mut Vec<String>) {
    section(&format!("What to do: {}", of.topic), lines);
    for (position, cause) in of.causes.iter().enumerate() {
        lines.push(format!("{}. {}", position + 1, escape_prose(&cause.title)));
        lines.extend(cause.said.as_ref().map(|said| format!("   - Answer: {}", code_span(said))));
        lines.push(format!("   - What to do: {}", escape_prose(&cause.resolution)));
    }
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
    lines.extend(ticket.acts.iter().map(|of| format!("- Tried since: {}", act(of))));
    if ticket.last_change.is_none() {
        lines.push("- Last change before: none in the audit trail that was read".to_owned());
    }
    if lines.len() == n_before + 1 && ticket.last_change.is_none() {
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
        text.as_ref().map_or_else(String::new, |text| format!(", {name} {}", quoted(text)))
    };
    format!(
        "- {}: {}{} \u{d7} {}{}{}, first {}, last {}",
        quoted(&of.call),
        status_text(of.status),
        of.code.as_ref().map_or_else(String::new, |code| format!(" {}", quoted(code))),
        of.n,
        part("key ends in", &of.last4),
        part("by", &of.caller),
        of.first_utc,
        of.last_utc
    )
}

fn act(of: &TicketAct) -> String {
    let by = of.by.as_ref().map_or_else(String::new, |by| format!(" by {}", quoted(by)));
    let reason = of.reason.as_ref().map_or_else(String::new, |reason| format!(": {}", quoted(reason)));
    format!("{} {} ({}){by}{reason}", of.utc, escape_prose(&of.action), escape_prose(&of.subject))
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

/// What attempts with the same answer have in common.
type SameAnswer<'t> = (Option<i64>, &'t str, Option<&'t str>, Option<&'t str>);

fn same(of: &TicketFailure) -> SameAnswer<'_> {
    (of.subscription_id, &of.outcome, of.error.as_deref(), of.body.as_deref())
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
        quoted(&of.event_type)
    ));
    lines.extend(of.target.as_ref().map(|target| {
        let sent = match of.n_sent_bytes {
            Some(n) => format!("a body of {}", count(n, "byte")),
            None if FailureKind::named(&of.outcome).is_some_and(FailureKind::is_before_request) => "nothing".to_owned(),
            None => "a body of unknown length".to_owned(),
        };
        let peer = of.peer.as_ref().map_or_else(|| "not known".to_owned(), |peer| quoted(peer));
        format!("  - Sent: {sent} to {}, address {peer}", quoted(target))
    }));
    let sent =
        of.sent_headers.iter().map(|of| format!("  - Sent header {}", quoted(&format!("{}: {}", of.name, of.value))));
    lines.extend(sent);
    lines.extend(of.error.as_ref().map(|error| format!("  - Error: {}", quoted(error))));
    lines.extend(of.body.as_ref().map(|body| format!("  - Answer: {}", quoted(body))));
    headers(&of.headers, lines);
}

fn headers(of: &[TicketHeader], lines: &mut Vec<String>) {
    lines.extend(of.iter().map(|of| format!("  - Header {}", quoted(&format!("{}: {}", of.name, of.value)))));
}

fn request(of: &TicketRequest, lines: &mut Vec<String>) {
    let part = |name: &str, text: &Option<String>| {
        text.as_ref().map_or_else(String::new, |text| format!(", {name} {}", quoted(text)))
    };
    lines.push(format!(
        "- {}: {} {}{}{}{}{}{}, request id {}",
        of.utc,
        status_text(of.status),
        quoted(&of.call),
        part("query", &of.query),
        part("code", &of.code),
        part("key ends in", &of.last4),
        part("by", &of.caller),
        part("detail", &of.detail),
        quoted(&of.request_id)
    ));
    let problem = of.problem.as_ref().map(|problem| serde_json::Value::Object(problem.clone()).to_string());
    lines.extend(
        problem.map(|problem| format!("  - Problem, as far as the request log keeps it: {}", quoted(&problem))),
    );
    headers(&of.headers, lines);
}

fn playbook(of: &TicketPlaybook, lines: &mut Vec<String>) {
    section(&format!("Diagnosis {} of {}", of.topic, subject_name(of.subject)), lines);
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

/// Formats evidence; a query is code, so that it can be copied.
fn evidence(of: &Evidence) -> String {
    let query = match of.query.find("GET /") {
        Some(at) => {
            let (what, call) = of.query.split_at(at);
            let (call, rest) = call.split_at(call_end(call));
            format!("{}{}{}", escape_prose(what), quoted(call), escape_prose(rest))
        }
        None => escape_prose(&of.query),
    };
    format!("{query}: {}{}, read {}", code_span(&of.value), escape_prose(&of.expected()), of.at_utc)
}

/// Position at which a call ends: behind its path and its query.
fn call_end(call: &str) -> usize {
    let path = "GET ".len();
    call.get(path..).and_then(|rest| rest.find([' ', ','])).map_or(call.len(), |at| path + at)
}
