//! Writer of a bundle: into a new folder or a new `.zip` that only its owner can read, completely or not at all.

use super::bundle::{BundleError, BundleFile, TicketBundle};
use crate::files::private;
use std::fs;
use std::io::{self, Cursor, Write as _};
use std::path::{Path, PathBuf};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Format in which a bundle is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BundleFormat {
    /// Folder with one file per document.
    Folder,
    /// Archive in the `.zip` format.
    Archive,
}

impl BundleFormat {
    /// Returns the default path of a bundle in this format.
    #[must_use]
    pub fn default_path(self, bundle: &TicketBundle) -> PathBuf {
        match self {
            Self::Folder => PathBuf::from(bundle.folder()),
            Self::Archive => PathBuf::from(format!("{}.zip", bundle.folder())),
        }
    }
}

/// Writes a bundle to `path`, which must not exist; its parent must. A name that ends in `.zip` becomes an archive,
/// any other a folder. Blocks the thread.
///
/// # Errors
///
/// [`BundleError::Exists`] when `path` exists, [`BundleError::Io`] when the file system refuses a write.
pub fn write_bundle(bundle: &TicketBundle, path: &Path) -> Result<(), BundleError> {
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip")) {
        let failed = |source| BundleError::Io { path: path.to_owned(), source };
        let bytes = zip_bytes(bundle).map_err(|error| failed(io::Error::other(error)))?;
        return private::create(path, &bytes).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => BundleError::Exists { path: path.to_owned() },
            _ => failed(source),
        });
    }
    private::create_folder(path).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => BundleError::Exists { path: path.to_owned() },
        _ => BundleError::Io { path: path.to_owned(), source },
    })?;
    for BundleFile { name, text } in bundle.files() {
        if let Err(source) = private::create(&path.join(name), text.as_str().as_bytes()) {
            // The folder was created by this call; if it cannot be removed, the error names it.
            let _ = fs::remove_dir_all(path);
            return Err(BundleError::Io { path: path.join(name), source });
        }
    }
    Ok(())
}

/// Packs the bundle as an archive, uncompressed and without times, so that the same bundle gives the same bytes
/// everywhere.
fn zip_bytes(bundle: &TicketBundle) -> Result<Vec<u8>, zip::result::ZipError> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o600);
    for file in bundle.files() {
        archive.start_file(format!("{}/{}", bundle.folder(), file.name), options)?;
        archive.write_all(file.text.as_str().as_bytes())?;
    }
    archive.finish().map(Cursor::into_inner)
}
