//! Audit trail: table `audit`. Rows form a chain of HMACs under a key that is not in the database: each MAC covers the
//! row, its number and the MAC of the row before it, and the head of the chain is stored under a MAC of its own.
//! Editing, deleting, reordering or truncating rows without the key is detected; restoring an earlier state of all of
//! them is detected by a head that was exported.

use super::paging::PagedQuery;
use super::{Error, sealed_values, time};
use crate::domain::audit::{AuditChainHead, AuditFault, AuditKey, AuditVerification};
use crate::domain::log::{PageSpec, RowPage};
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;

/// A change to append to the audit trail.
#[derive(Debug, Clone)]
pub(crate) struct AuditEntry<'a> {
    pub(crate) at: Timestamp,
    pub(crate) actor: Cow<'a, str>,
    pub(crate) action: &'a str,
    pub(crate) subject: String,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) request_id: Option<&'a str>,
}

/// Appends a change. Must run in the transaction of the change itself.
pub(crate) fn append(connection: &Connection, key: &AuditKey, entry: &AuditEntry<'_>) -> Result<(), Error> {
    let mut chain = AuditChain::read(connection, key)?;
    chain.append(connection, entry)?;
    chain.write_head(connection)
}

/// End of the chain, to which rows are appended.
#[derive(Debug, Clone)]
pub(super) struct AuditChain {
    key: AuditKey,
    head: AuditChainHead,
    /// Whether the stored head is authentic. One that this key did not write is left in place, so that verification
    /// reports it.
    is_authentic: bool,
}

impl AuditChain {
    pub(super) fn read(connection: &Connection, key: &AuditKey) -> Result<Self, Error> {
        let kept = authentic(sealed_values::get(connection, HEAD_NAME)?, key);
        let last = last_row(connection)?;
        let is_authentic = kept.is_some();
        // The chain continues from the stored head, whatever rows the table has: truncated rows stay missing and added
        // rows stay wrong.
        let AuditChainHead { sequence, mac } = kept.unwrap_or_else(|| last.clone());
        let head = AuditChainHead { sequence: sequence.max(last.sequence), mac };
        Ok(Self { key: key.clone(), head, is_authentic })
    }

    /// Appends a row; [`Self::write_head`] must follow in the same commit.
    pub(super) fn append(&mut self, connection: &Connection, entry: &AuditEntry<'_>) -> Result<(), Error> {
        let sequence = self.head.sequence + 1;
        let head = AuditChainHead { sequence, mac: row_mac(&self.key, &self.head.mac, sequence, entry) };
        connection
            .prepare_cached(
                "INSERT INTO audit (id, at, actor, action, subject, before, after, reason, request_id, hash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            // By number: looking up names costs as much as the rest, and this runs for every change.
            .execute(params![
                head.sequence,
                entry.at.millis(),
                entry.actor,
                entry.action,
                entry.subject,
                entry.before,
                entry.after,
                entry.reason,
                entry.request_id,
                head.mac,
            ])?;
        self.head = head;
        Ok(())
    }

    /// Stores the head of the chain.
    pub(super) fn write_head(&self, connection: &Connection) -> Result<(), Error> {
        if self.is_authentic { store_head(connection, &self.key, &self.head) } else { Ok(()) }
    }
}

/// Name under which the head of the chain is stored: number, MAC, and a MAC over both.
const HEAD_NAME: &str = "audit head";

/// Stores the head of the chain with its MAC.
fn store_head(connection: &Connection, key: &AuditKey, head: &AuditChainHead) -> Result<(), Error> {
    sealed_values::put(
        connection,
        HEAD_NAME,
        &[head.sequence.to_be_bytes().as_slice(), &head.mac, &head_mac(key, head)].concat(),
    )
}

/// Returns the head in a stored value; `None` if there is none or its MAC was not made with this key.
fn authentic(value: Option<Vec<u8>>, key: &AuditKey) -> Option<AuditChainHead> {
    let bytes = value?;
    let (sequence, rest) = bytes.split_first_chunk::<8>()?;
    let (mac, sealed) = rest.split_last_chunk::<32>()?;
    let head = AuditChainHead { sequence: i64::from_be_bytes(*sequence), mac: mac.to_vec() };
    (head_mac(key, &head) == *sealed).then_some(head)
}

/// Returns number and MAC of the last row; 0 and empty if the trail is empty.
fn last_row(connection: &Connection) -> Result<AuditChainHead, Error> {
    let mut statement = connection.prepare_cached("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1")?;
    let read = |row: &Row<'_>| Ok(AuditChainHead { sequence: row.get(0)?, mac: row.get(1)? });
    Ok(statement.query_row([], read).optional()?.unwrap_or_default())
}

/// Returns the head of the chain if the last row is the one that was written last. Works with older schemas too.
pub(crate) fn verified_head(connection: &Connection, key: &AuditKey) -> Result<Option<AuditChainHead>, Error> {
    let last = last_row(connection)?;
    Ok(authentic(sealed_values::kept_in_any_schema(connection, HEAD_NAME)?, key).filter(|head| *head == last))
}

/// Returns whether the trail contains the row of an exported head with its MAC.
pub(crate) fn contains_head(connection: &Connection, head: &AuditChainHead) -> Result<bool, Error> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM audit WHERE id = ?1 AND hash = ?2")?;
    Ok(head.sequence == 0 || statement.exists(params![head.sequence, head.mac])?)
}

