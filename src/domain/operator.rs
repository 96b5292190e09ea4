//! Operators: the people and programs that use the Portal API.

use super::ids::OperatorId;

/// What an operator may do; each role includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Read; personal values of payloads are masked.
    Viewer,
    /// Also test, enable, disable, emit.
    Operator,
    /// Also keys, companies, limits, operators, and payloads as they are.
    Admin,
}

impl Role {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// An operator, without the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// Its number; 0 for the one that lives only in the memory of a standalone process.
    pub id: OperatorId,
    /// What the audit calls it.
    pub name: String,
    /// What it may do.
    pub role: Role,
}
