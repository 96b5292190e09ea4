//! Simulated company: set up completely, then active until stopped.

use super::Error;
use super::calls::CallStats;
use super::fixtures::{self, SubscriptionOwner};
use super::receiver::WebhookReceiver;
use super::schedule::SpeedFactor;
use super::seed::{CompanyBuilder, InstalledReceiver};
use super::traffic::TrafficGenerator;
use crate::client::connection::PlatformClient;
use crate::clock::RuntimeEnv;
use crate::domain::ids::CompanyId;
use crate::domain::secret::Secret;
use tokio::task::JoinSet;

/// Parameters of a simulated company.
#[derive(Debug)]
pub struct CompanySetup {
    /// Client with an admin token; the platform must permit private targets.
    pub operator: PlatformClient,
    /// Clock and random source shared with the platform; the setup moves the clock.
    pub ambient: RuntimeEnv,
    /// Speed factor of the company's traffic.
    pub speed: SpeedFactor,
}

/// Simulated company with keys, subscriptions and running receivers.
#[derive(Debug)]
pub struct SimulatedCompany {
    traffic: TrafficGenerator,
    receivers: Vec<InstalledReceiver>,
    spare_key: Secret,
    serving: JoinSet<()>,
}

/// Sets up a company. Its receivers answer at once; traffic begins with [`SimulatedCompany::generate_traffic`].
///
/// # Errors
/// [`Error::Listen`] when no local port is free, [`Error::Platform`] when the platform refuses or cannot be reached;
/// records created before remain.
pub async fn open(setup: CompanySetup) -> Result<SimulatedCompany, Error> {
    let CompanySetup { operator, ambient, speed: pace } = setup;
    let founder = CompanyBuilder { operator: &operator, ambient: &ambient };
    let past = founder.create_with_history().await?;
    let company = past.company;
    founder.revoke_retired(past.retired).await?;
    let (zapier, read_limit) = founder.create_client(company, &fixtures::ZAPIER).await?;
    let (n8n, _) = founder.create_client(company, &fixtures::N8N).await?;
    let (forms, _) = founder.create_client(company, &fixtures::FORMS).await?;
    let (office, _) = founder.create_client(company, &fixtures::OFFICE).await?;
    let spare = founder.create_key(company, &fixtures::SPARE).await?.key.into_secret();
    let mut serving = JoinSet::new();
    let mut placed = Vec::new();
    for part in fixtures::RECEIVERS {
        let owner = match part.owner {
            SubscriptionOwner::Office => &office,
            SubscriptionOwner::Zapier => &zapier,
        };
        placed.push(founder.install_receiver(part, owner, &mut serving).await?);
    }
    let calls = CallStats::default();
    let life =
        TrafficGenerator { company, ambient, speed: pace, calls, operator, zapier, read_limit, n8n, forms, office };
    Ok(SimulatedCompany { traffic: life, receivers: placed, spare_key: spare, serving })
}

impl SimulatedCompany {
    /// Number of the company on the platform.
    #[must_use]
    pub const fn id(&self) -> CompanyId {
        self.traffic.company
    }

    /// Unused key with all scopes, for trying the API by hand.
    #[must_use]
    pub const fn curl_key(&self) -> &Secret {
        &self.spare_key
    }

    /// Receivers of the company, with their ledgers.
    pub fn receivers(&self) -> impl Iterator<Item = &WebhookReceiver> {
        self.receivers.iter().map(|placed| &placed.receiver)
    }

    /// Statistics of the company's calls.
    #[must_use]
    pub fn calls(&self) -> CallStats {
        self.traffic.calls.clone()
    }

