//! Change of the master key. The new key is on disk before anything is sealed with it, all values are sealed again in
//! one transaction, and only then the old key is removed. After an interruption at any point, one of the two keys
//! opens every value.

use super::super::audit;
use super::super::caller::{Caller, Change};
use super::super::root::{self, Custody, Root};
use super::super::vault::{Proof, Vault};
use super::super::{Error, files};
use super::{COMMAND, store_error};
use crate::ambient::RuntimeEnv;
use crate::store;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Result of a key change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rekeyed {
    /// Number of signing secrets sealed again.
    pub n_secrets: usize,
    /// Path of the new key file; `None` where the key is kept elsewhere from now on.
    pub file: Option<PathBuf>,
}

/// Seals all values in the data directory `dir` with another key: the given one, or a new one in the key file. API
/// keys and operator tokens stay valid.
///
/// # Errors
/// [`Error::PlatformStore`] while a platform is running there, [`Error::Sealed`] naming the value that the present key does
/// not open, [`Error::Io`] when a key file cannot be written. Until the transaction commits, everything is unchanged.
pub fn rekey(dir: &Path, custody: &Custody, next: &Custody, ambient: &RuntimeEnv) -> Result<Rekeyed, Error> {
    let database = store::database(dir);
    drop(store::maintenance::open_read_only(&database).map_err(store_error)?);
    let _lock = store::lock(dir).map_err(store_error)?;
    // Migrates the schema, which the following queries rely on.
    let proof = store::maintenance::with_exclusive(&database, Proof::of).map_err(store_error)?;
    let vault = Vault::open(dir, custody, &proof, ambient)?;
    if let Custody::File = custody {
        root::settle(dir, vault.root())?;
    }
    let root = match next {
        Custody::Given(root) => Arc::clone(root),
        Custody::File => {
            let root = Root::fresh(&root::file(dir), ambient);
            files::write_private(&root::next(dir), &root.text())?;
            Arc::new(root)
        }
    };
    let n_secrets = seal_anew(&database, &vault, &vault.under(Arc::clone(&root)), ambient)?;
    let file = match next {
        Custody::Given(_) => {
            files::remove(&root::file(dir))?;
            None
        }
        Custody::File => {
            files::rename(&root::next(dir), &root::file(dir))?;
            Some(root::file(dir))
        }
    };
    Ok(Rekeyed { n_secrets, file })
}

fn seal_anew(database: &Path, old: &Vault, new: &Vault, ambient: &RuntimeEnv) -> Result<usize, Error> {
    store::maintenance::with_exclusive(database, |connection| {
        audit::chain_once(connection, old, ambient)?;
        let secrets = store::sealed_values::signing_secrets(connection)?;
        for (id, sealed) in &secrets {
            let secret = old.unseal(*id, sealed)?;
            store::subscriptions::set_secret(connection, *id, &new.seal(*id, &secret, ambient)?)?;
        }
        store::sealed_values::set_pepper(connection, &new.sealed_pepper(ambient)?)?;
        let change = Change {
            action: "change the platform's key",
            subject: "the vault".to_owned(),
            before: Some(old.root().origin().to_owned()),
            after: Some(format!("{}, {} secrets re-encrypted", new.root().origin(), secrets.len())),
            reason: None,
        };
        Caller::machine(COMMAND, ambient, new.audit_key()).audit(connection, ambient, change)?;
        Ok(secrets.len())
    })
}
