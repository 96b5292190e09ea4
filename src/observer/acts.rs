//! Acts on an observed platform that a key can do: tests, changes and deletion of subscriptions, test events. Each is
//! one call with a key of the company, within its budget.

use super::handle::PlatformObserver;
use super::keyed_client::{ApiCall, CallFailure, KeyClient};
use crate::client::integration::answer::RawAnswer;
use crate::client::integration::partner;
use crate::domain::event::EventType;
use crate::domain::ids::{CompanyId, SubscriptionId};
use crate::domain::scope::KeyScope;
use crate::domain::time::Timestamp;
use crate::domain::window::RateBucket;
use crate::history::HistoryError;
use crate::history::listings::ListedRow;
use crate::history::observations::{ListingOrigin, StoredEvent};
use crate::wire::events::{Envelope, TestEvent};
use crate::wire::paths;
use crate::wire::requests::OwnCallKind;
use crate::wire::subscriptions::{TestDelivery, TestResult};
use reqwest::Method;
use serde::Serialize;
use serde_json::value::RawValue;
use std::time::Duration;

/// Reason why an act was not done.
#[derive(Debug)]
pub enum ActFailure {
    /// The subscription is not among those listed.
    NotListed(SubscriptionId),
    /// No key of the profile for this company may have the scope.
    NoKey(CompanyId, KeyScope),
    /// The call to the platform failed.
    Call(CallFailure),
    /// The platform did it, but its answer cannot be read.
    Unreadable(String),
}

impl From<HistoryError> for ActFailure {
    fn from(error: HistoryError) -> Self {
        Self::Call(CallFailure::Storage(error))
    }
}

/// Call that an operator asked for.
struct ActCall {
    method: Method,
    route: &'static str,
    bucket: RateBucket,
    body: Option<Vec<u8>>,
}

impl ActCall {
    fn new(method: Method, route: &'static str, bucket: RateBucket) -> Self {
        Self { method, route, bucket, body: None }
    }

    fn with_body(self, body: &impl Serialize) -> Self {
        Self { body: serde_json::to_vec(body).ok(), ..self }
    }
}

impl PlatformObserver {
    /// Sends a test delivery to a subscription.
    ///
    /// # Errors
    ///
    /// [`ActFailure`] that says why the test was not sent.
    pub async fn send_test(&self, id: SubscriptionId, wish: &TestDelivery) -> Result<TestResult, ActFailure> {
        let call = ActCall::new(Method::POST, paths::SUBSCRIPTION_TEST, RateBucket::Admin).with_body(wish);
        let (_, answer) = self.call_for_subscription(id, call).await?;
        partner::read_test_result(&answer.body).map_err(ActFailure::Unreadable)
    }

    /// Enables or disables a subscription, and stores the state that the platform then shows.
    ///
    /// # Errors
    ///
    /// [`ActFailure`] that says why the subscription was not changed.
    pub async fn set_enabled(&self, id: SubscriptionId, is_enabled: bool) -> Result<(), ActFailure> {
        let call = ActCall::new(Method::PATCH, paths::SUBSCRIPTION, RateBucket::Admin)
            .with_body(&serde_json::json!({ "isEnabled": is_enabled }));
        let (company, answer) = self.call_for_subscription(id, call).await?;
        if !self.store_subscription(id, company, &answer).await? {
            // The answer does not show the subscription, so it is read; if that fails too, the next listing shows it.
            let read = ActCall::new(Method::GET, paths::SUBSCRIPTION, RateBucket::Read);
            match self.call_for_subscription(id, read).await {
                Ok((_, answer)) => _ = self.store_subscription(id, company, &answer).await?,
                Err(failure) => tracing::debug!(?failure, "the changed subscription could not be read"),
            }
        }
        self.board().request_refresh();
        Ok(())
    }

