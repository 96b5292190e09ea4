//! Operators of an observer that serves a team: their names, roles and the hashes of their tokens. Tokens themselves
//! are not kept.

use super::{HistoryError, PlatformHistory};
use crate::database::Database;
use crate::database::options::JobPriority;
use crate::domain::ids::OperatorId;
use crate::domain::operator::{OperatorAccount, OperatorRole};
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use std::time::Duration;

/// SHA-256 of an operator token. A token has 256 random bits, so that its hash cannot be searched.
pub type TokenHash = [u8; 32];

/// Operator as it is kept, without the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptOperator {
    /// Number, name and role of the operator.
    pub account: OperatorAccount,
    /// Hash of the operator's token.
    pub token_hash: TokenHash,
    /// Time at which the operator was created.
    pub created_at: Timestamp,
    /// Time at which the operator was revoked; `None` while the token is accepted.
    pub revoked_at: Option<Timestamp>,
}

/// Watch of the operators that are kept, for a process that shares the history with others.
#[derive(Debug)]
pub struct OperatorWatch {
    connection: Connection,
    /// Version of the database at the last reading: SQLite changes it with every commit, by whichever process.
    seen_version: Option<i64>,
}

impl OperatorWatch {
    /// Reads all operators if the history changed since the last reading; `None` if it did not. Blocks the thread for
    /// some microseconds, and waits for no other process.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be read at the moment; the next call reads it.
    pub fn read_changes(&mut self) -> Result<Option<Vec<KeptOperator>>, HistoryError> {
        let version: i64 = self.connection.query_row("PRAGMA data_version", [], |row| row.get(0))?;
        if self.seen_version == Some(version) {
            return Ok(None);
        }
        // What is committed after the version was read is read again with the next one.
        let kept = read_operators(&self.connection)?;
        self.seen_version = Some(version);
        Ok(Some(kept))
    }

    /// Makes the next call read the operators whether the history changed or not.
    pub const fn forget(&mut self) {
        self.seen_version = None;
    }
}

impl PlatformHistory {
    /// Opens a watch of the operators; blocks the thread until the file is open.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the file cannot be opened.
    pub fn watch_operators(&self) -> Result<OperatorWatch, HistoryError> {
        let connection = Database::open_reader(&self.path)?;
        connection.busy_timeout(Duration::ZERO)?;
        Ok(OperatorWatch { connection, seen_version: None })
    }

    /// Returns all operators, revoked ones included, oldest first. A role that this version does not know is left out.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be read.
    pub async fn operators(&self) -> Result<Vec<KeptOperator>, HistoryError> {
        self.database.read(JobPriority::Low, read_operators).await
    }

    /// Adds an operator; `None` if another has the name, whatever its case, also if that one was revoked.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn add_operator(
        &self,
        name: String,
        role: OperatorRole,
        token_hash: TokenHash,
        at: Timestamp,
    ) -> Result<Option<KeptOperator>, HistoryError> {
        self.write(move |connection| {
            let added = connection
                .prepare_cached(
                    "INSERT INTO operators (name, role, token_hash, created_at) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO NOTHING RETURNING id",
                )?
                .query_row(params![name, role.name(), token_hash.as_slice(), at.millis()], |row| row.get(0))
                .optional()?;
            Ok(added.map(|id| KeptOperator {
                account: OperatorAccount { id: OperatorId(id), name, role },
                token_hash,
                created_at: at,
                revoked_at: None,
            }))
        })
        .await
    }

    /// Makes the token with this hash the one of the admin `name`, who is created if absent and is not revoked any more.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn set_admin_token(
        &self,
        name: &'static str,
        token_hash: TokenHash,
        at: Timestamp,
    ) -> Result<(), HistoryError> {
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO operators (name, role, token_hash, created_at) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (name) DO UPDATE SET role = ?2, token_hash = ?3, revoked_at = NULL",
                )?
                .execute(params![name, OperatorRole::Admin.name(), token_hash.as_slice(), at.millis()])?;
            Ok(())
        })
        .await
    }

    /// Revokes an operator; one that was revoked before keeps its time. Returns `false`, and changes nothing, for the last
    /// admin, whichever process revoked the others.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn revoke_operator(&self, id: OperatorId, at: Timestamp) -> Result<bool, HistoryError> {
        self.write(move |connection| {
            let n = connection
                .prepare_cached(
                    "UPDATE operators SET revoked_at = coalesce(revoked_at, ?2)
                     WHERE id = ?1 AND (revoked_at IS NOT NULL OR role <> ?3 OR EXISTS (
                         SELECT 1 FROM operators other
                         WHERE other.id <> ?1 AND other.role = ?3 AND other.revoked_at IS NULL))",
                )?
                .execute(params![id.0, at.millis(), OperatorRole::Admin.name()])?;
            Ok(n > 0)
        })
        .await
    }
}

