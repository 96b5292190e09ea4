//! Backup of a platform: a consistent copy of the database, made while the platform runs and checked before the copy
//! gets its name. Beside it are the master key, which the secrets in the copy need, and an authentication code under
//! that key, which proves the origin of the copy.

use super::super::files;
use super::super::master_key::{self, MasterKey, MasterKeySource};
use super::super::vault::KeyProof;
use super::{prepare_destination, store_error};
use crate::engine::error::Error;
use crate::store;
use crate::store::maintenance::{BackupEnd, BackupProgress};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use std::fs::File;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Treatment of existing files with the backup's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExistingBackup {
    /// Existing files are kept, and no backup is made.
    Keep,
    /// Existing files are replaced by the backup.
    Replace,
}

/// Result of a completed backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupResult {
    /// Size of the copied database in bytes.
    pub n_bytes: u64,
    /// File with the master key; `None` where the key is kept elsewhere.
    pub key: Option<PathBuf>,
}

/// Path of the key file beside a backup.
pub(super) fn key_path(file: &Path) -> PathBuf {
    files::with_suffix(file, ".key")
}

/// Path of the authentication code beside a backup.
pub(super) fn code_path(file: &Path) -> PathBuf {
    files::with_suffix(file, ".mac")
}

/// Computes the authentication code of a file: HMAC-SHA256 over its bytes.
pub(super) fn authentication_code(file: &Path, root: &MasterKey) -> Result<Hmac<Sha256>, Error> {
    let io = |source| Error::Io { path: file.to_owned(), source };
    let mut bytes = vec![0; COPY_BUFFER_BYTES];
    let (mut reader, mut mac) = (File::open(file).map_err(io)?, root.backup_mac());
    loop {
        match reader.read(&mut bytes).map_err(io)? {
            0 => return Ok(mac),
            n => mac.update(&bytes[..n]),
        }
    }
}

/// Read buffer of a file copy in bytes.
pub(super) const COPY_BUFFER_BYTES: usize = 1 << 20;

/// Backs up the database of the data directory `dir` to `file`, with the key in `file` plus `.key` and the
/// authentication code in `file` plus `.mac`. `step` receives the progress and decides whether to continue; `None` if
/// it stopped the copy. The copy has a temporary name until it is complete.
///
/// # Errors
/// [`Error::FileExists`], [`Error::DatabaseDamaged`], [`Error::UnsealFailed`] for a wrong key, [`Error::Store`] or [`Error::Io`] when a
/// file cannot be read or written. An existing backup is then unchanged.
pub fn backup(
    dir: &Path,
    custody: &MasterKeySource,
    file: &Path,
    existing: ExistingBackup,
    step: impl FnMut(BackupProgress) -> ControlFlow<()>,
) -> Result<Option<BackupResult>, Error> {
    let is_there = |path: &PathBuf| existing == ExistingBackup::Keep && path.exists();
    if let Some(path) = [file.to_owned(), key_path(file), code_path(file)].into_iter().find(is_there) {
        return Err(Error::FileExists(path));
    }
    let glance = store::maintenance::open_read_only(&store::database(dir)).map_err(store_error)?;
    let partial = files::with_suffix(file, ".partial");
    prepare_destination(&partial)?;
    let made = finish_backup(dir, custody, file, &partial, |partial| {
        store::maintenance::copy(&glance, partial, step).map_err(store_error)
    });
    if !matches!(made, Ok(Some(_))) {
        files::remove(&partial)?;
    }
    made
}

fn finish_backup(
    dir: &Path,
    custody: &MasterKeySource,
    file: &Path,
    partial: &Path,
    copy: impl FnOnce(&Path) -> Result<BackupEnd, Error>,
) -> Result<Option<BackupResult>, Error> {
    if copy(partial)? == BackupEnd::Stopped {
        return Ok(None);
    }
    let glance = store::maintenance::open_read_only(partial).map_err(store_error)?;
    if let Some(fault) =
        store::maintenance::integrity_faults(&glance.connection).map_err(store_error)?.into_iter().next()
    {
        return Err(Error::DatabaseDamaged { path: store::database(dir), fault });
    }
    let key = match custody {
        MasterKeySource::Provided(_) => None,
        MasterKeySource::File => Some(key_path(file)),
    };
    let proof = KeyProof::read(&glance.connection).map_err(store_error)?;
    let root = master_key::find_key(dir, custody, |root| proof.check(root))?;
    if let Some(key) = &key {
        files::write_private(key, &root.file_text())?;
    }
    drop(glance);
    let code = authentication_code(partial, &root)?.finalize().into_bytes();
    files::write_private(&code_path(file), &format!("{}\n", hex::encode(code)))?;
    let n_bytes = std::fs::metadata(partial).map_or(0, |file| file.len());
    // Renamed last: the new backup gets its name only after its key and code are in place.
    files::rename(partial, file)?;
    Ok(Some(BackupResult { n_bytes, key }))
}
