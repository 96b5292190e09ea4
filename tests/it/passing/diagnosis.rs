//! The confusion matrix of a platform without a Portal: worlds with a listener in front of the receiver and a relay in
//! front of the callers, each with a known cause. The playbooks put the true cause first, over all topics, for its
//! subject and in its topic; worlds without a fault have no cause. `--nocapture` prints the matrix.

use super::seen::{Behind, Caller, OLD_SECRET, OTHER_SECRET, SECRET, Seen};
use crate::support::platform::until;
use crate::support::standin::{ALL, POLLS};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use crow::diagnose::diagnosis_subject::DiagnosisSubject::{self, All, Company, Subscription};
use crow::diagnose::evidence_set::DiagnosisScope;
use crow::diagnose::playbook_topic::PlaybookTopic::{
    self, KeyNotWorking, Permissions, RateLimits, Signature, WebhooksNotArriving,
};
use crow::diagnose::report::{DiagnosedCause, DiagnosisRemark};
use crow::diagnose::run::{run_all, run_playbook};
use crow::domain::cause::CauseState;
use crow::domain::ids::{CompanyId, SubscriptionId};
use crow::domain::secret::Secret;
use crow::domain::signature::{sign, verify};
use crow::wire::coverage::{CoverageExtent, CoveredNoun};
use futures_util::future::LocalBoxFuture;
use std::fmt::Write as _;
use std::time::Duration;

/// Number of deliveries of a world.
const N: i64 = 12;

/// What a world is to show.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Truth {
    /// A cause with this id comes first.
    Cause(&'static str),
    /// No cause; a remark with this id.
    Remark(&'static str),
    /// No cause that acts.
    Healthy,
}

/// What happens in a world.
type WorldPlay = Box<dyn for<'w> Fn(&'w mut Seen) -> LocalBoxFuture<'w, ()>>;

/// A world: its name, where to look, what is true there, and what happens.
struct World {
    name: &'static str,
    topic: PlaybookTopic,
    subject: DiagnosisSubject,
    truth: Truth,
    play: WorldPlay,
}

const HOOK: DiagnosisSubject = Subscription(SubscriptionId(17));
const PARTNER: DiagnosisSubject = Company(CompanyId(92));

fn world(
    name: &'static str,
    (topic, subject): (PlaybookTopic, DiagnosisSubject),
    truth: Truth,
    play: impl for<'w> Fn(&'w mut Seen) -> LocalBoxFuture<'w, ()> + 'static,
) -> World {
    World { name, topic, subject, truth, play: Box::new(play) }
}

/// A world whose receiver answers everything in one way.
fn answering(name: &'static str, cause: &'static str, answer: fn() -> Response) -> World {
    world(name, (WebhooksNotArriving, HOOK), Truth::Cause(cause), move |seen| {
        Box::pin(async move {
            let behind = Behind::start(move |_, _, _| answer()).await;
            seen.listen(&behind.url, &[SECRET]).await;
            seen.deliver(N, |_, _| {}).await;
        })
    })
}

fn with_heads(status: u16, heads: &[(&str, &str)], body: &'static str) -> Response {
    let mut response = (StatusCode::from_u16(status).expect("a status"), body).into_response();
    for (name, value) in heads {
        let name = axum::http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
        response.headers_mut().insert(name, value.parse().expect("a value"));
    }
    response
}

fn taken() -> Response {
    StatusCode::OK.into_response()
}

