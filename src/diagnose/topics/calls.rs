//! Calls as evidence, for the playbooks about keys, permissions, limits and polls.

use crate::diagnose::call_count::{call_count, call_record, in_common};
use crate::diagnose::caller_id::{CallerId, system_name};
use crate::diagnose::cause_subject::CauseSubject;
use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::evidence_set::{CallGroup, CallerVisibility, EvidenceSet};
use crate::diagnose::finding::{CauseFinding, ExplainedUnit, Occurrence, RECENT};
use crate::diagnose::playbook::CheckResult;
use crate::diagnose::remedy::{RemediationAction, RunbookTarget};
use crate::diagnose::report::{CheckVerdict, DiagnosisRemark, Evidence};
use crate::diagnose::runbook_kind::Runbook;
use crate::domain::cause::{CauseKind, CauseState};
use crate::domain::ids::KeyId;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::text::number;
use crate::wire::coverage::CoveredNoun;
use crate::wire::log::RequestQuery;
use crate::wire::requests::RequestRow;
use std::collections::{BTreeMap, BTreeSet};

/// Number of failures below which what was not seen for a while is noise.
const MIN_OLD_FAILURES: u64 = 3;
/// Maximum number of callers that one cause names.
const MAX_SYSTEMS: usize = 3;

/// Problem code of a request; empty if there is none.
pub(super) fn code(row: &RequestRow) -> &str {
    row.code.as_ref().map_or("", |code| code.raw())
}

/// Logged detail of a request; empty if there is none.
pub(super) fn detail(row: &RequestRow) -> &str {
    row.detail.as_ref().map_or("", |detail| detail.raw())
}

/// Method and route of a request, for display.
pub(super) fn route_text(row: &RequestRow) -> String {
    format!("{} {}", row.method.sanitized(), row.route.sanitized())
}

/// Groups of refused calls that a check looks at.
pub(super) fn refused(set: &EvidenceSet, is_wanted: impl Fn(&RequestRow) -> bool) -> Vec<&CallGroup> {
    EvidenceSet::rows(&set.refused).iter().filter(|group| is_wanted(&group.newest)).collect()
}

/// Joins groups that have something in common.
pub(super) fn join_groups<'g, K: Ord>(
    groups: impl IntoIterator<Item = &'g CallGroup>,
    key: impl Fn(&CallGroup) -> K,
) -> BTreeMap<K, Vec<&'g CallGroup>> {
    let mut joined: BTreeMap<K, Vec<&CallGroup>> = BTreeMap::new();
    for group in groups {
        joined.entry(key(group)).or_default().push(group);
    }
    joined
}

/// Number of calls in groups.
pub(super) fn n_calls(groups: &[&CallGroup]) -> u64 {
    groups.iter().map(|group| group.n).sum()
}

/// Time of the first and of the last call in groups.
pub(super) fn span(groups: &[&CallGroup]) -> (Timestamp, Timestamp) {
    let first = groups.iter().map(|group| group.first()).min().unwrap_or_default();
    (first, groups.iter().map(|group| group.last()).max().unwrap_or_default())
}

/// Newest call in groups.
pub(super) fn newest<'g>(groups: &[&'g CallGroup]) -> Option<&'g RequestRow> {
    groups.iter().map(|group| &group.newest).max_by_key(|row| (row.utc, row.id))
}

/// Which later calls show that refused ones are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GoodCalls {
    /// Calls of the caller to any route.
    AnyRoute,
    /// Calls of the caller to the refused route.
    SameRoute,
}

