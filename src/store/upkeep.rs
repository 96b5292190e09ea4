//! Looking after a database that no platform runs on: copies, what contradicts itself, ids that must not come again.

use super::{Error, MIGRATIONS, OPTIONS, custody, time};
use crate::domain::numbers::{Lane, Numbers, Pace};
use crate::domain::time::Timestamp;
use crate::sqlite::copy::{self, Glance};
use crate::sqlite::{Database, private, schema};
use rusqlite::{Connection, OptionalExtension as _};
use std::ops::ControlFlow;
use std::path::Path;

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes there are.
    pub n_bytes: u64,
    /// Bytes that were copied.
    pub n_copied: u64,
}

/// How a copy ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It has everything.
    Whole,
    /// It was told to stop.
    Stopped,
}

/// Opens a platform's database to look at it, also while a platform runs on it.
///
/// # Errors
/// Everything about the file: foreign, damaged, newer, unreadable.
pub(crate) fn glance(path: &Path) -> Result<Glance, Error> {
    Ok(copy::glance(path, OPTIONS)?)
}

/// Whether the schema of a database is this program's.
pub(crate) fn is_current(glance: &Glance) -> bool {
    usize::try_from(glance.version) == Ok(MIGRATIONS.len())
}

/// Copies what a glance sees into a new file. See [`copy::copy`].
///
/// # Errors
/// As there.
pub(crate) fn copy(
    glance: &Glance,
    to: &Path,
    mut step: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Ended, Error> {
    let told = |at: copy::Progress| step(Progress { n_bytes: at.n_bytes, n_copied: at.n_copied });
    Ok(match copy::copy(glance, to, told)? {
        copy::Ended::Whole => Ended::Whole,
        copy::Ended::Stopped => Ended::Stopped,
    })
}

/// Opens a database that nobody else uses, brings its schema up to date, and does `work` on it in a transaction. What `work` overwrites is
/// gone from the file, and afterwards the file has no log.
///
/// # Errors
/// Everything about the file, and what `work` answered.
pub(crate) fn alone<T, E: From<Error>>(path: &Path, work: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
    let mut connection = Database::alone(path, OPTIONS).map_err(Error::from)?;
    connection.pragma_update(None, "secure_delete", true).map_err(Error::from)?;
    let transaction = connection.transaction().map_err(Error::from)?;
    let done = work(&transaction)?;
    transaction.commit().map_err(Error::from)?;
    Ok(done)
}

/// Moves what is in the log into the database at `path` and removes the log.
///
/// # Errors
/// Everything about the file.
pub(crate) fn fold_log(path: &Path) -> Result<(), Error> {
    Ok(copy::fold_log(path, OPTIONS)?)
}

/// How the schema differs from what the migrations of its version make; see [`schema::differences`].
///
/// # Errors
/// When it cannot be read.
pub(crate) fn schema_differences(glance: &Glance) -> Result<Vec<String>, Error> {
    let known = usize::try_from(glance.version).unwrap_or(0).min(MIGRATIONS.len());
    Ok(schema::differences(&glance.connection, &MIGRATIONS[..known])?)
}

/// The files in a folder that others can read or write, a sentence each.
pub(crate) fn open_to_others(folder: &Path) -> Vec<String> {
    private::open_to_others(folder)
}

/// The last numbers that a database gave, and when something was written into it last. The schema may be older.
pub(crate) fn last_numbers(connection: &Connection) -> Result<(Numbers, Timestamp), Error> {
    let event = connection.query_row("SELECT value FROM counters WHERE name = 'event'", [], |row| row.get(0))?;
    let delivery = connection
        .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'deliveries'", [], |row| row.get(0))
        .optional()?;
    let newest = connection.query_row(
        "SELECT max(
             coalesce((SELECT created_at FROM events ORDER BY id DESC LIMIT 1), 0),
             coalesce((SELECT started_at FROM attempts ORDER BY id DESC LIMIT 1), 0),
             coalesce((SELECT at FROM requests ORDER BY id DESC LIMIT 1), 0),
             coalesce((SELECT at FROM audit ORDER BY id DESC LIMIT 1), 0))",
        [],
        |row| time(row, 0),
    )?;
    Ok((Numbers { event, delivery: delivery.unwrap_or(0) }, newest))
}

