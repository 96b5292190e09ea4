//! Verification of a data directory: file integrity, consistent rows, sealed values that open, and an unbroken audit
//! trail.

use super::super::master_key::{self, MasterKey, MasterKeySource};
use super::super::vault::{AuditChaining, KeyProof, Vault};
use super::store_error;
use crate::domain::audit::{AuditChainHead, AuditKey};
use crate::engine::error::Error;
use crate::store;
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;

/// Result of one verification step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyStep {
    /// Name of the step, as printed.
    pub name: &'static str,
    /// Verdict of the step, with its findings.
    pub verdict: VerifyVerdict,
}

/// Verdict of a verification step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerifyVerdict {
    /// Passed; the text says what was counted.
    Passed(String),
    /// Failed; one sentence per fault.
    Failed(Vec<String>),
    /// Not checked; the text gives the reason.
    Unknown(String),
}

/// Verifies everything in the data directory `dir` without changing it, also while a platform is running. `tell`
/// receives each step as it ends. The audit trail is also compared with `expected`, a head stored elsewhere.
///
/// # Errors
/// [`Error::Store`] when there is no database, or a foreign or newer one. Damage is a verdict, not an error.
pub fn verify(
    dir: &Path,
    custody: &MasterKeySource,
    expected: Option<&AuditChainHead>,
    mut tell: impl FnMut(VerifyStep),
) -> Result<(), Error> {
    let path = store::database(dir);
    let mut told = |name, verdict| tell(VerifyStep { name, verdict });
    let glance = match store::maintenance::open_read_only(&path) {
        Err(error) if error.is_damage() => {
            told(STRUCTURE_STEP, VerifyVerdict::Failed(vec![error.to_string()]));
            return Ok(());
        }
        glance => glance.map_err(store_error)?,
    };
    let connection = &glance.connection;
    // A read transaction gives all steps the same state.
    connection.execute_batch("BEGIN").map_err(store_error)?;
    told(
        STRUCTURE_STEP,
        to_verdict(store::maintenance::integrity_faults(connection), || format!("schema version {}", glance.version)),
    );
    told(
        SCHEMA_STEP,
        to_verdict(store::maintenance::schema_differences(&glance), || "matches this version's migrations".to_owned()),
    );
    told(
        FILES_STEP,
        to_verdict(Ok(store::maintenance::open_to_others(dir)), || "readable only by their owner".to_owned()),
    );
    if !store::maintenance::is_current(&glance) {
        let why = || VerifyVerdict::Unknown("older schema; it is migrated when the platform starts".to_owned());
        for name in [STATES_STEP, SEALS_STEP, AUDIT_STEP] {
            told(name, why());
        }
        return Ok(());
    }
    told(
        STATES_STEP,
        to_verdict(store::maintenance::invariant_violations(connection), || "no contradictions".to_owned()),
    );
    told(SEALS_STEP, check_seals(connection, dir, custody));
    told(AUDIT_STEP, check_audit_trail(connection, dir, custody, expected));
    Ok(())
}

/// Reads the head of the audit trail in the data directory `dir`, to be stored elsewhere; also while a platform is
/// running.
///
/// # Errors
/// [`Error::Store`] when there is no readable database, [`Error::MasterKeyMissing`] or [`Error::UnsealFailed`] when no key opens
/// it, [`Error::DatabaseDamaged`] when the last row is not the row written last.
pub fn audit_head(dir: &Path, custody: &MasterKeySource) -> Result<AuditChainHead, Error> {
    let path = store::database(dir);
    let glance = store::maintenance::open_read_only(&path).map_err(store_error)?;
    let unsound = |fault: &str| Error::DatabaseDamaged { path: path.clone(), fault: fault.to_owned() };
    let key = audit_key(&glance.connection, dir, custody)?.ok_or_else(|| unsound(PLAIN_TRAIL_FAULT))?;
    let head = store::audit::verified_head(&glance.connection, &key).map_err(store_error)?;
    head.ok_or_else(|| unsound("the audit trail does not end with the row written last"))
}

