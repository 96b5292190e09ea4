//! `crow requests`: lists the request log of the Integration API, and shows one request.

use super::list::{Ask, Came, Listed, log};
use super::show::{Form, show};
use super::table::{Cell, Column, column};
use crate::api::document::{DocumentNames, REQUEST_DOCUMENTS};
use crate::api::log::RequestQuery;
use crate::api::requests::RequestRow;
use crate::api::row_filters;
use crate::cli::arguments::panes::{Requests, Show};
use crate::cli::failure::Failure;
use crate::cli::portal;
use crate::client;
use crate::client::connection::PlatformClient;
use crate::domain::query::field::Field;
use crate::domain::query::pushdown::LogKind;
use std::process::ExitCode;

/// Requests per page of the log.
const PAGE: u32 = 200;

pub(super) async fn run(asked: Requests) -> Result<ExitCode, Failure> {
    match asked {
        Requests::List(asked) => log::<RequestRow>(asked).await,
        Requests::Show(asked) => examine(asked).await,
    }
}

impl Listed for RequestRow {
    const NAMES: DocumentNames = REQUEST_DOCUMENTS;
    const FIELDS: &'static [Field] = row_filters::REQUEST_FIELDS;
    const COLUMNS: &'static [Column<Self>] = &[
        column("ID", "id", |of| Cell::number(of.id)),
        column("TIME", "utc", |of| Cell::Time(Some(of.utc))),
        column("STATUS", "status", |of| Cell::number(of.status)),
        column("CODE", "code", |of| of.code.as_ref().map_or(Cell::Text(String::new()), Cell::of)),
        column("METHOD", "method", |of| Cell::of(&of.method)),
        column("ROUTE", "route", |of| Cell::of(&of.route)),
        column("KEY", "keyId", |of| Cell::Number(of.key_id.and_then(|id| id.0.try_into().ok()))),
        column("LAST4", "last4", |of| of.last4.as_ref().map_or(Cell::Text(String::new()), Cell::of)),
        column("COMPANY", "companyId", |of| Cell::Number(of.company_id.and_then(|id| id.0.try_into().ok()))),
        column("MS", "elapsedMs", |of| Cell::number(of.elapsed_ms)),
        column("REQUEST", "requestId", |of| Cell::of(&of.request_id)),
        column("CALLER", "address", |of| of.address.as_ref().map_or(Cell::Text(String::new()), Cell::of)),
        column("AGENT", "userAgent", |of| of.user_agent.as_ref().map_or(Cell::Text(String::new()), Cell::of)),
        column("QUERY", "query", |of| of.query.as_ref().map_or(Cell::Text(String::new()), Cell::of)),
    ];

    fn number(&self) -> String {
        self.id.to_string()
    }

    async fn read(client: &PlatformClient, ask: &Ask, newer_than: Option<&str>) -> Result<Came<Self>, client::Error> {
        let portion = ask.query.split_for(LogKind::Requests, ask.now);
        let query = row_filters::request_query(&portion.remote);
        let page = async |cursor: Option<&str>, n| Ok(client.request_log(&query, cursor, n).await?.page);
        ask.pages(&portion.local, newer_than, page).await
    }
}

async fn examine(asked: Show) -> Result<ExitCode, Failure> {
    let client = portal::connect(&asked.look.remote)?;
    let mut cursor = None;
    loop {
        let page = client.request_log(&RequestQuery::default(), cursor.as_deref(), PAGE).await?.page;
        if let Some(request) = page.items.iter().find(|request| request.id == asked.id) {
            return show(REQUEST_DOCUMENTS.detail, request, Form::of(asked.look.json));
        }
        // Numbers increase, and a page has the newest first: no later page can hold it.
        let is_past = page.items.last().is_some_and(|oldest| oldest.id < asked.id);
        cursor = page.next_cursor.filter(|_| page.has_more && !is_past);
        if cursor.is_none() {
            return Err(Failure::failed(format!("request {} is not in the log", asked.id), "see crow requests list"));
        }
    }
}
