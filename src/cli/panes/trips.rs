//! `crow trips`: lists trips of the circuit breaker, and shows one.

use super::list::{ListQuery, ListResult, ListedRow, run_log};
use super::show::{ShowFormat, write_item};
use super::table::{ListCell, ListColumn, column};
use crate::cli::arguments::panes::{ShowArgs, TripsCommand};
use crate::cli::document::{DocumentNames, TRIP_DOCUMENTS};
use crate::cli::failure::CommandFailure;
use crate::cli::portal;
use crate::client;
use crate::client::connection::PlatformClient;
use crate::wire::coverage::CoveredNoun;
use crate::wire::log::TripQuery;
use crate::wire::trips::TripRow;
use std::process::ExitCode;

/// Trips per page of the log.
const MAX_PAGE_ROWS: u32 = 200;

pub(super) async fn run(asked: TripsCommand) -> Result<ExitCode, CommandFailure> {
    match asked {
        TripsCommand::List(asked) => run_log::<TripRow>(asked).await,
        TripsCommand::Show(asked) => show_trip(asked).await,
    }
}

impl ListedRow for TripRow {
    const NAMES: DocumentNames = TRIP_DOCUMENTS;
    const NOUN: CoveredNoun = CoveredNoun::Trips;
    const COLUMNS: &'static [ListColumn<Self>] = &[
        column("ID", "id", |of| ListCell::number(of.id.0)),
        column("TRIPPED", "trippedUtc", |of| ListCell::Time(Some(of.tripped_utc))),
        column("SUB", "subscriptionId", |of| ListCell::number(of.subscription_id.0)),
        column("COMPANY", "companyId", |of| ListCell::number(of.company_id.0)),
        column("CAUSES", "causes", |of| ListCell::Text(causes_text(of))),
        column("ENABLED", "enabledUtc", |of| {
            of.enabled_utc.map_or(ListCell::Text("off".to_owned()), |at| ListCell::Time(Some(at)))
        }),
        column("BY", "enabledBy", |of| ListCell::maybe_untrusted(of.enabled_by.as_ref())),
        column("MISSED", "nMissed", |of| ListCell::maybe(of.n_missed)),
        column("TARGET", "targetUrl", |of| ListCell::untrusted(&of.target_url)),
    ];

    async fn read(
        client: &PlatformClient,
        ask: &ListQuery,
        newer_than: Option<&str>,
    ) -> Result<ListResult<Self>, client::Error> {
        let page = async |cursor: Option<&str>, n| client.log_page(&TripQuery::default(), cursor, n).await;
        ask.read_pages(&ask.query, newer_than, page).await
    }
}

fn causes_text(of: &TripRow) -> String {
    of.causes.iter().flatten().map(|cause| format!("{} x{}", cause.cause.raw(), cause.n)).collect::<Vec<_>>().join(", ")
}

async fn show_trip(asked: ShowArgs) -> Result<ExitCode, CommandFailure> {
    let client = portal::connect(&asked.look.remote).await?;
    let mut cursor = None;
    loop {
        let page = client.log_page(&TripQuery::default(), cursor.as_deref(), MAX_PAGE_ROWS).await?;
        if let Some(trip) = page.items.iter().find(|trip| trip.id.0 == asked.id) {
            return write_item(TRIP_DOCUMENTS.detail, trip, ShowFormat::from_json_flag(asked.look.json));
        }
        cursor = page.next_cursor.filter(|_| page.has_more);
        if cursor.is_none() {
            return Err(CommandFailure::failed(format!("trip {} does not exist", asked.id), "see crow trips list"));
        }
    }
}
