//! Verification: is the file whole, do its rows agree with each other, does everything sealed open, is the audit trail unbroken.

use super::super::Error;
use super::super::root::{self, Custody, Root};
use super::super::vault::{Proof, Trail, Vault};
use super::store_error;
use crate::domain::audit::{AuditKey, Head};
use crate::store;
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All is well; what was counted.
    Whole(String),
    /// What is wrong, a sentence each.
    Faults(Vec<String>),
    /// It could not be looked at; why not.
    Unknown(String),
}

/// Looks at everything in the data directory `dir`, changing nothing; also while a platform runs there. Each check is told as it ends. The
/// audit trail is also held against `expected`, a head of it that was kept elsewhere.
///
/// # Errors
/// When there is no database of this program's to look at: none, foreign, newer. A damaged one is an answer.
pub fn verify(
    dir: &Path,
    custody: &Custody,
    expected: Option<&Head>,
    mut tell: impl FnMut(Check),
) -> Result<(), Error> {
    let path = store::database(dir);
    let mut told = |name, verdict| tell(Check { name, verdict });
    let glance = match store::upkeep::glance(&path) {
        Err(error) if error.is_damage() => {
            told(STRUCTURE, Verdict::Faults(vec![error.to_string()]));
            return Ok(());
        }
        glance => glance.map_err(store_error)?,
    };
    let connection = &glance.connection;
    // One state for all of it.
    connection.execute_batch("BEGIN").map_err(store_error)?;
    told(STRUCTURE, verdict(store::upkeep::faults(connection), || format!("schema version {}", glance.version)));
    told(
        SCHEMA,
        verdict(store::upkeep::schema_differences(&glance), || "as this program's migrations make it".to_owned()),
    );
    told(FILES, verdict(Ok(store::upkeep::open_to_others(dir)), || "only their owner can read them".to_owned()));
    if !store::upkeep::is_current(&glance) {
        let why =
            || Verdict::Unknown("the schema is older; it is brought up to date when the platform starts".to_owned());
        for name in [STATES, SEALS, AUDIT] {
            told(name, why());
        }
        return Ok(());
    }
    told(STATES, verdict(store::upkeep::contradictions(connection), || "no contradictions".to_owned()));
    told(SEALS, seals(connection, dir, custody));
    told(AUDIT, audit(connection, dir, custody, expected));
    Ok(())
}

/// The end of the audit trail in the data directory `dir`, to be kept elsewhere; also while a platform runs there.
///
/// # Errors
/// When there is no database of this program's, no key that opens it, or when its end is not the one that was written last.
pub fn audit_head(dir: &Path, custody: &Custody) -> Result<Head, Error> {
    let path = store::database(dir);
    let glance = store::upkeep::glance(&path).map_err(store_error)?;
    let unsound = |fault: &str| Error::Unsound { path: path.clone(), fault: fault.to_owned() };
    let key = audit_key(&glance.connection, dir, custody)?.ok_or_else(|| unsound(NOT_KEYED))?;
    let head = store::audit::head(&glance.connection, &key).map_err(store_error)?;
    head.ok_or_else(|| unsound("the end of the audit trail is not the one that was written last"))
}

const NOT_KEYED: &str = "the audit trail has plain hashes; it is put under the key when the platform starts";

/// What the trail is chained with; none while it has plain hashes.
fn audit_key(connection: &Connection, dir: &Path, custody: &Custody) -> Result<Option<AuditKey>, Error> {
    let proof = Proof::of(connection).map_err(store_error)?;
    let root = root::find(dir, custody, |root| proof.judge(root))?;
    let vault = Vault::with(root, &proof)?.filter(|vault| vault.trail() == Trail::Keyed);
    Ok(vault.map(|vault| vault.audit_key()))
}

const STRUCTURE: &str = "structure and foreign keys";
const SCHEMA: &str = "tables, indexes and triggers";
const FILES: &str = "files";
const STATES: &str = "states and leases";
const SEALS: &str = "key and sealed secrets";
const AUDIT: &str = "audit trail";

/// The faults that were found; that it cannot even be asked is one too.
fn verdict(faults: Result<Vec<String>, store::Error>, whole: impl FnOnce() -> String) -> Verdict {
    match faults {
        Ok(faults) if faults.is_empty() => Verdict::Whole(whole()),
        Ok(faults) => Verdict::Faults(faults),
        Err(error) => Verdict::Faults(vec![error.to_string()]),
    }
}

/// Opens the pepper and every signing secret.
fn seals(connection: &Connection, dir: &Path, custody: &Custody) -> Verdict {
    let asked = Proof::of(connection).and_then(|proof| Ok((proof, store::custody::secrets(connection)?)));
    let (proof, secrets) = match asked {
        Ok(asked) => asked,
        Err(error) => return Verdict::Faults(vec![error.to_string()]),
    };
    let root: Arc<Root> = match root::find(dir, custody, |root| proof.judge(root)) {
        Ok(root) => root,
        Err(error) => return Verdict::Faults(vec![error.to_string()]),
    };
    let faults: Vec<String> = secrets
        .iter()
        .filter_map(|(id, sealed)| Vault::opens(&root, *id, sealed).err())
        .map(|error| error.to_string())
        .collect();
    verdict(Ok(faults), || format!("{} opens the pepper and {} signing secrets", root.origin(), secrets.len()))
}

fn audit(connection: &Connection, dir: &Path, custody: &Custody, expected: Option<&Head>) -> Verdict {
    let key = match audit_key(connection, dir, custody) {
        Ok(Some(key)) => key,
        // Asked for a head, "unknown" would be taken for "there".
        Ok(None) if expected.is_some() => return Verdict::Faults(vec![NOT_KEYED.to_owned()]),
        Ok(None) => return Verdict::Unknown(NOT_KEYED.to_owned()),
        Err(error) if expected.is_some() => return Verdict::Faults(vec![error.to_string()]),
        Err(error) => return Verdict::Unknown(error.to_string()),
    };
    let asked = store::audit::check(connection, &key)
        .and_then(|checked| Ok((checked, expected.map(|head| store::audit::holds(connection, head)).transpose()?)));
    let (checked, holds) = match asked {
        Ok(asked) => asked,
        Err(error) => return Verdict::Faults(vec![error.to_string()]),
    };
    let mut faults: Vec<String> = checked.faults.iter().map(ToString::to_string).collect();
    if let (Some(head), Some(false)) = (expected, holds) {
        faults.push(format!(
            "row {} is not the one of the expected head: rows up to it were cut off or replaced",
            head.sequence
        ));
    }
    let held = expected
        .map_or_else(String::new, |head| format!(", those of the expected head ({}) among them", head.sequence));
    verdict(Ok(faults), || format!("{} rows under the platform's key{held}", checked.n_rows))
}
