//! Keys of the profile as they are stored: names, scopes, and whether the platform accepts them.

use super::{HistoryError, PlatformHistory};
use crate::domain::ids::CompanyId;
use crate::domain::scope::ScopeSet;
use crate::domain::text::Untrusted;
use rusqlite::params;

/// Key of the profile, as far as it is known without a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyName {
    /// Name of the key in the profile.
    pub name: String,
    /// Last four characters of the key.
    pub last4: String,
    /// Number of the company, which is part of the key.
    pub company: CompanyId,
}

impl PlatformHistory {
    /// Stores which keys the profile has, and deletes what is stored of any other key.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn record_keys(&self, keys: Vec<KeyName>) -> Result<(), HistoryError> {
        self.write(move |connection| {
            for KeyName { name, last4, company } in &keys {
                connection.execute("DELETE FROM keys WHERE name = ?1 AND last4 <> ?2", [name, last4])?;
                connection.execute(
                    "INSERT OR IGNORE INTO keys (name, last4, company, granted_scopes, missing_scopes) VALUES (?1, ?2, ?3, '', '')",
                    params![name, last4, company.0],
                )?;
            }
            let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
            let names = serde_json::to_string(&names).unwrap_or_default();
            connection.execute("DELETE FROM keys WHERE name NOT IN (SELECT value FROM json_each(?1))", [names])?;
            Ok(())
        })
        .await
    }

    /// Stores the result of a scope probe. It is kept for good, because the scopes of a key never change.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn record_scopes(&self, key: String, held: ScopeSet, lacking: ScopeSet) -> Result<(), HistoryError> {
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE keys SET granted_scopes = ?2, missing_scopes = ?3, rejection = NULL WHERE name = ?1",
                )?
                .execute(params![key, held.to_string(), lacking.to_string()])?;
            Ok(())
        })
        .await
    }

    /// Stores that the platform does not accept a key, and why.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn record_key_refusal(&self, key: String, why: Untrusted) -> Result<(), HistoryError> {
        self.write(move |connection| {
            connection
                .prepare_cached("UPDATE keys SET rejection = ?2 WHERE name = ?1")?
                .execute([key.as_str(), why.raw()])?;
            Ok(())
        })
        .await
    }
}
