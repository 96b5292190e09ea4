//! Clients and leads of a company: their statuses (contract: actions).

use super::ids::{ClientId, CompanyId};
use super::time::Timestamp;

/// A status a client can have: its name and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientStatus {
    /// The number on the wire.
    pub id: i64,
    /// The name on the wire.
    pub name: &'static str,
}

/// What Create Lead gives.
pub const LEAD_NEW: ClientStatus = ClientStatus { id: 10, name: "Lead - New" };
/// What Create Client gives unless told otherwise.
pub const CLIENT_ACTIVE: ClientStatus = ClientStatus { id: 42, name: "Client - Active" };

/// Every status there is.
pub const STATUSES: [ClientStatus; 8] = [
    LEAD_NEW,
    ClientStatus { id: 11, name: "Lead - Contacted" },
    ClientStatus { id: 12, name: "Lead - Qualified" },
    ClientStatus { id: 19, name: "Lead - Lost" },
    CLIENT_ACTIVE,
    ClientStatus { id: 43, name: "Client - Paused" },
    ClientStatus { id: 44, name: "Client - Graduated" },
    ClientStatus { id: 49, name: "Client - Cancelled" },
];

impl ClientStatus {
    /// The status of that number.
    #[must_use]
    pub fn numbered(id: i64) -> Option<Self> {
        STATUSES.into_iter().find(|status| status.id == id)
    }

    /// The status of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        STATUSES.into_iter().find(|status| status.name == name)
    }

    /// Whether it makes its client a lead.
    #[must_use]
    pub fn is_lead(self) -> bool {
        self.name.starts_with("Lead")
    }
}

/// A company: one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    /// Its number, the one in its keys.
    pub id: CompanyId,
    /// Its name.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A client of a company, or a lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its number.
    pub id: ClientId,
    /// Whose.
    pub company: CompanyId,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// One `@`, at most 254 characters.
    pub email: String,
    /// As given.
    pub phone: Option<String>,
    /// Lead or client, and how far.
    pub status: ClientStatus,
    /// Where it came from.
    pub source: Option<String>,
    /// The partner's own id.
    pub external_id: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
}
