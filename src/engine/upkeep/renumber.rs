//! Leaving numbers out by hand: for a database that was put back in a way that nothing on the machine can tell, as with a snapshot of the disk.

use super::super::numbers::{forget, leave_out};
use super::super::root::Custody;
use super::super::vault::{Proof, Vault};
use super::super::{Error, audit};
use super::store_error;
use crate::ambient::Ambient;
use crate::domain::numbers::Numbers;
use crate::store;
use std::path::Path;

/// Has the platform in `dir` go on after a gap, or after the event `after_event`. The numbers after which it goes on.
///
/// # Errors
/// While a platform runs there, where there is none, and [`Error::Sealed`] for a wrong key.
pub fn renumber(dir: &Path, custody: &Custody, after_event: Option<i64>, ambient: &Ambient) -> Result<Numbers, Error> {
    let database = store::database(dir);
    drop(store::upkeep::glance(&database).map_err(store_error)?);
    let _lock = store::lock(dir).map_err(store_error)?;
    let proof = store::upkeep::alone(&database, Proof::of).map_err(store_error)?;
    let vault = Vault::open(dir, custody, &proof, ambient)?;
    let numbers = store::upkeep::alone(&database, |connection| {
        audit::chain_once(connection, &vault, ambient)?;
        let written = store::upkeep::written(connection)?;
        let gap = written.last.after_gap(&written.pace, ambient.now());
        let numbers = Numbers { event: after_event.map_or(gap.event, |event| event.max(written.last.event)), ..gap };
        store::custody::clear_epoch(connection)?;
        leave_out(connection, &vault, ambient, (written.last, numbers), "asked for with crow db renumber")?;
        Ok::<_, Error>(numbers)
    })?;
    forget(dir)?;
    Ok(numbers)
}
