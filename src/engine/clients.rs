//! Clients and leads: create, update and change status. Record, events and audit row are one transaction.

use super::caller::{AuditedChange, Caller};
use super::error::Error;
use super::event_quota::PublicationRules;
use super::events::{EventDraft, PreparedEvent};
use super::fields::FieldErrors;
use super::handle::Engine;
use super::idempotency::{CreatedRecord, IdempotentCreate, IdempotentReply, RecordOrigin};
use crate::domain::company::{
    CLIENT_ACTIVE, ClientAssignment, ClientOrigin, ClientStatus, ContactDetails, CrmClient, LEAD_NEW, PostalAddress,
};
use crate::domain::event::EventType;
use crate::domain::field_error::FieldError;
use crate::domain::ids::{AffiliateId, ClientId, CompanyId};
use crate::domain::patch::FieldPatch;
use crate::domain::subscription::RecordDates;
use crate::domain::time::Timestamp;
use crate::store;
use crate::store::publication_rows::Publication;
use rusqlite::Connection;
use serde_json::{Value, json};

/// Fields of a client or lead to create, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct ClientDraft {
    /// Name, email and phone of the client.
    pub person: ContactDetails,
    /// City, state and zip code of the client.
    pub address: PostalAddress,
    /// Employee and affiliate that the client is assigned to.
    pub assigned: ClientAssignment,
    /// Source, package keyword and external id of the client.
    pub origin: ClientOrigin,
    /// Initial status by name and by number, where the action permits a choice.
    pub status: (Option<String>, Option<i64>),
}

/// Kind of records that an action applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientScope {
    /// Only leads; a client that is not a lead counts as not found.
    Lead,
    /// Clients of every status, leads included.
    Client,
}

/// Changes to a client; fields left out keep their value.
#[derive(Debug, Clone, Default)]
pub struct ClientChange {
    /// New first name; null is refused.
    pub first_name: FieldPatch<String>,
    /// New last name; null is refused.
    pub last_name: FieldPatch<String>,
    /// New email address; null is refused.
    pub email: FieldPatch<String>,
    /// New phone number; null clears the number.
    pub phone: FieldPatch<String>,
    /// New city, at most 100 characters; null clears the city.
    pub city: FieldPatch<String>,
    /// New state, 2 to 50 characters; null clears the state.
    pub state: FieldPatch<String>,
    /// New zip code, at most 10 characters; null clears the code.
    pub zip: FieldPatch<String>,
    /// New employee by CRM number; null clears the assignment.
    pub employee: FieldPatch<i64>,
    /// New affiliate of the same company; null clears the assignment.
    pub affiliate: FieldPatch<AffiliateId>,
    /// New identifier in the partner's system; null clears the identifier.
    pub external_id: FieldPatch<String>,
}

/// Status change of a client.
#[derive(Debug, Clone, Default)]
pub struct ClientStatusMove {
    /// New status by name; must agree with the number if both are given.
    pub status: Option<String>,
    /// New status by number; must agree with the name if both are given.
    pub status_id: Option<i64>,
    /// CRM number of the employee who changed the status.
    pub changed_by_employee: Option<i64>,
    /// Note on the change, at most 1,000 characters.
    pub note: Option<String>,
}

