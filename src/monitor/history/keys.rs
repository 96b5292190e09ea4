//! The keys of the profile as they are remembered: which there are, what they may do, and whether they are taken.

use super::History;
use crate::domain::key::Scopes;
use crate::domain::text::Untrusted;
use crate::monitor::picture::KeyName;
use crate::sqlite::Error;
use rusqlite::params;

impl History {
    /// Makes known which keys the profile has; what is remembered of others is forgotten.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_keys(&self, keys: Vec<KeyName>) -> Result<(), Error> {
        self.write(move |connection| {
            for KeyName { name, last4, company } in &keys {
                connection.execute("DELETE FROM keys WHERE name = ?1 AND last4 <> ?2", [name, last4])?;
                connection.execute(
                    "INSERT OR IGNORE INTO keys (name, last4, company, held, lacking) VALUES (?1, ?2, ?3, '', '')",
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

    /// Remembers what a question after a scope told, for good: scopes never change.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_scopes(&self, key: String, held: Scopes, lacking: Scopes) -> Result<(), Error> {
        self.write(move |connection| {
            connection
                .prepare_cached("UPDATE keys SET held = ?2, lacking = ?3, refused = NULL WHERE name = ?1")?
                .execute(params![key, held.to_string(), lacking.to_string()])?;
            Ok(())
        })
        .await
    }

    /// Remembers that a key is not taken, and why.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_refused(&self, key: String, why: Untrusted) -> Result<(), Error> {
        self.write(move |connection| {
            connection
                .prepare_cached("UPDATE keys SET refused = ?2 WHERE name = ?1")?
                .execute([key.as_str(), why.raw()])?;
            Ok(())
        })
        .await
    }
}
