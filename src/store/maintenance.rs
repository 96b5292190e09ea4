//! Maintenance of a database: copies, integrity checks, and id sequences after a restore.

use super::{Error, MIGRATIONS, OPTIONS, sealed_values, time};
use crate::database::copy::{self, ReadOnlyDatabase};
use crate::database::{Database, schema};
use crate::domain::id_sequences::{IdRate, IdRates, LastIds};
use crate::domain::time::Timestamp;
use crate::files::private;
use rusqlite::{Connection, OptionalExtension as _};
use std::ops::ControlFlow;
use std::path::Path;

/// Progress of a copy in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupProgress {
    /// Total number of bytes to copy.
    pub n_bytes: u64,
    /// Number of bytes copied so far.
    pub n_copied: u64,
}

/// End of a copy operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BackupEnd {
    /// The copy is complete and usable.
    Complete,
    /// The caller stopped the copy.
    Stopped,
}

/// Opens a platform's database read-only, also while a platform runs on it.
///
/// # Errors
/// [`Error`] when the file is foreign, damaged, newer or unreadable.
pub(crate) fn open_read_only(path: &Path) -> Result<ReadOnlyDatabase, Error> {
    Ok(copy::open_read_only(path, OPTIONS)?)
}

/// Returns whether the schema of a database is up to date.
pub(crate) fn is_current(glance: &ReadOnlyDatabase) -> bool {
    usize::try_from(glance.version) == Ok(MIGRATIONS.len())
}

/// Copies the state seen by a read-only database into a new file. See [`copy::copy_database`].
///
/// # Errors
/// [`Error`] when the copy cannot keep up with writes, the file is damaged, or the file system fails.
pub(crate) fn copy(
    glance: &ReadOnlyDatabase,
    to: &Path,
    mut step: impl FnMut(BackupProgress) -> ControlFlow<()>,
) -> Result<BackupEnd, Error> {
    let told = |at: copy::CopyProgress| step(BackupProgress { n_bytes: at.n_bytes, n_copied: at.n_copied });
    Ok(match copy::copy_database(glance, to, told)? {
        copy::CopyEnd::Complete => BackupEnd::Complete,
        copy::CopyEnd::Stopped => BackupEnd::Stopped,
    })
}

/// Opens a database that no other process uses, migrates its schema and runs `work` in a transaction. Overwritten data
/// is erased from the file, and the file has no log afterwards.
///
/// # Errors
/// The error of opening or migrating the file, or the error of `work`.
pub(crate) fn with_exclusive<T, E: From<Error>>(
    path: &Path,
    work: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    let mut connection = Database::open_without_threads(path, OPTIONS).map_err(Error::from)?;
    connection.pragma_update(None, "secure_delete", true).map_err(Error::from)?;
    let transaction = connection.transaction().map_err(Error::from)?;
    let done = work(&transaction)?;
    transaction.commit().map_err(Error::from)?;
    Ok(done)
}

/// Checkpoints the write-ahead log into the database at `path` and removes the log.
///
/// # Errors
/// [`Error`] when the file is foreign, damaged, newer or cannot be written.
pub(crate) fn truncate_wal(path: &Path) -> Result<(), Error> {
    Ok(copy::truncate_wal(path, OPTIONS)?)
}

/// Lists the differences between the schema and the one that the migrations of its version create; see
/// [`schema::differences`].
///
/// # Errors
/// [`Error`] when the schema cannot be read.
pub(crate) fn schema_differences(glance: &ReadOnlyDatabase) -> Result<Vec<String>, Error> {
    let known = usize::try_from(glance.version).unwrap_or(0).min(MIGRATIONS.len());
    Ok(schema::differences(&glance.connection, &MIGRATIONS[..known])?)
}

/// Lists the files of a folder that other users can read or write, one sentence each.
pub(crate) fn open_to_others(folder: &Path) -> Vec<String> {
    private::files_open_to_others(folder)
}

/// Returns the last ids that a database assigned and the time of its last write. Works with older schemas too.
pub(crate) fn last_ids(connection: &Connection) -> Result<(LastIds, Timestamp), Error> {
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
    Ok((LastIds { event, delivery: delivery.unwrap_or(0) }, newest))
}

/// Id sequences of a database, the rate at which ids were assigned, and the epoch of its last start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SequenceState {
    pub(crate) last: LastIds,
    pub(crate) id_rates: IdRates,
    pub(crate) epoch: Option<String>,
}

