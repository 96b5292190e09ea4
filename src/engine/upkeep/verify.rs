//! Verification: is the file whole, do its rows agree with each other, does everything sealed open, is the audit trail unbroken.

use super::super::Error;
use super::super::root::{self, Custody, Root};
use super::super::vault::{Proof, Vault};
use super::store_error;
use crate::domain::audit::Fault;
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

/// Looks at everything in the data directory `dir`, changing nothing; also while a platform runs there. Each check is told as it ends.
///
/// # Errors
/// When there is no database of this program's to look at: none, foreign, newer. A damaged one is an answer.
pub fn verify(dir: &Path, custody: &Custody, mut tell: impl FnMut(Check)) -> Result<(), Error> {
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
    told(AUDIT, audit(connection));
    Ok(())
}

const STRUCTURE: &str = "structure and foreign keys";
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
    let mut faults: Vec<String> = secrets
        .iter()
        .filter_map(|(id, sealed)| Vault::opens(&root, *id, sealed).err())
        .map(|error| error.to_string())
        .collect();
    faults.extend(open_to_others(dir));
    verdict(Ok(faults), || format!("{} opens the pepper and {} signing secrets", root.origin(), secrets.len()))
}

/// A key file that others can read.
fn open_to_others(dir: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = root::file(dir);
    let mode = std::fs::metadata(&path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| format!("{} can be read by others (mode {mode:o}); chmod 600", path.display()))
}

fn audit(connection: &Connection) -> Verdict {
    let checked = match store::audit::check(connection) {
        Ok(checked) => checked,
        Err(error) => return Verdict::Faults(vec![error.to_string()]),
    };
    let named = |fault: &Fault| match fault {
        Fault::Missing(first, last) if first == last => format!("row {first} is missing"),
        Fault::Missing(first, last) => format!("rows {first} to {last} are missing"),
        Fault::Altered(id) => format!("row {id}, or the hash of the row before it, is not what was written"),
    };
    verdict(Ok(checked.faults.iter().map(named).collect()), || format!("{} rows", checked.n_rows))
}
