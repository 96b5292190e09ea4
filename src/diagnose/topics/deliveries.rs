//! Causes that deliveries have in common, for the playbooks about webhooks, the breaker and signatures: subscriptions
//! that are off, changed, replaced, doubled or deleted, and endpoints that fail.

use super::calls::remark;
use crate::diagnose::cause_subject::CauseSubject;
use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::endpoint::counted_text;
use crate::diagnose::endpoint_findings::subscription_name;
use crate::diagnose::evidence_set::{CallerVisibility, DeletedSubscription, EvidenceSet, known_health};
use crate::diagnose::finding::{CauseFinding, ExplainedUnit, Occurrence};
use crate::diagnose::remedy::{OfferedAction, RemediationAction, RunbookTarget, shell_json};
use crate::diagnose::report::{DiagnosisRemark, Evidence};
use crate::diagnose::runbook_kind::Runbook;
use crate::domain::breaker::FAILURE_THRESHOLD;
use crate::domain::cause::{CauseKind, CauseState};
use crate::domain::disabled_reason::DisabledReason;
use crate::domain::ids::{AttemptId, CompanyId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::text::{count, or_unknown};
use crate::wire::attempts::AttemptRow;
use crate::wire::audit::AuditRow;
use crate::wire::paths;
use crate::wire::subscriptions::{Subscription, SubscriptionRow};
use crate::wire::trips::TripRow;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use url::Url;

/// Tolerance of times that have whole seconds.
const SECOND: Duration = Duration::from_secs(1);
/// Number of trips in a day from which on a breaker flaps.
const MIN_FLAPS: usize = 3;
/// Period in which trips are counted.
const DAY: Duration = Duration::from_secs(86_400);

/// Subscriptions of the scope.
pub(super) fn subscriptions(set: &EvidenceSet) -> &[SubscriptionRow] {
    EvidenceSet::rows(&set.subscriptions)
}

/// Reason why no receiver can have judged a signature: none took or refused a delivery.
pub(super) fn none_judged(set: &EvidenceSet) -> Option<String> {
    let failures = || set.endpoints.iter().flat_map(|of| EvidenceSet::rows(&of.failures));
    let is_read = set.endpoints.iter().all(|of| of.failures.found.is_ok() && !of.failures.is_incomplete);
    let has_answer = failures().any(|row| row.status_code.is_some_and(|status| (400..500).contains(&status)))
        || set.endpoints.iter().any(|of| !EvidenceSet::rows(&of.successes).is_empty())
        || subscriptions(set).iter().any(|row| row.subscription.last_success_utc.is_some());
    (is_read && failures().next().is_some() && !has_answer).then(|| "no endpoint answered 2xx or 4xx".to_owned())
}

/// Causes of failing endpoints of all subscriptions, with offers.
///
/// # Errors
///
/// Why the log of a subscription could not be read.
pub(super) fn endpoint_findings(set: &EvidenceSet) -> Result<Vec<CauseFinding>, String> {
    let mut findings = Vec::new();
    for row in subscriptions(set) {
        let of = set.endpoint_findings.get(&row.subscription.id).cloned().unwrap_or_else(|| Ok(Vec::new()))?;
        findings.extend(of.into_iter().map(|finding| with_offers(set, row, finding)));
    }
    Ok(findings)
}

fn with_offers(set: &EvidenceSet, row: &SubscriptionRow, finding: CauseFinding) -> CauseFinding {
    let id = row.subscription.id;
    let subject = DiagnosisSubject::Subscription(id);
    let location = set.endpoint(id).and_then(|of| {
        EvidenceSet::rows(&of.details).iter().find_map(|detail| {
            let is_redirect = detail.row.status_code.is_some_and(|status| (300..400).contains(&status));
            let header =
                detail.response_headers.iter().find(|header| header.name.raw().eq_ignore_ascii_case("location"))?;
            is_redirect.then_some(&header.value)
        })
    });
    let mut offers: Vec<OfferedAction> = Vec::new();
    match finding.kind {
        CauseKind::EndpointRedirects => {
            offers.extend(location.and_then(|location| set_target(row, location)));
        }
        CauseKind::LostSecret => {
            offers.push(RemediationAction::Runbook(RunbookTarget { runbook: Runbook::LostSecret, subject }).into());
        }
        CauseKind::Signature(_) | CauseKind::SignatureUnexplained | CauseKind::EndpointRejectsSignature => {
            offers.extend(checked_attempt(set, id).map(|id| RemediationAction::Verify(id).into()));
        }
        _ => {}
    }
    offers.push(RemediationAction::Test(id).into());
    finding.offers(offers)
}

fn checked_attempt(set: &EvidenceSet, id: SubscriptionId) -> Option<AttemptId> {
    Some(set.endpoint(id)?.checks.first()?.0)
}

/// Offers to set the target to where the endpoint redirects, if that is a URL that can be a target.
fn set_target(row: &SubscriptionRow, location: &Untrusted) -> Option<OfferedAction> {
    let base = Url::parse(row.subscription.target_url.raw()).ok()?;
    let target = base.join(location.raw()).ok().filter(|url| url.scheme() == "https" && url.has_host())?;
    let id = row.subscription.id;
    let what = format!("set the target of subscription {id} to {}", Untrusted::new(target.as_str()).sanitized());
    Some(patch(id, what, &json!({ "targetUrl": target.as_str() })))
}

/// Offers to change a subscription by its company's key.
fn patch(id: SubscriptionId, what: String, body: &Value) -> OfferedAction {
    let body = shell_json(body);
    let path = paths::with_value(paths::SUBSCRIPTION, id);
    let command = format!(
        "curl -sS -X PATCH -H \"X-Api-Key: $API_KEY\" -H 'Content-Type: application/json' --data {body} \"$PLATFORM_URL{path}\""
    );
    OfferedAction { id: "patch".to_owned(), what, command, remedy: None }
}

/// Newest change of a subscription with an action.
fn change<'s>(set: &'s EvidenceSet, id: SubscriptionId, action: &str) -> Option<&'s AuditRow> {
    let subject = format!("subscription {id}");
    EvidenceSet::rows(&set.audit).iter().find(|row| row.subject.raw() == subject && row.action.raw() == action)
}

