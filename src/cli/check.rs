//! `crow check`: prints one line in the format of monitoring plugins, and exits with its code.

use super::arguments::check::CheckArgs;
use super::failure::CommandFailure;
use super::{log, output, portal};
use crate::clock::RuntimeEnv;
use crate::diagnose::health_check::checks::{HEALTH_CHECKS, HealthCheck};
use crate::diagnose::health_check::{CheckThresholds, run_checks};
use crate::domain::text::Untrusted;
use crate::text::count;
use crate::wire::checkup::{CHECK_DOCUMENT, CheckGrade, CheckReading, HealthCheckReport, ThresholdSide};
use crate::wire::document::ObjectDocument;
use std::process::ExitCode;

pub(super) async fn run(asked: CheckArgs) -> Result<ExitCode, CommandFailure> {
    log::to_stderr();
    match execute_checks(asked).await {
        Ok(code) => Ok(code),
        Err(failure) => report_unknown(&failure.to_string()),
    }
}

/// Reports UNKNOWN on stdout, on one line. Monitoring systems read stdout and take exit code 2 as CRITICAL, so an
/// error of the command itself must not use it.
pub(super) fn report_unknown(why: &str) -> Result<ExitCode, CommandFailure> {
    let (code, word) = CheckGrade::Unknown.plugin_status();
    output::write(&format!("CROW {word} - {}", single_line(why)))?;
    Ok(ExitCode::from(code))
}

async fn execute_checks(asked: CheckArgs) -> Result<ExitCode, CommandFailure> {
    if asked.list {
        list_checks()?;
        return Ok(ExitCode::SUCCESS);
    }
    let probes: Vec<&'static HealthCheck> =
        if asked.probes.is_empty() { HEALTH_CHECKS.iter().collect() } else { asked.probes };
    let client = portal::connect_operator(&asked.remote)?;
    let limits = CheckThresholds { warn: asked.warn, crit: asked.crit };
    let checkup = run_checks(&client, &RuntimeEnv::real(), &probes, &limits).await;
    let text = if asked.json {
        output::json(&ObjectDocument { schema: CHECK_DOCUMENT, item: &checkup })?
    } else {
        format_report(&checkup)
    };
    output::write(&text)?;
    Ok(ExitCode::from(checkup.grade.plugin_status().0))
}

fn list_checks() -> Result<(), CommandFailure> {
    for probe in HEALTH_CHECKS {
        let side = if probe.side == ThresholdSide::Above { ">" } else { "<" };
        let limit = |limit: Option<u64>| limit.map_or_else(|| "-".to_owned(), |n| format!("{side}{n}{}", probe.unit));
        let (warn, crit) = (limit(probe.warn), limit(probe.crit));
        output::write(&format!("{:<10} warning {warn:<7} critical {crit:<7} {}", probe.name, probe.what))?;
    }
    Ok(())
}

/// Formats the summary line with performance data behind a bar, followed by one line per check.
fn format_report(checkup: &HealthCheckReport) -> String {
    let worst: Vec<String> = checkup
        .readings
        .iter()
        .filter(|reading| reading.grade == checkup.grade && checkup.grade != CheckGrade::Ok)
        .map(|reading| format!("{}: {}", reading.name, single_line(&reading.said)))
        .collect();
    let summary =
        if worst.is_empty() { format!("{} passed", count(checkup.readings.len(), "check")) } else { worst.join("; ") };
    let performance: Vec<String> = checkup.readings.iter().filter_map(CheckReading::performance_data).collect();
    let bar = if performance.is_empty() { String::new() } else { format!(" | {}", performance.join(" ")) };
    let mut text = format!("CROW {} - {summary}{bar}", checkup.grade.plugin_status().1);
    for reading in &checkup.readings {
        text.push_str(&format!(
            "\n[{}] {}: {}",
            reading.grade.plugin_status().1,
            reading.name,
            single_line(&reading.said)
        ));
    }
    text
}

/// Makes a text safe for the summary line: one line, without the bar that starts the performance data.
fn single_line(text: &str) -> String {
    Untrusted::new(text).sanitized().replace('|', "¦")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t1_what_others_wrote_begins_no_performance_data_and_no_line() {
        let reading = CheckReading {
            name: "streak".to_owned(),
            grade: CheckGrade::Critical,
            said: "x | evil=1\n[OK] fine\u{1b}[2J".to_owned(),
            value: Some(15),
            unit: String::new(),
            side: ThresholdSide::Above,
            warn: Some(2),
            crit: Some(13),
        };
        let checkup = HealthCheckReport { grade: CheckGrade::Critical, server_utc: None, readings: vec![reading] };
        let text = format_report(&checkup);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(lines[0], "CROW CRITICAL - streak: x ¦ evil=1␊[OK] fine␛[2J | streak=15;2;13;0");
        assert_eq!(lines[1], "[CRITICAL] streak: x ¦ evil=1␊[OK] fine␛[2J");
    }
}
