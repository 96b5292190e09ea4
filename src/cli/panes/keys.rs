//! `crow keys`: lists keys, shows one, creates and revokes.

use super::act::{PlannedChange, make, quoted};
use super::list::{ListQuery, ListResult, ListedRow, run_list};
use super::show::{ShowFormat, write_item};
use super::table::{ListCell, ListColumn, column, column_of};
use crate::cli::arguments::panes::{CreateKeyArgs, KeysCommand, RevokeKeyArgs, ShowKeyArgs};
use crate::cli::document::details::KeyDetail;
use crate::cli::document::{AssessedRow, CREATED_KEY_DOCUMENT, DocumentNames, KEY_DOCUMENTS};
use crate::cli::failure::CommandFailure;
use crate::cli::{output, portal};
use crate::client;
use crate::client::connection::PlatformClient;
use crate::domain::ids::CompanyId;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::sync::platform_change::PlatformChange;
use crate::text;
use crate::text::health::why;
use crate::wire::changes;
use crate::wire::coverage::CoveredNoun;
use crate::wire::keys::{CompanyRow, KeyRow, NewKey};
use crate::wire::limits::CallerUsageRow;
use crate::wire::log::RequestQuery;
use std::process::ExitCode;
use std::time::Duration;

/// Maximum number of request log pages that a preview reads, 200 rows each.
const MAX_PREVIEW_PAGES: usize = 5;

pub(super) async fn run(asked: KeysCommand) -> Result<ExitCode, CommandFailure> {
    match asked {
        KeysCommand::List(asked) => run_list::<AssessedRow<KeyRow>>(asked).await,
        KeysCommand::Show(asked) => show_key(asked).await,
        KeysCommand::Create(asked) => create(asked).await,
        KeysCommand::Revoke(asked) => revoke(asked).await,
    }
}

impl ListedRow for AssessedRow<KeyRow> {
    const NAMES: DocumentNames = KEY_DOCUMENTS;
    const NOUN: CoveredNoun = CoveredNoun::Keys;
    const COLUMNS: &'static [ListColumn<Self>] = &[
        column("STATE", "state", |of| ListCell::health(of.state)),
        column("ID", "id", |of| ListCell::number(of.row.id.0)),
        column("NAME", "name", |of| ListCell::untrusted(&of.row.name)),
        column("LAST4", "last4", |of| ListCell::untrusted(&of.row.last4)),
        column("COMPANY", "companyId", |of| ListCell::number(of.row.company_id.0)),
        column("USED", "lastUsedUtc", |of| ListCell::Time(of.row.last_used_utc)),
        column_of("RPM", "nLastMinute", "usage", |of| ListCell::maybe(of.row.usage.map(|usage| usage.n_last_minute))),
        column_of("4XX", "nClientErrors", "usage", |of| {
            ListCell::maybe(of.row.usage.map(|usage| usage.n_client_errors))
        }),
        column_of("5XX", "nServerErrors", "usage", |of| {
            ListCell::maybe(of.row.usage.map(|usage| usage.n_server_errors))
        }),
        column("SCOPES", "scopes", |of| ListCell::Text(scopes_text(&of.row))),
        column("WHY", "why", |of| ListCell::Text(of.why.clone())),
    ];

    async fn read(
        client: &PlatformClient,
        ask: &ListQuery,
        _: Option<&str>,
    ) -> Result<ListResult<Self>, client::Error> {
        let judge = |row: KeyRow| {
            let judgement = row.assess(ask.now);
            AssessedRow::new(row, &judgement)
        };
        let page = client.keys().await?;
        Ok(ask.filter_rows(page.items.into_iter().map(judge).collect(), page.has_more, page.unreadable))
    }
}

fn scopes_text(row: &KeyRow) -> String {
    row.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(" ")
}

/// Finds a key by its number, otherwise by its name or last four characters if those are unique.
pub(in crate::cli) async fn find_key(client: &PlatformClient, text: &str) -> Result<KeyRow, CommandFailure> {
    let keys = client.keys().await?;
    if let Some(key) = text.parse().ok().and_then(|id: i64| keys.items.iter().find(|key| key.id.0 == id)) {
        return Ok(key.clone());
    }
    let cut = keys.cut_line();
    let mut found = keys.items.into_iter().filter(|key| key.name.raw() == text || key.last4.raw() == text);
    match (found.next(), found.next(), cut) {
        // In the rows that were not read, there may be others of that name.
        (Some(_), None, Some(cut)) | (None, _, Some(cut)) => {
            Err(CommandFailure::failed(format!("cannot look up key {text}: {cut}"), "give the ID of a key"))
        }
        (Some(key), None, None) => Ok(key),
        (None, _, None) => Err(CommandFailure::usage(
            format!("no key has the ID, name or last four characters {text}"),
            "see crow keys list",
        )),
        (Some(_), Some(_), _) => Err(CommandFailure::usage(format!("several keys match {text}"), "give the ID of one")),
    }
}

/// Formats the id of a company, and its name if that is known.
pub(super) fn company_text(company: &CompanyRow) -> String {
    let name = company.name.as_ref().map_or_else(String::new, |name| format!(", {}", quoted(name)));
    format!("{}{name}", company.id)
}

