//! History of one platform, kept by consoles across restarts: start times of alerts, and changes of the link; for a
//! platform without a Portal, also everything that was observed, called and received. Several consoles may have it
//! open at once.

pub mod calls;
pub mod keys;
pub mod listings;
pub mod observations;
pub mod pages;
mod poll_positions;
pub mod receipts;
pub mod retention;
mod unreadable;

use super::alerts::Alert;
use super::link::LinkState;
use crate::database::Database;
use crate::database::error::Error;
use crate::database::options::{DatabaseOptions, JobPriority};
use crate::domain::alert::AlertSubject;
use crate::domain::health_status::HealthStatus;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::files::private;
use rusqlite::{Connection, params};
use std::path::Path;

/// SQLite application id of a console's history: `crwh`.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"crwh");
const MIGRATIONS: &[&str] = &[
    include_str!("../../../assets/migrations/history/0001_initial.sql"),
    include_str!("../../../assets/migrations/history/0002_remote.sql"),
    include_str!("../../../assets/migrations/history/0003_unreadable.sql"),
    include_str!("../../../assets/migrations/history/0004_names.sql"),
];
/// Maximum number of link changes that are kept.
const MAX_LINK_CHANGES: i64 = 1_000;

/// Handle of an open history; clones share the database.
#[derive(Debug, Clone)]
pub struct PlatformHistory {
    database: Database,
}

impl PlatformHistory {
    /// Opens or creates the history at `path`; blocks the thread until that is done.
    ///
    /// # Errors
    ///
    /// [`Error`] when the database cannot be opened or migrated.
    pub fn open(path: &Path) -> Result<Self, Error> {
        // Two consoles that start at once would both run the migrations; the lock makes them open the file one after
        // the other. Where files cannot be locked, SQLite's own locking must do.
        let door =
            private::private_options().write(true).create(true).truncate(false).open(path.with_extension("lock"));
        let _alone = door.and_then(|file| file.lock().map(|()| file)).ok();
        let options = DatabaseOptions {
            application_id: APPLICATION_ID,
            migrations: MIGRATIONS,
            n_readers: 1,
            queue_capacity: 256,
            reserved_capacity: 0,
        };
        Ok(Self { database: Database::open(path, options)? })
    }

    /// Runs `work` in a write transaction of its own.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.database.write(JobPriority::Low, work).await
    }

    /// Returns the alerts of the last snapshot; alerts of a kind that this version does not know are left out.
    ///
    /// # Errors
    ///
    /// [`Error`] when the database cannot be read.
    pub async fn alerts(&self) -> Result<Vec<Alert>, Error> {
        self.database.read(JobPriority::Low, read_alerts).await
    }

    /// Stores the alerts of a snapshot in place of earlier ones.
    ///
    /// # Errors
    ///
    /// [`Error`] when the database cannot be written.
    pub async fn store_alerts(&self, alerts: Vec<Alert>) -> Result<(), Error> {
        self.database
            .write(JobPriority::Low, move |connection| {
                connection.prepare_cached("DELETE FROM alerts")?.execute([])?;
                let mut insert = connection.prepare_cached(
                    "INSERT OR REPLACE INTO alerts (subject, name, status, reason, since_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?;
                for alert in &alerts {
                    let subject = write_subject(alert.subject);
                    insert.execute(params![
                        subject,
                        alert.name.raw(),
                        status_name(alert.standing),
                        alert.why,
                        alert.since.millis()
                    ])?;
                }
                Ok(())
            })
            .await
    }

    /// Records a change of the link.
    ///
    /// # Errors
    ///
    /// [`Error`] when the database cannot be written.
    pub async fn record_link(&self, link: &LinkState, at: Timestamp) -> Result<(), Error> {
        let (state, why) = match link {
            LinkState::Connecting => ("connecting", None),
            LinkState::Live => ("live", None),
            LinkState::Lagging => ("lagging", None),
            LinkState::Stale => ("stale", None),
            LinkState::Waiting { why, .. } => ("waiting", Some(why.clone())),
            LinkState::Offline { why, .. } => ("offline", Some(why.clone())),
        };
        self.database
            .write(JobPriority::Low, move |connection| {
                connection
                    .prepare_cached("INSERT INTO link_changes (at, state, reason) VALUES (?1, ?2, ?3)")?
                    .execute(params![at.millis(), state, why])?;
                connection
                    .prepare_cached("DELETE FROM link_changes WHERE id <= (SELECT max(id) FROM link_changes) - ?1")?
                    .execute([MAX_LINK_CHANGES])?;
                Ok(())
            })
            .await
    }
}

fn read_alerts(connection: &Connection) -> Result<Vec<Alert>, Error> {
    let mut statement = connection.prepare_cached("SELECT subject, name, status, reason, since_at FROM alerts")?;
    let mut rows = statement.query([])?;
    let mut alerts = Vec::new();
    while let Some(row) = rows.next()? {
        let subject = read_subject(&row.get::<_, String>("subject")?);
        let stored: String = row.get("status")?;
        let standing = ALARMING_STATUSES.into_iter().find(|known| status_name(*known) == stored);
        let (Some(subject), Some(standing)) = (subject, standing) else { continue };
        let since = Timestamp::from_millis(row.get("since_at")?);
        alerts.push(Alert {
            subject,
            name: Untrusted::new(row.get::<_, String>("name")?),
            standing,
            why: row.get("reason")?,
            since,
            acknowledged: None,
        });
    }
    Ok(alerts)
}

/// Health statuses that an alert can have.
const ALARMING_STATUSES: [HealthStatus; 3] = [HealthStatus::Tripped, HealthStatus::Failing, HealthStatus::Warning];

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

    #[test]
    fn consoles_that_start_at_once_all_get_the_history() {
        for _ in 0..5 {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("history.db");
            let open = || PlatformHistory::open(&path).map(drop).map_err(|error| error.to_string());
            let came: Vec<_> = std::thread::scope(|scope| {
                let opening: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
                opening.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(came.iter().all(Result::is_ok), "{came:?}");
        }
    }

    #[tokio::test]
    async fn alerts_survive_a_restart_with_their_since() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history.db");
        let alert = |subject, standing| Alert {
            subject,
            name: "hooks.acme/orders".into(),
            standing,
            why: "breaker tripped".into(),
            since: Timestamp::from_millis(5),
            acknowledged: None,
        };
        let alerts = vec![
            alert(AlertSubject::Subscription(SubscriptionId(17)), HealthStatus::Tripped),
            alert(AlertSubject::Window(KeyId(3), RateBucket::Read), HealthStatus::Warning),
            alert(AlertSubject::Events(CompanyId(92)), HealthStatus::Warning),
            alert(AlertSubject::Clock, HealthStatus::Warning),
        ];
        let history = PlatformHistory::open(&path).unwrap();
        history.store_alerts(alerts.clone()).await.unwrap();
        history.record_link(&LinkState::Live, Timestamp::from_millis(6)).await.unwrap();
        drop(history);
        let mut again = PlatformHistory::open(&path).unwrap().alerts().await.unwrap();
        again.sort_by_key(|alert| alert.subject);
        assert_eq!(again, alerts);
    }
}
