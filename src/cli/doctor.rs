//! `crow doctor`: checks whether this machine has what crow needs, and whether the platform answers.

use super::arguments::setup::DoctorArgs;
use super::document::ObjectDocument;
use super::document::doctor::{DOCTOR_DOCUMENT, DoctorFinding, DoctorReport, DoctorStatus};
use super::failure::CommandFailure;
use super::{alerting, config, log, output, portal, settings};
use crate::clock::RuntimeEnv;
use crate::domain::health_status::HealthStatus;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::files::private;
use crate::text::health::why;
use crate::text::{count, or_unknown};
use crate::wire::coverage::{CoverageExtent, PlatformCoverage, SourceFailureKind};
use crate::wire::overview::PlatformOverview;
use crate::wire::paths;
use serde_json::Value;
use std::io::IsTerminal as _;
use std::process::ExitCode;

/// Clock difference to the platform, in seconds, above which a fault is reported.
const MAX_CLOCK_SKEW_SECS: u64 = 30;
/// Oldest SQLite version without the known race in its write-ahead log. The platform refuses to start on older ones.
const MIN_SQLITE_VERSION: i32 = 3_051_003;

pub(super) async fn run(asked: DoctorArgs) -> Result<ExitCode, CommandFailure> {
    log::to_stderr();
    let mut findings = vec![
        version(),
        terminal(),
        colours(),
        text_encoding(),
        clipboard(),
        sqlite_version(),
        data_directory(),
        file_permissions(),
        configuration(),
    ];
    findings.extend(platform(&asked).await);
    let examination = DoctorReport { findings };
    let is_ill = examination.findings.iter().any(|finding| finding.health == DoctorStatus::Ill);
    if asked.json {
        output::write(&output::json(&ObjectDocument { schema: DOCTOR_DOCUMENT, item: &examination })?)?;
    } else {
        for finding in &examination.findings {
            let mark = match finding.health {
                DoctorStatus::Well => "ok      ",
                DoctorStatus::Note => "note    ",
                DoctorStatus::Ill => "WRONG   ",
            };
            output::write(&format!("{mark}{:<14}{}", finding.what, finding.said))?;
        }
    }
    Ok(ExitCode::from(u8::from(is_ill)))
}

fn finding(what: &str, health: DoctorStatus, said: impl Into<String>) -> DoctorFinding {
    DoctorFinding { what: what.to_owned(), health, said: Untrusted::new(said.into()).sanitized() }
}

fn version() -> DoctorFinding {
    finding("crow", DoctorStatus::Well, concat!("version ", env!("CARGO_PKG_VERSION")))
}

fn terminal() -> DoctorFinding {
    let is_terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    match crossterm::terminal::size() {
        Ok((columns, rows)) if is_terminal && columns >= 40 && rows >= 8 => {
            finding("terminal", DoctorStatus::Well, format!("{columns}x{rows}"))
        }
        Ok((columns, rows)) if is_terminal => {
            finding("terminal", DoctorStatus::Ill, format!("{columns}x{rows}, too small: the console needs 40x8"))
        }
        _ => finding("terminal", DoctorStatus::Note, "none: commands work; the console needs --plain"),
    }
}

fn colours() -> DoctorFinding {
    finding("colours", DoctorStatus::Note, settings::colours())
}

fn text_encoding() -> DoctorFinding {
    let (is_utf8, from) = settings::locale();
    if is_utf8 {
        finding("letters", DoctorStatus::Well, format!("UTF-8, from {from}"))
    } else {
        finding(
            "letters",
            DoctorStatus::Note,
            format!("{from} is not UTF-8: the console uses ASCII; set LANG=C.UTF-8 for UTF-8"),
        )
    }
}

fn clipboard() -> DoctorFinding {
    finding("clipboard", DoctorStatus::Note, settings::clipboard())
}

fn sqlite_version() -> DoctorFinding {
    let health = if rusqlite::version_number() >= MIN_SQLITE_VERSION { DoctorStatus::Well } else { DoctorStatus::Ill };
    finding("SQLite", health, rusqlite::version())
}

fn data_directory() -> DoctorFinding {
    match settings::data_dir() {
        Err(failure) => finding("data", DoctorStatus::Ill, failure.to_string()),
        Ok(dir) => {
            let database = settings::platform_database(&dir);
            match std::fs::metadata(&database) {
                Ok(found) => {
                    let said = format!(
                        "{} with {} KiB; crow db verify checks it",
                        database.display(),
                        found.len().div_ceil(1024)
                    );
                    finding("data", DoctorStatus::Well, said)
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    finding("data", DoctorStatus::Note, format!("no standalone platform in {} yet", dir.display()))
                }
                Err(error) => finding("data", DoctorStatus::Ill, format!("{}: {error}", database.display())),
            }
        }
    }
}

