//! The Portal API: one file per noun.

mod alerts;
mod audit;
mod canaries;
mod keys;
mod logs;
mod masking;
mod metrics;
mod openapi;
mod operators;
mod pages;
mod revisions;
mod secretcheck;
mod silence;
mod stream;

use crate::support::platform::{Answer, Platform};
use crate::support::receiver::{Behaviour, Receiver};
use crow::domain::event::EventType;
use crow::domain::ids::SubscriptionId;
use crow::domain::scope::KeyScope;
use crow::domain::secret::Secret;
use crow::wire::changes;
use crow::wire::events::NewEvent;
use crow::wire::keys::CompanyRow;
use crow::wire::subscriptions::NewSubscription;
use serde_json::Value;

const JSON: (&str, &str) = ("content-type", "application/json");

/// A company with a receiver, a key and an operator's token.
struct Scene {
    platform: Platform,
    company: CompanyRow,
    key: Secret,
    token: Secret,
    receiver: Receiver,
}

impl Scene {
    async fn new() -> Self {
        let platform = Platform::start().await;
        let company = platform.company("Acme").await;
        let key = platform.key(&company, &KeyScope::ALL).await;
        let token = platform.token();
        let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
        Self { platform, company, key, token, receiver }
    }

    async fn subscribe(&self, types: &[&str]) -> SubscriptionId {
        let new = NewSubscription::new(self.receiver.url.clone(), types.iter().copied());
        let created = self.platform.partner(&self.key).create_subscription(&new).await.expect("a subscription");
        created.subscription.id
    }

    async fn delete(&self, id: SubscriptionId) {
        let path = format!("/api/v1/webhooks/subscriptions/{id}");
        let answer = self.platform.call("DELETE", &path, &[("x-api-key", self.key.reveal())], None).await;
        assert_eq!(answer.status, 204);
    }

    async fn emit(&self, kind: EventType) -> i64 {
        let event = NewEvent { company_id: self.company.id, kind, payload: None, metadata: None };
        self.platform.operator().change(&changes::EMIT_EVENT, &event).await.expect("an event").id.0
    }

    /// Waits until the delivery log has `n` attempts.
    async fn attempted(&self, n: usize) {
        let operator = self.platform.operator();
        let count = async || operator.attempts(None, 200).await.expect("a page").items.len();
        self.platform.until("attempts are written down", async || count().await >= n).await;
    }

    async fn call(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        let bearer = format!("Bearer {}", self.token.reveal());
        self.platform.call(method, path, &[JSON, ("authorization", &bearer)], body).await
    }

    /// Returns the answer of the Portal to GET of a path.
    async fn get(&self, path: &str) -> Value {
        let answer = self.call("GET", path, None).await;
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }
}

/// The numbers of the rows of a page.
fn ids(page: &Value) -> Vec<i64> {
    let items = page["items"].as_array().expect("a page");
    items.iter().map(|item| item["id"].as_i64().expect("a number")).collect()
}
