//! Hostile endpoints and hostile targets: what receivers can do to the sender, and where partners would like it to go.

mod bodies;
mod deadline;
mod kept;
mod redirects;
mod replies;
mod targets;
mod tls;

use crate::storage::process::subscription;
use crate::support::names::Names;
use crate::support::platform::{Platform, START};
use crow::client::Error;
use crow::client::connection::PlatformClient;
use crow::clock::RuntimeEnv;
use crow::domain::delivery::RetryPolicy;
use crow::domain::ids::SubscriptionId;
use crow::domain::scope::KeyScope;
use crow::domain::secret::Secret;
use crow::domain::target::TargetPolicy;
use crow::engine::egress::EgressConfig;
use crow::wire::attempts::AttemptDetail;
use crow::wire::changes;
use crow::wire::keys::RequestedLimits;
use crow::wire::subscriptions::TestDelivery;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;

/// A platform, names that are set, and a partner that subscribes without end.
pub(crate) struct Scene {
    pub(crate) platform: Platform,
    pub(crate) names: Arc<Names>,
    operator: PlatformClient,
    partner: PlatformClient,
    key: Secret,
}

impl Scene {
    pub(crate) async fn new(policy: TargetPolicy, ca_files: Vec<PathBuf>) -> Self {
        let names = Arc::new(Names::default());
        let reach = EgressConfig { resolver: Arc::<Names>::clone(&names), ca_files, ..EgressConfig::default() };
        let ambient = RuntimeEnv::scripted(START, 1);
        let platform = Platform::reaching(ambient, RetryPolicy::default(), policy, reach).await;
        let company = platform.company("Acme").await;
        let limits = RequestedLimits { admin: Some(100_000), ..RequestedLimits::default() };
        let key = platform.key_with(&company, &[KeyScope::WebhooksWrite], limits).await;
        let (operator, partner) = (platform.operator(), platform.partner(&key));
        Self { platform, names, operator, partner, key }
    }

    /// Subscribes with a target.
    pub(crate) async fn subscribe(&self, url: &str) -> Result<SubscriptionId, Error> {
        let new = subscription(url);
        Ok(self.partner.create_subscription(&new).await?.subscription.id)
    }

    /// Creates a subscription to a URL, which must be accepted.
    pub(crate) async fn aim(&self, url: &str) -> SubscriptionId {
        self.subscribe(url).await.unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    /// Sends one test and returns its attempt from the log.
    pub(crate) async fn shoot(&self, at: SubscriptionId) -> AttemptDetail {
        self.operator.change(changes::TEST_SUBSCRIPTION.at(at), &TestDelivery::default()).await.expect("a test");
        self.latest(at).await
    }

    /// Sends a test as the partner and returns the answer.
    pub(crate) async fn partner_test(&self, at: SubscriptionId) -> Value {
        let headers = [("x-api-key", self.key.reveal()), ("content-type", "application/json")];
        let path = format!("/api/v1/webhooks/subscriptions/{at}/test");
        let answer = self.platform.call("POST", &path, &headers, Some("{}")).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    /// The latest attempt.
    pub(crate) async fn latest(&self, at: SubscriptionId) -> AttemptDetail {
        let row = self.operator.attempts(Some(at), 1).await.expect("a page").items.remove(0);
        self.operator.attempt(row.id).await.expect("a detail")
    }
}

/// Returns the result of an attempt: the status, or the cause and the reason.
pub(crate) fn came_to(detail: &AttemptDetail) -> String {
    match (detail.row.status_code, &detail.row.cause, &detail.row.error) {
        (Some(status), _, _) => status.to_string(),
        (_, Some(cause), Some(error)) => format!("{}: {}", cause.raw(), error.raw()),
        _ => "nothing".to_owned(),
    }
}
