//! Acknowledgements of alerts: table `acknowledgements`, one row per subject.

use super::{Error, time, unreadable};
use crate::domain::alert::{Acknowledgement, AlertSubject};
use crate::domain::health_status::HealthStatus;
use crate::domain::time::Timestamp;
use rusqlite::{Connection, params};

/// Stores an acknowledgement in place of an earlier one for the subject, and deletes those given at or before `lapsed`.
pub(crate) fn replace(connection: &Connection, of: &Acknowledgement, lapsed: Timestamp) -> Result<(), Error> {
    connection.prepare_cached("DELETE FROM acknowledgements WHERE at <= ?1")?.execute([lapsed.millis()])?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO acknowledgements (subject, state, at, by, note) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            of.subject.to_string(),
            of.status.code(),
            of.acknowledged_at.millis(),
            of.acknowledged_by,
            of.note
        ])?;
    Ok(())
}

/// Lists the acknowledgements given after `lapsed`, oldest first.
pub(crate) fn list_since(connection: &Connection, lapsed: Timestamp) -> Result<Vec<Acknowledgement>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT subject, state, at, by, note FROM acknowledgements WHERE at > ?1 ORDER BY at, subject",
    )?;
    let rows = statement.query_map([lapsed.millis()], |row| {
        let (subject, state): (String, String) = (row.get("subject")?, row.get("state")?);
        Ok(Acknowledgement {
            subject: AlertSubject::named(&subject).ok_or_else(|| unreadable("subject"))?,
            status: HealthStatus::named(&state).ok_or_else(|| unreadable("state"))?,
            acknowledged_at: time(row, "at")?,
            acknowledged_by: row.get("by")?,
            note: row.get("note")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