/// Receivers that answer everything in one way.
fn answers() -> Vec<World> {
    vec![
        answering("receiver answers 500", "endpoint-500", || with_heads(500, &[], "boom")),
        answering("receiver answers 401 with a challenge", "endpoint-login", || {
            with_heads(401, &[("www-authenticate", "Basic realm=\"intranet\"")], "")
        }),
        answering("receiver answers 403 and says nothing", "endpoint-unexplained", || with_heads(403, &[], "")),
        answering("firewall answers 403", "endpoint-firewall", || {
            let page = "<html><title>Attention Required! | Cloudflare</title></html>";
            with_heads(403, &[("cf-ray", "8f"), ("content-type", "text/html")], page)
        }),
        answering("receiver answers 404", "endpoint-gone", || with_heads(404, &[], "not found")),
        answering("receiver answers 410", "endpoint-gone", || with_heads(410, &[], "")),
        answering("receiver redirects", "endpoint-redirects", || {
            with_heads(301, &[("location", "https://www.example.com/in")], "")
        }),
        answering("receiver refuses the content, 422", "endpoint-validation", || {
            with_heads(422, &[("content-type", "application/json")], r#"{"message":"unknown field: payload.x"}"#)
        }),
        answering("receiver limits the platform, 429", "endpoint-limits-us", || {
            with_heads(429, &[("retry-after", "30")], "")
        }),
        answering("proxy answers 502 in the receiver's place", "endpoint-proxy", || {
            let page = "<html><h1>502 Bad Gateway</h1></html>";
            with_heads(502, &[("server", "nginx"), ("content-type", "text/html")], page)
        }),
    ]
}

/// Deliveries that fail in one way.
fn deliveries() -> Vec<World> {
    let of = (WebhooksNotArriving, HOOK);
    vec![
        world("receiver down", of, Truth::Cause("endpoint-refused"), |seen| {
            Box::pin(async move {
                let url = Behind::start(|_, _, _| taken()).await.url.clone();
                seen.listen(&url, &[SECRET]).await;
                seen.deliver(N, |_, _| {}).await;
            })
        }),
        world("receiver breaks connections", of, Truth::Cause("endpoint-broken"), |seen| {
            Box::pin(async move {
                // The body breaks off before its end.
                let behind = Behind::start(|_, _, _| {
                    let parts = [Ok(Bytes::from_static(b"o")), Err(std::io::Error::other("gone"))];
                    Body::from_stream(futures_util::stream::iter(parts)).into_response()
                })
                .await;
                seen.listen(&behind.url, &[SECRET]).await;
                seen.deliver(N, |_, _| {}).await;
            })
        }),
        world("receiver does not answer in time", of, Truth::Cause("endpoint-slow"), |seen| {
            Box::pin(async move { time_out(seen).await })
        }),
        world("receiver answers close to the limit", of, Truth::Cause("endpoint-near-timeout"), |seen| {
            Box::pin(async move {
                let ambient = seen.ambient.clone();
                let behind = Behind::start(move |_, _, _| {
                    ambient.advance(Duration::from_millis(6_500));
                    taken()
                })
                .await;
                seen.listen(&behind.url, &[SECRET]).await;
                seen.deliver(25, |_, _| {}).await;
            })
        }),
        world("receiver fails for a third", of, Truth::Cause("endpoint-intermittent"), |seen| {
            Box::pin(async move {
                let answer = |n: usize| if n % 3 == 1 { with_heads(503, &[], "") } else { taken() };
                let behind = Behind::start(move |_, _, n| answer(n)).await;
                seen.listen(&behind.url, &[SECRET]).await;
                seen.deliver(36, |_, _| {}).await;
            })
        }),
        world("subscription is disabled", of, Truth::Cause("sub-disabled"), |seen| {
            Box::pin(async move {
                let behind = Behind::start(|_, _, _| taken()).await;
                seen.listen(&behind.url, &[SECRET]).await;
                seen.deliver(N, |_, _| {}).await;
                seen.platform.switch(17, false);
                seen.poll().await;
                seen.happens(900, "lead.created");
            })
        }),
        world("event type is not subscribed", of, Truth::Remark("type-not-subscribed"), |seen| {
            Box::pin(async move {
                let behind = Behind::start(|_, _, _| taken()).await;
                seen.listen(&behind.url, &[SECRET]).await;
                for id in 0..5 {
                    seen.happens(41 + id, "client.created");
                }
            })
        }),
        world("nothing happened", of, Truth::Remark("quiet-company"), |seen| {
            Box::pin(async move {
                let behind = Behind::start(|_, _, _| taken()).await;
                seen.listen(&behind.url, &[SECRET]).await;
            })
        }),
        world("receiver was down and works again", of, Truth::Healthy, |seen| {
            Box::pin(async move {
                let behind = Behind::start(|_, _, n| if n <= 4 { with_heads(500, &[], "") } else { taken() }).await;
                seen.listen(&behind.url, &[SECRET]).await;
                seen.deliver(40, |_, _| {}).await;
            })
        }),
    ]
}

/// Deliveries to a receiver that never answers.
async fn time_out(seen: &mut Seen) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/in", listener.local_addr().expect("an address"));
    let (came, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    let silent = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut part = [0; 4_096];
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut part).await;
            held.push(stream);
            let _ = came.send(());
        }
    });
    seen.listen(&url, &[SECRET]).await;
    for id in 0..5 {
        let sent = seen.happens(41 + id, "lead.created");
        let answer = tokio::spawn(seen.send(sent));
        arrived.recv().await.expect("it arrives");
        let answered = || answer.is_finished();
        until("the listener gives up", async || {
            seen.ambient.advance(Duration::from_secs(1));
            answered()
        })
        .await;
        assert_eq!(answer.await.expect("no panic"), 504);
    }
    silent.abort();
}

