//! Questions of the circuit breaker playbook, and the checks that answer them.

use super::facts::{FILLING, Facts, State};
use crate::api::attempts::AttemptRow;
use crate::api::report::{CheckVerdict, Evidence, ReportedCheck};
use crate::diagnose::dossier::Sight;
use crate::diagnose::own;
use crate::domain::breaker::FAILURE_THRESHOLD;

/// Ids and texts of the questions, in the order of the report.
pub const QUESTIONS: [(&str, &str); 5] = [
    ("breaker-state", "Is the subscription enabled, with fewer than 5 failures in a row?"),
    ("failure-cause", "Did the latest scheduled attempts succeed?"),
    ("endpoint-now", "Does the endpoint work again?"),
    ("missed-events", "Was every event delivered while the subscription was off?"),
    ("safe-to-enable", "Is it safe to enable the subscription?"),
];

type Answer = (CheckVerdict, Vec<Evidence>);

/// Answers all questions, in order.
#[must_use]
pub fn all(facts: &Facts<'_>) -> Vec<ReportedCheck> {
    let now = endpoint_now(facts);
    let safe = safe_to_enable(facts, &now.0);
    let answers = [state(facts), failures(facts), now, missed(facts), safe];
    let step = |((id, question), (verdict, evidence)): ((&str, &str), Answer)| ReportedCheck {
        id: id.to_owned(),
        question: question.to_owned(),
        verdict,
        evidence,
    };
    QUESTIONS.into_iter().zip(answers).map(step).collect()
}

fn skipped(why: &str) -> Answer {
    (CheckVerdict::Skipped(why.to_owned()), Vec::new())
}

fn state(facts: &Facts<'_>) -> Answer {
    let streak = facts.row.subscription.consecutive_failures;
    let limit = format!("below {FILLING}; trips at {FAILURE_THRESHOLD}");
    let mut evidence = vec![facts.of_subscription("failures in a row", streak.to_string(), Some(limit))];
    let verdict = match facts.state {
        State::Holds => CheckVerdict::Pass,
        State::Fills => {
            let forecast = facts.row.trips_after();
            evidence.extend(forecast.map(|after| {
                facts.of_subscription("trips at this rate", format!("in about {} s", after.as_secs()), None)
            }));
            CheckVerdict::Fail
        }
        State::Tripped(at) => {
            evidence.push(facts.of_subscription("off since (breaker)", at.to_string(), None));
            CheckVerdict::Fail
        }
        State::SwitchedOff(_) => {
            let since = facts.row.subscription.disabled_utc.map_or_else(|| "unknown".to_owned(), |at| at.to_string());
            evidence.push(facts.of_subscription("off since (by hand)", since, None));
            CheckVerdict::Fail
        }
    };
    (verdict, evidence)
}

fn failures(facts: &Facts<'_>) -> Answer {
    match facts.state {
        State::SwitchedOff(_) => return skipped("disabled by hand, not by failures"),
        State::Holds => return recent(facts),
        State::Fills | State::Tripped(_) => {}
    }
    match facts.failures() {
        Err(why) => (CheckVerdict::Unknown(why), Vec::new()),
        Ok(groups) if groups.is_empty() => {
            (CheckVerdict::Unknown("the delivery log has no failed scheduled attempt".to_owned()), Vec::new())
        }
        Ok(groups) => {
            let of_group = |group: &crate::diagnose::endpoint::Group| {
                facts.of_failures(format!("failed attempts: {}", group.fault.id()), group.seen.clone())
            };
            (CheckVerdict::Fail, groups.iter().map(of_group).collect())
        }
    }
}

/// Checks the latest attempts of a subscription whose breaker is not close to tripping: failures among them are
/// evidence, but pass.
fn recent(facts: &Facts<'_>) -> Answer {
    match facts.attempts() {
        Err(why) => (CheckVerdict::Unknown(format!("the delivery log could not be read: {why}")), Vec::new()),
        Ok(rows) if rows.is_empty() => {
            (CheckVerdict::Unknown("nothing was sent to this endpoint yet".to_owned()), Vec::new())
        }
        Ok(rows) => {
            let n_failed = rows.iter().filter(|row| !row.outcome().is_success()).count();
            let value = format!("{n_failed} of the last {}", rows.len());
            let limit = Some(format!("fewer than {FILLING} in a row"));
            (CheckVerdict::Pass, vec![facts.evidence("delivery log: failed attempts", value, limit)])
        }
    }
}

fn endpoint_now(facts: &Facts<'_>) -> Answer {
    if facts.state == State::Holds {
        return skipped("the breaker has not tripped");
    }
    let attempts = match facts.attempts() {
        Ok(attempts) => attempts,
        Err(why) => return (CheckVerdict::Unknown(format!("the delivery log could not be read: {why}")), Vec::new()),
    };
    let off_since = facts.off_since();
    match attempts.into_iter().find(|row| off_since.is_none_or(|off| row.started_utc > off)) {
        Some(row) => {
            let verdict = if row.outcome().is_success() { CheckVerdict::Pass } else { CheckVerdict::Fail };
            (verdict, vec![facts.evidence("delivery log: latest attempt", described(row), Some("2xx".to_owned()))])
        }
        None => {
            let since = off_since.map_or_else(String::new, |off| format!(" since the subscription went off at {off}"));
            (CheckVerdict::Unknown(format!("nothing was sent{since}; send a test")), Vec::new())
        }
    }
}

fn described(row: &AttemptRow) -> String {
    format!("attempt {} ({}) at {}: {}", row.id, row.kind.name(), row.started_utc, row.outcome())
}

fn missed(facts: &Facts<'_>) -> Answer {
    if facts.off_since().is_none() {
        return skipped("the subscription is enabled");
    }
    if facts.sight == Sight::Own {
        return (CheckVerdict::Unknown(own::PORTAL.to_owned()), Vec::new());
    }
    let health = &facts.row.health;
    let none = Some("0".to_owned());
    let evidence = vec![
        facts.of_subscription("missed events", health.n_skipped.to_string(), none.clone()),
        facts.of_subscription("deliveries on hold", health.n_parked.to_string(), none),
    ];
    let verdict = if health.n_skipped + health.n_parked == 0 { CheckVerdict::Pass } else { CheckVerdict::Fail };
    (verdict, evidence)
}

fn safe_to_enable(facts: &Facts<'_>, endpoint_now: &CheckVerdict) -> Answer {
    if facts.off_since().is_none() {
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