impl Engine {
    /// Creates a client or lead and publishes its event (Create Lead, Create Client). A call with a known external id
    /// returns the existing record.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every invalid field, [`Error::IdempotencyConflict`]; [`Error::Contended`], [`Error::StorageFull`]
    /// or [`Error::Store`] when the change cannot be written.
    pub async fn create_client(
        &self,
        caller: Caller,
        company: CompanyId,
        which: ClientScope,
        wish: ClientDraft,
        once: IdempotentCreate,
    ) -> Result<IdempotentReply, Error> {
        let status = validate_draft(&wish, which)?;
        let ambient = self.shared.ambient.clone();
        let rules = self.publication_rules();
        let create = move |publication: &mut Publication<'_>, now| {
            let connection = publication.connection;
            if let Some(external_id) = &wish.origin.external_id
                && let Some(client) = store::clients::by_external_id(connection, company, external_id)?
            {
                return Ok(created_record(&client, RecordOrigin::Existing));
            }
            require_affiliate(connection, company, wish.assigned.affiliate)?;
            let ClientDraft { person, address, assigned, origin, status: _ } = wish;
            let dates = RecordDates { created_at: now, updated_at: now };
            let id = store::clients::next_id(connection)?;
            let client = CrmClient { id, company, person, address, status, assignment: assigned, origin, dates };
            let event = prepare_created(publication, &client, rules, now)?;
            store::clients::insert(connection, &client)?;
            event.write(publication)?;
            let action = if status.is_lead() { "create lead" } else { "create client" };
            let after = Some(client.status.name.to_owned());
            let subject = format!("client {}", client.id);
            caller.append_publication_row(
                publication,
                &ambient,
                AuditedChange { action, subject, before: None, after, reason: None },
            )?;
            Ok(created_record(&client, RecordOrigin::Created))
        };
        self.run_create(once, create).await
    }

    /// Changes at least one field of a client or lead (Update Lead, Update Client).
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::OtherCompany`], [`Error::Invalid`] with every invalid field;
    /// [`Error::Contended`], [`Error::StorageFull`] or [`Error::Store`] when the change cannot be written.
    pub async fn change_client(
        &self,
        caller: Caller,
        (company, id): (CompanyId, ClientId),
        which: ClientScope,
        wanted: ClientChange,
    ) -> Result<CrmClient, Error> {
        let changed = wanted.changed_fields();
        if changed.is_empty() {
            return Err(Error::Invalid(vec![FieldError::new(
                "body",
                "must have at least one field that can be changed",
            )]));
        }
        let ambient = self.shared.ambient.clone();
        let client = self
            .shared
            .partner_store
            .write(move |connection| {
                let mut client = find_client(connection, company, id, which)?;
                let mut faults = FieldErrors::default();
                let is_affiliate_given = matches!(wanted.affiliate, FieldPatch::Set(_));
                apply_change(wanted, &mut client, &mut faults);
                validate_client(&client, &mut faults);
                // Only fields of this request are judged: stored values may predate a rule.
                faults.0.retain(|fault| changed.contains(&fault.field));
                if let Some(external_id) = &client.origin.external_id
                    && store::clients::by_external_id(connection, company, external_id)?
                        .is_some_and(|other| other.id != id)
                {
                    faults.require(false, "external_id", "must not be that of another client or lead");
                }
                faults.into_result()?;
                if is_affiliate_given {
                    require_affiliate(connection, company, client.assignment.affiliate)?;
                }
                client.dates.updated_at = ambient.now();
                store::clients::update(connection, &client)?;
                let change = AuditedChange {
                    action: "update client",
                    subject: format!("client {id}"),
                    before: None,
                    after: Some(changed.join(", ")),
                    reason: None,
                };
                caller.append_audit_row(connection, &ambient, change)?;
                Ok::<_, Error>(client)
            })
            .await?;
        self.mark_changed();
        Ok(client)
    }

    /// Changes the status of a client or lead (Update Lead Status, Update Client Status). With [`ClientScope::Lead`] the
    /// new status must be a Lead status. A lead that becomes a client also publishes `client.created`. An unchanged
    /// status writes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::OtherCompany`], [`Error::Invalid`] with every invalid field;
    /// [`Error::Contended`], [`Error::StorageFull`] or [`Error::Store`] when the change cannot be written.
    pub async fn change_client_status(
        &self,
        caller: Caller,
        (company, id): (CompanyId, ClientId),
        which: ClientScope,
        step: ClientStatusMove,
    ) -> Result<(ClientStatus, CrmClient), Error> {
        let status = validate_status_move(&step, which)?;
        let ambient = self.shared.ambient.clone();
        let rules = self.publication_rules();
        let change_status = move |publication: &mut Publication<'_>| {
            let connection = publication.connection;
            let mut client = find_client(connection, company, id, which)?;
            let previous = client.status;
            if previous == status {
                return Ok((previous, client));
            }
            let now = ambient.now();
            client.status = status;
            client.dates.updated_at = now;
            let payload = json!({
                "client_id": id.0, "previous_status": previous.name, "new_status": status.name,
                "changed_date": now.to_rfc3339_seconds(), "changed_by_employee_id": step.changed_by_employee, "status_note": step.note,
            });
            let kind = EventType::ClientStatusChanged;
            let mut events = vec![prepare_payload(publication, company, kind, &payload, (rules, now))?];
            if previous.is_lead() && !status.is_lead() {
                events.push(prepare_created(publication, &client, rules, now)?);
            }
            store::clients::update(connection, &client)?;
            for event in events {
                event.write(publication)?;
            }
            let change = AuditedChange {
                action: "change status",
                subject: format!("client {id}"),
                before: Some(previous.name.to_owned()),
                after: Some(status.name.to_owned()),
                reason: step.note,
            };
            caller.append_publication_row(publication, &ambient, change)?;
            Ok::<_, Error>((previous, client))
        };
        self.run_publication(&self.shared.partner_store, change_status).await
    }
}

