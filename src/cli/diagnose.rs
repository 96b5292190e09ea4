//! `crow diagnose`: runs a playbook, or all that apply, from the command line.

use super::arguments::diagnosis::DiagnoseArgs;
use super::arguments::target::SubjectArgs;
use super::failure::CommandFailure;
use super::portal::ConnectedPlatform;
use super::report::write_document;
use super::state_file::{load_state, redacted_state, save_state};
use super::{log, portal};
use crate::client::connection::PlatformClient;
use crate::clock::RuntimeEnv;
use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::evidence_set::DiagnosisScope;
use crate::diagnose::report::{DiagnosisConclusion, DiagnosisReport};
use crate::diagnose::run::{not_run_all, not_run_report, run_all, run_playbook as diagnose};
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::export::run_text;
use crate::wire::keys::KeyRow;
use std::process::ExitCode;

pub(super) async fn run(asked: DiagnoseArgs) -> Result<ExitCode, CommandFailure> {
    log::to_stderr();
    let client = portal::attach(&asked.remote).await?;
    let Some(topic) = asked.topic else { return run_every_playbook(&client, &asked).await };
    let earlier: Option<DiagnosisReport> =
        asked.run.as_deref().map(|file| load_state(file, RUN_FILE_REMEDY)).transpose()?.flatten();
    let ambient = RuntimeEnv::real();
    let report = match resolve_scope(&client, &asked.about).await {
        Ok(wish) => diagnose(&client, &ambient, topic, wish, earlier.as_ref()).await,
        Err(why) => not_run_report(topic, DiagnosisSubject::All, ambient.now(), &why),
    };
    let json = serde_json::to_string_pretty(&report).map_err(|error| CommandFailure::failed(error.to_string(), ""))?;
    if let Some(file) = &asked.run {
        save_state(file, &redacted_state(&json, &client.secret_gate())?)?;
    }
    write_document(&if asked.json { json } else { run_text::report(&report) }, None, &client)?;
    Ok(exit_code(report.conclusion()))
}

/// Runs every playbook that applies to the subject, and writes one ranked list of causes.
async fn run_every_playbook(client: &ConnectedPlatform, asked: &DiagnoseArgs) -> Result<ExitCode, CommandFailure> {
    let ambient = RuntimeEnv::real();
    let result = match resolve_scope(client, &asked.about).await {
        Ok(wish) => run_all(client, &ambient, wish).await,
        Err(why) => not_run_all(DiagnosisSubject::All, ambient.now(), &why),
    };
    let text = if asked.json {
        serde_json::to_string_pretty(&result).map_err(|error| CommandFailure::failed(error.to_string(), ""))?
    } else {
        run_text::combined(&result)
    };
    write_document(&text, None, client)?;
    Ok(exit_code(result.conclusion()))
}

fn exit_code(conclusion: DiagnosisConclusion) -> ExitCode {
    match conclusion {
        DiagnosisConclusion::NoCause => ExitCode::SUCCESS,
        DiagnosisConclusion::CauseFound => ExitCode::from(1),
        DiagnosisConclusion::Undecided | DiagnosisConclusion::NotRun => ExitCode::from(2),
    }
}

/// Resolves the subject to diagnose from the arguments; a named key is looked up on the platform.
///
/// # Errors
///
/// One line that says why the subject cannot be resolved.
pub(super) async fn resolve_scope(client: &PlatformClient, about: &SubjectArgs) -> Result<DiagnosisScope, String> {
    let subject = match (about.subscription, &about.key, about.company) {
        (Some(id), ..) => DiagnosisSubject::Subscription(SubscriptionId(id)),
        (None, Some(name), _) => DiagnosisSubject::Key(find_key_id(client, name).await?),
        (None, None, Some(id)) => DiagnosisSubject::Company(CompanyId(id)),
        (None, None, None) => DiagnosisSubject::All,
    };
    Ok(DiagnosisScope { subject, lookback: about.since })
}

/// Finds a key by name or by its last four characters; if none matches, by its number.
async fn find_key_id(client: &PlatformClient, name: &str) -> Result<KeyId, String> {
    let keys = client.keys().await.map_err(|error| error.to_string())?.items;
    let found: Vec<&KeyRow> = keys.iter().filter(|key| key.name.raw() == name || key.last4.raw() == name).collect();
    match found.as_slice() {
        [key] => Ok(key.id),
        [] => keys.iter().map(|key| key.id).find(|id| id.to_string() == name).ok_or_else(|| {
            format!("no key has the ID, name or last four characters {}; see crow keys list", inert(name))
        }),
        several => {
            Err(format!("{} keys are named {}; give the last four characters of one", several.len(), inert(name)))
        }
    }
}

/// Resolves the subject like [`resolve_scope`], for commands that cannot run without one.
///
/// # Errors
///
/// [`CommandFailure`] with exit code 2 when the subject cannot be resolved.
pub(super) async fn require_scope(
    client: &PlatformClient,
    about: &SubjectArgs,
) -> Result<DiagnosisScope, CommandFailure> {
    resolve_scope(client, about).await.map_err(|why| CommandFailure::usage(why, ""))
}

/// Remedy for a run file that cannot be read.
pub(super) const RUN_FILE_REMEDY: &str = "give a file from an earlier run, or a new file";

/// Removes control characters from what a user typed.
fn inert(text: &str) -> String {
    Untrusted::new(text).sanitized()
}
