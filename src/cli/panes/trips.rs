//! `crow trips`: lists trips of the circuit breaker, and shows one.

use super::list::{Ask, Came, Listed, log};
use super::show::{Form, show};
use super::table::{Cell, Column, column};
use crate::api::document::{DocumentNames, TRIP_DOCUMENTS};
use crate::api::log::TripQuery;
use crate::api::row_filters;
use crate::api::trips::TripRow;
use crate::cli::arguments::panes::{Show, Trips};
use crate::cli::failure::Failure;
use crate::cli::portal;
use crate::client;
use crate::client::connection::PlatformClient;
use crate::domain::query::field::Field;
use std::process::ExitCode;

/// Trips per page of the log.
const PAGE: u32 = 200;

pub(super) async fn run(asked: Trips) -> Result<ExitCode, Failure> {
    match asked {
        Trips::List(asked) => log::<TripRow>(asked).await,
        Trips::Show(asked) => examine(asked).await,
    }
}

impl Listed for TripRow {
    const NAMES: DocumentNames = TRIP_DOCUMENTS;
    const FIELDS: &'static [Field] = row_filters::TRIP_FIELDS;
    const COLUMNS: &'static [Column<Self>] = &[
        column("ID", "id", |of| Cell::number(of.id.0)),
        column("TRIPPED", "trippedUtc", |of| Cell::Time(Some(of.tripped_utc))),
        column("SUB", "subscriptionId", |of| Cell::number(of.subscription_id.0)),
        column("COMPANY", "companyId", |of| Cell::number(of.company_id.0)),
        column("CAUSES", "causes", |of| Cell::Text(causes(of))),
        column("ENABLED", "enabledUtc", |of| {
            of.enabled_utc.map_or(Cell::Text("off".to_owned()), |at| Cell::Time(Some(at)))
        }),
        column("BY", "enabledBy", |of| of.enabled_by.as_ref().map_or(Cell::Text(String::new()), Cell::of)),
        column("MISSED", "nMissed", |of| Cell::number(of.n_missed)),
        column("TARGET", "targetUrl", |of| Cell::of(&of.target_url)),
    ];

    fn number(&self) -> String {
        self.id.to_string()
    }

    async fn read(client: &PlatformClient, ask: &Ask, newer_than: Option<&str>) -> Result<Came<Self>, client::Error> {
        let page = async |cursor: Option<&str>, n| client.trip_log(&TripQuery::default(), cursor, n).await;
        ask.pages(&ask.query, newer_than, page).await
    }
}

fn causes(of: &TripRow) -> String {
    of.causes.iter().map(|cause| format!("{} x{}", cause.cause.raw(), cause.n)).collect::<Vec<_>>().join(", ")
}

async fn examine(asked: Show) -> Result<ExitCode, Failure> {
    let client = portal::connect(&asked.look.remote)?;
    let mut cursor = None;
    loop {
        let page = client.trip_log(&TripQuery::default(), cursor.as_deref(), PAGE).await?;
        if let Some(trip) = page.items.iter().find(|trip| trip.id.0 == asked.id) {
            return show(TRIP_DOCUMENTS.detail, trip, Form::of(asked.look.json));
        }
        cursor = page.next_cursor.filter(|_| page.has_more);
        if cursor.is_none() {
            return Err(Failure::failed(format!("trip {} does not exist", asked.id), "see crow trips list"));
        }
    }
}
