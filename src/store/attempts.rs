//! Attempts and their HTTP exchanges: table `attempts`, which is the delivery log.

use super::log_quota::LogGrowth;
use super::paging::{PagedQuery, add_condition};
use super::row_sets::{RowSet, sets};
use super::{Error, count, optional_time, small_count, time, unreadable};
use crate::domain::attempt::{Attempt, AttemptPhase, AttemptResult, AttemptSubject, HttpExchange, PhaseTimings};
use crate::domain::delivery::{AttemptKind, AttemptOutcome, FailureKind};
use crate::domain::event::EventType;
use crate::domain::ids::{AttemptId, CompanyId, DeliveryId, EventId, SubscriptionId};
use crate::domain::log::{AttemptFilter, OutcomeFilter, PageSpec, RowPage, TextFilter};
use crate::domain::time::Timestamp;
use crate::domain::url_redaction;
use rusqlite::{Connection, OptionalExtension as _, Row, Statement, ToSql, named_params};
use std::borrow::Cow;
use std::collections::HashMap;

/// Columns of an attempt without its HTTP exchange.
const SUMMARY_COLUMNS: &str = "id, company_id, subscription_id, target_url, delivery_id, event_id, event_type, kind, number, started_at, elapsed_ms, \
                     status, cause, error";

/// HTTP exchange of an attempt with its headers as the log stores them, which are written where the attempt was made
/// and not in the transaction.
#[derive(Debug)]
pub(crate) struct EncodedExchange {
    request_headers: String,
    response_headers: String,
    exchange: HttpExchange,
}

impl EncodedExchange {
    /// Encodes an exchange, of which the request headers are given as JSON; the empty text stands for none.
    pub(crate) fn new(request_headers: String, exchange: HttpExchange) -> Self {
        let request_headers = if request_headers.is_empty() { "[]".to_owned() } else { request_headers };
        let response_headers = serde_json::to_string(&exchange.response_headers).unwrap_or_else(|_| "[]".to_owned());
        Self { request_headers, response_headers, exchange }
    }

    /// Stored part of the response body.
    pub(crate) fn response_body(&self) -> &[u8] {
        &self.exchange.response_body
    }

    /// Number of response body bytes that were read.
    pub(crate) const fn n_body_bytes_read(&self) -> u64 {
        self.exchange.n_body_bytes_read
    }

    /// Duration of a phase in microseconds.
    pub(crate) const fn phase_us(&self, phase: AttemptPhase) -> Option<u64> {
        self.exchange.phases.get(phase)
    }
}

/// Row of an attempt to insert.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewAttempt<'a> {
    pub(crate) company: CompanyId,
    pub(crate) subscription: SubscriptionId,
    pub(crate) target_url: &'a str,
    pub(crate) delivery: Option<(DeliveryId, EventId)>,
    pub(crate) event_type: EventType,
    pub(crate) kind: AttemptKind,
    pub(crate) number: u32,
    pub(crate) started_at: Timestamp,
    pub(crate) result: &'a AttemptResult,
    pub(crate) exchange: &'a EncodedExchange,
    /// Body of the request where no event stores it, as for a test.
    pub(crate) body: Option<&'a [u8]>,
}

impl<'a> NewAttempt<'a> {
    /// New attempt with the contents of `attempt`, of which the id is ignored.
    pub(crate) fn of(attempt: &'a Attempt, exchange: &'a EncodedExchange, body: Option<&'a [u8]>) -> Self {
        let AttemptSubject { company, subscription, target_url, delivery, event_type } = &attempt.subject;
        Self {
            company: *company,
            subscription: *subscription,
            target_url,
            delivery: *delivery,
            event_type: *event_type,
            kind: attempt.kind,
            number: attempt.number,
            started_at: attempt.started_at,
            result: &attempt.result,
            exchange,
            body,
        }
    }

    /// Bytes of the attempt's texts and bodies.
    fn n_content_bytes(&self) -> usize {
        let EncodedExchange { request_headers, response_headers, exchange } = self.exchange;
        let error = self.result.error.as_deref().unwrap_or_default();
        let texts = [self.target_url, error, request_headers, response_headers].map(str::len);
        let bytes = [self.body.unwrap_or_default(), &exchange.response_body].map(<[u8]>::len);
        texts.iter().chain(&bytes).sum()
    }

