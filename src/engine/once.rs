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

/// How a create is told from its repetition, and how it is answered.
#[derive(Debug)]
pub struct Once {
    /// Whose call it is.
    pub key: KeyId,
    /// What the caller calls it, if it may be repeated.
    pub name: Option<String>,
    /// Of the route and the body: the same name with another digest is a conflict.
    pub digest: [u8; 32],
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
                if let Some(name) = &once.name
                    && let Some(earlier) = store::repeats::get(connection, once.key, name, now.minus(REMEMBERED))?
                {
                    let Earlier { digest, status, body } = earlier;
                    let reply = Reply { status, body, given: Given::Replayed };
                    return if digest == once.digest { Ok(reply) } else { Err(Error::Repeated) };
                }
                let created = create(connection, now)?;
                let (status, body) = (once.render)(&created);
                if let Some(name) = &once.name {
                    let answer = Earlier { digest: once.digest, status, body: body.clone() };
                    store::repeats::keep(connection, once.key, name, &answer, now)?;
                }
                Ok(Reply { status, body, given: Given::Fresh })
            })
            .await?;
        if reply.given == Given::Fresh {
            self.ring();
        }
        Ok(reply)
    }
}
