//! Notices: what the console says for a while, in the line above the footer.

use crate::domain::time::Timestamp;
use std::time::Duration;

/// How long a remark stays.
const STAYS: Duration = Duration::from_secs(4);

/// Something said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Goes by itself.
    Remark {
        /// One line.
        text: String,
        /// When it goes.
        until: Timestamp,
    },
    /// Stays until a key is pressed.
    Trouble {
        /// One line.
        text: String,
    },
}

impl Notice {
    /// Says `text` at `now`.
    #[must_use]
    pub fn remark(text: String, now: Timestamp) -> Self {
        Self::Remark { text, until: now.plus(STAYS) }
    }

    /// Says what went wrong.
    #[must_use]
    pub const fn trouble(text: String) -> Self {
        Self::Trouble { text }
    }

    /// The line.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Remark { text, .. } | Self::Trouble { text } => text,
        }
    }

    /// When it goes by itself.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Remark { until, .. } => Some(*until),
            Self::Trouble { .. } => None,
        }
    }

    /// Whether it has gone at `now`.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until().is_some_and(|until| now >= until)
    }
}
