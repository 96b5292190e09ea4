//! Playbook for calls that are refused as invalid: values, bodies, paths, methods, conflicts, quotas, sizes, types.

use super::calls::{
    CallCount, GoodCalls, call_finding, code, join_groups, main_check, n_calls, part_check, refused, remark,
    route_text, span, systems_text, unless_key_only, without_noise,
};
use crate::diagnose::call_count::{in_common, of_class};
use crate::diagnose::caller_id::CallerId;
use crate::diagnose::evidence_set::{CallGroup, EvidenceSet};
use crate::diagnose::finding::CauseFinding;
use crate::diagnose::playbook::{CheckResult, Playbook, PlaybookCheck};
use crate::diagnose::playbook_topic::PlaybookTopic;
use crate::diagnose::report::DiagnosisRemark;
use crate::domain::cause::CauseKind;
use crate::text::count;
use crate::wire::paths;
use crate::wire::refusal::RefusalReason;
use crate::wire::requests::RequestRow;
use std::collections::BTreeMap;

/// Checks, in order: refused as invalid, values, addresses, repeats, form.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::CallsRefused,
    checks: &[
        PlaybookCheck {
            id: "refused-other",
            text: "Were all calls valid (no 400, 404, 405, 409, 413, 415)?",
            check: all_valid,
        },
        PlaybookCheck { id: "values-valid", text: "Do calls have valid values and bodies?", check: values },
        PlaybookCheck { id: "address-known", text: "Do calls go to paths and ids that exist?", check: addresses },
        PlaybookCheck { id: "no-conflict", text: "Are calls free of conflicts and within quotas?", check: conflicts },
        PlaybookCheck { id: "form-accepted", text: "Do calls have an accepted size and media type?", check: forms },
    ],
};

/// Percent of a caller's calls to a route that are refused, from which on that is more than life.
const MIN_REFUSED_PERCENT: u64 = 5;
/// Number of refused calls of a caller from which on a share of them counts.
const MIN_REFUSED: u64 = 3;

/// Cause of a refusal as invalid; `None` if another playbook explains the call.
fn cause_of(row: &RequestRow) -> Option<CauseKind> {
    let is_poll = row.method.raw() == "GET" && row.route.raw() == paths::EVENTS;
    Some(match (row.status?, code(row)) {
        (400, _) if is_poll => return None,
        (400, _) if setting_fault(row).is_some() => return setting_fault(row),
        (400, "malformed_json" | "malformed_request") => CauseKind::CallMalformed,
        (400, _) => CauseKind::CallInvalid,
        (404, _) => CauseKind::CallNotFound,
        (405, _) => CauseKind::CallWrongMethod,
        (409, "quota_reached") => CauseKind::CallQuota,
        (409, _) => CauseKind::CallConflict,
        (413 | 414 | 431, _) => CauseKind::CallTooLarge,
        (406 | 415, _) => CauseKind::CallMediaType,
        _ => return None,
    })
}

/// Fault in the configuration of a subscription that was refused.
fn setting_fault(row: &RequestRow) -> Option<CauseKind> {
    let is_subscription = matches!(row.route.raw(), paths::SUBSCRIPTIONS | paths::SUBSCRIPTION);
    let reason = row.refusal().filter(|_| is_subscription && matches!(row.method.raw(), "POST" | "PATCH"))?;
    if reason.has_invalid_field("targetUrl") {
        return Some(CauseKind::EndpointPrivate);
    }
    reason.has_invalid_field("eventTypes").then_some(CauseKind::TypeWrongCase)
}

/// Calls that were refused for the configuration of a subscription.
pub(super) fn setting_groups(set: &EvidenceSet) -> Vec<&CallGroup> {
    refused(set, |row| row.has_status(400) && setting_fault(row).is_some())
}

/// Finds the callers whose subscriptions were refused.
pub(super) fn refused_settings(set: &EvidenceSet) -> Vec<CauseFinding> {
    findings(set, &SETTINGS)
}

fn findings(set: &EvidenceSet, kinds: &[CauseKind]) -> Vec<CauseFinding> {
    let groups = refused(set, |row| cause_of(row).is_some_and(|kind| kinds.contains(&kind)));
    let joined = join_groups(groups, |group| (cause_of(&group.newest), group.caller(), route_text(&group.newest)));
    let findings = joined.iter().filter_map(|((kind, caller, route), groups)| {
        if is_stranger(caller) || !is_more_than_life(set, groups) {
            return None;
        }
        let finding = call_finding(set, (*kind)?, groups, set.caller_name(caller), GoodCalls::SameRoute);
        let fields = invalid_fields(groups);
        let fields = if fields.is_empty() { String::new() } else { format!(": {fields}") };
        Some(finding.detail(format!("{route}{fields}")))
    });
    without_noise(findings.collect())
}

