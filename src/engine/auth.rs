//! Authentication of API keys and operator tokens by peppered hash, in memory; the first request after a revocation
//! fails.

use super::handle::Engine;
use crate::domain::ids::OperatorId;
use crate::domain::key::{self, ApiKey, KeyFormatError, LAST_USED_INTERVAL};
use crate::domain::operator::OperatorAccount;
use crate::domain::time::Timestamp;
use crate::domain::window::{RateBucket, RateLimitOutcome};
use std::sync::Arc;

/// Reason why an API key is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRejection {
    /// The text has not the form of a key.
    Malformed(KeyFormatError),
    /// No key has this hash, or the key belongs to another company than its text says.
    Unknown,
    /// The key was revoked earlier.
    Revoked,
}

impl Engine {
    /// Authenticates an API key and records its use.
    ///
    /// # Errors
    /// [`KeyRejection`] with the reason; the key is never repeated.
    pub fn authenticate(&self, text: &str) -> Result<Arc<ApiKey>, KeyRejection> {
        let found = self.identify_key(text)?;
        self.record_key_use(&found);
        Ok(found)
    }

    /// Finds the valid key of a text, for a call that no route takes; it is no use of the key.
    ///
    /// # Errors
    /// [`KeyRejection`] with the reason; the key is never repeated.
    pub fn identify_key(&self, text: &str) -> Result<Arc<ApiKey>, KeyRejection> {
        let company = key::parse_key_company(text).map_err(KeyRejection::Malformed)?;
        let found = self.shared.api_keys.get(&self.shared.vault.hash(text)).ok_or(KeyRejection::Unknown)?;
        if found.company != company {
            return Err(KeyRejection::Unknown);
        }
        if found.revoked_at.is_some() {
            return Err(KeyRejection::Revoked);
        }
        Ok(found)
    }

    /// Finds the operator that an operator token belongs to.
    #[must_use]
    pub fn authenticate_operator(&self, text: &str) -> Option<OperatorAccount> {
        let hash = self.shared.vault.hash(text);
        self.shared.operator_tokens.get(&hash)
    }

    /// Whether an operator has a valid token.
    #[must_use]
    pub fn is_operator(&self, id: OperatorId) -> bool {
        self.shared.operator_tokens.has(id)
    }

    /// Counts a call of a key in the rate window of a bucket, and decides whether the call is admitted.
    #[must_use]
    pub fn admit_call(&self, key: &ApiKey, bucket: RateBucket) -> RateLimitOutcome {
        self.shared.rate_limiter.admit(key.id, bucket, key.limits.for_bucket(bucket), self.shared.ambient.now())
    }

    /// Updates the last use of a key, at most once per five minutes.
    fn record_key_use(&self, key: &ApiKey) {
        let now = self.shared.ambient.now();
        let is_due = |last: Option<Timestamp>| last.is_none_or(|last| now.since(last) >= LAST_USED_INTERVAL);
        if !is_due(key.last_used_at) {
            return;
        }
        self.shared.api_keys.change(key.id, |key| key.last_used_at = Some(now));
        self.shared.request_log.record_key_use(key.id, now);
    }
}
