//! Creates that happen once, however often they are asked for: the record, its event and the answer under the caller's name for the call are
//! written in one transaction (contract: actions, retries of a create).

use super::{Engine, Error};
use crate::domain::company::ClientStatus;
use crate::domain::ids::KeyId;
use crate::domain::time::Timestamp;
use crate::store;
use crate::store::repeats::Earlier;
use rusqlite::Connection;
use std::time::Duration;

/// How long an answer is remembered.
pub(super) const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// How a creating call is told from its repetition.
#[derive(Debug)]
pub struct RepeatableCall {
    /// Whose call it is.
    pub key: KeyId,
    /// What the caller calls it, if it may be repeated.
    pub name: Option<String>,
    /// Of the route and the body: the same name with another digest is a conflict.
    pub digest: [u8; 32],
}

impl RepeatableCall {
    /// The answer that the same call got before, if it was made before.
    ///
    /// # Errors
    /// [`Error::Repeated`] for a known name with something else to do, and those of storage.
    pub(super) fn earlier(&self, connection: &Connection, now: Timestamp) -> Result<Option<Reply>, Error> {
        let Some(name) = &self.name else { return Ok(None) };
        match store::repeats::get(connection, self.key, name, now.minus(REMEMBERED))? {
            None => Ok(None),
            Some(Earlier { digest, status, body }) if digest == self.digest => {
                Ok(Some(Reply { status, body, given: Given::Replayed }))
            }
            Some(_) => Err(Error::Repeated),
        }
    }

    /// The first answer to this call; belongs into the transaction of what it answers.
    pub(super) fn answer(
        &self,
        connection: &Connection,
        (status, body): (u16, Vec<u8>),
        now: Timestamp,
    ) -> Result<Reply, Error> {
        if let Some(name) = &self.name {
            let answer = Earlier { digest: self.digest, status, body: body.clone() };
            store::repeats::keep(connection, self.key, name, &answer, now)?;
        }
        Ok(Reply { status, body, given: Given::Fresh })
    }
}

/// A create that happens once, and how it is answered.
#[derive(Debug)]
pub struct Once {
    /// The call.
    pub call: RepeatableCall,
    /// The answer's status and body; they are kept with the record.
    pub render: fn(&Created) -> (u16, Vec<u8>),
}

/// What a create came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Created {
    /// Its number.
    pub id: i64,
    /// Its status, if it is a client.
    pub status: Option<ClientStatus>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it was made by this call.
    pub made: Made,
}

/// Whether a record was made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It was.
    Now,
    /// The same external id had made it earlier.
    Earlier,
}

/// An answer to a create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status, as it was rendered.
    pub status: u16,
    /// The body, as it was rendered.
    pub body: Vec<u8>,
    /// Whether this call did it.
    pub given: Given,
}

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// From this call.
    Fresh,
    /// From an earlier call of the same name.
    Replayed,
}

impl Engine {
    /// Runs a create in a transaction, unless it is a repetition: that gets the first answer, and nothing happens.
    ///
    /// # Errors
    /// [`Error::Repeated`] for a known name with something else to do, what `create` answered, and those of storage.
    pub(super) async fn create(
        &self,
        once: Once,
        create: impl FnOnce(&Connection, Timestamp) -> Result<Created, Error> + Send + 'static,
    ) -> Result<Reply, Error> {
        let ambient = self.shared.ambient.clone();
        let reply = self
            .shared
            .partners
            .write(move |connection| {
                let now = ambient.now();
                if let Some(earlier) = once.call.earlier(connection, now)? {
                    return Ok(earlier);
                }
                let created = create(connection, now)?;
                once.call.answer(connection, (once.render)(&created), now)
            })
            .await?;
        if reply.given == Given::Fresh {
            self.ring();
        }
        Ok(reply)
    }
}
