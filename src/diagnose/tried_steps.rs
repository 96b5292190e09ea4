//! Steps that a reporter tried: when, and what failed and what succeeded since, as far as the logs were read.

use super::diagnosis_subject::DiagnosisSubject;
use super::evidence_set::{CallGroup, EvidenceSet, QueryRecord};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::text::{count, several};
use crate::wire::attempts::AttemptRow;
use crate::wire::requests::RequestRow;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Length of a minute.
const MINUTE: Duration = Duration::from_secs(60);
/// Length of a day.
const DAY: Duration = Duration::from_secs(86_400);

/// What was measured since a step that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TriedOutcome {
    /// Time of the step; null if its text does not begin with one.
    pub utc: Option<Timestamp>,
    /// Number of failed attempts and refused calls since; null if it is not known.
    pub n_failed: Option<u64>,
    /// Number of successful attempts and calls since, as far as they were read; null if it is not known.
    pub n_good: Option<u64>,
    /// Whether there may be more failures than were counted.
    pub is_at_least: bool,
    /// Whether the step was made before the first failure that was read, so that it was no repair of it.
    #[serde(skip_serializing_if = "is_false")]
    pub is_before_first: bool,
    /// Whether the minute of a step without seconds is not over yet, so that nothing is counted.
    #[serde(skip_serializing_if = "is_false")]
    pub is_minute_open: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl TriedOutcome {
    /// Describes what was measured, to follow the step.
    #[must_use]
    pub fn summary(&self) -> String {
        let Some(at) = self.utc else {
            return "failures since are not counted: the step does not begin with its time, such as 09:40 or \
                    2026-01-31T09:40:00Z (UTC)"
                .to_owned();
        };
        if self.is_minute_open {
            return format!("failures since are not counted: the minute of the step is not over at {at}");
        }
        let good = match self.n_good {
            Some(0) => "; no success was seen since either".to_owned(),
            Some(n) => format!("; {} or more since", several(n, "success", "successes")),
            None => String::new(),
        };
        match (self.n_failed, self.is_at_least) {
            (None, _) => format!("failures since {at} are not known: a log could not be read to its end"),
            (Some(n), is_at_least) if self.is_before_first => {
                let at_least = if is_at_least { "at least " } else { "" };
                let failed = count(n, "failure");
                format!(
                    "made before the first failure that was read: no repair of it ({at_least}{failed} since {at}{good})"
                )
            }
            (Some(0), _) if self.n_good == Some(0) => {
                format!("neither a failure nor a success was seen since {at}: the effect of the step is not known")
            }
            (Some(0), _) => format!("no failure since {at}{good}"),
            (Some(n), false) => format!("{} since {at}{good}", count(n, "failure")),
            (Some(n), true) => format!("at least {} since {at}{good}", count(n, "failure")),
        }
    }

    /// Joins what was measured for one more subject. Two subjects may have failures in common, which count once.
    #[must_use]
    fn joined(self, other: Self) -> Self {
        let (n_failed, is_exact) = match (self.n_failed, other.n_failed) {
            (Some(a), Some(b)) => (Some(a.max(b)), a.min(b) == 0),
            (Some(n), None) | (None, Some(n)) if n > 0 => (Some(n), false),
            _ => (None, true),
        };
        Self {
            utc: self.utc.or(other.utc),
            n_failed,
            n_good: [self.n_good, other.n_good].into_iter().flatten().max(),
            is_at_least: self.is_at_least || other.is_at_least || !is_exact,
            // A step repairs the failures of every subject that failed before it.
            is_before_first: self.is_before_first && other.is_before_first,
            is_minute_open: self.is_minute_open || other.is_minute_open,
        }
    }
}

/// Joins the outcomes of the same steps for two subjects, in their order.
pub(super) fn join(outcomes: &mut [TriedOutcome], others: &[TriedOutcome]) {
    for (outcome, other) in outcomes.iter_mut().zip(others) {
        *outcome = outcome.joined(*other);
    }
}

