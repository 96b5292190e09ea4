//! API keys: the five scopes and the form of a key (contract: keys and authentication).

use super::ids::{CompanyId, KeyId};
use super::time::Timestamp;
use super::window::Bucket;
use std::fmt;

/// What a key may do. None implies another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Read events.
    EventsRead,
    /// Manage webhook subscriptions.
    WebhooksWrite,
    /// Search clients and leads.
    IntegrationsRead,
    /// Perform actions.
    IntegrationsWrite,
    /// Publish test events.
    Admin,
}

impl Scope {
    /// All five, in the order of the documentation.
    pub const ALL: [Self; 5] =
        [Self::EventsRead, Self::WebhooksWrite, Self::IntegrationsRead, Self::IntegrationsWrite, Self::Admin];

    /// The name on the wire.
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

    /// The scope of that name, if there is one; names are case-sensitive.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The scopes of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// Whether `scope` was granted.
    #[must_use]
    pub const fn grant(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// The granted scopes in the order of the documentation.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.grant(*scope))
    }

    /// Reads the stored form, one comma-separated string; unknown names are left out.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        text.split(',').filter_map(|name| Scope::named(name.trim())).collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, scope) in self.iter().enumerate() {
            if position > 0 {
                f.write_str(",")?;
            }
            f.write_str(scope.name())?;
        }
        Ok(())
    }
}

/// The number of characters of a key's secret part: 32 random bytes in base64url without padding.
pub const SECRET_LENGTH: usize = 43;

/// Why a text cannot be a key. Never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// White space before or behind it.
    #[error("the key begins or ends with white space; send it without")]
    OuterSpace,
    /// White space or an invisible character within it.
    #[error("the key has white space or a character no key has inside it; copy it again in one piece")]
    InnerSpace,
    /// Not `wlcro_live_…` or `wlcro_…`.
    #[error("a key begins with wlcro_live_ or wlcro_")]
    Prefix,
    /// The part behind the prefix is not a company's number.
    #[error("the part behind the prefix must be the company's number")]
    Company,
    /// The secret part is shorter or longer than 43 characters.
    #[error("the secret part of the key has {found} characters instead of 43; it was cut or extended")]
    Length {
        /// How many there are.
        found: usize,
    },
}

impl Malformed {
    /// The fault that was told in these words, as far as it is one of these.
    #[must_use]
    pub fn told(text: &str) -> Option<Self> {
        let found = text.split_whitespace().find_map(|word| word.parse().ok()).unwrap_or_default();
        let all = [Self::OuterSpace, Self::InnerSpace, Self::Prefix, Self::Company, Self::Length { found }];
        all.into_iter().find(|fault| fault.to_string() == text)
    }
}

/// Where a key was put instead of its header. Fits after `send the key in the header X-Api-Key; `.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misplaced {
    /// In `Authorization`.
    #[error("the Authorization header is not read here")]
    Authorization,
    /// In the URL.
    #[error("a key in the query string is not read, and should be revoked because URLs are logged")]
    Query,
    /// In a header with a name that is nearly right.
    #[error("a header with another name is not read; it is X-Api-Key")]
    OtherHeader,
}

impl Misplaced {
    /// Names of headers that people use by mistake.
    pub const OTHER_HEADERS: [&'static str; 6] =
        ["api-key", "apikey", "x-apikey", "x-api-token", "x-auth-token", "x-key"];

    /// The place that was told at the end of these words, if any was.
    #[must_use]
    pub fn told(text: &str) -> Option<Self> {
        let all = [Self::Authorization, Self::Query, Self::OtherHeader];
        all.into_iter().find(|place| text.ends_with(&place.to_string()))
    }
}

/// Checks the form of a key and returns the company it claims to belong to: `wlcro_live_{company}_{secret}` or `wlcro_{company}_{secret}`.
///
/// # Errors
/// Says what is wrong with the form, without repeating any of it.
pub fn judge(text: &str) -> Result<CompanyId, Malformed> {
    if text.trim() != text {
        return Err(Malformed::OuterSpace);
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Malformed::InnerSpace);
    }
    let rest = text.strip_prefix("wlcro_live_").or_else(|| text.strip_prefix("wlcro_")).ok_or(Malformed::Prefix)?;
    let (company, secret) = rest.split_once('_').ok_or(Malformed::Company)?;
    if company.is_empty() || !company.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Malformed::Company);
    }
    let company = company.parse().map_err(|_| Malformed::Company)?;
    if secret.len() != SECRET_LENGTH {
        return Err(Malformed::Length { found: secret.len() });
    }
    Ok(CompanyId(company))
}

