//! Events: append-only, ids without gaps in the order of publishing.

use super::{Error, time, unreadable};
use crate::domain::event::{Event, EventType};
use crate::domain::ids::{CompanyId, EventId};
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};

/// The id of the next event. Belongs into the transaction that inserts it.
pub(crate) fn next_id(connection: &Connection) -> Result<EventId, Error> {
    let mut statement =
        connection.prepare_cached("UPDATE counters SET value = value + 1 WHERE name = 'event' RETURNING value")?;
    Ok(EventId(statement.query_row([], |row| row.get(0))?))
}

/// Adds an event.
pub(crate) fn insert(connection: &Connection, event: &Event) -> Result<(), Error> {
    connection
        .prepare_cached("INSERT INTO events (id, company_id, kind, created_at, body) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![event.id.0, event.company.0, event.kind.name(), event.created_at.millis(), event.body])?;
    Ok(())
}

/// One event.
pub(crate) fn get(connection: &Connection, id: EventId) -> Result<Option<Event>, Error> {
    Ok(connection.prepare_cached("SELECT * FROM events WHERE id = ?1")?.query_row([id.0], read).optional()?)
}

/// At most `limit` events of a company with ids above `after`, ascending.
pub(crate) fn page(
    connection: &Connection,
    company: CompanyId,
    after: EventId,
    limit: u32,
) -> Result<Vec<Event>, Error> {
    let mut statement = connection
        .prepare_cached("SELECT * FROM events WHERE company_id = :company AND id > :after ORDER BY id LIMIT :limit")?;
    let rows = statement.query_map(named_params! {":company": company.0, ":after": after.0, ":limit": limit}, read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        id: EventId(row.get("id")?),
        company: CompanyId(row.get("company_id")?),
        kind: EventType::named(&row.get::<_, String>("kind")?).ok_or_else(|| unreadable("kind"))?,
        created_at: time(row, "created_at")?,
        body: row.get("body")?,
    })
}
