//! Diagnosis in a ticket: the causes, each once and with its commands, and the checks by their result. Failed checks
//! come with their evidence, the others in one line for each result and reason.

use super::bundle_documents::{SupportTicket, TicketPlaybook};
use super::markdown::{code_span, escape_prose, inline_code, section};
use super::redact::Redactor;
use super::ticket_behaviour;
use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::incident::IncidentEvidence;
use crate::diagnose::remedy::OfferedAction;
use crate::diagnose::report::{
    CheckVerdict, DiagnosedCause, DiagnosisRemark, DiagnosisReport, Evidence, ReportedCheck,
};
use crate::diagnose::reporter::TicketReader;
use crate::domain::cause::CauseState;
use crate::domain::text::Untrusted;
use crate::text::several;

/// Offer that the owner of a subscription can take with a key.
const PARTNER_OFFER: &str = "patch";

/// Copies the causes that the playbooks found, each once, in their order; for a partner without evidence and commands.
pub(super) fn causes(case: &IncidentEvidence, redactor: &mut Redactor<'_>) -> Vec<DiagnosedCause> {
    let mut all: Vec<DiagnosedCause> = Vec::new();
    for of in &case.causes {
        let copy = cause(of, case, redactor);
        if !all.iter().any(|other| (&other.id, &other.title) == (&copy.id, &copy.title)) {
            all.push(copy);
        }
    }
    all
}

/// Copies the observations, each once; none for a partner.
pub(super) fn remarks(case: &IncidentEvidence, redactor: &mut Redactor<'_>) -> Vec<DiagnosisRemark> {
    let mut all: Vec<DiagnosisRemark> = Vec::new();
    for of in case.remarks.iter().filter(|_| case.reader == TicketReader::Support) {
        let copy = DiagnosisRemark {
            id: redactor.redact_line(&of.id),
            title: redactor.redact_line(&of.title),
            evidence: of.evidence.iter().map(|of| evidence(of, redactor)).collect(),
        };
        if !all.iter().any(|other| other.title == copy.title) {
            all.push(copy);
        }
    }
    all
}

/// Copies what a playbook found; for a partner the causes alone, and `None` without one.
pub(super) fn playbook(
    report: &DiagnosisReport,
    case: &IncidentEvidence,
    redactor: &mut Redactor<'_>,
) -> Option<TicketPlaybook> {
    let is_internal = case.reader == TicketReader::Support;
    if !is_internal && report.causes.is_empty() {
        return None;
    }
    let steps = if is_internal { report.steps.as_slice() } else { &[] };
    Some(TicketPlaybook {
        topic: report.topic,
        subject: report.subject,
        causes: report.causes.iter().map(|of| cause(of, case, redactor)).collect(),
        steps: steps.iter().map(|of| step(of, redactor)).collect(),
    })
}

fn cause(of: &DiagnosedCause, case: &IncidentEvidence, redactor: &mut Redactor<'_>) -> DiagnosedCause {
    let is_internal = case.reader == TicketReader::Support;
    let shown = |evidence| if is_internal { evidence } else { &[][..] };
    let offer = |of: &OfferedAction, redactor: &mut Redactor<'_>| OfferedAction {
        id: redactor.redact_line(&of.id),
        what: redactor.redact_line(&of.what),
        command: redactor.redact_line(&of.command),
        remedy: of.remedy,
    };
    DiagnosedCause {
        id: redactor.redact_line(&of.id),
        title: redactor.redact_line(&ticket_behaviour::title(&of.title, case)),
        concerns: Vec::new(),
        said: of.said.as_ref().map(|said| Untrusted::new(redactor.redact_line(said.raw()))),
        evidence: shown(of.evidence.as_slice()).iter().map(|of| evidence(of, redactor)).collect(),
        resolution: redactor.redact_line(&of.resolution),
        offers: of
            .offers
            .iter()
            .filter(|of| is_internal || of.id == PARTNER_OFFER)
            .map(|of| offer(of, redactor))
            .collect(),
        occurrence: of.occurrence.clone(),
    }
}