/// Measures what failed and what succeeded since each step, in their order. `first` is the time of the first failure.
pub(super) fn measure(set: &EvidenceSet, steps: &[String], first: Option<Timestamp>) -> Vec<TriedOutcome> {
    let outcome = |step: &String| match step_time(step, set.at) {
        None => TriedOutcome::default(),
        Some(at) if at > set.at => TriedOutcome { utc: Some(set.at), is_minute_open: true, ..TriedOutcome::default() },
        Some(at) => {
            let is_before_first = first.is_some_and(|first| at < first);
            TriedOutcome { is_before_first, ..since(set, at) }
        }
    };
    steps.iter().map(outcome).collect()
}

/// Reads the time with which a step begins: RFC 3339, or a time of day in UTC for the latest such time. A time without
/// seconds is the end of its minute, so that what failed before the step does not count as after it; the end may be to
/// come. `None` without a time, and for a time to come.
#[must_use]
pub fn step_time(step: &str, now: Timestamp) -> Option<Timestamp> {
    let word = step.split_whitespace().next()?.trim_end_matches([':', ',', ';']);
    if let Some(at) = Timestamp::parse(word) {
        return (at <= now).then_some(at);
    }
    let clock = word.strip_suffix('Z').unwrap_or(word);
    let is_minute = clock.len() == "09:40".len();
    let clock = if is_minute { format!("{clock}:00") } else { clock.to_owned() };
    let today = Timestamp::parse(&format!("{}T{clock}Z", now.format("%Y-%m-%d")))?;
    let at = if today > now { today.minus(DAY) } else { today };
    Some(if is_minute { at.plus(MINUTE) } else { at })
}

/// Number of failures, and whether there may be more.
#[derive(Clone, Copy, Default)]
struct Tally {
    n: u64,
    is_at_least: bool,
}

/// Counts failures and successes since a time.
fn since(set: &EvidenceSet, at: Timestamp) -> TriedOutcome {
    let unknown = TriedOutcome { utc: Some(at), ..TriedOutcome::default() };
    let is_key = matches!(set.scope.subject, DiagnosisSubject::Key(_));
    let is_read = set.refused.found.is_ok()
        && (is_key || set.subscriptions.found.is_ok())
        && set.endpoints.iter().all(|of| of.failures.found.is_ok());
    if !is_read {
        return unknown;
    }
    let parts = set.endpoints.iter().map(|of| attempts_since(&of.failures, at));
    let parts: Vec<Tally> = parts.chain([calls_since(set, at)]).collect();
    let n: u64 = parts.iter().map(|part| part.n).sum();
    let is_cut = parts.iter().any(|part| part.is_at_least);
    if n == 0 && is_cut {
        return unknown;
    }
    let good_attempts = set.endpoints.iter().flat_map(|of| EvidenceSet::rows(&of.successes));
    let good_calls = set.key_calls.values().flat_map(EvidenceSet::rows);
    let n_good = good_attempts.filter(|row| row.started_utc > at).count()
        + good_calls.filter(|row| row.is_served() && row.utc > at).count();
    // What failed before the period was not read.
    let is_at_least = is_cut || at < set.since();
    TriedOutcome {
        utc: Some(at),
        n_failed: Some(n),
        n_good: Some(n_good as u64),
        is_at_least,
        ..TriedOutcome::default()
    }
}

/// Counts failed attempts since a time in a list that begins with the newest.
fn attempts_since(of: &QueryRecord<Vec<AttemptRow>>, at: Timestamp) -> Tally {
    let rows = EvidenceSet::rows(of);
    let n = rows.iter().filter(|row| row.started_utc > at).count() as u64;
    let is_past = rows.last().is_some_and(|row| row.started_utc <= at);
    Tally { n, is_at_least: of.is_incomplete && !is_past }
}

