//! Building a bundle: the ticket for people and for programs, the manifest, and the search for secrets without which none of them leaves.

use super::redact::Redactor;
use super::text;
use super::ticket::{Bodies, ticket};
use crate::api::bundle::{Entry, Manifest, PlatformCheck, Redaction, Ticket, VERSION};
use crate::api::report::Subject;
use crate::diagnose::case::Case;
use crate::domain::outbound::{Held, Outbound, SecretGate};
use crate::domain::time::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io;
use std::path::PathBuf;

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A secret would have left that could not be masked; it is not repeated.
    #[error("nothing was written: in {place}, {held}")]
    Held {
        /// Where: a file, and the member of the ticket if it is one: `ticket.json at /failures/0/body`.
        place: String,
        /// What was found.
        held: Held,
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
    /// Its text.
    pub text: Outbound,
}

/// A bundle that was searched for secrets and has none. There is no other way to one than [`bundle()`].
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

/// Builds the bundle of a case: `ticket.md`, `ticket.json` and `manifest.json`. Secrets in outside text are masked in their place. The same
/// input gives the same bytes.
///
/// # Errors
/// [`Error::Held`] when the finished bytes still have a secret.
pub fn bundle(case: &Case, bodies: Bodies, gate: &SecretGate) -> Result<Bundle, Error> {
    let targets = case.subscriptions.found.iter().flatten().map(|row| &row.subscription.target_url);
    let sent_to = case.failures.found.iter().flatten().map(|of| &of.row.target_url);
    let mut redactor = Redactor::new(gate, targets.chain(sent_to));
    let ticket = ticket(case, bodies, &mut redactor);
    let about = About { created: case.at, redactions: redactor.redactions(), platform_check: PlatformCheck::NotAsked };
    put_together(ticket, about, gate)
}

/// What a manifest says beside what the ticket says.
pub(super) struct About {
    pub(super) created: Timestamp,
    pub(super) redactions: Vec<Redaction>,
    pub(super) platform_check: PlatformCheck,
}

/// Writes the files of a ticket and lets them out.
pub(super) fn put_together(ticket: Ticket, about: About, gate: &SecretGate) -> Result<Bundle, Error> {
    let json = lines(&ticket)?;
    let files = vec![
        File { name: "ticket.md", text: release("ticket.md", text::write(&ticket), gate, &ticket)? },
        File { name: "ticket.json", text: release("ticket.json", json, gate, &ticket)? },
    ];
    let manifest = Manifest {
        version: VERSION,
        crow: env!("CARGO_PKG_VERSION").to_owned(),
        created_utc: about.created,
        subjects: ticket.subjects.clone(),
        window: ticket.window,
        redactions: about.redactions,
        platform_check: about.platform_check,
        files: files.iter().map(entry).collect(),
    };
    let last = File { name: "manifest.json", text: release("manifest.json", lines(&manifest)?, gate, &ticket)? };
    let files: Vec<File> = files.into_iter().chain([last]).collect();
    let folder = format!("crow-{}-{}", short(&ticket.subjects), about.created.format("%Y%m%dT%H%M%SZ"));
    Ok(Bundle { folder, ticket, manifest, files })
}

/// Lets a file out, or says where in the ticket it has a secret.
fn release(name: &str, text: String, gate: &SecretGate, ticket: &Ticket) -> Result<Outbound, Error> {
    gate.release(text).map_err(|held| {
        let value = serde_json::to_value(ticket).unwrap_or_default();
        let place = match place_of(&value, String::new(), gate) {
            Some(place) => format!("ticket.json at {place}"),
            None => name.to_owned(),
        };
        Error::Held { place, held }
    })
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

/// The first member of a ticket that has a secret.
fn place_of(value: &Value, place: String, gate: &SecretGate) -> Option<String> {
    match value {
        Value::String(text) => (!gate.find(text).is_empty()).then_some(place),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(at, item)| place_of(item, format!("{place}/{at}"), gate))
        }
        Value::Object(members) => {
            members.iter().find_map(|(name, item)| place_of(item, format!("{place}/{name}"), gate))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn lines<T: serde::Serialize>(of: &T) -> Result<String, Error> {
    let mut text = serde_json::to_string_pretty(of)?;
    text.push('\n');
    Ok(text)
}

fn entry(file: &File) -> Entry {
    let bytes = file.text.as_str().as_bytes();
    Entry { name: file.name.to_owned(), n_bytes: bytes.len() as u64, sha256: hash(bytes) }
}

/// The SHA-256 of bytes in lowercase hex.
#[must_use]
pub fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests;
