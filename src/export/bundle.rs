//! Bundle: the ticket as Markdown and as JSON, the manifest, and the secret scan that every file must pass.

use super::bundle_documents::{
    BUNDLE_FORMAT_VERSION, BundleManifest, ManifestFile, PlatformCheck, RedactionTally, SupportTicket,
};
use super::redact::Redactor;
use super::ticket::{ResponseBodies, build_ticket};
use super::ticket_markdown;
use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::incident::IncidentEvidence;
use crate::domain::outbound::{OutboundText, SecretGate, SecretInTextError};
use crate::domain::time::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io;
use std::path::PathBuf;

/// Error while a bundle is built or written.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A secret was found that could not be masked; the secret itself is not repeated.
    #[error("nothing was written: in {place}, {held}")]
    Held {
        /// Place of the secret: a file, and within the ticket the member: `ticket.json at /failures/0/body`.
        place: String,
        /// Description of the passage that was withheld.
        held: SecretInTextError,
    },
    /// The ticket or the manifest cannot be serialised as JSON.
    #[error("cannot write the ticket: {0}")]
    Json(#[from] serde_json::Error),
    /// The folder or file exists already.
    #[error("{} already exists", path.display())]
    Exists {
        /// Path at which something exists already.
        path: PathBuf,
    },
    /// The file system refused a write; files written so far are removed as far as possible.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// Folder or file that could not be written.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
}

/// File of a bundle, cleared by the secret scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleFile {
    /// Name of the file within the folder.
    pub name: &'static str,
    /// Text of the file, as it is written.
    pub text: OutboundText,
}

/// Bundle that passed the secret scan. It can only be created by [`build_bundle()`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketBundle {
    folder: String,
    ticket: SupportTicket,
    manifest: BundleManifest,
    files: Vec<BundleFile>,
}

impl TicketBundle {
    /// Returns a name for the folder: subject and time.
    #[must_use]
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// Returns the ticket of the bundle.
    #[must_use]
    pub const fn ticket(&self) -> &SupportTicket {
        &self.ticket
    }

    /// Returns the manifest of the bundle.
    #[must_use]
    pub const fn manifest(&self) -> &BundleManifest {
        &self.manifest
    }

    /// Returns the files of the bundle.
    #[must_use]
    pub fn files(&self) -> &[BundleFile] {
        &self.files
    }
}

/// Builds the bundle of an incident: `ticket.md`, `ticket.json` and `manifest.json`. Secrets in outside text are
/// masked. The same input gives the same bytes.
///
/// # Errors
///
/// [`BundleError::Held`] when the reporter's own words contain a secret, which are never changed, or when the finished
/// files still do.
pub fn build_bundle(
    case: &IncidentEvidence,
    bodies: ResponseBodies,
    gate: &SecretGate,
) -> Result<TicketBundle, BundleError> {
    for (field, _, text) in case.reporter.texts() {
        let held = |held| BundleError::Held { place: field.to_owned(), held };
        gate.release(text.to_owned()).map_err(held)?;
    }
    let targets = case.subscriptions.found.iter().flatten().map(|row| &row.subscription.target_url);
    let sent_to = case.failures.found.iter().flatten().filter_map(|of| of.row.target_url.as_ref());
    let mut redactor = Redactor::new(gate, targets.chain(sent_to));
    let ticket = build_ticket(case, bodies, &mut redactor);
    let redactions = redactor.redactions(&serde_json::to_value(&ticket)?);
    let about = ManifestDetails { created: case.at, redactions, platform_check: PlatformCheck::NotAsked };
    assemble_bundle(ticket, about, gate)
}

/// Members of the manifest that are not in the ticket.
pub(super) struct ManifestDetails {
    pub(super) created: Timestamp,
    pub(super) redactions: Vec<RedactionTally>,
    pub(super) platform_check: PlatformCheck,
}

/// Writes the files of a ticket and passes each one through the secret scan.
pub(super) fn assemble_bundle(
    ticket: SupportTicket,
    about: ManifestDetails,
    gate: &SecretGate,
) -> Result<TicketBundle, BundleError> {
    let json = pretty_json(&ticket)?;
    let files = vec![
        BundleFile {
            name: "ticket.md",
            text: scan_file("ticket.md", ticket_markdown::write_ticket(&ticket), gate, &ticket)?,
        },
        BundleFile { name: "ticket.json", text: scan_file("ticket.json", json, gate, &ticket)? },
    ];
    let manifest = BundleManifest {
        version: BUNDLE_FORMAT_VERSION,
        crow: env!("CARGO_PKG_VERSION").to_owned(),
        created_utc: about.created,
        subjects: ticket.subjects.clone(),
        window: ticket.window,
        redactions: about.redactions,
        released: gate.released().map(str::to_owned).collect(),
        platform_check: about.platform_check,
        files: files.iter().map(manifest_entry).collect(),
    };
    let last =
        BundleFile { name: "manifest.json", text: scan_file("manifest.json", pretty_json(&manifest)?, gate, &ticket)? };
    let files: Vec<BundleFile> = files.into_iter().chain([last]).collect();
    let folder = format!("crow-{}-{}", subjects_slug(&ticket.subjects), about.created.format("%Y%m%dT%H%M%SZ"));
    Ok(TicketBundle { folder, ticket, manifest, files })
}

/// Passes a file through the secret scan; an error names the member of the ticket that holds the secret.
fn scan_file(name: &str, text: String, gate: &SecretGate, ticket: &SupportTicket) -> Result<OutboundText, BundleError> {
    gate.release(text).map_err(|held| {
        let value = serde_json::to_value(ticket).unwrap_or_default();
        let place = match find_secret_member(&value, String::new(), gate) {
            Some(place) => format!("ticket.json at {place}"),
            None => name.to_owned(),
        };
        BundleError::Held { place, held }
    })
}

/// Formats the subjects as a part of a file name.
fn subjects_slug(subjects: &[DiagnosisSubject]) -> String {
    let name = |subject: &DiagnosisSubject| subject.to_string().replace(' ', "-");
    match subjects {
        [] => "nothing".to_owned(),
        [one] => name(one),
        [first, rest @ ..] => format!("{}-and-{}-more", name(first), rest.len()),
    }
}

/// Finds the first member of a ticket that holds a secret.
fn find_secret_member(value: &Value, place: String, gate: &SecretGate) -> Option<String> {
    match value {
        Value::String(text) => (!gate.find(text).is_empty()).then_some(place),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(at, item)| find_secret_member(item, format!("{place}/{at}"), gate))
        }
        Value::Object(members) => {
            members.iter().find_map(|(name, item)| find_secret_member(item, format!("{place}/{name}"), gate))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn pretty_json<T: serde::Serialize>(of: &T) -> Result<String, BundleError> {
    let mut text = serde_json::to_string_pretty(of)?;
    text.push('\n');
    Ok(text)
}

fn manifest_entry(file: &BundleFile) -> ManifestFile {
    let bytes = file.text.as_str().as_bytes();
    ManifestFile { name: file.name.to_owned(), n_bytes: bytes.len() as u64, sha256: sha256_hex(bytes) }
}

/// Returns the SHA-256 of bytes in lowercase hex.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests;
