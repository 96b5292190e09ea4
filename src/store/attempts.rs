//! Attempts and their HTTP exchanges: table `attempts`, which is the delivery log.

use super::log_quota::LoggedAttempt;
use super::paging::{PagedQuery, add_condition};
use super::{Error, count, optional_time, small_count, time, unreadable};
use crate::domain::attempt::{Attempt, AttemptPhase, AttemptResult, AttemptSubject, HttpExchange, PhaseTimings};
use crate::domain::delivery::{AttemptKind, AttemptOutcome, FailureKind};
use crate::domain::event::EventType;
use crate::domain::ids::{AttemptId, CompanyId, DeliveryId, EventId, SubscriptionId};
use crate::domain::log::{AttemptFilter, OutcomeFilter, PageSpec, RowPage, TextFilter};
use crate::domain::url_redaction;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};
use std::borrow::Cow;
use std::collections::HashMap;

/// Columns of an attempt without its HTTP exchange.
const SUMMARY_COLUMNS: &str = "id, company_id, subscription_id, target_url, delivery_id, event_id, event_type, kind, number, started_at, elapsed_ms, \
                     status, cause, error";

/// Inserts an attempt; the database assigns its id, and `attempt.id` is ignored. `body` is the request body where no
/// event stores it, as for a test. Returns the bytes to be counted in the same transaction.
pub(crate) fn insert(
    connection: &Connection,
    attempt: &Attempt,
    exchange: &HttpExchange,
    body: Option<&[u8]>,
) -> Result<LoggedAttempt, Error> {
    let (status, cause) = match attempt.result.outcome {
        AttemptOutcome::Answered { status, .. } => (Some(status), None),
        AttemptOutcome::Unanswered(cause) => (None, Some(cause.name())),
    };
    let json = |headers: &[(String, String)]| serde_json::to_string(headers).unwrap_or_else(|_| "[]".to_owned());
    let (request_headers, response_headers) = (json(&exchange.request_headers), json(&exchange.response_headers));
    let about = &attempt.subject;
    let error = attempt.result.error.as_deref();
    let parts = [about.target_url.as_bytes(), error.unwrap_or_default().as_bytes(), request_headers.as_bytes()];
    let parts =
        parts.into_iter().chain([body.unwrap_or_default(), response_headers.as_bytes(), &exchange.response_body]);
    let logged = LoggedAttempt::new(about.company, parts.map(<[u8]>::len).sum());
    let [dns, connect, tls, head, rest] =
        AttemptPhase::ALL.map(|phase| exchange.phases.get(phase).map(|us| i64::try_from(us).unwrap_or(i64::MAX)));
    connection
        .prepare_cached(
            "INSERT INTO attempts (company_id, subscription_id, target_url, delivery_id, event_id, event_type, kind, number, started_at,
                 elapsed_ms, status, cause, error, peer, request_headers, request_body, response_headers, response_body, n_response_bytes,
                 dns_us, connect_us, tls_us, head_us, body_us)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)",
        )?
        // Parameters are bound by number: looking up names costs as much as the rest, and this runs for every attempt.
        .execute(params![
            about.company.0,
            about.subscription.0,
            about.target_url,
            about.delivery.map(|(id, _)| id.0),
            about.delivery.map(|(_, id)| id.0),
            about.event_type.name(),
            attempt.kind.name(),
            attempt.number,
            attempt.started_at.millis(),
            i64::try_from(attempt.result.elapsed_ms).unwrap_or(i64::MAX),
            status,
            cause,
            error,
            exchange.peer,
            request_headers,
            body,
            response_headers,
            exchange.response_body,
            i64::try_from(exchange.n_body_bytes_read).unwrap_or(i64::MAX),
            dns,
            connect,
            tls,
            head,
            rest,
        ])?;
    Ok(logged)
}

