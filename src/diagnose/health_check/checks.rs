//! Definitions of the checks: what each one counts, how it is worded, and its default thresholds.

use super::facts::{FactResult, HealthFacts};
use crate::diagnose::checkup::ThresholdSide;
use crate::domain::alert::AlertSubject;
use crate::domain::breaker::FAILURE_THRESHOLD;
use crate::domain::disabled_reason::DisabledReason;
use crate::domain::health_status::{
    DORMANT_DAYS, FAILURES_IN_A_ROW_LIMITS, MIN_HEADROOM_PERCENT, SUCCESS_PERCENT_LIMITS,
};
use crate::domain::text::Untrusted;
use crate::text::{count, or_unknown};
use crate::wire::alerts::ConditionRow;
use crate::wire::coverage::{CoveredNoun, SourceFailureKind};
use crate::wire::keys::KeyRow;
use crate::wire::overview::{PipelineCounts, PlatformStatus};
use crate::wire::requests::ProblemCodeCount;
use crate::wire::subscriptions::SubscriptionRow;

/// Number of missed events up to which a platform counts.
const MAX_MISSED: u64 = 10_000;

/// Definition of one check: a number with two thresholds.
#[derive(Debug, Clone, Copy)]
pub struct HealthCheck {
    /// Name that the command line uses.
    pub name: &'static str,
    /// Description of the number, in a few words.
    pub what: &'static str,
    /// Unit of the number: `s`, `%`, or empty.
    pub unit: &'static str,
    /// Side of the thresholds on which a value is bad.
    pub side: ThresholdSide,
    /// Default threshold for a warning.
    pub warn: Option<u64>,
    /// Default threshold for a critical result.
    pub crit: Option<u64>,
    /// Whether keys of the Integration API can show the number.
    pub(super) is_observable: bool,
    pub(super) measure: fn(&HealthFacts) -> FactResult<CheckMeasurement>,
}

/// Measurement of one check, with its text.
#[derive(Debug)]
pub(super) struct CheckMeasurement {
    /// Measured number; `None` if there is nothing to count.
    pub(super) value: Option<u64>,
    pub(super) text: String,
}

fn measured(value: u64, said: impl Into<String>) -> FactResult<CheckMeasurement> {
    Ok(CheckMeasurement { value: Some(value), text: said.into() })
}

const fn check_above(
    name: &'static str,
    what: &'static str,
    unit: &'static str,
    limits: (Option<u64>, Option<u64>),
    look: fn(&HealthFacts) -> FactResult<CheckMeasurement>,
) -> HealthCheck {
    let side = ThresholdSide::Above;
    HealthCheck { name, what, unit, side, warn: limits.0, crit: limits.1, is_observable: true, measure: look }
}

/// Marks a check whose number keys of the Integration API cannot show.
const fn portal_only(check: HealthCheck) -> HealthCheck {
    HealthCheck { is_observable: false, ..check }
}

/// All checks, in the order in which they are listed.
pub const HEALTH_CHECKS: &[HealthCheck] = &[
    check_above(
        "platform",
        "1 if deliveries are paused, or a platform watched with keys does not answer",
        "",
        (None, Some(0)),
        platform,
    ),
    portal_only(check_above("database", "1 if the platform is not ready", "", (None, Some(0)), database)),
    check_above(
        "clock",
        "difference between the platform's clock and this machine's",
        "s",
        (Some(30), Some(300)),
        clock,
    ),
    portal_only(check_above("due", "delay of the oldest due delivery", "s", (Some(300), Some(900)), due)),
    check_above("tripped", "subscriptions disabled by the breaker", "", (None, Some(0)), tripped),
    portal_only(check_above(
        "off",
        "events missed by subscriptions disabled by hand without a reason",
        "",
        (Some(0), None),
        off,
    )),
    check_above(
        "streak",
        "most failures in a row of an enabled subscription",
        "",
        (Some(2), Some(FAILURES_IN_A_ROW_LIMITS.1 as u64 - 1)),
        streak,
    ),
    HealthCheck {
        name: "success",
        what: "lowest hourly success rate of an enabled subscription with 20 attempts or more",
        unit: "%",
        side: ThresholdSide::Below,
        warn: Some(SUCCESS_PERCENT_LIMITS.0),
        crit: Some(SUCCESS_PERCENT_LIMITS.1),
        is_observable: false,
        measure: success,
    },
    portal_only(check_above(
        "missed",
        "deliveries of the last 24 h that were missed or given up",
        "",
        (Some(0), None),
        missed,
    )),
    portal_only(check_above("pollers", "keys whose polls of events make no progress", "", (Some(0), None), pollers)),
    check_above("refused", "calls of the last hour answered 4xx, except 429", "", (Some(0), None), refused),
    check_above("limited", "calls of the last hour answered 429", "", (Some(0), Some(1_000)), limited),
    check_above("contended", "calls of the last hour answered 503", "", (Some(0), Some(1_000)), contended),
    check_above("errors", "calls of the last hour answered 5xx, except 503", "", (None, Some(0)), errors),
    HealthCheck {
        name: "headroom",
        what: "lowest remaining share of a rate limit",
        unit: "%",
        side: ThresholdSide::Below,
        warn: Some(MIN_HEADROOM_PERCENT as u64),
        crit: None,
        is_observable: true,
        measure: headroom,
    },
    portal_only(check_above("keys", "active keys unused for 30 days", "", (Some(0), None), keys)),
];

