//! `crow escalate`: what is known of a failure, as a folder or an archive that can be handed on; `crow open`: one of them again.

use super::arguments::trouble::{Escalate, Open};
use super::diagnose::{print, wish};
use super::failure::Failure;
use super::{log, remote};
use crate::ambient::Ambient;
use crate::client::connection::Credential;
use crate::diagnose::case::{collect, fitting};
use crate::domain::text::Untrusted;
use crate::escalation::bundle::bundle;
use crate::escalation::read;
use crate::escalation::text;
use crate::escalation::ticket::Bodies;
use crate::escalation::write::write;
use std::path::PathBuf;
use std::process::ExitCode;

pub(super) async fn run(asked: Escalate) -> Result<ExitCode, Failure> {
    log::to_stderr();
    let client = remote::connect(&asked.remote)?;
    let wish = wish(&client, &asked.about).await?;
    let topics = asked.topic.map_or_else(|| fitting(wish.subject), |topic| vec![topic]);
    let case = collect(&client, &Ambient::real(), &topics, wish).await;
    let (Credential::Operator(secret) | Credential::Key(secret)) = client.credential();
    let bodies = if asked.without_bodies { Bodies::LeftOut } else { Bodies::Included };
    let bundle = bundle(&case, bodies, &[secret])
        .map_err(|error| Failure::failed(error.to_string(), "--without-bodies leaves the bodies of answers out"))?;
    let path = asked.out.unwrap_or_else(|| PathBuf::from(bundle.folder()));
    write(&bundle, &path).map_err(|error| Failure::failed(error.to_string(), "nothing was handed on"))?;
    print(&path.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn open(asked: &Open) -> Result<ExitCode, Failure> {
    let opened = read::open(&asked.bundle)
        .map_err(|error| Failure::usage(error.to_string(), "name a folder or a .zip that crow escalate wrote"))?;
    if asked.json {
        let json =
            serde_json::to_string_pretty(&opened.ticket).map_err(|error| Failure::failed(error.to_string(), ""))?;
        print(&json)?;
        return Ok(ExitCode::SUCCESS);
    }
    let manifest = &opened.manifest;
    print(&format!("made {} by crow {}; every file is as it was written", manifest.created_utc, manifest.crow))?;
    for entry in &manifest.files {
        print(&format!("  {}  {:>8} bytes  {}", entry.sha256, entry.n_bytes, Untrusted::new(&*entry.name).inert()))?;
    }
    for redaction in &manifest.redactions {
        print(&format!("  left out {} times: {}", redaction.n, Untrusted::new(&*redaction.what).inert()))?;
    }
    for line in text::write(&opened.ticket).lines() {
        print(&Untrusted::new(line).inert())?;
    }
    Ok(ExitCode::SUCCESS)
}
