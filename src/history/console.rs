//! Data of consoles: the alerts of their last snapshot, so that each keeps its start, and the changes of their link.

use super::{HistoryError, PlatformHistory};
use crate::database::options::JobPriority;
use crate::domain::alert::AlertSubject;
use crate::domain::health_status::HealthStatus;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use rusqlite::{Connection, params};

/// Maximum number of link changes that are kept.
const MAX_LINK_CHANGES: i64 = 1_000;
/// Health statuses that an alert can have.
const ALARMING_STATUSES: [HealthStatus; 3] = [HealthStatus::Tripped, HealthStatus::Failing, HealthStatus::Warning];

/// Alert of a console's last snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAlert {
    /// Subject of the alert, such as a subscription or a key.
    pub subject: AlertSubject,
    /// Display name of the subject.
    pub name: Untrusted,
    /// Severity of the alert.
    pub status: HealthStatus,
    /// Reason in one line: rule, value and limit.
    pub reason: String,
    /// Start of the alert.
    pub since: Timestamp,
}

impl PlatformHistory {
    /// Returns the alerts of the last snapshot; alerts of a kind that this version does not know are left out.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be read.
    pub async fn alerts(&self) -> Result<Vec<StoredAlert>, HistoryError> {
        self.database.read(JobPriority::Low, read_alerts).await
    }

    /// Stores the alerts of a snapshot in place of earlier ones.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn store_alerts(&self, alerts: Vec<StoredAlert>) -> Result<(), HistoryError> {
        self.write(move |connection| {
            connection.prepare_cached("DELETE FROM alerts")?.execute([])?;
            let mut insert = connection.prepare_cached(
                "INSERT OR REPLACE INTO alerts (subject, name, status, reason, since_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            for alert in &alerts {
                insert.execute(params![
                    write_subject(alert.subject),
                    alert.name.raw(),
                    status_name(alert.status),
                    alert.reason,
                    alert.since.millis()
                ])?;
            }
            Ok(())
        })
        .await
    }

    /// Records a change of the link: the name of its state, and the reason if it failed.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn record_link(
        &self,
        state: &'static str,
        reason: Option<String>,
        at: Timestamp,
    ) -> Result<(), HistoryError> {
        self.write(move |connection| {
            connection
                .prepare_cached("INSERT INTO link_changes (at, state, reason) VALUES (?1, ?2, ?3)")?
                .execute(params![at.millis(), state, reason])?;
            connection
                .prepare_cached("DELETE FROM link_changes WHERE id <= (SELECT max(id) FROM link_changes) - ?1")?
                .execute([MAX_LINK_CHANGES])?;
            Ok(())
        })
        .await
    }
}

fn read_alerts(connection: &Connection) -> Result<Vec<StoredAlert>, HistoryError> {
    let mut statement = connection.prepare_cached("SELECT subject, name, status, reason, since_at FROM alerts")?;
    let mut rows = statement.query([])?;
    let mut alerts = Vec::new();
    while let Some(row) = rows.next()? {
        let subject = read_subject(&row.get::<_, String>("subject")?);
        let stored: String = row.get("status")?;
        let status = ALARMING_STATUSES.into_iter().find(|known| status_name(*known) == stored);
        let (Some(subject), Some(status)) = (subject, status) else { continue };
        alerts.push(StoredAlert {
            subject,
            name: Untrusted::new(row.get::<_, String>("name")?),
            status,
            reason: row.get("reason")?,
            since: Timestamp::from_millis(row.get("since_at")?),
        });
    }
    Ok(alerts)
}

const fn status_name(of: HealthStatus) -> &'static str {
    match of {
        HealthStatus::Tripped => "tripped",
        HealthStatus::Failing => "failing",
        HealthStatus::Warning => "attention",
        HealthStatus::Unknown => "unknown",
        HealthStatus::Healthy => "healthy",
        HealthStatus::Off => "off",
    }
}

fn write_subject(subject: AlertSubject) -> String {
    subject.to_string().replace(' ', ":")
}

fn read_subject(text: &str) -> Option<AlertSubject> {
    AlertSubject::named(&text.replace(':', " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
    use crate::domain::window::RateBucket;

    #[tokio::test]
    async fn alerts_survive_a_restart_with_their_since() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history.db");
        let alert = |subject, status| StoredAlert {
            subject,
            name: "hooks.acme/orders".into(),
            status,
            reason: "breaker tripped".into(),
            since: Timestamp::from_millis(5),
        };
        let alerts = vec![
            alert(AlertSubject::Subscription(SubscriptionId(17)), HealthStatus::Tripped),
            alert(AlertSubject::Window(KeyId(3), RateBucket::Read), HealthStatus::Warning),
            alert(AlertSubject::Events(CompanyId(92)), HealthStatus::Warning),
            alert(AlertSubject::Clock, HealthStatus::Warning),
        ];
        let history = PlatformHistory::open(&path).unwrap();
        history.store_alerts(alerts.clone()).await.unwrap();
        history.record_link("live", None, Timestamp::from_millis(6)).await.unwrap();
        drop(history);
        let mut again = PlatformHistory::open(&path).unwrap().alerts().await.unwrap();
        again.sort_by_key(|alert| alert.subject);
        assert_eq!(again, alerts);
    }
}
