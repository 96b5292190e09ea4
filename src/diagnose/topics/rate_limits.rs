//! Playbook for rate limits (429): which bucket, by which callers, in which pattern, and whether the limit was changed.

use super::calls::{
    CallCount, GoodCalls, call_finding, join_groups, main_check, part_check, refused, route_text, unless_key_only,
};
use super::rate_pattern::{BucketCalls, RatePattern, bucket_of};
use crate::diagnose::call_count::{caller_count, of_status};
use crate::diagnose::caller_id::system_name;
use crate::diagnose::evidence_set::{CallGroup, EvidenceSet};
use crate::diagnose::finding::CauseFinding;
use crate::diagnose::playbook::{CheckResult, Playbook, PlaybookCheck};
use crate::diagnose::playbook_topic::PlaybookTopic;
use crate::diagnose::report::{CheckVerdict, Evidence};
use crate::domain::cause::CauseKind;
use crate::domain::ids::KeyId;
use crate::domain::window::RateBucket;
use crate::text::{number, or_unknown};
use crate::wire::audit::AuditRow;
use crate::wire::limits::LimitDetail;
use crate::wire::requests::RequestRow;

/// Checks, in order: refused with 429, limits, callers, patterns.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::RateLimits,
    checks: &[
        PlaybookCheck { id: "refused-429", text: "Did all calls stay within the rate limit?", check: all_within },
        PlaybookCheck { id: "limit-kept", text: "Is no limit exceeded because it was lowered?", check: limits },
        PlaybookCheck {
            id: "callers",
            text: "Is no limit exceeded because several systems share a key?",
            check: callers,
        },
        PlaybookCheck { id: "pattern", text: "Is no caller alone too fast for its rate limit?", check: patterns },
    ],
};

fn is_limited(row: &RequestRow) -> bool {
    row.has_status(429)
}

fn all_within(set: &EvidenceSet) -> CheckResult {
    let count = CallCount::new("calls answered 429", &refused(set, is_limited), of_status(429));
    let findings: Vec<CauseFinding> = findings(set).into_iter().map(|(finding, _)| finding).collect();
    unless_key_only(set, main_check(set, count, &findings))
}

/// Judges the calls of some causes: a check counts only those that its own question is about.
fn part(set: &EvidenceSet, what: &'static str, kinds: &[CauseKind]) -> CheckResult {
    let mine = findings(set).into_iter().filter(|(finding, _)| kinds.contains(&finding.kind));
    let (mine, groups): (Vec<CauseFinding>, Vec<Vec<&CallGroup>>) = mine.unzip();
    let count = CallCount::new(what, &groups.concat(), of_status(429));
    unless_key_only(set, part_check(set, count, mine))
}

fn limits(set: &EvidenceSet) -> CheckResult {
    let result = part(set, "calls answered 429 since a limit was lowered", &[CauseKind::RateLimitLowered]);
    match unexplained_limit(set).filter(|_| result.verdict == CheckVerdict::Pass) {
        Some(why) => CheckResult { verdict: CheckVerdict::Unknown(why), ..result },
        None => result,
    }
}

/// A limit that calls exceed, that is below the default, and of which no change was read.
fn unexplained_limit(set: &EvidenceSet) -> Option<String> {
    refused(set, is_limited).into_iter().find_map(|group| {
        let (key, bucket) = (group.newest.key_id?, bucket_of(&group.newest));
        let limit = window(set, key, bucket)?.row.limit;
        let (name, default) = (set.key_name(key), bucket.default_limit());
        (limit < default && lowered(set, key, bucket, limit).is_none()).then(|| {
            format!(
                "the {bucket} limit of {name} is {limit} a minute, below the default of {default}; who set it, and when, is not in \
                 the audit trail that was read"
            )
        })
    })
}

fn callers(set: &EvidenceSet) -> CheckResult {
    part(set, "calls answered 429 of keys that several systems share", &[CauseKind::RateSharedKey])
}

fn patterns(set: &EvidenceSet) -> CheckResult {
    use CauseKind::{RateBulk, RateBurst, RateLimited, RatePolling, RateRetryIgnored};
    let what = "calls answered 429 of callers that are too fast";
    part(set, what, &[RatePolling, RateBulk, RateBurst, RateRetryIgnored, RateLimited])
}

/// Finds one cause per key and bucket with refused calls, beside these calls.
pub(super) fn findings(set: &EvidenceSet) -> Vec<(CauseFinding, Vec<&CallGroup>)> {
    let groups = refused(set, is_limited);
    let joined = join_groups(groups, |group| (group.caller(), bucket_of(&group.newest)));
    let findings = joined.into_values().map(|groups| {
        let bucket = groups.first().map_or(RateBucket::Read, |group| bucket_of(&group.newest));
        (bucket_finding(set, bucket, &groups), groups)
    });
    findings.collect()
}

