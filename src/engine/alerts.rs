//! Alerts: who looks after which. What is an alert is judged by whoever looks; the platform keeps what people said about it.

use super::caller::{Caller, Change};
use super::subscriptions::{actor, missing};
use super::{Engine, Error, Fault};
use crate::domain::alert::{Acknowledgement, HELD_FOR, REMARK, Subject};
use crate::domain::standing::Standing;
use crate::store;
use rusqlite::Connection;

/// That somebody looks after an alert, as it was asked for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// What it is about: `subscription 17`.
    pub subject: String,
    /// How it stands: `trp`, `err` or `wrn`.
    pub state: String,
    /// What else is said, at most 500 characters.
    pub note: Option<String>,
}

impl Engine {
    /// Notes that somebody looks after an alert, in place of who did before. It lapses after a day.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming each field, [`Error::NotFound`] for a subject that is not there, and those of storage.
    pub async fn acknowledge(&self, caller: Caller, wish: Wish) -> Result<Acknowledgement, Error> {
        let (subject, standing) = judge(&wish)?;
        let note = judge_remark("note", wish.note)?;
        if let Subject::Key(id) | Subject::Window(id, _) = subject
            && !self.shared.keyring.all().iter().any(|key| key.id == id)
        {
            return Err(Error::NotFound(format!("key {id}")));
        }
        let ambient = self.shared.ambient.clone();
        let said = self
            .shared
            .store
            .write_patiently(move |connection| {
                expect(connection, subject)?;
                let said = Acknowledgement { subject, standing, at: ambient.now(), by: actor(&caller), note };
                store::acknowledgements::put(connection, &said, said.at.minus(HELD_FOR))?;
                let change = Change {
                    action: "acknowledge alert",
                    subject: subject.to_string(),
                    before: None,
                    after: Some(standing.word().to_owned()),
                    reason: said.note.clone(),
                };
                caller.audit(connection, &ambient, change)?;
                Ok::<_, Error>(said)
            })
            .await?;
        self.changed();
        Ok(said)
    }

    /// Who looks after which alert, oldest first.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn acknowledgements(&self) -> Result<Vec<Acknowledgement>, Error> {
        let lapsed = self.shared.ambient.now().minus(HELD_FOR);
        let read = move |connection: &Connection| store::acknowledgements::since(connection, lapsed);
        self.shared.store.read(read).await.map_err(Error::from)
    }
}

/// A remark without the space around it; nothing where there is nothing else.
///
/// # Errors
/// [`Error::Invalid`] if it is too long.
pub(super) fn judge_remark(field: &'static str, remark: Option<String>) -> Result<Option<String>, Error> {
    let remark = remark.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    match remark {
        Some(text) if text.chars().count() > REMARK => {
            Err(Error::Invalid(vec![Fault::new(field, "must have at most 500 characters")]))
        }
        remark => Ok(remark),
    }
}

fn judge(wish: &Wish) -> Result<(Subject, Standing), Error> {
    let subject = Subject::named(&wish.subject);
    let standing = Standing::named(&wish.state).filter(|standing| standing.is_alarming());
    let mut faults = Vec::new();
    if subject.is_none() {
        let text = "must be subscription N, key N, window N with a bucket, events N, pipeline or clock";
        faults.push(Fault::new("subject", text));
    }
    if standing.is_none() {
        faults.push(Fault::new("state", "must be trp, err or wrn"));
    }
    subject.zip(standing).ok_or(Error::Invalid(faults))
}

/// The subscription or company that an alert is about has to be there.
fn expect(connection: &Connection, subject: Subject) -> Result<(), Error> {
    match subject {
        Subject::Subscription(id) if store::subscriptions::get(connection, id)?.is_none() => Err(missing(id)),
        Subject::Events(id) if !store::companies::exists(connection, id)? => {
            Err(Error::NotFound(format!("company {id}")))
        }
        _ => Ok(()),
    }
}
