//! Events and their ten types. See `docs/internals/contract.md`.

use super::ids::{CompanyId, EventId};
use super::time::Timestamp;
use std::fmt;

/// Maximum size of an envelope, and so of a webhook body, in bytes.
pub const MAX_ENVELOPE_BYTES: usize = 1024 * 1024;

/// Type of an event. Wire names are lowercase and case-sensitive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// A client record was created.
    ClientCreated,
    /// A client or lead changed status.
    ClientStatusChanged,
    /// A lead record was created.
    LeadCreated,
    /// An invoice was created for a client.
    InvoiceCreated,
    /// An invoice changed its status.
    InvoiceStatusChanged,
    /// A payment was collected successfully.
    PaymentSucceeded,
    /// A payment attempt was declined or failed.
    PaymentFailed,
    /// An affiliate record was created.
    AffiliateCreated,
    /// A document was uploaded for a client.
    DocumentUploaded,
    /// An agreement of a client was signed.
    AgreementSigned,
}

impl EventType {
    /// All ten types, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::ClientCreated,
        Self::ClientStatusChanged,
        Self::LeadCreated,
        Self::InvoiceCreated,
        Self::InvoiceStatusChanged,
        Self::PaymentSucceeded,
        Self::PaymentFailed,
        Self::AffiliateCreated,
        Self::DocumentUploaded,
        Self::AgreementSigned,
    ];

    /// Name of the event type on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientCreated => "client.created",
            Self::ClientStatusChanged => "client.status_changed",
            Self::LeadCreated => "lead.created",
            Self::InvoiceCreated => "invoice.created",
            Self::InvoiceStatusChanged => "invoice.status_changed",
            Self::PaymentSucceeded => "payment.succeeded",
            Self::PaymentFailed => "payment.failed",
            Self::AffiliateCreated => "affiliate.created",
            Self::DocumentUploaded => "document.uploaded",
            Self::AgreementSigned => "agreement.signed",
        }
    }

    /// Looks up an event type by its wire name; `None` if unknown.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A published event with its envelope bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Number of the event, increasing in the order of publication.
    pub id: EventId,
    /// Company in which the event happened.
    pub company: CompanyId,
    /// Type of the published event.
    pub kind: EventType,
    /// Time at which the event was published.
    pub created_at: Timestamp,
    /// Envelope bytes: stored, signed and sent unchanged.
    pub body: Vec<u8>,
}

/// Sort order of an event list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EventOrder {
    /// Sorted by ascending event number.
    #[default]
    OldestFirst,
    /// Sorted by descending event number.
    NewestFirst,
}

/// Filter of an event list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// Event types to include, each listed once; empty for all.
    pub kinds: Vec<EventType>,
    /// Earliest creation time of an event, inclusive.
    pub since: Option<Timestamp>,
    /// Latest creation time of an event, exclusive.
    pub until: Option<Timestamp>,
}
