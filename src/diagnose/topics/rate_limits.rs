//! Playbook for rate limits (429): which bucket, by which callers, in which pattern.

use super::ranking::{capped_weight, ranked_cause};
use super::refused_calls::{any_refused, group_by, refused, request_evidence};
use crate::diagnose::evidence_set::EvidenceSet;
use crate::diagnose::playbook::{CheckCondition, CheckResult, EvidenceSource, Playbook, PlaybookCheck, RankedCause};
use crate::diagnose::report::{Evidence, PlaybookTopic};
use crate::domain::ids::KeyId;
use crate::domain::time::MINUTE_MS;
use crate::text::{count, or_unknown};
use crate::wire::limits::LimitDetail;
use crate::wire::paths;
use crate::wire::requests::RequestRow;

/// Checks, in order: refused with 429, callers, patterns.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::RateLimits,
    needs: &[EvidenceSource::Keys, EvidenceSource::Refused, EvidenceSource::Served, EvidenceSource::Limits],
    checks: &[
        PlaybookCheck {
            id: "refused-429",
            text: "Did all calls stay within the rate limit?",
            condition: CheckCondition::Always,
            check: |of| any_refused(of, 429),
        },
        PlaybookCheck {
            id: "callers",
            text: "Is each key used by a single system?",
            condition: CheckCondition::Failed("refused-429"),
            check: callers,
        },
        PlaybookCheck {
            id: "pattern",
            text: "Are calls spread out, without excessive polling or bulk writes?",
            condition: CheckCondition::Failed("refused-429"),
            check: patterns,
        },
    ],
};

/// Divisor for a fair share: a caller that makes at least 1/10 of a key's calls counts.
const MIN_SHARE_DIVISOR: u64 = 10;
/// Milliseconds at the start of a minute; if all refusals fall within it, they are a burst.
const BURST_WINDOW_MS: i64 = 5_000;

fn by_key(dossier: &EvidenceSet) -> Result<Vec<(KeyId, Vec<&RequestRow>)>, CheckResult> {
    let groups = group_by(refused(dossier, 429)?, |row| row.key_id.map(|id| id.0));
    Ok(groups.into_iter().filter_map(|(id, rows)| Some((KeyId(id?), rows))).collect())
}

fn windows(dossier: &EvidenceSet, key: KeyId) -> Vec<&LimitDetail> {
    dossier.limits.found.iter().flatten().filter(|window| window.row.key_id == key).collect()
}

/// Counts the callers that make a fair share of a key's calls, with evidence.
fn heavy_callers(dossier: &EvidenceSet, key: KeyId) -> (usize, Vec<Evidence>) {
    let windows = windows(dossier, key);
    let callers = windows.first().and_then(|window| window.callers.as_deref()).unwrap_or_default();
    let all: u64 = callers.iter().map(|caller| caller.n).sum();
    let heavy: Vec<_> = callers.iter().filter(|caller| caller.n * MIN_SHARE_DIVISOR >= all).collect();
    let evidence = heavy.iter().map(|caller| {
        let what = format!("calls today by {} from {}", caller.user_agent.sanitized(), caller.address.sanitized());
        dossier.limits.evidence(&what, format!("{} of {all}", caller.n), None)
    });
    (heavy.len(), evidence.collect())
}

fn callers(dossier: &EvidenceSet) -> CheckResult {
    let keys = match (by_key(dossier), dossier.limits.result()) {
        (Ok(keys), Ok(_)) => keys,
        (Err(unknown), _) => return unknown,
        (_, Err(why)) => return CheckResult::unknown(why),
    };
    let mut causes: Vec<RankedCause> = Vec::new();
    let mut seen = Vec::new();
    for (key, rows) in keys {
        let (n_callers, evidence) = heavy_callers(dossier, key);
        seen.extend(evidence.iter().cloned());
        if n_callers < 2 {
            continue;
        }
        let title = format!(
            "{n_callers} systems share {} and its rate limits ({} rejected)",
            dossier.key_name(Some(key)),
            count(rows.len(), "call")
        );
        let evidence = [evidence, request_evidence(dossier, &rows)].concat();
        causes.push(ranked_cause(capped_weight(3_000, rows.len()), "rate-shared-key", title, evidence,
            "Rate limits apply per key. Give each system its own key with the scopes it needs, so that a busy system cannot use up the limit \
             of the others."));
    }
    if seen.is_empty() && causes.is_empty() {
        return CheckResult::unknown("the platform has no record of callers of these keys");
    }
    CheckResult::from_causes(causes, seen)
}

