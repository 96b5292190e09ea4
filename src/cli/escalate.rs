//! `crow escalate`: what is known of a failing subscription, as a folder that can be handed on.

use super::arguments::Escalate;
use super::diagnose::print;
use super::failure::Failure;
use super::{log, remote};
use crate::ambient::Ambient;
use crate::api::report::{Subject, Topic};
use crate::client::connection::Credential;
use crate::diagnose::dossier::Wish;
use crate::diagnose::run::run as diagnose;
use crate::domain::ids::SubscriptionId;
use crate::escalation::bundle::bundle;
use crate::escalation::write::write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Attempts that go into a ticket.
const ATTEMPTS: u32 = 50;

pub(super) async fn run(asked: Escalate) -> Result<ExitCode, Failure> {
    log::to_stderr();
    let client = remote::connect(&asked.remote)?;
    let ambient = Ambient::real();
    let id = SubscriptionId(asked.subscription);
    let report = diagnose(&client, &ambient, Topic::Breaker, Wish::about(Subject::Subscription(id)), None).await;
    let subscription = client.subscription(id).await?;
    let attempts = client.attempts(Some(id), ATTEMPTS).await?.items;
    let (Credential::Operator(secret) | Credential::Key(secret)) = client.credential();
    let refused = |error: &dyn std::error::Error| Failure::failed(error.to_string(), "nothing was handed on");
    let bundle =
        bundle(&report, &subscription, &attempts, &[secret], ambient.now()).map_err(|error| refused(&error))?;
    let folder = asked.out.unwrap_or_else(|| PathBuf::from(bundle.folder()));
    write(&bundle, &folder).map_err(|error| refused(&error))?;
    print(&folder.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}