/// A caller without a key: a scanner, or a person with a browser.
const fn is_stranger(caller: &CallerId) -> bool {
    matches!(caller, CallerId::Anonymous(..))
}

/// Checks whether refusals are a considerable share of the caller's calls to the route, or all of them.
fn is_more_than_life(set: &EvidenceSet, groups: &[&CallGroup]) -> bool {
    let n = n_calls(groups);
    let Some(newest) = groups.first().map(|group| &group.newest) else { return false };
    let (first, _) = span(groups);
    let is_same = |row: &RequestRow| row.method == newest.method && row.route == newest.route && row.is_served();
    // Since the first refusal: what began lately is a small share of the period.
    let calls = newest.key_id.and_then(|id| set.key_calls.get(&id)).map_or(&[][..], |calls| EvidenceSet::rows(calls));
    let since = calls.iter().filter(|row| is_same(row) && row.utc >= first).count() as u64;
    let has_succeeded = calls.iter().any(is_same);
    !has_succeeded || n >= MIN_REFUSED && n * 100 >= (n + since) * MIN_REFUSED_PERCENT
}

/// Names the invalid fields of calls with their counts, most frequent first.
fn invalid_fields(groups: &[&CallGroup]) -> String {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for group in groups {
        if let Some(RefusalReason::InvalidFields(fields)) = group.newest.refusal() {
            for field in fields {
                *counts.entry(field).or_default() += group.n;
            }
        }
    }
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    crate::diagnose::endpoint::counted_text(counts)
}

const VALUES: [CauseKind; 2] = [CauseKind::CallInvalid, CauseKind::CallMalformed];
const SETTINGS: [CauseKind; 2] = [CauseKind::TypeWrongCase, CauseKind::EndpointPrivate];
const ADDRESSES: [CauseKind; 2] = [CauseKind::CallNotFound, CauseKind::CallWrongMethod];
const CONFLICTS: [CauseKind; 2] = [CauseKind::CallConflict, CauseKind::CallQuota];
const FORMS: [CauseKind; 2] = [CauseKind::CallTooLarge, CauseKind::CallMediaType];

fn all_valid(set: &EvidenceSet) -> CheckResult {
    let all = [VALUES, SETTINGS, ADDRESSES, CONFLICTS, FORMS].concat();
    let groups = refused(set, |row| cause_of(row).is_some());
    let count = CallCount::new("calls refused as invalid", &groups, of_class("4xx"));
    unless_key_only(set, main_check(set, count, &findings(set, &all)))
}

fn part(set: &EvidenceSet, kinds: &[CauseKind], what: &'static str) -> CheckResult {
    let groups = refused(set, |row| cause_of(row).is_some_and(|kind| kinds.contains(&kind)));
    let filter = if groups.is_empty() { of_class("4xx") } else { in_common(&groups) };
    unless_key_only(set, part_check(set, CallCount::new(what, &groups, filter), findings(set, kinds)))
}

fn values(set: &EvidenceSet) -> CheckResult {
    part(set, &[VALUES, SETTINGS].concat(), "calls with invalid values or bodies")
}

fn addresses(set: &EvidenceSet) -> CheckResult {
    part(set, &ADDRESSES, "calls to unknown paths, ids or methods").with_remarks(strangers(set))
}

fn conflicts(set: &EvidenceSet) -> CheckResult {
    part(set, &CONFLICTS, "calls in conflict or beyond a quota")
}

fn forms(set: &EvidenceSet) -> CheckResult {
    part(set, &FORMS, "calls with a size or media type that is not accepted")
}

/// Calls without a key to paths that do not exist, as scanners make them.
fn strangers(set: &EvidenceSet) -> Vec<DiagnosisRemark> {
    let groups: Vec<&CallGroup> = refused(set, |row| row.has_status(404) || row.has_status(405))
        .into_iter()
        .filter(|of| is_stranger(&of.caller()))
        .collect();
    if groups.is_empty() {
        return Vec::new();
    }
    let title =
        format!("{} without a key to unknown paths by {}", count(n_calls(&groups), "call"), systems_text(&groups));
    vec![remark(CauseKind::CallNotFound, title, Vec::new())]
}