fn step(of: &ReportedCheck, redactor: &mut Redactor<'_>) -> ReportedCheck {
    let verdict = match &of.verdict {
        CheckVerdict::Unknown(why) => CheckVerdict::Unknown(redactor.redact_line(why)),
        CheckVerdict::Skipped(why) => CheckVerdict::Skipped(redactor.redact_line(why)),
        verdict @ (CheckVerdict::Pass | CheckVerdict::Fail) => verdict.clone(),
    };
    ReportedCheck {
        id: redactor.redact_line(&of.id),
        question: redactor.redact_line(&of.question),
        verdict,
        evidence: of.evidence.iter().map(|of| evidence(of, redactor)).collect(),
    }
}

fn evidence(of: &Evidence, redactor: &mut Redactor<'_>) -> Evidence {
    Evidence {
        query: redactor.redact_line(&of.query),
        value: Untrusted::new(redactor.redact_line(of.value.raw())),
        limit: of.limit.as_ref().map(|limit| redactor.redact_line(limit)),
        at_utc: of.at_utc,
    }
}

/// Writes the causes for their reader: with evidence and commands for support, what to do for a partner.
pub(super) fn write_causes(ticket: &SupportTicket, lines: &mut Vec<String>) {
    let is_internal = ticket.reader == TicketReader::Support;
    if ticket.causes.is_empty() && !is_internal {
        return;
    }
    section(if is_internal { "Causes" } else { "What to do" }, lines);
    if ticket.causes.is_empty() {
        lines.push("No cause found.".to_owned());
    }
    for (position, of) in ticket.causes.iter().enumerate() {
        let id = if is_internal { format!(" ({})", inline_code(&of.id)) } else { String::new() };
        lines.push(format!("{}. {}{id}", position + 1, escape_prose(&of.title)));
        lines.push(format!("   - {}", course(of)));
        lines.extend(of.said.as_ref().map(|said| format!("   - Answer: {}", code_span(said))));
        lines.extend(evidence_lines(&of.evidence).iter().map(|line| format!("   {line}")));
        lines.push(format!("   - What to do: {}", escape_prose(&of.resolution)));
        let command = |of: &OfferedAction| format!("   - To {}: {}", escape_prose(&of.what), inline_code(&of.command));
        lines.extend(of.offers.iter().map(command));
    }
}

/// Writes the observations that are no faults.
pub(super) fn write_remarks(ticket: &SupportTicket, lines: &mut Vec<String>) {
    if ticket.remarks.is_empty() {
        return;
    }
    section("Observations that are no cause by themselves", lines);
    for of in &ticket.remarks {
        lines.push(format!("- {}", escape_prose(&of.title)));
        lines.extend(evidence_lines(&of.evidence).iter().map(|line| format!("  {line}")));
    }
}

/// Describes whether a cause is active and since when, in one line.
fn course(of: &DiagnosedCause) -> String {
    let of = &of.occurrence;
    let state = match of.state {
        CauseState::Now => "Active",
        CauseState::Unknown => "Whether it is still active is unknown",
        CauseState::Over => "Over",
    };
    let first =
        of.first_utc.map(|at| if of.last_utc.is_some() { format!("first {at}") } else { format!("since {at}") });
    let last = of.last_utc.map(|at| format!("last {at}"));
    let good = of.good_since.filter(|n| *n > 0 && of.last_utc.is_some());
    let good = good.map(|n| format!("then {}", several(n, "success", "successes")));
    let parts = [Some(state.to_owned()), first, last, good].into_iter().flatten();
    parts.collect::<Vec<_>>().join(", ")
}

/// Writes the checks of all playbooks by their result, apart for each subject.
pub(super) fn write_checks(ticket: &SupportTicket, lines: &mut Vec<String>) {
    section("Checks", lines);
    let times = || {
        let steps = ticket.playbooks.iter().flat_map(|of| &of.steps).flat_map(|step| &step.evidence);
        steps.chain(ticket.causes.iter().flat_map(|of| &of.evidence)).map(|of| of.at_utc)
    };
    if let Some((first, last)) = times().min().zip(times().max()) {
        let span = if first == last { format!("at {first}") } else { format!("from {first} to {last}") };
        lines.push(format!("- Evidence read {span}, by the platform's clock"));
    }
    for subject in &ticket.subjects {
        let name = if ticket.subjects.len() > 1 { format!("{subject}: ") } else { String::new() };
        checks_of(ticket, *subject, &escape_prose(&name), lines);
    }
}

