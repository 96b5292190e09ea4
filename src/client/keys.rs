//! Companies and keys.

use super::Error;
use super::connection::Client;
use crate::api::keys::{Company, CreatedKey, KeyRow, LimitsPatch, NewCompany, NewKey, RevokedKey};
use crate::api::limits::{KeyUsage, LimitDetail};
use crate::api::page::Page;
use crate::api::paths;
use crate::domain::ids::KeyId;
use reqwest::Method;

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
        self.list(paths::KEYS).await
    }

    /// Revokes a key, for good; the answer says whether that is on disk.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn revoke_key(&self, id: KeyId) -> Result<RevokedKey, Error> {
        self.post(&paths::with(paths::KEY_REVOKE, id), &serde_json::json!({})).await
    }

    /// All companies.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn companies(&self) -> Result<Page<Company>, Error> {
        self.list(paths::COMPANIES).await
    }

    /// Which routes a key calls and which scopes it never used.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn key_usage(&self, id: KeyId) -> Result<KeyUsage, Error> {
        self.get(&paths::with(paths::KEY_USAGE, id), &[]).await
    }

    /// All rate windows with who fills them, least headroom first.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn limits(&self) -> Result<Page<LimitDetail>, Error> {
        self.list(paths::LIMITS).await
    }

    /// Gives a key limits of its own; they act on the next request.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn limit_key(&self, id: KeyId, patch: impl Into<LimitsPatch>) -> Result<KeyRow, Error> {
        let patch: LimitsPatch = patch.into();
        self.call(Method::PATCH, &paths::with(paths::KEY_LIMITS, id), &[], Some(&patch), &[]).await
    }
}
