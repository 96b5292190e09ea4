//! Putting a backup in the place of a database. The old database is kept aside, and whenever it is cut short either the old or the new one is
//! there, with the key that opens it.

use super::super::caller::{Caller, Change};
use super::super::root::{self, Custody, Root};
use super::super::vault::{Proof, Vault};
use super::super::{Error, audit, files, make_dir};
use super::backup::key_of;
use super::{COMMAND, clear, store_error};
use crate::ambient::Ambient;
use crate::store;
use crate::store::upkeep::{Ended, Progress};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What was put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Where the old database is now, if there was one.
    pub aside: Option<PathBuf>,
    /// Whether the old database could be read, so that events and deliveries go on from its numbers.
    pub goes_on: Numbers,
}

/// Where the numbers of events and deliveries go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// There was no database before.
    Own,
    /// After the last ones of the old database.
    After,
    /// The old database could not be read: numbers that receivers know may come again.
    Unknown,
}

/// Puts the backup `file` into the data directory `dir`. `step` is told how far the copy is and says whether to go on; `None` if not.
///
/// # Errors
/// While a platform runs there; for a file that is foreign, damaged or newer; [`Error::Sealed`] where neither the key beside the backup nor
/// the directory's opens it. What was there is then as it was.
pub fn restore(
    dir: &Path,
    custody: &Custody,
    file: &Path,
    ambient: &Ambient,
    step: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Option<Restored>, Error> {
    let glance = store::upkeep::glance(file).map_err(store_error)?;
    make_dir(dir)?;
    let _lock = store::lock(dir).map_err(store_error)?;
    let database = store::database(dir);
    let next = files::beside(&database, ".restoring");
    clear(&next)?;
    if store::upkeep::copy(&glance, &next, step).map_err(store_error)? == Ended::Stopped {
        files::remove(&next)?;
        return Ok(None);
    }
    drop(glance);
    let (vault, key) = judge(dir, custody, file, &next)?;
    let (numbers, goes_on) = numbers(&database);
    store::upkeep::alone(&next, |connection| {
        store::upkeep::number_on(connection, numbers)?;
        let Some(vault) = &vault else { return Ok(()) };
        audit::chain_once(connection, vault, ambient)?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (subject, after) = ("the database".to_owned(), Some(format!("from {name}")));
        let change = Change { action: "restore", subject, before: None, after, reason: None };
        Ok::<_, Error>(Caller::machine(COMMAND, ambient, vault.audit_key()).audit(connection, ambient, change)?)
    })?;
    if let Some(root) = &key {
        files::write_private(&root::next(dir), &root.text())?;
    }
    let aside = put_aside(dir, &database, key.as_deref(), ambient)?;
    files::rename(&next, &database)?;
    if key.is_some() {
        files::rename(&root::next(dir), &root::file(dir))?;
    }
    Ok(Some(Restored { aside, goes_on }))
}

/// Holds the copy against what a backup must be. Its vault, none where nothing is sealed yet; and the key that has to come with it, if the
/// directory does not have it.
fn judge(dir: &Path, custody: &Custody, file: &Path, copy: &Path) -> Result<(Option<Vault>, Option<Arc<Root>>), Error> {
    let glance = store::upkeep::glance(copy).map_err(store_error)?;
    if let Some(fault) = store::upkeep::faults(&glance.connection).map_err(store_error)?.into_iter().next() {
        return Err(Error::Unsound { path: file.to_owned(), fault });
    }
    let proof = Proof::of(&glance.connection).map_err(store_error)?;
    let beside = match custody {
        Custody::File => root::read(&key_of(file))?.map(Arc::new),
        Custody::Given(_) => None,
    };
    let root = match &beside {
        Some(root) => proof.judge(root).map(|()| Arc::clone(root))?,
        None => root::find(dir, custody, |root| proof.judge(root))?,
    };
    Ok((Vault::with(root, &proof)?, beside))
}

/// The last numbers given in the database that is there.
fn numbers(database: &Path) -> ((i64, i64), Numbers) {
    if !database.exists() {
        return ((0, 0), Numbers::Own);
    }
    let last = store::upkeep::glance(database).and_then(|glance| store::upkeep::last_numbers(&glance.connection));
    last.map_or(((0, 0), Numbers::Unknown), |last| (last, Numbers::After))
}

/// Gives the old database and its key a second name. A log that cannot be moved into it goes aside with it: beside another database it
/// would be poison.
fn put_aside(dir: &Path, database: &Path, key: Option<&Root>, ambient: &Ambient) -> Result<Option<PathBuf>, Error> {
    if !database.exists() {
        return Ok(None);
    }
    let at = ambient.now().format(".before-%Y%m%dT%H%M%SZ");
    // One that was killed may have been there in the same second.
    let names = std::iter::once(at.clone()).chain((2..).map(|n| format!("{at}-{n}")));
    let free = names.map(|name| files::beside(database, &name)).find(|path| !path.exists());
    let aside = free.unwrap_or_else(|| files::beside(database, &at));
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io { path, source }
    };
    let _ = store::upkeep::fold_log(database);
    std::fs::hard_link(database, &aside).map_err(io(&aside))?;
    if key.is_some() && root::file(dir).exists() {
        let old = key_of(&aside);
        std::fs::hard_link(root::file(dir), &old).map_err(io(&old))?;
    }
    let log = files::beside(database, "-wal");
    if log.exists() {
        files::rename(&log, &files::beside(&aside, "-wal"))?;
    }
    files::remove(&files::beside(database, "-shm"))?;
    Ok(Some(aside))
}
