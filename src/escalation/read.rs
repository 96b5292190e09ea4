//! Opening a bundle again: its manifest is read, every file is held against its hash, and nothing else in it is looked at. Whoever made the
//! bundle, opening it costs a bounded amount of memory and of work.

use super::bundle::hash;
use crate::api::bundle::{Manifest, Ticket};
use crate::files;
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// The largest manifest or ticket that is read.
const MAX_DOCUMENT_BYTES: u64 = 8 * 1024 * 1024;
/// What all files of a bundle may hold together, unpacked.
const MAX_BUNDLE_BYTES: u64 = 64 * 1024 * 1024;
/// The largest archive that is opened.
const MAX_ARCHIVE_BYTES: u64 = 64 * 1024 * 1024;
/// Files that a manifest may name.
const MAX_BUNDLE_FILES: usize = 64;
/// Files that an archive may have: those of a bundle, folders, and what file managers add.
const MAX_ARCHIVE_FILES: usize = 256;
/// What the end record of an archive begins with; the number of files stands ten bytes on.
const END_RECORD: [u8; 4] = *b"PK\x05\x06";
/// What the end record of the 64-bit form begins with.
const END_RECORD_64: [u8; 4] = *b"PK\x06\x06";

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

/// Opens a folder or an archive, packed or not. Blocks.
///
/// # Errors
/// [`Error::Unreadable`] where a file is missing, cannot be read or is larger than a bundle can be, [`Error::Changed`] where one is not the one
/// that was written.
pub fn open(path: &Path) -> Result<Opened, Error> {
    let unreadable = |why: String| Error::Unreadable { path: path.to_owned(), why };
    let mut files = Files::of(path).map_err(|error| unreadable(error.to_string()))?;
    let document = |files: &mut Files, name: &str| {
        files
            .get(name, |file| files::all(file, MAX_DOCUMENT_BYTES))
            .map_err(|error| unreadable(format!("{name}: {error}")))
    };
    let manifest: Manifest = serde_json::from_slice(&document(&mut files, "manifest.json")?)
        .map_err(|error| unreadable(format!("manifest.json: {error}")))?;
    if manifest.files.len() > MAX_BUNDLE_FILES {
        return Err(unreadable(format!(
            "it names {} files, and {MAX_BUNDLE_FILES} is the limit",
            manifest.files.len()
        )));
    }
    let mut names = HashSet::new();
    if let Some(twice) = manifest.files.iter().find(|entry| !names.insert(entry.name.as_str())) {
        return Err(unreadable(format!("it names the file {} twice", twice.name)));
    }
    let (mut ticket, mut room) = (None, MAX_BUNDLE_BYTES);
    for entry in &manifest.files {
        let changed = || Error::Changed { name: entry.name.clone() };
        if entry.name == "ticket.json" {
            let bytes = document(&mut files, &entry.name)?;
            if hash(&bytes) != entry.sha256 {
                return Err(changed());
            }
            ticket = Some(serde_json::from_slice(&bytes).map_err(|error| unreadable(format!("ticket.json: {error}")))?);
            continue;
        }
        let (n_bytes, hash) = files
            .get(&entry.name, |file| hash_of(file, room))
            .map_err(|error| unreadable(format!("{}: {error}", entry.name)))?;
        room -= n_bytes;
        if hash != entry.sha256 {
            return Err(changed());
        }
    }
    let ticket = ticket.ok_or_else(|| unreadable("the manifest names no ticket.json".to_owned()))?;
    Ok(Opened { manifest, ticket })
}

/// The length and the hash of a file that has at most `room` bytes.
fn hash_of(file: &mut dyn Read, room: u64) -> io::Result<(u64, String)> {
    let (mut hasher, mut n_bytes, mut part) = (Sha256::new(), 0, vec![0; 64 * 1024]);
    loop {
        let n = file.read(&mut part)?;
        if n == 0 {
            return Ok((n_bytes, hex::encode(hasher.finalize())));
        }
        n_bytes += n as u64;
        if n_bytes > room {
            let why = format!("all files together are larger than {}, the limit", files::size(MAX_BUNDLE_BYTES));
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
        }
        hasher.update(&part[..n]);
    }
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
        let mut file = files::open(path)?;
        check_directory(&mut file)?;
        let archive = ZipArchive::new(file).map_err(io::Error::other)?;
        Ok(Self::Archive(Box::new(archive)))
    }

    /// Reads a file by its bare name; a name that leads elsewhere is none.
    fn get<T>(&mut self, name: &str, read: impl FnOnce(&mut dyn Read) -> io::Result<T>) -> io::Result<T> {
        let is_bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if !is_bare || name.starts_with('.') {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a name of a file in a bundle"));
        }
        match self {
            Self::Folder(folder) => read(&mut files::open(&folder.join(name))?),
            Self::Archive(archive) => {
                let within = |full: &str| full == name || full.rsplit_once('/').is_some_and(|(_, last)| last == name);
                let found = archive
                    .file_names()
                    .filter_map(Result::ok)
                    .find(|full| within(full))
                    .map(std::borrow::Cow::into_owned);
                let full = found.ok_or(io::ErrorKind::NotFound)?;
                read(&mut archive.by_name(&full).map_err(io::Error::other)?)
            }
        }
    }
}

/// Refuses an archive before its directory is read into memory: one that is too large, or announces more files than a bundle has. An archive
/// has one end record, so that which one counts is never a question; none needs the 64-bit form.
fn check_directory(file: &mut fs::File) -> io::Result<()> {
    let refused = |why: String| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    if file.metadata()?.len() > MAX_ARCHIVE_BYTES {
        return refused(format!("larger than {}, the limit", files::size(MAX_ARCHIVE_BYTES)));
    }
    let (mut window, mut part, mut n_files) = (Vec::new(), vec![0; 64 * 1024], Vec::new());
    loop {
        let n = file.read(&mut part)?;
        window.extend_from_slice(&part[..n]);
        // A record may lie across two parts: what might begin one is kept for the next.
        let n_searched = if n == 0 { window.len() } else { window.len().saturating_sub(END_RECORD.len() + 8) };
        for at in 0..n_searched {
            let rest = &window[at..];
            if rest.starts_with(&END_RECORD_64) {
                return refused("an archive of the 64-bit form, which no bundle needs".to_owned());
            }
            if rest.starts_with(&END_RECORD) && rest.len() >= 12 {
                n_files.push(usize::from(u16::from_le_bytes([rest[10], rest[11]])));
            }
        }
        window.drain(..n_searched);
        if n == 0 {
            break;
        }
    }
    match n_files.as_slice() {
        [n] if *n <= MAX_ARCHIVE_FILES => Ok(()),
        [n] => refused(format!("{n} files in it, and {MAX_ARCHIVE_FILES} is the limit")),
        _ => refused("not a .zip archive with one end record".to_owned()),
    }
}
