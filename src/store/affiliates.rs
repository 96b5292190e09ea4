//! Affiliates of companies: table `affiliates`.

use super::{Error, time};
use crate::domain::company::{Affiliate, ContactDetails};
use crate::domain::ids::{AffiliateId, CompanyId};
use crate::domain::subscription::RecordDates;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};

/// Number of the next affiliate, as long as no other transaction inserts one.
pub(crate) fn next_id(connection: &Connection) -> Result<AffiliateId, Error> {
    Ok(AffiliateId(super::next_id(connection, "affiliates")?))
}

/// Inserts an affiliate under its number, which is the next one.
pub(crate) fn insert(connection: &Connection, affiliate: &Affiliate) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO affiliates (id, company_id, first_name, last_name, email, created_at, updated_at) VALUES (?1, ?2, '', '', '', ?3, ?3)",
        )?
        .execute(params![affiliate.id.0, affiliate.company.0, affiliate.dates.created_at.millis()])?;
    update(connection, affiliate)
}

/// Updates all columns of an affiliate but its company and creation time.
pub(crate) fn update(connection: &Connection, affiliate: &Affiliate) -> Result<(), Error> {
    let Affiliate { id, company: _, person, code, commission_rate, is_approved, external_id, dates } = affiliate;
    connection
        .prepare_cached(
            "UPDATE affiliates SET first_name = :first, last_name = :last, email = :email, phone = :phone, affiliate_code = :code,
                 commission_rate = :rate, is_approved = :approved, external_id = :external, updated_at = :updated WHERE id = :id",
        )?
        .execute(named_params! {
            ":id": id.0, ":first": person.first_name, ":last": person.last_name, ":email": person.email, ":phone": person.phone, ":code": code,
            ":rate": commission_rate, ":approved": is_approved, ":external": external_id, ":updated": dates.updated_at.millis(),
        })?;
    Ok(())
}

/// Returns the affiliate with this id.
pub(crate) fn get(connection: &Connection, id: AffiliateId) -> Result<Option<Affiliate>, Error> {
    Ok(connection.prepare_cached("SELECT * FROM affiliates WHERE id = ?1")?.query_row([id.0], read).optional()?)
}

/// Returns the affiliate of a company with this partner's own id.
pub(crate) fn by_external_id(
    connection: &Connection,
    company: CompanyId,
    external_id: &str,
) -> Result<Option<Affiliate>, Error> {
    let mut statement =
        connection.prepare_cached("SELECT * FROM affiliates WHERE company_id = ?1 AND external_id = ?2")?;
    Ok(statement.query_row(params![company.0, external_id], read).optional()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Affiliate> {
    Ok(Affiliate {
        id: AffiliateId(row.get("id")?),
        company: CompanyId(row.get("company_id")?),
        person: ContactDetails {
            first_name: row.get("first_name")?,
            last_name: row.get("last_name")?,
            email: row.get("email")?,
            phone: row.get("phone")?,
        },
        code: row.get("affiliate_code")?,
        commission_rate: row.get("commission_rate")?,
        is_approved: row.get("is_approved")?,
        external_id: row.get("external_id")?,
        dates: RecordDates { created_at: time(row, "created_at")?, updated_at: time(row, "updated_at")? },
    })
}