/// Open trip of a subscription.
fn open_trip(set: &EvidenceSet, id: SubscriptionId) -> Option<&TripRow> {
    EvidenceSet::rows(&set.trips).iter().find(|trip| trip.subscription_id == id && trip.enabled_utc.is_none())
}

/// Time since which a subscription is off, at the latest.
pub(super) fn off_since(set: &EvidenceSet, row: &SubscriptionRow) -> Option<Timestamp> {
    if row.subscription.is_enabled {
        return None;
    }
    let tripped = open_trip(set, row.subscription.id).map(|trip| trip.tripped_utc);
    // The time has whole seconds, so the end of that second is the latest possible moment.
    Some(tripped.unwrap_or_else(|| row.subscription.disabled_utc.unwrap_or(set.at).plus(SECOND)))
}

/// Whether the endpoint of a subscription that is off works again: from the newest attempt since; `None` without one.
pub(super) fn works_again(set: &EvidenceSet, row: &SubscriptionRow) -> Option<bool> {
    let off = off_since(set, row)?;
    let of = set.endpoint(row.subscription.id)?;
    let newest = |rows: &[AttemptRow]| rows.first().map(|row| row.started_utc).filter(|at| *at > off);
    match (newest(EvidenceSet::rows(&of.successes)), newest(EvidenceSet::rows(&of.failures))) {
        (None, None) => None,
        (success, failure) => Some(success > failure),
    }
}

/// Causes of subscriptions that are off, and remarks about those that are off on purpose and miss nothing.
pub(super) fn off_findings(set: &EvidenceSet) -> (Vec<CauseFinding>, Vec<DiagnosisRemark>) {
    let (mut findings, mut remarks) = (Vec::new(), Vec::new());
    for row in subscriptions(set).iter().filter(|row| !row.subscription.is_enabled) {
        match row.subscription.disabled_reason {
            Some(DisabledReason::Breaker) => findings.push(tripped(set, row)),
            _ => match disabled_by_hand(set, row) {
                Ok(finding) => findings.push(finding),
                Err(remark) => remarks.push(remark),
            },
        }
    }
    findings.extend(subscriptions(set).iter().filter_map(|row| flapping(set, row)));
    (findings, remarks)
}

