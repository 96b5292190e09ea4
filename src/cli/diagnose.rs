//! `crow diagnose`: a playbook from the shell.

use super::arguments::Diagnose;
use super::failure::Failure;
use super::{log, remote};
use crate::ambient::Ambient;
use crate::api::report::{Conclusion, Evidence, Report, Subject};
use crate::diagnose::run::run as diagnose;
use crate::domain::ids::SubscriptionId;
use crate::domain::text::Untrusted;
use std::fmt::Write as _;
use std::process::ExitCode;

pub(super) async fn run(asked: Diagnose) -> Result<ExitCode, Failure> {
    log::to_stderr();
    let client = remote::connect(&asked.remote)?;
    let subject = Subject::Subscription(SubscriptionId(asked.subscription));
    let report = diagnose(&client, &Ambient::real(), asked.topic, subject).await;
    if asked.json {
        let json = serde_json::to_string_pretty(&report).map_err(|error| Failure::failed(error.to_string(), ""))?;
        print(&json)?;
    } else {
        print(text(&report).trim_end())?;
    }
    Ok(match report.conclusion() {
        Conclusion::NoCause => ExitCode::SUCCESS,
        Conclusion::CauseFound => ExitCode::from(1),
        Conclusion::NotRun => ExitCode::from(2),
    })
}

/// Writes to stdout; a reader that went away is no error.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("stdout: {error}"), ""))
        }
        _ => Ok(()),
    }
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    for step in &report.steps {
        let _ = writeln!(text, "{:<8} {}", step.verdict.name(), step.question);
        if let Some(why) = step.verdict.why() {
            let _ = writeln!(text, "         {}", inert(why));
        }
        evidence(&mut text, &step.evidence);
    }
    if report.causes.is_empty() {
        let _ = writeln!(text, "\nno cause found");
    }
    for (position, cause) in report.causes.iter().enumerate() {
        let _ = writeln!(text, "\ncause {}: {} ({})", position + 1, inert(&cause.title), inert(&cause.id));
        evidence(&mut text, &cause.evidence);
        let _ = writeln!(text, "         {}", inert(&cause.resolution));
    }
    text
}

/// Whatever stands in a report may repeat what a platform wrote.
fn inert(text: &str) -> String {
    Untrusted::new(text).inert()
}

fn evidence(text: &mut String, evidence: &[Evidence]) {
    for item in evidence {
        let limit = item.limit.as_ref().map_or_else(String::new, |limit| format!(" (limit {limit})"));
        let _ = writeln!(text, "         {}: {}{limit}", inert(&item.query), item.value.inert());
    }
}
