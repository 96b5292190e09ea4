//! Idempotent creates: the record, its event and the answer stored under the caller's idempotency key are written in
//! one transaction. A retry within 24 hours returns the stored answer.

use super::error::Error;
use super::handle::Engine;
use crate::domain::company::ClientStatus;
use crate::domain::ids::KeyId;
use crate::domain::time::Timestamp;
use crate::store;
use crate::store::idempotency_keys::StoredReply;
use crate::store::publication_rows::Publication;
use rusqlite::Connection;
use std::time::Duration;

/// Time for which an idempotency key and its answer are kept.
pub(super) const IDEMPOTENCY_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// Identity of a call that may be retried.
#[derive(Debug)]
pub struct IdempotentCall {
    /// API key of the caller; idempotency keys are unique per API key.
    pub key: KeyId,
    /// Value of the `Idempotency-Key` header, if sent.
    pub idempotency_key: Option<String>,
    /// Digest of route and body; the same idempotency key with another digest is a conflict.
    pub digest: [u8; 32],
}

impl IdempotentCall {
    /// Returns the stored answer of an earlier call with this idempotency key.
    ///
    /// # Errors
    /// [`Error::IdempotencyConflict`] when the earlier call had another digest; [`Error`] when the database cannot be read.
    pub(super) fn stored_reply(
        &self,
        connection: &Connection,
        now: Timestamp,
    ) -> Result<Option<IdempotentReply>, Error> {
        let Some(name) = &self.idempotency_key else { return Ok(None) };
        match store::idempotency_keys::get(connection, self.key, name, now.minus(IDEMPOTENCY_TTL))? {
            None => Ok(None),
            Some(StoredReply { digest, status, body }) if digest == self.digest => {
                Ok(Some(IdempotentReply { status, body, origin: ReplyOrigin::Replayed }))
            }
            Some(_) => Err(Error::IdempotencyConflict),
        }
    }

    /// Stores the answer under the idempotency key; call this in the transaction of the create.
    pub(super) fn store_reply(
        &self,
        connection: &Connection,
        (status, body): (u16, Vec<u8>),
        now: Timestamp,
    ) -> Result<IdempotentReply, Error> {
        if let Some(name) = &self.idempotency_key {
            let answer = StoredReply { digest: self.digest, status, body: body.clone() };
            store::idempotency_keys::put(connection, self.key, name, &answer, now)?;
        }
        Ok(IdempotentReply { status, body, origin: ReplyOrigin::Fresh })
    }
}

/// Idempotent create: the call and the renderer of its answer.
#[derive(Debug)]
pub struct IdempotentCreate {
    /// Identity of the creating call.
    pub call: IdempotentCall,
    /// Renderer of status and body, which are stored with the record.
    pub render: fn(&CreatedRecord) -> (u16, Vec<u8>),
}

/// Record that a create made or found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreatedRecord {
    /// Number of the created record.
    pub id: i64,
    /// Status of the record, if it is a client.
    pub status: Option<ClientStatus>,
    /// Time at which the record was created.
    pub created_at: Timestamp,
    /// Whether this call made the record.
    pub origin: RecordOrigin,
}

/// Origin of the record that a create returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordOrigin {
    /// Made now, by this call.
    Created,
    /// Made earlier, with the same external id.
    Existing,
}

/// Rendered answer to a create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotentReply {
    /// HTTP status of the answer.
    pub status: u16,
    /// Body of the rendered answer.
    pub body: Vec<u8>,
    /// Whether the answer is fresh or a replay.
    pub origin: ReplyOrigin,
}

/// Origin of an answer to a create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyOrigin {
    /// Rendered by this very call.
    Fresh,
    /// Stored by an earlier call with the same idempotency key.
    Replayed,
}

impl Engine {
    /// Runs a create in a transaction. A retry returns the stored answer and changes nothing.
    ///
    /// # Errors
    /// [`Error::IdempotencyConflict`], every error of `create`; [`Error::Contended`], [`Error::StorageFull`] or [`Error::Store`]
    /// when the change cannot be written.
    pub(super) async fn run_create(
        &self,
        once: IdempotentCreate,
        create: impl FnOnce(&mut Publication<'_>, Timestamp) -> Result<CreatedRecord, Error> + Send + 'static,
    ) -> Result<IdempotentReply, Error> {
        let ambient = self.shared.ambient.clone();
        let create_once = move |publication: &mut Publication<'_>| {
            let (connection, now) = (publication.connection, ambient.now());
            // Checked inside the write transaction: of two concurrent retries, one finds the answer of the other.
            if let Some(earlier) = once.call.stored_reply(connection, now)? {
                return Ok(earlier);
            }
            let created = create(publication, now)?;
            once.call.store_reply(connection, (once.render)(&created), now)
        };
        self.run_publication(&self.shared.partner_store, create_once).await
    }
}
