//! A platform that keeps only what is documented, with a listener in front of its receiver and a relay in front of its
//! callers, both on a scripted clock: what happens there is seen by an observer through their records alone.

use super::Proxy;
use crate::remote::post;
use crate::support::observed::Observed;
use crate::support::platform::{START, plain_http_builder, until, within};
use crate::support::standin::{ALL, POLLS, StandIn};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use crow::clock::RuntimeEnv;
use crow::domain::ids::SubscriptionId;
use crow::domain::secret::Secret;
use crow::domain::signature::sign;
use crow::observer::keyed_client::RateLimitedClient;
use crow::relay::call_proxy::{ANSWER_TIMEOUT, CallProxy, CallProxyConfig};
use crow::relay::recorder::RecordSink;
use crow::relay::upstream::{UpstreamAddress, UpstreamClient};
use crow::relay::webhook_proxy::{HANDOVER_TIMEOUT, WebhookProxy, WebhookProxyConfig};
use crow::relay::webhook_routes::{WebhookRoute, WebhookRoutes};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Signing secret of subscription 17, the one before it, and that of another subscription.
pub(super) const SECRET: &str = "whsec-of-a-partner-0123456789";
pub(super) const OLD_SECRET: &str = "whsec-before-the-rotation-012345";
pub(super) const OTHER_SECRET: &str = "whsec-of-subscription-23-0123456";
/// Second address of this machine, from which a caller is told apart.
const OTHER_ADDRESS: [u8; 4] = [127, 0, 0, 2];
/// Time between two deliveries.
const PACE: Duration = Duration::from_secs(20);

/// What a receiver answers to its nth request, from 1.
type Answer = Box<dyn Fn(&HeaderMap, &Bytes, usize) -> Response + Send + Sync>;

/// A receiver behind the listener.
pub(super) struct Behind {
    pub(super) url: String,
    n: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Behind {
    pub(super) async fn start(answer: impl Fn(&HeaderMap, &Bytes, usize) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/in", listener.local_addr().expect("an address"));
        let (n, answer): (Arc<AtomicUsize>, Answer) = (Arc::default(), Box::new(answer));
        let state = Arc::new((answer, Arc::clone(&n)));
        let receive = async |State(state): State<Arc<(Answer, Arc<AtomicUsize>)>>, headers: HeaderMap, body: Bytes| {
            let n = state.1.fetch_add(1, Ordering::SeqCst) + 1;
            (state.0)(&headers, &body, n)
        };
        let router = Router::new().fallback(receive).with_state(state);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, n, serving }
    }

