//! Opening a bundle again: its manifest is read, every file is held against its hash, and nothing else in it is looked at.

use super::bundle::hash;
use crate::api::bundle::{Manifest, Ticket};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// The largest file of a bundle that is read.
const LARGEST: u64 = 32 * 1024 * 1024;

/// Why a bundle cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not there or cannot be read.
    #[error("{}: {why}", path.display())]
    Unreadable {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A file is not the one that was written.
    #[error("{name} was changed since the bundle was made: its hash is not the one in the manifest")]
    Changed {
        /// Which.
        name: String,
    },
}

/// A bundle that is as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Its manifest.
    pub manifest: Manifest,
    /// Its ticket.
    pub ticket: Ticket,
}

/// Opens a folder or an archive. Blocks.
///
/// # Errors
/// [`Error::Unreadable`] where a file is missing or cannot be read, [`Error::Changed`] where one is not the one that was written.
pub fn open(path: &Path) -> Result<Opened, Error> {
    let unreadable = |why: String| Error::Unreadable { path: path.to_owned(), why };
    let mut files = Files::of(path).map_err(|error| unreadable(error.to_string()))?;
    let mut get = |name: &str| files.get(name).map_err(|error| unreadable(format!("{name}: {error}")));
    let manifest: Manifest = serde_json::from_slice(&get("manifest.json")?)
        .map_err(|error| unreadable(format!("manifest.json: {error}")))?;
    let mut ticket = None;
    for entry in &manifest.files {
        let bytes = get(&entry.name)?;
        if hash(&bytes) != entry.sha256 {
            return Err(Error::Changed { name: entry.name.clone() });
        }
        if entry.name == "ticket.json" {
            ticket = Some(serde_json::from_slice(&bytes).map_err(|error| unreadable(format!("ticket.json: {error}")))?);
        }
    }
    let ticket = ticket.ok_or_else(|| unreadable("the manifest names no ticket.json".to_owned()))?;
    Ok(Opened { manifest, ticket })
}

/// Where the files of a bundle are.
enum Files {
    Folder(PathBuf),
    Archive(Box<ZipArchive<fs::File>>),
}

impl Files {
    fn of(path: &Path) -> io::Result<Self> {
        if fs::metadata(path)?.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        let archive = ZipArchive::new(fs::File::open(path)?).map_err(io::Error::other)?;
        Ok(Self::Archive(Box::new(archive)))
    }

    /// A file by its bare name; a name that leads elsewhere is none.
    fn get(&mut self, name: &str) -> io::Result<Vec<u8>> {
        let is_bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if !is_bare || name.starts_with('.') {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a name of a file in a bundle"));
        }
        let mut bytes = Vec::new();
        match self {
            Self::Folder(folder) => {
                fs::File::open(folder.join(name))?.take(LARGEST).read_to_end(&mut bytes)?;
            }
            Self::Archive(archive) => {
                let within = |full: &str| full == name || full.rsplit_once('/').is_some_and(|(_, last)| last == name);
                let found = archive
                    .file_names()
                    .filter_map(Result::ok)
                    .find(|full| within(full))
                    .map(std::borrow::Cow::into_owned);
                let full = found.ok_or(io::ErrorKind::NotFound)?;
                archive.by_name(&full).map_err(io::Error::other)?.take(LARGEST).read_to_end(&mut bytes)?;
            }
        }
        Ok(bytes)
    }
}
