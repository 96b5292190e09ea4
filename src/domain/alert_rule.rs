//! Rules that colour a row or raise an alert, as a closed list. Each reason of a health status belongs to one rule, or
//! says that all is well.

use super::reason::Reason;

/// Rule that can colour a row or raise an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertRule {
    /// Calls of a key are answered with 5xx.
    ServerErrors,
    /// Calls of a key are refused by the rate limit.
    RateLimited,
    /// All calls of a key, or a large share of them, are refused for another reason.
    CallsRefused,
    /// A revoked key is still used.
    RevokedKeyUsed,
    /// Calls without a valid key are refused.
    CallersRefused,
    /// A key is unused for long.
    KeyDormant,
    /// The platform rejects a key that crow calls with.
    KeyRejected,
    /// The breaker disabled a subscription.
    BreakerTripped,
    /// A subscription was disabled by hand without a reason.
    SubscriptionDisabled,
    /// Deliveries to a subscription fail in a row.
    FailuresInARow,
    /// The success rate of a subscription is low.
    LowSuccess,
    /// A rate limit is exceeded.
    LimitExceeded,
    /// Few calls are left of a rate limit.
    LittleHeadroom,
    /// A poller of events makes no progress.
    PollerStuck,
    /// A company has no events for longer than usual.
    EventsMissing,
    /// Deliveries are not sent in time.
    DeliveriesOverdue,
    /// The clocks of the platform and this machine differ.
    ClockSkew,
}

impl AlertRule {
    /// All rules, in the order of the kinds of rows.
    pub const ALL: [Self; 17] = [
        Self::ServerErrors,
        Self::RateLimited,
        Self::CallsRefused,
        Self::RevokedKeyUsed,
        Self::CallersRefused,
        Self::KeyDormant,
        Self::KeyRejected,
        Self::BreakerTripped,
        Self::SubscriptionDisabled,
        Self::FailuresInARow,
        Self::LowSuccess,
        Self::LimitExceeded,
        Self::LittleHeadroom,
        Self::PollerStuck,
        Self::EventsMissing,
        Self::DeliveriesOverdue,
        Self::ClockSkew,
    ];

    /// Returns the name of the rule in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ServerErrors => "server_errors",
            Self::RateLimited => "rate_limited",
            Self::CallsRefused => "calls_refused",
            Self::RevokedKeyUsed => "revoked_key_used",
            Self::CallersRefused => "callers_refused",
            Self::KeyDormant => "key_dormant",
            Self::KeyRejected => "key_rejected",
            Self::BreakerTripped => "breaker_tripped",
            Self::SubscriptionDisabled => "subscription_disabled",
            Self::FailuresInARow => "failures_in_a_row",
            Self::LowSuccess => "low_success",
            Self::LimitExceeded => "limit_exceeded",
            Self::LittleHeadroom => "little_headroom",
            Self::PollerStuck => "poller_stuck",
            Self::EventsMissing => "events_missing",
            Self::DeliveriesOverdue => "deliveries_overdue",
            Self::ClockSkew => "clock_skew",
        }
    }

    /// Reason why the metrics of a platform have no value for the rule; `None` if they have one.
    #[must_use]
    pub const fn unmeasured_because(self) -> Option<&'static str> {
        match self {
            Self::KeyRejected => Some("only crow observing another platform has a key that can be rejected"),
            Self::ClockSkew => Some("a difference needs a second clock; crow check clock measures it"),
            _ => None,
        }
    }

    /// Whether the rule finds a fault, which a playbook explains; an unused key is none.
    #[must_use]
    pub const fn is_fault(self) -> bool {
        !matches!(self, Self::KeyDormant)
    }

    /// Returns the rule that a reason belongs to; `None` for reasons that colour no row.
    #[must_use]
    pub const fn of(reason: &Reason) -> Option<Self> {
        Some(match reason {
            Reason::ServerErrors { .. } => Self::ServerErrors,
            Reason::RateLimited { .. } => Self::RateLimited,
            Reason::CallsRefused { .. } => Self::CallsRefused,
            Reason::RevokedKeyUsed { .. } => Self::RevokedKeyUsed,
            Reason::CallersRefused { .. } => Self::CallersRefused,
            Reason::Dormant { .. } => Self::KeyDormant,
            Reason::Rejected { .. } => Self::KeyRejected,
            Reason::Tripped { .. } => Self::BreakerTripped,
            Reason::Disabled { .. } | Reason::ListedOff { .. } => Self::SubscriptionDisabled,
            Reason::FailuresInARow { .. } => Self::FailuresInARow,
            Reason::LowSuccess { .. } => Self::LowSuccess,
            Reason::LimitExceeded { .. } => Self::LimitExceeded,
            Reason::LittleHeadroom { .. } => Self::LittleHeadroom,
            Reason::PollerStuck { .. } => Self::PollerStuck,
            Reason::EventsMissing { .. } => Self::EventsMissing,
            Reason::Overdue { .. } => Self::DeliveriesOverdue,
            Reason::ClockSkew { .. } => Self::ClockSkew,
            Reason::Revoked { .. }
            | Reason::InUse
            | Reason::NeverUsed
            | Reason::NeverAttempted
            | Reason::Success { .. }
            | Reason::TooFewAttempts { .. }
            | Reason::ListedOn { .. }
            | Reason::NotCalled
            | Reason::CallsSucceed { .. }
            | Reason::Headroom { .. }
            | Reason::WindowNotSeen => return None,
        })
    }
}
