//! Setup of the simulated company: creates the company, its keys, receivers and subscriptions through the platform's
//! own API.

use super::Error;
use super::cast::{self, Fate, Held, KeyPart, Owner, Part};
use super::receiver::Receiver;
use crate::ambient::RuntimeEnv;
use crate::api::events::NewEvent;
use crate::api::keys::{CreatedKey, NewCompany, NewKey, ShownOnce};
use crate::api::subscriptions::NewSubscription;
use crate::client;
use crate::client::connection::{Client, Credential};
use crate::domain::event::EventType;
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::time::Duration;
use tokio::task::JoinSet;

/// Part of the setup that dates from long ago.
#[derive(Debug)]
pub struct Past {
    /// Number of the simulated company.
    pub company: CompanyId,
    /// Key that the setup revokes later.
    pub retired: KeyId,
}

/// Running receiver with its subscription.
#[derive(Debug, Clone)]
pub struct Placed {
    /// Number of the subscription that sends to the receiver.
    pub subscription: SubscriptionId,
    /// Handle of the running receiver.
    pub receiver: Receiver,
    /// Specification that receiver and subscription were created from.
    pub part: Part,
}

/// Builder of a simulated company.
#[derive(Debug, Clone, Copy)]
pub struct Founder<'a> {
    /// Client of the platform with an admin token.
    pub operator: &'a Client,
    /// Clock of the platform, moved during the setup.
    pub ambient: &'a RuntimeEnv,
}

fn failed(what: &'static str) -> impl FnOnce(client::Error) -> Error {
    move |source| Error::Platform { what, source }
}

impl Founder<'_> {
    /// Creates the company and its oldest keys with the clock set back to the last use of the dormant key. Afterwards
    /// the clock is at the present again.
    ///
    /// # Errors
    /// [`Error::Platform`] when the platform refuses or cannot be reached.
    pub async fn past(&self) -> Result<Past, Error> {
        let present = self.ambient.now();
        self.ambient.set_time(present.minus(Duration::from_secs(cast::DORMANT_DAYS * 86_400)));
        let past = self.founding().await;
        self.ambient.set_time(present);
        self.ambient.reset_time();
        past
    }

    async fn founding(&self) -> Result<Past, Error> {
        let company = NewCompany { name: cast::COMPANY.to_owned() };
        let company = self.operator.create_company(&company).await.map_err(failed("create its company"))?.id;
        let (dormant, _) = self.client(company, &cast::HUBSPOT).await?;
        dormant.events(None, 1).await.map_err(failed("use a key"))?;
        let retired = self.key(company, &cast::RETIRED).await?.row.id;
        Ok(Past { company, retired })
    }

    /// Creates an API key of the company.
    ///
    /// # Errors
    /// [`Error::Platform`] when the platform refuses or cannot be reached.
    pub async fn key(&self, company: CompanyId, part: &KeyPart) -> Result<CreatedKey, Error> {
        let new =
            NewKey { company_id: company, name: part.name.to_owned(), scopes: part.scopes.to_vec(), limits: None };
        self.operator.create_key(&new).await.map_err(failed("create a key"))
    }

    /// Creates an API key and a client that uses the key; returns the client and the key's read limit per minute.
    ///
    /// # Errors
    /// [`Error::Platform`] when the platform refuses or cannot be reached.
    pub async fn client(&self, company: CompanyId, part: &KeyPart) -> Result<(Client, u32), Error> {
        let created = self.key(company, part).await?;
        let credential = Credential::Key(created.key.into_secret());
        let client = Client::new(self.operator.base(), credential);
        Ok((client.map_err(failed("call with a key"))?, created.row.limits.read))
    }

    /// Revokes the key of the retired integration.
    ///
    /// # Errors
    /// [`Error::Platform`] when the platform refuses or cannot be reached.
    pub async fn retire(&self, key: KeyId) -> Result<(), Error> {
        self.operator.revoke_key(key).await.map_err(failed("revoke a key"))?;
        Ok(())
    }

    /// Starts a receiver and creates the subscription for it with the key of `owner`.
    ///
    /// # Errors
    /// [`Error::Listen`] when no local port is free, [`Error::Platform`] when the platform refuses or cannot be
    /// reached.
    pub async fn place(&self, part: Part, owner: &Client, serving: &mut JoinSet<()>) -> Result<Placed, Error> {
        let receiver = Receiver::open(part.path, part.temper, self.ambient.clone(), serving).await?;
        let new = NewSubscription {
            target_url: receiver.url().to_owned(),
            event_types: part.types.iter().map(|kind| kind.name().to_owned()).collect(),
            description: Some(part.description.to_owned()),
            managed_by: match part.owner {
                Owner::Office => None,
                Owner::Zapier => Some("Zapier".to_owned()),
            },
            signing_secret: Some(ShownOnce::new(self.secret_text())),
        };
        let created = owner.create_subscription(&new).await.map_err(failed("subscribe"))?;
        let subscription = created.subscription.id;
        receiver.trust(match part.held {
            Held::Current => created.signing_secret.into_secret(),
            Held::Outdated => Secret::new(self.secret_text()),
        });
        if let Fate::SwitchedOff(reason) = part.fate {
            let reason = Some(reason.to_owned());
            self.operator.disable(subscription, reason).await.map_err(failed("disable a subscription"))?;
        }
        Ok(Placed { subscription, receiver, part })
    }

    fn secret_text(&self) -> String {
        STANDARD.encode(self.ambient.random_bytes::<32>())
    }
}

/// Event to emit as the CRM, with the platform's sample as payload.
#[must_use]
pub const fn happening(company: CompanyId, kind: EventType) -> NewEvent {
    NewEvent { company_id: company, kind, payload: None, metadata: None }
}
