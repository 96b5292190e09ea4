//! Clients and leads.

use super::{Error, time, unreadable};
use crate::domain::company::{Client, ClientStatus};
use crate::domain::ids::{ClientId, CompanyId};
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};

/// Adds a client; `client.id` is ignored and given back anew.
pub(crate) fn insert(connection: &Connection, client: &Client) -> Result<ClientId, Error> {
    connection
        .prepare_cached(
            "INSERT INTO clients (company_id, first_name, last_name, email, phone, status_id, source, external_id, created_at)
             VALUES (:company, :first, :last, :email, :phone, :status, :source, :external, :created_at)",
        )?
        .execute(named_params! {
            ":company": client.company.0, ":first": client.first_name, ":last": client.last_name, ":email": client.email,
            ":phone": client.phone, ":status": client.status.id, ":source": client.source, ":external": client.external_id,
            ":created_at": client.created_at.millis(),
        })?;
    Ok(ClientId(connection.last_insert_rowid()))
}

/// The client of a company with the partner's own id.
pub(crate) fn by_external_id(
    connection: &Connection,
    company: CompanyId,
    external_id: &str,
) -> Result<Option<Client>, Error> {
    let mut statement =
        connection.prepare_cached("SELECT * FROM clients WHERE company_id = ?1 AND external_id = ?2")?;
    Ok(statement.query_row(params![company.0, external_id], read).optional()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Client> {
    Ok(Client {
        id: ClientId(row.get("id")?),
        company: CompanyId(row.get("company_id")?),
        first_name: row.get("first_name")?,
        last_name: row.get("last_name")?,
        email: row.get("email")?,
        phone: row.get("phone")?,
        status: ClientStatus::numbered(row.get("status_id")?).ok_or_else(|| unreadable("status_id"))?,
        source: row.get("source")?,
        external_id: row.get("external_id")?,
        created_at: time(row, "created_at")?,
    })
}