/// Chains the rows that were written before the chain had a key, and reports the faults of their unkeyed hashes.
pub(crate) fn rechain(connection: &Connection, key: &AuditKey) -> Result<AuditVerification, Error> {
    let checked = verify_rows(connection, |previous, row| unkeyed_hash(previous, &row.entry()))?;
    let mut head = AuditChainHead::default();
    let mut statement = connection.prepare_cached("SELECT * FROM audit WHERE id > ?1 ORDER BY id LIMIT 1")?;
    let mut update = connection.prepare_cached("UPDATE audit SET hash = ?2 WHERE id = ?1")?;
    while let Some(row) = statement.query_row([head.sequence], read).optional()? {
        head = AuditChainHead { sequence: row.id, mac: row_mac(key, &head.mac, row.id, &row.entry()) };
        update.execute(params![head.sequence, head.mac])?;
    }
    store_head(connection, key, &head)?;
    Ok(checked)
}

/// A row of the audit trail.
#[derive(Debug, Clone)]
pub struct StoredAuditEntry {
    /// Number of the row, without gaps.
    pub id: i64,
    /// Time at which the change was made.
    pub at: Timestamp,
    /// Name of the actor that made the change.
    pub actor: String,
    /// Name of the action that was performed.
    pub action: String,
    /// Object that was changed, such as `subscription 12`.
    pub subject: String,
    /// State before the change, if recorded.
    pub before: Option<String>,
    /// State after the change, if recorded.
    pub after: Option<String>,
    /// Reason for the change, if given.
    pub reason: Option<String>,
    /// Id of the request that made the change.
    pub request_id: Option<String>,
    /// MAC over the previous MAC, the number and all fields.
    pub hash: Vec<u8>,
}

/// Maximum number of faults that a verification reports.
const MAX_REPORTED_FAULTS: usize = 100;

/// Returns a page of audit rows, newest first.
pub(crate) fn list(connection: &Connection, span: &PageSpec) -> Result<RowPage<StoredAuditEntry>, Error> {
    let log = PagedQuery {
        table: "audit",
        columns: "*",
        computed: "",
        time: "at",
        index_conditions: Vec::new(),
        row_conditions: Vec::new(),
    };
    log.page(connection, span, read, |row| row.id)
}

/// Verifies every row against its MAC and the last row against the stored head.
pub(crate) fn verify(connection: &Connection, key: &AuditKey) -> Result<AuditVerification, Error> {
    let mut checked = verify_rows(connection, |previous, row| row_mac(key, previous, row.id, &row.entry()))?;
    if verified_head(connection, key)?.is_none() {
        record_fault(&mut checked, AuditFault::TruncatedAt(last_row(connection)?.sequence));
    }
    Ok(checked)
}

/// Reads the whole trail and compares each hash with the one computed by `hash`. Deleted, edited and reordered rows are
/// detected, deleted last rows too: the database remembers the last number it assigned.
fn verify_rows(
    connection: &Connection,
    hash: impl Fn(&[u8], &StoredAuditEntry) -> Vec<u8>,
) -> Result<AuditVerification, Error> {
    let mut statement = connection.prepare_cached("SELECT * FROM audit ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut checked = AuditVerification { n_rows: 0, faults: Vec::new() };
    let (mut last, mut previous) = (0, Vec::new());
    while let Some(row) = rows.next()? {
        let row = read(row)?;
        if row.id != last + 1 {
            record_fault(&mut checked, AuditFault::Missing(last + 1, row.id - 1));
        }
        if hash(&previous, &row) != row.hash {
            record_fault(&mut checked, AuditFault::Altered(row.id));
        }
        checked.n_rows += 1;
        (last, previous) = (row.id, row.hash);
    }
    let given: Option<i64> = connection
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'audit'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    if given.unwrap_or(0) > last {
        record_fault(&mut checked, AuditFault::Missing(last + 1, given.unwrap_or(0)));
    }
    Ok(checked)
}

/// Records a fault, up to the maximum.
fn record_fault(checked: &mut AuditVerification, fault: AuditFault) {
    if checked.faults.len() < MAX_REPORTED_FAULTS {
        checked.faults.push(fault);
    }
}

impl StoredAuditEntry {
    fn entry(&self) -> AuditEntry<'_> {
        AuditEntry {
            at: self.at,
            actor: Cow::Borrowed(&self.actor),
            action: &self.action,
            subject: self.subject.clone(),
            before: self.before.clone(),
            after: self.after.clone(),
            reason: self.reason.clone(),
            request_id: self.request_id.as_deref(),
        }
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<StoredAuditEntry> {
    Ok(StoredAuditEntry {
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

/// MAC of a row that follows the row with the MAC `previous`.
fn row_mac(key: &AuditKey, previous: &[u8], id: i64, entry: &AuditEntry<'_>) -> Vec<u8> {
    key.mac("audit row", &[previous, &id.to_be_bytes(), &encode_entry(entry)]).to_vec()
}

/// MAC over number and MAC of the last row.
fn head_mac(key: &AuditKey, head: &AuditChainHead) -> [u8; 32] {
    key.mac("audit head", &[&head.sequence.to_be_bytes(), &head.mac])
}

/// Hash that a row had before the chain had a key.
fn unkeyed_hash(previous: &[u8], entry: &AuditEntry<'_>) -> Vec<u8> {
    Sha256::new().chain_update(previous).chain_update(encode_entry(entry)).finalize().to_vec()
}

/// Encodes the fields of a row, each preceded by its length, so that two different rows never encode alike.
fn encode_entry(entry: &AuditEntry<'_>) -> Vec<u8> {
    let mut bytes = entry.at.millis().to_be_bytes().to_vec();
    let fields = [
        Some(&*entry.actor),
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
                bytes.extend(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
                bytes.extend(text.as_bytes());
            }
            None => bytes.extend(u64::MAX.to_be_bytes()),
        }
    }
    bytes
}
