//! Restore of a backup. The old database is kept aside. After an interruption at any point, either the old or the new
//! database is in place, with the key that opens it.

use super::super::caller::{AuditedChange, Caller};
use super::super::lifecycle::make_dir;
use super::super::master_key::{self, MasterKey, MasterKeySource};
use super::super::vault::{KeyProof, Vault};
use super::super::{audit, files};
use super::backup::{self, COPY_BUFFER_BYTES, code_path, key_path};
use super::{AUDIT_COMMAND, prepare_destination, store_error};
use crate::clock::RuntimeEnv;
use crate::domain::id_sequences::LastIds;
use crate::domain::time::Timestamp;
use crate::engine::error::Error;
use crate::files::{MAX_SECRET_BYTES, read_text_limited};
use crate::store;
use crate::store::maintenance::{BackupEnd, BackupProgress, SequenceState};
use hmac::Mac as _;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Result of a completed restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreResult {
    /// Path of the old database, if there was one.
    pub aside: Option<PathBuf>,
    /// Last event and delivery numbers that will not be used again.
    pub last: LastIds,
    /// Way in which these numbers were determined.
    pub continuation: NumberContinuation,
}

/// Way in which the next event and delivery numbers were determined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberContinuation {
    /// From the replaced database, which is newer than the backup.
    Replaced,
    /// By leaving a gap: the numbers used since the backup are unknown here.
    Gap,
    /// From the event number given by the operator.
    Requested,
}

/// Backup to restore and its conditions.
#[derive(Debug, Clone, Copy)]
pub struct RestoreRequest<'a> {
    /// Path of the backup file.
    pub file: &'a Path,
    /// Required proof of the backup's origin.
    pub origin: BackupTrust,
    /// Last event that receivers know, if the operator knows it.
    pub after_event: Option<i64>,
}

/// Backups that a restore accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupTrust {
    /// Only backups whose authentication code proves that the platform's key made them and that they are unchanged.
    Proven,
    /// Any database of this program, such as a manual copy; the schema must still be this program's.
    Any,
}

/// Restores the backup `file` into the data directory `dir`. `step` receives the progress of the copy and decides
/// whether to continue; `None` if it stopped the copy.
///
/// # Errors
/// [`Error::Store`] while a platform is running there, or for a file that is foreign or newer; [`Error::BackupCodeMissing`]
/// and [`Error::BackupForged`] when the authentication fails; [`Error::DatabaseDamaged`] when the copy is damaged or has another
/// schema; [`Error::UnsealFailed`] when neither the key beside the backup nor the directory's key opens it. The old
/// database is then in place and unchanged.
pub fn restore(
    dir: &Path,
    custody: &MasterKeySource,
    asked: RestoreRequest<'_>,
    ambient: &RuntimeEnv,
    step: impl FnMut(BackupProgress) -> ControlFlow<()>,
) -> Result<Option<RestoreResult>, Error> {
    let RestoreRequest { file, origin, after_event } = asked;
    // Only regular files are accepted: a pipe or a device would block, or never end.
    crate::files::open_regular(file).map_err(|source| Error::Io { path: file.to_owned(), source })?;
    make_dir(dir)?;
    let _lock = store::lock(dir).map_err(store_error)?;
    let database = store::database(dir);
    let next = files::with_suffix(&database, ".restoring");
    let taken = copy_and_verify(dir, custody, (file, origin), &next, step);
    if !matches!(taken, Ok(Some(_))) {
        files::remove(&next)?;
    }
    let Some((vault, key)) = taken? else { return Ok(None) };
    let replaced = replaced_numbers(&database);
    let (last, continuation) = store::maintenance::with_exclusive(&next, |connection| {
        let written = store::maintenance::sequence_state(connection)?;
        let (last, continuation) = continue_numbers(&written, replaced, after_event, ambient);
        store::maintenance::raise_sequences(connection, last)?;
        store::sealed_values::clear_epoch(connection)?;
        let Some(vault) = &vault else { return Ok((last, continuation)) };
        audit::upgrade_audit_chain(connection, vault, ambient)?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let after = format!("from {name}; goes on after event {}, delivery {}", last.event, last.delivery);
        let (action, subject) = ("restore", "the database".to_owned());
        let change = AuditedChange { action, subject, before: None, after: Some(after), reason: None };
        Caller::local_command(AUDIT_COMMAND, ambient, vault.audit_key())
            .append_audit_row(connection, ambient, change)?;
        Ok::<_, Error>((last, continuation))
    })?;
    if let Some(root) = &key {
        files::write_private(&master_key::next_key_file(dir), &root.file_text())?;
    }
    let aside = put_aside(dir, &database, key.as_deref(), ambient)?;
    files::rename(&next, &database)?;
    if key.is_some() {
        files::rename(&master_key::next_key_file(dir), &master_key::key_file(dir))?;
    }
    super::super::numbers::remove_record(dir)?;
    Ok(Some(RestoreResult { aside, last, continuation }))
}

