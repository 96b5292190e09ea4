//! The manifest of an escalation bundle: what is in it, which time it covers, and what it was made with.

use super::report::{Subject, Topic};
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The version of the manifest's form.
pub const VERSION: u32 = 1;

/// What is in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// [`VERSION`].
    pub version: u32,
    /// The version of crow that made it.
    pub crow: String,
    /// When it was made.
    pub created_utc: Timestamp,
    /// The playbook that was run.
    pub topic: Topic,
    /// Over what.
    pub subject: Subject,
    /// The time that the failures in it cover; null without failures.
    pub window: Option<Window>,
    /// Parts of outside text that were left out because they may carry secrets.
    pub n_redactions: u32,
    /// All other files.
    pub files: Vec<Entry>,
}

/// A span of time, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// The first failure.
    pub since_utc: Timestamp,
    /// The last one.
    pub until_utc: Timestamp,
}

/// One file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its name within the folder.
    pub name: String,
    /// Its length.
    pub n_bytes: u64,
    /// The SHA-256 of its bytes, in lowercase hex.
    pub sha256: String,
}
