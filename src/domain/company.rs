//! A company's clients and leads with their statuses, its affiliates and its notes (contract: actions).

use super::ids::{AffiliateId, ClientId, CompanyId, NoteId};
use super::subscription::Dates;
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
    /// Who it is.
    pub person: Person,
    /// Where it lives.
    pub address: Address,
    /// Lead or client, and how far.
    pub status: ClientStatus,
    /// Who looks after it.
    pub assigned: Assigned,
    /// How it came.
    pub origin: Origin,
    /// When it was created, and last changed.
    pub dates: Dates,
}

/// A person's name, and how to reach them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Person {
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// One `@`, at most 254 characters; compared without case.
    pub email: String,
    /// As given; compared by its digits.
    pub phone: Option<String>,
}

impl Person {
    /// First and last name.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
    }
}

/// Where somebody lives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Address {
    /// At most 100 characters.
    pub city: Option<String>,
    /// 2 to 50 characters.
    pub state: Option<String>,
    /// At most 10 characters.
    pub zip: Option<String>,
}

/// Who looks after a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Assigned {
    /// An employee of the company, as the CRM numbers them.
    pub employee: Option<i64>,
    /// The affiliate who brought it.
    pub affiliate: Option<AffiliateId>,
}

/// How a client came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// Where from.
    pub source: Option<String>,
    /// The package it asked for.
    pub package_keyword: Option<String>,
    /// The partner's own id; unique among the company's clients and leads.
    pub external_id: Option<String>,
}

/// What a client is looked for by; everything given must match.
#[derive(Debug, Clone, Default)]
pub struct Traits {
    /// Without case.
    pub email: Option<String>,
    /// By its digits.
    pub phone: Option<String>,
    /// The number.
    pub id: Option<ClientId>,
    /// The partner's own id.
    pub external_id: Option<String>,
}

/// Somebody who brings clients.
#[derive(Debug, Clone, PartialEq)]
pub struct Affiliate {
    /// Its number.
    pub id: AffiliateId,
    /// Whose.
    pub company: CompanyId,
    /// Who it is.
    pub person: Person,
    /// A code of the company's own.
    pub code: Option<String>,
    /// Per cent, 0 to 100.
    pub commission_rate: Option<f64>,
    /// Whether the company has approved it.
    pub is_approved: bool,
    /// The partner's own id; unique among the company's affiliates.
    pub external_id: Option<String>,
    /// When it was created, and last changed.
    pub dates: Dates,
}

/// A note on a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Its number.
    pub id: NoteId,
    /// Whose.
    pub company: CompanyId,
    /// On whom.
    pub client: ClientId,
    /// 1 to 10,000 characters.
    pub text: String,
    /// A word of the company's own.
    pub note_type: Option<String>,
    /// Who may read it.
    pub visibility: Visibility,
    /// The partner's own id; unique among the company's notes.
    pub external_id: Option<String>,
    /// When it was written.
    pub created_at: Timestamp,
}

/// Who may read a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Visibility {
    /// The company's people.
    #[default]
    Internal,
    /// The client, too.
    Client,
}

impl Visibility {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Client => "client",
        }
    }

    /// The visibility of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Internal, Self::Client].into_iter().find(|visibility| visibility.name() == name)
    }
}

/// What an email address is compared by: itself without case.
#[must_use]
pub fn email_key(email: &str) -> String {
    email.to_lowercase()
}

/// What a phone number is compared by: its digits.
#[must_use]
pub fn phone_key(phone: &str) -> String {
    phone.chars().filter(char::is_ascii_digit).collect()
}
