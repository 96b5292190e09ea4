//! `crow runbook`: guided work in steps, kept in a file and gone on with.

use super::arguments::trouble::RunbookCall;
use super::diagnose::{keep, kept, print, wish};
use super::failure::Failure;
use super::{log, remote};
use crate::ambient::Ambient;
use crate::api::report::{Subject, Verdict};
use crate::api::runbook::{Progress, Runbook};
use crate::diagnose::runbook::go_on;
use crate::domain::text::Untrusted;
use std::fmt::Write as _;
use std::process::ExitCode;

pub(super) async fn run(asked: RunbookCall) -> Result<ExitCode, Failure> {
    log::to_stderr();
    let client = remote::connect(&asked.remote)?;
    let subject = wish(&client, &asked.about).await?.subject;
    let is_fit = match asked.runbook {
        Runbook::KeyRotation => matches!(subject, Subject::Key(_)),
        Runbook::LostSecret | Runbook::BreakerRecovery | Runbook::Rollback => {
            matches!(subject, Subject::Subscription(_))
        }
    };
    if !is_fit {
        let what = if asked.runbook == Runbook::KeyRotation { "--key NAME|LAST4" } else { "--subscription ID" };
        return Err(Failure::usage(
            format!("{} is about one thing", asked.runbook.name()),
            format!("say which with {what}"),
        ));
    }
    let file = asked.run.unwrap_or_else(|| {
        format!("crow-{}-{}.json", asked.runbook.name(), subject.to_string().replace(' ', "-")).into()
    });
    let earlier: Option<Progress> = kept(&file)?;
    if earlier.as_ref().is_some_and(|run| run.runbook != asked.runbook || run.subject != subject) {
        return Err(Failure::usage(
            format!("{} holds a run of something else", file.display()),
            "name another file with --run",
        ));
    }
    let at = client.overview(1).await?.server_utc;
    let begun = Progress { runbook: asked.runbook, subject, begun_utc: at, checked_utc: at, steps: Vec::new() };
    let progress = go_on(&client, &Ambient::real(), earlier.unwrap_or(begun)).await;
    let json = serde_json::to_string_pretty(&progress).map_err(|error| Failure::failed(error.to_string(), ""))?;
    keep(&file, &json)?;
    print(if asked.json { json } else { shown(&progress) }.trim_end())?;
    Ok(ExitCode::from(u8::from(!progress.is_over())))
}

fn shown(progress: &Progress) -> String {
    let mut text = format!("{} of {}, begun {}\n", progress.runbook.name(), progress.subject, progress.begun_utc);
    for (position, step) in progress.steps.iter().enumerate() {
        let state = match &step.verdict {
            Verdict::Pass => "done",
            Verdict::Fail => "now",
            Verdict::Unknown(_) => "unknown",
            Verdict::Skipped(_) => "later",
        };
        let _ = writeln!(text, "{:<8} {}. {}", state, position + 1, step.to_do);
        let why = step.verdict.why().unwrap_or(&step.found);
        let _ = writeln!(text, "         checked: {}: {}", step.check, Untrusted::new(why).inert());
    }
    let end = if progress.is_over() { "all steps are done" } else { "do what stands at now, then run this again" };
    let _ = writeln!(text, "\n{end}");
    text
}