/// Vault of a backup, `None` where nothing is sealed yet, and the key to install with the backup, if the directory
/// lacks it.
type OpenedBackup = (Option<Vault>, Option<Arc<MasterKey>>);

/// Copies the backup to `to` and checks the copy, so that the checked bytes are the ones installed. `None` if `step`
/// stopped the copy.
fn copy_and_verify(
    dir: &Path,
    custody: &MasterKeySource,
    (file, origin): (&Path, BackupTrust),
    to: &Path,
    step: impl FnMut(BackupProgress) -> ControlFlow<()>,
) -> Result<Option<OpenedBackup>, Error> {
    let beside = match custody {
        MasterKeySource::File => master_key::read_key_file(&key_path(file))?.map(Arc::new),
        MasterKeySource::Provided(_) => None,
    };
    let code = read_code(&code_path(file))?;
    if code.is_none() && origin == BackupTrust::Proven && file.exists() {
        return Err(Error::BackupCodeMissing(code_path(file)));
    }
    prepare_destination(to)?;
    // An authenticated backup is a single file; a write-ahead log beside another database belongs to its contents.
    let ended = match code {
        Some(_) => copy_bytes(file, to, step)?,
        None => store::maintenance::copy(&store::maintenance::open_read_only(file).map_err(store_error)?, to, step)
            .map_err(store_error)?,
    };
    if ended == BackupEnd::Stopped {
        return Ok(None);
    }
    if let Some(code) = code {
        authenticate(dir, custody, (file, beside.as_ref()), to, &code)?;
    }
    check_copy(dir, custody, file, to, beside).map(Some)
}

/// Reads an authentication code; `None` if there is no file.
fn read_code(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match read_text_limited(path, MAX_SECRET_BYTES) {
        // Malformed text matches no backup, so it fails as a wrong code.
        Ok(text) => Ok(Some(hex::decode(text.trim()).unwrap_or_default())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Io { path: path.to_owned(), source }),
    }
}

/// Copies a file byte by byte, in large blocks.
fn copy_bytes(
    from: &Path,
    to: &Path,
    mut step: impl FnMut(BackupProgress) -> ControlFlow<()>,
) -> Result<BackupEnd, Error> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io { path, source }
    };
    let mut source = File::open(from).map_err(io(from))?;
    let mut target = OpenOptions::new().write(true).open(to).map_err(io(to))?;
    let n_bytes = source.metadata().map_err(io(from))?.len();
    let (mut bytes, mut n_copied) = (vec![0; COPY_BUFFER_BYTES], 0);
    loop {
        let n = source.read(&mut bytes).map_err(io(from))?;
        target.write_all(&bytes[..n]).map_err(io(to))?;
        n_copied += n as u64;
        if n == 0 {
            target.sync_all().map_err(io(to))?;
            return Ok(BackupEnd::Complete);
        }
        if step(BackupProgress { n_bytes: n_bytes.max(n_copied), n_copied }).is_break() {
            return Ok(BackupEnd::Stopped);
        }
    }
}

