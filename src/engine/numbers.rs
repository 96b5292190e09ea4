//! Numbers of events and deliveries are never reused, because receivers deduplicate by them. A record beside the
//! database stores the last numbers. When the database is not the one left by the previous run, because it was
//! restored from a copy or moved from another machine, numbering resumes after a gap wider than what may have been
//! used since.

use super::caller::{AuditedChange, Caller};
use super::error::Error;
use super::files;
use super::vault::Vault;
use crate::clock::RuntimeEnv;
use crate::domain::id_sequences::LastIds;
use crate::files::{MAX_STATE_BYTES, read_text_limited};
use crate::store;
use crate::store::PlatformStore;
use crate::store::maintenance::SequenceState;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// File name of the number record in the data directory.
const NUMBER_RECORD_FILE: &str = "platform.numbers";

/// Last numbers and identity of the database file at the previous run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct NumberRecord {
    /// Accepted epochs of the database, before and after a start; an empty string means none.
    epochs: [String; 2],
    /// Identity of the database file.
    file: FileIdentity,
    /// Last number of an event.
    event: i64,
    /// Last number of a delivery.
    delivery: i64,
    /// Whether the platform stopped in order, so that no number was used afterwards.
    is_final: bool,
}

/// Identity that distinguishes a file from another one in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct FileIdentity {
    device: u64,
    inode: u64,
    /// Creation time in nanoseconds since 1970, where the file system records it.
    born: Option<u128>,
}

