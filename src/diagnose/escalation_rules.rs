//! Rules of the reasons to escalate that the logs alone show. A log that was not read to its end shows none of them.

use super::diagnosis_subject::DiagnosisSubject;
use super::escalation::{EscalationKind, FoundReason, MIN_CREATIONS, MIN_FAILURES_AFTER_REPAIR, MIN_PLATFORM_ERRORS};
use super::evidence_set::{CallGroup, CallerVisibility, EndpointEvidence, EvidenceSet};
use super::incident_history::IncidentHistory;
use super::topics::rate_pattern::bucket_of;
use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::text::Untrusted;
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::domain::window::RateBucket;
use crate::text::count;
use crate::wire::paths;
use crate::wire::problem::ProblemCode;
use crate::wire::requests::RequestRow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Time that the log of calls may lag behind, and within which an event follows its action.
const LOG_LAG: Duration = Duration::from_secs(60);
/// Milliseconds at both ends of a minute within which a call may have counted in the minute beside.
const EDGE_MS: i64 = 1_000;

/// Finds the reasons that the evidence of a subject shows.
pub(super) fn find_reasons(set: &EvidenceSet, history: &IncidentHistory) -> Vec<FoundReason> {
    let found =
        [persists(set, history), platform_errors(set), undocumented(set), limits_wrong(set), event_missing(set)];
    found.into_iter().flatten().collect()
}

/// Failures that go on after a change, an enabling or a replay that was made since they began.
fn persists(set: &EvidenceSet, history: &IncidentHistory) -> Option<FoundReason> {
    history.acts.iter().rev().filter(|act| !act.is_test()).find_map(|act| {
        let times = failures_of(set, act.subject.raw());
        // What was done before an object failed is no repair of it.
        let is_repair = times.iter().any(|at| *at <= act.utc);
        let n = times.iter().filter(|at| **at > act.utc).count() as u64;
        (is_repair && n >= MIN_FAILURES_AFTER_REPAIR).then(|| FoundReason {
            kind: EscalationKind::Persists,
            text: format!(
                "{} of {} after \"{}\" of {}",
                count(n, "failure"),
                act.subject.sanitized(),
                act.action.sanitized(),
                act.utc
            ),
        })
    })
}

/// Times of the failed attempts or refused calls of an object, by its name in the audit trail; of a company, those of
/// all its objects.
fn failures_of(set: &EvidenceSet, object: &str) -> Vec<Timestamp> {
    let company = |id: Option<CompanyId>| id.is_some_and(|id| object == format!("company {id}"));
    let is_mine = |of: &EndpointEvidence| {
        let row = set.subscription(of.subscription);
        object == format!("subscription {}", of.subscription) || company(row.map(|row| row.subscription.company_id))
    };
    let attempts = set.endpoints.iter().filter(|of| is_mine(of)).flat_map(|of| EvidenceSet::rows(&of.failures));
    let calls = set
        .key_calls
        .iter()
        .filter(|(key, _)| object == format!("key {key}") || company(set.key(**key).map(|row| row.company_id)));
    let refused = calls.flat_map(|(_, calls)| EvidenceSet::rows(calls)).filter(|row| !row.is_served());
    attempts.map(|row| row.started_utc).chain(refused.map(|row| row.utc)).collect()
}

/// Repeated errors of the platform. Contention is resolved by the client.
fn platform_errors(set: &EvidenceSet) -> Option<FoundReason> {
    let is_own = |group: &&CallGroup| group.newest.is_server_error() && code_of(&group.newest) != "contended";
    let groups: Vec<&CallGroup> = EvidenceSet::rows(&set.refused).iter().filter(is_own).collect();
    let n: u64 = groups.iter().map(|group| group.n).sum();
    let at_least = if set.refused.is_incomplete { "at least " } else { "" };
    let ids: Vec<&str> = groups.iter().flat_map(|group| &group.request_ids).map(String::as_str).take(3).collect();
    (n >= MIN_PLATFORM_ERRORS).then(|| FoundReason {
        kind: EscalationKind::PlatformErrors,
        text: format!("the platform answered {at_least}{} with 5xx, such as {}", count(n, "call"), ids.join(", ")),
    })
}