const PLAIN_TRAIL_FAULT: &str = "the audit trail has plain hashes; it is keyed when the platform starts";

/// Key of the audit trail; `None` while the trail has plain hashes.
fn audit_key(connection: &Connection, dir: &Path, custody: &MasterKeySource) -> Result<Option<AuditKey>, Error> {
    let proof = KeyProof::read(connection).map_err(store_error)?;
    let root = master_key::find_key(dir, custody, |root| proof.check(root))?;
    let vault = Vault::open_with(root, &proof)?.filter(|vault| vault.audit_chaining() == AuditChaining::Keyed);
    Ok(vault.map(|vault| vault.audit_key()))
}

const STRUCTURE_STEP: &str = "structure and foreign keys";
const SCHEMA_STEP: &str = "tables, indexes and triggers";
const FILES_STEP: &str = "files";
const STATES_STEP: &str = "states and leases";
const SEALS_STEP: &str = "key and sealed secrets";
const AUDIT_STEP: &str = "audit trail";

/// Converts a list of faults to a verdict; an error of the query is a fault too.
fn to_verdict(faults: Result<Vec<String>, store::Error>, whole: impl FnOnce() -> String) -> VerifyVerdict {
    match faults {
        Ok(faults) if faults.is_empty() => VerifyVerdict::Passed(whole()),
        Ok(faults) => VerifyVerdict::Failed(faults),
        Err(error) => VerifyVerdict::Failed(vec![error.to_string()]),
    }
}

/// Opens the pepper and every signing secret.
fn check_seals(connection: &Connection, dir: &Path, custody: &MasterKeySource) -> VerifyVerdict {
    let asked =
        KeyProof::read(connection).and_then(|proof| Ok((proof, store::sealed_values::signing_secrets(connection)?)));
    let (proof, secrets) = match asked {
        Ok(asked) => asked,
        Err(error) => return VerifyVerdict::Failed(vec![error.to_string()]),
    };
    let root: Arc<MasterKey> = match master_key::find_key(dir, custody, |root| proof.check(root)) {
        Ok(root) => root,
        Err(error) => return VerifyVerdict::Failed(vec![error.to_string()]),
    };
    let faults: Vec<String> = secrets
        .iter()
        .filter_map(|(id, sealed)| Vault::check_opens(&root, *id, sealed).err())
        .map(|error| error.to_string())
        .collect();
    to_verdict(Ok(faults), || format!("{} decrypts the pepper and {} signing secrets", root.origin(), secrets.len()))
}

fn check_audit_trail(
    connection: &Connection,
    dir: &Path,
    custody: &MasterKeySource,
    expected: Option<&AuditChainHead>,
) -> VerifyVerdict {
    let key = match audit_key(connection, dir, custody) {
        Ok(Some(key)) => key,
        // With an expected head, "unknown" could be mistaken for "present".
        Ok(None) if expected.is_some() => return VerifyVerdict::Failed(vec![PLAIN_TRAIL_FAULT.to_owned()]),
        Ok(None) => return VerifyVerdict::Unknown(PLAIN_TRAIL_FAULT.to_owned()),
        Err(error) if expected.is_some() => return VerifyVerdict::Failed(vec![error.to_string()]),
        Err(error) => return VerifyVerdict::Unknown(error.to_string()),
    };
    let asked = store::audit::verify(connection, &key).and_then(|checked| {
        Ok((checked, expected.map(|head| store::audit::contains_head(connection, head)).transpose()?))
    });
    let (checked, holds) = match asked {
        Ok(asked) => asked,
        Err(error) => return VerifyVerdict::Failed(vec![error.to_string()]),
    };
    let mut faults: Vec<String> = checked.faults.iter().map(ToString::to_string).collect();
    if let (Some(head), Some(false)) = (expected, holds) {
        faults.push(format!(
            "row {} differs from the expected head: rows up to it were removed or replaced",
            head.sequence
        ));
    }
    let held = expected.map_or_else(String::new, |head| format!(", including the expected head ({})", head.sequence));
    to_verdict(Ok(faults), || format!("{} rows keyed with the platform's key{held}", checked.n_rows))
}