/// Evidence of what a subscription missed while it was off; counted only where an operator token can look.
fn missed_evidence(set: &EvidenceSet, row: &SubscriptionRow) -> Vec<Evidence> {
    let name = subscription_name(row);
    // The subscription has whole seconds, its open trip the moment.
    let since = open_trip(set, row.subscription.id).map(|trip| trip.tripped_utc).or(row.subscription.disabled_utc);
    let since = since.map_or_else(|| "an unknown time".to_owned(), |at| at.to_string());
    let mut evidence = vec![set.subscriptions.evidence(&format!("{name}: off since"), since, None)];
    if set.visibility == CallerVisibility::Full {
        let health = known_health(row);
        for (what, n) in [("missed events", health.n_skipped), ("deliveries on hold", health.n_parked)] {
            evidence.push(set.subscriptions.evidence(&format!("{name}: {what}"), or_unknown(n), Some("0")));
        }
    }
    evidence
}

fn tripped(set: &EvidenceSet, row: &SubscriptionRow) -> CauseFinding {
    let (id, name) = (row.subscription.id, subscription_name(row));
    let trip = open_trip(set, id);
    let causes = trip.into_iter().flat_map(|trip| trip.causes.iter().flatten());
    let seen = counted_text(causes.map(|count| (count.cause.sanitized(), u64::from(count.n))));
    let mut evidence = missed_evidence(set, row);
    evidence
        .extend(trip.filter(|trip| trip.causes.is_some()).map(|_| {
            set.trips.evidence(&format!("{name}: the last {FAILURE_THRESHOLD} attempts"), seen.clone(), None)
        }));
    let is_fixed = works_again(set, row) == Some(true);
    let kind = if is_fixed { CauseKind::BreakerFixed } else { CauseKind::BreakerTripped };
    let n = known_health(row).n_missed_or_held().unwrap_or(0);
    let since = trip.map(|trip| trip.tripped_utc).or(row.subscription.disabled_utc);
    let occurrence = Occurrence::lasting(n, ExplainedUnit::Events, since);
    let finding = CauseFinding::new(kind, CauseSubject::Subscription(id), name, occurrence);
    let recovery = RemediationAction::Runbook(RunbookTarget {
        runbook: Runbook::BreakerRecovery,
        subject: DiagnosisSubject::Subscription(id),
    });
    let offers = [RemediationAction::Test(id), enable(set, id), recovery];
    let skipped = usize::from(is_fixed);
    finding.detail(seen).evidence(evidence).offers(offers.into_iter().skip(skipped))
}

/// Action that enables a subscription; a key cannot replay what it missed.
fn enable(set: &EvidenceSet, id: SubscriptionId) -> RemediationAction {
    RemediationAction::enable(id, set.visibility == CallerVisibility::Full)
}

/// Creates the cause of a subscription that was disabled by hand; a remark if that was on purpose and it missed nothing.
fn disabled_by_hand(set: &EvidenceSet, row: &SubscriptionRow) -> Result<CauseFinding, DiagnosisRemark> {
    let (id, name) = (row.subscription.id, subscription_name(row));
    let change = change(set, id, "disable subscription").or_else(|| change(set, id, "mark subscription as intended"));
    let reason = row.disabled_note.as_ref().or_else(|| change?.reason.as_ref());
    let since = row.subscription.disabled_utc.map(|at| format!("since {at}"));
    let by = change.map(|row| format!("by {}", row.actor.sanitized()));
    let reason = reason.map(|reason| format!("reason: {}", reason.sanitized()));
    let has_reason = reason.is_some();
    let detail: Vec<String> = since.into_iter().chain(by).chain(reason).collect();
    let evidence = missed_evidence(set, row);
    let n = known_health(row).n_missed_or_held().unwrap_or(0);
    if has_reason && n == 0 && set.visibility == CallerVisibility::Full {
        let title = format!("{name} is disabled by hand {}; it missed nothing", detail.join("; "));
        return Err(remark(CauseKind::SubDisabled, title, evidence));
    }
    let occurrence = Occurrence::lasting(n, ExplainedUnit::Events, row.subscription.disabled_utc);
    let finding = CauseFinding::new(CauseKind::SubDisabled, CauseSubject::Subscription(id), name, occurrence);
    let offers = [RemediationAction::Test(id), enable(set, id)];
    Ok(finding.detail(detail.join("; ")).evidence(evidence).offers(offers))
}