/// A key as the platform keeps it: without the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its number.
    pub id: KeyId,
    /// Whose.
    pub company: CompanyId,
    /// What people call it.
    pub name: String,
    /// Its last four characters.
    pub last4: String,
    /// What it may do; never changes.
    pub scopes: Scopes,
    /// Calls a minute where they differ from the default.
    pub limits: Limits,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last authenticated a call; moves at most once in [`USE_NOTED`].
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked, for good.
    pub revoked_at: Option<Timestamp>,
}

/// How often the last use of a key is noted at most.
pub const USE_NOTED: std::time::Duration = std::time::Duration::from_secs(300);

/// Calls a minute per bucket, where a key has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Of the read bucket.
    pub read: Option<u32>,
    /// Of the write bucket.
    pub write: Option<u32>,
    /// Of the admin bucket.
    pub admin: Option<u32>,
}

impl Limits {
    /// Calls a minute of a bucket.
    #[must_use]
    pub fn of(&self, bucket: Bucket) -> u32 {
        match bucket {
            Bucket::Read => self.read,
            Bucket::Write => self.write,
            Bucket::Admin => self.admin,
        }
        .unwrap_or_else(|| bucket.default_limit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "abc_DEF-0123456789abcdefghijklmnopqrstuvwxy";

    #[test]
    fn both_documented_forms_are_accepted_with_underscores_in_the_secret() {
        assert_eq!(SECRET.len(), SECRET_LENGTH);
        assert_eq!(judge(&format!("wlcro_live_92_{SECRET}")), Ok(CompanyId(92)));
        assert_eq!(judge(&format!("wlcro_92_{SECRET}")), Ok(CompanyId(92)));
    }

    #[test]
    fn each_fault_is_named() {
        let cases = [
            (format!(" wlcro_live_92_{SECRET}"), Malformed::OuterSpace),
            (format!("wlcro_live_92_{SECRET}\n"), Malformed::OuterSpace),
            (format!("wlcro_live_92 _{SECRET}"), Malformed::InnerSpace),
            (format!("wlcro_live_92_\u{200b}{SECRET}"), Malformed::InnerSpace),
            (format!("sk_live_92_{SECRET}"), Malformed::Prefix),
            (format!("wlcro_live_acme_{SECRET}"), Malformed::Company),
            (format!("wlcro_live__{SECRET}"), Malformed::Company),
            (format!("wlcro_live_+92_{SECRET}"), Malformed::Company),
            (format!("wlcro_live_99999999999999999999_{SECRET}"), Malformed::Company),
            ("wlcro_live_92_short".to_owned(), Malformed::Length { found: 5 }),
            (format!("wlcro_live_92_{SECRET}x"), Malformed::Length { found: 44 }),
        ];
        for (text, fault) in cases {
            assert_eq!(judge(&text), Err(fault), "{text:?}");
            assert_eq!(Malformed::told(&fault.to_string()), Some(fault));
        }
    }

    #[test]
    fn scopes_survive_their_stored_form() {
        let scopes: Scopes = [Scope::Admin, Scope::EventsRead].into_iter().collect();
        assert_eq!(scopes.to_string(), "events:read,admin");
        assert_eq!(Scopes::parse("events:read, admin,made:up"), scopes);
        assert!(!scopes.grant(Scope::WebhooksWrite));
    }
}
