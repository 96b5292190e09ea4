//! Notes of operators: acknowledgements of alerts, and the reasons for which subscriptions are off on purpose.

use super::{HistoryError, PlatformHistory};
use crate::database::options::JobPriority;
use crate::domain::alert::{Acknowledgement, AlertSubject};
use crate::domain::health_status::HealthStatus;
use crate::domain::ids::SubscriptionId;
use crate::domain::time::Timestamp;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

impl PlatformHistory {
    /// Stores an acknowledgement in place of an earlier one of its subject, and deletes those from before `lapsed`.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn store_acknowledgement(&self, said: Acknowledgement, lapsed: Timestamp) -> Result<(), HistoryError> {
        self.write(move |connection| {
            connection.prepare_cached("DELETE FROM acknowledgements WHERE at < ?1")?.execute([lapsed.millis()])?;
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO acknowledgements (subject, status, at, operator, note) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![
                    said.subject.to_string(),
                    said.status.code(),
                    said.acknowledged_at.millis(),
                    said.acknowledged_by,
                    said.note
                ])?;
            Ok(())
        })
        .await
    }

    /// Returns the acknowledgements since a time, oldest first; those of subjects that this version does not know are
    /// left out.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be read.
    pub async fn acknowledgements(&self, since: Timestamp) -> Result<Vec<Acknowledgement>, HistoryError> {
        let read = move |connection: &Connection| read_acknowledgements(connection, since);
        self.database.read(JobPriority::Low, read).await
    }

    /// Stores the reason for which a subscription is off on purpose; `None` removes it.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn store_disable_reason(
        &self,
        id: SubscriptionId,
        reason: Option<String>,
        (at, operator): (Timestamp, String),
    ) -> Result<(), HistoryError> {
        self.write(move |connection| {
            match reason {
                None => connection.prepare_cached("DELETE FROM disable_reasons WHERE subscription = ?1")?.execute([id.0])?,
                Some(reason) => connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO disable_reasons (subscription, reason, at, operator) VALUES (?1, ?2, ?3, ?4)",
                    )?
                    .execute(params![id.0, reason, at.millis(), operator])?,
            };
            Ok(())
        })
        .await
    }
}

/// Reads the acknowledgements since a time, oldest first.
pub(super) fn read_acknowledgements(
    connection: &Connection,
    since: Timestamp,
) -> Result<Vec<Acknowledgement>, HistoryError> {
    let mut statement = connection.prepare_cached(
        "SELECT subject, status, at, operator, note FROM acknowledgements WHERE at >= ?1 ORDER BY at, subject",
    )?;
    let mut rows = statement.query([since.millis()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (subject, status): (String, String) = (row.get("subject")?, row.get("status")?);
        let Some((subject, status)) = AlertSubject::named(&subject).zip(HealthStatus::named(&status)) else { continue };
        found.push(Acknowledgement {
            subject,
            status,
            acknowledged_at: Timestamp::from_millis(row.get("at")?),
            acknowledged_by: row.get("operator")?,
            note: row.get("note")?,
        });
    }
    Ok(found)
}

/// Reads the reasons for which subscriptions are off on purpose.
pub(super) fn read_disable_reasons(connection: &Connection) -> Result<BTreeMap<SubscriptionId, String>, HistoryError> {
    let mut statement = connection.prepare_cached("SELECT subscription, reason FROM disable_reasons")?;
    let rows = statement.query_map([], |row| Ok((SubscriptionId(row.get(0)?), row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_acknowledgement_of_a_subject_is_kept_and_reasons_come_and_go() {
        let dir = tempfile::tempdir().expect("a directory");
        let history = PlatformHistory::open(&dir.path().join("history.db")).expect("it opens");
        let said = |at, note: &str| Acknowledgement {
            subject: AlertSubject::Clock,
            status: HealthStatus::Warning,
            acknowledged_at: Timestamp::from_millis(at),
            acknowledged_by: "dana".to_owned(),
            note: Some(note.to_owned()),
        };
        for (at, note) in [(5, "first"), (7, "second")] {
            history.store_acknowledgement(said(at, note), Timestamp::from_millis(0)).await.expect("written");
        }
        let since = |at| history.acknowledgements(Timestamp::from_millis(at));
        assert_eq!(since(0).await.expect("read"), [said(7, "second")]);
        assert_eq!(since(8).await.expect("read"), []);
        let reasons = async || history.observations(Timestamp::from_millis(9)).await.expect("read").disable_reasons;
        let by = || (Timestamp::from_millis(8), "dana".to_owned());
        history.store_disable_reason(SubscriptionId(7), Some("moving".to_owned()), by()).await.expect("written");
        assert_eq!(reasons().await, BTreeMap::from([(SubscriptionId(7), "moving".to_owned())]));
        history.store_disable_reason(SubscriptionId(7), None, by()).await.expect("written");
        assert_eq!(reasons().await, BTreeMap::new());
    }
}
