//! The audit trail, read and checked.

use super::caller::{Caller, Change};
use super::vault::{Trail, Vault};
use super::{Engine, Error};
use crate::ambient::Ambient;
use crate::domain::audit::{AuditKey, Checked, Head};
use crate::domain::ids::OperatorId;
use crate::domain::log::{Page, Span};
use crate::store;
use crate::store::audit::Stored;
use rusqlite::Connection;

/// Puts an audit trail from before the chain had a key under the platform's, and says in it that this was done and what was wrong with it.
/// Does nothing where that has been done.
///
/// # Errors
/// Those of the database.
pub(super) fn chain_once(connection: &Connection, vault: &Vault, ambient: &Ambient) -> Result<(), Error> {
    if vault.trail() == Trail::Keyed {
        return Ok(());
    }
    let key = vault.audit_key();
    let checked = store::audit::rechain(connection, &key)?;
    store::custody::set_pepper(connection, &vault.sealed_pepper(ambient)?)?;
    if checked.n_rows == 0 {
        return Ok(());
    }
    let faults: Vec<String> = checked.faults.iter().map(ToString::to_string).collect();
    let state = if faults.is_empty() { "whole".to_owned() } else { faults.join("; ") };
    let change = Change {
        action: "chain the audit trail under the platform's key",
        subject: "audit trail".to_owned(),
        before: Some(format!("{} rows with plain hashes: {state}", checked.n_rows)),
        after: Some(format!("{} rows with MACs", checked.n_rows)),
        reason: None,
    };
    Ok(Caller::machine("crow", ambient, key).audit(connection, ambient, change)?)
}

impl Engine {
    /// A page of changes, newest first.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn audit(&self, span: Span) -> Result<Page<Stored>, Error> {
        self.shared.store.read(move |connection| store::audit::list(connection, &span)).await.map_err(Error::from)
    }

    /// Holds every change against its MAC. Reads the whole trail, for one caller of an operator at a time.
    ///
    /// # Errors
    /// [`Error::Contended`] where checks before it take too long, and those of storage; a trail that is not whole is an answer.
    pub async fn check_audit(&self, operator: OperatorId) -> Result<Checked, Error> {
        let _turn = self.shared.gate.enter(operator, &self.shared.ambient).await?;
        let key = self.audit_key();
        self.shared.store.read(move |connection| store::audit::check(connection, &key)).await.map_err(Error::from)
    }

    /// The end of the trail, to be kept elsewhere. None if the end is not the one that was written last.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn audit_head(&self) -> Result<Option<Head>, Error> {
        let key = self.audit_key();
        self.shared.store.read(move |connection| store::audit::head(connection, &key)).await.map_err(Error::from)
    }

    /// What changes are chained with.
    #[must_use]
    pub fn audit_key(&self) -> AuditKey {
        self.shared.vault.audit_key()
    }
}