fn code_of(row: &RequestRow) -> &str {
    row.code.as_ref().map_or("", |code| code.raw())
}

/// Answers with a problem code that the documentation does not have, or with another status than it gives to the code.
/// The log holds every answer to the documentation of the errors.
fn undocumented(set: &EvidenceSet) -> Option<FoundReason> {
    if set.visibility == CallerVisibility::KeyOnly {
        return None;
    }
    let group = EvidenceSet::rows(&set.refused).iter().find(|group| {
        let code = group.newest.code.as_ref().map(|code| serde_json::from_value(code.raw().into()));
        match (code, group.newest.status) {
            (Some(Ok(ProblemCode::Unknown)), Some(_)) => true,
            (Some(Ok(code)), Some(status)) => code != ProblemCode::UpstreamRefused && code.status() != status,
            _ => false,
        }
    })?;
    let status = group.newest.status.unwrap_or_default();
    Some(FoundReason {
        kind: EscalationKind::AgainstDocumentation,
        text: format!(
            "{} answered {status} with the code {}, which the documentation does not list for {status}",
            count(group.n, "call"),
            group.newest.code.as_ref().map_or_else(String::new, Untrusted::sanitized),
        ),
    })
}

/// Calls that were rejected in a minute in which fewer were admitted than the limit allows.
fn limits_wrong(set: &EvidenceSet) -> Option<FoundReason> {
    if set.visibility == CallerVisibility::KeyOnly {
        return None;
    }
    set.key_calls.iter().find_map(|(key, calls)| {
        let unchanged = limits_unchanged_since(set, *key)?;
        let rows = EvidenceSet::rows(calls);
        // A log that was cut begins within a minute.
        let cut = rows.first().filter(|_| calls.is_incomplete).map(|row| row.utc.floor_to(MINUTE_MS));
        let after = unchanged.max(cut.unwrap_or_default());
        [RateBucket::Read, RateBucket::Write, RateBucket::Admin].into_iter().find_map(|bucket| {
            let limit = EvidenceSet::rows(&set.limits)
                .iter()
                .find(|of| of.row.key_id == *key && of.row.bucket == bucket)
                .map(|of| of.row.limit)?;
            wrong_minute(set, (rows, bucket, limit), after)
        })
    })
}

/// Time since which a key's limits are unchanged, as far as the audit trail shows it; `None` if it was not read.
fn limits_unchanged_since(set: &EvidenceSet, key: KeyId) -> Option<Timestamp> {
    let rows = set.audit.found.as_ref().ok()?;
    let name = format!("key {key}");
    let changes = rows.iter().filter(|row| row.action.raw() == "limit key" && row.subject.raw() == name);
    let oldest_read = rows.iter().map(|row| row.utc).min().filter(|_| set.audit.is_incomplete);
    Some(changes.map(|row| row.utc).max().max(oldest_read).unwrap_or_default())
}

fn wrong_minute(
    set: &EvidenceSet,
    (rows, bucket, limit): (&[RequestRow], RateBucket, u32),
    after: Timestamp,
) -> Option<FoundReason> {
    let mut minutes: BTreeMap<Timestamp, (u64, u64)> = BTreeMap::new();
    for row in rows.iter().filter(|row| bucket_of(row) == bucket) {
        let minute = row.utc.floor_to(MINUTE_MS);
        let within = row.utc.millis() - minute.millis();
        let (n_admitted, n_refused) = minutes.entry(minute).or_default();
        if !row.has_status(429) {
            *n_admitted += 1;
        } else if (EDGE_MS..MINUTE_MS - EDGE_MS).contains(&within) {
            *n_refused += 1;
        }
    }
    let end = set.at.minus(LOG_LAG).floor_to(MINUTE_MS);
    let is_wrong = |(minute, (n_admitted, n_refused)): &(&Timestamp, &(u64, u64))| {
        **minute > after && **minute < end && *n_refused > 0 && *n_admitted < u64::from(limit)
    };
    let (minute, (n_admitted, n_refused)) = minutes.iter().find(is_wrong)?;
    Some(FoundReason {
        kind: EscalationKind::LimitsWrong,
        text: format!(
            "in the minute of {minute}, {} got 429 although {n_admitted} of {limit} {bucket} calls were admitted",
            count(*n_refused, "call")
        ),
    })
}