/// Creates the cause of a breaker that tripped several times in a day.
fn flapping(set: &EvidenceSet, row: &SubscriptionRow) -> Option<CauseFinding> {
    let id = row.subscription.id;
    let mut times: Vec<Timestamp> = EvidenceSet::rows(&set.trips)
        .iter()
        .filter(|trip| trip.subscription_id == id && set.at.since(trip.tripped_utc) <= DAY)
        .map(|trip| trip.tripped_utc)
        .collect();
    times.sort_unstable();
    let (first, last) = (*times.first()?, *times.last()?);
    if times.len() < MIN_FLAPS {
        return None;
    }
    let longest = times.windows(2).map(|pair| pair[1].since(pair[0])).max().unwrap_or_default();
    let is_steady = row.subscription.is_enabled && set.at.since(last) > longest * 2;
    let n = times.len() as u64 * u64::from(FAILURE_THRESHOLD);
    let occurrence = Occurrence {
        state: if is_steady { CauseState::Over } else { CauseState::Now },
        last: Some(last),
        ..Occurrence::lasting(n, ExplainedUnit::Attempts, Some(first))
    };
    let name = subscription_name(row);
    let shown: Vec<String> = times.iter().rev().take(5).rev().map(|at| at.format("%H:%M")).collect();
    let trips = count(times.len(), "trip");
    let evidence =
        vec![set.trips.evidence(&format!("{name}: trips of the last 24 h"), times.len().to_string(), Some("0"))];
    let finding = CauseFinding::new(CauseKind::BreakerFlaps, CauseSubject::Subscription(id), name, occurrence);
    Some(finding.detail(format!("{trips} in 24 h, at {} UTC", shown.join(", "))).evidence(evidence))
}

/// Causes in the configuration: changed before deliveries began to fail, replaced, doubled, deleted, or with a type
/// removed.
pub(super) fn configuration_findings(set: &EvidenceSet) -> Vec<CauseFinding> {
    let failing = endpoint_findings(set).unwrap_or_default();
    let of = |row: &SubscriptionRow| {
        let subject = CauseSubject::Subscription(row.subscription.id);
        let acts = |finding: &&CauseFinding| {
            finding.subjects.first() == Some(&subject) && finding.occurrence.state.may_be_active()
        };
        failing.iter().filter(acts).max_by_key(|finding| finding.occurrence.n)
    };
    let mut findings = Vec::new();
    for row in subscriptions(set) {
        if let Some(failing) = of(row) {
            findings.extend(replaced(set, row, failing).or_else(|| changed(set, row, failing)));
        }
        findings.extend(type_removed(set, row));
    }
    findings.extend(duplicates(set));
    findings.extend(deleted(set));
    findings
}

/// A subscription that fails since its target was changed.
fn changed(set: &EvidenceSet, row: &SubscriptionRow, failing: &CauseFinding) -> Option<CauseFinding> {
    let (id, name) = (row.subscription.id, subscription_name(row));
    let revisions = EvidenceSet::rows(&set.endpoint(id)?.revisions);
    let mut revisions: Vec<_> = revisions.iter().collect();
    revisions.sort_by_key(|revision| std::cmp::Reverse(revision.revision));
    let (now, before) = (revisions.first()?, revisions.get(1)?);
    let success = row.subscription.last_success_utc?;
    // Times of the subscription have whole seconds.
    let is_since = success <= now.since_utc && failing.occurrence.first? >= now.since_utc.whole_second();
    if now.target_url == before.target_url || !is_since {
        return None;
    }
    let by = change(set, id, "change subscription").map(|row| format!(" by {}", row.actor.sanitized()));
    let target = |url: &Untrusted| url.sanitized();
    let detail = format!(
        "the target was changed at {}{} from {} to {}",
        now.since_utc,
        by.unwrap_or_default(),
        target(&before.target_url),
        target(&now.target_url)
    );
    let finding =
        CauseFinding::new(CauseKind::SubscriptionChanged, CauseSubject::Subscription(id), name, failing.occurrence);
    let subject = DiagnosisSubject::Subscription(id);
    let rollback = RemediationAction::Runbook(RunbookTarget { runbook: Runbook::Rollback, subject });
    let mut finding =
        finding.detail(detail).evidence(failing.evidence.clone()).offers([rollback, RemediationAction::Test(id)]);
    finding.said.clone_from(&failing.said);
    Some(finding)
}

