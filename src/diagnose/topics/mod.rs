//! Playbooks, one file per topic: checks, causes and resolutions in the terms of the troubleshooting guide.

pub mod arriving;
pub mod bulk;
pub mod discrepancy;
pub mod events;
pub mod keys;
pub mod lost_secret;
pub mod managed;
pub mod permissions;
pub mod rate;
pub mod signature;

use super::dossier::{Dossier, Sight};
use super::playbook::{Answer, Playbook, Weighed};
use crate::api::remedy::{RemediationAction, RunbookTarget};
use crate::api::report::{DiagnosedCause, DiagnosisSubject, Evidence, PlaybookTopic};
use crate::api::requests::RequestRow;
use crate::api::runbook::Runbook;
use crate::domain::ids::KeyId;
use std::collections::BTreeMap;

/// Returns the playbook of a topic; `None` for the circuit breaker, which runs per subscription and has a module of
/// its own.
#[must_use]
pub const fn of(topic: PlaybookTopic) -> Option<&'static Playbook> {
    Some(match topic {
        PlaybookTopic::Breaker => return None,
        PlaybookTopic::KeyNotWorking => &keys::PLAYBOOK,
        PlaybookTopic::Permissions => &permissions::PLAYBOOK,
        PlaybookTopic::WebhooksNotArriving => &arriving::PLAYBOOK,
        PlaybookTopic::Signature => &signature::PLAYBOOK,
        PlaybookTopic::RateLimits => &rate::PLAYBOOK,
        PlaybookTopic::EventsMissing => &events::PLAYBOOK,
        PlaybookTopic::ManagedSubscription => &managed::PLAYBOOK,
        PlaybookTopic::LostSecret => &lost_secret::PLAYBOOK,
        PlaybookTopic::BulkTimeouts => &bulk::PLAYBOOK,
        PlaybookTopic::Discrepancy => &discrepancy::PLAYBOOK,
    })
}

fn cause(weight: u32, id: impl Into<String>, title: String, evidence: Vec<Evidence>, resolution: &str) -> Weighed {
    Weighed {
        weight,
        cause: DiagnosedCause { id: id.into(), title, evidence, resolution: resolution.to_owned(), offers: Vec::new() },
    }
}

fn offering(mut weighed: Weighed, remedies: impl IntoIterator<Item = RemediationAction>) -> Weighed {
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
const OTHERS: &str = "an API key sees only its own calls; use an operator token (--token-file) for the request log";

/// Returns the refused requests with a status, or an unknown result if they could not be read.
fn refused(dossier: &Dossier, status: u16) -> Result<Vec<&RequestRow>, Answer> {
    let rows = dossier.refused.get().map_err(Answer::unknown)?;
    Ok(rows.iter().filter(|row| row.status == status).collect())
}

/// Checks whether any call was refused with `status`: fails with the number of calls, and is unknown if there were no
/// calls at all.
fn any_refused(dossier: &Dossier, status: u16) -> Answer {
    let rows = match refused(dossier, status) {
        Ok(rows) => rows,
        Err(unknown) => return unknown,
    };
    let calls = match dossier.wish.subject {
        DiagnosisSubject::Subscription(id) => format!("changes to subscription {id} answered {status}"),
        _ => format!("calls answered {status}"),
    };
    let evidence = vec![dossier.refused.evidence(&calls, rows.len().to_string(), Some("0"))];
    if !rows.is_empty() {
        return Answer { verdict: crate::api::report::CheckVerdict::Fail, evidence, causes: Vec::new() };
    }
    // The calls of one key show whether that key is accepted, and nothing about other callers.
    if dossier.sight == Sight::Own && status != 401 {
        return Answer { evidence, ..Answer::unknown(OTHERS) };
    }
    match dossier.served.get() {
        Ok(served) if served.is_empty() && dossier.refused.get().is_ok_and(Vec::is_empty) => {
            Answer::unknown(match dossier.wish.subject {
                DiagnosisSubject::All => "no call arrived in the period".to_owned(),
                subject => format!(
                    "no call of {subject} arrived in the period; calls without a readable key are checked only without a subject"
                ),
            })
        }
        Ok(_) => Answer::pass(evidence),
        Err(why) => Answer::unknown(why),
    }
}

/// Groups requests by a key, in the order of the keys.
fn grouped<K: Ord>(rows: Vec<&RequestRow>, key: impl Fn(&RequestRow) -> K) -> BTreeMap<K, Vec<&RequestRow>> {
    let mut groups: BTreeMap<K, Vec<&RequestRow>> = BTreeMap::new();
    for row in rows {
        groups.entry(key(row)).or_default().push(row);
    }
    groups
}

/// Creates the evidence of a group of requests, given newest first: number, first and latest, routes, ids, and the
/// latest detail.
fn told(dossier: &Dossier, rows: &[&RequestRow]) -> Vec<Evidence> {
    let (Some(newest), Some(oldest)) = (rows.first(), rows.last()) else { return Vec::new() };
    let log = &dossier.refused;
    let routes = grouped(rows.to_vec(), |row| format!("{} {}", row.method.sanitized(), row.route.sanitized()));
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
fn weight(base: u32, n: usize) -> u32 {
    base + u32::try_from(n).unwrap_or(u32::MAX).min(999)
}

/// Returns the detail of a request; empty if there is none.
fn detail(row: &RequestRow) -> &str {
    row.detail.as_ref().map_or("", |detail| detail.raw())
}

fn code(row: &RequestRow) -> &str {
    row.code.as_ref().map_or("", |code| code.raw())
}
