//! Actions and searches: what partners' systems do. Fields are snake_case, as documented.

use crate::domain::company::{Client, ClientStatus};
use crate::domain::ids::{AffiliateId, ClientId, NoteId};
use crate::domain::patch::Patch;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of Create Lead.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct NewLead {
    /// Required.
    #[serde(default)]
    #[schema(required = true)]
    pub first_name: String,
    /// Required.
    #[serde(default)]
    #[schema(required = true)]
    pub last_name: String,
    /// Required; one `@`, at most 254 characters.
    #[serde(default)]
    #[schema(required = true)]
    pub email: String,
    /// `+`, digits, spaces, dashes, parentheses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// At most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// 2 to 50 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// At most 10 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zip: Option<String>,
    /// The package the lead asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_keyword: Option<String>,
    /// An affiliate of the company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affiliate_id: Option<AffiliateId>,
    /// The partner's own id; the same one again answers with the existing record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Where the lead came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// The body of Create Client.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct NewClient {
    /// Required.
    #[serde(default)]
    #[schema(required = true)]
    pub first_name: String,
    /// Required.
    #[serde(default)]
    #[schema(required = true)]
    pub last_name: String,
    /// Required; one `@`, at most 254 characters.
    #[serde(default)]
    #[schema(required = true)]
    pub email: String,
    /// `+`, digits, spaces, dashes, parentheses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The name of a status; `Client - Active` if neither is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The number of a status; must agree with its name if both are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_id: Option<i64>,
    /// An employee, as the CRM numbers them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee_id: Option<i64>,
    /// At most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// 2 to 50 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// At most 10 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zip: Option<String>,
    /// An affiliate of the company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affiliate_id: Option<AffiliateId>,
    /// The partner's own id; the same one again answers with the existing record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Where the client came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// The body of Update Lead and Update Client: at least one field; null clears an optional one.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ClientPatch {
    /// Cannot be cleared.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<String>)]
    pub first_name: Patch<String>,
    /// Cannot be cleared.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<String>)]
    pub last_name: Patch<String>,
    /// Cannot be cleared.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<String>)]
    pub email: Patch<String>,
    /// `+`, digits, spaces, dashes, parentheses.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<String>)]
    pub phone: Patch<String>,
    /// At most 100 characters.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<String>)]
    pub city: Patch<String>,
    /// 2 to 50 characters.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<String>)]
    pub state: Patch<String>,
    /// At most 10 characters.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<String>)]
    pub zip: Patch<String>,
    /// An employee, as the CRM numbers them.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<i64>)]
    pub employee_id: Patch<i64>,
    /// An affiliate of the company.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<AffiliateId>)]
    pub affiliate_id: Patch<AffiliateId>,
    /// The partner's own id; no other client or lead of the company may have it.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<String>)]
    pub external_id: Patch<String>,
}

/// The body of Update Lead Status and Update Client Status: the new status by name, by number, or by both if they agree.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct StatusChange {
    /// The name of a status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_status: Option<String>,
    /// The number of a status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_status_id: Option<i64>,
    /// Who changed it, as the CRM numbers employees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_by_employee_id: Option<i64>,
    /// Why; at most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_note: Option<String>,
}

/// The body of Add Client Note.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct NewNote {
    /// Required; at most 10,000 characters.
    #[serde(default)]
    #[schema(required = true)]
    pub text: String,
    /// At most 50 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note_type: Option<String>,
    /// `internal` (if absent) or `client`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<String>,
    /// The partner's own id; the same one again answers with the existing note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

/// The body of Create Affiliate.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct NewAffiliate {
    /// Required; one `@`, at most 254 characters.
    #[serde(default)]
    #[schema(required = true)]
    pub email: String,
    /// Required.
    #[serde(default)]
    #[schema(required = true)]
    pub first_name: String,
    /// Required.
    #[serde(default)]
    #[schema(required = true)]
    pub last_name: String,
    /// `+`, digits, spaces, dashes, parentheses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// At most 50 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affiliate_code: Option<String>,
    /// Per cent, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commission_rate: Option<f64>,
    /// The partner's own id; the same one again answers with the existing affiliate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

