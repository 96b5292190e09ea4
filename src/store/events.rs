//! Events: table `events`, append-only, with ids without gaps in the order of publication.

use super::{Error, time, unreadable};
use crate::domain::event::{Event, EventFilter, EventOrder, EventType};
use crate::domain::ids::{CompanyId, EventId};
use crate::domain::log::MAX_PAGE_BYTES;
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};

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
/// that rare types need no scan; envelopes are read only for the selected events.
pub(crate) fn page(
    connection: &Connection,
    company: CompanyId,
    filter: &EventFilter,
    (order, from): (EventOrder, EventId),
    limit: u32,
) -> Result<EnvelopePage, Error> {
    let kinds: Vec<Option<&str>> = match filter.kinds.as_slice() {
        [] => vec![None],
        kinds => kinds.iter().map(|kind| Some(kind.name())).collect(),
    };
    let (behind, direction) = match order {
        EventOrder::OldestFirst => (">", "ASC"),
        EventOrder::NewestFirst => ("<", "DESC"),
    };
    let mut found: Vec<(i64, i64)> = Vec::new();
    for kind in kinds {
        let of_kind = if kind.is_some() { "kind = :kind AND" } else { ":kind IS NULL AND" };
        let mut statement = connection.prepare_cached(&format!(
            "SELECT id, octet_length(body) FROM events
             WHERE company_id = :company AND {of_kind} id {behind} :from AND created_at >= :since AND created_at < :until
             ORDER BY id {direction} LIMIT :limit"
        ))?;
        let rows = statement.query_map(
            named_params! {
                ":company": company.0, ":kind": kind, ":from": from.0, ":limit": limit.saturating_add(1),
                ":since": filter.since.map_or(i64::MIN, Timestamp::millis), ":until": filter.until.map_or(i64::MAX, Timestamp::millis),
            },
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        for event in rows {
            found.push(event?);
        }
    }
    // Each type was read along its own index: merge the results into one order.
    found.sort_unstable();
    if order == EventOrder::NewestFirst {
        found.reverse();
    }
    let mut n_bytes = 0;
    let fitting = found.iter().take(limit as usize).take_while(|(_, length)| {
        n_bytes += usize::try_from(*length).unwrap_or(0) + 1;
        n_bytes <= MAX_PAGE_BYTES
    });
    let n_fitting = fitting.count().max(1).min(found.len());
    let mut envelope = connection.prepare_cached("SELECT body FROM events WHERE id = ?1")?;
    let events = found[..n_fitting]
        .iter()
        .map(|(id, _)| Ok((EventId(*id), envelope.query_row([id], |row| row.get(0))?)))
        .collect::<Result<_, Error>>()?;
    Ok(EnvelopePage { events, has_more: n_fitting < found.len() })
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
