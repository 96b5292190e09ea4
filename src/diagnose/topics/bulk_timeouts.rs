//! Playbook for bulk imports that stall: contention (503), the rate limit (429), or calls that take longer than the
//! client waits.

use super::calls::{
    CallCount, GoodCalls, call_finding, code, join_groups, n_calls, part_check, refused, without_noise,
};
use super::rate_limits;
use crate::diagnose::call_count::{of_code, of_status};
use crate::diagnose::cause_subject::CauseSubject;
use crate::diagnose::evidence_set::{CallGroup, CallerVisibility, EvidenceSet, SLOW_CALL_MS};
use crate::diagnose::finding::{CauseFinding, ExplainedUnit, Occurrence};
use crate::diagnose::playbook::{CheckResult, Playbook, PlaybookCheck};
use crate::diagnose::playbook_topic::PlaybookTopic;
use crate::domain::cause::CauseKind;
use crate::domain::ids::KeyId;
use crate::text::number;
use crate::wire::coverage::CoveredNoun;
use crate::wire::requests::RequestRow;
use std::collections::BTreeMap;

/// Checks, in order: no contention, within the rate limit, quick enough.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::BulkTimeouts,
    checks: &[
        PlaybookCheck { id: "contended", text: "Are writes free of contention (503) now?", check: contended },
        PlaybookCheck { id: "limited", text: "Do writes stay within the rate limit?", check: limited },
        PlaybookCheck { id: "slow", text: "Were all writes answered within 5 s?", check: slow },
    ],
};

/// Maximum number of calls at once that are advised.
const MAX_ADVISED: u64 = 50;

fn is_write(row: &RequestRow) -> bool {
    row.method.raw() != "GET"
}

fn no_writes(set: &EvidenceSet) -> Option<CheckResult> {
    let has_write = |groups: &[CallGroup]| groups.iter().any(|group| is_write(&group.newest));
    match (set.refused.result(), set.served.result()) {
        (Err(why), _) | (_, Err(why)) => Some(CheckResult::unknown(why)),
        (Ok(_), Ok(_)) if set.visibility == CallerVisibility::KeyOnly => {
            Some(CheckResult::unknown(set.why_partial(CoveredNoun::Requests)))
        }
        (Ok(refused), Ok(served)) if !has_write(refused) && !has_write(served) => {
            Some(CheckResult::unknown("no write arrived in the period"))
        }
        _ => None,
    }
}

fn contended(set: &EvidenceSet) -> CheckResult {
    if let Some(unknown) = no_writes(set) {
        return unknown;
    }
    let groups = refused(set, |row| row.has_status(503) && code(row) == "contended");
    let joined = join_groups(groups.iter().copied(), CallGroup::caller);
    let findings = joined.iter().map(|(caller, groups)| {
        let mut finding =
            call_finding(set, CauseKind::BulkContended, groups, set.caller_name(caller), GoodCalls::SameRoute);
        finding.advice = groups.first().and_then(|group| concurrency_advice(set, group.newest.key_id?));
        finding
    });
    let findings = without_noise(findings.collect());
    part_check(set, CallCount::new("calls rejected as contended", &groups, of_code("contended")), findings)
}

/// Advises how many calls to make at once: as many as were answered in the busiest second, times how long one took.
fn concurrency_advice(set: &EvidenceSet, key: KeyId) -> Option<String> {
    let rows = set.key_calls.get(&key)?.found.as_ref().ok()?;
    let answered: Vec<&RequestRow> = rows.iter().filter(|row| is_write(row) && row.is_served()).collect();
    let mut seconds: BTreeMap<i64, u64> = BTreeMap::new();
    for row in &answered {
        *seconds.entry(row.utc.seconds()).or_default() += 1;
    }
    let busiest = seconds.into_values().max()?;
    let usual_ms = answered.iter().map(|row| row.elapsed_ms).sum::<u64>() / (answered.len() as u64).max(1);
    let at_once = (busiest * usual_ms / 1_000).max(1);
    let advice = if at_once <= MAX_ADVISED {
        format!("{at_once} at a time is enough")
    } else {
        format!("about {} at a time; begin with {MAX_ADVISED}", number(at_once))
    };
    Some(format!(
        "The log shows {} answered in the busiest second, {} ms each: {advice}.",
        number(busiest),
        number(usual_ms)
    ))
}

fn limited(set: &EvidenceSet) -> CheckResult {
    if let Some(unknown) = no_writes(set) {
        return unknown;
    }
    let groups = refused(set, |row| is_write(row) && row.has_status(429));
    let has_write = |groups: &[&CallGroup]| groups.iter().any(|group| is_write(&group.newest));
    let findings = rate_limits::findings(set).into_iter().filter(|(_, groups)| has_write(groups));
    let count = CallCount::new("writes rejected by the rate limit", &groups, of_status(429));
    part_check(set, count, findings.map(|(finding, _)| finding).collect())
}

fn slow(set: &EvidenceSet) -> CheckResult {
    if let Some(unknown) = no_writes(set) {
        return unknown;
    }
    let writes: Vec<&CallGroup> =
        EvidenceSet::rows(&set.served).iter().filter(|group| is_write(&group.newest)).collect();
    let slowest = writes.iter().map(|group| group.slowest_ms).max().unwrap_or_default();
    let found = set.served.evidence(
        "slowest successful write",
        format!("{slowest} ms"),
        Some(&format!("below {SLOW_CALL_MS} ms")),
    );
    let late = writes.into_iter().filter(|group| group.n_slow > 0);
    let findings = join_groups(late, CallGroup::caller).into_iter().map(|(caller, groups)| {
        let n = groups.iter().map(|group| group.n_slow).sum();
        let spans: Vec<_> = groups.iter().filter_map(|group| group.slow_span).collect();
        let first = spans.iter().map(|span| span.0).min().unwrap_or_default();
        let last = spans.iter().map(|span| span.1).max().unwrap_or_default();
        let good = groups.iter().map(|group| group.n_since_slow).sum();
        let counts = (n, Some(n_calls(&groups)), ExplainedUnit::Calls);
        let occurrence = Occurrence::judged(set.at, counts, (first, last), Some(good));
        let subject = CauseSubject::Caller(caller.clone());
        let finding = CauseFinding::new(CauseKind::BulkClientTimeout, subject, set.caller_name(&caller), occurrence);
        let ids: Vec<&str> = groups.iter().flat_map(|group| &group.request_ids).take(3).map(String::as_str).collect();
        let ids = set.served.evidence("latest request ids", ids.join(", "), None);
        finding.detail(format!("up to {} ms", number(slowest))).evidence(vec![found.clone(), ids])
    });
    let findings = without_noise(findings.collect());
    CheckResult::from_rows(&set.served, findings, vec![found.clone()])
}
