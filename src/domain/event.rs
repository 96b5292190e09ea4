//! Events: the ten types (contract: events).

use super::ids::{CompanyId, EventId};
use super::time::Timestamp;
use std::fmt;

/// What happened. Names are lowercase and case-sensitive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// A client was created.
    ClientCreated,
    /// A client or lead changed status.
    ClientStatusChanged,
    /// A lead was created.
    LeadCreated,
    /// An invoice was created.
    InvoiceCreated,
    /// An invoice changed status.
    InvoiceStatusChanged,
    /// A payment went through.
    PaymentSucceeded,
    /// A payment did not go through.
    PaymentFailed,
    /// An affiliate was created.
    AffiliateCreated,
    /// A document was uploaded.
    DocumentUploaded,
    /// An agreement was signed.
    AgreementSigned,
}

impl EventType {
    /// All ten, in the order of the documentation.
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

    /// The name on the wire.
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

    /// The type of that name, if it is one of the ten.
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

/// Something that happened, with the bytes it is polled and delivered as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Increasing.
    pub id: EventId,
    /// Whose.
    pub company: CompanyId,
    /// What.
    pub kind: EventType,
    /// When.
    pub created_at: Timestamp,
    /// The envelope: stored, signed and sent as it is.
    pub body: Vec<u8>,
}

/// In which order events are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By ascending number.
    #[default]
    OldestFirst,
    /// By descending number.
    NewestFirst,
}

/// Which events are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Of these types, each named once; of all if empty.
    pub kinds: Vec<EventType>,
    /// Not before this moment.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
}
