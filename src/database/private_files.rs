//! Private files: readable by their owner only, whatever the umask and the earlier mode; a symbolic link in place of a
//! file is not followed.

use rustix::fs::OFlags;
use std::fs::{OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Permission bits of group and others, which must be clear.
const OTHERS_MODE_MASK: u32 = 0o077;

/// Options for opening a private file: a new file gets mode 0600, a symbolic link is refused.
#[must_use]
pub fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    options
}

/// Creates the file at `path` if missing, and restricts it and SQLite's companion files to the owner.
///
/// # Errors
/// [`io::Error`] when a new file cannot be created. An existing file of another owner is left unchanged: opening it
/// reports the problem.
pub(super) fn create_private(path: &Path) -> io::Result<()> {
    match private_options().write(true).create_new(true).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        // The companion files may not exist yet.
        let _ = restrict_to_owner(Path::new(&name));
    }
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
        create_private(&new).unwrap();
        assert_eq!(mode(&new), 0o600);
        for (path, before, after) in [(&wide, 0o666, 0o600), (&read_only, 0o444, 0o400)] {
            std::fs::write(path, "kept").unwrap();
            std::fs::set_permissions(path, Permissions::from_mode(before)).unwrap();
            assert_eq!(files_open_to_others(dir.path()).len(), 1, "{}", path.display());
            create_private(path).unwrap();
            assert_eq!((mode(path), std::fs::read_to_string(path).unwrap().as_str()), (after, "kept"));
            assert_eq!(files_open_to_others(dir.path()), [""; 0]);
        }
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&wide, &link).unwrap();
        private_options().write(true).create(true).truncate(true).open(&link).expect_err("not followed");
        assert_eq!(std::fs::read_to_string(&wide).unwrap(), "kept");
    }
}