impl FileIdentity {
    fn of(path: &Path) -> Result<Self, Error> {
        let found = std::fs::metadata(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
        let born = found.created().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map(|age| age.as_nanos());
        Ok(Self { device: found.dev(), inode: found.ino(), born })
    }
}

impl NumberRecord {
    /// Whether a database in this state contains every number used so far.
    fn is_continued_by(&self, written: &SequenceState, file: &FileIdentity) -> bool {
        let LastIds { event, delivery } = written.last;
        let is_known = self.epochs.contains(&written.epoch.clone().unwrap_or_default());
        let is_as_left = self.is_final && (event, delivery) == (self.event, self.delivery);
        let went_on = !self.is_final && *file == self.file && event >= self.event && delivery >= self.delivery;
        is_known && (is_as_left || went_on)
    }
}

fn record_path(dir: &Path) -> PathBuf {
    dir.join(NUMBER_RECORD_FILE)
}

/// Reads the number record; `None` if there is no file. An unreadable record matches no database.
fn read_record(dir: &Path) -> Option<NumberRecord> {
    let text = match read_text_limited(&record_path(dir), MAX_STATE_BYTES) {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        read => read.unwrap_or_default(),
    };
    let unreadable = NumberRecord {
        epochs: [String::from("?"), String::from("?")],
        file: FileIdentity { device: 0, inode: 0, born: None },
        event: 0,
        delivery: 0,
        is_final: false,
    };
    Some(serde_json::from_str(&text).unwrap_or(unreadable))
}

/// Writes the number record. A failure only makes the next start leave a gap, so it is logged.
fn write_record(dir: &Path, record: &NumberRecord) {
    let written = serde_json::to_string(record).map_err(|error| error.to_string());
    let written =
        written.and_then(|text| files::write_private(&record_path(dir), &text).map_err(|error| error.to_string()));
    if let Err(why) = written {
        tracing::warn!(why, "the last ids used could not be stored; the next start skips some");
    }
}

/// Removes the number record, so that the next start continues from the numbers of the database.
pub(super) fn remove_record(dir: &Path) -> Result<(), Error> {
    files::remove(&record_path(dir))
}

/// Starts numbering, after a gap if the database cannot be the one left by the previous run.
///
/// # Errors
/// [`Error`] when the record, the file or the database cannot be read or written.
pub(super) async fn start_numbering(
    store: &PlatformStore,
    dir: &Path,
    vault: &Vault,
    ambient: &RuntimeEnv,
) -> Result<(), Error> {
    let written = store.read(store::maintenance::sequence_state).await?;
    let (record, file) = (read_record(dir), FileIdentity::of(&store::database(dir))?);
    let is_followed = match (&record, &written.epoch) {
        (None, epoch) => epoch.is_none(),
        (Some(record), _) => record.is_continued_by(&written, &file),
    };
    let known = record.map_or(written.last, |record| LastIds { event: record.event, delivery: record.delivery });
    let last =
        if is_followed { written.last } else { written.last.max(known).after_gap(&written.id_rates, ambient.now()) };
    let epoch = hex::encode(ambient.random_bytes::<16>());
    let epochs = [written.epoch.clone().unwrap_or_default(), epoch.clone()];
    let mut record = NumberRecord { epochs, file, event: last.event, delivery: last.delivery, is_final: false };
    write_record(dir, &record);
    let (vault, clock) = (vault.clone(), ambient.clone());
    let begun = store
        .write(move |connection| {
            store::sealed_values::set_epoch(connection, &epoch)?;
            if is_followed {
                return Ok(());
            }
            let why = "the database is not the one last used here; it was restored or copied from elsewhere";
            advance_sequences(connection, &vault, &clock, (written.last, last), why)
        })
        .await;
    match begun {
        // No number is used before storage accepts writes. If the process is killed later, the next start leaves a
        // gap.
        Err(Error::StorageFull(_)) if is_followed => return Ok(()),
        begun => begun?,
    }
    // Only now the old epoch is dropped: a copy from before this start no longer matches the record.
    let [_, epoch] = record.epochs;
    record.epochs = [epoch.clone(), epoch];
    write_record(dir, &record);
    if !is_followed {
        tracing::warn!(
            event = last.event,
            delivery = last.delivery,
            "the database is older than the one last used here, or from elsewhere: new events and deliveries are numbered after these"
        );
    }
    Ok(())
}

/// Advances the sequences beyond a gap and records this in the audit trail.
pub(super) fn advance_sequences(
    connection: &Connection,
    vault: &Vault,
    ambient: &RuntimeEnv,
    (from, to): (LastIds, LastIds),
    why: &str,
) -> Result<(), Error> {
    store::maintenance::raise_sequences(connection, to)?;
    let named = |numbers: LastIds| format!("event {}, delivery {}", numbers.event, numbers.delivery);
    let change = AuditedChange {
        action: "leave out numbers",
        subject: "events and deliveries".to_owned(),
        before: Some(named(from)),
        after: Some(named(to)),
        reason: Some(why.to_owned()),
    };
    Ok(Caller::local_command("crow", ambient, vault.audit_key()).append_audit_row(connection, ambient, change)?)
}

/// Records an orderly stop with the last numbers.
pub(super) async fn record_clean_stop(store: &PlatformStore, dir: &Path) {
    let (Ok(written), Ok(file)) =
        (store.read(store::maintenance::sequence_state).await, FileIdentity::of(&store::database(dir)))
    else {
        return;
    };
    let epoch = written.epoch.unwrap_or_default();
    let LastIds { event, delivery } = written.last;
    write_record(dir, &NumberRecord { epochs: [epoch.clone(), epoch], file, event, delivery, is_final: true });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id_sequences::IdRates;

    #[test]
    fn d2_only_a_database_that_gave_every_number_goes_on_without_a_gap() {
        let file = FileIdentity { device: 1, inode: 2, born: Some(3) };
        let other = FileIdentity { inode: 9, ..file.clone() };
        let reborn = FileIdentity { born: Some(9), ..file.clone() };
        let record = |is_final| NumberRecord {
            epochs: ["a".to_owned(), "b".to_owned()],
            file: file.clone(),
            event: 10,
            delivery: 20,
            is_final,
        };
        let written = |epoch: Option<&str>, event, delivery| SequenceState {
            last: LastIds { event, delivery },
            id_rates: IdRates::default(),
            epoch: epoch.map(str::to_owned),
        };
        let cases = [
            (true, Some("b"), (10, 20), &file, true, "as it was left"),
            (true, Some("b"), (10, 20), &other, true, "as it was left, moved"),
            (true, Some("a"), (10, 20), &file, true, "the start was cut short before the database knew"),
            (true, Some("b"), (9, 20), &file, false, "older than it was left"),
            (true, Some("b"), (11, 21), &file, false, "not what was left: it ran elsewhere"),
            (true, Some("c"), (10, 20), &file, false, "another one"),
            (true, None, (10, 20), &file, false, "from before it was known"),
            (false, Some("b"), (12, 25), &file, true, "it was killed"),
            (false, Some("b"), (12, 25), &other, false, "a copy of a running one, put back"),
            (false, Some("b"), (12, 25), &reborn, false, "the same, in a place that was free again"),
            (false, Some("b"), (12, 19), &file, false, "a delivery is missing"),
            (false, Some("z"), (12, 25), &file, false, "overwritten with an earlier one"),
        ];
        for (is_final, epoch, (event, delivery), found, wanted, what) in cases {
            assert_eq!(record(is_final).is_continued_by(&written(epoch, event, delivery), found), wanted, "{what}");
        }
    }
}
