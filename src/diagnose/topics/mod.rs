//! Playbooks, one file per topic: checks, causes and resolutions in the terms of the troubleshooting guide.

pub mod bulk_timeouts;
pub mod discrepancy;
pub mod events_missing;
pub mod key_not_working;
pub mod lost_secret;
pub mod managed_subscription;
pub mod permissions;
pub mod rate_limits;
pub mod signature;
pub mod webhooks_not_arriving;

use super::evidence_set::{CallerVisibility, EvidenceSet};
use super::playbook::{CheckResult, Playbook, RankedCause};
use crate::domain::ids::KeyId;
use crate::wire::remedy::{RemediationAction, RunbookTarget};
use crate::wire::report::{DiagnosedCause, DiagnosisSubject, Evidence, PlaybookTopic};
use crate::wire::requests::RequestRow;
use crate::wire::runbook::Runbook;
use std::collections::BTreeMap;

/// Returns the playbook of a topic; `None` for the circuit breaker, which runs per subscription and has a module of
/// its own.
#[must_use]
pub const fn playbook_for(topic: PlaybookTopic) -> Option<&'static Playbook> {
    Some(match topic {
        PlaybookTopic::Breaker => return None,
        PlaybookTopic::KeyNotWorking => &key_not_working::PLAYBOOK,
        PlaybookTopic::Permissions => &permissions::PLAYBOOK,
        PlaybookTopic::WebhooksNotArriving => &webhooks_not_arriving::PLAYBOOK,
        PlaybookTopic::Signature => &signature::PLAYBOOK,
        PlaybookTopic::RateLimits => &rate_limits::PLAYBOOK,
        PlaybookTopic::EventsMissing => &events_missing::PLAYBOOK,
        PlaybookTopic::ManagedSubscription => &managed_subscription::PLAYBOOK,
        PlaybookTopic::LostSecret => &lost_secret::PLAYBOOK,
        PlaybookTopic::BulkTimeouts => &bulk_timeouts::PLAYBOOK,
        PlaybookTopic::Discrepancy => &discrepancy::PLAYBOOK,
    })
}

fn ranked_cause(
    weight: u32,
    id: impl Into<String>,
    title: String,
    evidence: Vec<Evidence>,
    resolution: &str,
) -> RankedCause {
    RankedCause {
        weight,
        cause: DiagnosedCause { id: id.into(), title, evidence, resolution: resolution.to_owned(), offers: Vec::new() },
    }
}

fn with_offers(mut weighed: RankedCause, remedies: impl IntoIterator<Item = RemediationAction>) -> RankedCause {
    weighed.cause.offers.extend(remedies.into_iter().map(Into::into));
    weighed
}

/// Offers a key rotation, if the key is known.
fn new_key(id: Option<KeyId>) -> Option<RemediationAction> {
    id.map(|id| {
        RemediationAction::Runbook(RunbookTarget { runbook: Runbook::KeyRotation, subject: DiagnosisSubject::Key(id) })
    })
}

/// Reason for results that need the calls of other keys.
const OTHER_CALLERS_UNKNOWN: &str =
    "an API key sees only its own calls; use an operator token (--token-file) for the request log";

/// Returns the refused requests with a status, or an unknown result if they could not be read.
fn refused(dossier: &EvidenceSet, status: u16) -> Result<Vec<&RequestRow>, CheckResult> {
    let rows = dossier.refused.result().map_err(CheckResult::unknown)?;
    Ok(rows.iter().filter(|row| row.status == status).collect())
}

/// Checks whether any call was refused with `status`: fails with the number of calls, and is unknown if there were no
/// calls at all.
fn any_refused(dossier: &EvidenceSet, status: u16) -> CheckResult {
    let rows = match refused(dossier, status) {
        Ok(rows) => rows,
        Err(unknown) => return unknown,
    };
    let calls = match dossier.scope.subject {
        DiagnosisSubject::Subscription(id) => format!("changes to subscription {id} answered {status}"),
        _ => format!("calls answered {status}"),
    };
    let evidence = vec![dossier.refused.evidence(&calls, rows.len().to_string(), Some("0"))];
    if !rows.is_empty() {
        return CheckResult { verdict: crate::wire::report::CheckVerdict::Fail, evidence, causes: Vec::new() };
    }
    // The calls of one key show whether that key is accepted, and nothing about other callers.
    if dossier.visibility == CallerVisibility::KeyOnly && status != 401 {
        return CheckResult { evidence, ..CheckResult::unknown(OTHER_CALLERS_UNKNOWN) };
    }
    match dossier.served.result() {
        Ok(served) if served.is_empty() && dossier.refused.result().is_ok_and(Vec::is_empty) => {
            CheckResult::unknown(match dossier.scope.subject {
                DiagnosisSubject::All => "no call arrived in the period".to_owned(),
                subject => format!(
                    "no call of {subject} arrived in the period; calls without a readable key are checked only without a subject"
                ),
            })
        }
        Ok(_) => CheckResult::pass(evidence),
        Err(why) => CheckResult::unknown(why),
    }
}

/// Groups requests by a key, in the order of the keys.
fn group_by<K: Ord>(rows: Vec<&RequestRow>, key: impl Fn(&RequestRow) -> K) -> BTreeMap<K, Vec<&RequestRow>> {
    let mut groups: BTreeMap<K, Vec<&RequestRow>> = BTreeMap::new();
    for row in rows {
        groups.entry(key(row)).or_default().push(row);
    }
    groups
}

/// Creates the evidence of a group of requests, given newest first: number, first and latest, routes, ids, and the
/// latest detail.
fn request_evidence(dossier: &EvidenceSet, rows: &[&RequestRow]) -> Vec<Evidence> {
    let (Some(newest), Some(oldest)) = (rows.first(), rows.last()) else { return Vec::new() };
    let log = &dossier.refused;
    let routes = group_by(rows.to_vec(), |row| format!("{} {}", row.method.sanitized(), row.route.sanitized()));
    let routes: Vec<String> = routes.iter().map(|(route, rows)| format!("{route} \u{d7}{}", rows.len())).collect();
    let ids: Vec<String> = rows.iter().take(3).map(|row| row.request_id.sanitized()).collect();
    let mut evidence = vec![
        log.evidence("calls", rows.len().to_string(), None),
        log.evidence("first and latest", format!("{} \u{2026} {}", oldest.utc, newest.utc), None),
        log.evidence("routes", routes.join(", "), None),
        log.evidence("request ids", ids.join(", "), None),
    ];
    evidence.extend(newest.detail.as_ref().map(|detail| log.evidence("error message", detail.sanitized(), None)));
    evidence
}

/// Turns a number of rows into a weight between `base` and `base` + 999.
fn capped_weight(base: u32, n: usize) -> u32 {
    base + u32::try_from(n).unwrap_or(u32::MAX).min(999)
}

/// Returns the detail of a request; empty if there is none.
fn detail(row: &RequestRow) -> &str {
    row.detail.as_ref().map_or("", |detail| detail.raw())
}

fn code(row: &RequestRow) -> &str {
    row.code.as_ref().map_or("", |code| code.raw())
}
