//! Calls about companies, API keys and rate limits (Portal API).

use crate::client::Error;
use crate::client::connection::PlatformClient;
use crate::domain::ids::KeyId;
use crate::wire::keys::{CompanyRow, KeyRow};
use crate::wire::limits::{KeyUsage, LimitDetail};
use crate::wire::page::Page;
use crate::wire::paths;

impl PlatformClient {
    /// Lists the API keys of all companies.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn keys(&self) -> Result<Page<KeyRow>, Error> {
        self.list(paths::KEYS).await
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
}
