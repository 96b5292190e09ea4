//! Playbook for bulk imports that stall: contention (503), the rate limit (429), or calls that take longer than the
//! client waits.

use super::{OTHERS, cause, code, grouped, told, weight};
use crate::api::report::{Evidence, Topic};
use crate::api::requests::RequestRow;
use crate::diagnose::dossier::{Dossier, Sight};
use crate::diagnose::playbook::{Answer, Playbook, Question, Source, Weighed, When};
use std::collections::BTreeMap;

/// Checks, in order: no contention, within the rate limit, quick enough.
pub const PLAYBOOK: Playbook = Playbook {
    topic: Topic::BulkTimeouts,
    needs: &[Source::Keys, Source::Refused, Source::Served],
    questions: &[
        Question { id: "contended", text: "Was the platform free to write?", when: When::Always, ask: contended },
        Question { id: "limited", text: "Did the import fit its window?", when: When::Always, ask: limited },
        Question { id: "slow", text: "Were all answers quick enough for a client?", when: When::Always, ask: slow },
    ],
};

/// Duration, in milliseconds, from which on a client may have timed out.
const SLOW_MS: u64 = 5_000;

fn writes(rows: &[RequestRow]) -> impl Iterator<Item = &RequestRow> {
    rows.iter().filter(|row| row.method.raw() != "GET")
}

/// Returns the largest number of writes by all callers in one second.
fn peak(dossier: &Dossier) -> usize {
    let mut seconds: BTreeMap<i64, usize> = BTreeMap::new();
    let all = dossier.served.found.iter().chain(dossier.refused.found.iter());
    for row in all.flat_map(|rows| writes(rows)) {
        *seconds.entry(row.utc.seconds()).or_default() += 1;
    }
    seconds.into_values().max().unwrap_or_default()
}

fn advice(dossier: &Dossier) -> Vec<Evidence> {
    let peak = peak(dossier);
    let batch = (peak / 20).clamp(1, 50);
    vec![
        dossier.served.evidence("most writes in one second", peak.to_string(), None),
        dossier.served.evidence("advice: calls at once", batch.to_string(), None),
        dossier.served.evidence("advice: waits after a refusal", "1 s, 2 s, 4 s, 8 s, each with a random part", None),
    ]
}

fn none_arrived(dossier: &Dossier) -> Option<Answer> {
    match (dossier.refused.get(), dossier.served.get()) {
        (Err(why), _) | (_, Err(why)) => Some(Answer::unknown(why)),
        (Ok(_), Ok(_)) if dossier.sight == Sight::Own => Some(Answer::unknown(OTHERS)),
        (Ok(refused), Ok(served)) if writes(refused).chain(writes(served)).next().is_none() => {
            Some(Answer::unknown("no call that writes arrived in the window"))
        }
        _ => None,
    }
}

fn contended(dossier: &Dossier) -> Answer {
    if let Some(unknown) = none_arrived(dossier) {
        return unknown;
    }
    let rows: Vec<&RequestRow> =
        dossier.refused.found.iter().flatten().filter(|row| row.status == 503 && code(row) == "contended").collect();
    let n = dossier.refused.evidence("calls refused as contended", rows.len().to_string(), Some("0"));
    if rows.is_empty() {
        return Answer::of_read(&dossier.refused, Vec::new(), vec![n]);
    }
    let title = format!(
        "the write queue was full: {} calls were answered 503, which is contention and no rate limit",
        rows.len()
    );
    let evidence = [told(dossier, &rows), advice(dossier)].concat();
    let weighed = cause(
        weight(2_000, rows.len()),
        "bulk-contended",
        title,
        evidence,
        "Send fewer calls at once, wait Retry-After after a 503 and double the wait each time. Send an Idempotency-Key or external_id with each \
         record, so that a repeat creates nothing twice. What was answered 503 was not done.",
    );
    Answer::of(vec![weighed], vec![n])
}

fn limited(dossier: &Dossier) -> Answer {
    if let Some(unknown) = none_arrived(dossier) {
        return unknown;
    }
    let all = dossier.refused.found.iter().flat_map(|rows| writes(rows));
    let rows: Vec<&RequestRow> = all.filter(|row| row.status == 429).collect();
    let n = dossier.refused.evidence("writes refused by a rate window", rows.len().to_string(), Some("0"));
    let groups = grouped(rows, |row| row.key_id.map(|id| id.0));
    let name = |rows: &Vec<&RequestRow>| -> Weighed {
        let key = dossier.caller(rows[0]);
        let title = format!("{key} writes faster than its window allows ({} calls answered 429)", rows.len());
        cause(
            weight(1_500, rows.len()),
            "bulk-limited",
            title,
            [told(dossier, rows), advice(dossier)].concat(),
            "Spread the import over the minutes and wait Retry-After after a 429; or have the key's limit raised for the import.",
        )
    };
    Answer::of_read(&dossier.refused, groups.values().map(name).collect(), vec![n])
}

fn slow(dossier: &Dossier) -> Answer {
    if let Some(unknown) = none_arrived(dossier) {
        return unknown;
    }
    let rows: Vec<&RequestRow> = dossier.served.found.iter().flat_map(|rows| writes(rows)).collect();
    let slowest = rows.iter().map(|row| row.elapsed_ms).max().unwrap_or_default();
    let late: Vec<&RequestRow> = rows.into_iter().filter(|row| row.elapsed_ms >= SLOW_MS).collect();
    let found =
        dossier.served.evidence("slowest write that was done", format!("{slowest} ms"), Some(&format!("{SLOW_MS} ms")));
    if late.is_empty() {
        return Answer::of_read(&dossier.served, Vec::new(), vec![found]);
    }
    let ids: Vec<String> = late.iter().take(3).map(|row| row.request_id.inert()).collect();
    let evidence = vec![found.clone(), dossier.served.evidence("request ids", ids.join(", "), None)];
    let title = format!(
        "{} writes took {SLOW_MS} ms or longer and were done, while their client may have given up",
        late.len()
    );
    let weighed = cause(
        weight(1_000, late.len()),
        "bulk-client-timeout",
        title,
        evidence,
        "Let the client wait at least 30 s. A call that timed out may have been done: repeat it with the same Idempotency-Key or external_id, \
         which creates nothing twice.",
    );
    Answer::of(vec![weighed], vec![found])
}
