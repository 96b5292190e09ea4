//! Lock of a data directory: one process at a time. The lock is an operating system lock on the directory itself, which
//! deleting a file does not release; a file names the process that holds it.

use super::error::Error;
use crate::files::private;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, Write as _};
use std::path::Path;

/// Maximum number of bytes read of the holder's name.
const MAX_HOLDER_BYTES: u64 = 64;

/// Lock of a data directory, held until dropped; the operating system releases it when the process ends, even by a
/// crash.
#[derive(Debug)]
pub struct DirectoryLock {
    _folder: File,
}

impl DirectoryLock {
    /// Locks the directory of the file at `path`, which names the holder. A second lock, on the file, makes locking and
    /// writing the name one step to other processes: a process that comes second waits until the name is written.
    ///
    /// # Errors
    /// [`Error::Locked`] names the holder; [`Error::Io`] when the file system fails or the file is a symbolic link.
    pub fn take(path: &Path) -> Result<Self, Error> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let mut file =
            private::private_options().read(true).write(true).create(true).truncate(false).open(path).map_err(io)?;
        // Waits for a process that is between locking the directory and writing its name.
        file.lock().map_err(io)?;
        let folder = File::open(path.parent().unwrap_or(path)).map_err(io)?;
        match folder.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = (&file).take(MAX_HOLDER_BYTES).read_to_string(&mut holder);
                let holder = holder.trim();
                let holder = if holder.is_empty() { "(unknown)" } else { holder }.to_owned();
                return Err(Error::Locked { path: path.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        file.set_len(0).map_err(io)?;
        file.rewind().map_err(io)?;
        match writeln!(file, "{}", std::process::id()) {
            // On a full disk the lock is valid without the holder's name.
            Err(error) if error.kind() == ErrorKind::StorageFull => {}
            written => written.map_err(io)?,
        }
        Ok(Self { _folder: folder })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_the_first_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = DirectoryLock::take(&path).unwrap();
        match DirectoryLock::take(&path) {
            Err(Error::Locked { holder, .. }) => assert_eq!(holder, std::process::id().to_string()),
            other => panic!("{other:?}"),
        }
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(DirectoryLock::take(&path), Err(Error::Locked { .. })), "the lock is not the file");
        drop(first);
        DirectoryLock::take(&path).unwrap();
    }
}