/// Counts the calls that succeeded after the last refused one: by the same key, or by the same system with another key.
pub(super) fn good_since(set: &EvidenceSet, groups: &[&CallGroup], which: GoodCalls) -> Option<u64> {
    let (_, last) = span(groups);
    let routes: BTreeSet<(&str, &str)> =
        groups.iter().map(|group| (group.newest.method.raw(), group.newest.route.raw())).collect();
    let fits = |row: &RequestRow| which == GoodCalls::AnyRoute || routes.contains(&(row.method.raw(), row.route.raw()));
    let callers: BTreeSet<CallerId> = groups.iter().map(|group| group.caller()).collect();
    let mut n = None;
    for caller in &callers {
        let found = match caller {
            CallerId::Key(id) => set.key_calls.get(id).and_then(|calls| {
                let rows = calls.found.as_ref().ok()?;
                Some(rows.iter().filter(|row| row.is_served() && row.utc > last && fits(row)).count() as u64)
            }),
            other => set.good_since.get(other).and_then(|good| {
                let n = *good.found.as_ref().ok()?;
                (n > 0 || !good.is_incomplete).then_some(n)
            }),
        };
        n = [n, found].into_iter().flatten().reduce(|a: u64, b| a + b);
    }
    // The same system may have been given another key, which it did not use before.
    let systems: BTreeSet<(&str, &str)> = groups.iter().filter_map(|group| system(&group.newest)).collect();
    let keys: BTreeSet<KeyId> = groups.iter().filter_map(|group| group.newest.key_id).collect();
    let moved = EvidenceSet::rows(&set.served).iter().filter(|group| {
        let is_other_key = !keys.is_empty() && group.newest.key_id.is_some_and(|id| !keys.contains(&id));
        is_other_key
            && group.first() > last
            && fits(&group.newest)
            && system(&group.newest).is_some_and(|of| systems.contains(&of))
    });
    let moved: u64 = moved.map(|group| group.n).sum();
    if moved > 0 { Some(n.unwrap_or(0) + moved) } else { n }
}

/// Counts the calls to the refused routes that succeeded between the first refused call and the last, by the same keys.
fn good_between(set: &EvidenceSet, groups: &[&CallGroup]) -> u64 {
    let (first, last) = span(groups);
    let keys: BTreeSet<KeyId> = groups.iter().filter_map(|group| group.newest.key_id).collect();
    let is_route = |row: &RequestRow| {
        groups.iter().any(|group| group.newest.method == row.method && group.newest.route == row.route)
    };
    let calls = keys.iter().filter_map(|key| set.key_calls.get(key)).flat_map(EvidenceSet::rows);
    calls.filter(|row| row.is_served() && row.utc > first && row.utc < last && is_route(row)).count() as u64
}

/// Address and user agent of a caller, if both are known.
pub(super) fn system(row: &RequestRow) -> Option<(&str, &str)> {
    Some((row.address.as_ref()?.raw(), row.user_agent.as_ref()?.raw()))
}

/// Number of calls of a key that succeeded in the period; `None` if only a part of them was read.
fn n_served(set: &EvidenceSet, key: KeyId) -> Option<u64> {
    let groups = set.served.found.as_ref().ok().filter(|_| !set.served.is_incomplete)?;
    Some(groups.iter().filter(|group| group.newest.key_id == Some(key)).map(|group| group.n).sum())
}

/// Judges the occurrence of refused calls of one caller.
pub(super) fn occurrence(set: &EvidenceSet, groups: &[&CallGroup], which: GoodCalls) -> Occurrence {
    let n = n_calls(groups);
    let good = good_since(set, groups, which);
    let of = match groups.first().and_then(|group| group.newest.key_id) {
        Some(key) => n_served(set, key).map(|served| served + n_refused_of(set, key)),
        None => good.map(|good| n + good),
    };
    // Whether refused calls go on depends on the calls of the same kind alone.
    let of_kind = good.map(|good| n + good + good_between(set, groups));
    let judged = Occurrence::judged(set.at, (n, of_kind, ExplainedUnit::Calls), span(groups), good);
    Occurrence { of, is_at_least: set.refused.is_incomplete, ..judged }
}

fn n_refused_of(set: &EvidenceSet, key: KeyId) -> u64 {
    EvidenceSet::rows(&set.refused).iter().filter(|group| group.newest.key_id == Some(key)).map(|group| group.n).sum()
}

/// Creates the finding about refused calls of one caller.
pub(super) fn call_finding(
    set: &EvidenceSet,
    kind: CauseKind,
    groups: &[&CallGroup],
    who: impl Into<String>,
    which: GoodCalls,
) -> CauseFinding {
    let caller =
        groups.first().map_or_else(|| CallerId::Anonymous(String::new(), String::new()), |group| group.caller());
    let mut finding = CauseFinding::new(kind, CauseSubject::Caller(caller), who, occurrence(set, groups, which));
    finding.evidence = call_evidence(set, groups);
    finding.said = newest(groups).and_then(|row| row.detail.clone());
    finding
}