impl HealthCheck {
    /// Finds the check of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        HEALTH_CHECKS.iter().find(|probe| probe.name == name)
    }
}

fn platform(facts: &HealthFacts) -> FactResult<CheckMeasurement> {
    if let Some(source) = facts.coverage.as_ref().and_then(|coverage| coverage.source.as_ref()) {
        let failure = source.failure.as_ref().filter(|failure| failure.kind == SourceFailureKind::Failed);
        return match failure {
            Some(failure) => measured(1, format!("the platform cannot be observed: {}", failure.why.sanitized())),
            None => measured(0, "the platform answers; whether it dispatches is not visible to a key"),
        };
    }
    match &facts.platform {
        Some(PlatformStatus { dispatch_paused: Some(why), .. }) => measured(1, format!("dispatch is paused: {why}")),
        Some(PlatformStatus { version, .. }) => measured(0, format!("version {version}, dispatching")),
        None => Err("the platform does not report its state".to_owned()),
    }
}

fn database(facts: &HealthFacts) -> FactResult<CheckMeasurement> {
    match &facts.ready {
        Ok(()) => measured(0, "the database answers"),
        Err(why) => measured(1, format!("the platform is not ready: {why}")),
    }
}

fn clock(facts: &HealthFacts) -> FactResult<CheckMeasurement> {
    measured(
        facts.skew.as_secs(),
        format!("clocks of the platform and this machine differ by {} s", facts.skew.as_secs()),
    )
}

fn due(facts: &HealthFacts) -> FactResult<CheckMeasurement> {
    match facts.pipeline.oldest_due_utc {
        Some(due) => {
            let late = facts.at.since(due).as_secs();
            measured(late, format!("the oldest due delivery is {late} s late"))
        }
        None => measured(0, "no delivery is late"),
    }
}

fn name(row: &SubscriptionRow) -> String {
    format!("subscription {} ({})", row.subscription.id, row.subscription.target_url.sanitized())
}

/// Checks whether the breaker disabled a subscription; also one that an observer saw going off without a reason.
fn is_tripped(row: &SubscriptionRow) -> bool {
    let of = &row.subscription;
    let went_off = !of.is_enabled && row.disabled_after_utc.is_some() && row.disabled_note.is_none();
    of.disabled_reason == Some(DisabledReason::Breaker) || (of.disabled_reason.is_none() && went_off)
}

fn tripped(facts: &HealthFacts) -> FactResult<CheckMeasurement> {
    let rows = facts.subscriptions.as_ref().map_err(Clone::clone)?;
    let off: Vec<&SubscriptionRow> = rows.iter().filter(|row| is_tripped(row)).collect();
    let said = match off.as_slice() {
        [] => "no breaker has tripped".to_owned(),
        [row, rest @ ..] => {
            let since = row.subscription.disabled_utc.map_or_else(String::new, |at| format!(", off since {at}"));
            let missed = row
                .health
                .and_then(|health| health.n_skipped)
                .map_or_else(String::new, |n| format!("; {} missed", count(n, "event")));
            let what = match row.subscription.disabled_reason {
                Some(_) => format!("breaker tripped after {FAILURE_THRESHOLD} failures in a row"),
                None => "was disabled between two polls; the reason is not reported".to_owned(),
            };
            format!("{}: {what}{since}{missed}{}", name(row), others(rest.len()))
        }
    };
    measured(off.len() as u64, said)
}

