//! State of the link to the platform, as a pure state machine.

use crate::domain::time::Timestamp;
use std::time::Duration;

/// Interval at which a healthy platform sends a heartbeat on the stream.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);
/// Missed heartbeats after which a snapshot counts as lagging, and as stale.
pub const MISSED_HEARTBEATS: (u32, u32) = (2, 3);
/// Maximum delay between two tries.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(15);

/// State of the link, as the console's header shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    /// Nothing was received yet, and nothing failed.
    Connecting,
    /// The platform was heard within two heartbeats.
    Live,
    /// Two heartbeats were missed in a row.
    Lagging,
    /// Three heartbeats were missed; the data shown may be out of date.
    Stale,
    /// The platform was reached and asked the console to wait: it is busy, or a rate limit is used up.
    Waiting {
        /// Reason for the wait, in one line.
        why: String,
        /// Time of the next request.
        until: Timestamp,
    },
    /// The platform cannot be reached, or refuses the credential.
    Offline {
        /// Reason for the failure, in one line.
        why: String,
        /// Number of failed tries in a row.
        n_tries: u32,
        /// Time of the next try.
        retry_at: Timestamp,
    },
}

impl LinkState {
    /// Returns the state when the platform was last heard `age` ago and nothing has failed since.
    #[must_use]
    pub fn at_age(age: Duration) -> Self {
        Self::at_age_polled_every(HEARTBEAT_INTERVAL, age)
    }

    /// Returns the state for a platform that is polled every `beat`, when it was last heard `age` ago.
    #[must_use]
    pub fn at_age_polled_every(beat: Duration, age: Duration) -> Self {
        match age.as_millis() / beat.as_millis().max(1) {
            0..=1 => Self::Live,
            2 => Self::Lagging,
            _ => Self::Stale,
        }
    }

    /// Returns the state after a failure at `now`. The delay begins at 250 ms and doubles with each failure in a row,
    /// up to 15 s.
    #[must_use]
    pub fn after_failure(&self, why: String, now: Timestamp) -> Self {
        let n_tries = match self {
            Self::Offline { n_tries, .. } => n_tries.saturating_add(1),
            _ => 1,
        };
        let wait = Duration::from_millis(250).saturating_mul(1 << (n_tries - 1).min(10)).min(MAX_RETRY_DELAY);
        Self::Offline { why, n_tries, retry_at: now.plus(wait) }
    }

    /// Name of the state, as the history stores it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Live => "live",
            Self::Lagging => "lagging",
            Self::Stale => "stale",
            Self::Waiting { .. } => "waiting",
            Self::Offline { .. } => "offline",
        }
    }

    /// Reason of a failure or a wait, in one line.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Waiting { why, .. } | Self::Offline { why, .. } => Some(why.clone()),
            Self::Connecting | Self::Live | Self::Lagging | Self::Stale => None,
        }
    }

    /// Checks whether the platform was heard within two heartbeats.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Live)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_missed_beats_make_a_picture_stale() {
        let at = |ms| LinkState::at_age(Duration::from_millis(ms));
        assert_eq!([at(0), at(1_999)], [LinkState::Live, LinkState::Live]);
        assert_eq!(at(2_000), LinkState::Lagging);
        assert_eq!(at(3_000), LinkState::Stale);
    }

    #[test]
    fn waits_double_up_to_a_cap() {
        let now = Timestamp::from_millis(0);
        let mut link = LinkState::Live;
        let mut waits = Vec::new();
        for _ in 0..9 {
            link = link.after_failure("refused".to_owned(), now);
            let LinkState::Offline { retry_at, .. } = &link else { panic!("offline") };
            waits.push(retry_at.millis());
        }
        assert_eq!(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
    }
}
