//! A backup: a consistent copy of the database, made while others write, checked before it gets its name; beside it the key, without which no
//! key, token or signing secret in it is of use, and an authentication code under that key, without which anybody could have made it.

use super::super::root::{self, Custody, Root};
use super::super::vault::Proof;
use super::super::{Error, files};
use super::{clear, store_error};
use crate::store;
use crate::store::upkeep::{Ended, Progress};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use std::fs::File;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// What becomes of a file that has the backup's name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and no backup is made.
    Kept,
    /// The backup takes its place.
    Replaced,
}

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Bytes of the database.
    pub n_bytes: u64,
    /// The file with the key; none where the key is kept elsewhere.
    pub key: Option<PathBuf>,
}

/// The key's file beside a backup.
pub(super) fn key_of(file: &Path) -> PathBuf {
    files::beside(file, ".key")
}

/// The file of the authentication code beside a backup.
pub(super) fn code_of(file: &Path) -> PathBuf {
    files::beside(file, ".mac")
}

/// The authentication code of a file: HMAC-SHA256 over its bytes.
pub(super) fn code(file: &Path, root: &Root) -> Result<Hmac<Sha256>, Error> {
    let io = |source| Error::Io { path: file.to_owned(), source };
    let mut bytes = vec![0; CHUNK];
    let (mut reader, mut mac) = (File::open(file).map_err(io)?, root.backup_mac());
    loop {
        match reader.read(&mut bytes).map_err(io)? {
            0 => return Ok(mac),
            n => mac.update(&bytes[..n]),
        }
    }
}

/// Bytes that are read at once.
pub(super) const CHUNK: usize = 1 << 20;

/// Copies the database of the data directory `dir` to `file`, its key to `file` with `.key` behind it, and its
/// authentication code to `file` with `.mac` behind it. `step` is told how far it is and
/// says whether to go on; `None` if not. Until it is whole the copy has another name.
///
/// # Errors
/// [`Error::Exists`], [`Error::Unsound`], [`Error::Sealed`] where the key is not the one, and everything about the files. What was there
/// before is then as it was.
pub fn backup(
    dir: &Path,
    custody: &Custody,
    file: &Path,
    existing: Existing,
    step: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Option<Backup>, Error> {
    let is_there = |path: &PathBuf| existing == Existing::Kept && path.exists();
    if let Some(path) = [file.to_owned(), key_of(file), code_of(file)].into_iter().find(is_there) {
        return Err(Error::Exists(path));
    }
    let glance = store::upkeep::glance(&store::database(dir)).map_err(store_error)?;
    let partial = files::beside(file, ".partial");
    clear(&partial)?;
    let made =
        make(dir, custody, file, &partial, |partial| store::upkeep::copy(&glance, partial, step).map_err(store_error));
    if !matches!(made, Ok(Some(_))) {
        files::remove(&partial)?;
    }
    made
}

fn make(
    dir: &Path,
    custody: &Custody,
    file: &Path,
    partial: &Path,
    copy: impl FnOnce(&Path) -> Result<Ended, Error>,
) -> Result<Option<Backup>, Error> {
    if copy(partial)? == Ended::Stopped {
        return Ok(None);
    }
    let glance = store::upkeep::glance(partial).map_err(store_error)?;
    if let Some(fault) = store::upkeep::faults(&glance.connection).map_err(store_error)?.into_iter().next() {
        return Err(Error::Unsound { path: store::database(dir), fault });
    }
    let key = match custody {
        Custody::Given(_) => None,
        Custody::File => Some(key_of(file)),
    };
    let proof = Proof::of(&glance.connection).map_err(store_error)?;
    let root = root::find(dir, custody, |root| proof.judge(root))?;
    if let Some(key) = &key {
        files::write_private(key, &root.text())?;
    }
    drop(glance);
    let code = code(partial, &root)?.finalize().into_bytes();
    files::write_private(&code_of(file), &format!("{}\n", hex::encode(code)))?;
    let n_bytes = std::fs::metadata(partial).map_or(0, |file| file.len());
    files::rename(partial, file)?;
    Ok(Some(Backup { n_bytes, key }))
}
