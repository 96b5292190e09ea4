//! Notes on clients: table `notes`.

use super::{Error, time};
use crate::domain::company::ClientNote;
use crate::domain::ids::{ClientId, CompanyId, NoteId};
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, named_params, params};

/// Inserts a note and returns the id assigned by the database; `note.id` is ignored.
pub(crate) fn insert(connection: &Connection, note: &ClientNote) -> Result<NoteId, Error> {
    connection
        .prepare_cached(
            "INSERT INTO notes (company_id, client_id, text, note_type, visibility, external_id, created_at)
             VALUES (:company, :client, :text, :type, :visibility, :external, :created)",
        )?
        .execute(named_params! {
            ":company": note.company.0, ":client": note.client.0, ":text": note.text, ":type": note.note_type,
            ":visibility": note.visibility.name(), ":external": note.external_id, ":created": note.created_at.millis(),
        })?;
    Ok(NoteId(connection.last_insert_rowid()))
}

/// Returns id, client and creation time of a company's note with this partner's own id.
pub(crate) fn by_external_id(
    connection: &Connection,
    company: CompanyId,
    external_id: &str,
) -> Result<Option<(NoteId, ClientId, Timestamp)>, Error> {
    let mut statement = connection
        .prepare_cached("SELECT id, client_id, created_at FROM notes WHERE company_id = ?1 AND external_id = ?2")?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok((NoteId(row.get("id")?), ClientId(row.get("client_id")?), time(row, "created_at")?))
    };
    Ok(statement.query_row(params![company.0, external_id], read).optional()?)
}
