//! History of an incident: failures in groups, what they affected, how often they happen, what was done since, and what
//! was changed before.

use super::caller_id::CallerId;
use super::cause_subject::CauseSubject;
use super::diagnosis_subject::DiagnosisSubject;
use super::escalation::FoundReason;
use super::evidence_set::{CallGroup, EvidenceSet};
use super::report::{DiagnosedCause, active_causes};
use super::topics::key_not_working::claimed_key;
use super::tried_steps::{self, TriedOutcome};
use crate::domain::delivery::AttemptKind;
use crate::domain::ids::{AttemptId, EventId, KeyId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::wire::attempts::AttemptRow;
use crate::wire::audit::AuditRow;
use std::collections::{BTreeMap, BTreeSet};

/// Number of slices that the period is cut into for the trend.
const TREND_SLICES: u32 = 6;
/// Maximum number of groups of failures and of calls that a ticket keeps each.
pub(super) const MAX_GROUPS: usize = 20;
/// Maximum number of acts after the first failure that a ticket keeps.
const MAX_ACTS: usize = 20;

/// Failed attempts of one subscription with the same outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureGroup {
    /// Subscription that the attempts were sent to.
    pub subscription: SubscriptionId,
    /// Outcome of the attempts: an HTTP status or a failure kind.
    pub outcome: String,
    /// Number of the attempts.
    pub n: u64,
    /// Whether there are more than were read.
    pub is_at_least: bool,
    /// First of the attempts.
    pub first: (Timestamp, AttemptId),
    /// Last of the attempts.
    pub last: (Timestamp, AttemptId),
}

/// What an incident affected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IncidentImpact {
    /// Events whose delivery failed at least once, or that were not delivered.
    pub events: BTreeSet<EventId>,
    /// Deliveries that were missed, given up or are on hold.
    pub undelivered: BTreeSet<i64>,
    /// Subscriptions that the failures belong to.
    pub subscriptions: BTreeSet<SubscriptionId>,
    /// Keys that the refused calls were made with.
    pub keys: BTreeSet<KeyId>,
    /// Whether more may be affected than was read.
    pub is_at_least: bool,
}

/// Change or test of an object, from the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentAct {
    /// Time of the act.
    pub utc: Timestamp,
    /// Kind of the act, such as `enable subscription`.
    pub action: Untrusted,
    /// Object that was acted on.
    pub subject: Untrusted,
    /// Operator or key that acted.
    pub by: Untrusted,
    /// Reason that was given, if any.
    pub reason: Option<Untrusted>,
    /// Number of the row in the audit trail.
    pub id: i64,
}

impl IncidentAct {
    /// Whether the act only looked whether deliveries arrive.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.action.raw().starts_with("test ")
    }

    fn is_enabling(&self) -> bool {
        self.action.raw().starts_with("enable ")
    }
}

impl From<&AuditRow> for IncidentAct {
    fn from(of: &AuditRow) -> Self {
        Self {
            utc: of.utc,
            action: of.action.clone(),
            subject: of.subject.clone(),
            by: of.actor.clone(),
            reason: of.reason.clone(),
            id: of.id,
        }
    }
}

/// Failed attempts of one part of the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrendSlice {
    /// Start of the part.
    pub since: Timestamp,
    /// Number of scheduled attempts that failed in it.
    pub n_failed: u64,
    /// Number of scheduled attempts in it.
    pub n: u64,
}

/// History of an incident.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IncidentHistory {
    /// Failed attempts in groups, the largest first.
    pub failures: Vec<FailureGroup>,
    /// Refused and failed calls in groups, the largest first.
    pub calls: Vec<CallGroup>,
    /// Events, deliveries, subscriptions and keys that were affected.
    pub impact: IncidentImpact,
    /// Failures over the period, oldest part first; empty without attempts.
    pub trend: Vec<TrendSlice>,
    /// Acts after the first failure, oldest first.
    pub acts: Vec<IncidentAct>,
    /// Last change before the first failure.
    pub last_change: Option<IncidentAct>,
    /// Reasons to escalate that the evidence shows.
    pub reasons: Vec<FoundReason>,
    /// What was measured since each step that the reporter tried, in their order.
    pub tried: Vec<TriedOutcome>,
}

