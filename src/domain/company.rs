//! Companies and their CRM records: clients and leads with their statuses, affiliates and notes.

use super::ids::{AffiliateId, ClientId, CompanyId, NoteId};
use super::subscription::RecordDates;
use super::time::Timestamp;

/// Status of a client or lead: a name and a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientStatus {
    /// Number of the status on the wire.
    pub id: i64,
    /// Name of the status on the wire.
    pub name: &'static str,
}

/// Status that Create Lead assigns.
pub const LEAD_NEW: ClientStatus = ClientStatus { id: 10, name: "Lead - New" };
/// Status that Create Client assigns by default.
pub const CLIENT_ACTIVE: ClientStatus = ClientStatus { id: 42, name: "Client - Active" };

/// All statuses of clients and leads.
pub const CLIENT_STATUSES: [ClientStatus; 8] = [
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
    /// Looks up a status by its number.
    #[must_use]
    pub fn from_id(id: i64) -> Option<Self> {
        CLIENT_STATUSES.into_iter().find(|status| status.id == id)
    }

    /// Looks up a status by its name, which is case-sensitive.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        CLIENT_STATUSES.into_iter().find(|status| status.name == name)
    }

    /// Returns whether a client with this status is a lead.
    #[must_use]
    pub fn is_lead(self) -> bool {
        self.name.starts_with("Lead")
    }
}

/// A company: one tenant of the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    /// Number of the company, which is part of its keys.
    pub id: CompanyId,
    /// Display name of the company.
    pub name: String,
    /// Creation time of the company.
    pub created_at: Timestamp,
}

/// A client or lead in a company's CRM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrmClient {
    /// Number of the client, unique on the platform.
    pub id: ClientId,
    /// Company that owns the client.
    pub company: CompanyId,
    /// Name, email address and phone number.
    pub person: ContactDetails,
    /// City, state and postal code.
    pub address: PostalAddress,
    /// Current status, which also tells a lead from a client.
    pub status: ClientStatus,
    /// Employee and affiliate responsible for the client.
    pub assignment: ClientAssignment,
    /// Source through which the client was acquired.
    pub origin: ClientOrigin,
    /// Times of creation and last change.
    pub dates: RecordDates,
}

/// Name and contact details of a person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContactDetails {
    /// First name of the person.
    pub first_name: String,
    /// Last name of the person.
    pub last_name: String,
    /// Email address with one `@`, at most 254 characters; compared case-insensitively.
    pub email: String,
    /// Phone number as entered; compared by its digits.
    pub phone: Option<String>,
}

impl ContactDetails {
    /// First and last name, separated by a space.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
    }
}

/// Postal address of a client, without a street.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PostalAddress {
    /// City, at most 100 characters.
    pub city: Option<String>,
    /// State, 2 to 50 characters.
    pub state: Option<String>,
    /// Postal code, at most 10 characters.
    pub zip: Option<String>,
}

/// Employee and affiliate responsible for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClientAssignment {
    /// Employee of the company, by the CRM's number.
    pub employee: Option<i64>,
    /// Affiliate who referred the client.
    pub affiliate: Option<AffiliateId>,
}

/// Source through which a client was acquired.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientOrigin {
    /// Name of the source, as the partner gives it.
    pub source: Option<String>,
    /// Keyword of the package that the client asked for.
    pub package_keyword: Option<String>,
    /// Partner's own id, unique among the company's clients and leads.
    pub external_id: Option<String>,
}

/// Search criteria for clients; every given criterion must match.
#[derive(Debug, Clone, Default)]
pub struct ClientCriteria {
    /// Email address of the client, compared case-insensitively.
    pub email: Option<String>,
    /// Phone number, compared by its digits.
    pub phone: Option<String>,
    /// Number of the client to find.
    pub id: Option<ClientId>,
    /// Partner's own id of the client.
    pub external_id: Option<String>,
}

/// An affiliate, who refers clients to a company.
#[derive(Debug, Clone, PartialEq)]
pub struct Affiliate {
    /// Number of the affiliate, unique on the platform.
    pub id: AffiliateId,
    /// Company that works with the affiliate.
    pub company: CompanyId,
    /// Name, email address and phone number.
    pub person: ContactDetails,
    /// Affiliate code, chosen by the company.
    pub code: Option<String>,
    /// Commission in percent, 0 to 100.
    pub commission_rate: Option<f64>,
    /// Whether the company has approved the affiliate.
    pub is_approved: bool,
    /// Partner's own id, unique among the company's affiliates.
    pub external_id: Option<String>,
    /// Times of creation and last change.
    pub dates: RecordDates,
}

/// A note on a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientNote {
    /// Number of the note, unique on the platform.
    pub id: NoteId,
    /// Company that owns the client.
    pub company: CompanyId,
    /// Client that the note is about.
    pub client: ClientId,
    /// Text of the note, 1 to 10,000 characters.
    pub text: String,
    /// Kind of note, in the company's own vocabulary.
    pub note_type: Option<String>,
    /// Audience that may read the note.
    pub visibility: NoteVisibility,
    /// Partner's own id, unique among the company's notes.
    pub external_id: Option<String>,
    /// Time at which the note was written.
    pub created_at: Timestamp,
}

/// Audience that may read a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NoteVisibility {
    /// Only the company's staff may read the note.
    #[default]
    Internal,
    /// The client may read the note too.
    Client,
}

impl NoteVisibility {
    /// Name of the visibility on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Client => "client",
        }
    }

    /// Looks up a visibility by its wire name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Internal, Self::Client].into_iter().find(|visibility| visibility.name() == name)
    }
}

/// Normalizes an email address for comparison: lower case.
#[must_use]
pub fn email_key(email: &str) -> String {
    email.to_lowercase()
}

/// Normalizes a phone number for comparison: only its digits.
#[must_use]
pub fn phone_key(phone: &str) -> String {
    phone.chars().filter(char::is_ascii_digit).collect()
}
