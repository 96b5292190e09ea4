//! Actions and searches of the Integration API, which partners' systems call. Fields are snake_case, as documented.

use crate::domain::company::{ClientStatus, CrmClient};
use crate::domain::ids::{AffiliateId, ClientId, NoteId};
use crate::domain::patch::FieldPatch;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Body of Create Lead: a new lead of the key's company.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct NewLead {
    /// First name of the lead; required.
    #[serde(default)]
    #[cfg_attr(test, schema(required = true))]
    pub first_name: String,
    /// Last name of the lead; required.
    #[serde(default)]
    #[cfg_attr(test, schema(required = true))]
    pub last_name: String,
    /// Email address of the lead; required, with one `@`, at most 254 characters.
    #[serde(default)]
    #[cfg_attr(test, schema(required = true))]
    pub email: String,
    /// Phone number: `+`, digits, spaces, dashes and parentheses, at most 32 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// City of the lead, at most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// State or region of the lead, 2 to 50 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Postal code of the lead, at most 10 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zip: Option<String>,
    /// Package that the lead asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_keyword: Option<String>,
    /// Affiliate of the company that referred the lead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affiliate_id: Option<AffiliateId>,
    /// Partner's own id of the lead. A second create with the same id returns the existing record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Source of the lead, as the partner names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Body of Create Client: a new client of the key's company.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct NewClient {
    /// First name of the client; required.
    #[serde(default)]
    #[cfg_attr(test, schema(required = true))]
    pub first_name: String,
    /// Last name of the client; required.
    #[serde(default)]
    #[cfg_attr(test, schema(required = true))]
    pub last_name: String,
    /// Email address of the client; required, with one `@`, at most 254 characters.
    #[serde(default)]
    #[cfg_attr(test, schema(required = true))]
    pub email: String,
    /// Phone number: `+`, digits, spaces, dashes and parentheses, at most 32 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Name of the client's status; `Client - Active` if neither name nor ID is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// ID of the client's status; must agree with the name if both are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_id: Option<i64>,
    /// Employee assigned to the client, by the CRM's employee number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee_id: Option<i64>,
    /// City of the client, at most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// State or region of the client, 2 to 50 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Postal code of the client, at most 10 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zip: Option<String>,
    /// Affiliate of the company that referred the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affiliate_id: Option<AffiliateId>,
    /// Partner's own id of the client. A second create with the same id returns the existing record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Source of the client, as the partner names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Body of Update Lead and Update Client: at least one field; null clears an optional field.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct ClientPatch {
    /// New first name; cannot be null.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<String>))]
    pub first_name: FieldPatch<String>,
    /// New last name; cannot be null.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<String>))]
    pub last_name: FieldPatch<String>,
    /// New email address, with one `@`, at most 254 characters; cannot be null.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<String>))]
    pub email: FieldPatch<String>,
    /// New phone number: `+`, digits, spaces, dashes and parentheses, at most 32 characters.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<String>))]
    pub phone: FieldPatch<String>,
    /// New city, at most 100 characters.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<String>))]
    pub city: FieldPatch<String>,
    /// New state or region, 2 to 50 characters.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<String>))]
    pub state: FieldPatch<String>,
    /// New postal code, at most 10 characters.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<String>))]
    pub zip: FieldPatch<String>,
    /// Employee to assign, by the CRM's employee number.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<i64>))]
    pub employee_id: FieldPatch<i64>,
    /// Affiliate of the company to assign.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<AffiliateId>))]
    pub affiliate_id: FieldPatch<AffiliateId>,
    /// Partner's own id; must be unique among the company's clients and leads.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<String>))]
    pub external_id: FieldPatch<String>,
}

/// Body of Update Lead Status and Update Client Status: the new status by name, by ID, or by both if they agree.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct StatusChange {
    /// Name of the new status, such as `Client - Active`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_status: Option<String>,
    /// ID of the new status; must agree with the name if both are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_status_id: Option<i64>,
    /// Employee who changed the status, by the CRM's employee number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_by_employee_id: Option<i64>,
    /// Reason for the change, at most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_note: Option<String>,
}

/// Body of Add Client Note.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct NewNote {
    /// Text of the note; required, at most 10,000 characters.
    #[serde(default)]
    #[cfg_attr(test, schema(required = true))]
    pub text: String,
    /// Type of the note, at most 50 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note_type: Option<String>,
    /// Visibility of the note: `internal` or `client`; `internal` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<String>,
    /// Partner's own id of the note. A second create with the same id returns the existing note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

/// Body of Create Affiliate: a new affiliate of the key's company.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct NewAffiliate {
    /// Email address of the affiliate; required, with one `@`, at most 254 characters.
    #[serde(default)]
    #[cfg_attr(test, schema(required = true))]
    pub email: String,
    /// First name of the affiliate; required.
    #[serde(default)]
    #[cfg_attr(test, schema(required = true))]
    pub first_name: String,
    /// Last name of the affiliate; required.
    #[serde(default)]
    #[cfg_attr(test, schema(required = true))]
    pub last_name: String,
    /// Phone number: `+`, digits, spaces, dashes and parentheses, at most 32 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Affiliate code, at most 50 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affiliate_code: Option<String>,
    /// Commission rate in percent, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commission_rate: Option<f64>,
    /// Partner's own id of the affiliate. A second create with the same id returns the existing affiliate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

