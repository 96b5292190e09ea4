//! Replays: what was selected is delivered again, each once, whatever happens in between.

use super::Scene;
use crate::support::receiver::{Behaviour, Receiver};
use crow::domain::delivery::{AttemptKind, DeliveryState};
use crow::domain::ids::ReplayId;
use crow::domain::replay::ReplayState;
use crow::domain::time::Timestamp;
use crow::wire::changes::{self, NoBody};
use crow::wire::replays::{NewReplay, ReplayPlan, ReplayRow};
use crow::wire::subscriptions::{DisableSubscription, EnableSubscription, MissedEventsChoice};
use std::collections::HashMap;
use std::time::Duration;

const OK: Behaviour = Behaviour::Status(200);
const BROKEN: Behaviour = Behaviour::Status(500);

impl Scene {
    fn wish(&self, states: &[DeliveryState]) -> NewReplay {
        NewReplay {
            since: Timestamp::from_millis(0),
            until: Some(self.platform.ambient.now().plus(Duration::from_secs(1))),
            states: states.to_vec(),
            dry_run: false,
            rate_per_second: Some(1_000),
        }
    }

    async fn plan(&self, wish: &NewReplay) -> ReplayPlan {
        self.platform.operator().change(changes::REPLAY_SUBSCRIPTION.at(self.subscription), wish).await.expect("a plan")
    }

    async fn replay(&self, id: ReplayId) -> ReplayRow {
        self.platform.operator().get_replay(id).await.expect("a replay")
    }

    /// Moves the clock until a replay has come to its end and nothing waits.
    async fn replayed(&self, id: ReplayId) {
        let is_done = async || {
            self.replay(id).await.phase == ReplayState::Finished
                && self.row().await.health.expect("its health").n_backlog == Some(0)
        };
        self.platform.advance_until("the replay is finished", is_done).await;
    }

    async fn emit_many(&self, n: usize) {
        for _ in 0..n {
            self.emit().await;
        }
    }

    async fn off(&self) {
        self.platform
            .operator()
            .change(changes::DISABLE_SUBSCRIPTION.at(self.subscription), &DisableSubscription::default())
            .await
            .expect("disabled");
    }

    async fn on(&self) {
        self.platform
            .operator()
            .change(changes::ENABLE_SUBSCRIPTION.at(self.subscription), &EnableSubscription::default())
            .await
            .expect("enabled");
    }
}

/// Returns how often each event was received.
fn times(receiver: &Receiver) -> HashMap<String, usize> {
    let mut times = HashMap::new();
    for request in receiver.ledger() {
        *times.entry(request.header("x-wlcro-event-id").to_owned()).or_default() += 1;
    }
    times
}

#[tokio::test]
async fn b2_missed_events_are_delivered_exactly_once_and_deliveries_on_hold_resume() {
    const MISSED: usize = 500;
    let receiver = Receiver::start(&[BROKEN]).await;
    let scene = Scene::with(&receiver).await;
    for n in 1..=3 {
        let event = scene.emit().await;
        receiver.received(n).await;
        scene.stands(event, DeliveryState::Pending).await;
    }
    scene.off().await;
    assert_eq!(scene.row().await.health.expect("its health").n_parked, Some(3));
    // A clock that is set back while it is off hides nothing.
    scene.emit_many(MISSED / 2).await;
    scene.platform.ambient.set_time(scene.platform.ambient.now().minus(Duration::from_secs(3_600)));
    scene.emit_many(MISSED / 2).await;
    assert_eq!(scene.row().await.health.expect("its health").n_skipped, Some(MISSED as u64), "they are seen");
    receiver.becomes(&[OK]);
    let before = receiver.ledger().len();
    let operator = scene.platform.operator();
    operator
        .change(
            changes::ENABLE_SUBSCRIPTION.at(scene.subscription),
            &EnableSubscription { replay: MissedEventsChoice::Missed },
        )
        .await
        .expect("enabled");
    let plan = operator.replays().await.expect("a page").items.remove(0);
    assert_eq!((plan.progress.n_selected, plan.rate_per_second), (MISSED as u64, 20));
    scene.replayed(plan.id).await;
    let ledger = receiver.ledger().split_off(before);
    assert_eq!(ledger.len(), MISSED + 3);
    let mut events: Vec<&str> = ledger.iter().map(|request| request.header("x-wlcro-event-id")).collect();
    events.sort_unstable();
    events.dedup();
    assert_eq!(events.len(), MISSED + 3, "each exactly once");
    let done = scene.replay(plan.id).await.progress;
    assert_eq!((done.n_taken, done.n_passed, done.n_succeeded), (MISSED as u64, 0, MISSED as u64));
    assert_eq!(scene.row().await.health.expect("its health").last_1h.n_succeeded, 3, "replays count for nothing");
}

