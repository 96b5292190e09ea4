//! `crow deliveries`: lists deliveries and attempts, shows one of them, and resends.

use super::act::make;
use super::list::{ListQuery, ListResult, ListedRow, run_log};
use super::show::{ShowFormat, write_item};
use super::table::{ListCell, ListColumn, column};
use crate::cli::arguments::panes::{ChangeArgs, DeliveriesCommand};
use crate::cli::document::{ATTEMPT_DOCUMENTS, DELIVERY_DOCUMENTS, DocumentNames};
use crate::cli::failure::CommandFailure;
use crate::cli::portal;
use crate::client;
use crate::client::connection::PlatformClient;
use crate::domain::ids::{AttemptId, DeliveryId};
use crate::domain::query::pushdown::LogKind;
use crate::sync::platform_change::PlatformChange;
use crate::sync::row_filters;
use crate::text::{count, delivery};
use crate::wire::attempts::AttemptRow;
use crate::wire::coverage::CoveredNoun;
use crate::wire::deliveries::DeliveryRow;
use std::process::ExitCode;

pub(super) async fn run(asked: DeliveriesCommand) -> Result<ExitCode, CommandFailure> {
    match asked {
        DeliveriesCommand::List(asked) => run_log::<DeliveryRow>(asked).await,
        DeliveriesCommand::Attempts(asked) => run_log::<AttemptRow>(asked).await,
        DeliveriesCommand::Show(asked) => {
            let client = portal::connect(&asked.look.remote).await?;
            let delivery = client.delivery(DeliveryId(asked.id)).await?;
            write_item(DELIVERY_DOCUMENTS.detail, &delivery, ShowFormat::from_json_flag(asked.look.json))
        }
        DeliveriesCommand::Attempt(asked) => {
            let client = portal::connect(&asked.look.remote).await?;
            let attempt = client.attempt(AttemptId(asked.id)).await?;
            write_item(ATTEMPT_DOCUMENTS.detail, &attempt, ShowFormat::from_json_flag(asked.look.json))
        }
        DeliveriesCommand::Resend(asked) => resend(asked).await,
    }
}

impl ListedRow for DeliveryRow {
    const NAMES: DocumentNames = DELIVERY_DOCUMENTS;
    const NOUN: CoveredNoun = CoveredNoun::Deliveries;
    const COLUMNS: &'static [ListColumn<Self>] = &[
        column("ID", "id", |of| ListCell::number(of.id.0)),
        column("STATE", "state", |of| ListCell::delivery(of.state)),
        column("CREATED", "createdUtc", |of| ListCell::Time(Some(of.created_utc))),
        column("TYPE", "eventType", |of| ListCell::untrusted(&of.event_type)),
        column("EVENT", "eventId", |of| ListCell::number(of.event_id.0)),
        column("SUB", "subscriptionId", |of| ListCell::number(of.subscription_id.0)),
        column("COMPANY", "companyId", |of| ListCell::number(of.company_id.0)),
        column("TRIES", "nAttempts", |of| ListCell::number(of.n_attempts)),
        column("DUE", "dueUtc", |of| of.due_utc.map_or(ListCell::Text(String::new()), |at| ListCell::Time(Some(at)))),
    ];

    async fn read(
        client: &PlatformClient,
        ask: &ListQuery,
        newer_than: Option<&str>,
    ) -> Result<ListResult<Self>, client::Error> {
        let portion = ask.query.split_for(LogKind::Deliveries, ask.now);
        let query = row_filters::delivery_query(&portion.remote);
        let page = async |cursor: Option<&str>, n| client.log_page(&query, cursor, n).await;
        ask.read_pages(&portion.local, newer_than, page).await
    }
}

impl ListedRow for AttemptRow {
    const NAMES: DocumentNames = ATTEMPT_DOCUMENTS;
    const NOUN: CoveredNoun = CoveredNoun::Attempts;
    const COLUMNS: &'static [ListColumn<Self>] = &[
        column("ID", "id", |of| ListCell::number(of.id.0)),
        column("STARTED", "startedUtc", |of| ListCell::Time(Some(of.started_utc))),
        column("RESULT", "result", |of| ListCell::Text(result_text(of))),
        column("TYPE", "eventType", |of| ListCell::untrusted(&of.event_type)),
        column("EVENT", "eventId", |of| ListCell::Number(of.event_id.and_then(|id| id.0.try_into().ok()))),
        column("SUB", "subscriptionId", |of| ListCell::maybe(of.subscription_id.map(|id| id.0))),
        column("DELIVERY", "deliveryId", |of| ListCell::Number(of.delivery_id.and_then(|id| id.0.try_into().ok()))),
        column("TRY", "number", |of| ListCell::maybe(of.number)),
        column("KIND", "kind", |of| ListCell::Text(of.kind.map_or_else(String::new, |kind| kind.name().to_owned()))),
        column("MS", "elapsedMs", |of| ListCell::number(of.elapsed_ms)),
        column("TARGET", "targetUrl", |of| ListCell::maybe_untrusted(of.target_url.as_ref())),
    ];

    async fn read(
        client: &PlatformClient,
        ask: &ListQuery,
        newer_than: Option<&str>,
    ) -> Result<ListResult<Self>, client::Error> {
        let portion = ask.query.split_for(LogKind::Attempts, ask.now);
        let query = row_filters::attempt_query(&portion.remote);
        let page = async |cursor: Option<&str>, n| client.log_page(&query, cursor, n).await;
        ask.read_pages(&portion.local, newer_than, page).await
    }
}

/// Returns the status code, or why there is none.
fn result_text(of: &AttemptRow) -> String {
    match (of.status_code, &of.cause) {
        (Some(status), _) => status.to_string(),
        (None, Some(cause)) => cause.raw().to_owned(),
        (None, None) => "no answer".to_owned(),
    }
}

async fn resend(asked: ChangeArgs) -> Result<ExitCode, CommandFailure> {
    let client = portal::connect(&asked.consent.look.remote).await?;
    let id = DeliveryId(asked.id);
    let row = client.delivery(id).await?.row;
    let preview = vec![
        format!(
            "delivery {id} of event {} ({}) to subscription {}: {} after {}",
            row.event_id,
            row.event_type.sanitized(),
            row.subscription_id,
            delivery(row.state),
            count(row.n_attempts, "attempt")
        ),
        "sends one extra attempt now; it does not affect the breaker, the success rate or retries".to_owned(),
        "the receiver may get this event twice".to_owned(),
    ];
    make(&PlatformChange::Resend(id), preview, &asked.consent, &client).await
}
