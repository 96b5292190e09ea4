//! The audit trail: who changed what. Each row carries the hash of the one before it, so that a missing or edited row shows.

use super::Error;
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, named_params};
use sha2::{Digest as _, Sha256};

/// One change.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'a> {
    pub(crate) at: Timestamp,
    pub(crate) actor: &'a str,
    pub(crate) action: &'a str,
    pub(crate) subject: String,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) request_id: Option<&'a str>,
}

/// Appends a change. Belongs into the transaction of the change.
pub(crate) fn append(connection: &Connection, entry: &Entry<'_>) -> Result<(), Error> {
    let previous: Option<Vec<u8>> = connection
        .prepare_cached("SELECT hash FROM audit ORDER BY id DESC LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let hash = chain(previous.as_deref().unwrap_or_default(), entry);
    connection
        .prepare_cached(
            "INSERT INTO audit (at, actor, action, subject, before, after, reason, request_id, hash)
             VALUES (:at, :actor, :action, :subject, :before, :after, :reason, :request_id, :hash)",
        )?
        .execute(named_params! {
            ":at": entry.at.millis(), ":actor": entry.actor, ":action": entry.action, ":subject": entry.subject, ":before": entry.before,
            ":after": entry.after, ":reason": entry.reason, ":request_id": entry.request_id, ":hash": hash,
        })?;
    Ok(())
}

/// The hash of a row: SHA-256 over the previous hash and each field with its length in front.
fn chain(previous: &[u8], entry: &Entry<'_>) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(previous);
    digest.update(entry.at.millis().to_be_bytes());
    let fields = [
        Some(entry.actor),
        Some(entry.action),
        Some(entry.subject.as_str()),
        entry.before.as_deref(),
        entry.after.as_deref(),
        entry.reason.as_deref(),
        entry.request_id,
    ];
    for field in fields {
        match field {
            Some(text) => {
                digest.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
                digest.update(text.as_bytes());
            }
            None => digest.update(u64::MAX.to_be_bytes()),
        }
    }
    digest.finalize().into()
}
