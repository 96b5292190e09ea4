//! The envelope: the bytes of an event, put together once. Payload and metadata stand in it with the bytes they were accepted with. It is the
//! body of each webhook about the event, so its size is judged here, where it is made.

use super::Error;
use crate::domain::event::EventType;
use crate::domain::ids::{CompanyId, EventId};
use crate::domain::time::Timestamp;

/// The most bytes of an envelope, and so of a webhook's body.
pub(super) const MAX_ENVELOPE_BYTES: usize = 1024 * 1024;

/// What an envelope is made of. `payload` and `metadata` are JSON texts that were checked.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) id: EventId,
    pub(super) kind: EventType,
    pub(super) created_at: Timestamp,
    pub(super) company: CompanyId,
    pub(super) payload: &'a str,
    pub(super) metadata: Option<&'a str>,
}

/// The bytes.
///
/// # Errors
/// [`Error::EnvelopeTooLarge`]: more than receivers were promised at most.
pub(super) fn seal(parts: &Parts<'_>) -> Result<Vec<u8>, Error> {
    let Parts { id, kind, created_at, company, payload, metadata } = parts;
    let created = created_at.to_rfc3339_seconds();
    let metadata = metadata.map_or_else(String::new, |metadata| format!(r#","metadata":{metadata}"#));
    let bytes = format!(
        r#"{{"id":{id},"type":"{kind}","createdUtc":"{created}","companyId":{company},"payload":{payload}{metadata}}}"#
    )
    .into_bytes();
    if bytes.len() > MAX_ENVELOPE_BYTES { Err(Error::EnvelopeTooLarge { n_bytes: bytes.len() }) } else { Ok(bytes) }
}
