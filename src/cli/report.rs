//! `crow audit` and `crow briefing`: reviews and partner briefings as documents.

use super::arguments::report::{AuditArgs, BriefingArgs, DocumentFormat, ReviewPeriodChoice};
use super::document::terminal_safe::escape_active;
use super::document::{ObjectDocument, outbound};
use super::failure::CommandFailure;
use super::panes::keys::find_key;
use super::portal::ConnectedPlatform;
use super::state_file::{load_state, redacted_state, save_state, write_failure};
use super::{log, output, portal, settings};
use crate::client::connection::PlatformClient;
use crate::diagnose::review::{REVIEW_DOCUMENT, ReviewPeriod};
use crate::diagnose::review_data::collect_review;
use crate::domain::event::EventType;
use crate::domain::outbound::RedactionCounts;
use crate::domain::scope::KeyScope;
use crate::engine::samples;
use crate::export::briefing_document::{BRIEFING_DOCUMENT, PartnerBriefing, PermittedRoute, SamplePayload};
use crate::export::{briefing, review};
use crate::server::guard::RouteAccess;
use crate::server::router;
use crate::text::count;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Remedy for a file that is not a review.
const REVIEW_FILE_REMEDY: &str = "give a review that crow audit --format json wrote, or remove the file";

pub(super) async fn run_audit(asked: AuditArgs) -> Result<ExitCode, CommandFailure> {
    log::to_stderr();
    let client = portal::connect(&asked.remote).await?;
    let memory = last_review_path(&client)?;
    let last = match &asked.last {
        Some(file) => Some(load_state(file, REVIEW_FILE_REMEDY)?.ok_or_else(|| {
            CommandFailure::usage(
                format!("{} does not exist", file.display()),
                "give a review that crow audit --format json wrote",
            )
        })?),
        None => load_state(&memory, REVIEW_FILE_REMEDY)?,
    };
    let period = if asked.period == ReviewPeriodChoice::Month { ReviewPeriod::Month } else { ReviewPeriod::Quarter };
    let made = collect_review(&client, period, last.as_ref()).await?;
    let json = output::json(&ObjectDocument { schema: REVIEW_DOCUMENT, item: &made })?;
    let text = match choose_format(asked.format, asked.out.as_deref())? {
        DocumentFormat::Md => review::markdown::write_markdown(&made),
        DocumentFormat::Html => review::html::write_html(&made),
        DocumentFormat::Json => json.clone(),
    };
    write_document(&text, asked.out.as_deref(), &client)?;
    if let Some(folder) = memory.parent() {
        std::fs::create_dir_all(folder).map_err(|error| write_failure(folder, &error))?;
    }
    save_state(&memory, &redacted_state(&json, &client.secret_gate())?)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn run_briefing(asked: BriefingArgs) -> Result<ExitCode, CommandFailure> {
    log::to_stderr();
    let client = portal::connect(&asked.remote).await?;
    let key = find_key(&client, &asked.key).await?;
    if let Some(at) = key.revoked_utc {
        return Err(CommandFailure::usage(
            format!("key {} was revoked at {at}", key.id),
            "give an active key with --key",
        ));
    }
    let companies = client.companies().await?.items;
    let company = companies.into_iter().find(|company| company.id == key.company_id).and_then(|company| company.name);
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
    let text = match choose_format(asked.format, asked.out.as_deref())? {
        DocumentFormat::Md => briefing::markdown(&made),
        DocumentFormat::Html => briefing::html(&made),
        DocumentFormat::Json => output::json(&ObjectDocument { schema: BRIEFING_DOCUMENT, item: &made })?,
    };
    write_document(&text, asked.out.as_deref(), &client)?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the path of the file that stores the last review of a platform.
fn last_review_path(client: &PlatformClient) -> Result<PathBuf, CommandFailure> {
    let place: String = client.base().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    Ok(settings::state_dir()?.join("audits").join(format!("{place}.json")))
}

/// Chooses the format: the one asked for, otherwise by the extension of the output file, otherwise Markdown.
fn choose_format(asked: Option<DocumentFormat>, out: Option<&Path>) -> Result<DocumentFormat, CommandFailure> {
    let ending = out.and_then(|out| out.extension()).and_then(|ending| ending.to_str());
    match (asked, ending) {
        (Some(format), _) => Ok(format),
        (None, Some("md") | None) => Ok(DocumentFormat::Md),
        (None, Some("html")) => Ok(DocumentFormat::Html),
        (None, Some("json")) => Ok(DocumentFormat::Json),
        (None, Some(other)) => {
            Err(CommandFailure::usage(format!("unknown file extension .{other}"), "use --format md, json or html"))
        }
    }
}

/// Redacts a document, scans it for secrets, and writes it to the file or, with control characters escaped, to stdout.
pub(super) fn write_document(
    text: &str,
    out: Option<&Path>,
    platform: &ConnectedPlatform,
) -> Result<(), CommandFailure> {
    let mut redactions = RedactionCounts::default();
    let gate = platform.secret_gate();
    let text = outbound::document(text, &gate, &mut redactions)?;
    for (what, n) in redactions.iter() {
        output::remark(&format!("crow: redacted {}: {what}", count(n, "time")));
    }
    match out {
        Some(file) => {
            save_state(file, &text)?;
            output::write(&file.display().to_string())?;
        }
        None => {
            output::write(&escape_active(text.as_str().trim_end()))?;
        }
    }
    Ok(())
}
