//! Health check for monitoring systems. Each check is one number with two thresholds, read with read-only calls.

pub mod checks;
mod facts;
#[cfg(test)]
mod tests;

use super::checkup::{CheckGrade, CheckReading, HealthCheckReport, ThresholdSide};
use crate::client::Error;
use crate::client::connection::PlatformClient;
use crate::clock::RuntimeEnv;
use crate::domain::text::Untrusted;
use crate::wire::problem::ProblemCode;
use checks::{HEALTH_CHECKS, HealthCheck};
use facts::HealthFacts;

/// Reason for a check that keys of the Integration API cannot make.
const NOT_OBSERVABLE: &str = "a key cannot read this; use an operator token, or the Admin Portal";

/// Thresholds that replace the defaults.
#[derive(Debug, Clone, Default)]
pub struct CheckThresholds {
    /// Warning thresholds, by the name of the check.
    pub warn: Vec<(&'static str, u64)>,
    /// Critical thresholds, by the name of the check.
    pub crit: Vec<(&'static str, u64)>,
}

/// Runs the checks. A platform that cannot be reached is critical; if it does not accept the token, the result is
/// unknown.
pub async fn run_checks(
    client: &PlatformClient,
    ambient: &RuntimeEnv,
    probes: &[&'static HealthCheck],
    limits: &CheckThresholds,
) -> HealthCheckReport {
    let facts = match facts::read_facts(client, ambient).await {
        Ok(facts) => facts,
        Err(error) => return unreachable_result(&error),
    };
    // On an observed platform the checks that a key cannot make are left out, unless they are named.
    let is_left_out =
        |probe: &&&HealthCheck| !probe.is_observable && facts.coverage.is_some() && probes.len() == HEALTH_CHECKS.len();
    let mut readings: Vec<CheckReading> =
        probes.iter().filter(|probe| !is_left_out(probe)).map(|probe| evaluate(probe, &facts, limits)).collect();
    let left_out: Vec<&str> = probes.iter().filter(|probe| is_left_out(probe)).map(|probe| probe.name).collect();
    if !left_out.is_empty() {
        let said = format!("{}: {NOT_OBSERVABLE}", left_out.join(", "));
        readings.push(text_result("not checked", CheckGrade::Ok, said));
    }
    readings.extend(facts.unreadable.summary_line().map(|remark| text_result("answers", CheckGrade::Unknown, remark)));
    let grade = readings.iter().map(|reading| reading.grade).max().unwrap_or(CheckGrade::Ok);
    HealthCheckReport { grade, server_utc: Some(facts.at), readings }
}

/// Returns the result when no facts could be read.
fn unreachable_result(error: &Error) -> HealthCheckReport {
    let is_refused = matches!(error, Error::Refused { problem }
        if matches!(problem.code, ProblemCode::UnknownOperator | ProblemCode::InsufficientRole));
    let (grade, said) = if is_refused {
        (CheckGrade::Unknown, format!("the platform rejects the token: {error}"))
    } else {
        (CheckGrade::Critical, error.to_string())
    };
    let reading = CheckReading { crit: Some(0), ..text_result("platform", grade, Untrusted::new(said).sanitized()) };
    HealthCheckReport { grade, server_utc: None, readings: vec![reading] }
}

/// Creates a result without a number.
fn text_result(name: &str, grade: CheckGrade, said: String) -> CheckReading {
    let (name, unit) = (name.to_owned(), String::new());
    CheckReading { name, grade, said, value: None, unit, side: ThresholdSide::Above, warn: None, crit: None }
}

fn evaluate(probe: &HealthCheck, facts: &HealthFacts, limits: &CheckThresholds) -> CheckReading {
    let set = |set: &[(&'static str, u64)], usual| {
        // The last of several thresholds for the same check applies.
        set.iter().rev().find(|(name, _)| *name == probe.name).map(|(_, limit)| *limit).or(usual)
    };
    let (warn, crit) = (set(&limits.warn, probe.warn), set(&limits.crit, probe.crit));
    let is_beyond = |value: u64, limit: Option<u64>| {
        limit.is_some_and(|limit| if probe.side == ThresholdSide::Above { value > limit } else { value < limit })
    };
    let is_observable = probe.is_observable || facts.coverage.is_none();
    let found = if is_observable { (probe.measure)(facts) } else { Err(NOT_OBSERVABLE.to_owned()) };
    let (grade, value, said) = match found {
        Err(why) => (CheckGrade::Unknown, None, why),
        Ok(found) => {
            let grade = match found.value {
                Some(value) if is_beyond(value, crit) => CheckGrade::Critical,
                Some(value) if is_beyond(value, warn) => CheckGrade::Warning,
                _ => CheckGrade::Ok,
            };
            (grade, found.value, found.text)
        }
    };
    CheckReading {
        name: probe.name.to_owned(),
        grade,
        said,
        value,
        unit: probe.unit.to_owned(),
        side: probe.side,
        warn,
        crit,
    }
}
