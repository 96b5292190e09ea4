//! Clients and leads, with the normalized keys they are searched by: table `clients`.

use super::{Error, time, unreadable};
use crate::domain::company::{
    ClientAssignment, ClientCriteria, ClientOrigin, ClientStatus, ContactDetails, CrmClient, PostalAddress, email_key,
    phone_key,
};
use crate::domain::ids::{AffiliateId, ClientId, CompanyId};
use crate::domain::subscription::RecordDates;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};

/// Number of the next client, as long as no other transaction inserts one.
pub(crate) fn next_id(connection: &Connection) -> Result<ClientId, Error> {
    Ok(ClientId(super::next_id(connection, "clients")?))
}

/// Inserts a client under its number, which is the next one.
pub(crate) fn insert(connection: &Connection, client: &CrmClient) -> Result<(), Error> {
    write(
        connection,
        "INSERT INTO clients (id, company_id, first_name, last_name, email, email_key, phone, phone_key, city, state, zip, status_id,
             employee_id, affiliate_id, source, package_keyword, external_id, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
        client,
    )
}

/// Updates every column of a client.
pub(crate) fn update(connection: &Connection, client: &CrmClient) -> Result<(), Error> {
    write(
        connection,
        "UPDATE clients SET first_name = ?3, last_name = ?4, email = ?5, email_key = ?6, phone = ?7, phone_key = ?8, city = ?9,
             state = ?10, zip = ?11, status_id = ?12, employee_id = ?13, affiliate_id = ?14, source = ?15, package_keyword = ?16,
             external_id = ?17, created_at = ?18, updated_at = ?19
         WHERE id = ?1 AND company_id = ?2",
        client,
    )
}

/// Runs a statement that takes every column of a client, by number: looking up names costs as much as the rest.
fn write(connection: &Connection, sql: &str, client: &CrmClient) -> Result<(), Error> {
    let CrmClient { id, company, person, address, status, assignment: assigned, origin, dates } = client;
    connection.prepare_cached(sql)?.execute(params![
        id.0,
        company.0,
        person.first_name,
        person.last_name,
        person.email,
        email_key(&person.email),
        person.phone,
        person.phone.as_deref().map(phone_key),
        address.city,
        address.state,
        address.zip,
        status.id,
        assigned.employee,
        assigned.affiliate.map(|id| id.0),
        origin.source,
        origin.package_keyword,
        origin.external_id,
        dates.created_at.millis(),
        dates.updated_at.millis(),
    ])?;
    Ok(())
}

/// Returns the client with this id.
pub(crate) fn get(connection: &Connection, id: ClientId) -> Result<Option<CrmClient>, Error> {
    Ok(connection.prepare_cached("SELECT * FROM clients WHERE id = ?1")?.query_row([id.0], read).optional()?)
}

/// Returns the client of a company with this partner's own id.
pub(crate) fn by_external_id(
    connection: &Connection,
    company: CompanyId,
    external_id: &str,
) -> Result<Option<CrmClient>, Error> {
    let mut statement =
        connection.prepare_cached("SELECT * FROM clients WHERE company_id = ?1 AND external_id = ?2")?;
    Ok(statement.query_row(params![company.0, external_id], read).optional()?)
}

/// Finds the newest client of a company that matches all criteria and `fits`, with the name of its affiliate. The most
/// selective criterion chooses the index.
pub(crate) fn search(
    connection: &Connection,
    company: CompanyId,
    traits: &ClientCriteria,
    fits: impl Fn(&CrmClient) -> bool,
) -> Result<Option<(CrmClient, Option<String>)>, Error> {
    let by = if traits.id.is_some() {
        "c.id = :id"
    } else if traits.external_id.is_some() {
        "c.external_id = :external"
    } else if traits.email.is_some() {
        "c.email_key = :email"
    } else {
        "c.phone_key = :phone"
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT c.*, a.first_name || ' ' || a.last_name AS affiliate_name
         FROM clients c LEFT JOIN affiliates a ON a.id = c.affiliate_id AND a.company_id = c.company_id
         WHERE c.company_id = :company AND {by} AND (:id IS NULL OR c.id = :id) AND (:external IS NULL OR c.external_id = :external)
             AND (:email IS NULL OR c.email_key = :email) AND (:phone IS NULL OR c.phone_key = :phone)
         ORDER BY c.id DESC"
    ))?;
    let rows = statement.query_map(
        named_params! {
            ":company": company.0, ":id": traits.id.map(|id| id.0), ":external": traits.external_id,
            ":email": traits.email.as_deref().map(email_key), ":phone": traits.phone.as_deref().map(phone_key),
        },
        |row| Ok((read(row)?, row.get("affiliate_name")?)),
    )?;
    for found in rows {
        let (client, affiliate_name) = found?;
        if fits(&client) {
            return Ok(Some((client, affiliate_name)));
        }
    }
    Ok(None)
}

fn read(row: &Row<'_>) -> rusqlite::Result<CrmClient> {
    Ok(CrmClient {
        id: ClientId(row.get("id")?),
        company: CompanyId(row.get("company_id")?),
        person: ContactDetails {
            first_name: row.get("first_name")?,
            last_name: row.get("last_name")?,
            email: row.get("email")?,
            phone: row.get("phone")?,
        },
        address: PostalAddress { city: row.get("city")?, state: row.get("state")?, zip: row.get("zip")? },
        status: ClientStatus::from_id(row.get("status_id")?).ok_or_else(|| unreadable("status_id"))?,
        assignment: ClientAssignment {
            employee: row.get("employee_id")?,
            affiliate: row.get::<_, Option<i64>>("affiliate_id")?.map(AffiliateId),
        },
        origin: ClientOrigin {
            source: row.get("source")?,
            package_keyword: row.get("package_keyword")?,
            external_id: row.get("external_id")?,
        },
        dates: RecordDates { created_at: time(row, "created_at")?, updated_at: time(row, "updated_at")? },
    })
}