    /// Binds the columns of [`insert`] by number, beginning with `first`: looking up names costs as much as the rest.
    fn bind(&self, statement: &mut Statement<'_>, first: usize) -> rusqlite::Result<()> {
        let EncodedExchange { request_headers, response_headers, exchange } = self.exchange;
        let (status, cause) = match self.result.outcome {
            AttemptOutcome::Answered { status, .. } => (Some(status), None),
            AttemptOutcome::Unanswered(cause) => (None, Some(cause.name())),
        };
        let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let mut place = first;
        let mut bind = |value: &dyn ToSql| {
            place += 1;
            statement.raw_bind_parameter(place - 1, value)
        };
        bind(&self.company.0)?;
        bind(&self.subscription.0)?;
        bind(&self.target_url)?;
        bind(&self.delivery.map(|(id, _)| id.0))?;
        bind(&self.delivery.map(|(_, id)| id.0))?;
        bind(&self.event_type.name())?;
        bind(&self.kind.name())?;
        bind(&self.number)?;
        bind(&self.started_at.millis())?;
        bind(&whole(self.result.elapsed_ms))?;
        bind(&status)?;
        bind(&cause)?;
        bind(&self.result.error)?;
        bind(&exchange.peer)?;
        bind(request_headers)?;
        bind(&self.body)?;
        bind(response_headers)?;
        bind(&exchange.response_body)?;
        bind(&whole(exchange.n_body_bytes_read))?;
        for phase in AttemptPhase::ALL {
            bind(&exchange.phases.get(phase).map(whole))?;
        }
        Ok(())
    }
}

/// Inserts attempts in order; the database assigns their ids. Adds their bytes to `growth`, to be counted in the same
/// transaction.
pub(crate) fn insert(
    connection: &Connection,
    attempts: &[NewAttempt<'_>],
    growth: &mut LogGrowth,
) -> Result<(), Error> {
    const INSERT: RowSet = RowSet {
        before: "INSERT INTO attempts (company_id, subscription_id, target_url, delivery_id, event_id, event_type, kind, number, started_at,
                 elapsed_ms, status, cause, error, peer, request_headers, request_body, response_headers, response_body, n_response_bytes,
                 dns_us, connect_us, tls_us, head_us, body_us) VALUES ",
        row: "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        after: "",
    };
    const N_COLUMNS: usize = 24;
    for set in sets(attempts) {
        let mut insert = INSERT.prepare(connection, set.len())?;
        for (n, attempt) in set.iter().enumerate() {
            attempt.bind(&mut insert, 1 + n * N_COLUMNS)?;
            growth.add_attempt(attempt.company, attempt.n_content_bytes());
        }
        insert.raw_execute()?;
    }
    Ok(())
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
    // A status of a failure is looked for among the failures, or a rare one would need a scan of the log.
    let is_failed =
        of.outcome == Some(OutcomeFilter::Failed) || of.status.is_some_and(|status| !(200..=299).contains(&status));
    if is_failed && !is_of_delivery {
        seek.push(("(status IS NULL OR status NOT BETWEEN 200 AND 299) AND 1 = ?", 1_i64.into()));
    }
    let table = match (is_of_delivery, is_of_subscription, is_failed) {
        (true, _, _) => "attempts INDEXED BY attempts_delivery",
        (_, true, true) => "attempts INDEXED BY attempts_failed_subscription",
        (_, true, false) => "attempts INDEXED BY attempts_subscription",
        (_, false, true) => "attempts INDEXED BY attempts_failed",
        (_, false, false) => "attempts",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::open_in_memory;
    use crate::store::paging::MAX_ROWS_SCANNED;

    #[test]
    fn a_failure_older_than_many_successes_is_on_the_first_page_of_its_status() {
        let connection = open_in_memory().unwrap();
        let insert = "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
             INSERT INTO attempts (company_id, subscription_id, target_url, event_type, kind, number, started_at, elapsed_ms, status,
                 request_headers, response_headers, response_body, n_response_bytes)
             SELECT 1, 1, 'https://a.example', 'lead.created', 'scheduled', 1, i, 1, ?2, '[]', '[]', x'', 0 FROM n";
        for (n, status) in [(1, 410), (1, 503), (MAX_ROWS_SCANNED + 1, 200)] {
            connection.execute(insert, rusqlite::params![n, status]).unwrap();
        }
        for subscription in [None, Some(SubscriptionId(1))] {
            let found = |status| {
                let filter = AttemptFilter { status: Some(status), subscription, ..AttemptFilter::default() };
                let page = list(&connection, &filter, &PageSpec::newest(10)).unwrap();
                (page.items.iter().map(|attempt| attempt.id.0).collect::<Vec<_>>(), page.has_more)
            };
            assert_eq!([found(410), found(503), found(404)], [(vec![1], false), (vec![2], false), (vec![], false)]);
            assert_eq!(found(200).0.len(), 10);
        }
    }
}