/// Counts refused and failed calls since a time: one by one where the calls of the key were read, else in groups.
fn calls_since(set: &EvidenceSet, at: Timestamp) -> Tally {
    let mut tally = Tally { n: 0, is_at_least: set.refused.is_incomplete };
    for group in EvidenceSet::rows(&set.refused).iter().filter(|group| group.last() > at) {
        let calls = group.newest.key_id.and_then(|key| set.key_calls.get(&key)).filter(|of| of.found.is_ok());
        let rows = calls.map(EvidenceSet::rows);
        match rows {
            _ if group.first() > at => tally.n += group.n,
            Some(rows) => {
                let is_past = rows.first().is_some_and(|row| row.utc <= at);
                tally.n += rows.iter().filter(|row| row.utc > at && is_of(group, row)).count() as u64;
                tally.is_at_least |= !is_past && calls.is_some_and(|of| of.is_incomplete);
            }
            None => {
                tally.n += 1;
                tally.is_at_least |= group.n > 1;
            }
        }
    }
    tally
}

/// Whether a call is one of a group.
fn is_of(group: &CallGroup, row: &RequestRow) -> bool {
    let of = &group.newest;
    let text = |text: &Option<Untrusted>| text.as_ref().map(|text| text.raw().to_owned());
    (of.method == row.method && of.route == row.route && of.status == row.status)
        && (text(&of.code), text(&of.reason)) == (text(&row.code), text(&row.reason))
        && (text(&of.address), text(&of.user_agent)) == (text(&row.address), text(&row.user_agent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::evidence_set::{DiagnosisScope, EndpointEvidence};
    use crate::domain::ids::SubscriptionId;

    const NOW: Timestamp = Timestamp::from_millis(1_767_261_600_000);

    fn ago(seconds: u64) -> Timestamp {
        NOW.minus(Duration::from_secs(seconds))
    }

    #[test]
    fn a_step_has_the_time_that_it_begins_with() {
        let at = |text: &str| step_time(text, NOW).map(Timestamp::to_rfc3339_seconds);
        assert_eq!(NOW.to_rfc3339_seconds(), "2026-01-01T10:00:00Z");
        for (step, time) in [
            ("09:40 new key", Some("2026-01-01T09:41:00Z")),
            ("09:40Z: new key", Some("2026-01-01T09:41:00Z")),
            ("10:00 new key", Some("2026-01-01T10:01:00Z")),
            ("09:40:30, restart", Some("2026-01-01T09:40:30Z")),
            ("23:00 restart", Some("2025-12-31T23:01:00Z")),
            ("2026-01-01T10:30:00+01:00 restart", Some("2026-01-01T09:30:00Z")),
            ("2026-01-02T10:30:00Z restart", None),
            ("new key at 09:40", None),
            ("9:40 restart", None),
            ("25:00 restart", None),
            ("2 restarts", None),
            ("", None),
        ] {
            assert_eq!(at(step).as_deref(), time, "{step:?}");
        }
    }

    fn record<T>(rows: Vec<T>, is_incomplete: bool) -> QueryRecord<Vec<T>> {
        QueryRecord { found: Ok(rows), is_incomplete, ..QueryRecord::of("GET /x") }
    }

    fn attempts(seconds: &[u64], is_incomplete: bool) -> QueryRecord<Vec<AttemptRow>> {
        let row = |ago_s: &u64| AttemptRow { started_utc: ago(*ago_s), ..AttemptRow::answered(1, 500) };
        record(seconds.iter().map(row).collect(), is_incomplete)
    }

    /// A subscription with failures and successes, each so many seconds ago, newest first.
    fn set(failures: QueryRecord<Vec<AttemptRow>>, successes: &[u64]) -> EvidenceSet {
        let subject = DiagnosisSubject::Subscription(SubscriptionId(1));
        let endpoint = EndpointEvidence::of_attempts(SubscriptionId(1), failures, attempts(successes, false));
        EvidenceSet {
            refused: record(Vec::new(), false),
            subscriptions: record(Vec::new(), false),
            endpoints: vec![endpoint],
            ..EvidenceSet::empty(DiagnosisScope::last_hour_of(subject), NOW)
        }
    }

    #[test]
    fn only_what_was_measured_since_a_step_is_said() {
        let unread = QueryRecord::of("GET /x");
        let no_time = "failures since are not counted: the step does not begin with its time, such as 09:40 or \
                       2026-01-31T09:40:00Z (UTC)";
        for (step, failures, successes, said) in [
            ("restart", attempts(&[60], false), vec![], no_time),
            (
                "09:50:00 restart",
                attempts(&[60, 500, 900], false),
                vec![],
                "2 failures since 2026-01-01T09:50:00.000Z; no success was seen since either",
            ),
            (
                "09:50:00 restart",
                attempts(&[900], false),
                vec![],
                "neither a failure nor a success was seen since 2026-01-01T09:50:00.000Z: the effect of the step is not known",
            ),
            (
                "09:50:00 restart",
                attempts(&[900], false),
                vec![30, 40],
                "no failure since 2026-01-01T09:50:00.000Z; 2 successes or more since",
            ),
            (
                "09:50:00 restart",
                attempts(&[60, 500], true),
                vec![30],
                "at least 2 failures since 2026-01-01T09:50:00.000Z; 1 success or more since",
            ),
            (
                "09:50:00 restart",
                attempts(&[60, 900], true),
                vec![30],
                "1 failure since 2026-01-01T09:50:00.000Z; 1 success or more since",
            ),
            (
                "09:50:00 restart",
                attempts(&[], true),
                vec![],
                "failures since 2026-01-01T09:50:00.000Z are not known: a log could not be read to its end",
            ),
            (
                "09:50:00 restart",
                unread,
                vec![],
                "failures since 2026-01-01T09:50:00.000Z are not known: a log could not be read to its end",
            ),
            (
                "2026-01-01T08:00:00Z restart",
                attempts(&[60], false),
                vec![],
                "at least 1 failure since 2026-01-01T08:00:00.000Z; no success was seen since either",
            ),
        ] {
            let measured = measure(&set(failures, &successes), &[step.to_owned()], None);
            assert_eq!(measured[0].summary(), said, "{step}");
        }
    }

    #[test]
    fn a_step_before_the_first_failure_is_no_repair_and_an_open_minute_is_not_counted() {
        let set = |failures: &[u64]| set(attempts(failures, false), &[30]);
        let measured =
            |step: &str, failures: &[u64], first: u64| measure(&set(failures), &[step.to_owned()], Some(ago(first)))[0];
        let before = measured("09:50:00 restart", &[60, 300], 300);
        assert_eq!((before.is_before_first, before.n_failed), (true, Some(2)));
        assert!(
            before
                .summary()
                .starts_with("made before the first failure that was read: no repair of it (2 failures since")
        );
        assert!(!measured("09:50:00 restart", &[60, 900], 900).is_before_first);
        let open = measured("10:00 restart", &[60], 60);
        assert_eq!((open.is_minute_open, open.n_failed), (true, None));
        assert!(open.summary().contains("the minute of the step is not over"), "{}", open.summary());
    }

    #[test]
    fn failures_of_two_subjects_are_not_counted_twice() {
        let of = |n_failed: Option<u64>| TriedOutcome {
            utc: Some(NOW),
            n_failed,
            n_good: Some(1),
            ..TriedOutcome::default()
        };
        for (one, other, joined) in [
            (Some(3), Some(2), (Some(3), true)),
            (Some(3), Some(0), (Some(3), false)),
            (Some(0), Some(0), (Some(0), false)),
            (Some(3), None, (Some(3), true)),
            (Some(0), None, (None, false)),
            (None, None, (None, false)),
        ] {
            let result = of(one).joined(of(other));
            assert_eq!((result.n_failed, result.is_at_least), joined, "{one:?} {other:?}");
        }
    }
}
