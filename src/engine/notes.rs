//! Notes on clients, and client search.

use super::caller::{AuditedChange, Caller};
use super::clients::{ClientScope, find_client};
use super::error::Error;
use super::fields::{FieldErrors, is_email, is_phone};
use super::handle::Engine;
use super::idempotency::{CreatedRecord, IdempotentCreate, IdempotentReply, RecordOrigin};
use crate::domain::company::{ClientCriteria, ClientNote, CrmClient, NoteVisibility};
use crate::domain::field_error::FieldError;
use crate::domain::ids::{ClientId, CompanyId, NoteId};
use crate::domain::time::Timestamp;
use crate::store;
use crate::store::publication_rows::Publication;

/// Fields of a client note to create, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct NoteDraft {
    /// Text of the note, 1 to 10,000 characters.
    pub text: String,
    /// Type of the note, at most 50 characters.
    pub note_type: Option<String>,
    /// Visibility of the note, `internal` or `client`.
    pub visibility: Option<String>,
    /// Identifier in the partner's system, unique per company.
    pub external_id: Option<String>,
}

impl Engine {
    /// Adds a note to a client (Add Client Note). A call with a known external id on the same client returns the
    /// existing note.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::OtherCompany`], [`Error::Invalid`] with every invalid field,
    /// [`Error::IdempotencyConflict`]; [`Error::Contended`], [`Error::StorageFull`] or [`Error::Store`] when the change cannot
    /// be written.
    pub async fn add_note(
        &self,
        caller: Caller,
        (company, client): (CompanyId, ClientId),
        wish: NoteDraft,
        once: IdempotentCreate,
    ) -> Result<IdempotentReply, Error> {
        let visibility = validate(&wish)?;
        let ambient = self.shared.ambient.clone();
        let create = move |publication: &mut Publication<'_>, now| {
            let connection = publication.connection;
            find_client(connection, company, client, ClientScope::Client)?;
            let NoteDraft { text, note_type, external_id, .. } = wish;
            if let Some(external_id) = &external_id
                && let Some((id, on, at)) = store::notes::by_external_id(connection, company, external_id)?
            {
                let text = "must not be that of a note on another client";
                let other = || Error::Invalid(vec![FieldError::new("external_id", text)]);
                return if on == client { Ok(created_record(id, at, RecordOrigin::Existing)) } else { Err(other()) };
            }
            let note = ClientNote {
                id: NoteId(0),
                company,
                client,
                text,
                note_type,
                visibility,
                external_id,
                created_at: now,
            };
            let id = store::notes::insert(connection, &note)?;
            let change = AuditedChange {
                action: "add note",
                subject: format!("client {client}"),
                before: None,
                after: Some(format!("note {id}, {}", visibility.name())),
                reason: None,
            };
            caller.append_publication_row(publication, &ambient, change)?;
            Ok(created_record(id, now, RecordOrigin::Created))
        };
        self.run_create(once, create).await
    }

    /// Finds the newest client of a company that matches all given criteria, with the name of its affiliate (Find
    /// Client, Find Lead).
    ///
    /// # Errors
    /// [`Error::Invalid`] without a criterion or with a malformed one; [`Error`] when the database cannot be read.
    pub async fn find_client(
        &self,
        company: CompanyId,
        which: ClientScope,
        traits: ClientCriteria,
    ) -> Result<Option<(CrmClient, Option<String>)>, Error> {
        let ClientCriteria { email, phone, id, external_id } = &traits;
        let is_any = email.is_some() || phone.is_some() || id.is_some() || external_id.is_some();
        let mut faults = FieldErrors::default();
        faults.require(is_any, "query", "must have email, phone, client_id or external_id");
        faults.require(email.as_deref().is_none_or(is_email), "email", "must be an address with one @");
        faults.require(phone.as_deref().is_none_or(is_phone), "phone", "must be a number; a + is written %2B in a URL");
        faults.check_text("external_id", external_id.as_deref(), 200);
        faults.into_result()?;
        let fits = move |client: &CrmClient| which == ClientScope::Client || client.status.is_lead();
        self.shared
            .partner_store
            .read(move |connection| store::clients::search(connection, company, &traits, fits))
            .await
            .map_err(Error::from)
    }
}

fn validate(wish: &NoteDraft) -> Result<NoteVisibility, Error> {
    let mut faults = FieldErrors::default();
    faults.check_text("text", Some(&wish.text), 10_000);
    faults.check_text("note_type", wish.note_type.as_deref(), 50);
    faults.check_text("external_id", wish.external_id.as_deref(), 200);
    let visibility = wish.visibility.as_deref().map_or(Some(NoteVisibility::default()), NoteVisibility::named);
    faults.require(visibility.is_some(), "visibility", "must be internal or client");
    faults.into_result()?;
    Ok(visibility.unwrap_or_default())
}

const fn created_record(id: NoteId, created_at: Timestamp, made: RecordOrigin) -> CreatedRecord {
    CreatedRecord { id: id.0, status: None, created_at, origin: made }
}
