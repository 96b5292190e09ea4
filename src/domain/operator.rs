//! Operators: accounts of persons and programs that use the Portal API.

use super::ids::OperatorId;

/// Maximum number of characters of an operator's name.
pub const MAX_OPERATOR_NAME_CHARS: usize = 100;

/// Role of an operator; each role includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OperatorRole {
    /// May read; personal values in payloads are masked.
    Viewer,
    /// May also send tests, enable, disable and publish events.
    Operator,
    /// May also manage keys, companies, limits and operators, and read payloads unmasked.
    Admin,
}

impl OperatorRole {
    /// All three roles, least privileged first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// Name of the role on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// Looks up a role by its wire name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// An operator account, without its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorAccount {
    /// Number of the operator; 0 for the in-memory operator of a standalone process.
    pub id: OperatorId,
    /// Name of the operator in the audit trail.
    pub name: String,
    /// Role that determines what the operator may do.
    pub role: OperatorRole,
}
