//! Envelope of an event: its bytes are serialised once, stored, signed and sent. Payload and metadata keep the bytes
//! they were accepted with. The envelope is also the webhook body, so the size limit is checked here.

use super::error::Error;
use crate::domain::event::EventType;
use crate::domain::event::MAX_ENVELOPE_BYTES;
use crate::domain::ids::{CompanyId, EventId};
use crate::domain::time::Timestamp;

/// Members of an envelope. `payload` and `metadata` are JSON texts that were validated before.
#[derive(Debug)]
pub(super) struct EnvelopeParts<'a> {
    pub(super) id: EventId,
    pub(super) kind: EventType,
    pub(super) created_at: Timestamp,
    pub(super) company: CompanyId,
    pub(super) payload: &'a str,
    pub(super) metadata: Option<&'a str>,
}

/// Serialises an envelope to the bytes that are stored and sent.
///
/// # Errors
/// [`Error::EnvelopeTooLarge`] beyond 1 MiB.
pub(super) fn serialize_envelope(parts: &EnvelopeParts<'_>) -> Result<Vec<u8>, Error> {
    let EnvelopeParts { id, kind, created_at, company, payload, metadata } = parts;
    let created = created_at.to_rfc3339_seconds();
    let metadata = metadata.map_or_else(String::new, |metadata| format!(r#","metadata":{metadata}"#));
    let bytes = format!(
        r#"{{"id":{id},"type":"{kind}","createdUtc":"{created}","companyId":{company},"payload":{payload}{metadata}}}"#
    )
    .into_bytes();
    if bytes.len() > MAX_ENVELOPE_BYTES { Err(Error::EnvelopeTooLarge { n_bytes: bytes.len() }) } else { Ok(bytes) }
}
