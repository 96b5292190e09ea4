//! The delivery log.

use super::{Engine, Error};
use crate::domain::attempt::{Attempt, Exchange};
use crate::domain::ids::AttemptId;
use crate::domain::log::{AttemptFilter, Page, Span};
use crate::store;

impl Engine {
    /// A page of attempts, newest first.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn attempts(&self, wanted: AttemptFilter, span: Span) -> Result<Page<Attempt>, Error> {
        self.shared
            .store
            .read(move |connection| store::attempts::list(connection, &wanted, &span))
            .await
            .map_err(Error::from)
    }

    /// One attempt byte by byte, with the body that was sent.
    ///
    /// # Errors
    /// [`Error::NotFound`], and those of storage.
    pub async fn attempt(&self, id: AttemptId) -> Result<(Attempt, Exchange, Vec<u8>), Error> {
        let found = self.shared.store.read(move |connection| store::attempts::get(connection, id)).await?;
        found.ok_or_else(|| Error::NotFound(format!("attempt {id}")))
    }
}
