//! Files beside the database that only their owner may read, written atomically and durably.

use super::{Error, master_key};
use crate::store;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Appends a suffix to a path: `platform.key` and `.next` give `platform.key.next`.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Writes a file that only its owner can read. An existing file is replaced atomically, and the content survives a
/// power loss.
///
/// # Errors
/// [`Error::Io`] when the file system refuses; an existing file is then unchanged.
pub fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    let next = with_suffix(path, ".new");
    let _ = std::fs::remove_file(&next);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&next).map_err(io)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
    rename(&next, path)
}

/// Renames a file atomically and durably.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    std::fs::rename(from, to).map_err(|source| Error::Io { path: to.to_owned(), source })?;
    sync_folder(to)
}

/// Removes a file durably, if it exists.
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Ok(()) => sync_folder(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(Error::Io { path: path.to_owned(), source }),
    }
}

/// Syncs the directory of a path; without this a new name may be lost on a power loss.
fn sync_folder(path: &Path) -> Result<(), Error> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| Error::Io { path: folder.to_owned(), source })
}

/// Path of the file with the first operator's token.
pub(super) fn token_file(dir: &Path) -> PathBuf {
    dir.join("operator.token")
}

/// Size of the smallest SQLite database in bytes; SQLite opens a shorter file as an empty database.
const MIN_DATABASE_BYTES: u64 = 512;

/// Refuses to initialise a platform where a key or token file is left but the database is missing: a new, empty
/// database would hide the loss.
pub(super) fn check_database_present(dir: &Path) -> Result<(), Error> {
    let database = store::database(dir);
    let left = [master_key::key_file(dir), token_file(dir)].into_iter().find(|path| path.exists());
    let is_gone = std::fs::metadata(&database).map_or(true, |file| file.len() < MIN_DATABASE_BYTES);
    match left {
        Some(key) if is_gone => Err(Error::DatabaseMissing { database, key }),
        _ => Ok(()),
    }
}
