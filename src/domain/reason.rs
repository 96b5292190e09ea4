//! Reasons for health statuses: the rule that decided, with the values that it looked at.

use super::disabled_reason::DisabledReason;
use super::event_poll::PollStall;
use super::success_rate::SuccessCounts;
use super::time::Timestamp;
use std::time::Duration;

/// Reason for the health status of a key, a subscription, a rate limit window or the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The key is revoked.
    Revoked {
        /// Time of the revocation.
        at: Timestamp,
    },
    /// Calls with the key were answered with 5xx in the last minute.
    ServerErrors {
        /// Number of such calls.
        n: u64,
    },
    /// Calls with the key were rejected by the rate limit in the last minute.
    RateLimited {
        /// Number of such calls.
        n: u64,
    },
    /// Calls with the key were refused in the last minute, other than by the rate limit.
    CallsRefused {
        /// Number of such calls.
        n: u64,
        /// Number of all calls with the key in the last minute.
        of: u64,
    },
    /// A revoked key is still used.
    RevokedKeyUsed {
        /// Number of refused calls with the key.
        n: u64,
        /// Period in which they were made.
        within: Duration,
    },
    /// Calls without a valid key are refused.
    CallersRefused {
        /// Number of such calls.
        n: u64,
        /// Period in which they were made.
        within: Duration,
    },
    /// The key has been unused for too long.
    Dormant {
        /// Days since the last use, or since the creation of a key that was never used.
        days: u64,
        /// Days from which the rule applies.
        limit: u64,
        /// Whether the key was ever used.
        is_used: bool,
    },
    /// The key is in use, without rejections by the rate limit and without 5xx in the last minute.
    InUse,
    /// The key was never used, and is not dormant yet.
    NeverUsed,
    /// The breaker disabled the subscription.
    Tripped {
        /// Time of the trip, if known.
        at: Option<Timestamp>,
    },
    /// The subscription was disabled by hand.
    Disabled {
        /// Time of the change, if known.
        at: Option<Timestamp>,
        /// Whether a reason was given.
        is_intended: bool,
    },
    /// Deliveries to the subscription fail.
    FailuresInARow {
        /// Number of failures in a row.
        n: u32,
        /// Number from which the rule applies.
        limit: u32,
    },
    /// The success rate of the last hour is low.
    LowSuccess {
        /// Attempts of the last hour.
        hour: SuccessCounts,
        /// Rate in percent below which the rule applies.
        limit: u64,
    },
    /// No delivery to the subscription was attempted yet.
    NeverAttempted,
    /// The success rate of the last hour is good.
    Success {
        /// Attempts of the last hour.
        hour: SuccessCounts,
    },
    /// The last hour has too few attempts for a success rate.
    TooFewAttempts {
        /// Attempts of the last hour.
        hour: SuccessCounts,
        /// Number of failures in a row.
        streak: u32,
    },
    /// The subscription is listed as enabled.
    ListedOn {
        /// Number of failures in a row, if listed.
        streak: Option<u32>,
    },
    /// The subscription is listed as disabled.
    ListedOff {
        /// Cause of the disabling, if listed.
        by: Option<DisabledReason>,
        /// Last time observed enabled and first time observed disabled; `None` if the change was not observed.
        went_off: Option<(Timestamp, Timestamp)>,
    },
    /// The platform rejects the key.
    Rejected {
        /// Reason in the platform's words.
        why: String,
    },
    /// No call made with the key succeeded yet.
    NotCalled,
    /// Calls made with the key succeed.
    CallsSucceed {
        /// Number of scopes not yet known to be granted or missing.
        n_unknown: usize,
    },
    /// The rate limit is exceeded.
    LimitExceeded {
        /// Number of calls rejected in the window.
        n_refused: u64,
        /// Number of calls admitted in the window.
        used: u32,
        /// Limit in calls per minute.
        limit: u32,
    },
    /// Few calls are left in the rate limit window.
    LittleHeadroom {
        /// Number of calls left in the window.
        left: u32,
        /// Limit in calls per minute.
        limit: u32,
    },
    /// Enough calls are left in the rate limit window.
    Headroom {
        /// Number of calls left in the window.
        left: u32,
        /// Limit in calls per minute.
        limit: u32,
    },
    /// No answer was seen in the rate limit window.
    WindowNotSeen,
    /// A poller of events makes no progress.
    PollerStuck {
        /// Fault of its polls.
        fault: PollStall,
        /// Number of polls in a row with the fault.
        n: u64,
        /// Further pollers of the same key without progress.
        n_others: u64,
    },
    /// A company has had no events for longer than usual.
    EventsMissing {
        /// Time since the last event.
        since_last: Duration,
        /// Longest of the recent gaps between events.
        usual_gap: Duration,
    },
    /// Deliveries are not sent in time.
    Overdue {
        /// Delay of the oldest due delivery.
        late: Duration,
        /// Delay above which the rule applies.
        limit: Duration,
    },
    /// The clocks of the platform and of this machine differ.
    ClockSkew {
        /// Difference between the clocks.
        by: Duration,
        /// Difference above which the rule applies.
        limit: Duration,
    },
}
