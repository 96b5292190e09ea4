//! Files that their owner alone may read, whatever the umask and the earlier mode: created, replaced atomically, renamed
//! and removed durably, locked against other processes. A symbolic link in place of a file is not followed.

use rustix::fs::OFlags;
use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Permission bits of group and others, which must be clear.
const OTHERS_MODE_MASK: u32 = 0o077;
/// Maximum number of names that are tried when a file is set aside.
const MAX_SET_ASIDE: u32 = 1_000;

/// Options for opening a private file: a new file gets mode 0600, a symbolic link is refused.
#[must_use]
pub fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    options
}

/// Creates an empty private file if there is none, and restricts an existing one to its owner.
///
/// # Errors
/// [`io::Error`] when a new file cannot be created. An existing file of another owner is left unchanged: opening it
/// reports the problem.
pub fn ensure(path: &Path) -> io::Result<()> {
    match private_options().write(true).create_new(true).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let _ = restrict_to_owner(path);
    Ok(())
}

/// Restricts a file to its owner and keeps the owner's own permissions.
///
/// # Errors
/// [`io::Error`] when the file is missing or belongs to another user.
pub fn restrict_to_owner(path: &Path) -> io::Result<()> {
    let mode = std::fs::metadata(path)?.permissions().mode();
    if mode & OTHERS_MODE_MASK != 0 {
        std::fs::set_permissions(path, Permissions::from_mode(mode & 0o7777 & !OTHERS_MODE_MASK))?;
        tracing::warn!(path = %path.display(), mode = format!("{:o}", mode & 0o777), "others could read this file; they cannot any more");
    }
    Ok(())
}

/// Lists the files of a folder that other users can read or write, with the remedy; empty if the folder does not exist.
#[must_use]
pub fn files_open_to_others(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_open = |path: PathBuf| {
        let metadata = std::fs::symlink_metadata(&path).ok().filter(std::fs::Metadata::is_file)?;
        let mode = metadata.permissions().mode() & 0o777;
        (mode & OTHERS_MODE_MASK != 0)
            .then(|| format!("{} can be read by others (mode {mode:o}); chmod 600", path.display()))
    };
    let mut found: Vec<String> = entries.flatten().filter_map(|entry| is_open(entry.path())).collect();
    found.sort();
    found
}

/// Creates a private file with these bytes, synced to disk. Nothing is left where the write fails.
///
/// # Errors
/// [`io::Error`] of the file system; [`ErrorKind::AlreadyExists`] where the file exists.
pub fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = private_options().write(true).create_new(true).open(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = std::fs::remove_file(path);
    }
    written
}

/// Creates a folder that only its owner can enter.
///
/// # Errors
/// [`io::Error`] of the file system; [`ErrorKind::AlreadyExists`] where the folder exists.
pub fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Creates a private file or replaces it atomically; its folder must exist.
///
/// # Errors
/// [`io::Error`] of the file system; an existing file is then unchanged.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    persist(write_temporary(path, bytes)?, path)
}

/// Replaces a file like [`replace`]; the new content survives a power loss.
///
/// # Errors
/// [`io::Error`] of the file system; an existing file is then unchanged.
pub fn replace_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = write_temporary(path, bytes)?;
    fresh.as_file().sync_all()?;
    persist(fresh, path)?;
    sync_folder_of(path)
}

/// Renames a file atomically and durably.
///
/// # Errors
/// [`io::Error`] of the file system.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    sync_folder_of(to)
}

/// Removes a file durably, if it exists.
///
/// # Errors
/// [`io::Error`] of the file system.
pub fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Ok(()) => sync_folder_of(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Writes the new contents to a temporary file beside the target, with mode 0600.
fn write_temporary(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut fresh = NamedTempFile::new_in(folder_of(path))?;
    fresh.write_all(bytes)?;
    Ok(fresh)
}

/// Gives a temporary file its name. Renamed with the standard library, whose calls tests of lost power can follow.
fn persist(fresh: NamedTempFile, path: &Path) -> io::Result<()> {
    let temporary = fresh.into_temp_path();
    std::fs::rename(&temporary, path)?;
    temporary.keep().map(drop).map_err(|error| error.error)
}

/// Syncs the folder of a path; without this a new name may be lost on a power loss.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
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
    OFlags::NONBLOCK.bits().cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn d3_files_are_made_private_and_narrowed_and_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (new, wide, read_only) = (dir.path().join("new"), dir.path().join("wide"), dir.path().join("read-only"));
        ensure(&new).unwrap();
        assert_eq!(mode(&new), 0o600);
        for (path, before, after) in [(&wide, 0o666, 0o600), (&read_only, 0o444, 0o400)] {
            std::fs::write(path, "kept").unwrap();
            std::fs::set_permissions(path, Permissions::from_mode(before)).unwrap();
            assert_eq!(files_open_to_others(dir.path()).len(), 1, "{}", path.display());
            ensure(path).unwrap();
            assert_eq!((mode(path), std::fs::read_to_string(path).unwrap().as_str()), (after, "kept"));
            assert_eq!(files_open_to_others(dir.path()), [""; 0]);
        }
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&wide, &link).unwrap();
        private_options().write(true).create(true).truncate(true).open(&link).expect_err("not followed");
        assert_eq!(std::fs::read_to_string(&wide).unwrap(), "kept");
    }
}
