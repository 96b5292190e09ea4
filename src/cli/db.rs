//! `crow db`: maintenance of a platform's data directory, on the platform's own machine.

use super::arguments::db::{
    DbBackupArgs, DbCommand, DbHeadArgs, DbRekeyArgs, DbRenumberArgs, DbRestoreArgs, DbVerifyArgs,
};
use super::failure::CommandFailure;
use super::serve::stop_signal;
use super::{output, settings};
use crate::clock::{RuntimeEnv, Stopwatch};
use crate::domain::audit::AuditChainHead;
use crate::domain::id_sequences::LastIds;
use crate::engine;
use crate::engine::maintenance::backup::{self, ExistingBackup};
use crate::engine::maintenance::rekey;
use crate::engine::maintenance::renumber;
use crate::engine::maintenance::restore::{self, BackupTrust, NumberContinuation, RestoreRequest};
use crate::engine::maintenance::verify::{self, VerifyStep, VerifyVerdict};
use crate::engine::master_key::MasterKeySource;
use crate::store::maintenance::BackupProgress;
use crate::text::count;
use crate::wire::audit::AuditHead;
use std::io::{IsTerminal as _, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub(super) async fn run(db: DbCommand) -> Result<ExitCode, CommandFailure> {
    match db {
        DbCommand::Backup(asked) => backup(asked).await,
        DbCommand::Restore(asked) => restore(asked).await,
        DbCommand::Verify(asked) => verify(&asked),
        DbCommand::Head(asked) => audit_head(asked),
        DbCommand::Renumber(asked) => renumber(asked),
        DbCommand::Rekey(asked) => rekey(asked),
    }
}

pub(super) fn data_location(data: Option<PathBuf>) -> Result<(PathBuf, MasterKeySource), CommandFailure> {
    let dir = match data {
        Some(dir) => dir,
        None => settings::data_dir()?,
    };
    Ok((dir, settings::platform_key_source()?))
}

async fn backup(asked: DbBackupArgs) -> Result<ExitCode, CommandFailure> {
    let (dir, custody) = data_location(asked.data)?;
    let existing = if asked.force { ExistingBackup::Replace } else { ExistingBackup::Keep };
    let file = asked.file.clone();
    let made = run_copy(move |step| backup::backup(&dir, &custody, &file, existing, step)).await?;
    let name = asked.file.display();
    let key = match made.key {
        Some(key) => format!(
            "{} decrypts the backup; without it, no key, token or secret in the backup can be used. Keep it in a separate place",
            key.display()
        ),
        None => "the key in CROW_PLATFORM_KEY decrypts the backup and is not part of it; keep it".to_owned(),
    };
    print_line(&format!("{name}: {}, checked\n{key}", format_size(made.n_bytes)))
}

async fn restore(asked: DbRestoreArgs) -> Result<ExitCode, CommandFailure> {
    let (dir, custody) = data_location(asked.data)?;
    let (file, ambient) = (asked.file.clone(), RuntimeEnv::real());
    let origin = if asked.unauthenticated { BackupTrust::Any } else { BackupTrust::Proven };
    let after_event = asked.after_event;
    let done = run_copy(move |step| {
        restore::restore(&dir, &custody, RestoreRequest { file: &file, origin, after_event }, &ambient, step)
    })
    .await?;
    let mut text = format!("{} is restored", asked.file.display());
    if let Some(aside) = done.aside {
        text.push_str(&format!("; the old database was moved to {}", aside.display()));
    }
    let LastIds { event, delivery } = done.last;
    let why = match done.continuation {
        NumberContinuation::Replaced => "the last numbers of the old database",
        NumberContinuation::Gap => "numbers are skipped, as the last ones used are unknown",
        NumberContinuation::Requested => "as requested",
    };
    text.push_str(&format!("\nnew events are numbered after {event}, new deliveries after {delivery}: {why}"));
    text.push_str("\ndeliveries that succeeded after the backup are sent again");
    print_line(&text)
}

fn renumber(asked: DbRenumberArgs) -> Result<ExitCode, CommandFailure> {
    let (dir, custody) = data_location(asked.data)?;
    let LastIds { event, delivery } = renumber::renumber(&dir, &custody, asked.after_event, &RuntimeEnv::real())?;
    print_line(&format!("new events are numbered after {event}, new deliveries after {delivery}"))
}

fn rekey(asked: DbRekeyArgs) -> Result<ExitCode, CommandFailure> {
    let (dir, custody) = data_location(asked.data)?;
    let next = settings::next_platform_key_source()?;
    let done = rekey::rekey(&dir, &custody, &next, &RuntimeEnv::real())?;
    let mut text = match &done.file {
        Some(file) => {
            format!("{} encrypted with the new key in {}", count(done.n_secrets, "signing secret"), file.display())
        }
        None => format!(
            "{} encrypted with the key in CROW_PLATFORM_NEW_KEY: from now on, set it as CROW_PLATFORM_KEY",
            count(done.n_secrets, "signing secret")
        ),
    };
    if done.file.is_some() && matches!(custody, MasterKeySource::Provided(_)) {
        text.push_str("; unset CROW_PLATFORM_KEY");
    }
    print_line(&format!("{text}\nearlier backups still need their own keys"))
}

fn verify(asked: &DbVerifyArgs) -> Result<ExitCode, CommandFailure> {
    let (dir, custody) = data_location(asked.data.clone())?;
    let expected = asked.expect_head.as_deref().map(read_head).transpose()?;
    let mut checks = Vec::new();
    verify::verify(&dir, &custody, expected.as_ref(), |check| {
        if !asked.json {
            let _ = print_line(&format_check(&check));
        }
        checks.push(check);
    })?;
    if asked.json {
        print_line(&json(&checks))?;
    }
    let is_faulty = |check: &VerifyStep| matches!(check.verdict, VerifyVerdict::Failed(_));
    Ok(if checks.iter().any(is_faulty) { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn audit_head(asked: DbHeadArgs) -> Result<ExitCode, CommandFailure> {
    let (dir, custody) = data_location(asked.data)?;
    let AuditChainHead { sequence, mac } = verify::audit_head(&dir, &custody)?;
    print_line(&output::json_line(&AuditHead { sequence, mac: hex::encode(mac) })?)
}

/// Reads an audit head that was saved to a file.
fn read_head(file: &Path) -> Result<AuditChainHead, CommandFailure> {
    let refused = |why: String| CommandFailure::usage(why, "give a file with the output of crow db head");
    let text = crate::files::read_text_limited(file, crate::files::MAX_STATE_BYTES)
        .map_err(|error| refused(format!("{}: {error}", file.display())))?;
    let head: AuditHead = serde_json::from_str(&text)
        .map_err(|error| refused(format!("{} is not an audit trail head: {error}", file.display())))?;
    let mac = hex::decode(&head.mac).map_err(|error| refused(format!("{}: invalid mac: {error}", file.display())))?;
    Ok(AuditChainHead { sequence: head.sequence, mac })
}

/// Formats the result of a check as text for the terminal.
fn format_check(check: &VerifyStep) -> String {
    let name = check.name;
    match &check.verdict {
        VerifyVerdict::Passed(what) => format!("ok       {name}: {what}"),
        VerifyVerdict::Unknown(why) => format!("unknown  {name}: {why}"),
        VerifyVerdict::Failed(faults) => {
            let lines: Vec<String> = faults.iter().map(|fault| format!("WRONG    {name}: {fault}")).collect();
            lines.join("\n")
        }
    }
}

fn json(checks: &[VerifyStep]) -> String {
    let checks: Vec<serde_json::Value> = checks
        .iter()
        .map(|check| match &check.verdict {
            VerifyVerdict::Passed(what) => serde_json::json!({"check": check.name, "verdict": "ok", "detail": what}),
            VerifyVerdict::Unknown(why) => {
                serde_json::json!({"check": check.name, "verdict": "unknown", "detail": why})
            }
            VerifyVerdict::Failed(faults) => {
                serde_json::json!({"check": check.name, "verdict": "wrong", "faults": faults})
            }
        })
        .collect();
    serde_json::json!({"checks": checks}).to_string()
}

/// Runs a copy on a blocking thread, shows its progress, and stops the copy on a signal.
async fn run_copy<T, F>(work: F) -> Result<T, CommandFailure>
where
    F: FnOnce(&mut dyn FnMut(BackupProgress) -> ControlFlow<()>) -> Result<Option<T>, engine::error::Error>
        + Send
        + 'static,
    T: Send + 'static,
{
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop_signal()?;
    let mut running = tokio::task::spawn_blocking({
        let stop = Arc::clone(&stop);
        move || {
            let mut meter = ProgressMeter::new(&RuntimeEnv::real());
            let done = work(&mut |progress| {
                meter.show(progress);
                if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            meter.clear();
            done
        }
    });
    let done = tokio::select! {
        done = &mut running => done,
        () = stopped => {
            stop.store(true, Ordering::Relaxed);
            running.await
        }
    };
    let done = done.map_err(|_| CommandFailure::failed("the copy was interrupted", "this is a bug"))??;
    done.ok_or_else(|| CommandFailure::failed("stopped; nothing was changed", ""))
}

/// Progress of a copy, on one line of stderr; shown on a terminal only.
struct ProgressMeter {
    is_seen: bool,
    watch: Stopwatch,
    percent: u64,
}

impl ProgressMeter {
    fn new(ambient: &RuntimeEnv) -> Self {
        Self { is_seen: std::io::stderr().is_terminal(), watch: ambient.stopwatch(), percent: u64::MAX }
    }

    fn show(&mut self, progress: BackupProgress) {
        let percent = (progress.n_copied * 100).checked_div(progress.n_bytes).unwrap_or(100);
        if !self.is_seen || percent == self.percent {
            return;
        }
        self.percent = percent;
        let line = format!(
            "{percent:>3} %  {} of {}{}",
            format_size(progress.n_copied),
            format_size(progress.n_bytes),
            time_left(progress, self.watch.elapsed())
        );
        let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
    }

    fn clear(&self) {
        if self.is_seen {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// Formats the remaining time, from the average speed so far; empty during the first 500 ms.
fn time_left(progress: BackupProgress, elapsed: Duration) -> String {
    let rest = u128::from(progress.n_bytes.saturating_sub(progress.n_copied));
    match (rest * elapsed.as_millis()).checked_div(u128::from(progress.n_copied)) {
        Some(left) if elapsed >= Duration::from_millis(500) => format!(", {} s left", left.div_ceil(1_000)),
        _ => String::new(),
    }
}

fn format_size(n_bytes: u64) -> String {
    if n_bytes < 10 << 20 { format!("{} KiB", n_bytes.div_ceil(1 << 10)) } else { format!("{} MiB", n_bytes >> 20) }
}

#[expect(clippy::print_stdout, reason = "what was done is this command's output")]
fn print_line(text: &str) -> Result<ExitCode, CommandFailure> {
    println!("{text}");
    std::io::stdout().flush().map_err(|error| CommandFailure::failed(format!("stdout is closed: {error}"), ""))?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_said_when_there_is_a_pace() {
        let progress = |n_copied| BackupProgress { n_bytes: 100, n_copied };
        assert_eq!(time_left(progress(0), Duration::from_secs(5)), "");
        assert_eq!(time_left(progress(10), Duration::from_millis(100)), "");
        assert_eq!(time_left(progress(10), Duration::from_secs(1)), ", 9 s left");
        assert_eq!(time_left(progress(100), Duration::from_secs(1)), ", 0 s left");
    }
}
