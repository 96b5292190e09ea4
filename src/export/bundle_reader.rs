//! Reader of a bundle. It reads the manifest, verifies every listed file against its hash, and ignores everything
//! besides. Memory and work are bounded, whatever the bundle contains.

use super::bundle::sha256_hex;
use super::bundle_documents::{BundleManifest, SupportTicket};
use crate::files;
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// Maximum size of the manifest or the ticket, in bytes.
const MAX_DOCUMENT_BYTES: u64 = 8 * 1024 * 1024;
/// Maximum total size of a bundle's files, unpacked, in bytes.
const MAX_BUNDLE_BYTES: u64 = 64 * 1024 * 1024;
/// Maximum size of an archive, in bytes.
const MAX_ARCHIVE_BYTES: u64 = 64 * 1024 * 1024;
/// Maximum number of files in a manifest.
const MAX_BUNDLE_FILES: usize = 64;
/// Maximum number of entries in an archive: the files of a bundle, folders, and what file managers add.
const MAX_ARCHIVE_FILES: usize = 256;
/// Signature of the end record of an archive; the number of files is stored ten bytes later.
const END_RECORD: [u8; 4] = *b"PK\x05\x06";
/// Signature of the end record of a 64-bit archive.
const END_RECORD_64: [u8; 4] = *b"PK\x06\x06";

/// Reason why a bundle cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenBundleError {
    /// The bundle does not exist, or cannot be read.
    #[error("{}: {why}", path.display())]
    Unreadable {
        /// File or folder that cannot be read.
        path: PathBuf,
        /// Reason for the failure, in one line.
        why: String,
    },
    /// The contents of a file do not match its hash.
    #[error("{name} was changed after the ticket was written: its hash differs from the manifest")]
    Changed {
        /// Name of the file that was changed.
        name: String,
    },
}

/// Bundle whose files match the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedBundle {
    /// Manifest that the bundle contains.
    pub manifest: BundleManifest,
    /// Ticket that the bundle contains.
    pub ticket: SupportTicket,
}

/// Opens and verifies a folder or an archive, compressed or not. Blocks the thread.
///
/// # Errors
///
/// [`OpenBundleError::Unreadable`] when a file is missing, unreadable or larger than allowed, [`OpenBundleError::Changed`] when a file
/// does not match its hash.
pub fn open_bundle(path: &Path) -> Result<VerifiedBundle, OpenBundleError> {
    let unreadable = |why: String| OpenBundleError::Unreadable { path: path.to_owned(), why };
    let mut files = BundleSource::open(path).map_err(|error| unreadable(error.to_string()))?;
    let document = |files: &mut BundleSource, name: &str| {
        files
            .read_file(name, |file| files::read_to_limit(file, MAX_DOCUMENT_BYTES))
            .map_err(|error| unreadable(format!("{name}: {error}")))
    };
    let manifest: BundleManifest = serde_json::from_slice(&document(&mut files, "manifest.json")?)
        .map_err(|error| unreadable(format!("manifest.json: {error}")))?;
    if manifest.files.len() > MAX_BUNDLE_FILES {
        return Err(unreadable(format!("lists {} files (limit {MAX_BUNDLE_FILES})", manifest.files.len())));
    }
    let mut names = HashSet::new();
    if let Some(twice) = manifest.files.iter().find(|entry| !names.insert(entry.name.as_str())) {
        return Err(unreadable(format!("lists {} twice", twice.name)));
    }
    let (mut ticket, mut room) = (None, MAX_BUNDLE_BYTES);
    for entry in &manifest.files {
        let changed = || OpenBundleError::Changed { name: entry.name.clone() };
        if entry.name == "ticket.json" {
            let bytes = document(&mut files, &entry.name)?;
            if sha256_hex(&bytes) != entry.sha256 {
                return Err(changed());
            }
            ticket = Some(serde_json::from_slice(&bytes).map_err(|error| unreadable(format!("ticket.json: {error}")))?);
            continue;
        }
        let (n_bytes, hash) = files
            .read_file(&entry.name, |file| bounded_hash(file, room))
            .map_err(|error| unreadable(format!("{}: {error}", entry.name)))?;
        room -= n_bytes;
        if hash != entry.sha256 {
            return Err(changed());
        }
    }
    let ticket = ticket.ok_or_else(|| unreadable("the manifest does not list ticket.json".to_owned()))?;
    Ok(VerifiedBundle { manifest, ticket })
}

/// Returns the length and the hash of a file that may have at most `room` bytes.
fn bounded_hash(file: &mut dyn Read, room: u64) -> io::Result<(u64, String)> {
    let (mut hasher, mut n_bytes, mut part) = (Sha256::new(), 0, vec![0; 64 * 1024]);
    loop {
        let n = file.read(&mut part)?;
        if n == 0 {
            return Ok((n_bytes, hex::encode(hasher.finalize())));
        }
        n_bytes += n as u64;
        if n_bytes > room {
            let why = format!("files are larger than {} in total, the limit", files::format_size(MAX_BUNDLE_BYTES));
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
        }
        hasher.update(&part[..n]);
    }
}

/// Source of a bundle's files: a folder or an archive.
enum BundleSource {
    Folder(PathBuf),
    Archive(Box<ZipArchive<fs::File>>),
}

impl BundleSource {
    fn open(path: &Path) -> io::Result<Self> {
        if fs::metadata(path)?.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        let mut file = files::open_regular(path)?;
        check_archive(&mut file)?;
        let archive = ZipArchive::new(file).map_err(io::Error::other)?;
        Ok(Self::Archive(Box::new(archive)))
    }

    /// Reads a file by its bare name; refuses a name with a path.
    fn read_file<T>(&mut self, name: &str, read: impl FnOnce(&mut dyn Read) -> io::Result<T>) -> io::Result<T> {
        let is_bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if !is_bare || name.starts_with('.') {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a valid file name in a ticket"));
        }
        match self {
            Self::Folder(folder) => read(&mut files::open_regular(&folder.join(name))?),
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

/// Refuses an archive before its directory is read into memory: if it is too large, lists more files than allowed, or
/// has more than one end record or the 64-bit form, which no bundle needs.
fn check_archive(file: &mut fs::File) -> io::Result<()> {
    let refused = |why: String| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    if file.metadata()?.len() > MAX_ARCHIVE_BYTES {
        return refused(format!("larger than {}, the limit", files::format_size(MAX_ARCHIVE_BYTES)));
    }
    let (mut window, mut part, mut n_files) = (Vec::new(), vec![0; 64 * 1024], Vec::new());
    loop {
        let n = file.read(&mut part)?;
        window.extend_from_slice(&part[..n]);
        // A record may cross two parts: bytes that could begin one are kept for the next.
        let n_searched = if n == 0 { window.len() } else { window.len().saturating_sub(END_RECORD.len() + 8) };
        for at in 0..n_searched {
            let rest = &window[at..];
            if rest.starts_with(&END_RECORD_64) {
                return refused("a 64-bit zip archive, which is not supported".to_owned());
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
        [n] => refused(format!("{n} files in the archive (limit {MAX_ARCHIVE_FILES})")),
        _ => refused("not a .zip archive with one end record".to_owned()),
    }
}