fn read_operators(connection: &Connection) -> Result<Vec<KeptOperator>, HistoryError> {
    let mut statement = connection.prepare_cached("SELECT * FROM operators ORDER BY id")?;
    let rows = statement.query_map([], read_operator)?.collect::<Result<Vec<_>, _>>()?;
    Ok(rows.into_iter().flatten().collect())
}

fn read_operator(row: &Row<'_>) -> rusqlite::Result<Option<KeptOperator>> {
    let role: String = row.get("role")?;
    let revoked_at: Option<i64> = row.get("revoked_at")?;
    let Some(role) = OperatorRole::named(&role) else { return Ok(None) };
    Ok(Some(KeptOperator {
        account: OperatorAccount { id: OperatorId(row.get("id")?), name: row.get("name")?, role },
        token_hash: row.get("token_hash")?,
        created_at: Timestamp::from_millis(row.get("created_at")?),
        revoked_at: revoked_at.map(Timestamp::from_millis),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_are_unique_and_a_revoked_operator_stays_listed() {
        let dir = tempfile::tempdir().expect("a directory");
        let history = PlatformHistory::open(&dir.path().join("history.db")).expect("it opens");
        let at = Timestamp::from_millis;
        history.set_admin_token("admin", [1; 32], at(1)).await.expect("written");
        let added = history.add_operator("Grace".to_owned(), OperatorRole::Viewer, [2; 32], at(2)).await;
        let added = added.expect("written").expect("the name is free");
        for name in ["grace", "ADMIN"] {
            let taken = history.add_operator(name.to_owned(), OperatorRole::Admin, [3; 32], at(3)).await;
            assert_eq!(taken.expect("written"), None, "{name}");
        }
        for later in [5, 6] {
            assert!(history.revoke_operator(added.account.id, at(later)).await.expect("written"));
        }
        assert!(!history.revoke_operator(OperatorId(1), at(6)).await.expect("read"), "the last admin");
        history.set_admin_token("admin", [4; 32], at(7)).await.expect("written");
        let all = history.operators().await.expect("read");
        let told: Vec<_> = all.iter().map(|of| (of.account.name.as_str(), of.token_hash[0], of.revoked_at)).collect();
        assert_eq!(told, [("admin", 4, None), ("Grace", 2, Some(at(5)))]);
        assert_eq!(all[1].account.role, OperatorRole::Viewer);
    }

    #[tokio::test]
    async fn a_watch_reads_the_operators_only_after_a_change_by_any_process() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("history.db");
        let (one, other) =
            (PlatformHistory::open(&path).expect("it opens"), PlatformHistory::open(&path).expect("twice"));
        let mut watch = one.watch_operators().expect("it opens");
        let mut n_read = || watch.read_changes().expect("read").map(|kept| kept.len());
        assert_eq!([n_read(), n_read()], [Some(0), None]);
        for (n, history) in [(1, &one), (2, &other)] {
            let added =
                history.add_operator(format!("operator {n}"), OperatorRole::Admin, [n; 32], Timestamp::from_millis(1));
            added.await.expect("written").expect("the name is free");
            assert_eq!([n_read(), n_read()], [Some(usize::from(n)), None]);
        }
        watch.forget();
        assert!(watch.read_changes().expect("read").is_some());
    }
}
