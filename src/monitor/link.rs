//! The state of the link to the platform: a value that becomes another value.

use crate::domain::delivery::Roll;
use crate::domain::time::Timestamp;
use std::time::Duration;

/// How often a healthy platform makes itself heard on the stream.
pub const BEAT: Duration = Duration::from_secs(1);
/// Missed beats after which a picture counts as lagging, and as stale.
pub const MISSED: (u32, u32) = (2, 3);
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// What the header says of the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Nothing was received yet, and nothing failed.
    Connecting,
    /// The platform was heard within two beats.
    Live,
    /// Two beats were missed.
    Lagging,
    /// Three beats were missed; what is shown may have changed.
    Stale,
    /// The platform was reached and said that it is to be left alone for a while: it is busy, or a rate window is full.
    Waiting {
        /// In one line.
        why: String,
        /// When it is asked again.
        until: Timestamp,
    },
    /// The platform cannot be reached or does not let us in.
    Offline {
        /// In one line.
        why: String,
        /// Tries that failed in a row.
        n_tries: u32,
        /// When the next one is made.
        retry_at: Timestamp,
    },
}

impl Link {
    /// The link when the platform was last heard `age` ago and nothing has failed since.
    #[must_use]
    pub fn heard(age: Duration) -> Self {
        Self::heard_every(BEAT, age)
    }

    /// The link to a platform that is asked every `beat`, when it was last heard `age` ago.
    #[must_use]
    pub fn heard_every(beat: Duration, age: Duration) -> Self {
        match age.as_millis() / beat.as_millis().max(1) {
            0..=1 => Self::Live,
            2 => Self::Lagging,
            _ => Self::Stale,
        }
    }

    /// The link after a failure at `now`: each try in a row doubles the wait, up to a cap.
    #[must_use]
    pub fn failed(&self, why: String, now: Timestamp) -> Self {
        let n_tries = match self {
            Self::Offline { n_tries, .. } => n_tries.saturating_add(1),
            _ => 1,
        };
        let wait = Duration::from_millis(250).saturating_mul(1 << (n_tries - 1).min(10)).min(LONGEST_WAIT);
        Self::Offline { why, n_tries, retry_at: now.plus(wait) }
    }

    /// The same with a wait that is up to a tenth longer, so that consoles that failed together do not come back together.
    #[must_use]
    pub fn failed_about(&self, why: String, now: Timestamp, roll: Roll) -> Self {
        match self.failed(why, now) {
            Self::Offline { why, n_tries, retry_at } => {
                let longer = retry_at.since(now).mul_f64(roll.0 / 10.0);
                Self::Offline { why, n_tries, retry_at: retry_at.plus(longer) }
            }
            other => other,
        }
    }

    /// Whether the last call failed.
    #[must_use]
    pub const fn is_trouble(&self) -> bool {
        matches!(self, Self::Offline { .. } | Self::Waiting { .. })
    }

    /// The same trouble, with the next try at another time.
    #[must_use]
    pub fn again_at(&self, at: Timestamp) -> Self {
        match self {
            Self::Offline { why, n_tries, .. } => Self::Offline { why: why.clone(), n_tries: *n_tries, retry_at: at },
            Self::Waiting { why, .. } => Self::Waiting { why: why.clone(), until: at },
            other => other.clone(),
        }
    }

    /// Whether what is shown is as current as the platform's beat.
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
        let at = |ms| Link::heard(Duration::from_millis(ms));
        assert_eq!([at(0), at(1_999)], [Link::Live, Link::Live]);
        assert_eq!(at(2_000), Link::Lagging);
        assert_eq!(at(3_000), Link::Stale);
    }

    #[test]
    fn waits_double_up_to_a_cap() {
        let now = Timestamp::from_millis(0);
        let mut link = Link::Live;
        let mut waits = Vec::new();
        for _ in 0..9 {
            link = link.failed("refused".to_owned(), now);
            let Link::Offline { retry_at, .. } = &link else { panic!("offline") };
            waits.push(retry_at.millis());
        }
        assert_eq!(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
    }
}
