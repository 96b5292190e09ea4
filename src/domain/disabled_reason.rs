//! Why a subscription is off.

/// Reason for which a subscription is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisabledReason {
    /// Disabled by an operator or partner.
    Manual,
    /// Disabled by the breaker after repeated failures.
    Breaker,
}

impl DisabledReason {
    /// Both reasons for a disabled subscription.
    pub const ALL: [Self; 2] = [Self::Manual, Self::Breaker];

    /// Name of the reason on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Breaker => "circuit_breaker",
        }
    }

    /// Looks up a reason by its wire name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}
