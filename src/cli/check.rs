//! `crow check`: prints one line in the format of monitoring plugins, and exits with its code.

use super::arguments::check::CheckArgs;
use super::document::{ObjectDocument, outbound};
use super::failure::CommandFailure;
use super::{log, output, portal};
use crate::clock::RuntimeEnv;
use crate::diagnose::checkup::{CHECK_DOCUMENT, CheckGrade, ThresholdSide, single_line};
use crate::diagnose::health_check::checks::{HEALTH_CHECKS, HealthCheck};
use crate::diagnose::health_check::{CheckThresholds, run_checks};
use crate::domain::outbound::{RedactionCounts, SecretGate};
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
    // No credential is known here; the others are found by their shapes.
    let why = SecretGate::default().redact(why, &mut RedactionCounts::default());
    output::write(&format!("CROW {word} - {}", single_line(&why)))?;
    Ok(ExitCode::from(code))
}

async fn execute_checks(asked: CheckArgs) -> Result<ExitCode, CommandFailure> {
    if asked.list {
        list_checks()?;
        return Ok(ExitCode::SUCCESS);
    }
    let probes: Vec<&'static HealthCheck> =
        if asked.probes.is_empty() { HEALTH_CHECKS.iter().collect() } else { asked.probes };
    let client = portal::attach(&asked.remote).await?;
    let limits = CheckThresholds { warn: asked.warn, crit: asked.crit };
    let checkup = run_checks(&client, &RuntimeEnv::real(), &probes, &limits).await;
    let text = if asked.json {
        output::json(&ObjectDocument { schema: CHECK_DOCUMENT, item: &checkup })?
    } else {
        checkup.plugin_text()
    };
    let text = outbound::document(&text, &client.secret_gate(), &mut RedactionCounts::default())?;
    output::write(text.as_str())?;
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
