//! Playbook for signatures that receivers refuse: what their answers say about verification, and whether their clocks
//! are right.

use super::ranking::{ranked_cause, with_offers};
use super::refused_calls::DELIVERY_LOG_UNKNOWN;
use crate::diagnose::evidence_set::{CallerVisibility, EvidenceSet, RefusedAttempt};
use crate::diagnose::playbook::{CheckCondition, CheckResult, EvidenceSource, Playbook, PlaybookCheck, RankedCause};
use crate::diagnose::remedy::RemediationAction;
use crate::diagnose::report::{Evidence, PlaybookTopic};
use crate::domain::signature_debugger::MAX_CLOCK_SKEW;
use crate::domain::signature_debugger::signature_fault::SignatureFault;
use crate::domain::text::Untrusted;
use crate::text::or_unknown;
use crate::wire::signature_check::SignatureFit;

/// Checks, in order: accepted, clock, computed signature.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::Signature,
    needs: &[EvidenceSource::Subscriptions, EvidenceSource::Refusals],
    checks: &[
        PlaybookCheck {
            id: "accepted",
            text: "Do receivers accept deliveries?",
            condition: CheckCondition::Always,
            check: accepted,
        },
        PlaybookCheck {
            id: "clock",
            text: "Are the receivers' clocks correct?",
            condition: CheckCondition::Failed("accepted"),
            check: clock,
        },
        PlaybookCheck {
            id: "computed",
            text: "Do receivers compute the same signature?",
            condition: CheckCondition::Failed("accepted"),
            check: computed,
        },
    ],
};

fn refusals(dossier: &EvidenceSet) -> Result<&Vec<RefusedAttempt>, CheckResult> {
    dossier.refusals.result().map_err(CheckResult::unknown)
}

fn accepted(dossier: &EvidenceSet) -> CheckResult {
    let refusals = match refusals(dossier) {
        Ok(refusals) => refusals,
        Err(unknown) => return unknown,
    };
    let rows = match dossier.subscriptions.result() {
        Ok(rows) => rows,
        Err(why) => return CheckResult::unknown(why),
    };
    if refusals.is_empty() && dossier.visibility == CallerVisibility::KeyOnly {
        return CheckResult::unknown(DELIVERY_LOG_UNKNOWN);
    }
    if refusals.is_empty() && rows.iter().all(|row| row.subscription.last_attempt_utc.is_none()) {
        return CheckResult::unknown("nothing was sent yet, so nothing was verified");
    }
    let evidence: Vec<Evidence> = refusals
        .iter()
        .map(|of| {
            let status = of.attempt.status_code.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
            of.detail.evidence(
                &format!("subscription {}: latest rejection", or_unknown(of.attempt.subscription_id)),
                status,
                Some("2xx"),
            )
        })
        .collect();
    if refusals.is_empty() {
        return CheckResult::pass(vec![dossier.refusals.evidence(
            "receivers that answer 400, 401 or 403",
            "0",
            Some("0"),
        )]);
    }
    CheckResult { verdict: crate::diagnose::report::CheckVerdict::Fail, evidence, causes: Vec::new() }
}

fn clock(dossier: &EvidenceSet) -> CheckResult {
    let refusals = match refusals(dossier) {
        Ok(refusals) => refusals,
        Err(unknown) => return unknown,
    };
    let (mut causes, mut evidence): (Vec<RankedCause>, Vec<Evidence>) = (Vec::new(), Vec::new());
    for of in refusals {
        let Ok(check) = of.check.result() else { continue };
        let Some(ahead) = check.clock_ahead_seconds else { continue };
        let limit = format!("within \u{b1} {} s", MAX_CLOCK_SKEW.as_secs());
        let what = format!("subscription {}: receiver's clock (Date header)", or_unknown(of.attempt.subscription_id));
        let found = of.check.evidence(&what, format!("{ahead:+} s"), Some(&limit));
        if check.lab.causes.iter().any(|cause| cause.id == SignatureFault::StaleClock.id()) {
            causes.push(explained_cause(of, std::slice::from_ref(&found), 3_000));
        }
        evidence.push(found);
    }
    if evidence.is_empty() {
        return CheckResult::unknown("no receiver sent a Date header");
    }
    CheckResult::from_causes(causes, evidence)
}

