//! `crow diagnose`: runs a playbook from the command line.

use super::arguments::place::About;
use super::arguments::trouble::Diagnose;
use super::escalate::gate;
use super::failure::Failure;
use super::kept::{keep, kept, recall};
use super::{log, output, remote};
use crate::ambient::RuntimeEnv;
use crate::api::document::terminal_safe::escape_active;
use crate::api::keys::KeyRow;
use crate::api::report::{DiagnosisConclusion, DiagnosisReport, DiagnosisSubject, Evidence};
use crate::client::connection::PlatformClient;
use crate::diagnose::dossier::Wish;
use crate::diagnose::own;
use crate::diagnose::run::{run as diagnose, unasked};
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::text::Untrusted;
use std::fmt::Write as _;
use std::process::ExitCode;

pub(super) async fn run(asked: Diagnose) -> Result<ExitCode, Failure> {
    log::to_stderr();
    let client = remote::connect(&asked.remote)?;
    let earlier: Option<DiagnosisReport> = asked.run.as_deref().map(|file| recall(file, REMEDY)).transpose()?.flatten();
    let ambient = RuntimeEnv::real();
    let report = match wish(&client, &asked.about).await {
        Ok(wish) => diagnose(&client, &ambient, asked.topic, wish, earlier.as_ref()).await,
        Err(why) => unasked(asked.topic, DiagnosisSubject::All, ambient.now(), &why),
    };
    let json = serde_json::to_string_pretty(&report).map_err(|error| Failure::failed(error.to_string(), ""))?;
    if let Some(file) = &asked.run {
        keep(file, &kept(&json, &gate(&client))?)?;
    }
    print(if asked.json { json } else { text(&report) }.trim_end())?;
    Ok(match report.conclusion() {
        DiagnosisConclusion::NoCause => ExitCode::SUCCESS,
        DiagnosisConclusion::CauseFound => ExitCode::from(1),
        DiagnosisConclusion::Undecided | DiagnosisConclusion::NotRun => ExitCode::from(2),
    })
}

/// Resolves the subject to diagnose from the arguments; a named key is looked up on the platform.
///
/// # Errors
///
/// One line that says why the subject cannot be resolved.
pub(super) async fn wish(client: &PlatformClient, about: &About) -> Result<Wish, String> {
    let subject = match (about.subscription, &about.key, about.company) {
        (Some(id), ..) => DiagnosisSubject::Subscription(SubscriptionId(id)),
        (None, Some(name), _) => DiagnosisSubject::Key(key(client, name).await?),
        (None, None, Some(id)) => DiagnosisSubject::Company(CompanyId(id)),
        (None, None, None) => DiagnosisSubject::All,
    };
    Ok(Wish { subject, back: about.since })
}

/// Finds a key by name or by its last four characters; if none matches, by its number.
async fn key(client: &PlatformClient, name: &str) -> Result<KeyId, String> {
    if own::key(client).is_some() {
        return Err(format!(
            "cannot look up key {} with an API key; omit --key to diagnose the key in use",
            inert(name)
        ));
    }
    let keys = client.keys().await.map_err(|error| error.to_string())?.items;
    let found: Vec<&KeyRow> = keys.iter().filter(|key| key.name.raw() == name || key.last4.raw() == name).collect();
    match found.as_slice() {
        [key] => Ok(key.id),
        [] => {
            keys.iter().map(|key| key.id).find(|id| id.to_string() == name).ok_or_else(|| {
                format!("no key {}; give a name or last four characters from crow keys list", inert(name))
            })
        }
        several => {
            Err(format!("{} keys are named {}; give the last four characters of one", several.len(), inert(name)))
        }
    }
}

/// Resolves the subject like [`spec`], for commands that cannot run without one.
///
/// # Errors
///
/// [`Failure`] with exit code 2 when the subject cannot be resolved.
pub(super) async fn needed(client: &PlatformClient, about: &About) -> Result<Wish, Failure> {
    wish(client, about).await.map_err(|why| Failure::usage(why, ""))
}

/// Remedy for a run file that cannot be read.
pub(super) const REMEDY: &str = "give a file from an earlier run, or a new file";

/// Writes to stdout with control characters removed; a closed pipe is not an error.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    output::write(&escape_active(text)).map(drop)
}

fn text(report: &DiagnosisReport) -> String {
    let mut text = String::new();
    for step in &report.steps {
        let _ = writeln!(text, "{:<8} {}", step.verdict.name(), step.question);
        if let Some(why) = step.verdict.why() {
            let _ = writeln!(text, "         {}", inert(why));
        }
        evidence(&mut text, &step.evidence);
    }
    let n_unknown = report.n_unknown();
    let _ = match report.conclusion() {
        DiagnosisConclusion::CauseFound => Ok(()),
        DiagnosisConclusion::NotRun => writeln!(text, "\nno check could be completed"),
        DiagnosisConclusion::Undecided => match report.open_question() {
            Some(open) => writeln!(text, "\nundecided: {:?} is unknown", open.question),
            None => writeln!(text, "\nundecided: a check failed without a known cause"),
        },
        DiagnosisConclusion::NoCause if n_unknown == 0 => writeln!(text, "\nno cause found"),
        DiagnosisConclusion::NoCause => {
            writeln!(text, "\nno cause found; {n_unknown} of {} checks unknown", report.steps.len())
        }
    };
    for (position, cause) in report.causes.iter().enumerate() {
        let _ = writeln!(text, "\ncause {}: {} ({})", position + 1, inert(&cause.title), inert(&cause.id));
        evidence(&mut text, &cause.evidence);
        let _ = writeln!(text, "         {}", inert(&cause.resolution));
        for offer in &cause.offers {
            let _ = writeln!(text, "         to {}:\n           {}", inert(&offer.what), inert(&offer.command));
        }
    }
    text
}

/// Removes control characters; a report may quote text that the platform wrote.
fn inert(text: &str) -> String {
    Untrusted::new(text).sanitized()
}

fn evidence(text: &mut String, evidence: &[Evidence]) {
    for item in evidence {
        let _ = writeln!(text, "         {}: {}{}", inert(&item.query), item.value.sanitized(), item.expected());
    }
}