fn patterns(dossier: &EvidenceSet) -> CheckResult {
    let keys = match by_key(dossier) {
        Ok(keys) => keys,
        Err(unknown) => return unknown,
    };
    let mut causes: Vec<RankedCause> = Vec::new();
    for (key, rows) in keys {
        // Several systems on one key are cause enough; their patterns cannot be separated here.
        if heavy_callers(dossier, key).0 >= 2 {
            continue;
        }
        causes.extend(
            group_by(rows, pattern).into_iter().map(|(pattern, rows)| pattern_cause(dossier, key, pattern, &rows)),
        );
    }
    CheckResult::from_causes(causes, Vec::new())
}

/// Pattern that refused calls have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum RefusalPattern {
    Polling,
    Bulk,
    Other,
}

fn pattern(row: &RequestRow) -> RefusalPattern {
    match (row.method.raw(), row.route.raw()) {
        ("GET", paths::EVENTS) => RefusalPattern::Polling,
        ("POST", paths::LEADS | paths::CLIENTS | paths::AFFILIATES | paths::CLIENT_NOTES) => RefusalPattern::Bulk,
        _ => RefusalPattern::Other,
    }
}

fn pattern_cause(dossier: &EvidenceSet, key: KeyId, pattern: RefusalPattern, rows: &[&RequestRow]) -> RankedCause {
    let name = dossier.key_name(Some(key));
    let mut evidence = request_evidence(dossier, rows);
    for window in windows(dossier, key) {
        let row = &window.row;
        let what = format!("{name}: {} limit", row.bucket);
        let value = format!("{} used, {} rejected this minute", or_unknown(row.used), or_unknown(row.n_refused));
        evidence.push(dossier.limits.evidence(&what, value, Some(&format!("at most {} a minute", row.limit))));
        let busiest = row.history.iter().flatten().max().copied();
        evidence.push(dossier.limits.evidence(
            &format!("{name}: busiest of the last 60 minutes"),
            or_unknown(busiest),
            Some(&format!("at most {}", row.limit)),
        ));
    }
    let is_burst = rows.iter().all(|row| row.utc.millis().rem_euclid(MINUTE_MS) < BURST_WINDOW_MS) && rows.len() > 1;
    let burst = if is_burst { ", all in the first seconds of a minute" } else { "" };
    let n = rows.len();
    match pattern {
        RefusalPattern::Polling => ranked_cause(
            capped_weight(2_000, n),
            "rate-polling",
            format!("{name} polls events faster than its read limit allows ({n} rejected{burst})"),
            evidence,
            "Poll every few seconds and follow nextCursor; after a 429, wait for Retry-After. Better: use webhooks, and poll only to fill gaps.",
        ),
        RefusalPattern::Bulk => ranked_cause(
            capped_weight(2_000, n),
            "rate-bulk",
            format!("{name} writes in bulk faster than its write limit allows ({n} rejected{burst})"),
            evidence,
            "Spread the import over time and wait for Retry-After after a 429. Send an Idempotency-Key or external_id with each record, so that \
             retries create no duplicates. Or have the key's limit raised for the import.",
        ),
        RefusalPattern::Other if is_burst => ranked_cause(
            capped_weight(1_500, n),
            "rate-burst",
            format!("{name} sends its calls at the start of each minute ({n} rejected)"),
            evidence,
            "Spread the calls over the minute: windows begin with the clock minute, when other scheduled jobs start too.",
        ),
        RefusalPattern::Other => ranked_cause(
            capped_weight(1_000, n),
            "rate-limited",
            format!("{name} calls more often than its limit allows ({n} rejected)"),
            evidence,
            "Make fewer calls, wait for Retry-After after a 429, or have the key's limit raised.",
        ),
    }
}
