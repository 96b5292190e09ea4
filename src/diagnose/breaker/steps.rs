//! Questions of the circuit breaker playbook, and the checks that answer them.

use super::facts::{BreakerFacts, BreakerState, NEAR_TRIP_FAILURES};
use crate::diagnose::report::{CheckVerdict, Evidence, ReportedCheck};
use crate::domain::breaker::FAILURE_THRESHOLD;
use crate::domain::delivery::AttemptKind;
use crate::text::or_unknown;
use crate::wire::attempts::AttemptRow;

/// Ids and texts of the questions, in the order of the report.
pub const BREAKER_QUESTIONS: [(&str, &str); 5] = [
    ("breaker-state", "Is the subscription enabled, with fewer than 5 failures in a row?"),
    ("failure-cause", "Did the latest scheduled attempts succeed?"),
    ("endpoint-now", "Does the endpoint work again?"),
    ("missed-events", "Was every event delivered while the subscription was off?"),
    ("safe-to-enable", "Is it safe to enable the subscription?"),
];

/// Reason why missed events are unknown on an observed platform.
const MISSED_UNKNOWN: &str = "missed events are not visible to an API key; see the Admin Portal";

type StepAnswer = (CheckVerdict, Vec<Evidence>);

/// Answers all questions, in order.
#[must_use]
pub fn answer_all(facts: &BreakerFacts<'_>) -> Vec<ReportedCheck> {
    let now = endpoint_now(facts);
    let safe = safe_to_enable(facts, &now.0);
    let answers = [state(facts), failures(facts), now, missed_events(facts), safe];
    let step = |((id, question), (verdict, evidence)): ((&str, &str), StepAnswer)| ReportedCheck {
        id: id.to_owned(),
        question: question.to_owned(),
        verdict,
        evidence,
    };
    BREAKER_QUESTIONS.into_iter().zip(answers).map(step).collect()
}

fn skipped(why: &str) -> StepAnswer {
    (CheckVerdict::Skipped(why.to_owned()), Vec::new())
}

fn state(facts: &BreakerFacts<'_>) -> StepAnswer {
    let streak = facts.row.subscription.consecutive_failures;
    let limit = format!("below {NEAR_TRIP_FAILURES}; trips at {FAILURE_THRESHOLD}");
    let mut evidence = vec![facts.subscription_evidence("failures in a row", or_unknown(streak), Some(limit))];
    let verdict = match facts.state {
        BreakerState::Closed if streak.is_none() => {
            CheckVerdict::Unknown("the platform does not report failures in a row".to_owned())
        }
        BreakerState::Closed => CheckVerdict::Pass,
        BreakerState::NearThreshold => {
            let forecast = facts.row.trips_after();
            evidence.extend(forecast.map(|after| {
                facts.subscription_evidence("trips at this rate", format!("in about {} s", after.as_secs()), None)
            }));
            CheckVerdict::Fail
        }
        BreakerState::Tripped(at) => {
            evidence.push(facts.subscription_evidence("off since (breaker)", at.to_string(), None));
            CheckVerdict::Fail
        }
        BreakerState::DisabledManually(_) => {
            let since = facts.row.subscription.disabled_utc.map_or_else(|| "unknown".to_owned(), |at| at.to_string());
            evidence.push(facts.subscription_evidence("off since (by hand)", since, None));
            CheckVerdict::Fail
        }
    };
    (verdict, evidence)
}

fn failures(facts: &BreakerFacts<'_>) -> StepAnswer {
    match facts.state {
        BreakerState::DisabledManually(_) => return skipped("disabled by hand, not by failures"),
        BreakerState::Closed => return recent_attempts(facts),
        BreakerState::NearThreshold | BreakerState::Tripped(_) => {}
    }
    match facts.failures() {
        Err(why) => (CheckVerdict::Unknown(why), Vec::new()),
        Ok(groups) if groups.is_empty() => {
            (CheckVerdict::Unknown("the delivery log has no failed scheduled attempt".to_owned()), Vec::new())
        }
        Ok(groups) => {
            let of_group = |group: &crate::diagnose::endpoint::FaultGroup| {
                facts.failures_evidence(format!("failed attempts: {}", group.fault.id()), group.outcomes.clone())
            };
            (CheckVerdict::Fail, groups.iter().map(of_group).collect())
        }
    }
}