/// The body of Update Affiliate: at least one field; null clears an optional one.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct AffiliatePatch {
    /// Cannot be cleared.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<String>)]
    pub email: Patch<String>,
    /// Cannot be cleared.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<String>)]
    pub first_name: Patch<String>,
    /// Cannot be cleared.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<String>)]
    pub last_name: Patch<String>,
    /// `+`, digits, spaces, dashes, parentheses.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<String>)]
    pub phone: Patch<String>,
    /// At most 50 characters.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<String>)]
    pub affiliate_code: Patch<String>,
    /// Per cent, 0 to 100.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<f64>)]
    pub commission_rate: Patch<f64>,
    /// The partner's own id; no other affiliate of the company may have it.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<String>)]
    pub external_id: Patch<String>,
    /// Cannot be cleared.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<bool>)]
    pub is_approved_affiliate: Patch<bool>,
}

/// The answer to Create Lead and Create Client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreatedClient {
    /// Its number.
    pub client_id: ClientId,
    /// The name of its status.
    pub status: String,
    /// Whole seconds.
    #[serde(with = "super::time::seconds")]
    pub created_utc: Timestamp,
}

/// The answer to Add Client Note.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreatedNote {
    /// Its number.
    pub client_note_id: NoteId,
    /// Whole seconds.
    #[serde(with = "super::time::seconds")]
    pub created_utc: Timestamp,
}

/// The answer to Create Affiliate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreatedAffiliate {
    /// Its number.
    pub affiliate_id: AffiliateId,
    /// Whole seconds.
    #[serde(with = "super::time::seconds")]
    pub created_utc: Timestamp,
}

/// The answer to Update Lead and Update Client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UpdatedClient {
    /// Always true; a refusal is a problem.
    pub success: bool,
    /// Whole seconds.
    #[serde(with = "super::time::seconds")]
    pub updated_utc: Timestamp,
    /// Its number.
    pub client_id: ClientId,
}

/// The answer to Update Affiliate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UpdatedAffiliate {
    /// Always true; a refusal is a problem.
    pub success: bool,
    /// Whole seconds.
    #[serde(with = "super::time::seconds")]
    pub updated_utc: Timestamp,
    /// Its number.
    pub affiliate_id: AffiliateId,
}

/// The answer to Update Lead Status and Update Client Status.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChangedStatus {
    /// The name of the status before.
    pub previous_status: String,
    /// The name of the status now.
    pub new_status: String,
    /// Whole seconds.
    #[serde(with = "super::time::seconds")]
    pub updated_utc: Timestamp,
}

/// The answer to a search: one record or none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Found {
    /// The newest record where several share an email address or a phone number.
    pub items: Vec<Record>,
}

/// A client or a lead, as searches answer it. Every field is always there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Record {
    /// Its number.
    pub client_id: ClientId,
    /// First name.
    pub first_name: Untrusted,
    /// Last name.
    pub last_name: Untrusted,
    /// Both.
    pub full_name: Untrusted,
    /// As given.
    pub email: Untrusted,
    /// As given, or null.
    pub phone: Option<Untrusted>,
    /// The name of the status, as in events.
    pub status: String,
    /// The number of the status.
    pub status_id: i64,
    /// The name of the status.
    pub status_name: String,
    /// An employee, as the CRM numbers them, or null.
    pub employee_id: Option<i64>,
    /// Null: this platform keeps no employees.
    pub employee_name: Option<Untrusted>,
    /// An affiliate, or null.
    pub affiliate_id: Option<AffiliateId>,
    /// The affiliate's full name, or null.
    pub affiliate_name: Option<Untrusted>,
    /// Whole seconds.
    #[serde(with = "super::time::seconds")]
    pub created_utc: Timestamp,
}

impl Record {
    /// The record of a client, with the name of its affiliate.
    #[must_use]
    pub fn new(of: Client, affiliate_name: Option<String>) -> Self {
        let full_name = Untrusted::new(of.person.full_name());
        let ClientStatus { id: status_id, name } = of.status;
        Self {
            client_id: of.id,
            first_name: Untrusted::new(of.person.first_name),
            last_name: Untrusted::new(of.person.last_name),
            full_name,
            email: Untrusted::new(of.person.email),
            phone: of.person.phone.map(Untrusted::new),
            status: name.to_owned(),
            status_id,
            status_name: name.to_owned(),
            employee_id: of.assigned.employee,
            employee_name: None,
            affiliate_id: of.assigned.affiliate,
            affiliate_name: affiliate_name.map(Untrusted::new),
            created_utc: of.dates.created_at,
        }
    }
}