impl IncidentHistory {
    /// Reads the history of a subject from its evidence, without the reasons to escalate.
    #[must_use]
    pub fn read(set: &EvidenceSet, causes: &[DiagnosedCause]) -> Self {
        let failures = failure_groups(set);
        let calls: Vec<CallGroup> = EvidenceSet::rows(&set.refused).iter().take(MAX_GROUPS).cloned().collect();
        let mut history = Self { impact: impact(set), trend: trend(set), failures, calls, ..Self::default() };
        let involved = involved(set, causes);
        let acts = acts(set, &involved);
        if let Some(first) = history.first_failure() {
            history.last_change = acts.iter().rfind(|act| act.utc <= first && !act.is_test()).cloned();
            history.acts = acts.into_iter().filter(|act| act.utc > first).take(MAX_ACTS).collect();
        } else if let Some(onset) = onset(causes) {
            // A cause without a failure may begin with the change itself, at a time in whole seconds. What was enabled in
            // the same moment ended it.
            let is_whole = onset == onset.whole_second();
            let is_same = |act: &IncidentAct| act.utc == onset || is_whole && act.utc.whole_second() == onset;
            let is_before = |act: &IncidentAct| if is_same(act) { !act.is_enabling() } else { act.utc < onset };
            history.last_change = acts.iter().rfind(|act| is_before(act) && !act.is_test()).cloned();
            let begun = history.last_change.as_ref().map_or(onset, |act| act.utc.max(onset));
            let is_later = |act: &IncidentAct| act.utc > begun;
            history.acts = acts.into_iter().filter(is_later).take(MAX_ACTS).collect();
        }
        // The callers may be unknown to the platform: any change before may be the one.
        if let Some(first) = history.first_failure().filter(|_| involved.is_empty()) {
            let rows = EvidenceSet::rows(&set.audit).iter().map(IncidentAct::from);
            let before = rows.filter(|act| act.utc <= first && !act.is_test());
            history.last_change = before.max_by_key(|act| (act.utc, act.id));
        }
        history
    }

    /// Time of the first failure or refused call; `None` without one.
    #[must_use]
    pub fn first_failure(&self) -> Option<Timestamp> {
        let failures = self.failures.iter().map(|group| group.first.0);
        failures.chain(self.calls.iter().map(CallGroup::first)).min()
    }

    /// Time of the last failure or refused call; `None` without one.
    #[must_use]
    pub fn last_failure(&self) -> Option<Timestamp> {
        let failures = self.failures.iter().map(|group| group.last.0);
        failures.chain(self.calls.iter().map(CallGroup::last)).max()
    }

    /// Attempts that are worth reading in full: the first and the last of each group, the largest group first.
    #[must_use]
    pub fn telling_attempts(&self) -> Vec<AttemptId> {
        let mut ids = Vec::new();
        for id in self.failures.iter().flat_map(|group| [group.first.1, group.last.1]) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }

    /// Adds the history of one more subject.
    pub fn add(&mut self, more: Self) {
        for group in more.failures {
            let is_there =
                self.failures.iter().any(|of| (of.subscription, &of.outcome) == (group.subscription, &group.outcome));
            if !is_there && self.failures.len() < MAX_GROUPS {
                self.failures.push(group);
            }
        }
        for group in more.calls {
            let is_there = self.calls.iter().any(|of| of.newest.id == group.newest.id);
            if !is_there && self.calls.len() < MAX_GROUPS {
                self.calls.push(group);
            }
        }
        self.impact.events.extend(more.impact.events);
        self.impact.undelivered.extend(more.impact.undelivered);
        self.impact.subscriptions.extend(more.impact.subscriptions);
        self.impact.keys.extend(more.impact.keys);
        self.impact.is_at_least |= more.impact.is_at_least;
        // The trends of several subjects share deliveries and are not added up.
        if self.trend != more.trend {
            self.trend.clear();
        }
        self.acts.extend(more.acts);
        self.acts.sort_by_key(|act| (act.utc, act.id));
        self.acts.dedup();
        self.acts.truncate(MAX_ACTS);
        self.last_change = self.last_change.take().into_iter().chain(more.last_change).max_by_key(|act| act.utc);
        tried_steps::join(&mut self.tried, &more.tried);
        for reason in more.reasons {
            if !self.reasons.contains(&reason) {
                self.reasons.push(reason);
            }
        }
    }
}

/// Time since which the first cause that acts lasts.
fn onset(causes: &[DiagnosedCause]) -> Option<Timestamp> {
    active_causes(causes).filter_map(|cause| cause.occurrence.first_utc).min()
}

/// Groups the failed attempts of each subscription by their outcome.
fn failure_groups(set: &EvidenceSet) -> Vec<FailureGroup> {
    let mut groups: BTreeMap<(SubscriptionId, String), FailureGroup> = BTreeMap::new();
    for endpoint in &set.endpoints {
        for row in EvidenceSet::rows(&endpoint.failures) {
            let here = (row.started_utc, row.id);
            let outcome = row.outcome().to_string();
            let group = groups.entry((endpoint.subscription, outcome.clone())).or_insert_with(|| FailureGroup {
                subscription: endpoint.subscription,
                outcome,
                n: 0,
                is_at_least: endpoint.failures.is_incomplete,
                first: here,
                last: here,
            });
            group.n += 1;
            (group.first, group.last) = (group.first.min(here), group.last.max(here));
        }
    }
    let mut groups: Vec<FailureGroup> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.n));
    groups.truncate(MAX_GROUPS);
    groups
}