impl ClientChange {
    /// Wire names of the fields that change.
    fn changed_fields(&self) -> Vec<&'static str> {
        [
            ("first_name", self.first_name.is_keep()),
            ("last_name", self.last_name.is_keep()),
            ("email", self.email.is_keep()),
            ("phone", self.phone.is_keep()),
            ("city", self.city.is_keep()),
            ("state", self.state.is_keep()),
            ("zip", self.zip.is_keep()),
            ("employee_id", self.employee.is_keep()),
            ("affiliate_id", self.affiliate.is_keep()),
            ("external_id", self.external_id.is_keep()),
        ]
        .into_iter()
        .filter(|(_, is_keep)| !is_keep)
        .map(|(name, _)| name)
        .collect()
    }
}

/// Applies the changes; null for a required field is an error.
fn apply_change(wanted: ClientChange, client: &mut CrmClient, faults: &mut FieldErrors) {
    let person = &mut client.person;
    for (field, patch, value) in [
        ("first_name", wanted.first_name, &mut person.first_name),
        ("last_name", wanted.last_name, &mut person.last_name),
        ("email", wanted.email, &mut person.email),
    ] {
        faults.require(patch.apply_required(value), field, "must not be null");
    }
    wanted.phone.apply(&mut person.phone);
    wanted.city.apply(&mut client.address.city);
    wanted.state.apply(&mut client.address.state);
    wanted.zip.apply(&mut client.address.zip);
    wanted.employee.apply(&mut client.assignment.employee);
    wanted.affiliate.apply(&mut client.assignment.affiliate);
    wanted.external_id.apply(&mut client.origin.external_id);
}

/// Validates the fields of a new client and resolves its initial status.
fn validate_draft(wish: &ClientDraft, which: ClientScope) -> Result<ClientStatus, Error> {
    let mut faults = FieldErrors::default();
    faults.check_person(&wish.person);
    faults.check_address(&wish.address);
    faults.check_number("employee_id", wish.assigned.employee);
    faults.check_text("source", wish.origin.source.as_deref(), 200);
    faults.check_text("package_keyword", wish.origin.package_keyword.as_deref(), 100);
    faults.check_text("external_id", wish.origin.external_id.as_deref(), 200);
    let (name, number) = &wish.status;
    let status = faults.resolve_status(["status", "status_id"], name.as_deref(), *number);
    faults.into_result()?;
    Ok(status.unwrap_or(match which {
        ClientScope::Lead => LEAD_NEW,
        ClientScope::Client => CLIENT_ACTIVE,
    }))
}

