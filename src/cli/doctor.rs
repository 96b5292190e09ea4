//! `crow doctor`: checks whether this machine has what crow needs, and whether the platform answers.

use super::arguments::setup::Doctor;
use super::failure::Failure;
use super::{alerting, config, log, output, remote, settings};
use crate::ambient::RuntimeEnv;
use crate::api::document::One;
use crate::api::examination::{DOCTOR, Examination, Finding, Health};
use crate::api::paths;
use crate::domain::text::Untrusted;
use crate::sqlite::private_files;
use crate::text::count;
use serde_json::Value;
use std::io::IsTerminal as _;
use std::process::ExitCode;

/// Clock difference to the platform, in seconds, above which a fault is reported.
const SKEW_S: u64 = 30;
/// Oldest SQLite version without the known race in its write-ahead log. The platform refuses to start on older ones.
const OLDEST_SQLITE: i32 = 3_051_003;

pub(super) async fn run(asked: Doctor) -> Result<ExitCode, Failure> {
    log::to_stderr();
    let mut findings = vec![
        version(),
        terminal(),
        colours(),
        letters(),
        clipboard(),
        sqlite_version(),
        data(),
        files(),
        configuration(),
    ];
    findings.extend(platform(&asked).await);
    let examination = Examination { findings };
    let is_ill = examination.findings.iter().any(|finding| finding.health == Health::Ill);
    if asked.json {
        output::write(&output::json(&One { schema: DOCTOR, item: &examination })?)?;
    } else {
        for finding in &examination.findings {
            let mark = match finding.health {
                Health::Well => "ok      ",
                Health::Note => "note    ",
                Health::Ill => "WRONG   ",
            };
            output::write(&format!("{mark}{:<14}{}", finding.what, finding.said))?;
        }
    }
    Ok(ExitCode::from(u8::from(is_ill)))
}

fn finding(what: &str, health: Health, said: impl Into<String>) -> Finding {
    Finding { what: what.to_owned(), health, said: Untrusted::new(said.into()).sanitized() }
}

fn version() -> Finding {
    finding("crow", Health::Well, concat!("version ", env!("CARGO_PKG_VERSION")))
}

fn terminal() -> Finding {
    let is_terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    match crossterm::terminal::size() {
        Ok((columns, rows)) if is_terminal && columns >= 40 && rows >= 8 => {
            finding("terminal", Health::Well, format!("{columns}x{rows}"))
        }
        Ok((columns, rows)) if is_terminal => {
            finding("terminal", Health::Ill, format!("{columns}x{rows}, too small: the console needs 40x8"))
        }
        _ => finding("terminal", Health::Note, "none: commands work; the console needs --plain"),
    }
}

fn colours() -> Finding {
    finding("colours", Health::Note, settings::colours())
}

fn letters() -> Finding {
    let (is_utf8, from) = settings::locale();
    if is_utf8 {
        finding("letters", Health::Well, format!("UTF-8, from {from}"))
    } else {
        finding(
            "letters",
            Health::Note,
            format!("{from} is not UTF-8: the console uses ASCII; set LANG=C.UTF-8 for UTF-8"),
        )
    }
}

fn clipboard() -> Finding {
    finding("clipboard", Health::Note, settings::clipboard())
}

fn sqlite_version() -> Finding {
    let health = if rusqlite::version_number() >= OLDEST_SQLITE { Health::Well } else { Health::Ill };
    finding("SQLite", health, rusqlite::version())
}

fn data() -> Finding {
    match settings::data_dir() {
        Err(failure) => finding("data", Health::Ill, failure.to_string()),
        Ok(dir) => {
            let database = dir.join("platform.db");
            match std::fs::metadata(&database) {
                Ok(found) => {
                    let said = format!(
                        "{} with {} KiB; crow db verify checks it",
                        database.display(),
                        found.len().div_ceil(1024)
                    );
                    finding("data", Health::Well, said)
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    finding("data", Health::Note, format!("no standalone platform in {} yet", dir.display()))
                }
                Err(error) => finding("data", Health::Ill, format!("{}: {error}", database.display())),
            }
        }
    }
}

/// Checks that no other user can read the data and state directories.
fn files() -> Finding {
    let folders = [settings::data_dir(), settings::state_dir()];
    let open: Vec<String> =
        folders.into_iter().flatten().flat_map(|folder| private_files::files_open_to_others(&folder)).collect();
    if open.is_empty() {
        finding("files", Health::Well, "readable only by their owner")
    } else {
        finding("files", Health::Ill, open.join("; "))
    }
}

fn configuration() -> Finding {
    match config::faults(None).as_slice() {
        [] => {
            let n = alerting::ways().map_or(0, |ways| ways.len());
            finding("configuration", Health::Well, format!("no problem found; {}", count(n, "alert destination")))
        }
        faults => finding("configuration", Health::Ill, faults.join("; ")),
    }
}

/// Checks the platform, if the arguments or the default profile name one: reachability, readiness, and clock
/// difference.
async fn platform(asked: &Doctor) -> Vec<Finding> {
    let client = match remote::connect(&asked.remote) {
        Ok(client) => client,
        Err(failure) => return vec![finding("platform", Health::Note, failure.to_string())],
    };
    let ambient = RuntimeEnv::real();
    let watch = ambient.stopwatch();
    match client.overview(1).await {
        Err(error) => vec![finding("platform", Health::Ill, error.to_string())],
        Ok(overview) => {
            let (ms, now) = (watch.elapsed_ms(), ambient.now());
            let skew = overview.server_utc.since(now).max(now.since(overview.server_utc)).as_secs();
            let version = &overview.platform.version;
            let clock = if skew > SKEW_S { Health::Ill } else { Health::Well };
            let (health, said) = match client.look::<Value>(paths::READYZ, &[]).await {
                Ok(_) => (Health::Well, "the platform accepts calls and dispatches".to_owned()),
                Err(error) => (Health::Ill, error.to_string()),
            };
            vec![
                finding("platform", Health::Well, format!("{} answers in {ms} ms, version {version}", client.base())),
                finding("ready", health, said),
                finding("clock", clock, format!("differs from this machine's by {skew} s")),
            ]
        }
    }
}
