//! A new admin token for whoever is at the machine: what remains when every token is lost.

use super::super::caller::{Caller, Change};
use super::super::root::Custody;
use super::super::vault::{Proof, Vault};
use super::super::{Error, audit, auth, files, token_file};
use super::store_error;
use crate::ambient::Ambient;
use crate::domain::operator::{Operator, Role};
use crate::store;
use crate::store::operators::Kept;
use std::path::{Path, PathBuf};

/// A token that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reset {
    /// Whose it is.
    pub operator: Operator,
    /// The file that it is in, alone on a line (mode 0600).
    pub file: PathBuf,
}

/// Gives the oldest admin of the platform in `dir` a new token, and with it the only one: the old one is not let in any more. A platform whose
/// admins are all revoked gets a new admin.
///
/// # Errors
/// While a platform runs there, where there is none, and [`Error::Sealed`] for a wrong key.
pub fn reset(dir: &Path, custody: &Custody, ambient: &Ambient) -> Result<Reset, Error> {
    let database = store::database(dir);
    drop(store::upkeep::glance(&database).map_err(store_error)?);
    let _lock = store::lock(dir).map_err(store_error)?;
    let proof = store::upkeep::alone(&database, Proof::of).map_err(store_error)?;
    let vault = Vault::open(dir, custody, &proof, ambient)?;
    let token = auth::new_token(ambient);
    let file = token_file(dir);
    files::write_private(&file, &format!("{}\n", token.reveal()))?;
    let operator = store::upkeep::alone(&database, |connection| {
        audit::chain_once(connection, &vault, ambient)?;
        let (hash, now) = (vault.hash(token.reveal()), ambient.now());
        let is_admin = |kept: &Kept| kept.revoked_at.is_none() && kept.operator.role == Role::Admin;
        let operator = match store::operators::ever(connection)?.into_iter().find(is_admin) {
            Some(kept) => {
                store::operators::set_hash(connection, kept.operator.id, &hash)?;
                kept.operator
            }
            None => {
                let (name, role) = (now.format("admin %Y%m%dT%H%M%SZ"), Role::Admin);
                Operator { id: store::operators::insert(connection, &name, role, &hash, now)?, name, role }
            }
        };
        let change = Change {
            action: "reset operator's token",
            subject: format!("operator {}", operator.id),
            before: None,
            after: Some(format!("{} (admin): a new token in {}", operator.name, file.display())),
            reason: None,
        };
        Caller::machine("crow operators", ambient, vault.audit_key()).audit(connection, ambient, change)?;
        Ok::<_, Error>(operator)
    })?;
    Ok(Reset { operator, file })
}
