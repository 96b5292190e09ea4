//! The audit trail, read and checked.

use super::{Engine, Error};
use crate::domain::audit::Checked;
use crate::domain::log::{Page, Span};
use crate::store;
use crate::store::audit::Stored;

impl Engine {
    /// A page of changes, newest first.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn audit(&self, span: Span) -> Result<Page<Stored>, Error> {
        self.shared.store.read(move |connection| store::audit::list(connection, &span)).await.map_err(Error::from)
    }

    /// Holds every change against the hash of the one before it. Reads the whole trail.
    ///
    /// # Errors
    /// Those of storage; a trail that is not whole is an answer.
    pub async fn check_audit(&self) -> Result<Checked, Error> {
        self.shared.store.read(store::audit::check).await.map_err(Error::from)
    }
}
