//! Numbers that name things: one type per noun, so that a key's number cannot be passed where a subscription's is meant.

use std::fmt;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

ids! {
    /// A company: one tenant of the platform.
    CompanyId,
    /// An API key of a company.
    KeyId,
    /// An operator of the platform.
    OperatorId,
    /// A client of a company; a lead is a client whose status begins with `Lead`.
    ClientId,
    /// An affiliate of a company.
    AffiliateId,
    /// A note on a client.
    NoteId,
    /// An event; increasing, in the order of publishing.
    EventId,
    /// A webhook subscription.
    SubscriptionId,
    /// One event to one subscription.
    DeliveryId,
    /// One POST of a delivery.
    AttemptId,
    /// The breaker disabling a subscription, once.
    TripId,
    /// A plan that delivers again what was selected.
    ReplayId,
}
