//! Deliveries: from an event to the last attempt, against receivers whose answers are set.

mod breaker;
mod bytes;
mod fairness;
mod outage;
mod process;
mod replay;
mod resend;
mod retention;
mod schedule;

use crate::support::platform::Platform;
use crate::support::receiver::{Behaviour, Receiver};
use crow::domain::breaker::FAILURE_THRESHOLD;
use crow::domain::delivery::{AttemptKind, DeliveryState};
use crow::domain::disabled_reason::DisabledReason;
use crow::domain::ids::{DeliveryId, SubscriptionId};
use crow::domain::secret::Secret;
use crow::domain::signature::verify;
use crow::wire::changes;
use crow::wire::keys::CompanyRow;
use crow::wire::subscriptions::{
    CreatedSubscription, EnableSubscription, MissedEventsChoice, SubscriptionRow, TestDelivery,
};
use std::time::Duration;

/// A company with one subscription to a receiver.
struct Scene {
    platform: Platform,
    company: CompanyRow,
    subscription: SubscriptionId,
    secret: Secret,
}

impl Scene {
    async fn with(receiver: &Receiver) -> Self {
        Self::upon(Platform::start().await, &receiver.url).await
    }

    async fn keeping(receiver: &Receiver, keep: Duration) -> Self {
        Self::upon(Platform::keeping(keep).await, &receiver.url).await
    }

    async fn upon(platform: Platform, url: &str) -> Self {
        let company = platform.company("Acme").await;
        let CreatedSubscription { subscription, signing_secret } = platform.subscribe(&company, url).await;
        Self { platform, company, subscription: subscription.id, secret: signing_secret.into_secret() }
    }

    async fn emit(&self) -> i64 {
        self.platform.emit(self.company.id).await.0
    }

    /// Returns the delivery of an event and its state.
    async fn delivery(&self, event: i64) -> (DeliveryId, DeliveryState) {
        let database = self.platform.database();
        let read = |row: &rusqlite::Row<'_>| Ok((DeliveryId(row.get(0)?), row.get::<_, String>(1)?));
        let seen = "SELECT id, CASE WHEN EXISTS (SELECT 1 FROM leases l WHERE l.delivery_id = d.id) THEN 'in_flight' ELSE state END
                    FROM deliveries d WHERE event_id = ?1";
        let (id, state) = database.query_row(seen, [event], read).expect("a row");
        (id, DeliveryState::named(&state).expect("a state"))
    }

    /// Waits until the delivery of an event has this state.
    async fn stands(&self, event: i64, state: DeliveryState) -> DeliveryId {
        let what = format!("event {event} is {}", state.name());
        self.platform.until(&what, async || self.delivery(event).await.1 == state).await;
        self.delivery(event).await.0
    }

    async fn row(&self) -> SubscriptionRow {
        self.platform.operator().subscription(self.subscription).await.expect("a row")
    }
}

#[tokio::test]
async fn an_event_arrives_signed_and_the_log_has_its_exact_bytes() {
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let scene = Scene::with(&receiver).await;
    let event = scene.emit().await;
    let request = receiver.received(1).await.remove(0);
    let timestamp: i64 = request.header("x-wlcro-timestamp").parse().expect("seconds");
    assert_eq!(timestamp, scene.platform.ambient.now().seconds());
    assert!(verify(&scene.secret, timestamp, &request.body, request.header("x-wlcro-signature")));
    assert_eq!(request.header("user-agent"), "WhiteLabelCRO-Webhooks/1");
    assert_eq!(request.header("x-wlcro-event-type"), "lead.created");
    assert_eq!(
        (request.header("x-wlcro-event-id"), request.header("x-wlcro-attempt")),
        (event.to_string().as_str(), "1")
    );
    let operator = scene.platform.operator();
    let attempts = async || operator.attempts(Some(scene.subscription), 10).await.expect("a page").items;
    scene.platform.until("the attempt is written down", async || !attempts().await.is_empty()).await;
    let detail = operator.attempt(attempts().await[0].id).await.expect("a detail");
    assert_eq!(detail.request_body.text.expect("text").raw().as_bytes(), request.body);
    assert_eq!(detail.row.status_code, Some(200));
    assert_eq!(detail.response_body.text.expect("text").raw(), "seen");
    assert!(detail.peer.is_some_and(|peer| receiver.url.contains(peer.raw())));
}

