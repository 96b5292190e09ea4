//! Writing a bundle: into a new folder that only its owner can read, all of it or nothing.

use super::bundle::{Bundle, Error, File};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Writes a bundle into the folder `dir`, which is created and must not exist; its parent must. Blocks.
///
/// # Errors
/// [`Error::Exists`] when there is anything at `dir`, [`Error::Io`] when the file system does not take it.
pub fn write(bundle: &Bundle, dir: &Path) -> Result<(), Error> {
    create(dir).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => Error::Exists { dir: dir.to_owned() },
        _ => Error::Io { path: dir.to_owned(), source },
    })?;
    for file in bundle.files() {
        if let Err(source) = put(dir, file) {
            // The folder is ours and new; if it cannot be removed, the error that is reported says where it is.
            let _ = fs::remove_dir_all(dir);
            return Err(Error::Io { path: dir.join(file.name), source });
        }
    }
    Ok(())
}

fn create(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

fn put(dir: &Path, file: &File) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut open = options.open(dir.join(file.name))?;
    open.write_all(&file.bytes)?;
    open.sync_all()
}