/// A subscription that fails while a newer one with its target succeeds.
fn replaced(set: &EvidenceSet, row: &SubscriptionRow, failing: &CauseFinding) -> Option<CauseFinding> {
    let of = &row.subscription;
    let newer = EvidenceSet::rows(&set.siblings).iter().find(|other| {
        let other_of = &other.subscription;
        other_of.id.0 > of.id.0
            && other_of.company_id == of.company_id
            && other_of.target_url == of.target_url
            && other_of.is_enabled
            && other.failures_in_a_row() == 0
            && other_of.last_success_utc.is_some_and(|success| of.last_success_utc.is_none_or(|own| success > own))
    })?;
    let finding = CauseFinding::new(
        CauseKind::SubscriptionReplaced,
        CauseSubject::Subscription(of.id),
        subscription_name(row),
        failing.occurrence,
    );
    let newer = match set.scope.subject {
        // A narrowed report names no other subscription.
        DiagnosisSubject::Subscription(_) => {
            format!("a newer one, created {}, succeeds", or_unknown(newer.subscription.created_utc))
        }
        _ => format!(
            "subscription {}, created {}, succeeds",
            newer.subscription.id,
            or_unknown(newer.subscription.created_utc)
        ),
    };
    let mut finding = finding.detail(newer).evidence(failing.evidence.clone());
    finding.said.clone_from(&failing.said);
    Some(finding)
}

/// Pairs of subscriptions that deliver the same events to one URL.
fn duplicates(set: &EvidenceSet) -> Vec<CauseFinding> {
    let mut by_target: BTreeMap<(CompanyId, &str), Vec<&Subscription>> = BTreeMap::new();
    for row in EvidenceSet::rows(&set.siblings).iter().filter(|row| row.subscription.is_enabled) {
        let of = &row.subscription;
        by_target.entry((of.company_id, of.target_url.raw())).or_default().push(of);
    }
    let mut findings = Vec::new();
    for alike in by_target.values() {
        for (position, one) in alike.iter().enumerate() {
            findings.extend(alike[position + 1..].iter().filter_map(|other| duplicate(set, one, other)));
        }
    }
    findings
}

fn duplicate(set: &EvidenceSet, a: &Subscription, b: &Subscription) -> Option<CauseFinding> {
    let shared: Vec<String> =
        a.event_types.iter().filter(|kind| b.event_types.contains(kind)).map(Untrusted::sanitized).collect();
    let (subject, who) = match set.scope.subject {
        // A narrowed report names no other subscription.
        DiagnosisSubject::Subscription(id) if id != a.id && id != b.id => return None,
        DiagnosisSubject::Subscription(id) => (id, format!("subscription {id} and another one")),
        _ => (a.id.min(b.id), format!("subscriptions {} and {}", a.id.min(b.id), a.id.max(b.id))),
    };
    let since = a.created_utc.max(b.created_utc);
    let occurrence = Occurrence::lasting(0, ExplainedUnit::Subscriptions, since);
    let fact = set.siblings.evidence(&format!("{who}: event types in common"), shared.join(", "), Some("none"));
    let finding =
        CauseFinding::new(CauseKind::SubscriptionDuplicate, CauseSubject::Subscription(subject), who, occurrence);
    (!shared.is_empty()).then(|| finding.detail(shared.join(", ")).evidence(vec![fact]))
}

