//! Building a bundle: the ticket, the manifest, and the search for secrets without which neither leaves.

use super::leak::{self, Kind};
use super::redact::Redactor;
use super::ticket::{self, Story};
use crate::api::attempts::AttemptRow;
use crate::api::bundle::{Entry, Manifest, VERSION, Window};
use crate::api::report::Report;
use crate::api::subscriptions::SubscriptionRow;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use sha2::{Digest, Sha256};
use std::io;
use std::path::PathBuf;

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A secret would have left; it is not repeated.
    #[error("nothing was written: {file} would carry {kind}")]
    Leak {
        /// In which file.
        file: &'static str,
        /// What was found.
        kind: Kind,
    },
    /// The manifest cannot be put into JSON.
    #[error("the manifest cannot be written: {0}")]
    Manifest(#[from] serde_json::Error),
    /// The folder is there already.
    #[error("{} exists already; nothing was written", dir.display())]
    Exists {
        /// The folder.
        dir: PathBuf,
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
    files: Vec<File>,
}

impl Bundle {
    /// A name for its folder: subject and time.
    #[must_use]
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// Its files.
    #[must_use]
    pub fn files(&self) -> &[File] {
        &self.files
    }
}

/// Builds the bundle about one subscription: `ticket.md` and `manifest.json`. Attempts of other subscriptions are left out. The same input
/// gives the same bytes.
///
/// # Errors
/// [`Error::Leak`] when one of the `known` secrets, or anything shaped like a key or a token, is found in the finished bytes.
pub fn bundle(
    report: &Report,
    subscription: &SubscriptionRow,
    attempts: &[AttemptRow],
    known: &[&Secret],
    now: Timestamp,
) -> Result<Bundle, Error> {
    let id = subscription.subscription.id;
    let mut failures: Vec<&AttemptRow> =
        attempts.iter().filter(|row| row.subscription_id == id && !row.outcome().is_success()).collect();
    failures.sort_by_key(|row| (row.started_utc, row.id));
    let targets = attempts.iter().map(|row| &row.target_url).chain([&subscription.subscription.target_url]);
    let mut redactor = Redactor::new(targets);
    let story = Story { report, subscription, failures: &failures, now };
    let ticket = File { name: "ticket.md", bytes: ticket::write(&story, &mut redactor).into_bytes() };
    let window = failures.first().zip(failures.last());
    let manifest = Manifest {
        version: VERSION,
        crow: env!("CARGO_PKG_VERSION").to_owned(),
        created_utc: now,
        topic: report.topic,
        subject: report.subject,
        window: window.map(|(first, last)| Window { since_utc: first.started_utc, until_utc: last.started_utc }),
        n_redactions: redactor.count(),
        files: vec![entry(&ticket)],
    };
    let mut bytes = serde_json::to_vec_pretty(&manifest)?;
    bytes.push(b'\n');
    let files = vec![ticket, File { name: "manifest.json", bytes }];
    for file in &files {
        if let Some(kind) = leak::find(&file.bytes, known) {
            return Err(Error::Leak { file: file.name, kind });
        }
    }
    Ok(Bundle { folder: format!("crow-{}-subscription-{id}-{}", report.topic, now.format("%Y%m%dT%H%M%SZ")), files })
}

fn entry(file: &File) -> Entry {
    Entry {
        name: file.name.to_owned(),
        n_bytes: file.bytes.len() as u64,
        sha256: hex::encode(Sha256::digest(&file.bytes)),
    }
}

#[cfg(test)]
mod tests;
