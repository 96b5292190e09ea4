//! Manual advance of the event and delivery numbers, for a database restored in a way the machine cannot detect, such
//! as a disk snapshot.

use super::super::audit;
use super::super::master_key::MasterKeySource;
use super::super::numbers::{advance_sequences, remove_record};
use super::super::vault::{KeyProof, Vault};
use super::store_error;
use crate::clock::RuntimeEnv;
use crate::domain::id_sequences::LastIds;
use crate::engine::error::Error;
use crate::store;
use std::path::Path;

/// Advances the numbers of the platform in `dir` beyond a gap, or beyond the event `after_event`. Returns the last
/// numbers that will not be used.
///
/// # Errors
/// [`Error::Store`] while a platform is running there or if there is no database, [`Error::UnsealFailed`] for a wrong key.
pub fn renumber(
    dir: &Path,
    custody: &MasterKeySource,
    after_event: Option<i64>,
    ambient: &RuntimeEnv,
) -> Result<LastIds, Error> {
    let database = store::database(dir);
    drop(store::maintenance::open_read_only(&database).map_err(store_error)?);
    let _lock = store::lock(dir).map_err(store_error)?;
    let proof = store::maintenance::with_exclusive(&database, KeyProof::read).map_err(store_error)?;
    let vault = Vault::open(dir, custody, &proof, ambient)?;
    let numbers = store::maintenance::with_exclusive(&database, |connection| {
        audit::upgrade_audit_chain(connection, &vault, ambient)?;
        let written = store::maintenance::sequence_state(connection)?;
        let gap = written.last.after_gap(&written.id_rates, ambient.now());
        let numbers = LastIds { event: after_event.map_or(gap.event, |event| event.max(written.last.event)), ..gap };
        store::sealed_values::clear_epoch(connection)?;
        advance_sequences(connection, &vault, ambient, (written.last, numbers), "asked for with crow db renumber")?;
        Ok::<_, Error>(numbers)
    })?;
    remove_record(dir)?;
    Ok(numbers)
}
