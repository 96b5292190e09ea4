//! `crow requests`: lists the request log of the Integration API, and shows one request.

use super::list::{ListQuery, ListResult, ListedRow, run_log};
use super::show::{ShowFormat, write_item};
use super::table::{ListCell, ListColumn, column};
use crate::cli::arguments::panes::{RequestsCommand, ShowArgs};
use crate::cli::document::{DocumentNames, REQUEST_DOCUMENTS};
use crate::cli::failure::CommandFailure;
use crate::cli::portal;
use crate::client;
use crate::client::connection::PlatformClient;
use crate::domain::query::pushdown::LogKind;
use crate::sync::row_filters;
use crate::wire::coverage::CoveredNoun;
use crate::wire::log::RequestQuery;
use crate::wire::requests::RequestRow;
use std::process::ExitCode;

/// Requests per page of the log.
const MAX_PAGE_ROWS: u32 = 200;

pub(super) async fn run(asked: RequestsCommand) -> Result<ExitCode, CommandFailure> {
    match asked {
        RequestsCommand::List(asked) => run_log::<RequestRow>(asked).await,
        RequestsCommand::Show(asked) => show_request(asked).await,
    }
}

impl ListedRow for RequestRow {
    const NAMES: DocumentNames = REQUEST_DOCUMENTS;
    const NOUN: CoveredNoun = CoveredNoun::Requests;
    const COLUMNS: &'static [ListColumn<Self>] = &[
        column("ID", "id", |of| ListCell::number(of.id)),
        column("TIME", "utc", |of| ListCell::Time(Some(of.utc))),
        column("STATUS", "status", |of| ListCell::maybe(of.status)),
        column("CODE", "code", |of| ListCell::maybe_untrusted(of.code.as_ref())),
        column("METHOD", "method", |of| ListCell::untrusted(&of.method)),
        column("ROUTE", "route", |of| ListCell::untrusted(&of.route)),
        column("KEY", "keyId", |of| ListCell::Number(of.key_id.and_then(|id| id.0.try_into().ok()))),
        column("LAST4", "last4", |of| ListCell::maybe_untrusted(of.last4.as_ref())),
        column("COMPANY", "companyId", |of| ListCell::Number(of.company_id.and_then(|id| id.0.try_into().ok()))),
        column("MS", "elapsedMs", |of| ListCell::number(of.elapsed_ms)),
        column("REQUEST", "requestId", |of| ListCell::maybe_untrusted(of.request_id.as_ref())),
        column("CALLER", "address", |of| ListCell::maybe_untrusted(of.address.as_ref())),
        column("AGENT", "userAgent", |of| ListCell::maybe_untrusted(of.user_agent.as_ref())),
        column("QUERY", "query", |of| ListCell::maybe_untrusted(of.query.as_ref())),
    ];

    async fn read(
        client: &PlatformClient,
        ask: &ListQuery,
        newer_than: Option<&str>,
    ) -> Result<ListResult<Self>, client::Error> {
        let portion = ask.query.split_for(LogKind::Requests, ask.now);
        let query = row_filters::request_query(&portion.remote);
        let page = async |cursor: Option<&str>, n| Ok(client.log_page(&query, cursor, n).await?.page);
        ask.read_pages(&portion.local, newer_than, page).await
    }
}

async fn show_request(asked: ShowArgs) -> Result<ExitCode, CommandFailure> {
    let client = portal::connect(&asked.look.remote).await?;
    let mut cursor = None;
    loop {
        let page = client.log_page(&RequestQuery::default(), cursor.as_deref(), MAX_PAGE_ROWS).await?.page;
        if let Some(request) = page.items.iter().find(|request| request.id == asked.id) {
            return write_item(REQUEST_DOCUMENTS.detail, request, ShowFormat::from_json_flag(asked.look.json));
        }
        // Numbers increase, and a page has the newest first: no later page can hold it.
        let is_past = page.items.last().is_some_and(|oldest| oldest.id < asked.id);
        cursor = page.next_cursor.filter(|_| page.has_more && !is_past);
        if cursor.is_none() {
            return Err(CommandFailure::failed(
                format!("request {} is not in the log", asked.id),
                "see crow requests list",
            ));
        }
    }
}
