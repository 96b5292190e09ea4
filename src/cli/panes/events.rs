//! `crow events`: lists events, shows one with its deliveries, and emits test events.

use super::act::PlannedChange;
use super::keys::{company_text, find_company};
use super::list::{ListQuery, ListResult, ListedRow, run_log};
use super::show::{ShowFormat, write_item};
use super::table::{ListCell, ListColumn, column};
use crate::cli::arguments::panes::{EmitArgs, EventsCommand};
use crate::cli::document::details::EventStory;
use crate::cli::document::{DocumentNames, EVENT_DOCUMENTS};
use crate::cli::failure::CommandFailure;
use crate::cli::portal;
use crate::client;
use crate::client::connection::PlatformClient;
use crate::domain::ids::{CompanyId, EventId};
use crate::domain::query::pushdown::LogKind;
use crate::files;
use crate::sync::platform_change::{ChangeOutcome, test_metadata};
use crate::sync::row_filters;
use crate::text;
use crate::wire::changes;
use crate::wire::coverage::CoveredNoun;
use crate::wire::deliveries::{EventDeliveryTrace, EventRow};
use crate::wire::events::NewEvent;
use serde_json::value::RawValue;
use std::path::Path;
use std::process::ExitCode;

/// Maximum size of a payload that is read, in bytes; the platform accepts no more.
const MAX_PAYLOAD_BYTES: u64 = 1024 * 1024;

pub(super) async fn run(asked: EventsCommand) -> Result<ExitCode, CommandFailure> {
    match asked {
        EventsCommand::List(asked) => run_log::<EventRow>(asked).await,
        EventsCommand::Show(asked) => {
            let client = portal::connect(&asked.look.remote).await?;
            let event = client.event(EventId(asked.id)).await?;
            let EventDeliveryTrace { subscriptions, has_more, .. } = client.trace(EventId(asked.id)).await?;
            let story = EventStory { event, subscriptions, has_more_subscriptions: has_more };
            write_item(EVENT_DOCUMENTS.detail, &story, ShowFormat::from_json_flag(asked.look.json))
        }
        EventsCommand::Emit(asked) => emit(asked).await,
    }
}

impl ListedRow for EventRow {
    const NAMES: DocumentNames = EVENT_DOCUMENTS;
    const NOUN: CoveredNoun = CoveredNoun::Events;
    const COLUMNS: &'static [ListColumn<Self>] = &[
        column("ID", "id", |of| ListCell::number(of.id.0)),
        column("CREATED", "createdUtc", |of| ListCell::Time(Some(of.created_utc))),
        column("TYPE", "type", |of| ListCell::untrusted(&of.kind)),
        column("COMPANY", "companyId", |of| ListCell::number(of.company_id.0)),
        column("DELIVERIES", "nDeliveries", |of| ListCell::maybe(of.n_deliveries)),
        column("BYTES", "nBytes", |of| ListCell::number(of.n_bytes)),
    ];

    async fn read(
        client: &PlatformClient,
        ask: &ListQuery,
        newer_than: Option<&str>,
    ) -> Result<ListResult<Self>, client::Error> {
        let portion = ask.query.split_for(LogKind::Events, ask.now);
        let query = row_filters::event_query(&portion.remote);
        let page = async |cursor: Option<&str>, n| client.log_page(&query, cursor, n).await;
        ask.read_pages(&portion.local, newer_than, page).await
    }
}

/// Reads the payload from a file; its bytes are sent unchanged, apart from surrounding white space.
fn read_payload(file: &Path) -> Result<Box<RawValue>, CommandFailure> {
    let refused =
        |why: String| CommandFailure::usage(format!("{}: {why}", file.display()), "give a file with one JSON object");
    let bytes = files::read_named(file, MAX_PAYLOAD_BYTES).map_err(|error| refused(error.to_string()))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| refused("not UTF-8 text".to_owned()))?;
    if !text.trim_start().starts_with('{') {
        return Err(refused("not a JSON object".to_owned()));
    }
    RawValue::from_string(text.trim().to_owned()).map_err(|error| refused(error.to_string()))
}

async fn emit(asked: EmitArgs) -> Result<ExitCode, CommandFailure> {
    let payload = asked.payload.as_deref().map(read_payload).transpose()?;
    let client = portal::connect(&asked.consent.look.remote).await?;
    let company = find_company(&client, asked.company).await?;
    let rows = client.subscription_rows().await?;
    let at_least = if rows.has_more { "at least " } else { "" };
    let n_wanting = rows
        .items
        .iter()
        .map(|row| &row.subscription)
        .filter(|of| of.company_id == company.id && of.is_enabled)
        .filter(|of| of.event_types.iter().any(|kind| kind.raw() == asked.kind.name()))
        .count();
    let what = if payload.is_some() { "the payload from the file" } else { "a sample payload" };
    let preview = vec![
        format!("publishes {} with {what} in company {}", asked.kind, company_text(&company)),
        format!(
            "partners can poll it; it is delivered to {at_least}{} and marked as a test in its metadata",
            text::count(n_wanting, "enabled subscription")
        ),
    ];
    let plan = PlannedChange::new(format!("emit {} for company {}", asked.kind, company.id), preview);
    let event = NewEvent { company_id: CompanyId(asked.company), kind: asked.kind, payload, metadata: test_metadata() };
    let work = async |client: &PlatformClient| {
        let id = client.change(&changes::EMIT_EVENT, &event).await?.id;
        Ok(ChangeOutcome::about(id.0, format!("event {id} emitted")))
    };
    plan.confirm_and_run(&asked.consent, work, &client).await
}
