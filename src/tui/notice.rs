//! Messages in the status line above the footer.

use crate::domain::time::Timestamp;
use std::time::Duration;

/// Time for which an informational message is shown.
const STAYS: Duration = Duration::from_secs(4);

/// Message in the status line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Information that disappears by itself.
    Remark {
        /// Text of the message, in one line.
        text: String,
        /// Time at which the message disappears.
        until: Timestamp,
    },
    /// Error that stays until a key is pressed.
    Trouble {
        /// Text of the error, in one line.
        text: String,
    },
}

impl Notice {
    /// Creates an informational message, shown from `now` on.
    #[must_use]
    pub fn remark(text: String, now: Timestamp) -> Self {
        Self::Remark { text, until: now.plus(STAYS) }
    }

    /// Creates an error message, shown until a key is pressed.
    #[must_use]
    pub const fn trouble(text: String) -> Self {
        Self::Trouble { text }
    }

    /// Text of the message, in one line.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Remark { text, .. } | Self::Trouble { text } => text,
        }
    }

    /// Time at which the message disappears; `None` for an error.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Remark { until, .. } => Some(*until),
            Self::Trouble { .. } => None,
        }
    }

    /// Whether the message is to disappear at `now`.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until().is_some_and(|until| now >= until)
    }
}
