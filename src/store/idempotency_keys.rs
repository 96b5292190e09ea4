//! Idempotency keys: the digest of each creating request and the answer it got, by API key and idempotency key.

use super::Error;
use crate::domain::ids::KeyId;
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

/// Stored answer to an earlier request with the idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredReply {
    pub(crate) digest: [u8; 32],
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Returns the answer stored for an API key under an idempotency key since `since`.
pub(crate) fn get(
    connection: &Connection,
    key: KeyId,
    name: &str,
    since: Timestamp,
) -> Result<Option<StoredReply>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT request_digest, response_status, response_body FROM idempotency_keys WHERE key_id = ?1 AND idempotency_key = ?2 AND created_at > ?3",
    )?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(StoredReply {
            digest: row.get("request_digest")?,
            status: row.get("response_status")?,
            body: row.get("response_body")?,
        })
    };
    Ok(statement.query_row(params![key.0, name, since.millis()], read).optional()?)
}

/// Stores an answer. Must run in the transaction of the request that it answers.
pub(crate) fn put(
    connection: &Connection,
    key: KeyId,
    name: &str,
    answer: &StoredReply,
    now: Timestamp,
) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO idempotency_keys (key_id, idempotency_key, request_digest, response_status, response_body, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![key.0, name, answer.digest, answer.status, answer.body, now.millis()])?;
    Ok(())
}

/// Deletes answers stored at or before `until`.
pub(crate) fn delete_until(connection: &Connection, until: Timestamp) -> Result<(), Error> {
    connection.prepare_cached("DELETE FROM idempotency_keys WHERE created_at <= ?1")?.execute([until.millis()])?;
    Ok(())
}
