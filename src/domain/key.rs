//! API keys: their scopes, their format and their rate limits. See `docs/internals/contract.md`.

use super::ids::{CompanyId, KeyId};
use super::scope::ScopeSet;
use super::time::Timestamp;
use super::window::RateBucket;
use std::fmt;

impl fmt::Display for ScopeSet {
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

/// Length in characters of the secret part of a key: 32 random bytes in base64url without padding.
pub const KEY_SECRET_LENGTH: usize = 43;

/// Defect of a text that is not a well-formed key, without the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFormatError {
    /// White space before or after the key.
    OuterSpace,
    /// White space or a non-ASCII or invisible character inside the key.
    InnerSpace,
    /// The text does not begin with `wlcro_live_` or `wlcro_`.
    Prefix,
    /// The part after the prefix is not a company number.
    Company,
    /// The secret part is shorter or longer than 43 characters.
    Length {
        /// Actual length of the secret part.
        found: usize,
    },
}

/// Place in which a key was sent instead of the `X-Api-Key` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyMisplacement {
    /// The key is in the `Authorization` header.
    Authorization,
    /// The key is in the query string.
    Query,
    /// The key is in a header with a similar name.
    OtherHeader,
}

impl KeyMisplacement {
    /// All three places in which keys are sent by mistake.
    pub const ALL: [Self; 3] = [Self::Authorization, Self::Query, Self::OtherHeader];

    /// Header names that callers often use by mistake.
    pub const OTHER_HEADERS: [&'static str; 6] =
        ["api-key", "apikey", "x-apikey", "x-api-token", "x-auth-token", "x-key"];

    /// Name of the place on the wire and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authorization => "authorization_header",
            Self::Query => "query_string",
            Self::OtherHeader => "other_header",
        }
    }

    /// Looks up a place by its wire name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|place| place.name() == name)
    }
}

/// Validates the format of a key, `wlcro_live_{company}_{secret}` or `wlcro_{company}_{secret}`, and returns the
/// company it names.
///
/// # Errors
/// [`KeyFormatError`] when the format is wrong.
pub fn parse_key_company(text: &str) -> Result<CompanyId, KeyFormatError> {
    if text.trim() != text {
        return Err(KeyFormatError::OuterSpace);
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(KeyFormatError::InnerSpace);
    }
    let rest =
        text.strip_prefix("wlcro_live_").or_else(|| text.strip_prefix("wlcro_")).ok_or(KeyFormatError::Prefix)?;
    let (company, secret) = rest.split_once('_').ok_or(KeyFormatError::Company)?;
    if company.is_empty() || !company.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(KeyFormatError::Company);
    }
    let company = company.parse().map_err(|_| KeyFormatError::Company)?;
    if secret.len() != KEY_SECRET_LENGTH {
        return Err(KeyFormatError::Length { found: secret.len() });
    }
    Ok(CompanyId(company))
}

/// An API key as stored by the platform, without the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Number of the key, unique on the platform.
    pub id: KeyId,
    /// Company that owns the key.
    pub company: CompanyId,
    /// Display name of the key.
    pub name: String,
    /// Last four characters of the key.
    pub last4: String,
    /// Scopes of the key, fixed at creation.
    pub scopes: ScopeSet,
    /// Rate limits that differ from the defaults.
    pub limits: KeyLimits,
    /// Creation time of the key.
    pub created_at: Timestamp,
    /// Time of the last authenticated call, updated at most once per [`LAST_USED_INTERVAL`].
    pub last_used_at: Option<Timestamp>,
    /// Time of revocation, which is permanent; `None` while active.
    pub revoked_at: Option<Timestamp>,
}

/// Minimum interval between two updates of a key's last use.
pub const LAST_USED_INTERVAL: std::time::Duration = std::time::Duration::from_secs(300);

/// Rate limits of a key in calls per minute; `None` means the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyLimits {
    /// Limit of the read bucket.
    pub read: Option<u32>,
    /// Limit of the write bucket.
    pub write: Option<u32>,
    /// Limit of the admin bucket.
    pub admin: Option<u32>,
}

impl KeyLimits {
    /// Effective limit of a bucket in calls per minute.
    #[must_use]
    pub fn for_bucket(&self, bucket: RateBucket) -> u32 {
        match bucket {
            RateBucket::Read => self.read,
            RateBucket::Write => self.write,
            RateBucket::Admin => self.admin,
        }
        .unwrap_or_else(|| bucket.default_limit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::scope::KeyScope;

    const SECRET: &str = "abc_DEF-0123456789abcdefghijklmnopqrstuvwxy";

    #[test]
    fn both_documented_forms_are_accepted_with_underscores_in_the_secret() {
        assert_eq!(SECRET.len(), KEY_SECRET_LENGTH);
        assert_eq!(parse_key_company(&format!("wlcro_live_92_{SECRET}")), Ok(CompanyId(92)));
        assert_eq!(parse_key_company(&format!("wlcro_92_{SECRET}")), Ok(CompanyId(92)));
    }

    #[test]
    fn each_fault_is_named() {
        let cases = [
            (format!(" wlcro_live_92_{SECRET}"), KeyFormatError::OuterSpace),
            (format!("wlcro_live_92_{SECRET}\n"), KeyFormatError::OuterSpace),
            (format!("wlcro_live_92 _{SECRET}"), KeyFormatError::InnerSpace),
            (format!("wlcro_live_92_\u{200b}{SECRET}"), KeyFormatError::InnerSpace),
            (format!("sk_live_92_{SECRET}"), KeyFormatError::Prefix),
            (format!("wlcro_live_acme_{SECRET}"), KeyFormatError::Company),
            (format!("wlcro_live__{SECRET}"), KeyFormatError::Company),
            (format!("wlcro_live_+92_{SECRET}"), KeyFormatError::Company),
            (format!("wlcro_live_99999999999999999999_{SECRET}"), KeyFormatError::Company),
            ("wlcro_live_92_short".to_owned(), KeyFormatError::Length { found: 5 }),
            (format!("wlcro_live_92_{SECRET}x"), KeyFormatError::Length { found: 44 }),
        ];
        for (text, fault) in cases {
            assert_eq!(parse_key_company(&text), Err(fault), "{text:?}");
        }
    }

    #[test]
    fn scopes_survive_their_stored_form() {
        let scopes: ScopeSet = [KeyScope::Admin, KeyScope::EventsRead].into_iter().collect();
        assert_eq!(scopes.to_string(), "events:read,admin");
        assert_eq!(ScopeSet::parse("events:read, admin,made:up"), scopes);
        assert!(!scopes.contains(KeyScope::WebhooksWrite));
    }
}
