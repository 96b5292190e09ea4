//! Clients and leads, with the normalized keys they are searched by: table `clients`.

use super::{Error, time, unreadable};
use crate::domain::company::{
    ClientAssignment, ClientCriteria, ClientOrigin, ClientStatus, ContactDetails, CrmClient, PostalAddress, email_key,
    phone_key,
};
use crate::domain::ids::{AffiliateId, ClientId, CompanyId};
use crate::domain::subscription::RecordDates;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};

/// Inserts a client and returns the id assigned by the database; `client.id` is ignored.
pub(crate) fn insert(connection: &Connection, client: &CrmClient) -> Result<ClientId, Error> {
    write(
        connection,
        "INSERT INTO clients (id, company_id, first_name, last_name, email, email_key, phone, phone_key, city, state, zip, status_id,
             employee_id, affiliate_id, source, package_keyword, external_id, created_at, updated_at)
         VALUES (:id, :company, :first, :last, :email, :email_key, :phone, :phone_key, :city, :state, :zip, :status,
             :employee, :affiliate, :source, :package, :external, :created, :updated)",
        (None, client),
    )?;
    Ok(ClientId(connection.last_insert_rowid()))
}

/// Updates every column of a client.
pub(crate) fn update(connection: &Connection, client: &CrmClient) -> Result<(), Error> {
    write(
        connection,
        "UPDATE clients SET first_name = :first, last_name = :last, email = :email, email_key = :email_key, phone = :phone,
             phone_key = :phone_key, city = :city, state = :state, zip = :zip, status_id = :status, employee_id = :employee,
             affiliate_id = :affiliate, source = :source, package_keyword = :package, external_id = :external,
             created_at = :created, updated_at = :updated
         WHERE id = :id AND company_id = :company",
        (Some(client.id), client),
    )
}

/// Runs a statement that names every column of a client.
fn write(connection: &Connection, sql: &str, (id, client): (Option<ClientId>, &CrmClient)) -> Result<(), Error> {
    let CrmClient { id: _, company, person, address, status, assignment: assigned, origin, dates } = client;
    connection.prepare_cached(sql)?.execute(named_params! {
        ":id": id.map(|id| id.0), ":company": company.0, ":first": person.first_name, ":last": person.last_name, ":email": person.email,
        ":email_key": email_key(&person.email), ":phone": person.phone, ":phone_key": person.phone.as_deref().map(phone_key),
        ":city": address.city, ":state": address.state, ":zip": address.zip, ":status": status.id,
        ":employee": assigned.employee, ":affiliate": assigned.affiliate.map(|id| id.0), ":source": origin.source,
        ":package": origin.package_keyword, ":external": origin.external_id, ":created": dates.created_at.millis(),
        ":updated": dates.updated_at.millis(),
    })?;
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