#[tokio::test]
async fn a_dry_run_counts_and_changes_nothing() {
    let receiver = Receiver::start(&[OK]).await;
    let scene = Scene::with(&receiver).await;
    scene.emit_many(2).await;
    scene
        .platform
        .until("both arrive", async || scene.row().await.health.expect("its health").last_1h.n_succeeded == 2)
        .await;
    scene.off().await;
    scene.emit_many(3).await;
    let wish = NewReplay {
        dry_run: true,
        ..scene.wish(&[DeliveryState::Missed, DeliveryState::Succeeded, DeliveryState::Exhausted])
    };
    let plan = scene.plan(&wish).await;
    let counts: Vec<(DeliveryState, u64)> = plan.counts.iter().map(|count| (count.state, count.n)).collect();
    assert_eq!(counts, [(DeliveryState::Succeeded, 2), (DeliveryState::Exhausted, 0), (DeliveryState::Missed, 3)]);
    assert_eq!((plan.n_selected, plan.replay), (5, None));
    let none = NewReplay { until: Some(Timestamp::from_millis(1)), ..wish.clone() };
    assert_eq!(scene.plan(&none).await.n_selected, 0);
    assert!(scene.platform.operator().replays().await.expect("a page").items.is_empty());
    let bad =
        NewReplay { states: vec![DeliveryState::Pending], rate_per_second: Some(0), until: Some(wish.since), ..wish };
    let refused = scene
        .platform
        .operator()
        .change(changes::REPLAY_SUBSCRIPTION.at(scene.subscription), &bad)
        .await
        .expect_err("refused")
        .to_string();
    for field in ["states", "ratePerSecond", "until"] {
        assert!(refused.contains(field), "{refused}");
    }
}

#[tokio::test]
async fn replays_of_about_one_page_send_each_delivery_exactly_once_more() {
    for n in [99, 100, 101] {
        let receiver = Receiver::start(&[OK]).await;
        let scene = Scene::with(&receiver).await;
        scene.emit_many(n).await;
        scene
            .platform
            .until("all arrive", async || scene.row().await.health.expect("its health").last_1h.n_succeeded == n as u64)
            .await;
        let plan = scene.plan(&scene.wish(&[DeliveryState::Succeeded])).await.replay.expect("a plan");
        scene.replayed(plan.id).await;
        assert!(times(&receiver).values().all(|times| *times == 2), "{n}: each once more");
        assert_eq!(receiver.ledger().len(), 2 * n);
    }
}