/// Body of Update Affiliate: at least one field; null clears an optional field.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct AffiliatePatch {
    /// New email address, with one `@`, at most 254 characters; cannot be null.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<String>))]
    pub email: FieldPatch<String>,
    /// New first name; cannot be null.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<String>))]
    pub first_name: FieldPatch<String>,
    /// New last name; cannot be null.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<String>))]
    pub last_name: FieldPatch<String>,
    /// New phone number: `+`, digits, spaces, dashes and parentheses, at most 32 characters.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<String>))]
    pub phone: FieldPatch<String>,
    /// New affiliate code, at most 50 characters.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<String>))]
    pub affiliate_code: FieldPatch<String>,
    /// New commission rate in percent, 0 to 100.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<f64>))]
    pub commission_rate: FieldPatch<f64>,
    /// Partner's own id; must be unique among the company's affiliates.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<String>))]
    pub external_id: FieldPatch<String>,
    /// Whether the affiliate is approved; cannot be null.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<bool>))]
    pub is_approved_affiliate: FieldPatch<bool>,
}

/// Response to Create Lead and Create Client: the new or the existing record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct CreatedClient {
    /// ID of the client or lead.
    pub client_id: ClientId,
    /// Name of the record's status.
    pub status: String,
    /// Time at which the record was created, in whole seconds.
    #[serde(with = "super::time::seconds")]
    pub created_utc: Timestamp,
}

/// Response to Add Client Note: the new or the existing note.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct CreatedNote {
    /// ID of the note, unique on the platform.
    pub client_note_id: NoteId,
    /// Time at which the note was created, in whole seconds.
    #[serde(with = "super::time::seconds")]
    pub created_utc: Timestamp,
}

/// Response to Create Affiliate: the new or the existing affiliate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct CreatedAffiliate {
    /// ID of the affiliate, unique on the platform.
    pub affiliate_id: AffiliateId,
    /// Time at which the affiliate was created, in whole seconds.
    #[serde(with = "super::time::seconds")]
    pub created_utc: Timestamp,
}

/// Response to Update Lead and Update Client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct UpdatedClient {
    /// Whether the update succeeded; always true, since a refusal is a problem.
    pub success: bool,
    /// Time at which the record was updated, in whole seconds.
    #[serde(with = "super::time::seconds")]
    pub updated_utc: Timestamp,
    /// ID of the client or lead.
    pub client_id: ClientId,
}

/// Response to the action Update Affiliate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct UpdatedAffiliate {
    /// Whether the update succeeded; always true, since a refusal is a problem.
    pub success: bool,
    /// Time at which the affiliate was updated, in whole seconds.
    #[serde(with = "super::time::seconds")]
    pub updated_utc: Timestamp,
    /// ID of the affiliate, unique on the platform.
    pub affiliate_id: AffiliateId,
}

/// Response to Update Lead Status and Update Client Status.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct ChangedStatus {
    /// Name of the status before the change.
    pub previous_status: String,
    /// Name of the status after the change.
    pub new_status: String,
    /// Time at which the status was changed, in whole seconds.
    #[serde(with = "super::time::seconds")]
    pub updated_utc: Timestamp,
}

/// Response to a search: one record or none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct SearchResult {
    /// Record that matches the search; the newest one if several share an email address or a phone number.
    pub items: Vec<ClientRecord>,
}

/// Client or lead as searches return it. Every field is always present.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct ClientRecord {
    /// ID of the client or lead.
    pub client_id: ClientId,
    /// First name of the client or lead.
    pub first_name: Untrusted,
    /// Last name of the client or lead.
    pub last_name: Untrusted,
    /// First and last name, joined by a space.
    pub full_name: Untrusted,
    /// Email address, as it was given.
    pub email: Untrusted,
    /// Phone number as it was given; null if there is none.
    pub phone: Option<Untrusted>,
    /// Name of the status, spelled as in events.
    pub status: String,
    /// ID of the status in the CRM.
    pub status_id: i64,
    /// Name of the status; always equal to `status`.
    pub status_name: String,
    /// Employee assigned to the record, by the CRM's employee number; null if there is none.
    pub employee_id: Option<i64>,
    /// Name of the assigned employee; always null, since this platform keeps no employees.
    pub employee_name: Option<Untrusted>,
    /// Affiliate of the record; null if there is none.
    pub affiliate_id: Option<AffiliateId>,
    /// Full name of the affiliate; null if there is none.
    pub affiliate_name: Option<Untrusted>,
    /// Time at which the record was created, in whole seconds.
    #[serde(with = "super::time::seconds")]
    pub created_utc: Timestamp,
}

impl ClientRecord {
    /// Builds the record of a client with its affiliate's name.
    #[must_use]
    pub fn new(of: CrmClient, affiliate_name: Option<String>) -> Self {
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
            employee_id: of.assignment.employee,
            employee_name: None,
            affiliate_id: of.assignment.affiliate,
            affiliate_name: affiliate_name.map(Untrusted::new),
            created_utc: of.dates.created_at,
        }
    }
}
