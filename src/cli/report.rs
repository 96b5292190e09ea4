//! `crow audit` and `crow briefing`: reviews and partner briefings as documents.

use super::arguments::report::{Audit, Briefing, Format, Span};
use super::escalate::gate;
use super::failure::Failure;
use super::kept::{keep, kept, recall, unwritten};
use super::panes::keys::find;
use super::{log, output, portal, settings};
use crate::api::briefing::{BRIEFING_DOCUMENT, PartnerBriefing, PermittedRoute, SamplePayload};
use crate::api::document::{ObjectDocument, outbound};
use crate::api::review::{REVIEW_DOCUMENT, ReviewPeriod};
use crate::client::connection::PlatformClient;
use crate::diagnose::survey::survey;
use crate::domain::event::EventType;
use crate::domain::key::KeyScope;
use crate::domain::outbound::RedactionCounts;
use crate::engine::samples;
use crate::escalation::{briefing, review};
use crate::server::guard::RouteAccess;
use crate::server::router;
use crate::text::count;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Remedy for a file that is not a review.
const REMEDY: &str = "give a review that crow audit --format json wrote, or remove the file";

pub(super) async fn audit(asked: Audit) -> Result<ExitCode, Failure> {
    log::to_stderr();
    let client = portal::connect(&asked.remote)?;
    let memory = memory(&client)?;
    let last = match &asked.last {
        Some(file) => Some(recall(file, REMEDY)?.ok_or_else(|| {
            Failure::usage(
                format!("{} does not exist", file.display()),
                "give a review that crow audit --format json wrote",
            )
        })?),
        None => recall(&memory, REMEDY)?,
    };
    let period = if asked.period == Span::Month { ReviewPeriod::Month } else { ReviewPeriod::Quarter };
    let made = survey(&client, period, last.as_ref()).await?;
    let json = output::json(&ObjectDocument { schema: REVIEW_DOCUMENT, item: &made })?;
    let text = match form(asked.format, asked.out.as_deref())? {
        Format::Md => review::markdown::write(&made),
        Format::Html => review::html::write(&made),
        Format::Json => json.clone(),
    };
    deliver(&text, asked.out.as_deref(), &client)?;
    if let Some(folder) = memory.parent() {
        std::fs::create_dir_all(folder).map_err(|error| unwritten(folder, &error))?;
    }
    keep(&memory, &kept(&json, &gate(&client))?)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn brief(asked: Briefing) -> Result<ExitCode, Failure> {
    log::to_stderr();
    let client = portal::connect(&asked.remote)?;
    let key = find(&client, &asked.key).await?;
    if let Some(at) = key.revoked_utc {
        return Err(Failure::usage(format!("key {} was revoked at {at}", key.id), "give an active key with --key"));
    }
    let companies = client.companies().await?.items;
    let company = companies.into_iter().find(|company| company.id == key.company_id).map(|company| company.name);
    let opened = router::table()
        .iter()
        .filter_map(|route| match route.access {
            RouteAccess::Key(scope, bucket) => {
                Some(PermittedRoute { method: route.method.to_string(), path: route.path.to_owned(), scope, bucket })
            }
            RouteAccess::Public | RouteAccess::Operator(_) => None,
        })
        .filter(|route| key.scopes.contains(&route.scope))
        .collect();
    let wants_events = key.scopes.iter().any(|scope| matches!(scope, KeyScope::EventsRead | KeyScope::WebhooksWrite));
    let samples = EventType::ALL
        .into_iter()
        .filter(|_| wants_events)
        .map(|kind| SamplePayload { kind, payload: samples::fixed_payload(kind) })
        .collect();
    let made = PartnerBriefing { platform: client.base().to_owned(), company, key, opened, samples };
    let text = match form(asked.format, asked.out.as_deref())? {
        Format::Md => briefing::markdown(&made),
        Format::Html => briefing::html(&made),
        Format::Json => output::json(&ObjectDocument { schema: BRIEFING_DOCUMENT, item: &made })?,
    };
    deliver(&text, asked.out.as_deref(), &client)?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the path of the file that stores the last review of a platform.
fn memory(client: &PlatformClient) -> Result<PathBuf, Failure> {
    let place: String = client.base().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    Ok(settings::state_dir()?.join("audits").join(format!("{place}.json")))
}

/// Chooses the format: the one asked for, otherwise by the extension of the output file, otherwise Markdown.
fn form(asked: Option<Format>, out: Option<&Path>) -> Result<Format, Failure> {
    let ending = out.and_then(|out| out.extension()).and_then(|ending| ending.to_str());
    match (asked, ending) {
        (Some(format), _) => Ok(format),
        (None, Some("md") | None) => Ok(Format::Md),
        (None, Some("html")) => Ok(Format::Html),
        (None, Some("json")) => Ok(Format::Json),
        (None, Some(other)) => {
            Err(Failure::usage(format!("unknown file extension .{other}"), "use --format md, json or html"))
        }
    }
}

/// Redacts a document, scans it for secrets, and writes it to the file or to stdout.
pub(super) fn deliver(text: &str, out: Option<&Path>, client: &PlatformClient) -> Result<(), Failure> {
    let mut redactions = RedactionCounts::default();
    let gate = gate(client);
    let text = outbound::document(text, &gate, &mut redactions)
        .map_err(|held| Failure::failed(format!("nothing was written: {held}"), "check names and targets"))?;
    for (what, n) in redactions.iter() {
        output::remark(&format!("crow: redacted {}: {what}", count(n, "time")));
    }
    match out {
        Some(file) => {
            keep(file, &text)?;
            output::write(&file.display().to_string())?;
        }
        None => {
            output::write(text.as_str().trim_end())?;
        }
    }
    Ok(())
}