/// Number of events that a subscription missed; 0 if it is not known.
fn n_skipped(row: &SubscriptionRow) -> u64 {
    row.health.and_then(|health| health.n_skipped).unwrap_or(0)
}

fn others(n: usize) -> String {
    if n == 0 { String::new() } else { format!("; and {n} more") }
}

fn off(facts: &HealthFacts) -> FactResult<CheckMeasurement> {
    let rows = facts.subscriptions.as_ref().map_err(Clone::clone)?;
    let off: Vec<&SubscriptionRow> = rows
        .iter()
        .filter(|row| row.subscription.disabled_reason == Some(DisabledReason::Manual) && n_skipped(row) > 0)
        .collect();
    // What is off on purpose is said and does not warn.
    let (intended, off): (Vec<&SubscriptionRow>, Vec<&SubscriptionRow>) =
        off.into_iter().partition(|row| row.disabled_note.is_some());
    let said_intended = if intended.is_empty() {
        String::new()
    } else {
        let n: u64 = intended.iter().map(|row| n_skipped(row)).sum();
        format!("; {} missed by {} disabled on purpose", count(n, "event"), count(intended.len(), "subscription"))
    };
    let n = off.iter().map(|row| n_skipped(row)).sum();
    let said = match off.as_slice() {
        [] => format!("no subscription disabled by hand without a reason has missed events{said_intended}"),
        [row, rest @ ..] => {
            format!(
                "{}: disabled by hand; {} missed{}{said_intended}",
                name(row),
                count(n_skipped(row), "event"),
                others(rest.len())
            )
        }
    };
    measured(n, said)
}

fn enabled(facts: &HealthFacts) -> FactResult<Vec<&SubscriptionRow>> {
    let rows = facts.subscriptions.as_ref().map_err(Clone::clone)?;
    Ok(rows.iter().filter(|row| row.subscription.is_enabled).collect())
}

fn streak(facts: &HealthFacts) -> FactResult<CheckMeasurement> {
    let rows = enabled(facts)?;
    if !rows.is_empty() && rows.iter().all(|row| row.subscription.consecutive_failures.is_none()) {
        return Err("the platform does not report failures in a row".to_owned());
    }
    match rows.iter().max_by_key(|row| row.failures_in_a_row()) {
        Some(row) if row.failures_in_a_row() > 0 => {
            let streak = row.failures_in_a_row();
            measured(
                streak.into(),
                format!("{}: {} in a row; trips at {FAILURE_THRESHOLD}", name(row), count(streak, "failure")),
            )
        }
        _ => measured(0, "no failures on enabled subscriptions"),
    }
}

fn success(facts: &HealthFacts) -> FactResult<CheckMeasurement> {
    let rows = enabled(facts)?;
    let hours = rows.iter().filter_map(|row| Some((row.health?.last_1h.tally(), *row)));
    let rates = hours.filter_map(|(tally, row)| Some((tally.percent_if_significant()?, tally, row)));
    Ok(match rates.min_by_key(|(percent, ..)| *percent) {
        Some((percent, tally, row)) => {
            let said = format!("{}: {} of {} attempts succeeded in 1 h", name(row), tally.n_ok, tally.total());
            CheckMeasurement { value: Some(percent), text: said }
        }
        None => CheckMeasurement {
            value: None,
            text: "no enabled subscription has enough attempts in 1 h for a rate".to_owned(),
        },
    })
}

/// Counts missed events over all subscriptions, also over those that are disabled.
fn missed(facts: &HealthFacts) -> FactResult<CheckMeasurement> {
    let PipelineCounts { n_skipped_24h: Some(n_skipped), n_exhausted_24h: Some(n_lost), .. } = facts.pipeline else {
        return Err("the platform does not report missed deliveries".to_owned());
    };
    let counted = |n: u64| if n < MAX_MISSED { n.to_string() } else { format!("{n} or more") };
    let said = if n_skipped + n_lost == 0 {
        "no delivery of the last 24 h was missed or given up".to_owned()
    } else {
        format!(
            "last 24 h: {} missed while a subscription was off, {} given up; a replay delivers them",
            counted(n_skipped),
            counted(n_lost)
        )
    };
    measured(n_skipped + n_lost, said)
}

