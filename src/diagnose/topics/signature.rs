//! Playbook for signatures that receivers refuse: what their answers say about verification, and whose clock is right.

use super::deliveries::{endpoint_findings, none_judged, subscriptions};
use super::webhooks_not_arriving::no_subscription;
use crate::diagnose::clocks::{clock_finding, endpoint_clocks};
use crate::diagnose::evidence_set::{CallerVisibility, EvidenceSet, QueryRecord};
use crate::diagnose::finding::CauseFinding;
use crate::diagnose::playbook::{CheckResult, Playbook, PlaybookCheck};
use crate::diagnose::playbook_topic::PlaybookTopic;
use crate::domain::cause::CauseKind;
use crate::domain::signature_debugger::MAX_CLOCK_SKEW;
use crate::domain::signature_debugger::signature_fault::SignatureFault;
use crate::wire::coverage::CoveredNoun;
use crate::wire::signature_check::SignatureCheck;

/// Checks, in order: accepted, clock, computed signature.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::Signature,
    checks: &[
        PlaybookCheck { id: "accepted", text: "Do receivers accept the signatures of deliveries?", check: accepted },
        PlaybookCheck { id: "clock", text: "Are the clocks of platform and receivers correct?", check: clock },
        PlaybookCheck { id: "computed", text: "Do receivers compute the same signature?", check: computed },
    ],
};

const fn is_clock(kind: CauseKind) -> bool {
    matches!(kind, CauseKind::Signature(SignatureFault::StaleClock) | CauseKind::PlatformClock)
}

const fn is_signature(kind: CauseKind) -> bool {
    matches!(
        kind,
        CauseKind::Signature(_)
            | CauseKind::SignatureUnexplained
            | CauseKind::EndpointRejectsSignature
            | CauseKind::EndpointUnexplained
            | CauseKind::LostSecret
    )
}

/// Causes of a wrong verification; the platform's clock is one where a receiver refuses.
fn findings(set: &EvidenceSet) -> Result<Vec<CauseFinding>, String> {
    let mut mine: Vec<CauseFinding> =
        endpoint_findings(set)?.into_iter().filter(|finding| is_signature(finding.kind)).collect();
    mine.extend(clock_finding(set));
    Ok(mine)
}

fn unjudged(set: &EvidenceSet) -> Option<CheckResult> {
    no_subscription(set).or_else(|| {
        // A listing may leave out when the last attempt was.
        let is_silent = subscriptions(set).iter().all(|row| row.subscription.last_attempt_utc.is_none());
        let has_refused = !EvidenceSet::rows(&set.listener_refusals).is_empty();
        (is_silent && !has_refused && set.visibility == CallerVisibility::Full)
            .then(|| CheckResult::unknown("nothing was sent yet, so nothing was verified"))
    })
}

fn accepted(set: &EvidenceSet) -> CheckResult {
    if let Some(unknown) = unjudged(set) {
        return unknown;
    }
    if let Some(why) = set.endpoints.iter().find_map(|of| of.details.result().err()) {
        return CheckResult::unknown(why);
    }
    let findings = match findings(set) {
        Ok(findings) => findings,
        Err(why) => return CheckResult::unknown(why),
    };
    if findings.is_empty() && set.visibility == CallerVisibility::KeyOnly {
        return CheckResult::unknown(set.why_partial(CoveredNoun::Attempts));
    }
    let (mine, _): (Vec<CauseFinding>, Vec<CauseFinding>) =
        findings.into_iter().partition(|finding| finding.kind != CauseKind::PlatformClock);
    if let Some(why) = none_judged(set).filter(|_| mine.is_empty()) {
        return CheckResult::unknown(why);
    }
    let n = mine.len().to_string();
    let evidence =
        vec![set.subscriptions.evidence("receivers that reject signatures with a known cause", n, Some("0"))];
    let result = CheckResult::from_rows(&set.subscriptions, mine, evidence);
    let kept = result.findings.iter().filter(|finding| finding.kind == CauseKind::LostSecret).cloned().collect();
    CheckResult { findings: kept, ..result }
}

fn clock(set: &EvidenceSet) -> CheckResult {
    if let Some(unknown) = unjudged(set) {
        return unknown;
    }
    let own = super::platform::clock(set);
    let findings = findings(set).unwrap_or_default().into_iter().filter(|finding| is_clock(finding.kind)).collect();
    let clocks = endpoint_clocks(set);
    let record = QueryRecord::<()> { at: set.at, ..QueryRecord::of("GET /portal/v1/attempts/{id}") };
    let limit = format!("within \u{b1} {} s", MAX_CLOCK_SKEW.as_secs());
    let mut evidence = own.evidence.clone();
    for (id, ahead) in clocks.iter().filter(|(id, _)| set.subscription(**id).is_some()).take(8) {
        let what = format!("subscription {id}: receiver's clock ahead of the platform's (Date header)");
        evidence.push(record.evidence(&what, format!("{ahead:+} s"), Some(&limit)));
    }
    let result = CheckResult::from_findings(findings, evidence).with_remarks(own.remarks);
    if clocks.is_empty() && result.findings.is_empty() {
        return CheckResult { evidence: result.evidence, ..CheckResult::unknown("no receiver sent a Date header") };
    }
    result
}

fn computed(set: &EvidenceSet) -> CheckResult {
    if let Some(unknown) = unjudged(set) {
        return unknown;
    }
    let findings = match findings(set) {
        Ok(findings) => findings,
        Err(why) => return CheckResult::unknown(why),
    };
    let mine: Vec<CauseFinding> = findings
        .into_iter()
        .filter(|finding| !is_clock(finding.kind) && finding.kind != CauseKind::LostSecret)
        .collect();
    let n_checked: usize = set.endpoints.iter().map(|of| of.checks.len()).sum();
    let record = QueryRecord::<()> { at: set.at, ..QueryRecord::of("GET /portal/v1/attempts/{id}/signature") };
    let evidence =
        vec![record.evidence("refused attempts examined by the signature debugger", n_checked.to_string(), None)];
    if let Some(why) = set.endpoints.iter().flat_map(|of| &of.checks).find_map(|(_, check)| check.result().err()) {
        return CheckResult { evidence, findings: mine, ..CheckResult::unknown(why) };
    }
    let has_computed = |check: &SignatureCheck| check.computed.is_some();
    let mut checks = set.endpoints.iter().flat_map(|of| &of.checks).filter_map(|(_, check)| check.found.as_ref().ok());
    let none_known =
        (!checks.any(has_computed)).then(|| "no receiver reported the signature that it computed".to_owned());
    CheckResult::from_findings(mine, evidence).skipped_without(none_known)
}