fn computed(dossier: &EvidenceSet) -> CheckResult {
    let refusals = match refusals(dossier) {
        Ok(refusals) => refusals,
        Err(unknown) => return unknown,
    };
    let (mut causes, mut evidence): (Vec<RankedCause>, Vec<Evidence>) = (Vec::new(), Vec::new());
    for of in refusals {
        let check = match of.check.result() {
            Ok(check) => check,
            Err(why) => {
                return CheckResult { causes, evidence, verdict: crate::diagnose::report::CheckVerdict::Unknown(why) };
            }
        };
        let what =
            format!("subscription {}: signature that the receiver reports", or_unknown(of.attempt.subscription_id));
        let said = check.computed.as_ref().map_or_else(|| "none reported".to_owned(), Untrusted::sanitized);
        evidence.push(of.check.evidence(&what, said, Some("the signature sent")));
        if check.lab.causes.iter().any(|cause| cause.id == SignatureFault::StaleClock.id()) || says_no_secret(of) {
            continue;
        }
        causes.push(match check.lab.fit {
            SignatureFit::Explained => explained_cause(of, &evidence[evidence.len() - 1..], 2_000),
            SignatureFit::Unexplained => {
                unexplained_cause(of, check.lab.n_tried.unwrap_or_default(), &evidence[evidence.len() - 1..])
            }
            SignatureFit::Genuine => silent_receiver_cause(of, &evidence[evidence.len() - 1..]),
        });
    }
    CheckResult::from_causes(causes, evidence)
}

/// Checks whether the receiver says that it has no secret, which the lost-secret playbook covers.
fn says_no_secret(of: &RefusedAttempt) -> bool {
    of.detail.found.as_ref().is_ok_and(super::lost_secret::says_no_secret)
}

fn explained_cause(of: &RefusedAttempt, evidence: &[Evidence], weight: u32) -> RankedCause {
    let rows = of.check.found.as_ref().map(|check| check.lab.causes.clone()).unwrap_or_default();
    let id = or_unknown(of.attempt.subscription_id);
    let mut evidence = evidence.to_vec();
    for row in &rows {
        evidence.push(of.check.evidence(&format!("subscription {id}: {}", row.id), row.difference.sanitized(), None));
    }
    let first = rows.first();
    let title = first
        .map_or_else(String::new, |row| format!("subscription {id}: {}; {}", row.title, row.difference.sanitized()));
    let resolution: Vec<&str> = rows.iter().map(|row| row.resolution.as_str()).collect();
    let id = first.map_or("sig-unexplained", |row| row.id.as_str());
    with_offers(
        ranked_cause(weight, id, title, evidence, &resolution.join(" ")),
        [RemediationAction::Verify(of.attempt.id)],
    )
}

fn unexplained_cause(of: &RefusedAttempt, n_tried: u64, evidence: &[Evidence]) -> RankedCause {
    let id = or_unknown(of.attempt.subscription_id);
    let title = format!(
        "subscription {id}: none of {n_tried} variants with this company's secrets gives the receiver's signature; it uses another secret, \
         or changes the body in an unknown way"
    );
    let weighed = ranked_cause(
        1_500,
        SignatureFault::WrongSecret.id(),
        title,
        evidence.to_vec(),
        SignatureFault::WrongSecret.resolution(),
    );
    with_offers(weighed, [RemediationAction::Verify(of.attempt.id)])
}

fn silent_receiver_cause(of: &RefusedAttempt, evidence: &[Evidence]) -> RankedCause {
    let id = or_unknown(of.attempt.subscription_id);
    let status = of.attempt.status_code.unwrap_or_default();
    let title = format!(
        "subscription {id}: the receiver answers {status} without reporting its signature; our signature is valid"
    );
    let weighed = ranked_cause(
        1_000,
        "endpoint-rejects-signature",
        title,
        evidence.to_vec(),
        "Have the receiver log the signature it computes and the bytes it signs, or run crow verify with the headers, body and secret as \
         received: it names the difference.",
    );
    with_offers(weighed, [RemediationAction::Verify(of.attempt.id)])
}