/// Number of rows from which the rate is measured.
const RATE_SAMPLE_ROWS: u32 = 10_000;

/// Reads the id sequences, their rate and the epoch; see [`SequenceState`].
pub(crate) fn sequence_state(connection: &Connection) -> Result<SequenceState, Error> {
    let (last, newest_at) = last_ids(connection)?;
    let lane = |table: &str| {
        let sql = format!(
            "SELECT count(*), coalesce(max(created_at) - min(created_at), 0)
             FROM (SELECT created_at FROM {table} ORDER BY id DESC LIMIT {RATE_SAMPLE_ROWS})"
        );
        connection.query_row(&sql, [], |row| Ok(IdRate { n_assigned: row.get(0)?, within_ms: row.get(1)? }))
    };
    let pace = IdRates { last_write_at: newest_at, events: lane("events")?, deliveries: lane("deliveries")? };
    Ok(SequenceState { last, id_rates: pace, epoch: sealed_values::epoch(connection)? })
}

/// Raises the id sequences of events and deliveries to at least these ids. Receivers know the earlier ids and would
/// take a new event with such an id for one they have seen.
pub(crate) fn raise_sequences(connection: &Connection, numbers: LastIds) -> Result<(), Error> {
    let LastIds { event, delivery } = numbers;
    connection.execute("UPDATE counters SET value = max(value, ?1) WHERE name = 'event'", [event])?;
    let n =
        connection.execute("UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = 'deliveries'", [delivery])?;
    if n == 0 {
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('deliveries', ?1)", [delivery])?;
    }
    Ok(())
}

/// Lists the faults that SQLite's integrity check reports; see [`copy::integrity_faults`].
///
/// # Errors
/// [`Error`] when the check cannot run.
pub(crate) fn integrity_faults(connection: &Connection) -> Result<Vec<String>, Error> {
    Ok(copy::integrity_faults(connection)?)
}

/// Invariants of the data: a description and a query for the ids of rows that violate it.
const INVARIANTS: &[(&str, &str)] = &[
    (
        "leases of missing deliveries",
        "SELECT delivery_id AS id FROM leases WHERE NOT EXISTS
             (SELECT 1 FROM deliveries d WHERE d.id = delivery_id AND d.subscription_id = leases.subscription_id)",
    ),
    ("pending deliveries without a due time", "SELECT id FROM deliveries WHERE state = 'pending' AND due_at IS NULL"),
    ("finished or held deliveries with a due time", "SELECT id FROM deliveries WHERE state <> 'pending' AND due_at IS NOT NULL"),
    (
        "deliveries in an unknown state",
        "SELECT id FROM deliveries WHERE state NOT IN ('pending', 'succeeded', 'exhausted', 'missed', 'on_hold', 'cancelled')",
    ),
    (
        "pending deliveries of a disabled or deleted subscription",
        "SELECT d.id FROM deliveries d JOIN subscriptions s ON s.id = d.subscription_id
         WHERE d.state = 'pending' AND d.kind = 'scheduled' AND (s.disabled_reason IS NOT NULL OR s.deleted_at IS NOT NULL)",
    ),
    (
        "held deliveries of an enabled subscription",
        "SELECT d.id FROM deliveries d JOIN subscriptions s ON s.id = d.subscription_id
         WHERE d.state = 'on_hold' AND s.disabled_reason IS NULL AND s.deleted_at IS NULL",
    ),
    ("subscriptions with an incomplete disabled state", "SELECT id FROM subscriptions WHERE (disabled_reason IS NULL) <> (disabled_at IS NULL)"),
    (
        "companies whose stored events have another size than counted",
        "SELECT id FROM companies c WHERE coalesce((SELECT n_bytes FROM company_event_sizes s WHERE s.company_id = c.id), 0)
             <> (SELECT coalesce(sum(octet_length(body) + 128), 0) FROM events e WHERE e.company_id = c.id)",
    ),
    ("events with an id that was not issued yet", "SELECT id FROM events WHERE id > (SELECT value FROM counters WHERE name = 'event')"),
];

/// Lists violated invariants, one sentence each, with the number of rows and the first ids.
pub(crate) fn invariant_violations(connection: &Connection) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for (what, sql) in INVARIANTS {
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