fn checks_of(ticket: &SupportTicket, subject: DiagnosisSubject, name: &str, lines: &mut Vec<String>) {
    let steps = ticket.playbooks.iter().filter(|of| of.subject == subject).flat_map(|of| &of.steps);
    let mut groups: Vec<(&CheckVerdict, Vec<&str>)> = Vec::new();
    let mut failed: Vec<(&str, Vec<&Evidence>)> = Vec::new();
    for step in steps {
        if step.verdict == CheckVerdict::Fail {
            // Playbooks share questions.
            let at = failed.iter().position(|(question, _)| *question == step.question).unwrap_or_else(|| {
                failed.push((&step.question, Vec::new()));
                failed.len() - 1
            });
            failed[at].1.extend(&step.evidence);
            continue;
        }
        let at = groups.iter().position(|(other, _)| **other == step.verdict).unwrap_or_else(|| {
            groups.push((&step.verdict, Vec::new()));
            groups.len() - 1
        });
        if !groups[at].1.contains(&step.question.as_str()) {
            groups[at].1.push(&step.question);
        }
    }
    for (question, evidence) in failed {
        lines.push(format!("- {name}**fail**: {}", escape_prose(question)));
        lines.extend(evidence_lines(evidence).iter().map(|line| format!("  {line}")));
    }
    groups.sort_by_key(|(verdict, _)| match verdict {
        CheckVerdict::Fail | CheckVerdict::Unknown(_) => 0,
        CheckVerdict::Pass => 1,
        CheckVerdict::Skipped(_) => 2,
    });
    let line = |(verdict, questions): &(&CheckVerdict, Vec<&str>)| {
        let why = verdict.why().map_or_else(String::new, |why| format!(" ({})", inline_code(why)));
        let questions: Vec<String> = questions.iter().map(|of| escape_prose(of)).collect();
        format!("- {name}**{}**{why}: {}", verdict.name(), questions.join(" "))
    };
    lines.extend(groups.iter().map(line));
}

/// Lists evidence below the query that it was read with; a query is code, so that it can be copied.
fn evidence_lines<'e>(all: impl IntoIterator<Item = &'e Evidence>) -> Vec<String> {
    let mut queries: Vec<(String, Vec<String>)> = Vec::new();
    for of in all {
        let (what, query) = match of.query.find("GET /") {
            Some(at) => {
                let (what, call) = of.query.split_at(at);
                let (call, rest) = call.split_at(call_end(call));
                (what.trim_end_matches([',', ' ']).to_owned(), format!("{}{}", inline_code(call), escape_prose(rest)))
            }
            None => (of.query.clone(), String::new()),
        };
        let value = format!("{}{}", code_span(&of.value), escape_prose(&of.expected()));
        // A count of some of the rows that the query returns.
        let what = what
            .strip_suffix(", among")
            .or_else(|| what.strip_suffix(", among events"))
            .map_or(what.clone(), |part| format!("of these rows: {part}"));
        let line = if what.is_empty() { value } else { format!("{}: {value}", escape_prose(&what)) };
        match queries.iter_mut().find(|(other, _)| *other == query) {
            Some((_, lines)) if lines.contains(&line) => {}
            Some((_, lines)) => lines.push(line),
            None => queries.push((query, vec![line])),
        }
    }
    let mut lines = Vec::new();
    for (query, found) in queries {
        if query.is_empty() {
            lines.extend(found.iter().map(|line| format!("- {line}")));
            continue;
        }
        lines.push(format!("- {query}"));
        lines.extend(found.iter().map(|line| format!("  - {line}")));
    }
    lines
}

/// Position at which a call ends: behind its path and its query.
pub(super) fn call_end(call: &str) -> usize {
    let path = "GET ".len();
    call.get(path..).and_then(|rest| rest.find([' ', ','])).map_or(call.len(), |at| path + at)
}
