//! Setup of the simulated company: creates the company, its keys, receivers and subscriptions through the platform's
//! own API.

use super::Error;
use super::fixtures::{self, InitialState, KeySpec, ReceiverSpec, SecretVersion, SubscriptionOwner};
use super::receiver::WebhookReceiver;
use crate::client;
use crate::client::connection::{ClientCredential, PlatformClient};
use crate::clock::RuntimeEnv;
use crate::domain::event::EventType;
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::secret::Secret;
use crate::domain::window::RateBucket;
use crate::wire::changes::{self, NoBody};
use crate::wire::events::NewEvent;
use crate::wire::keys::{CreatedKey, NewCompany, NewKey, OneTimeSecret};
use crate::wire::subscriptions::{DisableSubscription, NewSubscription};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::time::Duration;
use tokio::task::JoinSet;

/// Part of the setup that dates from long ago.
#[derive(Debug)]
pub struct InitialCompany {
    /// Number of the simulated company.
    pub company: CompanyId,
    /// Key that the setup revokes later.
    pub retired: KeyId,
}

/// Running receiver with its subscription.
#[derive(Debug, Clone)]
pub struct InstalledReceiver {
    /// Number of the subscription that sends to the receiver.
    pub subscription: SubscriptionId,
    /// Handle of the running receiver.
    pub receiver: WebhookReceiver,
    /// Specification that receiver and subscription were created from.
    pub spec: ReceiverSpec,
}

/// Builder of a simulated company.
#[derive(Debug, Clone, Copy)]
pub struct CompanyBuilder<'a> {
    /// Client of the platform with an admin token.
    pub operator: &'a PlatformClient,
    /// Clock of the platform, moved during the setup.
    pub ambient: &'a RuntimeEnv,
}

fn platform_error(what: &'static str) -> impl FnOnce(client::Error) -> Error {
    move |source| Error::Platform { what, source }
}

impl CompanyBuilder<'_> {
    /// Creates the company and its oldest keys with the clock set back to the last use of the dormant key. Afterwards
    /// the clock is at the present again.
    ///
    /// # Errors
    /// [`Error::Platform`] when the platform refuses or cannot be reached.
    pub async fn create_with_history(&self) -> Result<InitialCompany, Error> {
        let present = self.ambient.now();
        self.ambient.set_time(present.minus(Duration::from_secs(fixtures::DORMANT_DAYS * 86_400)));
        let past = self.create_oldest_records().await;
        self.ambient.set_time(present);
        self.ambient.reset_time();
        past
    }

    async fn create_oldest_records(&self) -> Result<InitialCompany, Error> {
        let company = NewCompany { name: fixtures::COMPANY_NAME.to_owned() };
        let company = self
            .operator
            .change(&changes::CREATE_COMPANY, &company)
            .await
            .map_err(platform_error("create its company"))?
            .id;
        let (dormant, _) = self.create_client(company, &fixtures::HUBSPOT).await?;
        dormant.events(None, 1).await.map_err(platform_error("use a key"))?;
        let retired = self.create_key(company, &fixtures::RETIRED).await?.row.id;
        Ok(InitialCompany { company, retired })
    }

    /// Creates an API key of the company.
    ///
    /// # Errors
    /// [`Error::Platform`] when the platform refuses or cannot be reached.
    pub async fn create_key(&self, company: CompanyId, part: &KeySpec) -> Result<CreatedKey, Error> {
        let new =
            NewKey { company_id: company, name: part.name.to_owned(), scopes: part.scopes.to_vec(), limits: None };
        self.operator.change(&changes::CREATE_KEY, &new).await.map_err(platform_error("create a key"))
    }

    /// Creates an API key and a client that uses the key; returns the client and the key's read limit per minute.
    ///
    /// # Errors
    /// [`Error::Platform`] when the platform refuses or cannot be reached.
    pub async fn create_client(&self, company: CompanyId, part: &KeySpec) -> Result<(PlatformClient, u32), Error> {
        let created = self.create_key(company, part).await?;
        let credential = ClientCredential::Key(created.key.into_secret());
        let client = PlatformClient::new(self.operator.base(), credential);
        Ok((
            client.map_err(platform_error("call with a key"))?,
            created.row.limits.map_or(RateBucket::Read.default_limit(), |limits| limits.read),
        ))
    }

    /// Revokes the key of the retired integration.
    ///
    /// # Errors
    /// [`Error::Platform`] when the platform refuses or cannot be reached.
    pub async fn revoke_retired(&self, key: KeyId) -> Result<(), Error> {
        self.operator.change(changes::REVOKE_KEY.at(key), &NoBody {}).await.map_err(platform_error("revoke a key"))?;
        Ok(())
    }

    /// Starts a receiver and creates the subscription for it with the key of `owner`.
    ///
    /// # Errors
    /// [`Error::Listen`] when no local port is free, [`Error::Platform`] when the platform refuses or cannot be
    /// reached.
    pub async fn install_receiver(
        &self,
        part: ReceiverSpec,
        owner: &PlatformClient,
        serving: &mut JoinSet<()>,
    ) -> Result<InstalledReceiver, Error> {
        let receiver = WebhookReceiver::open(part.path, part.behaviour, self.ambient.clone(), serving).await?;
        let new = NewSubscription {
            description: Some(part.description.to_owned()),
            managed_by: match part.owner {
                SubscriptionOwner::Office => None,
                SubscriptionOwner::Zapier => Some("Zapier".to_owned()),
            },
            signing_secret: Some(OneTimeSecret::new(self.secret_text())),
            ..NewSubscription::new(receiver.url(), part.types.iter().map(|kind| kind.name()))
        };
        let created = owner.create_subscription(&new).await.map_err(platform_error("subscribe"))?;
        let subscription = created.subscription.id;
        receiver.set_secret(match part.secret_version {
            SecretVersion::Current => created.signing_secret.into_secret(),
            SecretVersion::Outdated => Secret::new(self.secret_text()),
        });
        if let InitialState::Disabled(reason) = part.initial_state {
            self.operator
                .change(changes::DISABLE_SUBSCRIPTION.at(subscription), &DisableSubscription::because(reason))
                .await
                .map_err(platform_error("disable a subscription"))?;
        }
        Ok(InstalledReceiver { subscription, receiver, spec: part })
    }

    fn secret_text(&self) -> String {
        STANDARD.encode(self.ambient.random_bytes::<32>())
    }
}

/// Event to emit as the CRM, with the platform's sample as payload.
#[must_use]
pub const fn crm_event(company: CompanyId, kind: EventType) -> NewEvent {
    NewEvent { company_id: company, kind, payload: None, metadata: None }
}