/// Words about the calls among which none was found; empty where all calls are known.
fn known_calls(facts: &HealthFacts) -> String {
    let of = facts.coverage.as_ref().and_then(|coverage| coverage.of(CoveredNoun::Requests));
    let reason = of.and_then(|of| of.reason.as_ref()).map(Untrusted::sanitized);
    reason.map_or_else(String::new, |reason| format!(" among those known: {reason}"))
}

fn count_answers(facts: &HealthFacts, is_meant: fn(u16) -> bool, what: &str) -> FactResult<CheckMeasurement> {
    let answers = facts.answers.as_ref().map_err(Clone::clone)?;
    let meant: Vec<&ProblemCodeCount> = answers.iter().filter(|of| of.status.is_some_and(is_meant)).collect();
    let n = meant.iter().map(|of| of.n).sum();
    let said = match meant.as_slice() {
        [] => format!("no call got {what} in 1 h{}", known_calls(facts)),
        counts => {
            let code = |of: &ProblemCodeCount| {
                of.code.as_ref().map_or_else(String::new, |code| format!(" {}", code.sanitized()))
            };
            let listed = counts.iter().map(|of| format!("{}{} \u{d7}{}", or_unknown(of.status), code(of), of.n));
            format!("in 1 h: {}", listed.collect::<Vec<_>>().join(", "))
        }
    };
    measured(n, said)
}

fn refused(facts: &HealthFacts) -> FactResult<CheckMeasurement> {
    count_answers(facts, |status| (400..500).contains(&status) && status != 429, "4xx, except 429")
}

/// Lists the keys with pollers that make no progress, as the platform found them.
fn pollers(facts: &HealthFacts) -> FactResult<CheckMeasurement> {
    let key = |row: &ConditionRow| match row.subject {
        AlertSubject::Poller(id) => Some(id),
        _ => None,
    };
    let stuck: Vec<_> = facts.conditions.iter().filter_map(|row| Some((key(row)?, row))).collect();
    let said = match stuck.as_slice() {
        [] => "every poller of events makes progress".to_owned(),
        [(id, row), rest @ ..] => {
            format!("key {id} ({}): {}{}", row.name.sanitized(), row.why.sanitized(), others(rest.len()))
        }
    };
    measured(stuck.len() as u64, said)
}

fn limited(facts: &HealthFacts) -> FactResult<CheckMeasurement> {
    count_answers(facts, |status| status == 429, "429")
}

fn contended(facts: &HealthFacts) -> FactResult<CheckMeasurement> {
    count_answers(facts, |status| status == 503, "503")
}

fn errors(facts: &HealthFacts) -> FactResult<CheckMeasurement> {
    count_answers(facts, |status| status >= 500 && status != 503, "5xx")
}

fn headroom(facts: &HealthFacts) -> FactResult<CheckMeasurement> {
    let windows = facts.windows.as_ref().map_err(Clone::clone)?;
    let all = windows.iter().filter_map(|of| Some((of.row.percent_left()?, of)));
    Ok(match all.min_by_key(|(percent, _)| *percent) {
        Some((percent, of)) => {
            let row = &of.row;
            let said = format!(
                "key {} ({}): {} of {} {} calls left this minute",
                row.key_id,
                row.key_name.sanitized(),
                or_unknown(row.remaining),
                row.limit,
                row.bucket
            );
            CheckMeasurement { value: Some(percent), text: said }
        }
        None => CheckMeasurement { value: None, text: "no rate limits to report".to_owned() },
    })
}

fn keys(facts: &HealthFacts) -> FactResult<CheckMeasurement> {
    let rows = facts.keys.as_ref().map_err(Clone::clone)?;
    let idle = |row: &KeyRow| {
        row.last_used_utc.or(row.created_utc).map_or(0, |since| facts.at.since(since).as_secs() / 86_400)
    };
    let mut idle: Vec<(u64, &KeyRow)> = rows
        .iter()
        .filter(|row| row.is_active != Some(false))
        .map(|row| (idle(row), row))
        .filter(|(days, _)| *days >= DORMANT_DAYS)
        .collect();
    idle.sort_by_key(|(days, _)| std::cmp::Reverse(*days));
    let said = match idle.as_slice() {
        [] => format!("every active key was used or created in the last {DORMANT_DAYS} days"),
        [(days, row), rest @ ..] => {
            format!("key {} ({}): unused for {days} days{}", row.id, row.name.sanitized(), others(rest.len()))
        }
    };
    measured(idle.len() as u64, said)
}