#[tokio::test]
async fn a_replay_is_paused_resumed_and_cancelled_and_survives_a_restart() {
    let receiver = Receiver::start(&[OK]).await;
    let mut scene = Scene::with(&receiver).await;
    scene.off().await;
    scene.emit_many(30).await;
    scene.on().await;
    let wish = NewReplay { rate_per_second: Some(2), ..scene.wish(&[DeliveryState::Missed]) };
    let plan = scene.plan(&wish).await.replay.expect("a plan");
    receiver.received(2).await;
    let operator = scene.platform.operator();
    let paused = operator.change(changes::PAUSE_REPLAY.at(plan.id), &NoBody {}).await.expect("paused");
    assert_eq!(
        (paused.phase, paused.progress.n_taken),
        (ReplayState::Paused, 2),
        "two a second, and no time has passed"
    );
    // An answer that is on its way when the clock jumps would come too late.
    let arrived = async || scene.replay(plan.id).await.progress.n_succeeded == 2;
    scene.platform.until("both have arrived", arrived).await;
    scene.platform.advance(Duration::from_secs(60));
    scene
        .platform
        .until("nothing waits", async || scene.row().await.health.expect("its health").n_backlog == Some(0))
        .await;
    assert_eq!(receiver.ledger().len(), 2);
    scene.platform = scene.platform.restart().await;
    assert_eq!(scene.replay(plan.id).await.phase, ReplayState::Paused);
    let operator = scene.platform.operator();
    operator.change(changes::RESUME_REPLAY.at(plan.id), &NoBody {}).await.expect("resumed");
    scene.platform.advance_until("some more", async || receiver.ledger().len() >= 10).await;
    scene.platform = scene.platform.restart().await;
    scene.platform.advance_until("some more", async || receiver.ledger().len() >= 20).await;
    let operator = scene.platform.operator();
    let cancelled = operator.change(changes::CANCEL_REPLAY.at(plan.id), &NoBody {}).await.expect("cancelled");
    assert_eq!((cancelled.phase, cancelled.ended_utc.is_some()), (ReplayState::Cancelled, true));
    assert_eq!(
        operator.change(changes::RESUME_REPLAY.at(plan.id), &NoBody {}).await.expect("as it was").phase,
        ReplayState::Cancelled
    );
    scene
        .platform
        .until("nothing waits", async || scene.row().await.health.expect("its health").n_backlog == Some(0))
        .await;
    assert!(times(&receiver).values().all(|times| *times == 1));
    let taken = usize::try_from(cancelled.progress.n_taken).expect("few");
    assert_eq!(receiver.ledger().len(), taken, "what was taken is delivered, and nothing else");
    // What is left can be replayed by another plan.
    let rest = scene.plan(&scene.wish(&[DeliveryState::Missed])).await.replay.expect("a plan");
    scene.replayed(rest.id).await;
    assert_eq!((times(&receiver).len(), receiver.ledger().len()), (30, 30));
}

#[tokio::test]
async fn a_replay_waits_while_its_subscription_is_off_and_ends_with_it() {
    let receiver = Receiver::start(&[OK]).await;
    let scene = Scene::with(&receiver).await;
    scene.off().await;
    scene.emit_many(5).await;
    let plan = scene.plan(&scene.wish(&[DeliveryState::Missed])).await.replay.expect("a plan");
    scene.platform.advance(Duration::from_secs(60));
    assert_eq!(scene.replay(plan.id).await.progress.n_taken, 0);
    scene.on().await;
    scene.replayed(plan.id).await;
    assert_eq!(receiver.ledger().len(), 5);
    scene.off().await;
    let waiting = scene.plan(&scene.wish(&[DeliveryState::Succeeded])).await.replay.expect("a plan");
    let (key, id) =
        (scene.platform.key(&scene.company, &[crow::domain::scope::KeyScope::WebhooksWrite]).await, scene.subscription);
    let path = format!("/api/v1/webhooks/subscriptions/{id}");
    assert_eq!(scene.platform.call("DELETE", &path, &[("x-api-key", key.reveal())], None).await.status, 204);
    assert_eq!(scene.replay(waiting.id).await.phase, ReplayState::Cancelled);
}

#[tokio::test]
async fn f2_a_receiver_that_hangs_gets_one_attempt_at_a_time_and_four_after_it_was_enabled() {
    let receiver = Receiver::start(&[Behaviour::Hang]).await;
    let scene = Scene::with(&receiver).await;
    let in_flight = async |n: i64| {
        let database = scene.platform.database();
        let count = "SELECT count(*) FROM leases";
        database.query_row(count, [], |row| row.get::<_, i64>(0)).expect("a count") == n
    };
    scene.emit_many(12).await;
    scene.platform.until("four at once", async || in_flight(4).await).await;
    for n in 5..8 {
        scene.platform.advance(Duration::from_secs(10));
        receiver.received(n).await;
        scene.platform.until("one at a time", async || in_flight(1).await).await;
        assert_eq!(receiver.ledger().len(), n, "one at a time");
    }
    scene.off().await;
    scene.platform.advance(Duration::from_secs(10));
    scene.platform.until("the last attempt is over", async || in_flight(0).await).await;
    scene.on().await;
    scene.platform.until("four at once", async || in_flight(4).await).await;
    let kinds = scene.platform.operator().attempts(None, 50).await.expect("a page").items;
    assert!(kinds.iter().all(|attempt| attempt.kind == Some(AttemptKind::Scheduled)));
}
