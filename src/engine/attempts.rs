//! Attempts of the delivery log: list and detail.

use super::error::Error;
use super::handle::Engine;
use crate::domain::attempt::{Attempt, HttpExchange};
use crate::domain::ids::AttemptId;
use crate::domain::log::{AttemptFilter, PageSpec, RowPage};
use crate::store;

impl Engine {
    /// Reads a page of attempts, newest first.
    ///
    /// # Errors
    /// [`Error`] when the database cannot be read.
    pub async fn attempts(&self, wanted: AttemptFilter, span: PageSpec) -> Result<RowPage<Attempt>, Error> {
        self.shared
            .store
            .read(move |connection| store::attempts::list(connection, &wanted, &span))
            .await
            .map_err(Error::from)
    }

    /// Reads one attempt with the exchanged bytes and the request body that was sent.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error`] when the database cannot be read.
    pub async fn attempt(&self, id: AttemptId) -> Result<(Attempt, HttpExchange, Vec<u8>), Error> {
        let found = self.shared.store.read(move |connection| store::attempts::get(connection, id)).await?;
        found.ok_or_else(|| Error::NotFound(format!("attempt {id}")))
    }
}
