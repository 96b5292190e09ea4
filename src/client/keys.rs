//! Companies and keys.

use super::Error;
use super::connection::Client;
use crate::api::keys::{Company, CreatedKey, KeyRow, NewCompany, NewKey};
use crate::api::page::Page;
use crate::api::paths;
use crate::domain::ids::KeyId;

impl Client {
    /// Creates a company.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn create_company(&self, new: &NewCompany) -> Result<Company, Error> {
        self.post(paths::COMPANIES, new).await
    }

    /// Creates a key; the answer alone carries it.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn create_key(&self, new: &NewKey) -> Result<CreatedKey, Error> {
        self.post(paths::KEYS, new).await
    }

    /// The keys of all companies.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn keys(&self) -> Result<Page<KeyRow>, Error> {
        self.get(paths::KEYS, &[]).await
    }

    /// Revokes a key, for good.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn revoke_key(&self, id: KeyId) -> Result<KeyRow, Error> {
        self.post(&paths::with(paths::KEY_REVOKE, id), &serde_json::json!({})).await
    }
}