    /// Generates traffic until `stop` is ready or this is dropped. Failed calls are only counted.
    pub async fn generate_traffic(self, stop: impl Future<Output = ()>) {
        let Self { traffic: life, receivers: placed, mut serving, .. } = self;
        life.start(&placed, &mut serving);
        stop.await;
        serving.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::connection::ClientCredential;
    use crate::domain::ids::{KeyId, SubscriptionId};
    use crate::domain::time::Timestamp;
    use crate::wire::keys::{KeyRow, NewKey, OneTimeSecret, RateLimits, RecentKeyUsage};
    use crate::wire::subscriptions::{CreatedSubscription, NewSubscription, Subscription};
    use crate::wire::{changes, paths};
    use axum::extract::{Path, State};
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::{get, post};
    use axum::{Json, Router};
    use serde_json::{Value, json};
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::net::TcpListener;
    use tokio::sync::watch;

    /// Call that the stub platform received: its name, its key and its time.
    #[derive(Debug, Clone, PartialEq)]
    struct RecordedCall {
        what: String,
        key: String,
        at: Timestamp,
    }

    /// Platform that records calls and changes nothing.
    #[derive(Clone)]
    struct StubPlatform {
        ambient: RuntimeEnv,
        asked: Arc<watch::Sender<Vec<RecordedCall>>>,
    }

    impl StubPlatform {
        fn note(&self, what: impl Into<String>, headers: &HeaderMap) -> usize {
            let key = headers.get("x-api-key").and_then(|key| key.to_str().ok()).unwrap_or("operator").to_owned();
            let asked = RecordedCall { what: what.into(), key, at: self.ambient.now() };
            self.asked.send_modify(|list| list.push(asked));
            self.asked.borrow().len()
        }

        fn router(&self) -> Router {
            Router::new()
                .route(paths::COMPANIES, post(company))
                .route(paths::KEYS, post(key))
                .route(changes::REVOKE_KEY.path, post(revoke))
                .route(paths::SUBSCRIPTIONS, post(subscribe))
                .route(changes::DISABLE_SUBSCRIPTION.path, post(disable))
                .route(paths::PORTAL_SUBSCRIPTION, get(unavailable))
                .route(paths::EVENTS, get(events))
                .route(paths::EVENTS_TEST, post(unavailable))
                .route(paths::PORTAL_EVENTS, post(emit))
                .route(paths::LEADS, post(lead))
                .with_state(self.clone())
        }

        fn times(&self, what: &str) -> usize {
            self.asked.borrow().iter().filter(|asked| asked.what == what).count()
        }
    }

    async fn company(State(stub): State<StubPlatform>, headers: HeaderMap) -> Json<Value> {
        stub.note("company", &headers);
        Json(json!({"id": 92, "name": "x", "createdUtc": stub.ambient.now()}))
    }

    async fn key(
        State(stub): State<StubPlatform>,
        headers: HeaderMap,
        Json(new): Json<NewKey>,
    ) -> Json<CreatedKeyJson> {
        let id = stub.note(format!("key {}", new.name), &headers);
        let row = KeyRow {
            missing_scopes: None,
            refusal: None,
            id: KeyId(i64::try_from(id).expect("small")),
            company_id: new.company_id,
            name: new.name.clone().into(),
            last4: "x81Q".into(),
            scopes: new.scopes,
            is_active: Some(true),
            created_utc: Some(stub.ambient.now()),
            last_used_utc: None,
            revoked_utc: None,
            limits: Some(RateLimits { read: 60, write: 100, admin: 200 }),
            usage: Some(RecentKeyUsage::default()),
        };
        Json(CreatedKeyJson { row, key: OneTimeSecret::new(format!("key-of-{}", new.name.replace(' ', "-"))) })
    }

    type CreatedKeyJson = crate::wire::keys::CreatedKey;

    async fn revoke(State(stub): State<StubPlatform>, headers: HeaderMap, Path(id): Path<i64>) -> Json<Value> {
        stub.note(format!("revoke {id}"), &headers);
        let now = stub.ambient.now();
        Json(json!({"id": id, "companyId": 92, "name": "x", "last4": "x", "scopes": [], "isActive": false,
            "createdUtc": now, "lastUsedUtc": null, "revokedUtc": now, "limits": {"read": 1, "write": 1, "admin": 1},
            "usage": {"nLastMinute": 0, "nClientErrors": 0, "nLimited": 0, "nServerErrors": 0}}))
    }

    fn subscription(stub: &StubPlatform, id: i64) -> Subscription {
        Subscription::new(SubscriptionId(id), CompanyId(92), "x".into(), stub.ambient.now())
    }

    async fn subscribe(
        State(stub): State<StubPlatform>,
        headers: HeaderMap,
        Json(new): Json<NewSubscription>,
    ) -> Json<CreatedSubscription> {
        let id = stub.note(format!("subscribe {}", new.target_url.rsplit('/').next().unwrap_or_default()), &headers);
        let subscription = subscription(&stub, i64::try_from(id).expect("small"));
        let signing_secret = new.signing_secret.expect("the demo brings its own");
        Json(CreatedSubscription { subscription, signing_secret })
    }

    async fn disable(State(stub): State<StubPlatform>, headers: HeaderMap, Path(id): Path<i64>) -> Json<Value> {
        stub.note("disable", &headers);
        let row = serde_json::to_value(subscription(&stub, id)).expect("plain");
        let health = serde_json::to_value(crate::wire::subscriptions::DeliveryHealth::default()).expect("plain");
        let mut row = row.as_object().expect("an object").clone();
        row.insert("health".to_owned(), health);
        Json(Value::Object(row))
    }

    async fn events(State(stub): State<StubPlatform>, headers: HeaderMap) -> Json<Value> {
        stub.note("poll", &headers);
        Json(json!({"items": [], "nextCursor": "c", "hasMore": false}))
    }

    async fn emit(
        State(stub): State<StubPlatform>,
        headers: HeaderMap,
        Json(new): Json<Value>,
    ) -> (StatusCode, Json<Value>) {
        let kind = new["type"].as_str().expect("a type").to_owned();
        let id = stub.note(format!("emit {kind}"), &headers);
        let envelope =
            json!({"id": id, "type": kind, "createdUtc": stub.ambient.now(), "companyId": 92, "payload": {}});
        (StatusCode::CREATED, Json(envelope))
    }

    async fn lead(State(stub): State<StubPlatform>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
        let id = stub.note("lead", &headers);
        let lead = json!({"client_id": id, "status": "Lead - New", "created_utc": stub.ambient.now()});
        (StatusCode::CREATED, Json(lead))
    }

    async fn unavailable() -> StatusCode {
        StatusCode::SERVICE_UNAVAILABLE
    }

    async fn founded(pace: SpeedFactor) -> (StubPlatform, SimulatedCompany, JoinSet<()>) {
        let stub = StubPlatform { ambient: RuntimeEnv::real(), asked: Arc::new(watch::Sender::new(Vec::new())) };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let mut platform = JoinSet::new();
        let router = stub.router();
        platform.spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        let token = ClientCredential::Operator(Secret::new("operator".to_owned()));
        let operator = PlatformClient::new(&base, token).expect("a client");
        let company = open(CompanySetup { operator, ambient: stub.ambient.clone(), speed: pace }).await.expect("open");
        (stub, company, platform)
    }

    #[tokio::test]
    async fn one_key_is_used_long_ago_and_all_else_happens_now() {
        let before = RuntimeEnv::real().now();
        let (stub, company, _platform) = founded(SpeedFactor::default()).await;
        let asked = stub.asked.borrow().clone();
        let old: Vec<&str> = asked.iter().take_while(|asked| asked.at < before).map(|asked| &*asked.what).collect();
        assert_eq!(old, ["company", "key HubSpot Sync", "poll", "key Old Integration"]);
        let days = before.since(asked[2].at).as_secs() / 86_400;
        assert!((fixtures::DORMANT_DAYS - 1..=fixtures::DORMANT_DAYS).contains(&days), "{days} days");
        assert_eq!(asked[2].key, "key-of-HubSpot-Sync");
        assert!(asked[4..].iter().all(|asked| asked.at >= before));
        assert_eq!(asked[4].what, "revoke 4");
        assert_eq!(stub.times("disable"), 1);
        let subscribing: Vec<_> = asked.iter().filter(|asked| asked.what.starts_with("subscribe")).collect();
        assert_eq!(subscribing.len(), fixtures::RECEIVERS.len());
        assert_eq!(subscribing[1].key, "key-of-Zapier-Production");
        assert_eq!(company.curl_key().reveal(), "key-of-Local-Testing");
        assert_eq!(company.id(), CompanyId(92));
        assert!(company.receivers().all(|receiver| receiver.counts().n_received == 0));
    }

    #[tokio::test]
    async fn a_living_company_emits_polls_and_creates_leads_and_ends_when_stopped() {
        let (stub, company, _platform) = founded(SpeedFactor::from_factor(100.0)).await;
        let calls = company.calls();
        let mut asked = stub.asked.subscribe();
        let busy = async move {
            let met = asked.wait_for(|list| {
                let count = |what: &str| list.iter().filter(|asked| asked.what == what).count();
                count("lead") >= 5 && count("poll") >= 4 && count("emit agreement.signed") >= 2
            });
            met.await.expect("the stub lives");
        };
        let lived = stub.ambient.timeout(Duration::from_secs(60), company.generate_traffic(busy)).await;
        assert_eq!(lived, Some(()));
        assert!(calls.counts().n_done >= 10);
        assert!(
            stub.asked
                .borrow()
                .iter()
                .filter(|asked| asked.what == "lead")
                .all(|asked| { ["key-of-n8n-Workflows", "key-of-Website-Forms"].contains(&asked.key.as_str()) })
        );
    }

    #[tokio::test]
    async fn a_platform_that_goes_away_ends_nothing_and_is_counted() {
        let (stub, company, mut platform) = founded(SpeedFactor::from_factor(100.0)).await;
        platform.shutdown().await;
        let calls = company.calls();
        let ambient = stub.ambient.clone();
        let enough = async move {
            while calls.counts().n_lost < 20 {
                ambient.sleep(Duration::from_millis(5)).await;
            }
        };
        let lived = stub.ambient.timeout(Duration::from_secs(60), company.generate_traffic(enough)).await;
        assert_eq!(lived, Some(()));
    }
}
