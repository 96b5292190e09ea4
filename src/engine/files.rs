//! Files beside the database that only their owner may read.

use super::Error;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

/// Writes a file that only its owner can read; an existing one is replaced in one step.
///
/// # Errors
/// When the file system refuses; an existing file is then left as it was.
pub fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    let next = path.with_extension("new");
    let _ = std::fs::remove_file(&next);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&next).map_err(io)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
    std::fs::rename(&next, path).map_err(io)
}