/// Checks the latest attempts of a subscription whose breaker is not close to tripping: failures among them are
/// evidence, but pass.
fn recent_attempts(facts: &BreakerFacts<'_>) -> StepAnswer {
    match facts.attempts() {
        Err(why) => (CheckVerdict::Unknown(format!("the delivery log could not be read: {why}")), Vec::new()),
        Ok(rows) if rows.is_empty() => {
            (CheckVerdict::Unknown("nothing was sent to this endpoint yet".to_owned()), Vec::new())
        }
        Ok(rows) => {
            let n_failed = rows.iter().filter(|row| !row.outcome().is_success()).count();
            let value = format!("{n_failed} of the last {}", rows.len());
            let limit = Some(format!("fewer than {NEAR_TRIP_FAILURES} in a row"));
            (CheckVerdict::Pass, vec![facts.log_evidence("delivery log: failed attempts", value, limit)])
        }
    }
}

fn endpoint_now(facts: &BreakerFacts<'_>) -> StepAnswer {
    if facts.state == BreakerState::Closed {
        return skipped("the breaker has not tripped");
    }
    let attempts = match facts.attempts() {
        Ok(attempts) => attempts,
        Err(why) => return (CheckVerdict::Unknown(format!("the delivery log could not be read: {why}")), Vec::new()),
    };
    let off_since = facts.disabled_since();
    match attempts.into_iter().find(|row| off_since.is_none_or(|off| row.started_utc > off)) {
        Some(row) => {
            let verdict = if row.outcome().is_success() { CheckVerdict::Pass } else { CheckVerdict::Fail };
            (
                verdict,
                vec![facts.log_evidence("delivery log: latest attempt", attempt_text(row), Some("2xx".to_owned()))],
            )
        }
        None => {
            let since = off_since.map_or_else(String::new, |off| format!(" since the subscription went off at {off}"));
            (CheckVerdict::Unknown(format!("nothing was sent{since}; send a test")), Vec::new())
        }
    }
}

fn attempt_text(row: &AttemptRow) -> String {
    format!(
        "attempt {} ({}) at {}: {}",
        row.id,
        or_unknown(row.kind.map(AttemptKind::name)),
        row.started_utc,
        row.outcome()
    )
}

fn missed_events(facts: &BreakerFacts<'_>) -> StepAnswer {
    if facts.disabled_since().is_none() {
        return skipped("the subscription is enabled");
    }
    let Some(health) = &facts.row.health else {
        return (CheckVerdict::Unknown(MISSED_UNKNOWN.to_owned()), Vec::new());
    };
    let none = Some("0".to_owned());
    let evidence = vec![
        facts.subscription_evidence("missed events", health.n_skipped.to_string(), none.clone()),
        facts.subscription_evidence("deliveries on hold", health.n_parked.to_string(), none),
    ];
    let verdict = if health.n_skipped + health.n_parked == 0 { CheckVerdict::Pass } else { CheckVerdict::Fail };
    (verdict, evidence)
}

fn safe_to_enable(facts: &BreakerFacts<'_>, endpoint_now: &CheckVerdict) -> StepAnswer {
    if facts.disabled_since().is_none() {
        return skipped("the subscription is enabled");
    }
    let verdict = match endpoint_now {
        CheckVerdict::Pass => CheckVerdict::Pass,
        CheckVerdict::Fail => CheckVerdict::Fail,
        CheckVerdict::Unknown(why) | CheckVerdict::Skipped(why) => {
            CheckVerdict::Unknown(format!("endpoint state unknown: {why}"))
        }
    };
    (verdict, Vec::new())
}