/// Creates the evidence of refused calls: number, first and latest, routes, callers, ids, and the latest message.
pub(super) fn call_evidence(set: &EvidenceSet, groups: &[&CallGroup]) -> Vec<Evidence> {
    let Some(newest) = newest(groups) else { return Vec::new() };
    let log = call_record(set, &set.refused, groups, in_common(groups));
    let (first, last) = span(groups);
    let routes = join_groups(groups.iter().copied(), |group| route_text(&group.newest));
    let routes: Vec<String> =
        routes.iter().map(|(route, groups)| format!("{route} \u{d7}{}", n_calls(groups))).collect();
    let ids: Vec<&str> = groups.iter().flat_map(|group| &group.request_ids).take(3).map(String::as_str).collect();
    let mut evidence = vec![
        log.evidence("calls", n_calls(groups).to_string(), None),
        log.evidence("first and latest", format!("{first} \u{2026} {last}"), None),
        log.evidence("routes", routes.join(", "), None),
    ];
    let systems = systems_text(groups);
    evidence.extend((!systems.is_empty()).then(|| log.evidence("callers", systems, None)));
    evidence.push(log.evidence("latest request ids", ids.join(", "), None));
    evidence.extend(newest.detail.as_ref().map(|detail| log.evidence("error message", detail.sanitized(), None)));
    evidence.extend(newest.query.as_ref().map(|query| log.evidence("query", query.sanitized(), None)));
    evidence
}

/// Names the systems that made calls, by address and user agent, busiest first.
pub(super) fn systems_text(groups: &[&CallGroup]) -> String {
    let known = groups.iter().filter(|group| group.newest.address.is_some() || group.newest.user_agent.is_some());
    let text = |text: &Option<Untrusted>| text.as_ref().map_or_else(String::new, |text| text.raw().to_owned());
    let systems = join_groups(known.copied(), |group| (text(&group.newest.address), text(&group.newest.user_agent)));
    let mut systems: Vec<(u64, String)> =
        systems.iter().map(|((address, agent), groups)| (n_calls(groups), system_name(address, agent))).collect();
    systems.sort_by_key(|(n, _)| std::cmp::Reverse(*n));
    let more = systems.len().saturating_sub(MAX_SYSTEMS);
    let named: Vec<String> =
        systems.into_iter().take(MAX_SYSTEMS).map(|(n, name)| format!("{name} \u{d7}{n}")).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", named.join(", "))
}

/// Splits off what is only noise: failures that were few and are not recent, and after which nothing shows a fault.
pub(super) fn without_noise(findings: Vec<CauseFinding>) -> Vec<CauseFinding> {
    let is_noise = |of: &Occurrence| of.state == CauseState::Unknown && of.n < MIN_OLD_FAILURES;
    findings.into_iter().filter(|finding| !is_noise(&finding.occurrence)).collect()
}

/// Returns whether calls are recent.
pub(super) fn is_recent(set: &EvidenceSet, groups: &[&CallGroup]) -> bool {
    set.at.since(span(groups).1) <= RECENT
}

/// Creates the result of a playbook's main check about refused calls: decided by what all other checks found.
pub(super) fn main_check(set: &EvidenceSet, count: CallCount<'_>, findings: &[CauseFinding]) -> CheckResult {
    if let Err(why) = set.refused.result() {
        return CheckResult::unknown(why);
    }
    let result = counted_result(set, count, findings.to_vec());
    let verdict = match result.verdict {
        CheckVerdict::Pass => nothing_to_judge(set).map_or(CheckVerdict::Pass, CheckVerdict::Unknown),
        other => other,
    };
    CheckResult { verdict, findings: Vec::new(), ..result }
}

/// Reason why no call shows anything: there was none.
fn nothing_to_judge(set: &EvidenceSet) -> Option<String> {
    let served = match set.served.result() {
        Ok(served) => served,
        Err(why) => return Some(why),
    };
    if !served.is_empty() || !EvidenceSet::rows(&set.refused).is_empty() {
        return None;
    }
    if set.visibility == CallerVisibility::KeyOnly {
        return Some(format!("no known call was made in the period; {}", set.why_partial(CoveredNoun::Requests)));
    }
    Some(match set.scope.subject {
        DiagnosisSubject::All => "no call arrived in the period".to_owned(),
        subject => format!(
            "no call of {subject} arrived in the period; calls without a readable key are checked only without a subject"
        ),
    })
}

/// Creates the result of a check about one kind of refused calls; skipped if no call arrived.
pub(super) fn part_check(set: &EvidenceSet, count: CallCount<'_>, findings: Vec<CauseFinding>) -> CheckResult {
    if let Err(why) = set.refused.result() {
        return CheckResult::unknown(why);
    }
    counted_result(set, count, findings).skipped_without(nothing_to_judge(set))
}

