//! Affiliates of a company: create and update.

use super::caller::{AuditedChange, Caller};
use super::clients::prepare_payload;
use super::error::Error;
use super::fields::FieldErrors;
use super::handle::Engine;
use super::idempotency::{CreatedRecord, IdempotentCreate, IdempotentReply, RecordOrigin};
use crate::domain::company::{Affiliate, ContactDetails};
use crate::domain::event::EventType;
use crate::domain::field_error::FieldError;
use crate::domain::ids::{AffiliateId, CompanyId};
use crate::domain::patch::FieldPatch;
use crate::domain::subscription::RecordDates;
use crate::store;
use crate::store::publication_rows::Publication;
use serde_json::json;

/// Fields of an affiliate to create, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct AffiliateDraft {
    /// Name, email and phone of the affiliate.
    pub person: ContactDetails,
    /// Affiliate code, at most 50 characters.
    pub code: Option<String>,
    /// Commission rate in percent, 0 to 100.
    pub commission_rate: Option<f64>,
    /// Identifier in the partner's system, unique per company.
    pub external_id: Option<String>,
}

/// Changes to an affiliate; fields left out keep their value.
#[derive(Debug, Clone, Default)]
pub struct AffiliateChange {
    /// New email address; null is refused.
    pub email: FieldPatch<String>,
    /// New first name; null is refused.
    pub first_name: FieldPatch<String>,
    /// New last name; null is refused.
    pub last_name: FieldPatch<String>,
    /// New phone number; null clears the number.
    pub phone: FieldPatch<String>,
    /// New affiliate code, at most 50 characters; null clears the code.
    pub code: FieldPatch<String>,
    /// New commission rate in percent, 0 to 100; null clears the rate.
    pub commission_rate: FieldPatch<f64>,
    /// New identifier in the partner's system; null clears the identifier.
    pub external_id: FieldPatch<String>,
    /// New approval state; null is refused.
    pub is_approved: FieldPatch<bool>,
}

