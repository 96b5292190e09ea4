//! Acknowledgements of alerts. Consoles raise the alerts themselves from the overview; the platform stores only who
//! acknowledged which one.

use super::caller::{AuditedChange, Caller};
use super::error::Error;
use super::error::subscription_not_found;
use super::handle::Engine;
use crate::domain::alert::{ACKNOWLEDGEMENT_TTL, Acknowledgement, AlertSubject, MAX_NOTE_CHARS, SubjectRecord};
use crate::domain::field_error::FieldError;
use crate::domain::health_status::HealthStatus;
use crate::store;
use rusqlite::Connection;

/// Request to acknowledge an alert, not yet validated.
#[derive(Debug, Clone)]
pub struct AcknowledgementDraft {
    /// Subject of the alert, such as `subscription 17`.
    pub subject: String,
    /// Health code at the time of acknowledgement: `trp`, `err` or `wrn`.
    pub state: String,
    /// Optional note, at most 500 characters.
    pub note: Option<String>,
}

impl Engine {
    /// Acknowledges an alert and replaces an earlier acknowledgement of the same subject. The acknowledgement expires
    /// after 24 hours.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every invalid field, [`Error::NotFound`] for an unknown subject; [`Error::Contended`],
    /// [`Error::StorageFull`] or [`Error::Store`] when the change cannot be written.
    pub async fn acknowledge(&self, caller: Caller, wish: AcknowledgementDraft) -> Result<Acknowledgement, Error> {
        let (subject, standing) = validate(&wish)?;
        let note = validate_note("note", wish.note)?;
        if let SubjectRecord::Key(id) = subject.record()
            && !self.shared.api_keys.all().iter().any(|key| key.id == id)
        {
            return Err(Error::NotFound(format!("key {id}")));
        }
        let ambient = self.shared.ambient.clone();
        let said = self
            .shared
            .store
            .write_queued(move |connection| {
                require_subject_exists(connection, subject)?;
                let said = Acknowledgement {
                    subject,
                    status: standing,
                    acknowledged_at: ambient.now(),
                    acknowledged_by: caller.display_name(),
                    note,
                };
                store::acknowledgements::replace(connection, &said, said.acknowledged_at.minus(ACKNOWLEDGEMENT_TTL))?;
                let change = AuditedChange {
                    action: "acknowledge alert",
                    subject: subject.to_string(),
                    before: None,
                    after: Some(standing.code().to_owned()),
                    reason: said.note.clone(),
                };
                caller.append_audit_row(connection, &ambient, change)?;
                Ok::<_, Error>(said)
            })
            .await?;
        self.mark_changed();
        Ok(said)
    }

    /// Lists the acknowledgements of the last 24 hours, oldest first.
    ///
    /// # Errors
    /// [`Error`] when the database cannot be read.
    pub async fn acknowledgements(&self) -> Result<Vec<Acknowledgement>, Error> {
        let lapsed = self.shared.ambient.now().minus(ACKNOWLEDGEMENT_TTL);
        let read = move |connection: &Connection| store::acknowledgements::list_since(connection, lapsed);
        self.shared.store.read(read).await.map_err(Error::from)
    }
}

/// Trims a note or reason; blank text counts as absent.
///
/// # Errors
/// [`Error::Invalid`] for a text of more than 500 characters.
pub(super) fn validate_note(field: &'static str, remark: Option<String>) -> Result<Option<String>, Error> {
    let remark = remark.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    match remark {
        Some(text) if text.chars().count() > MAX_NOTE_CHARS => {
            Err(Error::Invalid(vec![FieldError::new(field, "must have at most 500 characters")]))
        }
        remark => Ok(remark),
    }
}

fn validate(wish: &AcknowledgementDraft) -> Result<(AlertSubject, HealthStatus), Error> {
    let subject = AlertSubject::named(&wish.subject);
    let standing = HealthStatus::named(&wish.state).filter(|standing| standing.needs_action());
    let mut faults = Vec::new();
    if subject.is_none() {
        faults.push(FieldError::new("subject", format!("must be {}", AlertSubject::FORMS)));
    }
    if standing.is_none() {
        faults.push(FieldError::new("state", "must be trp, err or wrn"));
    }
    subject.zip(standing).ok_or(Error::Invalid(faults))
}

/// Requires that the subscription or company of an alert exists.
fn require_subject_exists(connection: &Connection, subject: AlertSubject) -> Result<(), Error> {
    match subject.record() {
        SubjectRecord::Subscription(id) if store::subscriptions::get(connection, id)?.is_none() => {
            Err(subscription_not_found(id))
        }
        SubjectRecord::Company(id) if !store::companies::exists(connection, id)? => {
            Err(Error::NotFound(format!("company {id}")))
        }
        _ => Ok(()),
    }
}
