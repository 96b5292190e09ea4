//! Leads: the record and its event in one transaction.

use super::caller::{Caller, Change};
use super::events::{Draft, publish};
use super::{Engine, Error, Fault};
use crate::domain::company::{Client, LEAD_NEW};
use crate::domain::event::EventType;
use crate::domain::ids::{ClientId, CompanyId};
use crate::store;
use serde_json::json;

/// A lead as it was asked for.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Required.
    pub first_name: String,
    /// Required.
    pub last_name: String,
    /// Required.
    pub email: String,
    /// `+`, digits, spaces, dashes, parentheses; at most 32 characters.
    pub phone: Option<String>,
    /// Where it came from.
    pub source: Option<String>,
    /// The partner's own id.
    pub external_id: Option<String>,
}

/// Whether the record was made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It was.
    Now,
    /// The same external id had made it earlier.
    Earlier,
}

impl Engine {
    /// Create Lead: a client with the status `Lead - New` and a `lead.created` event. The same external id again gives the existing record.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming each field, and those of storage.
    pub async fn create_lead(&self, caller: Caller, company: CompanyId, wish: Wish) -> Result<(Client, Made), Error> {
        let faults = judge(&wish);
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        let ambient = self.shared.ambient.clone();
        let schedule = self.shared.settings.schedule;
        let (client, made) = self
            .shared
            .store
            .write(move |connection| {
                if let Some(external_id) = &wish.external_id
                    && let Some(client) = store::clients::by_external_id(connection, company, external_id)?
                {
                    return Ok::<_, Error>((client, Made::Earlier));
                }
                let now = ambient.now();
                let Wish { first_name, last_name, email, phone, source, external_id } = wish;
                let mut client = Client {
                    id: ClientId(0),
                    company,
                    first_name,
                    last_name,
                    email,
                    phone,
                    status: LEAD_NEW,
                    source,
                    external_id,
                    created_at: now,
                };
                client.id = store::clients::insert(connection, &client)?;
                let payload = lead_payload(&client);
                let draft = Draft { company, kind: EventType::LeadCreated, payload: &payload, metadata: None };
                publish(connection, &draft, schedule, now)?;
                let change = Change {
                    action: "create lead",
                    subject: format!("client {}", client.id),
                    before: None,
                    after: Some(client.status.name.to_owned()),
                    reason: None,
                };
                caller.audit(connection, &ambient, change)?;
                Ok((client, Made::Now))
            })
            .await?;
        if made == Made::Now {
            self.ring();
        }
        Ok((client, made))
    }
}

/// The payload of `lead.created` (contract: events).
fn lead_payload(client: &Client) -> String {
    json!({
        "client_id": client.id.0, "first_name": client.first_name, "last_name": client.last_name, "email": client.email,
        "phone": client.phone, "status": client.status.name, "status_id": client.status.id, "source": client.source,
        "created_date": client.created_at.to_rfc3339_seconds(),
    })
    .to_string()
}

fn judge(wish: &Wish) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (field, text) in [("first_name", &wish.first_name), ("last_name", &wish.last_name)] {
        if text.trim().is_empty() || text.chars().count() > 100 {
            faults.push(Fault::new(field, "must have 1 to 100 characters"));
        }
    }
    let at_signs = wish.email.matches('@').count();
    let is_email = at_signs == 1 && !wish.email.starts_with('@') && !wish.email.ends_with('@');
    if !is_email || wish.email.len() > 254 || wish.email.chars().any(|c| c.is_whitespace() || c.is_control()) {
        faults.push(Fault::new("email", "must be an address with one @ and at most 254 characters"));
    }
    let is_phone = |phone: &String| {
        phone.len() <= 32
            && phone.bytes().any(|byte| byte.is_ascii_digit())
            && phone.bytes().all(|byte| byte.is_ascii_digit() || b"+ -()".contains(&byte))
    };
    if wish.phone.as_ref().is_some_and(|phone| !is_phone(phone)) {
        faults.push(Fault::new("phone", "must have digits, +, spaces, dashes and parentheses only, at most 32"));
    }
    for (field, text) in [("source", &wish.source), ("external_id", &wish.external_id)] {
        if text.as_ref().is_some_and(|text| text.is_empty() || text.chars().count() > 200) {
            faults.push(Fault::new(field, "must have 1 to 200 characters"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(email: &str, phone: Option<&str>) -> Wish {
        Wish {
            first_name: "Ada".into(),
            last_name: "Byron".into(),
            email: email.into(),
            phone: phone.map(Into::into),
            ..Wish::default()
        }
    }

    #[test]
    fn every_field_is_named_at_once() {
        let faults = judge(&Wish {
            email: "no".into(),
            phone: Some("call me".into()),
            external_id: Some(String::new()),
            ..Wish::default()
        });
        let fields: Vec<&str> = faults.iter().map(|fault| fault.field).collect();
        assert_eq!(fields, ["first_name", "last_name", "email", "phone", "external_id"]);
        assert_eq!(judge(&wish("ada@example.com", Some("+1 (555) 010-0000"))), []);
        assert_eq!(judge(&wish("a@b@c", None)).len(), 1);
    }
}