fn validate_client(client: &CrmClient, faults: &mut FieldErrors) {
    faults.check_person(&client.person);
    faults.check_address(&client.address);
    faults.check_number("employee_id", client.assignment.employee);
    faults.check_text("external_id", client.origin.external_id.as_deref(), 200);
}

fn validate_status_move(step: &ClientStatusMove, which: ClientScope) -> Result<ClientStatus, Error> {
    let mut faults = FieldErrors::default();
    let status = faults.resolve_status(["new_status", "new_status_id"], step.status.as_deref(), step.status_id);
    let is_given = step.status.is_some() || step.status_id.is_some();
    faults.require(is_given, "new_status", "must be given, or new_status_id");
    if which == ClientScope::Lead && status.is_some_and(|status| !status.is_lead()) {
        faults.require(false, "new_status", "must be a Lead status; a lead becomes a client by Update Client Status");
    }
    faults.check_number("changed_by_employee_id", step.changed_by_employee);
    faults.check_text("status_note", step.note.as_deref(), 1_000);
    faults.into_result()?;
    status.ok_or_else(|| Error::Invalid(vec![FieldError::new("new_status", "must be given, or new_status_id")]))
}

/// Requires that a given affiliate belongs to the company.
fn require_affiliate(connection: &Connection, company: CompanyId, id: Option<AffiliateId>) -> Result<(), Error> {
    let Some(id) = id else { return Ok(()) };
    let found = store::affiliates::get(connection, id)?.filter(|affiliate| affiliate.company == company);
    found.map(|_| ()).ok_or_else(|| {
        Error::Invalid(vec![FieldError::new("affiliate_id", "must be the ID of an affiliate of this company")])
    })
}

/// Finds a client of a company by number.
pub(super) fn find_client(
    connection: &Connection,
    company: CompanyId,
    id: ClientId,
    which: ClientScope,
) -> Result<CrmClient, Error> {
    let noun = match which {
        ClientScope::Lead => "lead",
        ClientScope::Client => "client",
    };
    let missing = || Error::NotFound(format!("{noun} {id}"));
    let client = store::clients::get(connection, id)?.ok_or_else(missing)?;
    if client.company != company {
        return Err(Error::OtherCompany(noun));
    }
    if which == ClientScope::Lead && !client.status.is_lead() { Err(missing()) } else { Ok(client) }
}

const fn created_record(client: &CrmClient, made: RecordOrigin) -> CreatedRecord {
    CreatedRecord { id: client.id.0, status: Some(client.status), created_at: client.dates.created_at, origin: made }
}

/// Prepares the creation event of a client or lead.
fn prepare_created(
    publication: &mut Publication<'_>,
    client: &CrmClient,
    rules: PublicationRules,
    now: Timestamp,
) -> Result<PreparedEvent, Error> {
    let CrmClient { id, company, person, status, assignment: assigned, origin, .. } = client;
    let mut payload = json!({
        "client_id": id.0, "first_name": person.first_name, "last_name": person.last_name, "email": person.email, "phone": person.phone,
        "status": status.name, "status_id": status.id, "created_date": client.dates.created_at.to_rfc3339_seconds(),
    });
    let kind = if status.is_lead() {
        payload["source"] = json!(origin.source);
        EventType::LeadCreated
    } else {
        payload["employee_id"] = json!(assigned.employee);
        payload["employee_name"] = Value::Null;
        payload["affiliate_id"] = json!(assigned.affiliate.map(|id| id.0));
        EventType::ClientCreated
    };
    prepare_payload(publication, *company, kind, &payload, (rules, now))
}

/// Prepares an event with a JSON payload.
pub(super) fn prepare_payload(
    publication: &mut Publication<'_>,
    company: CompanyId,
    kind: EventType,
    payload: &Value,
    (rules, now): (PublicationRules, Timestamp),
) -> Result<PreparedEvent, Error> {
    let payload = payload.to_string();
    PreparedEvent::prepare(publication, &EventDraft { company, kind, payload: &payload, metadata: None }, rules, now)
}
