//! Scopes of keys, which say what calls a key may make.

use std::fmt;

/// Permission of an API key. No scope implies another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyScope {
    /// Permission to poll a company's events.
    EventsRead,
    /// Permission to manage webhook subscriptions.
    WebhooksWrite,
    /// Permission to search clients and leads.
    IntegrationsRead,
    /// Permission to create and change records.
    IntegrationsWrite,
    /// Permission to publish test events.
    Admin,
}

impl KeyScope {
    /// All five scopes, in the order of the documentation.
    pub const ALL: [Self; 5] =
        [Self::EventsRead, Self::WebhooksWrite, Self::IntegrationsRead, Self::IntegrationsWrite, Self::Admin];

    /// Name of the scope on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EventsRead => "events:read",
            Self::WebhooksWrite => "webhooks:write",
            Self::IntegrationsRead => "integrations:read",
            Self::IntegrationsWrite => "integrations:write",
            Self::Admin => "admin",
        }
    }

    /// Looks up a scope by its case-sensitive wire name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for KeyScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Set of scopes of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScopeSet(u8);

impl ScopeSet {
    /// Returns whether the set contains `scope`.
    #[must_use]
    pub const fn contains(self, scope: KeyScope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Iterates over the granted scopes in the order of the documentation.
    pub fn iter(self) -> impl Iterator<Item = KeyScope> {
        KeyScope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }

    /// Parses the stored form, one comma-separated string; unknown names are ignored.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        text.split(',').filter_map(|name| KeyScope::named(name.trim())).collect()
    }
}

impl FromIterator<KeyScope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = KeyScope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}
