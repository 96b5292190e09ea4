//! Affiliates: creating and changing.

use super::caller::{Caller, Change};
use super::clients::tell;
use super::fields::Faults;
use super::once::{Created, Made, Once, Reply};
use super::{Engine, Error, Fault};
use crate::domain::company::{Affiliate, Person};
use crate::domain::event::EventType;
use crate::domain::ids::{AffiliateId, CompanyId};
use crate::domain::patch::Patch;
use crate::domain::subscription::Dates;
use crate::store;
use rusqlite::Connection;
use serde_json::json;

/// An affiliate as it was asked for.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Who it is.
    pub person: Person,
    /// At most 50 characters.
    pub code: Option<String>,
    /// Per cent, 0 to 100.
    pub commission_rate: Option<f64>,
    /// The partner's own id.
    pub external_id: Option<String>,
}

/// What is to change about an affiliate.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Cannot be cleared.
    pub email: Patch<String>,
    /// Cannot be cleared.
    pub first_name: Patch<String>,
    /// Cannot be cleared.
    pub last_name: Patch<String>,
    /// As given.
    pub phone: Patch<String>,
    /// At most 50 characters.
    pub code: Patch<String>,
    /// Per cent, 0 to 100.
    pub commission_rate: Patch<f64>,
    /// The partner's own id.
    pub external_id: Patch<String>,
    /// Cannot be cleared.
    pub is_approved: Patch<bool>,
}

impl Engine {
    /// Create Affiliate: a record and its event. The same external id again gives the existing record.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming each field, [`Error::Repeated`], and those of storage.
    pub async fn create_affiliate(
        &self,
        caller: Caller,
        company: CompanyId,
        wish: Wish,
        once: Once,
    ) -> Result<Reply, Error> {
        let Wish { person, code, commission_rate, external_id } = wish;
        let dates = Dates { created_at: self.shared.ambient.now(), updated_at: self.shared.ambient.now() };
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
        let mut faults = Faults::default();
        judge(&affiliate, &mut faults);
        faults.judged()?;
        let ambient = self.shared.ambient.clone();
        let schedule = self.shared.settings.schedule;
        let create = move |connection: &Connection, now| {
            if let Some(external_id) = &affiliate.external_id
                && let Some(earlier) = store::affiliates::by_external_id(connection, company, external_id)?
            {
                return Ok(created(&earlier, Made::Earlier));
            }
            affiliate.dates = Dates { created_at: now, updated_at: now };
            affiliate.id = store::affiliates::insert(connection, &affiliate)?;
            let payload = json!({
                "employee_id": affiliate.id.0, "full_name": affiliate.person.full_name(), "email": affiliate.person.email,
                "phone": affiliate.person.phone, "is_approved_affiliate": affiliate.is_approved, "created_date": now.to_rfc3339_seconds(),
            });
            tell(connection, company, EventType::AffiliateCreated, &payload, (schedule, now))?;
            let change = Change {
                action: "create affiliate",
                subject: format!("affiliate {}", affiliate.id),
                before: None,
                after: None,
                reason: None,
            };
            caller.audit(connection, &ambient, change)?;
            Ok(created(&affiliate, Made::Now))
        };
        self.create(once, create).await
    }

    /// Update Affiliate: at least one field.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::OtherCompany`], [`Error::Invalid`] naming each field, and those of storage.
    pub async fn change_affiliate(
        &self,
        caller: Caller,
        (company, id): (CompanyId, AffiliateId),
        wanted: Wanted,
    ) -> Result<Affiliate, Error> {
        let changed = wanted.names();
        if changed.is_empty() {
            return Err(Error::Invalid(vec![Fault::new("body", "must have at least one field that can be changed")]));
        }
        let ambient = self.shared.ambient.clone();
        let affiliate = self
            .shared
            .partners
            .write(move |connection| {
                let missing = || Error::NotFound(format!("affiliate {id}"));
                let mut affiliate = store::affiliates::get(connection, id)?.ok_or_else(missing)?;
                if affiliate.company != company {
                    return Err(Error::OtherCompany("affiliate"));
                }
                let mut faults = Faults::default();
                apply(wanted, &mut affiliate, &mut faults);
                judge(&affiliate, &mut faults);
                faults.0.retain(|fault| changed.contains(&fault.field));
                if let Some(external_id) = &affiliate.external_id
                    && store::affiliates::by_external_id(connection, company, external_id)?
                        .is_some_and(|other| other.id != id)
                {
                    faults.expect(false, "external_id", "must not be that of another affiliate");
                }
                faults.judged()?;
                affiliate.dates.updated_at = ambient.now();
                store::affiliates::update(connection, &affiliate)?;
                let change = Change {
                    action: "update affiliate",
                    subject: format!("affiliate {id}"),
                    before: None,
                    after: Some(changed.join(", ")),
                    reason: None,
                };
                caller.audit(connection, &ambient, change)?;
                Ok(affiliate)
            })
            .await?;
        self.changed();
        Ok(affiliate)
    }
}

impl Wanted {
    /// The fields that are to change.
    fn names(&self) -> Vec<&'static str> {
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

fn apply(wanted: Wanted, affiliate: &mut Affiliate, faults: &mut Faults) {
    let person = &mut affiliate.person;
    for (field, patch, value) in [
        ("first_name", wanted.first_name, &mut person.first_name),
        ("last_name", wanted.last_name, &mut person.last_name),
        ("email", wanted.email, &mut person.email),
    ] {
        faults.expect(patch.apply_required(value), field, "must not be null");
    }
    let is_given = wanted.is_approved.apply_required(&mut affiliate.is_approved);
    faults.expect(is_given, "is_approved_affiliate", "must not be null");
    wanted.phone.apply(&mut person.phone);
    wanted.code.apply(&mut affiliate.code);
    wanted.commission_rate.apply(&mut affiliate.commission_rate);
    wanted.external_id.apply(&mut affiliate.external_id);
}

fn judge(affiliate: &Affiliate, faults: &mut Faults) {
    faults.person(&affiliate.person);
    faults.text("affiliate_code", affiliate.code.as_deref(), 50);
    let is_share = affiliate.commission_rate.is_none_or(|rate| (0.0..=100.0).contains(&rate));
    faults.expect(is_share, "commission_rate", "must be 0 to 100");
    faults.text("external_id", affiliate.external_id.as_deref(), 200);
}

const fn created(affiliate: &Affiliate, made: Made) -> Created {
    Created { id: affiliate.id.0, status: None, created_at: affiliate.dates.created_at, made }
}
