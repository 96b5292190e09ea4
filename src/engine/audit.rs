//! The audit trail: list, integrity check and chain head.

use super::caller::{AuditedChange, Caller};
use super::error::Error;
use super::handle::Engine;
use super::vault::{AuditChaining, Vault};
use crate::clock::RuntimeEnv;
use crate::domain::audit::{AuditChainHead, AuditKey, AuditVerification};
use crate::domain::ids::OperatorId;
use crate::domain::log::{PageSpec, RowPage};
use crate::store;
use crate::store::audit::StoredAuditEntry;
use rusqlite::Connection;

/// Converts an audit trail with plain hashes to MACs under the platform's key, once, and records the conversion with
/// the faults found before. Does nothing where the trail has MACs already.
///
/// # Errors
/// [`Error`] when the database cannot be read or written.
pub(super) fn upgrade_audit_chain(connection: &Connection, vault: &Vault, ambient: &RuntimeEnv) -> Result<(), Error> {
    if vault.audit_chaining() == AuditChaining::Keyed {
        return Ok(());
    }
    let key = vault.audit_key();
    let checked = store::audit::rechain(connection, &key)?;
    store::sealed_values::set_pepper(connection, &vault.sealed_pepper(ambient)?)?;
    if checked.n_rows == 0 {
        return Ok(());
    }
    let faults: Vec<String> = checked.faults.iter().map(ToString::to_string).collect();
    let state = if faults.is_empty() { "whole".to_owned() } else { faults.join("; ") };
    let change = AuditedChange {
        action: "chain the audit trail under the platform's key",
        subject: "audit trail".to_owned(),
        before: Some(format!("{} rows with plain hashes: {state}", checked.n_rows)),
        after: Some(format!("{} rows with MACs", checked.n_rows)),
        reason: None,
    };
    Ok(Caller::local_command("crow", ambient, key).append_audit_row(connection, ambient, change)?)
}

impl Engine {
    /// Reads a page of audited changes, newest first.
    ///
    /// # Errors
    /// [`Error`] when the database cannot be read.
    pub async fn audit_page(&self, span: PageSpec) -> Result<RowPage<StoredAuditEntry>, Error> {
        self.shared.store.read(move |connection| store::audit::list(connection, &span)).await.map_err(Error::from)
    }

    /// Verifies the MAC of every audited change. Reads the whole trail; an operator has one such check at a time.
    ///
    /// # Errors
    /// [`Error::Contended`] when earlier checks take too long; [`Error`] when the database cannot be read. A broken
    /// trail is a result, not an error.
    pub async fn check_audit(&self, operator: OperatorId) -> Result<AuditVerification, Error> {
        let _turn = self.shared.work_gate.acquire(operator, &self.shared.ambient).await?;
        let key = self.audit_key();
        self.shared.store.read(move |connection| store::audit::verify(connection, &key)).await.map_err(Error::from)
    }

    /// Returns the head of the audit chain, to be stored elsewhere. `None` if the last row is not the row written
    /// last.
    ///
    /// # Errors
    /// [`Error`] when the database cannot be read.
    pub async fn audit_head(&self) -> Result<Option<AuditChainHead>, Error> {
        let key = self.audit_key();
        self.shared
            .store
            .read(move |connection| store::audit::verified_head(connection, &key))
            .await
            .map_err(Error::from)
    }

    /// Key of the MACs that chain the audit trail.
    #[must_use]
    pub fn audit_key(&self) -> AuditKey {
        self.shared.vault.audit_key()
    }
}
