//! Building a bundle: the ticket for people and for programs, the manifest, and the search for secrets without which none of them leaves.

use super::leak::{self, Kind};
use super::redact::Redactor;
use super::text;
use super::ticket::{Bodies, ticket};
use crate::api::bundle::{Entry, Manifest, Ticket, VERSION};
use crate::api::report::Subject;
use crate::diagnose::case::Case;
use crate::domain::secret::Secret;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io;
use std::path::PathBuf;

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A secret would have left; it is not repeated.
    #[error("nothing was written: {place} would carry {kind}")]
    Leak {
        /// Where: a file, and the member of the ticket if it is one: `ticket.json at /failures/0/body`.
        place: String,
        /// What was found.
        kind: Kind,
    },
    /// The ticket or the manifest cannot be put into JSON.
    #[error("the bundle cannot be written: {0}")]
    Json(#[from] serde_json::Error),
    /// The folder or file is there already.
    #[error("{} exists already; nothing was written", path.display())]
    Exists {
        /// Which.
        path: PathBuf,
    },
    /// The file system did not take it; what was written of it is removed again as far as possible.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// Which folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name within the folder.
    pub name: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A bundle that was searched for secrets and has none. There is no other way to one than [`bundle`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    folder: String,
    ticket: Ticket,
    manifest: Manifest,
    files: Vec<File>,
}

impl Bundle {
    /// A name for its folder: subject and time.
    #[must_use]
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// The ticket.
    #[must_use]
    pub const fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// The manifest.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its files.
    #[must_use]
    pub fn files(&self) -> &[File] {
        &self.files
    }
}

/// Builds the bundle of a case: `ticket.md`, `ticket.json` and `manifest.json`. The same input gives the same bytes.
///
/// # Errors
/// [`Error::Leak`] when one of the `known` secrets, or anything shaped like a key or a token, is found in the finished bytes.
pub fn bundle(case: &Case, bodies: Bodies, known: &[&Secret]) -> Result<Bundle, Error> {
    let targets = case.subscriptions.found.iter().flatten().map(|row| &row.subscription.target_url);
    let sent_to = case.failures.found.iter().flatten().map(|of| &of.row.target_url);
    let mut redactor = Redactor::new(targets.chain(sent_to));
    let ticket = ticket(case, bodies, &mut redactor);
    let json = lines(&ticket)?;
    let files = vec![
        File { name: "ticket.md", bytes: text::write(&ticket).into_bytes() },
        File { name: "ticket.json", bytes: json },
    ];
    let manifest = Manifest {
        version: VERSION,
        crow: env!("CARGO_PKG_VERSION").to_owned(),
        created_utc: case.at,
        subjects: case.subjects.clone(),
        window: ticket.window,
        redactions: redactor.redactions(),
        files: files.iter().map(entry).collect(),
    };
    let last = File { name: "manifest.json", bytes: lines(&manifest)? };
    let files: Vec<File> = files.into_iter().chain([last]).collect();
    let value = serde_json::to_value(&ticket)?;
    if let Some((place, kind)) = leak_at(&value, String::new(), known) {
        return Err(Error::Leak { place: format!("ticket.json at {place}"), kind });
    }
    for file in &files {
        if let Some(kind) = leak::find(&file.bytes, known) {
            return Err(Error::Leak { place: file.name.to_owned(), kind });
        }
    }
    let folder = format!("crow-{}-{}", short(&case.subjects), case.at.format("%Y%m%dT%H%M%SZ"));
    Ok(Bundle { folder, ticket, manifest, files })
}

/// The subjects as a part of a file's name.
fn short(subjects: &[Subject]) -> String {
    let name = |subject: &Subject| subject.to_string().replace(' ', "-");
    match subjects {
        [] => "nothing".to_owned(),
        [one] => name(one),
        [first, rest @ ..] => format!("{}-and-{}-more", name(first), rest.len()),
    }
}

/// The first member that carries a secret, for a message that helps.
fn leak_at(value: &Value, place: String, known: &[&Secret]) -> Option<(String, Kind)> {
    match value {
        Value::String(text) => leak::find(text.as_bytes(), known).map(|kind| (place, kind)),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(at, item)| leak_at(item, format!("{place}/{at}"), known))
        }
        Value::Object(members) => {
            members.iter().find_map(|(name, item)| leak_at(item, format!("{place}/{name}"), known))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn lines<T: serde::Serialize>(of: &T) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec_pretty(of)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn entry(file: &File) -> Entry {
    Entry { name: file.name.to_owned(), n_bytes: file.bytes.len() as u64, sha256: hash(&file.bytes) }
}

/// The SHA-256 of bytes in lowercase hex.
#[must_use]
pub fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests;