#[tokio::test]
async fn a_failed_delivery_is_retried_with_the_same_bytes_a_fresh_signature_and_not_early() {
    let receiver =
        Receiver::start(&[Behaviour::Status(500), Behaviour::RetryAfter(503, 45), Behaviour::Status(200)]).await;
    let scene = Scene::with(&receiver).await;
    scene.emit().await;
    receiver.received(1).await;
    let operator = scene.platform.operator();
    let due = async || scene.row().await.health.expect("its health").next_due_utc;
    scene.platform.until("a retry is planned", async || due().await.is_some()).await;
    let wait = due().await.expect("planned").since(scene.platform.ambient.now());
    assert!((24..=36).contains(&wait.as_secs()), "30 s ± 20 %: {wait:?}");
    scene.platform.advance(wait - Duration::from_millis(1));
    tokio::task::yield_now().await;
    assert_eq!(receiver.ledger().len(), 1, "nothing is sent before its time");
    scene.platform.advance(Duration::from_millis(1));
    let twice = receiver.received(2).await;
    assert_eq!(twice[0].body, twice[1].body);
    assert_ne!(twice[0].header("x-wlcro-signature"), twice[1].header("x-wlcro-signature"));
    assert_eq!(twice[1].header("x-wlcro-attempt"), "2");
    scene.platform.advance_until("the third attempt", async || receiver.ledger().len() == 3).await;
    let succeeded = async || scene.row().await.subscription.last_success_utc.is_some();
    scene.platform.until("the success is written down", succeeded).await;
    let row = scene.row().await;
    assert_eq!((row.health.expect("its health").n_backlog, row.subscription.consecutive_failures), (Some(0), Some(0)));
    let statuses: Vec<Option<u16>> =
        operator.attempts(None, 10).await.expect("a page").items.iter().map(|attempt| attempt.status_code).collect();
    assert_eq!(statuses, [Some(200), Some(503), Some(500)]);
}

#[tokio::test]
async fn an_attempt_to_a_hanging_receiver_ends_after_ten_seconds() {
    let receiver = Receiver::start(&[Behaviour::Hang, Behaviour::Status(200)]).await;
    let scene = Scene::with(&receiver).await;
    scene.emit().await;
    receiver.received(1).await;
    scene.platform.advance(Duration::from_millis(9_999));
    tokio::task::yield_now().await;
    assert!(scene.platform.operator().attempts(None, 10).await.expect("a page").items.is_empty());
    scene.platform.advance(Duration::from_millis(1));
    let operator = scene.platform.operator();
    let attempts = async || operator.attempts(None, 10).await.expect("a page").items;
    scene.platform.until("the attempt is given up", async || !attempts().await.is_empty()).await;
    let attempt = attempts().await.remove(0);
    assert_eq!((attempt.cause.expect("a cause").raw(), attempt.elapsed_ms), ("timeout", 10_000));
}

#[tokio::test]
async fn the_breaker_trips_at_twenty_and_enabling_with_replay_delivers_missed_events_once() {
    let receiver = Receiver::start(&[Behaviour::Status(500)]).await;
    let scene = Scene::with(&receiver).await;
    for _ in 0..4 {
        scene.emit().await;
    }
    let tripped = async || scene.row().await.subscription.disabled_reason == Some(DisabledReason::Breaker);
    scene.platform.advance_until("the breaker trips", tripped).await;
    let row = scene.row().await;
    assert_eq!(row.subscription.consecutive_failures, Some(FAILURE_THRESHOLD));
    assert_eq!(row.health.expect("its health").n_parked, Some(4), "what was pending waits");
    let overview = scene.platform.operator().overview(50).await.expect("an overview");
    let trip = &overview.trips.items[0];
    let cause = &trip.causes.as_ref().expect("causes")[0];
    assert_eq!((trip.subscription_id, cause.cause.raw(), cause.n), (scene.subscription, "500", FAILURE_THRESHOLD));
    let n_before = receiver.ledger().len();
    let missed = [scene.emit().await, scene.emit().await, scene.emit().await];
    assert_eq!(scene.row().await.health.expect("its health").n_skipped, Some(3));
    receiver.becomes(&[Behaviour::Status(200)]);
    let operator = scene.platform.operator();
    let tested = operator
        .change(changes::TEST_SUBSCRIPTION.at(scene.subscription), &TestDelivery::default())
        .await
        .expect("a test");
    assert!(tested.success, "a test works while it is off");
    let enabled = operator
        .change(
            changes::ENABLE_SUBSCRIPTION.at(scene.subscription),
            &EnableSubscription { replay: MissedEventsChoice::Missed },
        )
        .await
        .expect("enabled");
    assert_eq!((enabled.subscription.is_enabled, enabled.subscription.consecutive_failures), (true, Some(0)));
    let arrived = receiver.received(n_before + 1 + 4 + 3).await;
    scene
        .platform
        .until("nothing waits", async || scene.row().await.health.expect("its health").n_backlog == Some(0))
        .await;
    for event in missed {
        let times = arrived.iter().filter(|request| request.header("x-wlcro-event-id") == event.to_string()).count();
        assert_eq!(times, 1, "event {event}");
    }
    assert_eq!(receiver.ledger().len(), n_before + 1 + 4 + 3, "each exactly once");
    let kinds = operator.attempts(None, 50).await.expect("a page").items;
    assert_eq!(kinds.iter().filter(|attempt| attempt.kind == Some(AttemptKind::Replay)).count(), 3);
    let trip = operator.overview(50).await.expect("an overview").trips.items.remove(0);
    assert_eq!((trip.n_missed, trip.enabled_by.expect("an operator").raw()), (Some(3), "admin"));
}

#[tokio::test]
async fn deliveries_survive_a_restart() {
    let receiver = Receiver::start(&[Behaviour::Status(500), Behaviour::Status(200)]).await;
    let mut scene = Scene::with(&receiver).await;
    scene.emit().await;
    receiver.received(1).await;
    scene
        .platform
        .until("the failure is written down", async || scene.row().await.subscription.consecutive_failures == Some(1))
        .await;
    scene.platform = scene.platform.restart().await;
    scene.platform.advance_until("the retry", async || receiver.ledger().len() == 2).await;
}
