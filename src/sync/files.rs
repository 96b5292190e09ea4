//! Files of consoles and commands: replaced atomically, readable by their owner only, and locked against other
//! processes.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Maximum number of names that are tried when a file is set aside.
const MAX_SET_ASIDE: u32 = 1_000;

/// Creates a file or replaces it atomically; its folder must exist.
///
/// # Errors
///
/// [`io::Error`] of the file system; an existing file is then unchanged.
pub fn atomic_write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    persist(write_temporary(file, bytes)?, file)
}

/// Replaces a file like [`atomic_write`], and syncs its contents to disk first, so that they survive a power loss.
///
/// # Errors
///
/// [`io::Error`] of the file system; an existing file is then unchanged.
pub fn atomic_write_synced(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = write_temporary(file, bytes)?;
    fresh.as_file().sync_all()?;
    persist(fresh, file)
}

/// Writes the new contents to a temporary file beside the target, with mode 0600.
fn write_temporary(file: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut fresh = NamedTempFile::new_in(folder)?;
    fresh.write_all(bytes)?;
    Ok(fresh)
}

fn persist(fresh: NamedTempFile, file: &Path) -> io::Result<()> {
    fresh.persist(file).map(drop).map_err(|error| error.error)
}

/// Reads a regular file of at most `max_bytes` bytes; `None` if it does not exist. Never blocks on a pipe.
///
/// # Errors
///
/// [`io::Error`] of the file system; [`io::ErrorKind::InvalidInput`] if the file is not a regular one,
/// [`io::ErrorKind::FileTooLarge`] if it is larger, [`io::ErrorKind::InvalidData`] if it is not UTF-8.
pub fn read_bounded(file: &Path, max_bytes: u64) -> io::Result<Option<String>> {
    match crate::files::read_text_limited(file, max_bytes) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// Renames a file to a free name beside it, `NAME.unread`, `NAME.unread-2`, …, and returns the new path.
///
/// # Errors
///
/// [`io::Error`] of the file system; the file then keeps its name.
pub fn set_aside(file: &Path) -> io::Result<PathBuf> {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let nth =
        |n: u32| file.with_file_name(if n == 1 { format!("{name}.unread") } else { format!("{name}.unread-{n}") });
    // A dangling symbolic link counts as a name in use.
    let free = (1..=MAX_SET_ASIDE).map(nth).find(|free| free.symlink_metadata().is_err());
    let free = free.ok_or_else(|| io::Error::new(io::ErrorKind::AlreadyExists, "too many unreadable files"))?;
    std::fs::rename(file, &free)?;
    Ok(free)
}

/// Exclusive file lock, released when the value is dropped or its process ends.
#[derive(Debug)]
pub struct FileLock(#[expect(dead_code, reason = "held, not read")] File);

impl FileLock {
    /// Takes the lock if it is free; `None` if another process holds it.
    ///
    /// # Errors
    ///
    /// [`io::Error`] of the file system, also when it does not support locks.
    pub fn try_take(file: &Path) -> io::Result<Option<Self>> {
        let opened = OpenOptions::new().create(true).append(true).mode(0o600).custom_flags(nonblocking()).open(file)?;
        match opened.try_lock() {
            Ok(()) => Ok(Some(Self(opened))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Returns the flag with which opening a pipe does not block.
fn nonblocking() -> i32 {
    rustix::fs::OFlags::NONBLOCK.bits().cast_signed()
}