    pub(super) fn n_received(&self) -> usize {
        self.n.load(Ordering::SeqCst)
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A delivery before it is sent: what the platform signs, and what arrives.
pub(super) struct Sent {
    pub(super) signed: Vec<u8>,
    pub(super) arrives: Vec<u8>,
    pub(super) secret: &'static str,
    /// Seconds by which the clock of the sender is behind.
    pub(super) behind_s: i64,
    pub(super) has_signature: bool,
}

/// The world that is seen.
pub(super) struct Seen {
    pub(super) ambient: RuntimeEnv,
    pub(super) platform: StandIn,
    pub(super) observed: Observed,
    post: RateLimitedClient,
    relay: Option<Proxy>,
    listener: Option<Proxy>,
    /// Client of a sender and of callers, and one that calls from [`OTHER_ADDRESS`].
    http: [reqwest::Client; 2],
    _dir: TempDir,
}

impl Seen {
    pub(super) async fn new() -> Self {
        let (ambient, dir) = (RuntimeEnv::scripted(START, 9), TempDir::new().expect("a directory"));
        let platform = StandIn::start(&ambient).await;
        platform.pages(1_000);
        let post = post(&platform.address, &[("Poller", POLLS), ("Zapier", ALL)], &ambient, dir.path());
        let observed = Observed::serve(&post, &ambient);
        let mut seen =
            Self { ambient, platform, observed, post, relay: None, listener: None, http: clients(), _dir: dir };
        seen.poll().await;
        seen.relay = Some(seen.start_relay().await);
        seen
    }

    fn sink(&self) -> RecordSink {
        RecordSink::History(self.post.history().clone())
    }

    /// Polls the platform, and publishes what is known then.
    pub(super) async fn poll(&self) {
        for _ in 0..3 {
            self.ambient.advance(Duration::from_secs(61));
            within("the platform is polled", self.observed.observer.poll_once(Duration::from_secs(60))).await;
        }
    }

    async fn start_relay(&self) -> Proxy {
        let upstream = UpstreamClient::new(self.ambient.clone(), ANSWER_TIMEOUT, &[]).expect("a client");
        let platform = UpstreamAddress::parse(&self.platform.address).expect("an address");
        Proxy::serve(|reachability| {
            let config = CallProxyConfig {
                platform,
                upstream,
                reachability,
                name_header: None,
                keeps_refusals: false,
                shown: None,
            };
            let (proxy, recording) = CallProxy::start(config, self.sink(), &self.ambient);
            (proxy.handler(), recording)
        })
        .await
    }

    /// Puts a listener with these secrets in front of the receiver of subscription 17, and one of subscription 23.
    pub(super) async fn listen(&mut self, receiver: &str, secrets: &[&str]) {
        let upstream = UpstreamClient::new(self.ambient.clone(), HANDOVER_TIMEOUT, &[]).expect("a client");
        let route = |path: &str, id, secrets: &[&str]| {
            let target = UpstreamAddress::parse(receiver).expect("an address");
            let mut route = WebhookRoute::new(Some(path.to_owned()), Some(target));
            for secret in secrets {
                route.add_secret(Secret::new((*secret).to_owned())).expect("room");
            }
            route.set_subscription(SubscriptionId(id));
            route
        };
        let routes = vec![route("/17", 17, secrets), route("/23", 23, &[OTHER_SECRET])];
        let routes = WebhookRoutes::new(routes).expect("routes");
        let (arrivals, _) = mpsc::channel(1_000);
        let listener = Proxy::serve(|reachability| {
            let config = WebhookProxyConfig { routes, upstream, reachability, keeps_bodies: false, arrivals };
            let (proxy, recording) = WebhookProxy::start(config, self.sink(), &self.ambient);
            (proxy.handler(), recording)
        });
        self.listener = Some(listener.await);
    }

    /// An event happens, and its delivery is made.
    pub(super) fn happens(&self, id: i64, kind: &'static str) -> Sent {
        self.ambient.advance(PACE);
        self.platform.happens(id, kind, self.ambient.now());
        let body =
            format!(r#"{{"id": {id}, "type": "{kind}", "companyId": 92, "payload": {{"client_id": 1, "x": 1.50}}}}"#);
        let body = body.into_bytes();
        Sent { signed: body.clone(), arrives: body, secret: SECRET, behind_s: 0, has_signature: true }
    }

    /// Sends a delivery to the listener. Returns the status of its answer.
    pub(super) fn send(&self, sent: Sent) -> impl Future<Output = u16> + Send + use<> {
        let address = self.listener.as_ref().expect("a listener").address;
        let at = self.ambient.now().seconds() - sent.behind_s;
        let mut post = self.http[0]
            .post(format!("http://{address}/17"))
            .header("user-agent", "WhiteLabelCRO-Webhooks/1")
            .header("x-wlcro-timestamp", at.to_string())
            .body(sent.arrives);
        if sent.has_signature {
            post = post.header("x-wlcro-signature", sign(&Secret::new(sent.secret.to_owned()), at, &sent.signed));
        }
        async move { within("an answer", post.send()).await.expect("an answer").status().as_u16() }
    }

    /// Makes `n` events happen one after the other, and delivers each as `change` has it. Returns the statuses.
    pub(super) async fn deliver(&self, n: i64, change: impl Fn(i64, &mut Sent)) -> Vec<u16> {
        let first = 41 + self.ambient.now().seconds() % 1_000_000 * 100;
        let mut statuses = Vec::new();
        for id in first..first + n {
            let mut sent = self.happens(id, "lead.created");
            change(id - first, &mut sent);
            statuses.push(self.send(sent).await);
        }
        statuses
    }

    /// Makes a call through the relay. Returns its status.
    pub(super) async fn call(&self, method: &str, path: &str, caller: &Caller) -> u16 {
        let relay = self.relay.as_ref().expect("a relay").address;
        let http = &self.http[usize::from(caller.is_elsewhere)];
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let mut call = http.request(method.clone(), format!("http://{relay}{path}")).header("user-agent", caller.agent);
        if let Some((name, key)) = caller.key {
            call = call.header(name, key);
        }
        if method == reqwest::Method::POST {
            call = call.header("content-type", "application/json").body(r#"{"email":"ada@example.com"}"#);
        }
        within("an answer", call.send()).await.expect("an answer").status().as_u16()
    }

    /// Ends the proxies, so that everything is recorded, and polls the platform once more.
    pub(super) async fn end(&mut self) {
        for proxy in [self.relay.take(), self.listener.take()].into_iter().flatten() {
            proxy.stop.send_replace(true);
            within("the proxy ends", proxy.serving).await.expect("no panic");
            until("the last record", async || {
                self.ambient.advance(Duration::from_millis(200));
                proxy.recording.is_finished()
            })
            .await;
        }
        self.poll().await;
    }
}

/// A system that calls the platform.
#[derive(Clone, Copy)]
pub(super) struct Caller {
    pub(super) agent: &'static str,
    /// Header of the key, and the key.
    pub(super) key: Option<(&'static str, &'static str)>,
    /// Whether it calls from [`OTHER_ADDRESS`].
    pub(super) is_elsewhere: bool,
}

impl Caller {
    pub(super) const fn with(key: &'static str) -> Self {
        Self { agent: "importer/2", key: Some(("x-api-key", key)), is_elsewhere: false }
    }
}

/// Creates the clients of a world.
fn clients() -> [reqwest::Client; 2] {
    // A sender of webhooks follows no redirects.
    let builder = || plain_http_builder().redirect(reqwest::redirect::Policy::none());
    let elsewhere = builder().local_address(IpAddr::from(OTHER_ADDRESS));
    [builder(), elsewhere].map(|builder| builder.build().expect("a client"))
}