    /// Deletes a subscription.
    ///
    /// # Errors
    ///
    /// [`ActFailure`] that says why the subscription was not deleted.
    pub async fn delete_subscription(&self, id: SubscriptionId) -> Result<(), ActFailure> {
        let call = ActCall::new(Method::DELETE, paths::SUBSCRIPTION, RateBucket::Write);
        self.call_for_subscription(id, call).await?;
        self.history().delete_subscription(id).await?;
        self.board().request_refresh();
        Ok(())
    }

    /// Publishes a test event of a company.
    ///
    /// # Errors
    ///
    /// [`ActFailure`] that says why the event was not published.
    pub async fn publish_test(
        &self,
        company: CompanyId,
        event_type: EventType,
        payload: Option<Box<RawValue>>,
    ) -> Result<Envelope, ActFailure> {
        let call = ActCall::new(Method::POST, paths::EVENTS_TEST, RateBucket::Admin)
            .with_body(&TestEvent { event_type, payload });
        let answer = self.act(company, KeyScope::Admin, call, paths::EVENTS_TEST.to_owned()).await?;
        let (event, envelope) = partner::read_envelope(&answer.body, company).map_err(ActFailure::Unreadable)?;
        let event = StoredEvent {
            id: event.id,
            kind: event.kind,
            created_at: event.created_at,
            company: event.company,
            envelope: event.envelope,
        };
        self.history().record_published_event(event, self.ambient().now()).await?;
        self.board().request_refresh();
        Ok(envelope)
    }

    /// Stores a subscription as an answer about it alone shows it; whether the answer can be read.
    async fn store_subscription(
        &self,
        id: SubscriptionId,
        company: CompanyId,
        answer: &RawAnswer,
    ) -> Result<bool, HistoryError> {
        let text = answer.text();
        let raw: Option<&RawValue> = serde_json::from_str(&text).ok();
        let read = raw.and_then(|raw| Some((raw, partner::read_subscription(raw, company).ok()?)));
        let Some((raw, read)) = read.filter(|(_, read)| read.id == id) else { return Ok(false) };
        let row = ListedRow {
            id,
            company: read.company_id,
            target: read.target_url,
            is_enabled: read.is_enabled,
            document: raw.get().to_owned(),
        };
        let told = ListingOrigin {
            purpose: format!("subscriptions:{company}"),
            at: self.ambient().now(),
            max_gap: Duration::ZERO,
        };
        self.history().record_one_subscription(told, row).await?;
        Ok(true)
    }

    async fn call_for_subscription(
        &self,
        id: SubscriptionId,
        call: ActCall,
    ) -> Result<(CompanyId, RawAnswer), ActFailure> {
        let company = self.history().owner(id).await?.ok_or(ActFailure::NotListed(id))?;
        let path = paths::with_value(call.route, id);
        let answer = self.act(company, KeyScope::WebhooksWrite, call, path).await?;
        Ok((company, answer))
    }

    /// Makes a call with the key of the company that may have the scope and has the most room.
    async fn act(
        &self,
        company: CompanyId,
        scope: KeyScope,
        call: ActCall,
        path: String,
    ) -> Result<RawAnswer, ActFailure> {
        let found = self.calls().best_key(company, scope, call.bucket).await?;
        let (holder, _): (&KeyClient, u32) = found.ok_or(ActFailure::NoKey(company, scope))?;
        let call = ApiCall {
            purpose: format!("act:{} {path}", call.method),
            kind: OwnCallKind::Act,
            interval: Duration::ZERO,
            retry_interval: Duration::ZERO,
            bucket: call.bucket,
            method: call.method,
            route: call.route,
            path,
            query: Vec::new(),
            body: call.body,
        };
        self.calls().call(holder, &call).await.map_err(ActFailure::Call)
    }
}

impl ActFailure {
    /// Formats the reason in one line, for the operator.
    #[must_use]
    pub fn line(&self, now: Timestamp) -> String {
        match self {
            Self::NotListed(id) => format!("subscription {id} is not listed"),
            Self::NoKey(company, scope) => format!("no key of the profile for company {company} has {scope}"),
            Self::Call(failure) => failure.line(now),
            Self::Unreadable(why) => format!("the platform did it, but its answer cannot be read: {why}"),
        }
    }
}
