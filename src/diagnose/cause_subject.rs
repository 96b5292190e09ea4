//! Thing that a cause concerns.

use super::caller_id::CallerId;
use crate::domain::ids::{CompanyId, SubscriptionId};

/// Thing that a cause concerns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CauseSubject {
    /// The platform itself, without a subject.
    Platform,
    /// A company as a whole.
    Company(CompanyId),
    /// A caller, with or without a key in force.
    Caller(CallerId),
    /// A subscription and its endpoint.
    Subscription(SubscriptionId),
}