/// Lists at most `limit` attempts with ids below `before`, newest first, of one subscription or of all.
pub(crate) fn page(
    connection: &Connection,
    subscription: Option<SubscriptionId>,
    before: Option<AttemptId>,
    limit: u32,
) -> Result<Vec<Attempt>, Error> {
    let of_one =
        if subscription.is_some() { "subscription_id = :subscription AND" } else { ":subscription IS NULL AND" };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {SUMMARY_COLUMNS} FROM attempts WHERE {of_one} id < :before ORDER BY id DESC LIMIT :limit"
    ))?;
    let rows = statement.query_map(
        named_params! {":subscription": subscription.map(|id| id.0), ":before": before.map_or(i64::MAX, |id| id.0), ":limit": limit},
        read,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Returns a page of attempts that match a filter, newest first.
pub(crate) fn list(connection: &Connection, of: &AttemptFilter, span: &PageSpec) -> Result<RowPage<Attempt>, Error> {
    let (mut seek, mut sift) = (Vec::new(), Vec::new());
    add_condition(&mut seek, "delivery_id = ?", of.delivery.map(|id| id.0));
    add_condition(
        &mut seek,
        "delivery_id IN (SELECT d.id FROM deliveries d WHERE d.event_id = ?)",
        of.event.map(|id| id.0),
    );
    let is_of_delivery = !seek.is_empty();
    let subscription = of.subscription.map(|id| id.0);
    let is_of_subscription = !is_of_delivery && subscription.is_some();
    add_condition(if is_of_subscription { &mut seek } else { &mut sift }, "subscription_id = ?", subscription);
    let table = match (is_of_delivery, is_of_subscription, of.outcome) {
        (true, _, _) => "attempts INDEXED BY attempts_delivery",
        (_, true, _) => "attempts INDEXED BY attempts_subscription",
        (_, _, Some(OutcomeFilter::Failed)) => {
            seek.push(("(status IS NULL OR status NOT BETWEEN 200 AND 299) AND 1 = ?", 1_i64.into()));
            "attempts INDEXED BY attempts_failed"
        }
        _ => "attempts",
    };
    add_condition(&mut sift, "company_id = ?", of.company.map(|id| id.0));
    add_condition(&mut sift, "event_type = ?", of.event_type.map(|kind| kind.name().to_owned()));
    let ended = of.outcome.map(|ended| i64::from(ended == OutcomeFilter::Succeeded));
    add_condition(&mut sift, "(status IS NOT NULL AND status BETWEEN 200 AND 299) = ?", ended);
    add_condition(&mut sift, "status = ?", of.status.map(i64::from));
    let (stored, redacted) = match &of.text {
        None => (None, None),
        Some(TextFilter::Stored(text)) => (Some(text.to_ascii_lowercase()), None),
        Some(TextFilter::Redacted(text)) => (None, Some(text.to_ascii_lowercase())),
    };
    add_condition(&mut sift, "instr(lower(target_url || char(10) || coalesce(error, '')), ?) > 0", stored);
    let log = PagedQuery {
        table,
        columns: SUMMARY_COLUMNS,
        computed: "",
        time: "started_at",
        index_conditions: seek,
        row_conditions: sift,
    };
    let Some(text) = redacted else { return log.page(connection, span, read, |attempt| attempt.id.0) };
    let mut targets = HashMap::new();
    let is_match = |attempt: &Attempt| is_in_redacted(attempt, &text, &mut targets);
    log.page_kept(connection, span, read, |attempt| attempt.id.0, is_match)
}

/// Checks whether a text, in lower case, occurs in the redacted target URL or error of an attempt, as operators below admin
/// see them. `targets` caches the result for each target, because many attempts have the same one.
fn is_in_redacted(attempt: &Attempt, text: &str, targets: &mut HashMap<String, bool>) -> bool {
    let is_in = |redacted: Cow<'_, str>| redacted.to_ascii_lowercase().contains(text);
    let url = &attempt.subject.target_url;
    let is_in_target = match targets.get(url) {
        Some(is_in_target) => *is_in_target,
        None => {
            let is_in_target = is_in(url_redaction::redact_url(url));
            targets.insert(url.clone(), is_in_target);
            is_in_target
        }
    };
    is_in_target || attempt.result.error.as_deref().is_some_and(|error| is_in(url_redaction::redact_urls(error).0))
}

/// Returns one attempt with its HTTP exchange and the request body.
pub(crate) fn get(connection: &Connection, id: AttemptId) -> Result<Option<(Attempt, HttpExchange, Vec<u8>)>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT a.*, coalesce(a.request_body, e.body, x'') AS sent FROM attempts a LEFT JOIN events e ON e.id = a.event_id WHERE a.id = ?1",
    )?;
    let read_all = |row: &Row<'_>| {
        let headers = |column: &str| -> rusqlite::Result<Vec<(String, String)>> {
            serde_json::from_str(&row.get::<_, String>(column)?).map_err(|_| unreadable(column))
        };
        let exchange = HttpExchange {
            request_headers: headers("request_headers")?,
            response_headers: headers("response_headers")?,
            response_body: row.get("response_body")?,
            n_body_bytes_read: count(row, "n_response_bytes")?,
            peer: row.get("peer")?,
            phases: phases(row)?,
            content_dropped_at: optional_time(row, "stripped_at")?,
        };
        Ok((read(row)?, exchange, row.get("sent")?))
    };
    Ok(statement.query_row([id.0], read_all).optional()?)
}

