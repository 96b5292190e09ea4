//! Refused calls as evidence, for the playbooks about keys, permissions and limits.

use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::evidence_set::{CallerVisibility, EvidenceSet};
use crate::diagnose::playbook::CheckResult;
use crate::diagnose::report::Evidence;
use crate::wire::requests::RequestRow;
use std::collections::BTreeMap;

/// Reason for results that need the calls of other keys.
pub(super) const OTHER_CALLERS_UNKNOWN: &str =
    "an API key sees only its own calls; use an operator token (--token-file) for the request log";

/// Reason for results that need the delivery log.
pub(super) const DELIVERY_LOG_UNKNOWN: &str =
    "a key cannot read the delivery log; use an operator token (--token-file), or look in the Admin Portal";

/// Returns the refused requests with a status, or an unknown result if they could not be read.
pub(super) fn refused(dossier: &EvidenceSet, status: u16) -> Result<Vec<&RequestRow>, CheckResult> {
    let rows = dossier.refused.result().map_err(CheckResult::unknown)?;
    Ok(rows.iter().filter(|row| row.status == Some(status)).collect())
}

/// Checks whether any call was refused with `status`: fails with the number of calls, and is unknown if there were no
/// calls at all.
pub(super) fn any_refused(dossier: &EvidenceSet, status: u16) -> CheckResult {
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
        return CheckResult { verdict: crate::diagnose::report::CheckVerdict::Fail, evidence, causes: Vec::new() };
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
pub(super) fn group_by<K: Ord>(
    rows: Vec<&RequestRow>,
    key: impl Fn(&RequestRow) -> K,
) -> BTreeMap<K, Vec<&RequestRow>> {
    let mut groups: BTreeMap<K, Vec<&RequestRow>> = BTreeMap::new();
    for row in rows {
        groups.entry(key(row)).or_default().push(row);
    }
    groups
}

/// Creates the evidence of a group of requests, given newest first: number, first and latest, routes, ids, and the
/// latest detail.
pub(super) fn request_evidence(dossier: &EvidenceSet, rows: &[&RequestRow]) -> Vec<Evidence> {
    let (Some(newest), Some(oldest)) = (rows.first(), rows.last()) else { return Vec::new() };
    let log = &dossier.refused;
    let routes = group_by(rows.to_vec(), |row| format!("{} {}", row.method.sanitized(), row.route.sanitized()));
    let routes: Vec<String> = routes.iter().map(|(route, rows)| format!("{route} \u{d7}{}", rows.len())).collect();
    let ids: Vec<String> = rows.iter().take(3).filter_map(|row| Some(row.request_id.as_ref()?.sanitized())).collect();
    let mut evidence = vec![
        log.evidence("calls", rows.len().to_string(), None),
        log.evidence("first and latest", format!("{} \u{2026} {}", oldest.utc, newest.utc), None),
        log.evidence("routes", routes.join(", "), None),
        log.evidence("request ids", ids.join(", "), None),
    ];
    evidence.extend(newest.detail.as_ref().map(|detail| log.evidence("error message", detail.sanitized(), None)));
    evidence
}

/// Returns the detail of a request; empty if there is none.
pub(super) fn detail(row: &RequestRow) -> &str {
    row.detail.as_ref().map_or("", |detail| detail.raw())
}

pub(super) fn code(row: &RequestRow) -> &str {
    row.code.as_ref().map_or("", |code| code.raw())
}
