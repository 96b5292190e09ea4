//! Files of consoles and commands: replaced whole or not at all, read by their owner alone, locked against others of their kind.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Names that are tried for a file that is set aside.
const MAX_SET_ASIDE: u32 = 1_000;

/// Replaces a file in a folder that is there, or makes it.
///
/// # Errors
/// Those of the file system; an existing file is then left as it was.
pub fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    put(fresh(file, bytes)?, file)
}

/// As [`replace`], for what must survive a loss of power.
///
/// # Errors
/// As there.
pub fn replace_for_good(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = fresh(file, bytes)?;
    fresh.as_file().sync_all()?;
    put(fresh, file)
}

/// The new contents beside the file; a temporary file is made with mode 0600.
fn fresh(file: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut fresh = NamedTempFile::new_in(folder)?;
    fresh.write_all(bytes)?;
    Ok(fresh)
}

fn put(fresh: NamedTempFile, file: &Path) -> io::Result<()> {
    fresh.persist(file).map(drop).map_err(|error| error.error)
}

/// Reads a regular file of at most `max_bytes` bytes; `None` if there is none. Never waits for the other end of a pipe.
///
/// # Errors
/// Those of the file system; [`io::ErrorKind::InvalidInput`] for what is no regular file, [`io::ErrorKind::FileTooLarge`] for a larger one,
/// [`io::ErrorKind::InvalidData`] for what is not UTF-8.
pub fn read_bounded(file: &Path, max_bytes: u64) -> io::Result<Option<String>> {
    match crate::files::read_text(file, max_bytes) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// Renames a file to a free name beside it, `NAME.unread`, `NAME.unread-2`, …; answers with the new name.
///
/// # Errors
/// Those of the file system; the file is then left where it was.
pub fn set_aside(file: &Path) -> io::Result<PathBuf> {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let nth =
        |n: u32| file.with_file_name(if n == 1 { format!("{name}.unread") } else { format!("{name}.unread-{n}") });
    // A dangling link is no free name either.
    let free = (1..=MAX_SET_ASIDE).map(nth).find(|free| free.symlink_metadata().is_err());
    let free = free.ok_or_else(|| io::Error::new(io::ErrorKind::AlreadyExists, "too many files were set aside"))?;
    std::fs::rename(file, &free)?;
    Ok(free)
}

/// An exclusive lock that is given back when the value goes, or its process ends.
#[derive(Debug)]
pub struct FileLock(#[expect(dead_code, reason = "held, not read")] File);

impl FileLock {
    /// Takes the lock if it is free; `None` if it is taken.
    ///
    /// # Errors
    /// Those of the file system, some of which cannot lock.
    pub fn try_take(file: &Path) -> io::Result<Option<Self>> {
        let opened = OpenOptions::new().create(true).append(true).mode(0o600).custom_flags(nonblocking()).open(file)?;
        match opened.try_lock() {
            Ok(()) => Ok(Some(Self(opened))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// The flag with which opening a pipe does not wait.
fn nonblocking() -> i32 {
    rustix::fs::OFlags::NONBLOCK.bits().cast_signed()
}