impl Engine {
    /// Creates an affiliate and publishes `affiliate.created` (Create Affiliate). A call with a known external id
    /// returns the existing record.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every invalid field, [`Error::IdempotencyConflict`]; [`Error::Contended`], [`Error::StorageFull`]
    /// or [`Error::Store`] when the change cannot be written.
    pub async fn create_affiliate(
        &self,
        caller: Caller,
        company: CompanyId,
        wish: AffiliateDraft,
        once: IdempotentCreate,
    ) -> Result<IdempotentReply, Error> {
        let AffiliateDraft { person, code, commission_rate, external_id } = wish;
        let dates = RecordDates { created_at: self.shared.ambient.now(), updated_at: self.shared.ambient.now() };
        let mut affiliate = Affiliate {
            id: AffiliateId(0),
            company,
            person,
            code,
            commission_rate,
            is_approved: false,
            external_id,
            dates,
        };
        let mut faults = FieldErrors::default();
        validate(&affiliate, &mut faults);
        faults.into_result()?;
        let ambient = self.shared.ambient.clone();
        let rules = self.publication_rules();
        let create = move |publication: &mut Publication<'_>, now| {
            let connection = publication.connection;
            if let Some(external_id) = &affiliate.external_id
                && let Some(earlier) = store::affiliates::by_external_id(connection, company, external_id)?
            {
                return Ok(created_record(&earlier, RecordOrigin::Existing));
            }
            affiliate.dates = RecordDates { created_at: now, updated_at: now };
            affiliate.id = store::affiliates::next_id(connection)?;
            let payload = json!({
                "employee_id": affiliate.id.0, "full_name": affiliate.person.full_name(), "email": affiliate.person.email,
                "phone": affiliate.person.phone, "is_approved_affiliate": affiliate.is_approved, "created_date": now.to_rfc3339_seconds(),
            });
            let event = prepare_payload(publication, company, EventType::AffiliateCreated, &payload, (rules, now))?;
            store::affiliates::insert(connection, &affiliate)?;
            event.write(publication)?;
            let change = AuditedChange {
                action: "create affiliate",
                subject: format!("affiliate {}", affiliate.id),
                before: None,
                after: None,
                reason: None,
            };
            caller.append_publication_row(publication, &ambient, change)?;
            Ok(created_record(&affiliate, RecordOrigin::Created))
        };
        self.run_create(once, create).await
    }

    /// Changes at least one field of an affiliate (Update Affiliate).
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::OtherCompany`], [`Error::Invalid`] with every invalid field;
    /// [`Error::Contended`], [`Error::StorageFull`] or [`Error::Store`] when the change cannot be written.
    pub async fn change_affiliate(
        &self,
        caller: Caller,
        (company, id): (CompanyId, AffiliateId),
        wanted: AffiliateChange,
    ) -> Result<Affiliate, Error> {
        let changed = wanted.changed_fields();
        if changed.is_empty() {
            return Err(Error::Invalid(vec![FieldError::new(
                "body",
                "must have at least one field that can be changed",
            )]));
        }
        let ambient = self.shared.ambient.clone();
        let affiliate = self
            .shared
            .partner_store
            .write(move |connection| {
                let missing = || Error::NotFound(format!("affiliate {id}"));
                let mut affiliate = store::affiliates::get(connection, id)?.ok_or_else(missing)?;
                if affiliate.company != company {
                    return Err(Error::OtherCompany("affiliate"));
                }
                let mut faults = FieldErrors::default();
                apply_change(wanted, &mut affiliate, &mut faults);
                validate(&affiliate, &mut faults);
                // Only fields of this request are judged: stored values may predate a rule.
                faults.0.retain(|fault| changed.contains(&fault.field));
                if let Some(external_id) = &affiliate.external_id
                    && store::affiliates::by_external_id(connection, company, external_id)?
                        .is_some_and(|other| other.id != id)
                {
                    faults.require(false, "external_id", "must not be that of another affiliate");
                }
                faults.into_result()?;
                affiliate.dates.updated_at = ambient.now();
                store::affiliates::update(connection, &affiliate)?;
                let change = AuditedChange {
                    action: "update affiliate",
                    subject: format!("affiliate {id}"),
                    before: None,
                    after: Some(changed.join(", ")),
                    reason: None,
                };
                caller.append_audit_row(connection, &ambient, change)?;
                Ok(affiliate)
            })
            .await?;
        self.mark_changed();
        Ok(affiliate)
    }
}

impl AffiliateChange {
    /// Wire names of the fields that change.
    fn changed_fields(&self) -> Vec<&'static str> {
        [
            ("email", self.email.is_keep()),
            ("first_name", self.first_name.is_keep()),
            ("last_name", self.last_name.is_keep()),
            ("phone", self.phone.is_keep()),
            ("affiliate_code", self.code.is_keep()),
            ("commission_rate", self.commission_rate.is_keep()),
            ("external_id", self.external_id.is_keep()),
            ("is_approved_affiliate", self.is_approved.is_keep()),
        ]
        .into_iter()
        .filter(|(_, is_keep)| !is_keep)
        .map(|(name, _)| name)
        .collect()
    }
}

fn apply_change(wanted: AffiliateChange, affiliate: &mut Affiliate, faults: &mut FieldErrors) {
    let person = &mut affiliate.person;
    for (field, patch, value) in [
        ("first_name", wanted.first_name, &mut person.first_name),
        ("last_name", wanted.last_name, &mut person.last_name),
        ("email", wanted.email, &mut person.email),
    ] {
        faults.require(patch.apply_required(value), field, "must not be null");
    }
    let is_given = wanted.is_approved.apply_required(&mut affiliate.is_approved);
    faults.require(is_given, "is_approved_affiliate", "must not be null");
    wanted.phone.apply(&mut person.phone);
    wanted.code.apply(&mut affiliate.code);
    wanted.commission_rate.apply(&mut affiliate.commission_rate);
    wanted.external_id.apply(&mut affiliate.external_id);
}

fn validate(affiliate: &Affiliate, faults: &mut FieldErrors) {
    faults.check_person(&affiliate.person);
    faults.check_text("affiliate_code", affiliate.code.as_deref(), 50);
    let is_share = affiliate.commission_rate.is_none_or(|rate| (0.0..=100.0).contains(&rate));
    faults.require(is_share, "commission_rate", "must be 0 to 100");
    faults.check_text("external_id", affiliate.external_id.as_deref(), 200);
}

const fn created_record(affiliate: &Affiliate, made: RecordOrigin) -> CreatedRecord {
    CreatedRecord { id: affiliate.id.0, status: None, created_at: affiliate.dates.created_at, origin: made }
}
