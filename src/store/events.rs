//! Events: table `events`, append-only, with ids without gaps in the order of publication.

use super::{Error, time, unreadable};
use crate::domain::event::{Event, EventFilter, EventOrder, EventType};
use crate::domain::ids::{CompanyId, EventId};
use crate::domain::log::MAX_PAGE_BYTES;
use crate::domain::time::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

/// Number of the last event that was published.
pub(super) fn last_id(connection: &Connection) -> Result<EventId, Error> {
    let mut statement = connection.prepare_cached("SELECT value FROM counters WHERE name = 'event'")?;
    Ok(statement.query_row([], |row| row.get(0).map(EventId))?)
}

/// Sets the number of the last event, in the transaction that inserts the event.
pub(super) fn set_last_id(connection: &Connection, last: EventId) -> Result<(), Error> {
    connection.prepare_cached("UPDATE counters SET value = ?1 WHERE name = 'event'")?.execute([last.0])?;
    Ok(())
}

/// Inserts a published event with its envelope, which must be counted in the same transaction.
pub(super) fn insert(connection: &Connection, event: &Event) -> Result<(), Error> {
    connection
        .prepare_cached("INSERT INTO events (id, company_id, kind, created_at, body) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![event.id.0, event.company.0, event.kind.name(), event.created_at.millis(), event.body])?;
    Ok(())
}

/// Lists the publication times of a company's latest events, newest first, at most `limit`.
pub(crate) fn latest_times(connection: &Connection, company: CompanyId, limit: usize) -> Result<Vec<Timestamp>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT created_at FROM events INDEXED BY events_company WHERE company_id = ?1 ORDER BY id DESC LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(statement.query_map(params![company.0, limit], |row| time(row, 0))?.collect::<Result<_, _>>()?)
}

/// Returns the event with this id.
pub(crate) fn get(connection: &Connection, id: EventId) -> Result<Option<Event>, Error> {
    Ok(connection
        .prepare_cached("SELECT id, company_id, kind, created_at, body FROM events WHERE id = ?1")?
        .query_row([id.0], read)
        .optional()?)
}

/// A page of event envelopes.
#[derive(Debug, Clone)]
pub(crate) struct EnvelopePage {
    pub(crate) events: Vec<(EventId, Vec<u8>)>,
    /// Whether more events match the filter.
    pub(crate) has_more: bool,
}

/// Returns the envelopes of at most `limit` events of a company that match a filter, beyond `from` in the given order.
/// The page ends early at [`MAX_PAGE_BYTES`] but holds at least one envelope. Each type is read along its own index, so
/// that rare types need no scan, and no envelope beyond the page is copied.
pub(crate) fn page(
    connection: &Connection,
    company: CompanyId,
    filter: &EventFilter,
    (order, from): (EventOrder, EventId),
    limit: u32,
) -> Result<EnvelopePage, Error> {
    let sql = page_sql(filter.kinds.len(), order);
    let mut statement = connection.prepare_cached(&sql)?;
    let (since, until) =
        (filter.since.map_or(i64::MIN, Timestamp::millis), filter.until.map_or(i64::MAX, Timestamp::millis));
    let limits = [company.0, from.0, since, until, i64::from(limit) + 1].map(Value::from);
    let kinds = filter.kinds.iter().map(|kind| Value::from(kind.name().to_owned()));
    let mut rows = statement.query(params_from_iter(limits.into_iter().chain(kinds)))?;
    let mut page = EnvelopePage { events: Vec::new(), has_more: false };
    let mut n_bytes = 0;
    while let Some(row) = rows.next()? {
        let body = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        n_bytes += body.len() + 1;
        if page.events.len() == limit as usize || (n_bytes > MAX_PAGE_BYTES && !page.events.is_empty()) {
            page.has_more = true;
            break;
        }
        page.events.push((EventId(row.get(0)?), body.to_vec()));
    }
    Ok(page)
}

/// Statement of a page with a filter of `n_kinds` types, of which 0 means all. SQLite merges the types, each in the order
/// of its index, and reads no further than the page.
fn page_sql(n_kinds: usize, order: EventOrder) -> String {
    let (behind, direction) = match order {
        EventOrder::OldestFirst => (">", "ASC"),
        EventOrder::NewestFirst => ("<", "DESC"),
    };
    let select = |of_kind: &str| {
        format!(
            "SELECT id, body FROM events
             WHERE company_id = ?1 AND {of_kind} id {behind} ?2 AND created_at >= ?3 AND created_at < ?4"
        )
    };
    let selects: Vec<String> = match n_kinds {
        0 => vec![select("")],
        n => (0..n).map(|n| select(&format!("kind = ?{} AND", 6 + n))).collect(),
    };
    format!("{} ORDER BY id {direction} LIMIT ?5", selects.join(" UNION ALL "))
}

/// Returns the time of a company's latest event of some types, or of any type if none is given.
pub(crate) fn latest_time_of(
    connection: &Connection,
    company: CompanyId,
    kinds: &[EventType],
) -> Result<Option<Timestamp>, Error> {
    if kinds.is_empty() {
        return Ok(latest_times(connection, company, 1)?.first().copied());
    }
    let mut statement = connection
        .prepare_cached("SELECT created_at FROM events WHERE company_id = ?1 AND kind = ?2 ORDER BY id DESC LIMIT 1")?;
    let mut latest = None;
    for kind in kinds {
        let time = statement.query_row(params![company.0, kind.name()], |row| time(row, 0)).optional()?;
        latest = latest.max(time);
    }
    Ok(latest)
}

/// Returns the id of a company's latest event.
pub(crate) fn latest(connection: &Connection, company: CompanyId) -> Result<Option<EventId>, Error> {
    let mut statement = connection.prepare_cached("SELECT max(id) FROM events WHERE company_id = ?1")?;
    Ok(statement.query_row([company.0], |row| row.get::<_, Option<i64>>(0))?.map(EventId))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Event> {
    read_at(row, EventId(row.get(0)?), 1)
}

/// Reads an event of which company, type, time and body begin at a column.
pub(super) fn read_at(row: &Row<'_>, id: EventId, column: usize) -> rusqlite::Result<Event> {
    let kind = row.get_ref(column + 1)?.as_str().ok().and_then(EventType::named);
    Ok(Event {
        id,
        company: CompanyId(row.get(column)?),
        kind: kind.ok_or_else(|| unreadable("kind"))?,
        created_at: time(row, column + 2)?,
        body: row.get(column + 3)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::open_in_memory;

    #[test]
    fn every_page_is_read_along_indexes_without_sorting() {
        let connection = open_in_memory().expect("a database in memory");
        for (n_kinds, order) in
            (0..=EventType::ALL.len()).flat_map(|n| [(n, EventOrder::OldestFirst), (n, EventOrder::NewestFirst)])
        {
            let mut statement =
                connection.prepare(&format!("EXPLAIN QUERY PLAN {}", page_sql(n_kinds, order))).expect("a statement");
            let n_parameters = statement.parameter_count();
            let steps = statement
                .query_map(params_from_iter((0..n_parameters).map(|_| 0)), |row| row.get::<_, String>(3))
                .expect("a plan");
            let plan: Vec<String> = steps.collect::<Result<_, _>>().expect("a plan");
            let n_searches = plan.iter().filter(|step| step.starts_with("SEARCH events USING INDEX")).count();
            assert_eq!(n_searches, n_kinds.max(1), "{plan:?}");
            assert!(!plan.iter().any(|step| step.contains("SCAN") || step.contains("TEMP B-TREE")), "{plan:?}");
        }
    }
}
