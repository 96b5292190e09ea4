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
    /// A company has no events for longer than usual.
    EventsMissing,
    /// Deliveries are not sent in time.
    DeliveriesOverdue,
    /// The clocks of the platform and this machine differ.
    ClockSkew,
}

impl AlertRule {
    /// All rules, in the order of the kinds of rows.
    pub const ALL: [Self; 16] = [
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
        Self::EventsMissing,
        Self::DeliveriesOverdue,
        Self::ClockSkew,
    ];

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
