//! Message in the status line above the footer, with the time at which it disappears.

use crate::domain::time::Timestamp;
use std::time::Duration;

/// Time for which an informational message is shown.
const INFO_DURATION: Duration = Duration::from_secs(4);

/// Message in the status line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusMessage {
    /// Information that disappears by itself.
    Info {
        /// Text of the message, in one line.
        text: String,
        /// Time at which the message disappears.
        until: Timestamp,
    },
    /// Error that stays until a key is pressed.
    Error {
        /// Text of the error, in one line.
        text: String,
    },
}

impl StatusMessage {
    /// Creates an informational message, shown from `now` on.
    #[must_use]
    pub fn info(text: String, now: Timestamp) -> Self {
        Self::Info { text, until: now.plus(INFO_DURATION) }
    }

    /// Creates an error message, shown until a key is pressed.
    #[must_use]
    pub const fn error(text: String) -> Self {
        Self::Error { text }
    }

    /// Text of the message, in one line.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Info { text, .. } | Self::Error { text } => text,
        }
    }

    /// Time at which the message disappears; `None` for an error.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Info { until, .. } => Some(*until),
            Self::Error { .. } => None,
        }
    }

    /// Whether the message is to disappear at `now`.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until().is_some_and(|until| now >= until)
    }
}
