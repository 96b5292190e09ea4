//! Clients and leads of a company: their statuses (contract: actions).

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
