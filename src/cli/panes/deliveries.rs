//! `crow deliveries`: lists deliveries and attempts, shows one of them, and resends.

use super::act::{Outcome, Plan};
use super::list::{Ask, Came, Listed, log};
use super::show::{Form, show};
use super::table::{Cell, Column, column};
use crate::api::attempts::AttemptRow;
use crate::api::deliveries::DeliveryRow;
use crate::api::document::{ATTEMPT_DOCUMENTS, DELIVERY_DOCUMENTS, DocumentNames};
use crate::api::row_filters;
use crate::cli::arguments::panes::{Change, Deliveries};
use crate::cli::failure::Failure;
use crate::cli::portal;
use crate::client;
use crate::client::connection::PlatformClient;
use crate::domain::ids::{AttemptId, DeliveryId};
use crate::domain::query::field::Field;
use crate::domain::query::pushdown::LogKind;
use crate::text::{count, delivery};
use std::process::ExitCode;

pub(super) async fn run(asked: Deliveries) -> Result<ExitCode, Failure> {
    match asked {
        Deliveries::List(asked) => log::<DeliveryRow>(asked).await,
        Deliveries::Attempts(asked) => log::<AttemptRow>(asked).await,
        Deliveries::Show(asked) => {
            let client = portal::connect(&asked.look.remote)?;
            let delivery = client.delivery(DeliveryId(asked.id)).await?;
            show(DELIVERY_DOCUMENTS.detail, &delivery, Form::of(asked.look.json))
        }
        Deliveries::Attempt(asked) => {
            let client = portal::connect(&asked.look.remote)?;
            let attempt = client.attempt(AttemptId(asked.id)).await?;
            show(ATTEMPT_DOCUMENTS.detail, &attempt, Form::of(asked.look.json))
        }
        Deliveries::Resend(asked) => resend(asked).await,
    }
}

impl Listed for DeliveryRow {
    const NAMES: DocumentNames = DELIVERY_DOCUMENTS;
    const FIELDS: &'static [Field] = row_filters::DELIVERY_FIELDS;
    const COLUMNS: &'static [Column<Self>] = &[
        column("ID", "id", |of| Cell::number(of.id.0)),
        column("STATE", "state", |of| Cell::Text(of.state.name().to_owned())),
        column("CREATED", "createdUtc", |of| Cell::Time(Some(of.created_utc))),
        column("TYPE", "eventType", |of| Cell::of(&of.event_type)),
        column("EVENT", "eventId", |of| Cell::number(of.event_id.0)),
        column("SUB", "subscriptionId", |of| Cell::number(of.subscription_id.0)),
        column("COMPANY", "companyId", |of| Cell::number(of.company_id.0)),
        column("TRIES", "nAttempts", |of| Cell::number(of.n_attempts)),
        column("DUE", "dueUtc", |of| of.due_utc.map_or(Cell::Text(String::new()), |at| Cell::Time(Some(at)))),
    ];

    fn number(&self) -> String {
        self.id.to_string()
    }

    async fn read(client: &PlatformClient, ask: &Ask, newer_than: Option<&str>) -> Result<Came<Self>, client::Error> {
        let portion = ask.query.split_for(LogKind::Deliveries, ask.now);
        let query = row_filters::delivery_query(&portion.remote);
        let page = async |cursor: Option<&str>, n| client.delivery_log(&query, cursor, n).await;
        ask.pages(&portion.local, newer_than, page).await
    }
}

impl Listed for AttemptRow {
    const NAMES: DocumentNames = ATTEMPT_DOCUMENTS;
    const FIELDS: &'static [Field] = row_filters::ATTEMPT_FIELDS;
    const COLUMNS: &'static [Column<Self>] = &[
        column("ID", "id", |of| Cell::number(of.id.0)),
        column("STARTED", "startedUtc", |of| Cell::Time(Some(of.started_utc))),
        column("RESULT", "result", |of| Cell::Text(result(of))),
        column("TYPE", "eventType", |of| Cell::of(&of.event_type)),
        column("EVENT", "eventId", |of| Cell::Number(of.event_id.and_then(|id| id.0.try_into().ok()))),
        column("SUB", "subscriptionId", |of| Cell::number(of.subscription_id.0)),
        column("DELIVERY", "deliveryId", |of| Cell::Number(of.delivery_id.and_then(|id| id.0.try_into().ok()))),
        column("TRY", "number", |of| Cell::number(of.number)),
        column("KIND", "kind", |of| Cell::Text(of.kind.name().to_owned())),
        column("MS", "elapsedMs", |of| Cell::number(of.elapsed_ms)),
        column("TARGET", "targetUrl", |of| Cell::of(&of.target_url)),
    ];

    fn number(&self) -> String {
        self.id.to_string()
    }

    async fn read(client: &PlatformClient, ask: &Ask, newer_than: Option<&str>) -> Result<Came<Self>, client::Error> {
        let portion = ask.query.split_for(LogKind::Attempts, ask.now);
        let query = row_filters::attempt_query(&portion.remote);
        let page = async |cursor: Option<&str>, n| client.attempt_log(&query, cursor, n).await;
        ask.pages(&portion.local, newer_than, page).await
    }
}

/// Returns the status code, or why there is none.
fn result(of: &AttemptRow) -> String {
    match (of.status_code, &of.cause) {
        (Some(status), _) => status.to_string(),
        (None, Some(cause)) => cause.raw().to_owned(),
        (None, None) => "no answer".to_owned(),
    }
}

async fn resend(asked: Change) -> Result<ExitCode, Failure> {
    let client = portal::connect(&asked.consent.look.remote)?;
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
    let plan = Plan::new(format!("resend delivery {id}"), preview);
    let work = async |client: &PlatformClient| {
        client.resend(id).await?;
        Ok(Outcome { id: Some(id.0), ..Outcome::done(format!("delivery {id} is being resent")) })
    };
    plan.carry_out(&asked.consent, work, &client).await
}
