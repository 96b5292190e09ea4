//! The audit trail: who changed what. Each row carries the hash of the one before it, so that a missing or edited row shows.

use super::scan::Log;
use super::{Error, time};
use crate::domain::audit::{Checked, Fault};
use crate::domain::log::{Page, Span};
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};
use sha2::{Digest as _, Sha256};

/// One change.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'a> {
    pub(crate) at: Timestamp,
    pub(crate) actor: &'a str,
    pub(crate) action: &'a str,
    pub(crate) subject: String,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) request_id: Option<&'a str>,
}

/// Appends a change. Belongs into the transaction of the change.
pub(crate) fn append(connection: &Connection, entry: &Entry<'_>) -> Result<(), Error> {
    let previous: Option<Vec<u8>> = connection
        .prepare_cached("SELECT hash FROM audit ORDER BY id DESC LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let hash = chain(previous.as_deref().unwrap_or_default(), entry);
    connection
        .prepare_cached(
            "INSERT INTO audit (at, actor, action, subject, before, after, reason, request_id, hash)
             VALUES (:at, :actor, :action, :subject, :before, :after, :reason, :request_id, :hash)",
        )?
        .execute(named_params! {
            ":at": entry.at.millis(), ":actor": entry.actor, ":action": entry.action, ":subject": entry.subject, ":before": entry.before,
            ":after": entry.after, ":reason": entry.reason, ":request_id": entry.request_id, ":hash": hash,
        })?;
    Ok(())
}

/// A change as it was written down.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its number; without gaps.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub subject: String,
    /// As it was.
    pub before: Option<String>,
    /// As it is since.
    pub after: Option<String>,
    /// Why, if somebody said so.
    pub reason: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// Its hash over the previous one and all of the above but the number.
    pub hash: Vec<u8>,
}

/// Faults that are named at most.
const NAMED: usize = 100;

/// A page of changes, newest first.
pub(crate) fn list(connection: &Connection, span: &Span) -> Result<Page<Stored>, Error> {
    let log = Log { table: "audit", columns: "*", computed: "", time: "at", seek: Vec::new(), sift: Vec::new() };
    log.page(connection, span, read, |row| row.id)
}

/// Reads the whole trail and holds each row against the hash of the one before it. Deleting, editing or reordering rows shows, the end
/// included: the database remembers the last number it gave.
pub(crate) fn check(connection: &Connection) -> Result<Checked, Error> {
    let mut statement = connection.prepare_cached("SELECT * FROM audit ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut checked = Checked { n_rows: 0, faults: Vec::new() };
    let (mut last, mut previous) = (0, Vec::new());
    while let Some(row) = rows.next()? {
        let row = read(row)?;
        if row.id != last + 1 {
            note(&mut checked, Fault::Missing(last + 1, row.id - 1));
        }
        if chain(&previous, &row.entry()).as_slice() != row.hash {
            note(&mut checked, Fault::Altered(row.id));
        }
        checked.n_rows += 1;
        (last, previous) = (row.id, row.hash);
    }
    let given: Option<i64> = connection
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'audit'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    if given.unwrap_or(0) > last {
        note(&mut checked, Fault::Missing(last + 1, given.unwrap_or(0)));
    }
    Ok(checked)
}

fn note(checked: &mut Checked, fault: Fault) {
    if checked.faults.len() < NAMED {
        checked.faults.push(fault);
    }
}

impl Stored {
    fn entry(&self) -> Entry<'_> {
        Entry {
            at: self.at,
            actor: &self.actor,
            action: &self.action,
            subject: self.subject.clone(),
            before: self.before.clone(),
            after: self.after.clone(),
            reason: self.reason.clone(),
            request_id: self.request_id.as_deref(),
        }
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        id: row.get("id")?,
        at: time(row, "at")?,
        actor: row.get("actor")?,
        action: row.get("action")?,
        subject: row.get("subject")?,
        before: row.get("before")?,
        after: row.get("after")?,
        reason: row.get("reason")?,
        request_id: row.get("request_id")?,
        hash: row.get("hash")?,
    })
}

/// The hash of a row: SHA-256 over the previous hash and each field with its length in front.
fn chain(previous: &[u8], entry: &Entry<'_>) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(previous);
    digest.update(entry.at.millis().to_be_bytes());
    let fields = [
        Some(entry.actor),
        Some(entry.action),
        Some(entry.subject.as_str()),
        entry.before.as_deref(),
        entry.after.as_deref(),
        entry.reason.as_deref(),
        entry.request_id,
    ];
    for field in fields {
        match field {
            Some(text) => {
                digest.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
                digest.update(text.as_bytes());
            }
            None => digest.update(u64::MAX.to_be_bytes()),
        }
    }
    digest.finalize().into()
}
