//! The breaker: exactly at twenty, once, whatever else happens.

use super::Scene;
use crate::support::receiver::{Behaviour, Receiver};
use crow::domain::breaker::FAILURE_THRESHOLD;
use crow::domain::delivery::DeliveryState;
use crow::domain::disabled_reason::DisabledReason;
use crow::domain::time::Timestamp;
use crow::wire::changes::{self, NoBody};
use crow::wire::replays::NewReplay;

const OK: Behaviour = Behaviour::Status(200);
const BROKEN: Behaviour = Behaviour::Status(500);

impl Scene {
    /// Publishes events one after the other, each after the attempt of the previous one is stored. No time passes, so
    /// that no attempt is retried.
    async fn one_by_one(&self, n: u32) {
        for _ in 0..n {
            let before = self.n_attempts();
            self.emit().await;
            self.platform.until("the attempt is written down", async || self.n_attempts() == before + 1).await;
        }
    }

    fn n_attempts(&self) -> i64 {
        let count = "SELECT count(*) FROM attempts";
        self.platform.database().query_row(count, [], |row| row.get(0)).expect("a count")
    }

    fn n_trips(&self) -> i64 {
        self.platform.database().query_row("SELECT count(*) FROM trips", [], |row| row.get(0)).expect("a count")
    }

    /// The streak, and whether the subscription is on.
    async fn fuse(&self) -> (u32, bool) {
        let row = self.row().await.subscription;
        (row.consecutive_failures.expect("a streak"), row.is_enabled)
    }
}

#[tokio::test]
async fn b1_nineteen_failures_a_success_and_twenty_failures_trip_once() {
    let mut script = vec![BROKEN; FAILURE_THRESHOLD as usize - 1];
    script.extend([OK, BROKEN]);
    let receiver = Receiver::start(&script).await;
    let scene = Scene::with(&receiver).await;
    scene.one_by_one(FAILURE_THRESHOLD - 1).await;
    assert_eq!(scene.fuse().await, (FAILURE_THRESHOLD - 1, true));
    scene.one_by_one(1).await;
    assert_eq!(scene.fuse().await, (0, true), "a success zeroes");
    scene.one_by_one(FAILURE_THRESHOLD - 1).await;
    assert_eq!((scene.fuse().await, scene.n_trips()), ((FAILURE_THRESHOLD - 1, true), 0));
    scene.one_by_one(1).await;
    assert_eq!((scene.fuse().await, scene.n_trips()), ((FAILURE_THRESHOLD, false), 1));
    assert_eq!(scene.row().await.subscription.disabled_reason, Some(DisabledReason::Breaker));
}

#[tokio::test]
async fn b1_sixty_four_concurrent_failures_trip_once_at_twenty() {
    let receiver = Receiver::start(&[BROKEN]).await;
    let scene = Scene::with(&receiver).await;
    for _ in 0..64 {
        scene.emit().await;
    }
    scene.platform.until("it trips", async || scene.n_trips() == 1).await;
    let count = "SELECT count(*) FROM leases";
    let n_in_flight =
        async || scene.platform.database().query_row(count, [], |row| row.get::<_, i64>(0)).expect("a count");
    scene.platform.until("the last attempts are written down", async || n_in_flight().await == 0).await;
    assert_eq!((scene.fuse().await, scene.n_trips()), ((FAILURE_THRESHOLD, false), 1));
    let sent = receiver.ledger().len();
    assert!((20..=23).contains(&sent), "twenty, and what was under way then: {sent}");
    let row = scene.row().await;
    assert_eq!(
        (row.health.expect("its health").n_missed_or_held(), row.health.expect("its health").n_backlog),
        (Some(64), Some(0)),
        "the rest waits"
    );
}

#[tokio::test]
async fn b1_a_restart_at_nineteen_keeps_the_failures_in_a_row() {
    let receiver = Receiver::start(&[BROKEN]).await;
    let mut scene = Scene::with(&receiver).await;
    scene.one_by_one(FAILURE_THRESHOLD - 1).await;
    scene.platform = scene.platform.restart().await;
    assert_eq!((scene.fuse().await, scene.n_trips()), ((FAILURE_THRESHOLD - 1, true), 0));
    scene.one_by_one(1).await;
    assert_eq!((scene.fuse().await, scene.n_trips()), ((FAILURE_THRESHOLD, false), 1));
}

#[tokio::test]
async fn b1_resends_and_replays_at_nineteen_do_not_count() {
    let receiver = Receiver::start(&[OK, BROKEN]).await;
    let scene = Scene::with(&receiver).await;
    let event = scene.emit().await;
    let arrived = scene.stands(event, DeliveryState::Succeeded).await;
    scene.one_by_one(FAILURE_THRESHOLD - 1).await;
    let operator = scene.platform.operator();
    let n = scene.n_attempts();
    operator.change(changes::RESEND_DELIVERY.at(arrived), &NoBody {}).await.expect("accepted");
    scene.platform.until("the resend is written down", async || scene.n_attempts() == n + 1).await;
    let wish = NewReplay {
        since: Timestamp::from_millis(0),
        until: Some(scene.platform.ambient.now().plus(std::time::Duration::from_secs(1))),
        states: vec![DeliveryState::Succeeded],
        dry_run: false,
        rate_per_second: None,
    };
    assert_eq!(
        operator.change(changes::REPLAY_SUBSCRIPTION.at(scene.subscription), &wish).await.expect("a plan").n_selected,
        1
    );
    scene.platform.until("the replay is written down", async || scene.n_attempts() == n + 2).await;
    assert_eq!((scene.fuse().await, scene.n_trips()), ((FAILURE_THRESHOLD - 1, true), 0));
    scene.one_by_one(1).await;
    assert_eq!((scene.fuse().await, scene.n_trips()), ((FAILURE_THRESHOLD, false), 1));
}
