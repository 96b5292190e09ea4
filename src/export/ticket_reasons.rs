//! Reasons to escalate in a ticket, apart for those that the evidence shows and those that the reporter states, and
//! who can resolve the problem.

use super::bundle_documents::{EscalationReason, ReasonBasis};
use super::redact::Redactor;
use crate::diagnose::escalation::{EscalationKind, MIN_FAILURES_AFTER_REPAIR};
use crate::diagnose::incident::IncidentEvidence;
use crate::diagnose::playbook_topic::PlaybookTopic;
use crate::diagnose::report::{CheckVerdict, DiagnosedCause, DiagnosisConclusion, DiagnosisReport, active_causes};
use crate::diagnose::reporter::TicketReader;
use crate::domain::signature_debugger::signature_fault::SignatureFault;

/// Cause that says only that a receiver refuses what is signed correctly.
pub(super) const SIGNATURE_REFUSED_CAUSE: &str = "endpoint-rejects-signature";

/// Cause that a receiver has no signing secret any more.
const LOST_SECRET_CAUSE: &str = "lost-secret";

/// Checks whether two playbooks look at the same failures, so that a cause found by one explains a failed check of
/// the other.
fn is_related(one: PlaybookTopic, other: PlaybookTopic) -> bool {
    const DELIVERIES: [PlaybookTopic; 4] = [
        PlaybookTopic::WebhooksNotArriving,
        PlaybookTopic::Breaker,
        PlaybookTopic::Signature,
        PlaybookTopic::LostSecret,
    ];
    const REFUSED: [PlaybookTopic; 2] = [PlaybookTopic::Permissions, PlaybookTopic::ManagedSubscription];
    one == other || [DELIVERIES.as_slice(), &REFUSED].iter().any(|kin| kin.contains(&one) && kin.contains(&other))
}

pub(super) fn acting(case: &IncidentEvidence) -> impl Iterator<Item = &DiagnosedCause> {
    active_causes(&case.causes)
}

/// Returns the reasons for and against escalating; for a partner, who does not escalate, those alone that the reporter
/// states.
pub(super) fn reasons(case: &IncidentEvidence, redactor: &mut Redactor<'_>) -> Vec<EscalationReason> {
    let stated = case.reporter.reasons.iter().map(|kind| reason(*kind, ReasonBasis::Stated, kind.rule()));
    if case.reader == TicketReader::Partner {
        return stated.collect();
    }
    let mut reasons = found(case);
    let is_found = !reasons.is_empty();
    reasons.extend(stated);
    if !is_found {
        let text = if acting(case).next().is_some() {
            EscalationKind::NotYet.rule()
        } else if !case.causes.is_empty() {
            "what was found is over; apply its resolution, and escalate only if it persists after that"
        } else if case.history.first_failure().is_some() {
            "no known cause explains the failures; read their answers first, and escalate with the reporter's log"
        } else {
            "no problem found; escalate only with an observed failure"
        };
        let kind = if reasons.is_empty() { EscalationKind::NotYet } else { EscalationKind::NotConfirmed };
        let text = match kind {
            EscalationKind::NotConfirmed => format!("{}: {text}", kind.rule()),
            _ => text.to_owned(),
        };
        reasons.push(reason(kind, ReasonBasis::Found, &text));
    }
    for reason in &mut reasons {
        reason.text = redactor.redact_line(&reason.text);
    }
    reasons
}

fn reason(kind: EscalationKind, basis: ReasonBasis, text: &str) -> EscalationReason {
    EscalationReason { id: kind.id().to_owned(), text: text.to_owned(), basis }
}

