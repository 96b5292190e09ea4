//! Random but repeatable names for leads of the simulated company.

use crate::clock::RuntimeEnv;
use crate::wire::actions::NewLead;

const FIRST_NAMES: [&str; 16] = [
    "Ana", "Björn", "Chidi", "Dolores", "Emre", "Fatima", "Grace", "Hiro", "Inés", "Jamal", "Katya", "Liam", "Mei",
    "Noor", "Oscar", "Zoë",
];
const LAST_NAMES: [&str; 16] = [
    "Almeida", "Brown", "Carter", "Dubois", "Eriksen", "Fischer", "García", "Haddad", "Ito", "Jones", "Kowalski",
    "López", "Murphy", "Nguyen", "O'Neil", "山本",
];

/// Lead from `source` with a random name and a unique email address.
#[must_use]
pub fn lead(ambient: &RuntimeEnv, source: &str) -> NewLead {
    let id = ambient.ulid();
    let first = FIRST_NAMES[ambient.random_below(FIRST_NAMES.len())];
    let last = LAST_NAMES[ambient.random_below(LAST_NAMES.len())];
    NewLead {
        first_name: first.to_owned(),
        last_name: last.to_owned(),
        email: format!("lead-{}@example.com", id.to_ascii_lowercase()),
        phone: Some(format!("+1 555 01{:02} {:04}", ambient.random_below(100), ambient.random_below(10_000))),
        source: Some(source.to_owned()),
        external_id: Some(id),
        ..NewLead::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn leads_never_share_an_address_or_an_external_id() {
        let ambient = RuntimeEnv::scripted(Timestamp::from_millis(0), 1);
        let (one, other) = (lead(&ambient, "n8n"), lead(&ambient, "n8n"));
        assert_ne!(one.email, other.email);
        assert_ne!(one.external_id, other.external_id);
        assert_eq!(one.email.matches('@').count(), 1);
        assert!(one.email.len() <= 254);
    }
}