/// Verifies the authentication code of a copy, with the key beside the backup or the keys of the directory.
fn authenticate(
    dir: &Path,
    custody: &MasterKeySource,
    (file, beside): (&Path, Option<&Arc<MasterKey>>),
    copy: &Path,
    code: &[u8],
) -> Result<(), Error> {
    let roots = match beside {
        Some(root) => vec![Arc::clone(root)],
        None => master_key::candidate_keys(dir, custody)?,
    };
    for root in &roots {
        if backup::authentication_code(copy, root)?.verify_slice(code).is_ok() {
            return Ok(());
        }
    }
    Err(match roots.first() {
        Some(root) => {
            Error::BackupForged { path: file.to_owned(), code: code_path(file), key: root.origin().to_owned() }
        }
        None => Error::MasterKeyMissing(key_path(file)),
    })
}

/// Checks schema, integrity and key of a copy.
fn check_copy(
    dir: &Path,
    custody: &MasterKeySource,
    file: &Path,
    copy: &Path,
    beside: Option<Arc<MasterKey>>,
) -> Result<OpenedBackup, Error> {
    let glance = store::maintenance::open_read_only(copy).map_err(store_error)?;
    let mut faults = store::maintenance::schema_differences(&glance).map_err(store_error)?;
    faults.extend(store::maintenance::integrity_faults(&glance.connection).map_err(store_error)?);
    if !faults.is_empty() {
        faults.truncate(MAX_NAMED_FAULTS);
        return Err(Error::DatabaseDamaged { path: file.to_owned(), fault: faults.join("; ") });
    }
    let proof = KeyProof::read(&glance.connection).map_err(store_error)?;
    let root = match &beside {
        Some(root) => proof.check(root).map(|()| Arc::clone(root))?,
        None => master_key::find_key(dir, custody, |root| proof.check(root))?,
    };
    Ok((Vault::open_with(root, &proof)?, beside))
}

/// Maximum number of faults named in an error.
const MAX_NAMED_FAULTS: usize = 10;

/// Reads the last numbers of the present database and its last write; `None` if the database cannot be read.
fn replaced_numbers(database: &Path) -> Option<(LastIds, Timestamp)> {
    let glance = store::maintenance::open_read_only(database).ok()?;
    store::maintenance::last_ids(&glance.connection).ok()
}

/// Determines the last numbers that must not be used again.
fn continue_numbers(
    written: &SequenceState,
    replaced: Option<(LastIds, Timestamp)>,
    after_event: Option<i64>,
    ambient: &RuntimeEnv,
) -> (LastIds, NumberContinuation) {
    let known = replaced.map_or(written.last, |(last, _)| last.max(written.last));
    let gap = known.after_gap(&written.id_rates, ambient.now());
    match (after_event, replaced) {
        (Some(event), _) => (LastIds { event: event.max(written.last.event), ..gap }, NumberContinuation::Requested),
        (None, Some((_, newest_at))) if newest_at >= written.id_rates.last_write_at => {
            (known, NumberContinuation::Replaced)
        }
        (None, _) => (gap, NumberContinuation::Gap),
    }
}

/// Gives the old database and its key a second name. A write-ahead log that cannot be folded in moves with it: beside
/// another database the log would corrupt that one.
fn put_aside(
    dir: &Path,
    database: &Path,
    key: Option<&MasterKey>,
    ambient: &RuntimeEnv,
) -> Result<Option<PathBuf>, Error> {
    if !database.exists() {
        return Ok(None);
    }
    let at = ambient.now().format(".before-%Y%m%dT%H%M%SZ");
    // An earlier restore may have been interrupted within the same second.
    let names = std::iter::once(at.clone()).chain((2..).map(|n| format!("{at}-{n}")));
    let free = names.map(|name| files::with_suffix(database, &name)).find(|path| !path.exists());
    let aside = free.unwrap_or_else(|| files::with_suffix(database, &at));
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io { path, source }
    };
    let _ = store::maintenance::truncate_wal(database);
    // A hard link keeps the database under its own name until the rename replaces it.
    std::fs::hard_link(database, &aside).map_err(io(&aside))?;
    if key.is_some() && master_key::key_file(dir).exists() {
        let old = key_path(&aside);
        std::fs::hard_link(master_key::key_file(dir), &old).map_err(io(&old))?;
    }
    let log = files::with_suffix(database, "-wal");
    if log.exists() {
        files::rename(&log, &files::with_suffix(&aside, "-wal"))?;
    }
    files::remove(&files::with_suffix(database, "-shm"))?;
    Ok(Some(aside))
}