fn is_signed(secret: &str, headers: &HeaderMap, body: &[u8]) -> bool {
    let text = |name: &str| headers[name].to_str().expect("text");
    let at = text("x-wlcro-timestamp").parse().expect("a number");
    verify(&Secret::new(secret.to_owned()), at, body, text("x-wlcro-signature"))
}

/// A receiver that computes the signature in its own way, and tells it in its refusal.
async fn computing(seen: &mut Seen, secret: &'static str, read: fn(&[u8]) -> Vec<u8>) {
    let behind = Behind::start(move |headers, body, _| {
        let body = read(body);
        if is_signed(secret, headers, &body) {
            return taken();
        }
        let at = headers["x-wlcro-timestamp"].to_str().expect("text").parse().expect("a number");
        let computed = sign(&Secret::new(secret.to_owned()), at, &body);
        let said = format!(r#"{{"error":"signature does not match","computed":"{computed}"}}"#);
        (StatusCode::UNAUTHORIZED, said).into_response()
    })
    .await;
    seen.listen(&behind.url, &[OLD_SECRET, SECRET]).await;
    seen.deliver(N, |_, _| {}).await;
    assert_eq!(behind.n_received(), usize::try_from(N).expect("a number"));
}

/// A receiver that refuses, in these words.
fn refusing(name: &'static str, cause: &'static str, said: &'static str) -> World {
    world(name, (Signature, HOOK), Truth::Cause(cause), move |seen| {
        Box::pin(async move {
            let behind = Behind::start(move |_, _, _| with_heads(401, &[], said)).await;
            seen.listen(&behind.url, &[SECRET]).await;
            seen.deliver(N, |_, _| {}).await;
        })
    })
}

/// Deliveries that reach the listener as `change` has them.
fn changed(name: &'static str, truth: Truth, change: fn(i64, &mut super::seen::Sent)) -> World {
    world(name, (Signature, HOOK), truth, move |seen| {
        Box::pin(async move {
            let behind = Behind::start(|_, _, _| taken()).await;
            seen.listen(&behind.url, &[SECRET]).await;
            seen.deliver(N, change).await;
        })
    })
}

fn compact(body: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(body).replace(": ", ":").replace(", ", ",").into_bytes()
}

fn signatures() -> Vec<World> {
    let of = (Signature, HOOK);
    vec![
        world("receiver has the secret before the rotation", of, Truth::Cause("sig-wrong-secret"), |seen| {
            Box::pin(computing(seen, OLD_SECRET, <[u8]>::to_vec))
        }),
        world("receiver has the secret of another subscription", of, Truth::Cause("sig-wrong-secret"), |seen| {
            Box::pin(computing(seen, OTHER_SECRET, <[u8]>::to_vec))
        }),
        world("receiver serialises the body again", of, Truth::Cause("sig-reserialised"), |seen| {
            Box::pin(computing(seen, SECRET, compact))
        }),
        world("receiver adds a line break", of, Truth::Cause("sig-newline"), |seen| {
            Box::pin(computing(seen, SECRET, |body| [body, b"\n"].concat()))
        }),
        refusing("receiver refuses the signature and says no more", "endpoint-rejects-signature", "invalid signature"),
        refusing("receiver's clock is wrong", "sig-stale-clock", r#"{"error":"timestamp outside of tolerance"}"#),
        refusing("receiver has no secret", "lost-secret", r#"{"error":"signing secret is not configured"}"#),
        changed("middleware serialises the body again", Truth::Cause("sig-reserialised"), |_, sent| {
            sent.arrives = compact(&sent.signed);
        }),
        changed("middleware adds a line break", Truth::Cause("sig-newline"), |_, sent| sent.arrives.push(b'\n')),
        changed("listener has the secret before the rotation", Truth::Cause("sig-wrong-secret"), |_, sent| {
            sent.secret = "whsec-after-the-next-rotation-01";
        }),
        changed("listener has the secret of another path", Truth::Cause("sig-wrong-secret"), |_, sent| {
            sent.secret = OTHER_SECRET;
        }),
        changed("clocks are ten minutes apart", Truth::Cause("sig-stale-clock"), |_, sent| sent.behind_s = 600),
        changed("the header of the signature is lost", Truth::Cause("sig-missing"), |_, sent| {
            sent.has_signature = false;
        }),
        changed("a few forgeries among deliveries", Truth::Healthy, |n, sent| {
            if n % 4 == 1 {
                sent.secret = "whatever-a-forger-invents-0123456";
            }
        }),
    ]
}

/// A world in which a caller meets its rate limit.
fn limited(
    name: &'static str,
    cause: &'static str,
    play: impl for<'w> Fn(&'w mut Seen) -> LocalBoxFuture<'w, ()> + 'static,
) -> World {
    world(name, (RateLimits, PARTNER), Truth::Cause(cause), play)
}

const EVENTS: &str = "/api/v1/events?limit=5";

/// Two systems that poll in turn with one key, neither too fast alone.
async fn share(seen: &mut Seen, systems: [Caller; 2]) {
    for n in 0..180 {
        seen.call("GET", EVENTS, &systems[n % 2]).await;
        seen.ambient.advance(Duration::from_millis(700));
    }
}

fn rates() -> Vec<World> {
    const ZAPIER: Caller = Caller { agent: "Zapier", ..Caller::with(ALL) };
    vec![
        limited("one caller polls too fast", "rate-polling", |seen| {
            Box::pin(async move {
                for _ in 0..200 {
                    seen.call("GET", EVENTS, &Caller::with(ALL)).await;
                    seen.ambient.advance(Duration::from_millis(600));
                }
            })
        }),
        limited("bulk import without a pause", "rate-bulk", |seen| {
            Box::pin(async move {
                for _ in 0..150 {
                    seen.call("POST", "/api/v1/integrations/leads", &Caller::with(ALL)).await;
                    seen.ambient.advance(Duration::from_millis(100));
                }
            })
        }),
        // An answer takes longer to make than a refusal.
        limited("a loop without any pause", "rate-polling", |seen| {
            Box::pin(async move {
                for _ in 0..160 {
                    let status = seen.call("GET", EVENTS, &Caller::with(ALL)).await;
                    seen.ambient.advance(Duration::from_millis(if status == 429 { 1 } else { 40 }));
                }
            })
        }),
        limited("refused calls are repeated without a pause", "rate-retry-ignored", |seen| {
            Box::pin(async move {
                for _ in 0..160 {
                    let status = seen.call("GET", EVENTS, &Caller::with(ALL)).await;
                    seen.ambient.advance(Duration::from_millis(if status == 429 { 50 } else { 500 }));
                }
            })
        }),
        limited("two systems share a key, by user agent", "rate-shared-key", |seen| {
            Box::pin(share(seen, [ZAPIER, Caller::with(ALL)]))
        }),
        limited("two systems share a key, by address", "rate-shared-key", |seen| {
            Box::pin(share(seen, [ZAPIER, Caller { is_elsewhere: true, ..ZAPIER }]))
        }),
        world("two systems share a key within its limit", (RateLimits, PARTNER), Truth::Healthy, |seen| {
            Box::pin(async move {
                for n in 0..60 {
                    seen.call("GET", EVENTS, &[ZAPIER, Caller::with(ALL)][n % 2]).await;
                    seen.ambient.advance(Duration::from_secs(3));
                }
            })
        }),
    ]
}

/// A world in which a caller without any other fault makes these calls.
fn calling(name: &'static str, topic: PlaybookTopic, cause: &'static str, path: &'static str, caller: Caller) -> World {
    // A call whose key names no company belongs to no company.
    let subject = if matches!(cause, "key-not-sent" | "key-wrong-header" | "key-truncated") { All } else { PARTNER };
    world(name, (topic, subject), Truth::Cause(cause), move |seen| {
        Box::pin(async move {
            for _ in 0..8 {
                seen.call("GET", path, &caller).await;
                seen.ambient.advance(Duration::from_secs(5));
            }
        })
    })
}

fn keys() -> Vec<World> {
    let of = |key| Caller { agent: "crm/1", ..Caller::with(key) };
    let header = |name| Caller { key: Some((name, ALL)), ..of(ALL) };
    let unknown = "wlcro_live_92_unknown-key-0123456789abcdefghijklmnop-ZZZZ";
    vec![
        calling("key is unknown", KeyNotWorking, "key-unknown", EVENTS, of(unknown)),
        calling("no key is sent", KeyNotWorking, "key-not-sent", EVENTS, Caller { key: None, ..of(ALL) }),
        calling("key is in another header", KeyNotWorking, "key-wrong-header", EVENTS, header("x-api-token")),
        calling("key is cut", KeyNotWorking, "key-truncated", EVENTS, of("wlcro_live_92_abc_DEF-0123456789")),
        world("key is revoked", (KeyNotWorking, PARTNER), Truth::Cause("key-revoked"), |seen| {
            Box::pin(async move {
                seen.call("GET", EVENTS, &Caller::with(POLLS)).await;
                seen.platform.revokes(POLLS);
                for _ in 0..8 {
                    seen.ambient.advance(Duration::from_secs(5));
                    assert_eq!(seen.call("GET", EVENTS, &Caller::with(POLLS)).await, 401);
                }
            })
        }),
        calling("key lacks the scope", Permissions, "scope-missing", "/api/v1/webhooks/subscriptions", of(POLLS)),
    ]
}

fn healthy() -> Vec<World> {
    vec![world("deliveries arrive and calls succeed", (WebhooksNotArriving, HOOK), Truth::Healthy, |seen| {
        Box::pin(async move {
            let behind = Behind::start(|_, _, _| taken()).await;
            seen.listen(&behind.url, &[SECRET]).await;
            assert!(seen.deliver(30, |_, _| {}).await.iter().all(|status| *status == 200));
            for _ in 0..20 {
                assert_eq!(seen.call("GET", EVENTS, &Caller::with(ALL)).await, 200);
                seen.ambient.advance(Duration::from_secs(4));
            }
        })
    })]
}

fn acting(causes: &[DiagnosedCause]) -> Vec<String> {
    causes.iter().filter(|of| of.occurrence.state != CauseState::Over).map(|of| of.id.clone()).collect()
}

/// What a diagnosis found: causes that act, and remarks.
fn found(causes: &[DiagnosedCause], remarks: &[DiagnosisRemark]) -> (Vec<String>, Vec<String>) {
    (acting(causes), remarks.iter().map(|remark| remark.id.clone()).collect())
}

fn is_right(truth: Truth, (causes, remarks): &(Vec<String>, Vec<String>)) -> bool {
    match truth {
        Truth::Cause(id) => causes.first().is_some_and(|first| first == id),
        Truth::Remark(id) => causes.is_empty() && remarks.iter().any(|remark| remark == id),
        Truth::Healthy => causes.is_empty(),
    }
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the matrix is there to be read")]
async fn without_a_portal_the_true_cause_comes_first_for_deliveries_signatures_rates_and_keys() {
    let worlds: Vec<World> =
        [deliveries(), answers(), signatures(), rates(), keys(), healthy()].into_iter().flatten().collect();
    let (mut table, mut n_right, mut wrong) = (String::new(), 0, Vec::new());
    let n = worlds.len();
    for world in worlds {
        let mut seen = Seen::new().await;
        (world.play)(&mut seen).await;
        seen.end().await;
        let (client, ambient) = (&seen.observed.client, &seen.ambient);
        let scope = DiagnosisScope::last_hour_of;
        let mut answers = Vec::new();
        for subject in [All, world.subject] {
            let all = run_all(client, ambient, scope(subject)).await;
            answers.push(found(&all.causes, &all.remarks));
            let one = run_playbook(client, ambient, world.topic, scope(subject), None).await;
            answers.push(found(&one.causes, &one.remarks));
        }
        let is_all_right = answers.iter().all(|answer| is_right(world.truth, answer));
        n_right += usize::from(is_all_right);
        let truth = match world.truth {
            Truth::Cause(id) => id.to_owned(),
            Truth::Remark(id) => format!("(remark) {id}"),
            Truth::Healthy => "none".to_owned(),
        };
        let first = match (answers[0].0.first(), answers[0].1.first()) {
            (Some(cause), _) => cause.clone(),
            (None, Some(remark)) => format!("(remark) {remark}"),
            (None, None) => "none".to_owned(),
        };
        let mark = if is_all_right { "right" } else { "WRONG" };
        let _ = writeln!(table, "{:<50} {truth:<32} {first:<32} {mark}", world.name);
        if !is_all_right {
            wrong.push(format!("{}: {truth}: {answers:?}", world.name));
        }
    }
    println!("{:<50} {:<32} {:<32}\n{table}{n_right} of {n} right", "world", "true cause", "first cause");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_subscription_has_the_health_that_its_receipts_show_and_no_other_has_any() {
    let mut seen = Seen::new().await;
    let behind = Behind::start(|_, _, n| if n <= 4 { taken() } else { with_heads(503, &[], "") }).await;
    seen.listen(&behind.url, &[SECRET]).await;
    seen.deliver(N, |_, _| {}).await;
    seen.end().await;
    let overview = seen.observed.client.overview(50).await.expect("an overview");
    let row = |id| overview.subscriptions.items.iter().find(|row| row.subscription.id == SubscriptionId(id));
    let (known, other) = (row(17).expect("listed"), row(23).expect("listed"));
    let health = known.health.expect("seen by the listener");
    assert_eq!((health.last_24h.n_succeeded, health.last_24h.n_failed, known.failures_in_a_row()), (4, 8, 8));
    assert!(health.last_1h.p95_ms.is_some() && known.subscription.last_success_utc < health.streak_began_utc);
    assert!(known.trips_after().is_some(), "at this pace the breaker trips");
    assert!(known.assess().status.needs_action(), "{:?}", known.assess());
    assert_eq!((health.n_backlog, health.n_parked, health.n_skipped), (None, None, None), "no listener sees them");
    assert_eq!((other.health, other.subscription.consecutive_failures), (None, None));
    let coverage = overview.coverage.expect("an observer's coverage");
    let of = coverage.of(CoveredNoun::Health).expect("known in part");
    assert!(of.extent == CoverageExtent::Partial && of.since_utc.is_some(), "{of:?}");
}
