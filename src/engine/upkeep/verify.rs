//! Verification of a data directory: file integrity, consistent rows, sealed values that open, and an unbroken audit
//! trail.

use super::super::Error;
use super::super::root::{self, Custody, Root};
use super::super::vault::{Proof, Trail, Vault};
use super::store_error;
use crate::domain::audit::{AuditChainHead, AuditKey};
use crate::store;
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;

/// Result of one verification step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Name of the step, as printed.
    pub name: &'static str,
    /// Verdict of the step, with its findings.
    pub verdict: Verdict,
}

/// Verdict of a verification step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Passed; the text says what was counted.
    Whole(String),
    /// Failed; one sentence per fault.
    Faults(Vec<String>),
    /// Not checked; the text gives the reason.
    Unknown(String),
}

/// Verifies everything in the data directory `dir` without changing it, also while a platform is running. `tell`
/// receives each step as it ends. The audit trail is also compared with `expected`, a head stored elsewhere.
///
/// # Errors
/// [`Error::PlatformStore`] when there is no database, or a foreign or newer one. Damage is a verdict, not an error.
pub fn verify(
    dir: &Path,
    custody: &Custody,
    expected: Option<&AuditChainHead>,
    mut tell: impl FnMut(Check),
) -> Result<(), Error> {
    let path = store::database(dir);
    let mut told = |name, verdict| tell(Check { name, verdict });
    let glance = match store::maintenance::open_read_only(&path) {
        Err(error) if error.is_damage() => {
            told(STRUCTURE, Verdict::Faults(vec![error.to_string()]));
            return Ok(());
        }
        glance => glance.map_err(store_error)?,
    };
    let connection = &glance.connection;
    // A read transaction gives all steps the same state.
    connection.execute_batch("BEGIN").map_err(store_error)?;
    told(
        STRUCTURE,
        verdict(store::maintenance::integrity_faults(connection), || format!("schema version {}", glance.version)),
    );
    told(
        SCHEMA,
        verdict(store::maintenance::schema_differences(&glance), || "matches this version's migrations".to_owned()),
    );
    told(FILES, verdict(Ok(store::maintenance::open_to_others(dir)), || "readable only by their owner".to_owned()));
    if !store::maintenance::is_current(&glance) {
        let why = || Verdict::Unknown("older schema; it is migrated when the platform starts".to_owned());
        for name in [STATES, SEALS, AUDIT] {
            told(name, why());
        }
        return Ok(());
    }
    told(STATES, verdict(store::maintenance::invariant_violations(connection), || "no contradictions".to_owned()));
    told(SEALS, seals(connection, dir, custody));
    told(AUDIT, audit(connection, dir, custody, expected));
    Ok(())
}

/// Reads the head of the audit trail in the data directory `dir`, to be stored elsewhere; also while a platform is
/// running.
///
/// # Errors
/// [`Error::PlatformStore`] when there is no readable database, [`Error::KeyMissing`] or [`Error::Sealed`] when no key opens
/// it, [`Error::Unsound`] when the last row is not the row written last.
pub fn audit_head(dir: &Path, custody: &Custody) -> Result<AuditChainHead, Error> {
    let path = store::database(dir);
    let glance = store::maintenance::open_read_only(&path).map_err(store_error)?;
    let unsound = |fault: &str| Error::Unsound { path: path.clone(), fault: fault.to_owned() };
    let key = audit_key(&glance.connection, dir, custody)?.ok_or_else(|| unsound(NOT_KEYED))?;
    let head = store::audit::verified_head(&glance.connection, &key).map_err(store_error)?;
    head.ok_or_else(|| unsound("the audit trail does not end with the row written last"))
}

const NOT_KEYED: &str = "the audit trail has plain hashes; it is keyed when the platform starts";

/// Key of the audit trail; `None` while the trail has plain hashes.
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

/// Converts a list of faults to a verdict; an error of the query is a fault too.
fn verdict(faults: Result<Vec<String>, store::Error>, whole: impl FnOnce() -> String) -> Verdict {
    match faults {
        Ok(faults) if faults.is_empty() => Verdict::Whole(whole()),
        Ok(faults) => Verdict::Faults(faults),
        Err(error) => Verdict::Faults(vec![error.to_string()]),
    }
}

/// Opens the pepper and every signing secret.
fn seals(connection: &Connection, dir: &Path, custody: &Custody) -> Verdict {
    let asked = Proof::of(connection).and_then(|proof| Ok((proof, store::sealed_values::signing_secrets(connection)?)));
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
    verdict(Ok(faults), || format!("{} decrypts the pepper and {} signing secrets", root.origin(), secrets.len()))
}

fn audit(connection: &Connection, dir: &Path, custody: &Custody, expected: Option<&AuditChainHead>) -> Verdict {
    let key = match audit_key(connection, dir, custody) {
        Ok(Some(key)) => key,
        // With an expected head, "unknown" could be mistaken for "present".
        Ok(None) if expected.is_some() => return Verdict::Faults(vec![NOT_KEYED.to_owned()]),
        Ok(None) => return Verdict::Unknown(NOT_KEYED.to_owned()),
        Err(error) if expected.is_some() => return Verdict::Faults(vec![error.to_string()]),
        Err(error) => return Verdict::Unknown(error.to_string()),
    };
    let asked = store::audit::verify(connection, &key).and_then(|checked| {
        Ok((checked, expected.map(|head| store::audit::contains_head(connection, head)).transpose()?))
    });
    let (checked, holds) = match asked {
        Ok(asked) => asked,
        Err(error) => return Verdict::Faults(vec![error.to_string()]),
    };
    let mut faults: Vec<String> = checked.faults.iter().map(ToString::to_string).collect();
    if let (Some(head), Some(false)) = (expected, holds) {
        faults.push(format!(
            "row {} differs from the expected head: rows up to it were removed or replaced",
            head.sequence
        ));
    }
    let held = expected.map_or_else(String::new, |head| format!(", including the expected head ({})", head.sequence));
    verdict(Ok(faults), || format!("{} rows keyed with the platform's key{held}", checked.n_rows))
}