/// Reason why calls without a readable key are not looked at; `None` where they are.
pub(super) fn unattributed(set: &EvidenceSet) -> Option<String> {
    let why = "calls without a readable key belong to no company and no key; they are checked only without a subject";
    (set.scope.subject != DiagnosisSubject::All && set.visibility == CallerVisibility::Full).then(|| why.to_owned())
}

/// Refused calls that a check counts, with the query that shows them.
pub(super) struct CallCount<'g> {
    /// Name of the number.
    pub(super) what: &'static str,
    /// Groups of the calls.
    pub(super) groups: Vec<&'g CallGroup>,
    /// Filters of the request log that these calls pass.
    pub(super) filter: RequestQuery,
}

impl<'g> CallCount<'g> {
    pub(super) fn new(what: &'static str, groups: &[&'g CallGroup], filter: RequestQuery) -> Self {
        Self { what, groups: groups.to_vec(), filter }
    }
}

/// Creates a result with the number of calls. Where calls were refused and the check passes, the number says why: the
/// last was long ago, or others succeeded since.
pub(super) fn counted_result(set: &EvidenceSet, count: CallCount<'_>, findings: Vec<CauseFinding>) -> CheckResult {
    let good = findings.iter().filter_map(|finding| finding.occurrence.n_good_since).max();
    let mut result = CheckResult::from_rows(&set.refused, findings, Vec::new());
    let mut evidence = call_count(set, &set.refused, count.what, &count.groups, count.filter);
    if result.verdict == CheckVerdict::Pass && !count.groups.is_empty() {
        let good = good.filter(|n| *n > 0).map_or_else(String::new, |n| format!(", {} succeeded since", number(n)));
        let (value, (_, last)) = (evidence.value.sanitized(), span(&count.groups));
        evidence.value = Untrusted::new(format!("{value}, the last at {last}{good}"));
    } else {
        evidence.limit = Some("0".to_owned());
    }
    result.evidence = vec![evidence];
    result
}

/// Returns an unknown result where not all calls are known, and those that are show no cause.
pub(super) fn unless_key_only(set: &EvidenceSet, result: CheckResult) -> CheckResult {
    if set.visibility == CallerVisibility::KeyOnly && result.verdict == CheckVerdict::Pass {
        return CheckResult { verdict: CheckVerdict::Unknown(set.why_partial(CoveredNoun::Requests)), ..result };
    }
    result
}

/// Offers a key rotation, if the key is known.
pub(super) fn new_key(id: Option<KeyId>) -> Option<RemediationAction> {
    id.map(|id| {
        RemediationAction::Runbook(RunbookTarget { runbook: Runbook::KeyRotation, subject: DiagnosisSubject::Key(id) })
    })
}

/// Creates an observation that is no fault.
pub(super) fn remark(kind: CauseKind, title: String, evidence: Vec<Evidence>) -> DiagnosisRemark {
    DiagnosisRemark { id: kind.id().to_owned(), title, evidence }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::call_count::of_status;
    use crate::diagnose::evidence_set::{DiagnosisScope, QueryRecord};
    use crate::wire::coverage::{CoverageExtent, NounCoverage, PlatformCoverage};

    #[test]
    fn what_needs_all_calls_says_which_calls_are_known() {
        let own = "calls that crow made with this profile";
        let relayed = "calls that crow made with this profile, and since 02:00 UTC the calls that passed crow relay";
        for reason in [own, relayed] {
            let requests = NounCoverage {
                extent: CoverageExtent::Partial,
                reason: Some(reason.into()),
                remedy: Some("see the Admin Portal".into()),
                ..NounCoverage::full(CoveredNoun::Requests)
            };
            let scope = DiagnosisScope::last_hour_of(DiagnosisSubject::All);
            let set = EvidenceSet {
                visibility: CallerVisibility::KeyOnly,
                coverage: Some(PlatformCoverage { nouns: vec![requests], source: None }),
                served: QueryRecord { found: Ok(Vec::new()), ..QueryRecord::not_asked() },
                refused: QueryRecord { found: Ok(Vec::new()), ..QueryRecord::not_asked() },
                ..EvidenceSet::empty(scope, Timestamp::default())
            };
            let sentence = format!("requests are known in part: {reason}; see the Admin Portal");
            let judged = unless_key_only(&set, CheckResult::pass(Vec::new()));
            assert_eq!(judged.verdict, CheckVerdict::Unknown(sentence.clone()));
            let main = main_check(&set, CallCount::new("calls answered 429", &[], of_status(429)), &[]);
            let none = format!("no known call was made in the period; {sentence}");
            assert_eq!(main.verdict, CheckVerdict::Unknown(none));
        }
    }
}
