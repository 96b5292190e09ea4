//! `crow export` and `crow import`: writes a platform's configuration to a file, and compares another platform with
//! it.

use super::arguments::setup::{ExportArgs, ImportArgs};
use super::document::ObjectDocument;
use super::document::configuration::{CONFIGURATION_DOCUMENT, ConfigChange, PlatformConfig};
use super::failure::CommandFailure;
use super::panes::act::PlannedChange;
use super::report::write_document;
use super::{log, output, portal};
use crate::client::Error;
use crate::client::connection::PlatformClient;
use crate::domain::text::Untrusted;
use crate::files;
use crate::sync::platform_change::{ChangeOutcome, ChangeStatus, PlatformChange};
use crate::text::count;
use crate::wire::keys::{NewCompany, RateLimits, RequestedLimits};
use crate::wire::subscriptions::MissedEventsChoice;
use std::process::ExitCode;

pub(super) async fn run_export(asked: ExportArgs) -> Result<ExitCode, CommandFailure> {
    log::to_stderr();
    let client = portal::connect(&asked.remote).await?;
    let text =
        output::json(&ObjectDocument { schema: CONFIGURATION_DOCUMENT, item: &read_configuration(&client).await? })?;
    write_document(&text, asked.out.as_deref(), &client)?;
    Ok(ExitCode::SUCCESS)
}

/// Reads the configuration of a platform; refuses if any row cannot be read or a list has more rows than are read at once, because the
/// export would be incomplete.
async fn read_configuration(client: &PlatformClient) -> Result<PlatformConfig, CommandFailure> {
    // An observer knows no names of companies and not all keys, so the export would be incomplete.
    if client.overview(1).await?.coverage.is_some() {
        return Err(CommandFailure::usage(
            "keys of the Integration API do not show the configuration of companies and keys",
            "give an operator token with --token-file F",
        ));
    }
    let (companies, keys) = (client.companies().await?, client.keys().await?);
    let subscriptions = client.subscription_rows().await?;
    for unreadable in [&companies.unreadable, &keys.unreadable, &subscriptions.unreadable] {
        if let Some(remark) = unreadable.summary_line() {
            return Err(CommandFailure::failed(remark, "update crow to the platform's version"));
        }
    }
    for (what, remark) in
        [("companies", companies.cut_line()), ("keys", keys.cut_line()), ("subscriptions", subscriptions.cut_line())]
    {
        if let Some(remark) = remark {
            return Err(CommandFailure::failed(
                format!("{what}: {remark}"),
                "copy the database with crow db backup instead",
            ));
        }
    }
    Ok(PlatformConfig::new(&companies.items, &keys.items, &subscriptions.items))
}

/// Schema name at the head of a document.
#[derive(serde::Deserialize)]
struct SchemaHead {
    schema: Option<String>,
}

pub(super) async fn run_import(asked: ImportArgs) -> Result<ExitCode, CommandFailure> {
    log::to_stderr();
    let refused = |why: String| {
        CommandFailure::usage(format!("{}: {why}", asked.file.display()), "give a file that crow export wrote")
    };
    let bytes = files::read_named(&asked.file, files::MAX_STATE_BYTES).map_err(|error| refused(error.to_string()))?;
    let named: SchemaHead = serde_json::from_slice(&bytes).map_err(|error| refused(error.to_string()))?;
    if named.schema.as_deref() != Some(CONFIGURATION_DOCUMENT) {
        return Err(refused(format!("not a {CONFIGURATION_DOCUMENT} document")));
    }
    let wanted: PlatformConfig = serde_json::from_slice(&bytes).map_err(|error| refused(error.to_string()))?;
    let client = portal::connect(&asked.consent.look.remote).await?;
    let changes = wanted.changes(&read_configuration(&client).await?);
    let preview: Vec<String> = changes.iter().map(ConfigChange::describe).collect();
    let (by_hand, ours): (Vec<ConfigChange>, Vec<ConfigChange>) =
        changes.into_iter().partition(|change| matches!(change, ConfigChange::ByHand(_)));
    if ours.is_empty() {
        preview.iter().for_each(|line| output::remark(line));
        let said =
            if by_hand.is_empty() { "no differences" } else { "the remaining differences must be resolved by hand" };
        output::write(said)?;
        return Ok(ExitCode::SUCCESS);
    }
    let plan =
        PlannedChange::new(format!("make {}", count(ours.len(), "change")), preview).affecting(ours.len() as u64);
    let work = async |client: &PlatformClient| {
        let mut failed = Vec::new();
        for change in &ours {
            if let Err(error) = apply_change(client, change).await {
                failed.push(format!("{}: {}", change.describe(), Untrusted::new(error.to_string()).sanitized()));
            }
        }
        failed.iter().for_each(|line| output::remark(line));
        let said = format!(
            "{} of {} changes made; {} to be made by hand",
            ours.len() - failed.len(),
            ours.len(),
            by_hand.len()
        );
        let end = if failed.is_empty() { ChangeStatus::Succeeded } else { ChangeStatus::Failed };
        Ok(ChangeOutcome { status: end, ..ChangeOutcome::done(said) })
    };
    plan.confirm_and_run(&asked.consent, work, &client).await
}

async fn apply_change(client: &PlatformClient, change: &ConfigChange) -> Result<(), Error> {
    let change = match change {
        ConfigChange::Company(name) => PlatformChange::CreateCompany(NewCompany { name: name.clone() }),
        ConfigChange::Limits(id, RateLimits { read, write, admin }, _) => {
            let wish = RequestedLimits { read: Some(*read), write: Some(*write), admin: Some(*admin) };
            PlatformChange::SetLimits(*id, wish)
        }
        ConfigChange::Enable(id, _) => PlatformChange::Enable(*id, MissedEventsChoice::None),
        ConfigChange::Disable(id, _) => PlatformChange::Disable(*id, Some("imported configuration".to_owned())),
        ConfigChange::ByHand(_) => return Ok(()),
    };
    change.make(client).await.map(drop)
}
