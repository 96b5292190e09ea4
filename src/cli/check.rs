//! `crow check`: prints one line in the format of monitoring plugins, and exits with its code.

use super::arguments::check::Check;
use super::failure::Failure;
use super::{log, output, portal};
use crate::ambient::RuntimeEnv;
use crate::api::checkup::{CHECK_DOCUMENT, CheckGrade, CheckReading, HealthCheckReport, ThresholdSide};
use crate::api::document::ObjectDocument;
use crate::diagnose::checkup::probe::{PROBES, Probe};
use crate::diagnose::checkup::{Limits, check};
use crate::domain::text::Untrusted;
use crate::text::count;
use std::process::ExitCode;

pub(super) async fn run(asked: Check) -> Result<ExitCode, Failure> {
    log::to_stderr();
    match answer(asked).await {
        Ok(code) => Ok(code),
        Err(failure) => refuse(&failure.to_string()),
    }
}

/// Reports UNKNOWN on stdout, on one line. Monitoring systems read stdout and take exit code 2 as CRITICAL, so an
/// error of the command itself must not use it.
pub(super) fn refuse(why: &str) -> Result<ExitCode, Failure> {
    let (code, word) = CheckGrade::Unknown.plugin_status();
    output::write(&format!("CROW {word} - {}", plain(why)))?;
    Ok(ExitCode::from(code))
}

async fn answer(asked: Check) -> Result<ExitCode, Failure> {
    if asked.list {
        list()?;
        return Ok(ExitCode::SUCCESS);
    }
    let probes: Vec<&'static Probe> = if asked.probes.is_empty() { PROBES.iter().collect() } else { asked.probes };
    let client = portal::connect(&asked.remote)?;
    let limits = Limits { warn: asked.warn, crit: asked.crit };
    let checkup = check(&client, &RuntimeEnv::real(), &probes, &limits).await;
    let text = if asked.json {
        output::json(&ObjectDocument { schema: CHECK_DOCUMENT, item: &checkup })?
    } else {
        shown(&checkup)
    };
    output::write(&text)?;
    Ok(ExitCode::from(checkup.grade.plugin_status().0))
}

fn list() -> Result<(), Failure> {
    for probe in PROBES {
        let side = if probe.side == ThresholdSide::Above { ">" } else { "<" };
        let limit = |limit: Option<u64>| limit.map_or_else(|| "-".to_owned(), |n| format!("{side}{n}{}", probe.unit));
        let (warn, crit) = (limit(probe.warn), limit(probe.crit));
        output::write(&format!("{:<10} warning {warn:<7} critical {crit:<7} {}", probe.name, probe.what))?;
    }
    Ok(())
}

/// Formats the summary line with performance data behind a bar, followed by one line per check.
fn shown(checkup: &HealthCheckReport) -> String {
    let worst: Vec<String> = checkup
        .readings
        .iter()
        .filter(|reading| reading.grade == checkup.grade && checkup.grade != CheckGrade::Ok)
        .map(|reading| format!("{}: {}", reading.name, plain(&reading.said)))
        .collect();
    let summary =
        if worst.is_empty() { format!("{} passed", count(checkup.readings.len(), "check")) } else { worst.join("; ") };
    let performance: Vec<String> = checkup.readings.iter().filter_map(CheckReading::performance_data).collect();
    let bar = if performance.is_empty() { String::new() } else { format!(" | {}", performance.join(" ")) };
    let mut text = format!("CROW {} - {summary}{bar}", checkup.grade.plugin_status().1);
    for reading in &checkup.readings {
        text.push_str(&format!("\n[{}] {}: {}", reading.grade.plugin_status().1, reading.name, plain(&reading.said)));
    }
    text
}

/// Makes a text safe for the summary line: one line, without the bar that starts the performance data.
fn plain(text: &str) -> String {
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
        let text = shown(&checkup);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(lines[0], "CROW CRITICAL - streak: x ¦ evil=1␊[OK] fine␛[2J | streak=15;2;13;0");
        assert_eq!(lines[1], "[CRITICAL] streak: x ¦ evil=1␊[OK] fine␛[2J");
    }
}
