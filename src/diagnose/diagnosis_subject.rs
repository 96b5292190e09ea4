//! Subject of a diagnosis.

use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Scope of a diagnosis: everything, or one company, key or subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DiagnosisSubject {
    /// Everything on the platform, all companies included.
    All,
    /// One company and all that it owns.
    Company(CompanyId),
    /// One API key of a company.
    Key(KeyId),
    /// One subscription of a company.
    Subscription(SubscriptionId),
}

impl fmt::Display for DiagnosisSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("everything"),
            Self::Company(id) => write!(f, "company {id}"),
            Self::Key(id) => write!(f, "key {id}"),
            Self::Subscription(id) => write!(f, "subscription {id}"),
        }
    }
}
