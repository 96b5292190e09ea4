//! What a ticket does not have, and what is open where no active cause was found.

use super::redact::Redactor;
use super::ticket_reasons::acting;
use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::incident::IncidentEvidence;
use crate::diagnose::report::{DiagnosisConclusion, DiagnosisReport};

/// Calls that cannot be attributed: why a ticket about a company or a key may be almost empty.
const UNATTRIBUTED: &str = "calls without a readable key (missing, in another header, cut or malformed): they belong to \
                            no company and no key; a ticket without --company and --key has them";

/// Lists what is open where no active cause was found; empty if one was.
#[must_use]
pub(super) fn open_points(case: &IncidentEvidence) -> Vec<String> {
    if acting(case).next().is_some() {
        return Vec::new();
    }
    let named: Vec<String> = case.subjects.iter().map(|subject| subject_name(*subject)).collect();
    let since = case.at.minus(case.lookback);
    let mut open = vec![format!("no active cause was found for {} from {since} to {}", named.join(", "), case.at)];
    if case.history.first_failure().is_none() {
        open.push("no failed attempt and no refused call was read".to_owned());
    }
    let is_open = |report: &&DiagnosisReport| {
        matches!(report.conclusion(), DiagnosisConclusion::Undecided | DiagnosisConclusion::NotRun)
    };
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for report in case.reports.iter().filter(is_open) {
        let (reason, topic) = (open_reason(report), report.topic.name());
        match reasons.iter_mut().find(|(other, _)| *other == reason) {
            Some((_, topics)) => topics.push(topic),
            None => reasons.push((reason, vec![topic])),
        }
    }
    open.extend(reasons.into_iter().map(|(reason, topics)| format!("{}: {reason}", topics.join(", "))));
    let is_narrow =
        |subject: &DiagnosisSubject| matches!(subject, DiagnosisSubject::Company(_) | DiagnosisSubject::Key(_));
    if case.subjects.iter().any(is_narrow) {
        open.push(UNATTRIBUTED.to_owned());
    }
    open
}

/// Reason why a playbook decided nothing.
fn open_reason(report: &DiagnosisReport) -> String {
    let open = report.open_question().or_else(|| report.steps.iter().find(|step| step.verdict.why().is_some()));
    match open.and_then(|step| step.verdict.why()) {
        Some(why) => format!("not decided: {why}"),
        None => "not decided: a check failed without a known cause".to_owned(),
    }
}

/// Name of a subject in a sentence.
pub(super) fn subject_name(subject: DiagnosisSubject) -> String {
    match subject {
        DiagnosisSubject::All => "the whole platform".to_owned(),
        one => one.to_string(),
    }
}

/// Lists what a ticket does not have, each with the reason.
pub(super) fn missing_data(case: &IncidentEvidence, redactor: &mut Redactor<'_>) -> Vec<String> {
    let mut missing: Vec<String> = Vec::new();
    let mut note = |what: &str, none: &str, found: Result<usize, &String>| match found {
        Err(why) => missing.push(format!("{what} ({})", redactor.redact_line(why))),
        Ok(0) => missing.push(none.to_owned()),
        Ok(_) => {}
    };
    let (keys, rows) = (&case.keys.found, &case.subscriptions.found);
    note("keys", "keys: no key is the subject, was refused or has a cause", keys.as_ref().map(Vec::len));
    let none = "subscriptions: none is the subject, is off, fails or has a cause";
    note("subscriptions", none, rows.as_ref().map(Vec::len));
    let none = "failed attempts: none was read in the period";
    note("failed deliveries", none, case.failures.found.as_ref().map(Vec::len));
    let none = "rejected calls: none was read in the period";
    note("rejected calls", none, case.requests.found.as_ref().map(Vec::len));
    missing.extend(case.not_collected.iter().map(|what| redactor.redact_line(what)));
    if case.failures.is_incomplete {
        missing.push("other failed deliveries in full (counted in their groups)".to_owned());
    }
    if case.requests.is_incomplete {
        missing.push("other rejected calls in full (counted in their groups)".to_owned());
    }
    let requests = case.requests.found.as_deref().unwrap_or_default();
    if !requests.is_empty() {
        let has_all = requests.iter().all(|row| row.problem.is_some() || row.is_served());
        let members = if has_all { "" } else { ", members of their problem documents beyond those shown" };
        missing.push(format!(
            "bodies of rejected calls, and ids in their paths{members}: the request log does not keep them; the \
             caller's own log has them, by request id"
        ));
    }
    missing.push("event payloads and signing secrets (never part of a ticket)".to_owned());
    if case.subjects.contains(&DiagnosisSubject::All) {
        missing.push("keys without rejected calls, enabled subscriptions without failures".to_owned());
    }
    missing
}
