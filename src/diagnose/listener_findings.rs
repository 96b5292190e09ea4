//! Causes that a listener in front of a receiver shows before the receiver is asked: deliveries whose signatures it refused.

use super::cause_subject::CauseSubject;
use super::endpoint_findings::subscription_name;
use super::evidence_set::EvidenceSet;
use super::finding::{CauseFinding, ExplainedUnit, Occurrence};
use crate::domain::cause::CauseKind;
use crate::domain::ids::SubscriptionId;
use crate::domain::signature_debugger::signature_fault::SignatureFault;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::text::count;
use crate::wire::receipts::{RefusalReason, RefusedDeliveries};
use crate::wire::subscriptions::SubscriptionRow;
use std::collections::BTreeMap;

/// Number of refusals from which on a secret counts as wrong that no known change of a body explains.
const MIN_WRONG_SECRET: u64 = 3;

/// Refusals that one cause explains.
struct RefusalGroup<'a> {
    parts: Vec<&'a RefusedDeliveries>,
    n: u64,
    span: (Timestamp, Timestamp),
}

impl<'a> RefusalGroup<'a> {
    fn of(parts: Vec<&'a RefusedDeliveries>) -> Self {
        let first = parts.iter().map(|of| of.since_utc).min().unwrap_or_default();
        let last = parts.iter().map(|of| of.until_utc).max().unwrap_or_default();
        Self { n: parts.iter().map(|of| of.n).sum(), span: (first, last), parts }
    }
}

/// Adds what listeners refused to the causes of every subscription's endpoint.
pub fn add_all(set: &mut EvidenceSet) {
    let rows = EvidenceSet::rows(&set.subscriptions).iter();
    let found: Vec<(SubscriptionId, Vec<CauseFinding>)> =
        rows.map(|row| (row.subscription.id, listener_findings(set, row))).collect();
    for (id, findings) in found {
        if let Some(Ok(of)) = set.endpoint_findings.get_mut(&id) {
            of.extend(findings);
        }
    }
}

/// Finds why a listener refused the deliveries of a subscription. Requests that look like forgeries beside deliveries
/// that were verified are no cause.
fn listener_findings(set: &EvidenceSet, row: &SubscriptionRow) -> Vec<CauseFinding> {
    let mut groups: BTreeMap<CauseKind, Vec<&RefusedDeliveries>> = BTreeMap::new();
    let since = set.since();
    let refused = EvidenceSet::rows(&set.listener_refusals).iter();
    for of in refused.filter(|of| of.subscription_id == Some(row.subscription.id) && of.until_utc >= since) {
        if let Some(kind) = kind_of(of) {
            groups.entry(kind).or_default().push(of);
        }
    }
    groups.into_iter().filter_map(|(kind, parts)| finding(set, row, kind, &RefusalGroup::of(parts))).collect()
}

/// Kind of cause that refusals speak for; `None` for requests that are no deliveries.
fn kind_of(of: &RefusedDeliveries) -> Option<CauseKind> {
    let fault = of.signature_fault.as_ref().map(Untrusted::raw);
    match (fault.and_then(SignatureFault::from_id), of.reason) {
        (Some(fault), _) => Some(CauseKind::Signature(fault)),
        (None, RefusalReason::SignatureMismatch) => Some(CauseKind::SignatureUnexplained),
        _ => None,
    }
}

fn finding(
    set: &EvidenceSet,
    row: &SubscriptionRow,
    kind: CauseKind,
    group: &RefusalGroup<'_>,
) -> Option<CauseFinding> {
    let (first, last) = group.span;
    let (n_between, n_since) = n_verified(set, row, group.span);
    // A signature that a known fault of its maker explains was made with the secret; any other could be forged.
    let is_proven = matches!(kind, CauseKind::Signature(fault) if fault != SignatureFault::NoSignature);
    if !is_proven && (n_between + n_since > 0 || !has_events(set, row)) {
        return None;
    }
    let was_examined = group.parts.iter().any(|of| of.signature_fault.is_some());
    let kind = match kind {
        CauseKind::SignatureUnexplained if was_examined && group.n >= MIN_WRONG_SECRET => {
            CauseKind::Signature(SignatureFault::WrongSecret)
        }
        kind => kind,
    };
    let tries = Some(group.n + n_between + n_since);
    let occurrence =
        Occurrence::judged(set.at, (group.n, tries, ExplainedUnit::Attempts), (first, last), Some(n_since));
    let name = subscription_name(row);
    let log = &set.listener_refusals;
    let mut evidence = vec![
        log.evidence(&format!("{name}: deliveries refused by crow listen"), group.n.to_string(), Some("0")),
        log.evidence(&format!("{name}: first and latest refusal"), format!("{first} \u{2026} {last}"), None),
        log.evidence(
            &format!("{name}: deliveries verified meanwhile and since"),
            (n_between + n_since).to_string(),
            None,
        ),
    ];
    evidence.extend(group.parts.iter().map(|of| {
        let agent = of.user_agent.as_ref().map_or_else(|| "an unnamed sender".to_owned(), Untrusted::sanitized);
        let what = format!("{name}: {}, last by {agent}", of.reason.name());
        log.evidence(&what, of.n.to_string(), None)
    }));
    let subject = CauseSubject::Subscription(row.subscription.id);
    let detail = match kind {
        CauseKind::Signature(SignatureFault::WrongSecret) if !is_proven => {
            format!("crow listen refused all {}; no known change of a body explains them", count(group.n, "delivery"))
        }
        _ => "refused by crow listen, before the receiver".to_owned(),
    };
    Some(CauseFinding::new(kind, subject, name, occurrence).detail(detail).evidence(evidence))
}

/// Numbers of verified deliveries between two times, and since the second.
fn n_verified(set: &EvidenceSet, row: &SubscriptionRow, (first, last): (Timestamp, Timestamp)) -> (u64, u64) {
    let Some(endpoint) = set.endpoint(row.subscription.id) else { return (0, 0) };
    let rows = || EvidenceSet::rows(&endpoint.failures).iter().chain(EvidenceSet::rows(&endpoint.successes));
    let between = rows().filter(|row| row.started_utc >= first && row.started_utc <= last).count();
    let since = rows().filter(|row| row.started_utc > last).count();
    (between as u64, since as u64)
}

/// Checks whether events happened that the subscription lists. Without any, nothing was to be delivered.
fn has_events(set: &EvidenceSet, row: &SubscriptionRow) -> bool {
    let of = &row.subscription;
    let Ok(events) = set.events.result() else { return true };
    let is_listed = |kind: &Untrusted| of.event_types.is_empty() || of.event_types.contains(kind);
    set.events.is_incomplete || events.iter().any(|event| event.company_id == of.company_id && is_listed(&event.kind))
}
