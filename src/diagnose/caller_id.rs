//! Identity of the callers of the Integration API.

use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::text::Untrusted;
use crate::wire::requests::RequestRow;

/// Identity of a caller, as far as its calls show it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallerId {
    /// Caller with a key that is in force.
    Key(KeyId),
    /// Caller with a well-formed key that is not in force: the company that the key names, and its last four
    /// characters.
    Claim(CompanyId, String),
    /// Caller without a readable key: its address and user agent.
    Anonymous(String, String),
}

impl CallerId {
    /// Returns the caller of a request.
    #[must_use]
    pub fn of(row: &RequestRow) -> Self {
        let text = |text: &Option<Untrusted>| text.as_ref().map_or_else(String::new, |text| text.raw().to_owned());
        // Where a key looks at its own calls, its number is not known.
        let company = row.claimed_company_id.or(row.company_id);
        let last4 = row.claimed_last4.as_ref().or(row.last4.as_ref());
        match (row.key_id, company, last4) {
            (Some(id), ..) => Self::Key(id),
            (None, Some(company), Some(last4)) => Self::Claim(company, last4.raw().to_owned()),
            _ => Self::Anonymous(text(&row.address), text(&row.user_agent)),
        }
    }
}

/// Names a calling system by its address and user agent.
#[must_use]
pub fn system_name(address: &str, agent: &str) -> String {
    let inert = |text: &str, none: &str| match text {
        "" => none.to_owned(),
        text => Untrusted::new(text).sanitized(),
    };
    format!("{} at {}", inert(agent, "an unnamed caller"), inert(address, "an unknown address"))
}
