//! The envelope: the bytes of an event, put together once. Payload and metadata stand in it with the bytes they were accepted with.

use crate::domain::event::EventType;
use crate::domain::ids::{CompanyId, EventId};
use crate::domain::time::Timestamp;

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
pub(super) fn seal(parts: &Parts<'_>) -> Vec<u8> {
    let Parts { id, kind, created_at, company, payload, metadata } = parts;
    let created = created_at.to_rfc3339_seconds();
    let metadata = metadata.map_or_else(String::new, |metadata| format!(r#","metadata":{metadata}"#));
    format!(
        r#"{{"id":{id},"type":"{kind}","createdUtc":"{created}","companyId":{company},"payload":{payload}{metadata}}}"#
    )
    .into_bytes()
}
