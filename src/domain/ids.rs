//! Id types: one type per noun, so that the id of a key cannot be passed as the id of a subscription.

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
    /// Id of a company, one tenant of the platform.
    CompanyId,
    /// Id of an API key of a company.
    KeyId,
    /// Id of an operator of the platform.
    OperatorId,
    /// Id of a client; a lead is a client whose status begins with `Lead`.
    ClientId,
    /// Id of an affiliate of a company.
    AffiliateId,
    /// Id of a note on a client.
    NoteId,
    /// Id of an event, increasing in the order of publication.
    EventId,
    /// Id of a webhook subscription.
    SubscriptionId,
    /// Id of a delivery: one event to one subscription.
    DeliveryId,
    /// Id of an attempt: one POST of a delivery.
    AttemptId,
    /// Id of a trip: the breaker disabling a subscription once.
    TripId,
    /// Id of a replay of past deliveries.
    ReplayId,
}
