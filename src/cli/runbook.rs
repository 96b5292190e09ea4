//! `crow runbook`: runs a runbook step by step; the run is stored in a file and resumed from there.

use super::arguments::diagnosis::RunbookArgs;
use super::diagnose::{RUN_FILE_REMEDY, require_scope};
use super::failure::CommandFailure;
use super::report::write_document;
use super::state_file::{load_state, redacted_state, save_state};
use super::{log, portal};
use crate::clock::RuntimeEnv;
use crate::diagnose::runbook::{begin_run, resume_run};
use crate::diagnose::runbook_kind::Runbook;
use crate::diagnose::runbook_progress::RunbookProgress;
use crate::export::run_text;
use std::process::ExitCode;

pub(super) async fn run(asked: RunbookArgs) -> Result<ExitCode, CommandFailure> {
    log::to_stderr();
    let client = portal::attach(&asked.remote).await?;
    let subject = require_scope(&client, &asked.about).await?.subject;
    if !Runbook::for_subject(subject).contains(&asked.runbook) {
        let what = if asked.runbook == Runbook::KeyRotation { "--key KEY" } else { "--subscription ID" };
        return Err(CommandFailure::usage(format!("{} needs a subject", asked.runbook.name()), format!("give {what}")));
    }
    let file = asked.run.unwrap_or_else(|| {
        format!("crow-{}-{}.json", asked.runbook.name(), subject.to_string().replace(' ', "-")).into()
    });
    let earlier: Option<RunbookProgress> = load_state(&file, RUN_FILE_REMEDY)?;
    if earlier.as_ref().is_some_and(|run| run.runbook != asked.runbook || run.subject != subject) {
        return Err(CommandFailure::usage(
            format!("{} belongs to another run", file.display()),
            "choose another file with --run",
        ));
    }
    let ambient = RuntimeEnv::real();
    let run = match earlier {
        Some(run) => run,
        None => begin_run(&client, &ambient, asked.runbook, subject).await,
    };
    let progress = resume_run(&client, &ambient, run).await;
    let json =
        serde_json::to_string_pretty(&progress).map_err(|error| CommandFailure::failed(error.to_string(), ""))?;
    save_state(&file, &redacted_state(&json, &client.secret_gate())?)?;
    write_document(&if asked.json { json } else { run_text::runbook(&progress) }, None, &client)?;
    Ok(ExitCode::from(u8::from(!progress.is_over())))
}
