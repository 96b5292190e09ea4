//! Playbook for bulk imports that stall: contention (503), the rate limit (429), or calls that take longer than the
//! client waits.

use super::ranking::{capped_weight, ranked_cause};
use super::refused_calls::{OTHER_CALLERS_UNKNOWN, code, group_by, request_evidence};
use crate::diagnose::evidence_set::{CallerVisibility, EvidenceSet};
use crate::diagnose::playbook::{CheckCondition, CheckResult, EvidenceSource, Playbook, PlaybookCheck, RankedCause};
use crate::diagnose::report::{Evidence, PlaybookTopic};
use crate::text::count;
use crate::wire::requests::RequestRow;
use std::collections::BTreeMap;

/// Checks, in order: no contention, within the rate limit, quick enough.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::BulkTimeouts,
    needs: &[EvidenceSource::Keys, EvidenceSource::Refused, EvidenceSource::Served],
    checks: &[
        PlaybookCheck {
            id: "contended",
            text: "Were writes free of contention (503)?",
            condition: CheckCondition::Always,
            check: contended,
        },
        PlaybookCheck {
            id: "limited",
            text: "Did writes stay within the rate limit?",
            condition: CheckCondition::Always,
            check: limited,
        },
        PlaybookCheck {
            id: "slow",
            text: "Were all writes answered within 5 s?",
            condition: CheckCondition::Always,
            check: slow,
        },
    ],
};

/// Duration, in milliseconds, from which on a client may have timed out.
const SLOW_WRITE_MS: u64 = 5_000;

fn writes(rows: &[RequestRow]) -> impl Iterator<Item = &RequestRow> {
    rows.iter().filter(|row| row.method.raw() != "GET")
}

/// Returns the largest number of writes by all callers in one second.
fn peak_writes_per_second(dossier: &EvidenceSet) -> usize {
    let mut seconds: BTreeMap<i64, usize> = BTreeMap::new();
    let all = dossier.served.found.iter().chain(dossier.refused.found.iter());
    for row in all.flat_map(|rows| writes(rows)) {
        *seconds.entry(row.utc.seconds()).or_default() += 1;
    }
    seconds.into_values().max().unwrap_or_default()
}

fn advice(dossier: &EvidenceSet) -> Vec<Evidence> {
    let peak = peak_writes_per_second(dossier);
    let batch = (peak / 20).clamp(1, 50);
    vec![
        dossier.served.evidence("most writes in one second", peak.to_string(), None),
        dossier.served.evidence("advice: concurrent calls", batch.to_string(), None),
        dossier.served.evidence("advice: waits after a rejection", "1 s, 2 s, 4 s, 8 s, each with jitter", None),
    ]
}

fn no_writes(dossier: &EvidenceSet) -> Option<CheckResult> {
    match (dossier.refused.result(), dossier.served.result()) {
        (Err(why), _) | (_, Err(why)) => Some(CheckResult::unknown(why)),
        (Ok(_), Ok(_)) if dossier.visibility == CallerVisibility::KeyOnly => {
            Some(CheckResult::unknown(OTHER_CALLERS_UNKNOWN))
        }
        (Ok(refused), Ok(served)) if writes(refused).chain(writes(served)).next().is_none() => {
            Some(CheckResult::unknown("no write arrived in the period"))
        }
        _ => None,
    }
}

fn contended(dossier: &EvidenceSet) -> CheckResult {
    if let Some(unknown) = no_writes(dossier) {
        return unknown;
    }
    let rows: Vec<&RequestRow> = dossier
        .refused
        .found
        .iter()
        .flatten()
        .filter(|row| row.status == Some(503) && code(row) == "contended")
        .collect();
    let n = dossier.refused.evidence("calls rejected as contended", rows.len().to_string(), Some("0"));
    if rows.is_empty() {
        return CheckResult::from_rows(&dossier.refused, Vec::new(), vec![n]);
    }
    let title =
        format!("the write queue was full: {} got 503 (contention, not a rate limit)", count(rows.len(), "call"));
    let evidence = [request_evidence(dossier, &rows), advice(dossier)].concat();
    let weighed = ranked_cause(
        capped_weight(2_000, rows.len()),
        "bulk-contended",
        title,
        evidence,
        "Send fewer concurrent calls; after a 503, wait for Retry-After and double the wait each time. Send an Idempotency-Key or external_id \
         with each record, so that retries create no duplicates. A call answered 503 had no effect.",
    );
    CheckResult::from_causes(vec![weighed], vec![n])
}

fn limited(dossier: &EvidenceSet) -> CheckResult {
    if let Some(unknown) = no_writes(dossier) {
        return unknown;
    }
    let all = dossier.refused.found.iter().flat_map(|rows| writes(rows));
    let rows: Vec<&RequestRow> = all.filter(|row| row.status == Some(429)).collect();
    let n = dossier.refused.evidence("writes rejected by the rate limit", rows.len().to_string(), Some("0"));
    let groups = group_by(rows, |row| row.key_id.map(|id| id.0));
    let name = |rows: &Vec<&RequestRow>| -> RankedCause {
        let key = dossier.caller(rows[0]);
        let title = format!("{key} writes faster than its limit allows ({} got 429)", count(rows.len(), "call"));
        ranked_cause(
            capped_weight(1_500, rows.len()),
            "bulk-limited",
            title,
            [request_evidence(dossier, rows), advice(dossier)].concat(),
            "Spread the import over time and wait for Retry-After after a 429; or have the key's limit raised for the import.",
        )
    };
    CheckResult::from_rows(&dossier.refused, groups.values().map(name).collect(), vec![n])
}

fn slow(dossier: &EvidenceSet) -> CheckResult {
    if let Some(unknown) = no_writes(dossier) {
        return unknown;
    }
    let rows: Vec<&RequestRow> = dossier.served.found.iter().flat_map(|rows| writes(rows)).collect();
    let slowest = rows.iter().map(|row| row.elapsed_ms).max().unwrap_or_default();
    let late: Vec<&RequestRow> = rows.into_iter().filter(|row| row.elapsed_ms >= SLOW_WRITE_MS).collect();
    let found = dossier.served.evidence(
        "slowest successful write",
        format!("{slowest} ms"),
        Some(&format!("below {SLOW_WRITE_MS} ms")),
    );
    if late.is_empty() {
        return CheckResult::from_rows(&dossier.served, Vec::new(), vec![found]);
    }
    let ids: Vec<String> = late.iter().take(3).filter_map(|row| Some(row.request_id.as_ref()?.sanitized())).collect();
    let evidence = vec![found.clone(), dossier.served.evidence("request ids", ids.join(", "), None)];
    let title = format!(
        "{} succeeded only after {SLOW_WRITE_MS} ms or more; the client may have given up",
        count(late.len(), "write")
    );
    let weighed = ranked_cause(
        capped_weight(1_000, late.len()),
        "bulk-client-timeout",
        title,
        evidence,
        "Set the client's timeout to at least 30 s. A call that timed out may have succeeded: retry it with the same Idempotency-Key or \
         external_id, which creates no duplicates.",
    );
    CheckResult::from_causes(vec![weighed], vec![found])
}