fn impact(set: &EvidenceSet) -> IncidentImpact {
    let failed = || set.endpoints.iter().flat_map(|of| EvidenceSet::rows(&of.failures));
    let undelivered = EvidenceSet::rows(&set.undelivered);
    let mut impact = IncidentImpact {
        events: failed().filter_map(|row: &AttemptRow| row.event_id).collect(),
        undelivered: undelivered.iter().map(|row| row.id.0).collect(),
        subscriptions: failed().filter_map(|row| row.subscription_id).collect(),
        keys: EvidenceSet::rows(&set.refused).iter().filter_map(|group| key_of(set, group)).collect(),
        is_at_least: set.undelivered.is_incomplete || set.endpoints.iter().any(|of| of.failures.is_incomplete),
    };
    impact.events.extend(undelivered.iter().map(|row| row.event_id));
    impact.subscriptions.extend(undelivered.iter().map(|row| row.subscription_id));
    impact
}

/// Key that calls were made with, or that they claim.
fn key_of(set: &EvidenceSet, group: &CallGroup) -> Option<KeyId> {
    group.newest.key_id.or_else(|| claimed_key(EvidenceSet::rows(&set.keys), &group.newest))
}

/// Cuts the period into equal parts with their scheduled attempts.
fn trend(set: &EvidenceSet) -> Vec<TrendSlice> {
    let minutes: Vec<_> = set.endpoints.iter().filter_map(|of| of.minutes.found.as_ref().ok()).flatten().collect();
    if minutes.iter().all(|point| point.n_failed == 0) {
        return Vec::new();
    }
    let width = set.scope.lookback / TREND_SLICES;
    let slices = (0..TREND_SLICES).map(|n| {
        let since = set.since().plus(width * n);
        let until = since.plus(width);
        let here = || minutes.iter().filter(|point| point.utc >= since && point.utc < until);
        let n_failed: u64 = here().map(|point| point.n_failed).sum();
        TrendSlice { since, n_failed, n: n_failed + here().map(|point| point.n_ok).sum::<u64>() }
    });
    slices.collect()
}

/// Acts on what is involved, oldest first: those of the audit trail, and tests from the delivery log that it does not have.
fn acts(set: &EvidenceSet, involved: &BTreeSet<String>) -> Vec<IncidentAct> {
    let mine = |row: &&AuditRow| involved.contains(row.subject.raw());
    let mut acts: Vec<IncidentAct> = EvidenceSet::rows(&set.audit).iter().filter(mine).map(IncidentAct::from).collect();
    let has_tests = acts.iter().any(IncidentAct::is_test);
    if !has_tests {
        let rows = set
            .endpoints
            .iter()
            .flat_map(|of| EvidenceSet::rows(&of.failures).iter().chain(EvidenceSet::rows(&of.successes)));
        let tests = rows.filter(|row| row.kind == Some(AttemptKind::Test)).filter_map(|row| {
            Some(IncidentAct {
                utc: row.started_utc,
                action: "test subscription".into(),
                subject: format!("subscription {}", row.subscription_id?).into(),
                by: "unknown".into(),
                reason: None,
                id: 0,
            })
        });
        acts.extend(tests);
    }
    acts.sort_by_key(|act| (act.utc, act.id));
    acts
}

/// Names of the subject and of what belongs to it, as the audit trail writes them. Without a subject, only of what
/// failed, is off, or has a cause: changes of others tell nothing.
fn involved(set: &EvidenceSet, causes: &[DiagnosedCause]) -> BTreeSet<String> {
    let keys = || EvidenceSet::rows(&set.keys).iter();
    let rows = || EvidenceSet::rows(&set.subscriptions).iter();
    match set.scope.subject {
        DiagnosisSubject::Company(id) => {
            let keys = keys().map(|key| format!("key {}", key.id));
            let rows = rows().map(|row| format!("subscription {}", row.subscription.id));
            keys.chain(rows).chain([format!("company {id}")]).collect()
        }
        subject @ (DiagnosisSubject::Key(_) | DiagnosisSubject::Subscription(_)) => [subject.to_string()].into(),
        DiagnosisSubject::All => {
            let refused = EvidenceSet::rows(&set.refused).iter().filter_map(|group| key_of(set, group));
            let failed = rows().filter(|row| !row.subscription.is_enabled || row.failures_in_a_row() > 0);
            let failed = failed.map(|row| row.subscription.id);
            let attempts = set.endpoints.iter().filter(|of| !EvidenceSet::rows(&of.failures).is_empty());
            let missed = EvidenceSet::rows(&set.undelivered).iter().map(|row| row.subscription_id);
            let failed = failed.chain(attempts.map(|of| of.subscription)).chain(missed);
            let names = refused.map(|id| format!("key {id}")).chain(failed.map(|id| format!("subscription {id}")));
            names.chain(active_causes(causes).flat_map(|cause| &cause.concerns).filter_map(object_name)).collect()
        }
    }
}

/// Name of an object as the audit trail writes it.
fn object_name(of: &CauseSubject) -> Option<String> {
    match of {
        CauseSubject::Subscription(id) => Some(format!("subscription {id}")),
        CauseSubject::Caller(CallerId::Key(id)) => Some(format!("key {id}")),
        CauseSubject::Company(id) => Some(format!("company {id}")),
        CauseSubject::Caller(_) | CauseSubject::Platform => None,
    }
}
