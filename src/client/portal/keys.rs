//! Calls about companies, API keys and rate limits (Portal API).

use crate::client::Error;
use crate::client::connection::PlatformClient;
use crate::domain::ids::KeyId;
use crate::wire::keys::{CompanyRow, CreatedKey, KeyRow, LimitsPatch, NewCompany, NewKey, RevokedKey};
use crate::wire::limits::{KeyUsage, LimitDetail};
use crate::wire::page::Page;
use crate::wire::paths;
use reqwest::Method;

impl PlatformClient {
    /// Creates a company with a name.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn create_company(&self, new: &NewCompany) -> Result<CompanyRow, Error> {
        self.post(paths::COMPANIES, new).await
    }

    /// Creates an API key; only this answer carries the key itself.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn create_key(&self, new: &NewKey) -> Result<CreatedKey, Error> {
        self.post(paths::KEYS, new).await
    }

    /// Lists the API keys of all companies.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn keys(&self) -> Result<Page<KeyRow>, Error> {
        self.list(paths::KEYS).await
    }

    /// Revokes an API key permanently; the answer says whether the revocation is on disk.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn revoke_key(&self, id: KeyId) -> Result<RevokedKey, Error> {
        self.post(&paths::with_value(paths::KEY_REVOKE, id), &serde_json::json!({})).await
    }

    /// Lists all companies on the platform.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn companies(&self) -> Result<Page<CompanyRow>, Error> {
        self.list(paths::COMPANIES).await
    }

    /// Reads the routes that a key calls and the scopes that it never used.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn key_usage(&self, id: KeyId) -> Result<KeyUsage, Error> {
        self.get(&paths::with_value(paths::KEY_USAGE, id), &[]).await
    }

    /// Lists all rate windows with their busiest routes and callers, least headroom first.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn limits(&self) -> Result<Page<LimitDetail>, Error> {
        self.list(paths::LIMITS).await
    }

    /// Changes the rate limits of a key, from the next request on.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn limit_key(&self, id: KeyId, patch: impl Into<LimitsPatch>) -> Result<KeyRow, Error> {
        let patch: LimitsPatch = patch.into();
        self.call(Method::PATCH, &paths::with_value(paths::KEY_LIMITS, id), &[], Some(&patch), &[]).await
    }
}