/// Finds why the calls of one key in one bucket were refused.
fn bucket_finding(set: &EvidenceSet, bucket: RateBucket, groups: &[&CallGroup]) -> CauseFinding {
    let name = groups.first().map_or_else(String::new, |group| set.caller_name(&group.caller()));
    let Some(key) = groups.first().and_then(|group| group.newest.key_id) else {
        return call_finding(set, CauseKind::RateLimited, groups, name, GoodCalls::AnyRoute);
    };
    let rows = set.key_calls.get(&key).map_or(&[][..], |calls| EvidenceSet::rows(calls));
    let calls = BucketCalls::new(rows, bucket);
    let window = window(set, key, bucket);
    let limit = window.map_or_else(|| bucket.default_limit(), |window| window.row.limit);
    let lowered = lowered(set, key, bucket, limit);
    let (kind, detail) = match (&lowered, calls.pattern(limit)) {
        (Some(change), pattern) if calls.peak_per_minute() <= u64::from(change.before) || pattern.is_none() => {
            let by = change.row.actor.sanitized();
            let text = format!("{bucket} from {} to {limit} a minute at {} by {by}", change.before, change.row.utc);
            (CauseKind::RateLimitLowered, text)
        }
        (_, Some(RatePattern::Shared(systems))) => {
            let names: Vec<String> = systems
                .iter()
                .take(3)
                .map(|((address, agent), n)| format!("{} \u{d7}{n}", system_name(address, agent)))
                .collect();
            (CauseKind::RateSharedKey, format!("{} systems: {}", systems.len(), names.join(", ")))
        }
        (_, Some(RatePattern::RetryIgnored(gap_ms))) => {
            (CauseKind::RateRetryIgnored, format!("{} after {} ms", route_of(groups), number(gap_ms)))
        }
        (_, Some(RatePattern::Burst(minutes))) => {
            (CauseKind::RateBurst, format!("within 5 s of the minute, in {minutes} minutes"))
        }
        (_, Some(RatePattern::Polling)) => (CauseKind::RatePolling, rate_text(bucket, limit, &calls)),
        (_, Some(RatePattern::Bulk)) => (CauseKind::RateBulk, rate_text(bucket, limit, &calls)),
        (_, None) => (CauseKind::RateLimited, rate_text(bucket, limit, &calls)),
    };
    let mut finding = call_finding(set, kind, groups, name.clone(), GoodCalls::AnyRoute).detail(detail);
    if let Some(state) = calls.state(set.at) {
        finding.occurrence.state = state;
    }
    finding.evidence.extend(window_evidence(set, (key, &name), window, &calls));
    let default = bucket.default_limit();
    let below = if limit < default {
        format!(
            "; the default is {default} a minute: an operator of the platform knows whether the lower limit is intended"
        )
    } else {
        String::new()
    };
    finding.advice = Some(format!("{limit} calls a minute are one each {}{below}.", interval(limit)));
    finding
}

fn route_of(groups: &[&CallGroup]) -> String {
    groups.iter().max_by_key(|group| group.n).map(|group| route_text(&group.newest)).unwrap_or_default()
}

fn rate_text(bucket: RateBucket, limit: u32, calls: &BucketCalls<'_>) -> String {
    match calls.peak_per_minute() {
        0 => format!("{bucket} limit {limit} a minute"),
        peak => format!("up to {} in a minute, {bucket} limit {limit}", number(peak)),
    }
}

/// Time between calls that a limit leaves: `0.6 s`.
fn interval(limit: u32) -> String {
    let tenths = 600_u32.div_ceil(limit.max(1));
    format!("{}.{} s", tenths / 10, tenths % 10)
}

fn window(set: &EvidenceSet, key: KeyId, bucket: RateBucket) -> Option<&LimitDetail> {
    EvidenceSet::rows(&set.limits).iter().find(|window| window.row.key_id == key && window.row.bucket == bucket)
}

/// Change that lowered a limit.
struct LoweredLimit<'a> {
    row: &'a AuditRow,
    before: u32,
}

/// Finds the change that lowered a key's limit to the present one.
fn lowered(set: &EvidenceSet, key: KeyId, bucket: RateBucket, limit: u32) -> Option<LoweredLimit<'_>> {
    let subject = format!("key {key}");
    let rows = EvidenceSet::rows(&set.audit);
    let row = rows.iter().find(|row| row.action.raw() == "limit key" && row.subject.raw() == subject)?;
    // Written as `read 60, write 100, admin 200`.
    let of_bucket = |text: &str| -> Option<u32> {
        text.split(", ").find_map(|part| part.strip_prefix(bucket.name())?.trim().parse().ok())
    };
    let before = of_bucket(row.before.as_ref()?.raw())?;
    (before > limit && of_bucket(row.after.as_ref()?.raw()) == Some(limit)).then_some(LoweredLimit { row, before })
}

fn window_evidence(
    set: &EvidenceSet,
    (key, name): (KeyId, &str),
    window: Option<&LimitDetail>,
    calls: &BucketCalls<'_>,
) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    if let Some(window) = window {
        let row = &window.row;
        let value = format!("{} used, {} rejected this minute", or_unknown(row.used), or_unknown(row.n_refused));
        let limit = format!("at most {} a minute; default {}", row.limit, row.bucket.default_limit());
        evidence.push(set.limits.evidence(&format!("{name}: {} limit", row.bucket), value, Some(&limit)));
    }
    for ((address, agent), n) in calls.systems().into_iter().take(4) {
        let what = format!("{name}: calls by {}", system_name(&address, &agent));
        evidence.push(caller_count(set, key, &address, &what, n));
    }
    evidence
}