/// Checks that no other user can read the data and state directories.
fn file_permissions() -> DoctorFinding {
    let folders = [settings::data_dir(), settings::state_dir()];
    let open: Vec<String> =
        folders.into_iter().flatten().flat_map(|folder| private::files_open_to_others(&folder)).collect();
    if open.is_empty() {
        finding("files", DoctorStatus::Well, "readable only by their owner")
    } else {
        finding("files", DoctorStatus::Ill, open.join("; "))
    }
}

fn configuration() -> DoctorFinding {
    match config::config_faults(None).as_slice() {
        [] => {
            let n = alerting::configured_channels().map_or(0, |ways| ways.len());
            finding("configuration", DoctorStatus::Well, format!("no problem found; {}", count(n, "alert destination")))
        }
        faults => finding("configuration", DoctorStatus::Ill, faults.join("; ")),
    }
}

/// Checks the platform, if the arguments or the default profile name one: reachability, readiness, and clock
/// difference.
async fn platform(asked: &DoctorArgs) -> Vec<DoctorFinding> {
    let client = match portal::attach(&asked.remote).await {
        Ok(client) => client,
        Err(failure) => return vec![finding("platform", DoctorStatus::Note, failure.to_string())],
    };
    let ambient = RuntimeEnv::real();
    let watch = ambient.stopwatch();
    match client.overview(1).await {
        Err(error) => vec![finding("platform", DoctorStatus::Ill, error.to_string())],
        Ok(overview) => {
            let (ms, now) = (watch.elapsed_ms(), ambient.now());
            let skew = overview.server_utc.since(now).max(now.since(overview.server_utc)).as_secs();
            let clock = if skew > MAX_CLOCK_SKEW_SECS { DoctorStatus::Ill } else { DoctorStatus::Well };
            let clock = finding("clock", clock, format!("differs from this machine's by {skew} s"));
            if let Some(coverage) = &overview.coverage {
                return observed_platform(client.base(), &overview, coverage, now).into_iter().chain([clock]).collect();
            }
            let version = or_unknown(overview.platform.map(|status| status.version));
            let (health, said) = match client.get_any::<Value>(paths::READYZ, &[]).await {
                Ok(_) => (DoctorStatus::Well, "the platform accepts calls and dispatches".to_owned()),
                Err(error) => (DoctorStatus::Ill, error.to_string()),
            };
            vec![
                finding(
                    "platform",
                    DoctorStatus::Well,
                    format!("{} answers in {ms} ms, version {version}", client.base()),
                ),
                finding("ready", health, said),
                clock,
            ]
        }
    }
}

/// Checks a platform that is observed with keys: whether it answers, whether it accepts each key, and what no key shows.
fn observed_platform(
    base: &str,
    overview: &PlatformOverview,
    coverage: &PlatformCoverage,
    now: Timestamp,
) -> Vec<DoctorFinding> {
    let source = coverage.source.as_ref();
    let failure = source.and_then(|source| source.failure.as_ref());
    let heard = source.and_then(|source| source.heard_utc.map(|at| source.observer_utc.since(at).as_secs()));
    let heard = heard.map_or_else(|| "has never answered".to_owned(), |age| format!("last answered {age} s ago"));
    let platform = match failure {
        Some(failure) => {
            let is_waiting = failure.kind == SourceFailureKind::Waiting;
            let health = if is_waiting { DoctorStatus::Note } else { DoctorStatus::Ill };
            finding("platform", health, format!("{base} {heard}: {}", failure.why.sanitized()))
        }
        None if source.is_some_and(|source| source.heard_utc.is_none()) => finding(
            "platform",
            DoctorStatus::Ill,
            format!("{base} answers, but no key may read events or subscriptions"),
        ),
        None => finding("platform", DoctorStatus::Well, format!("{base} {heard}; watched with keys")),
    };
    let keys = overview.keys.items.iter().map(|key| {
        let judgement = key.assess(now);
        let health = match judgement.status {
            HealthStatus::Failing | HealthStatus::Tripped => DoctorStatus::Ill,
            HealthStatus::Healthy => DoctorStatus::Well,
            _ => DoctorStatus::Note,
        };
        finding("key", health, format!("{}: {}", key.name.sanitized(), why(&judgement.reason)))
    });
    let unseen = coverage.nouns.iter().filter(|of| of.extent == CoverageExtent::None);
    let unseen =
        unseen.map(|of| finding("coverage", DoctorStatus::Note, format!("{}: {}", of.noun.name(), of.summary_line())));
    std::iter::once(platform).chain(keys).chain(unseen).collect()
}