/// How far a database is, how fast it came there, and what the platform that ran on it called it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) last: Numbers,
    pub(crate) pace: Pace,
    pub(crate) epoch: Option<String>,
}

/// Rows that the pace is taken from.
const PACE_SAMPLE: u32 = 10_000;

/// See [`Written`].
pub(crate) fn written(connection: &Connection) -> Result<Written, Error> {
    let (last, newest_at) = last_numbers(connection)?;
    let lane = |table: &str| {
        let sql = format!(
            "SELECT count(*), coalesce(max(created_at) - min(created_at), 0)
             FROM (SELECT created_at FROM {table} ORDER BY id DESC LIMIT {PACE_SAMPLE})"
        );
        connection.query_row(&sql, [], |row| Ok(Lane { n: row.get(0)?, ms: row.get(1)? }))
    };
    let pace = Pace { newest_at, events: lane("events")?, deliveries: lane("deliveries")? };
    Ok(Written { last, pace, epoch: custody::epoch(connection)? })
}

/// Gives no event and no delivery a number up to these: receivers know them already, and would take a new event for one they have seen.
pub(crate) fn number_on(connection: &Connection, numbers: Numbers) -> Result<(), Error> {
    let Numbers { event, delivery } = numbers;
    connection.execute("UPDATE counters SET value = max(value, ?1) WHERE name = 'event'", [event])?;
    let n =
        connection.execute("UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = 'deliveries'", [delivery])?;
    if n == 0 {
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('deliveries', ?1)", [delivery])?;
    }
    Ok(())
}

/// What SQLite finds wrong; see [`copy::faults`].
///
/// # Errors
/// When it cannot even be asked.
pub(crate) fn faults(connection: &Connection) -> Result<Vec<String>, Error> {
    Ok(copy::faults(connection)?)
}

/// What must never be found, each as a question for the ids of rows that are so.
const CONTRADICTIONS: &[(&str, &str)] = &[
    (
        "leases of deliveries that are not there",
        "SELECT delivery_id AS id FROM leases WHERE NOT EXISTS
             (SELECT 1 FROM deliveries d WHERE d.id = delivery_id AND d.subscription_id = leases.subscription_id)",
    ),
    ("waiting deliveries that are never due", "SELECT id FROM deliveries WHERE state = 'pending' AND due_at IS NULL"),
    ("finished or parked deliveries that are due", "SELECT id FROM deliveries WHERE state <> 'pending' AND due_at IS NOT NULL"),
    (
        "deliveries in a state that does not exist",
        "SELECT id FROM deliveries WHERE state NOT IN ('pending', 'succeeded', 'exhausted', 'skipped', 'parked', 'cancelled')",
    ),
    (
        "deliveries that wait for a subscription that is switched off or deleted",
        "SELECT d.id FROM deliveries d JOIN subscriptions s ON s.id = d.subscription_id
         WHERE d.state = 'pending' AND d.kind = 'scheduled' AND (s.disabled_reason IS NOT NULL OR s.deleted_at IS NOT NULL)",
    ),
    (
        "deliveries parked for a subscription that is switched on",
        "SELECT d.id FROM deliveries d JOIN subscriptions s ON s.id = d.subscription_id
         WHERE d.state = 'parked' AND s.disabled_reason IS NULL AND s.deleted_at IS NULL",
    ),
    ("subscriptions that are half switched off", "SELECT id FROM subscriptions WHERE (disabled_reason IS NULL) <> (disabled_at IS NULL)"),
    ("events with a number that was not given yet", "SELECT id FROM events WHERE id > (SELECT value FROM counters WHERE name = 'event')"),
];

/// Rows that contradict each other: a sentence for each kind, with how many there are and the first ids.
pub(crate) fn contradictions(connection: &Connection) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for (what, sql) in CONTRADICTIONS {
        let mut statement = connection.prepare(&format!("SELECT id, count(*) OVER () FROM ({sql}) LIMIT 5"))?;
        let rows: Vec<(i64, i64)> =
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        if let Some((_, n)) = rows.first() {
            let ids: Vec<String> = rows.iter().map(|(id, _)| id.to_string()).collect();
            found.push(format!("{n} {what}: {}{}", ids.join(", "), if *n > 5 { " …" } else { "" }));
        }
    }
    Ok(found)
}