/// Finds a company by its id.
pub(super) async fn find_company(client: &PlatformClient, id: i64) -> Result<CompanyRow, CommandFailure> {
    let companies = client.companies().await?;
    let cut = companies.cut_line();
    let found = companies.items.into_iter().find(|company| company.id.0 == id);
    found.ok_or_else(|| match cut {
        Some(cut) => CommandFailure::failed(format!("cannot look up company {id}: {cut}"), "use the Portal API"),
        None => CommandFailure::usage(format!("company {id} does not exist"), "give a company id with --company"),
    })
}

async fn show_key(asked: ShowKeyArgs) -> Result<ExitCode, CommandFailure> {
    let client = portal::connect(&asked.look.remote).await?;
    let row = find_key(&client, &asked.key).await?;
    let now = client.overview(1).await?.server_utc;
    let judgement = row.assess(now);
    let history = client.key_usage(row.id).await?;
    let windows = client.limits().await?.items.into_iter().filter(|window| window.row.key_id == row.id).collect();
    let detail =
        KeyDetail { row, state: judgement.status.code().to_owned(), why: why(&judgement.reason), history, windows };
    write_item(KEY_DOCUMENTS.detail, &detail, ShowFormat::from_json_flag(asked.look.json))
}

async fn create(asked: CreateKeyArgs) -> Result<ExitCode, CommandFailure> {
    let client = portal::connect(&asked.consent.look.remote).await?;
    let company = find_company(&client, asked.company).await?;
    let names = asked.scope.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(" ");
    let name = Untrusted::new(asked.name.as_str());
    let preview = vec![
        format!("new key for company {}: {}", company_text(&company), quoted(&name)),
        format!("scopes, which cannot be changed later: {names}"),
        "the key is shown only once".to_owned(),
    ];
    let plan = PlannedChange::new(format!("create a key for company {}", company.id), preview);
    if let Some(said) = plan.confirm(&asked.consent)? {
        return Err(CommandFailure::not_made(said));
    }
    let new = NewKey { company_id: CompanyId(asked.company), name: asked.name, scopes: asked.scope, limits: None };
    let created = client.change(&changes::CREATE_KEY, &new).await?;
    if asked.consent.look.json {
        return write_item(CREATED_KEY_DOCUMENT, &created, ShowFormat::Json);
    }
    output::remark(&format!("key {} created; it is shown only this once:", created.row.id));
    output::write(created.key.into_secret().reveal())?;
    Ok(ExitCode::SUCCESS)
}

async fn revoke(asked: RevokeKeyArgs) -> Result<ExitCode, CommandFailure> {
    let client = portal::connect(&asked.consent.look.remote).await?;
    let row = find_key(&client, &asked.key).await?;
    if let Some(at) = row.revoked_utc {
        return Err(CommandFailure::usage(format!("key {} was already revoked at {at}", row.id), "nothing to do"));
    }
    let now = client.overview(1).await?.server_utc;
    let windows = client.limits().await?;
    let (cut, mut windows) = (windows.cut_line(), windows.items.into_iter());
    let callers = match (windows.find(|window| window.row.key_id == row.id), cut) {
        (None, Some(cut)) => format!("callers unknown: {cut}"),
        (window, _) => callers_line(&window.and_then(|window| window.callers).unwrap_or_default()),
    };
    let used = row.last_used_utc.map_or_else(
        || format!("never used since it was created at {}", text::or_unknown(row.created_utc)),
        |at| format!("last used {at}, {} d ago", now.since(at).as_secs() / 86_400),
    );
    let preview = vec![
        format!(
            "key {}, {}, ending in {}, of company {}; scopes: {}",
            row.id,
            quoted(&row.name),
            row.last4.sanitized(),
            row.company_id,
            scopes_text(&row)
        ),
        used,
        recent_calls_line(&client, &row, now).await?,
        callers,
        "calls with this key fail at once; this cannot be undone; its subscriptions keep working".to_owned(),
    ];
    make(&PlatformChange::RevokeKey(row.id), preview, &asked.consent, &client).await
}

/// Counts the calls of the last hour in the request log, up to the page limit.
async fn recent_calls_line(client: &PlatformClient, row: &KeyRow, now: Timestamp) -> Result<String, client::Error> {
    let since = Some(now.minus(Duration::from_secs(3_600)));
    let query = RequestQuery { key: Some(row.id.0), since, ..RequestQuery::default() };
    let (mut n, mut n_failed, mut cursor) = (0_u64, 0_u64, None);
    for _ in 0..MAX_PREVIEW_PAGES {
        let page = client.log_page(&query, cursor.as_deref(), 200).await?.page;
        n += page.items.len() as u64;
        n_failed += page.items.iter().filter(|row| row.status.is_none_or(|status| status >= 400)).count() as u64;
        cursor = page.next_cursor.filter(|_| page.has_more);
        if cursor.is_none() {
            return Ok(format!("{} in the last hour, {n_failed} of them rejected or failed", text::count(n, "call")));
        }
    }
    Ok(format!("more than {n} calls in the last hour"))
}

fn callers_line(callers: &[CallerUsageRow]) -> String {
    if callers.is_empty() {
        return "no callers today".to_owned();
    }
    let named = callers.iter().map(|of| {
        let agent = of.user_agent.sanitized();
        format!(
            "{} at {} ({} today)",
            if agent.is_empty() { "(no user agent)" } else { &agent },
            of.address.sanitized(),
            of.n
        )
    });
    format!("calls today: {}", named.collect::<Vec<_>>().join(", "))
}