/// Counts the outcomes of the latest `limit` scheduled attempts of a subscription, most frequent first. Local failures
/// are left out.
pub(crate) fn outcome_counts(
    connection: &Connection,
    subscription: SubscriptionId,
    limit: u32,
) -> Result<Vec<(String, u32)>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT coalesce(cast(status AS TEXT), cause) AS cause, count(*) AS n FROM
             (SELECT status, cause FROM attempts WHERE subscription_id = ?1 AND kind = 'scheduled' AND cause IS NOT 'local'
              ORDER BY id DESC LIMIT ?2)
         GROUP BY 1 ORDER BY 2 DESC, 1",
    )?;
    let rows = statement
        .query_map([subscription.0, i64::from(limit)], |row| Ok((row.get("cause")?, small_count(row, "n")?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn phases(row: &Row<'_>) -> rusqlite::Result<PhaseTimings> {
    let mut phases = PhaseTimings::default();
    for (phase, column) in AttemptPhase::ALL.into_iter().zip(["dns_us", "connect_us", "tls_us", "head_us", "body_us"]) {
        let us: Option<i64> = row.get(column)?;
        phases.set(phase, us.map(u64::try_from).transpose().map_err(|_| unreadable(column))?);
    }
    Ok(phases)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    let outcome = match (row.get::<_, Option<u16>>("status")?, row.get::<_, Option<String>>("cause")?) {
        (Some(status), _) => AttemptOutcome::Answered { status, retry_after: None },
        (None, Some(cause)) => {
            AttemptOutcome::Unanswered(FailureKind::named(&cause).ok_or_else(|| unreadable("cause"))?)
        }
        (None, None) => return Err(unreadable("cause")),
    };
    let delivery: Option<i64> = row.get("delivery_id")?;
    let event: Option<i64> = row.get("event_id")?;
    Ok(Attempt {
        id: AttemptId(row.get("id")?),
        subject: AttemptSubject {
            company: CompanyId(row.get("company_id")?),
            subscription: SubscriptionId(row.get("subscription_id")?),
            target_url: row.get("target_url")?,
            delivery: delivery.map(DeliveryId).zip(event.map(EventId)),
            event_type: EventType::named(&row.get::<_, String>("event_type")?)
                .ok_or_else(|| unreadable("event_type"))?,
        },
        kind: AttemptKind::named(&row.get::<_, String>("kind")?).ok_or_else(|| unreadable("kind"))?,
        number: small_count(row, "number")?,
        started_at: time(row, "started_at")?,
        result: AttemptResult { outcome, error: row.get("error")?, elapsed_ms: count(row, "elapsed_ms")? },
    })
}
