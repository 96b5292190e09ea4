//! `crow export` and `crow import`: writes a platform's configuration to a file, and compares another platform with
//! it.

use super::arguments::setup::{Export, Import};
use super::failure::Failure;
use super::panes::act::{End, Outcome, Plan};
use super::report::deliver;
use super::{log, output, portal};
use crate::api::configuration::{CONFIGURATION, Change, Configuration};
use crate::api::document::One;
use crate::api::keys::{Limits, LimitsWish, NewCompany};
use crate::api::subscriptions::ReplayChoice;
use crate::client::Error;
use crate::client::connection::Client;
use crate::domain::text::Untrusted;
use crate::files;
use crate::text::count;
use std::process::ExitCode;

pub(super) async fn export(asked: Export) -> Result<ExitCode, Failure> {
    log::to_stderr();
    let client = portal::connect(&asked.remote)?;
    let text = output::json(&One { schema: CONFIGURATION, item: &read(&client).await? })?;
    deliver(&text, asked.out.as_deref(), &client)?;
    Ok(ExitCode::SUCCESS)
}

/// Reads the configuration of a platform; refuses if any row cannot be read, because the export would be incomplete.
async fn read(client: &Client) -> Result<Configuration, Failure> {
    let (companies, keys) = (client.companies().await?, client.keys().await?);
    let subscriptions = client.subscription_rows().await?;
    for unreadable in [&companies.unreadable, &keys.unreadable, &subscriptions.unreadable] {
        if let Some(remark) = unreadable.remark() {
            return Err(Failure::failed(remark, "update crow to the platform's version"));
        }
    }
    Ok(Configuration::new(&companies.items, &keys.items, &subscriptions.items))
}

/// Schema name at the head of a document.
#[derive(serde::Deserialize)]
struct Named {
    schema: Option<String>,
}

pub(super) async fn import(asked: Import) -> Result<ExitCode, Failure> {
    log::to_stderr();
    let refused =
        |why: String| Failure::usage(format!("{}: {why}", asked.file.display()), "give a file that crow export wrote");
    let bytes = files::read_named(&asked.file, files::MAX_STATE_BYTES).map_err(|error| refused(error.to_string()))?;
    let named: Named = serde_json::from_slice(&bytes).map_err(|error| refused(error.to_string()))?;
    if named.schema.as_deref() != Some(CONFIGURATION) {
        return Err(refused(format!("not a {CONFIGURATION} document")));
    }
    let wanted: Configuration = serde_json::from_slice(&bytes).map_err(|error| refused(error.to_string()))?;
    let client = portal::connect(&asked.consent.look.remote)?;
    let changes = wanted.changes(&read(&client).await?);
    let preview: Vec<String> = changes.iter().map(Change::words).collect();
    let (by_hand, ours): (Vec<Change>, Vec<Change>) =
        changes.into_iter().partition(|change| matches!(change, Change::ByHand(_)));
    if ours.is_empty() {
        preview.iter().for_each(|line| output::remark(line));
        let said =
            if by_hand.is_empty() { "no differences" } else { "the remaining differences must be resolved by hand" };
        output::write(said)?;
        return Ok(ExitCode::SUCCESS);
    }
    let plan = Plan::new(format!("make {}", count(ours.len(), "change")), preview).of(ours.len() as u64);
    let work = async |client: &Client| {
        let mut failed = Vec::new();
        for change in &ours {
            if let Err(error) = make(client, change).await {
                failed.push(format!("{}: {}", change.words(), Untrusted::new(error.to_string()).sanitized()));
            }
        }
        failed.iter().for_each(|line| output::remark(line));
        let said = format!(
            "{} of {} changes made; {} to be made by hand",
            ours.len() - failed.len(),
            ours.len(),
            by_hand.len()
        );
        let end = if failed.is_empty() { End::Good } else { End::Bad };
        Ok(Outcome { end, ..Outcome::done(said) })
    };
    plan.carry_out(&asked.consent, work, &client).await
}

async fn make(client: &Client, change: &Change) -> Result<(), Error> {
    match change {
        Change::Company(name) => client.create_company(&NewCompany { name: name.clone() }).await.map(drop),
        Change::Limits(id, Limits { read, write, admin }, _) => {
            let wish = LimitsWish { read: Some(*read), write: Some(*write), admin: Some(*admin) };
            client.limit_key(*id, &wish).await.map(drop)
        }
        Change::Enable(id, _) => client.enable(*id, ReplayChoice::None).await.map(drop),
        Change::Disable(id, _) => client.disable(*id, Some("imported configuration".to_owned())).await.map(drop),
        Change::ByHand(_) => Ok(()),
    }
}