/// Reasons that the evidence shows, in the order of their kinds.
fn found(case: &IncidentEvidence) -> Vec<EscalationReason> {
    let mut found: Vec<(EscalationKind, String)> =
        case.history.reasons.iter().map(|of| (of.kind, of.text.clone())).collect();
    let persisting = case.reporter.tried.iter().zip(&case.history.tried);
    let persisting =
        persisting.filter(|(_, of)| !of.is_before_first && of.n_failed.is_some_and(|n| n >= MIN_FAILURES_AFTER_REPAIR));
    // The latest step says the most. What is over does not persist.
    let is_acting = acting(case).next().is_some();
    if let Some((step, of)) = persisting.max_by_key(|(_, of)| of.utc).filter(|_| is_acting || case.causes.is_empty()) {
        found.push((EscalationKind::Persists, format!("{}, after the reporter tried: {step}", of.summary())));
    }
    let is_explained =
        |topic| case.reports.iter().any(|report| !report.causes.is_empty() && is_related(topic, report.topic));
    let is_failing = |report: &&DiagnosisReport| {
        report.steps.iter().any(|step| step.verdict == CheckVerdict::Fail) && !is_explained(report.topic)
    };
    for report in case.reports.iter().filter(is_failing) {
        let kind = EscalationKind::Unexplained;
        found.push((kind, format!("{}: {}", report.topic, kind.rule())));
    }
    let has_failures = case.history.first_failure().is_some();
    if !has_failures && case.reports.iter().all(|report| report.conclusion() == DiagnosisConclusion::NotRun) {
        found.push((EscalationKind::Unreachable, EscalationKind::Unreachable.rule().to_owned()));
    }
    let is_known =
        |cause: &DiagnosedCause| SignatureFault::from_id(&cause.id).is_some() || cause.id == LOST_SECRET_CAUSE;
    if acting(case).any(|cause| cause.id == SIGNATURE_REFUSED_CAUSE) && !acting(case).any(is_known) {
        found.push((EscalationKind::SignatureDisputed, EscalationKind::SignatureDisputed.rule().to_owned()));
    }
    found.sort_by_key(|(kind, _)| *kind);
    found.into_iter().map(|(kind, text)| reason(kind, ReasonBasis::Found, &text)).collect()
}

/// Says who can resolve the problem, from the causes that act, else from one that is over; `None` without a cause.
/// Several parties are named with the numbers of their causes.
pub(super) fn responsible(case: &IncidentEvidence) -> Option<String> {
    let mut parties: Vec<(&str, Vec<String>)> = Vec::new();
    let acting: Vec<&DiagnosedCause> = acting(case).collect();
    for (position, cause) in acting.iter().enumerate() {
        let (who, number) = (party(&cause.id), (position + 1).to_string());
        match parties.iter_mut().find(|(other, _)| *other == who) {
            Some((_, numbers)) => numbers.push(number),
            None => parties.push((who, vec![number])),
        }
    }
    match parties.as_slice() {
        [] => case.causes.first().map(|cause| party(&cause.id).to_owned()),
        [(who, _)] => Some((*who).to_owned()),
        several => {
            let named = several.iter().map(|(who, numbers)| {
                let noun = if numbers.len() == 1 { "cause" } else { "causes" };
                format!("{noun} {}: {who}", numbers.join(", "))
            });
            Some(named.collect::<Vec<_>>().join("; "))
        }
    }
}

/// Party that can resolve a cause.
fn party(id: &str) -> &'static str {
    const SET_BY_COMPANY: [&str; 5] =
        ["endpoint-redirects", "endpoint-gone", "endpoint-wrong-scheme", "endpoint-wrong-method", LOST_SECRET_CAUSE];
    let has = |prefixes: &[&str]| prefixes.iter().any(|prefix| id.starts_with(prefix));
    if has(&["platform-", "dispatch-", "storage-"]) {
        "the operator of the platform"
    } else if SET_BY_COMPANY.contains(&id) {
        "the company that owns the subscription, with the owner of the receiver"
    } else if has(&["endpoint-", "sig-"]) {
        "the owner of the receiver"
    } else if has(&["breaker-"]) {
        "the owner of the receiver; then an operator of the platform or the company enables the subscription"
    } else if has(&["rate-limit-lowered"]) {
        "an operator of the platform, who can change the key's limits, with the owner of the calling system"
    } else if has(&["managed-"]) {
        "the company that owns the subscription, in the tool that manages it"
    } else if has(&["sub-", "subscription-", "type-not-subscribed"]) {
        "the company that owns the subscription, or an operator of the platform"
    } else if has(&["channel-"]) {
        "an operator of the platform, who can replay deliveries"
    } else if has(&["scope-missing", "key-revoked", "events-no-scope"]) {
        "the owner of the calling system; an operator of the platform creates a new key"
    } else {
        "the owner of the calling system"
    }
}
