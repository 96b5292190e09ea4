//! Files of consoles and commands: replaced whole or not at all, and read by their owner alone.

use std::io::{self, Write as _};
use std::path::Path;
use tempfile::NamedTempFile;

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