/// Event type that a successful creation publishes.
fn event_of(row: &RequestRow) -> Option<&'static str> {
    match (row.method.raw(), row.route.raw(), row.status) {
        ("POST", paths::LEADS, Some(201)) => Some("lead.created"),
        ("POST", paths::AFFILIATES, Some(201)) => Some("affiliate.created"),
        _ => None,
    }
}

/// Creations that succeeded while not one event of their type was published since.
fn event_missing(set: &EvidenceSet) -> Option<FoundReason> {
    if matches!(set.scope.subject, DiagnosisSubject::Subscription(_)) || set.served.is_incomplete {
        return None;
    }
    let events = set.events.found.as_ref().ok().filter(|_| !set.events.is_incomplete)?;
    let mut made: BTreeMap<(CompanyId, &str), (u64, Timestamp)> = BTreeMap::new();
    for group in EvidenceSet::rows(&set.served).iter().filter(|group| group.last() < set.at.minus(LOG_LAG)) {
        let (Some(kind), Some(company)) = (event_of(&group.newest), group.newest.company_id) else { continue };
        let entry = made.entry((company, kind)).or_insert((0, group.first()));
        *entry = (entry.0 + group.n, entry.1.min(group.first()));
    }
    let published: BTreeSet<(CompanyId, &str)> = events.iter().map(|row| (row.company_id, row.kind.raw())).collect();
    let ((_, kind), (n, first)) =
        made.into_iter().find(|(what, (n, _))| *n >= MIN_CREATIONS && !published.contains(what))?;
    Some(FoundReason {
        kind: EscalationKind::EventMissing,
        text: format!("{} since {first} succeeded, and no {kind} was published", count(n, "creation")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::evidence_set::{DiagnosisScope, QueryRecord};
    use crate::diagnose::incident_history::IncidentAct;
    use crate::domain::ids::SubscriptionId;
    use crate::wire::attempts::AttemptRow;

    const NOW: Timestamp = Timestamp::from_millis(1_767_261_600_000);

    fn ago(seconds: u64) -> Timestamp {
        NOW.minus(Duration::from_secs(seconds))
    }

    #[test]
    fn only_what_was_done_to_the_failing_object_since_it_failed_is_a_repair() {
        let row = |seconds: u64| AttemptRow { started_utc: ago(seconds), ..AttemptRow::answered(1, 500) };
        let failures =
            QueryRecord { found: Ok([80, 90, 100, 200, 300].map(row).to_vec()), ..QueryRecord::of("GET /x") };
        let endpoint = EndpointEvidence::of_attempts(SubscriptionId(1), failures, QueryRecord::not_asked());
        let scope = DiagnosisScope::last_hour_of(DiagnosisSubject::All);
        let set = EvidenceSet { endpoints: vec![endpoint], ..EvidenceSet::empty(scope, NOW) };
        let found = |action: &str, subject: &str, seconds: u64| {
            let act = IncidentAct {
                utc: ago(seconds),
                action: action.into(),
                subject: subject.into(),
                by: "operator 1".into(),
                reason: None,
                id: 1,
            };
            persists(&set, &IncidentHistory { acts: vec![act], ..IncidentHistory::default() }).map(|of| of.text)
        };
        let text = found("enable subscription", "subscription 1", 150).expect("a reason");
        assert!(text.starts_with("3 failures of subscription 1 after \"enable subscription\" of "), "{text}");
        for (action, subject, seconds) in [
            ("create key", "key 2", 150),
            ("enable subscription", "subscription 2", 150),
            ("change subscription", "subscription 1", 301),
            ("enable subscription", "subscription 1", 95),
            ("test subscription", "subscription 1", 150),
        ] {
            assert_eq!(found(action, subject, seconds), None, "{action} {subject} {seconds}");
        }
    }
}
