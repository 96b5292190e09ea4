//! Rate windows, as operators see them.

use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::standing::{WindowFacts, first_refusal_after};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::domain::window::Bucket;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One window of a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitRow {
    /// Whose.
    pub key_id: KeyId,
    /// Of which company.
    pub company_id: CompanyId,
    /// The key's name.
    pub key_name: Untrusted,
    /// The key's last four characters.
    pub last4: Untrusted,
    /// Which of its three.
    pub bucket: Bucket,
    /// Calls allowed a minute.
    pub limit: u32,
    /// Calls admitted in this window.
    pub used: u32,
    /// Calls left.
    pub remaining: u32,
    /// Calls refused in this window.
    pub n_refused: u64,
    /// When this window began.
    pub window_utc: Timestamp,
    /// When the next one begins.
    pub reset_utc: Timestamp,
    /// Calls admitted in each of the 60 minutes before this window, oldest first.
    pub history: Vec<u32>,
}

impl LimitRow {
    /// What a judgement needs.
    #[must_use]
    pub const fn facts(&self) -> WindowFacts {
        WindowFacts { limit: self.limit, used: self.used, n_refused: self.n_refused }
    }

    /// How long until the first refusal at this window's pace; `None` if the window resets first.
    #[must_use]
    pub fn first_refusal_after(&self, now: Timestamp) -> Option<Duration> {
        first_refusal_after(&self.facts(), self.window_utc, self.reset_utc, now)
    }
}