/// A type that was removed from a subscription and happened since, and that no other subscription of the company lists.
fn type_removed(set: &EvidenceSet, row: &SubscriptionRow) -> Option<CauseFinding> {
    let of = &row.subscription;
    let record = &set.endpoint(of.id)?.revisions;
    let revisions = EvidenceSet::rows(record);
    let mut revisions: Vec<_> = revisions.iter().collect();
    revisions.sort_by_key(|revision| std::cmp::Reverse(revision.revision));
    let (now, before) = (revisions.first()?, revisions.get(1)?);
    let is_listed = |kind: &Untrusted| {
        EvidenceSet::rows(&set.siblings).iter().any(|other| {
            let other = &other.subscription;
            other.company_id == of.company_id && other.is_enabled && other.event_types.contains(kind)
        })
    };
    let removed: Vec<&Untrusted> =
        before.event_types.iter().filter(|kind| !now.event_types.contains(kind) && !is_listed(kind)).collect();
    let happened = EvidenceSet::rows(&set.events).iter().filter(|event| {
        event.company_id == of.company_id && removed.contains(&&event.kind) && event.created_utc >= now.since_utc
    });
    let times: Vec<Timestamp> = happened.map(|event| event.created_utc).collect();
    let (first, last) = (times.iter().min().copied()?, times.iter().max().copied()?);
    let kinds: Vec<String> = removed.iter().map(|kind| kind.sanitized()).collect();
    let by = change(set, of.id, "change subscription").map(|row| format!(" by {}", row.actor.sanitized()));
    let detail = format!("{} removed at {}{}", kinds.join(", "), now.since_utc, by.unwrap_or_default());
    let occurrence = Occurrence {
        last: Some(last),
        is_at_least: set.events.is_incomplete,
        ..Occurrence::lasting(times.len() as u64, ExplainedUnit::Events, Some(first))
    };
    let name = subscription_name(row);
    let what = format!("{name}: events of removed types since {}, among events", now.since_utc);
    let fact = set.events.evidence(&what, count(times.len(), "event"), Some("none"));
    let list = |kinds: &[Untrusted]| kinds.iter().map(Untrusted::sanitized).collect::<Vec<_>>().join(", ");
    let lists = [("before", before), ("now", now)]
        .map(|(when, of)| record.evidence(&format!("{name}: event types {when}"), list(&of.event_types), None));
    let all: Vec<&str> = now.event_types.iter().chain(removed.iter().copied()).map(Untrusted::raw).collect();
    let offer =
        patch(of.id, format!("add the removed types to subscription {id}", id = of.id), &json!({ "eventTypes": all }));
    let finding = CauseFinding::new(CauseKind::TypeNotSubscribed, CauseSubject::Subscription(of.id), name, occurrence);
    let evidence = [fact].into_iter().chain(lists).collect();
    Some(finding.detail(detail).evidence(evidence).offers([offer]))
}

/// Subscriptions that were deleted although their events go on, and that no other replaces.
fn deleted(set: &EvidenceSet) -> Vec<CauseFinding> {
    let is_asked = |of: &&DeletedSubscription| match set.scope.subject {
        DiagnosisSubject::Subscription(id) => id == of.id,
        DiagnosisSubject::Key(_) => false,
        DiagnosisSubject::All | DiagnosisSubject::Company(_) => true,
    };
    let findings = set.deleted.iter().filter(is_asked).filter_map(|of| {
        let takes = |other: &&SubscriptionRow| {
            let other = &other.subscription;
            let has_all = of.event_types.iter().all(|kind| other.event_types.iter().any(|of| of.raw() == kind));
            other.company_id == of.company_id && other.is_enabled && (other.target_url == of.target_url || has_all)
        };
        if EvidenceSet::rows(&set.siblings).iter().any(|row| takes(&row)) {
            return None;
        }
        let times: Vec<Timestamp> = EvidenceSet::rows(&set.events)
            .iter()
            .filter(|event| event.company_id == of.company_id && event.created_utc >= of.at)
            .filter(|event| of.event_types.iter().any(|kind| kind == event.kind.raw()))
            .map(|event| event.created_utc)
            .collect();
        let (first, last) = (times.iter().min().copied()?, times.iter().max().copied()?);
        let occurrence = Occurrence {
            last: Some(last),
            is_at_least: set.events.is_incomplete,
            ..Occurrence::lasting(times.len() as u64, ExplainedUnit::Events, Some(first))
        };
        let name = format!("subscription {}", of.id);
        let fact = set.audit.evidence(&format!("{name}: deleted"), format!("{} by {}", of.at, of.by.sanitized()), None);
        let detail = format!("deleted {} by {}; target {}", of.at, of.by.sanitized(), of.target_url.sanitized());
        let subject = CauseSubject::Subscription(of.id);
        let finding = CauseFinding::new(CauseKind::SubscriptionDeleted, subject, name, occurrence);
        Some(finding.detail(detail).evidence(vec![fact]))
    });
    findings.collect()
}
