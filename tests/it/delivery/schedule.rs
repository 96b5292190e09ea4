//! The schedule through the whole platform: eleven tries, none early, whatever the clock does.

use super::Scene;
use crate::support::receiver::{Behaviour, Receiver};
use crow::domain::delivery::{DeliveryState, MAX_RETRIES, RetryPolicy};
use std::time::Duration;

const BROKEN: Behaviour = Behaviour::Status(500);

#[tokio::test]
async fn b3_eleven_attempts_each_within_its_jitter_and_none_early() {
    let receiver = Receiver::start(&[BROKEN]).await;
    let scene = Scene::with(&receiver).await;
    let event = scene.emit().await;
    let is_over = async || scene.delivery(event).await.1 == DeliveryState::Exhausted;
    scene.platform.advance_until("all tries are made", is_over).await;
    let (id, _) = scene.delivery(event).await;
    let mut attempts = scene.platform.operator().delivery(id).await.expect("a delivery").attempts;
    attempts.reverse();
    assert_eq!(attempts.len(), MAX_RETRIES as usize + 1);
    let schedule = RetryPolicy::default();
    for (n, pair) in attempts.windows(2).enumerate() {
        let plan = (schedule.base * (1 << n)).min(schedule.max_delay());
        let wait = pair[1].started_utc.since(pair[0].started_utc);
        assert!(wait >= plan.mul_f64(0.8) && wait <= plan.mul_f64(1.2) + Duration::from_secs(1), "{n}: {wait:?}");
    }
    assert_eq!(receiver.ledger().len(), 11);
}

#[tokio::test]
async fn k7_a_clock_that_is_set_back_delays_no_delivery() {
    for back in [300, 86_400] {
        let receiver = Receiver::start(&[BROKEN]).await;
        let scene = Scene::with(&receiver).await;
        let event = scene.emit().await;
        receiver.received(1).await;
        scene.stands(event, DeliveryState::Pending).await;
        let due = async || scene.row().await.health.expect("its health").next_due_utc.expect("planned");
        let planned = due().await.since(scene.platform.ambient.now());
        scene.platform.ambient.set_time(scene.platform.ambient.now().minus(Duration::from_secs(back)));
        // The clerk looks at the clock five times a second.
        let is_near = async || {
            scene.platform.advance(Duration::from_millis(100));
            due().await.since(scene.platform.ambient.now()) <= planned
        };
        scene.platform.until("what is due has moved with the clock", is_near).await;
        scene.platform.advance_until("the retry", async || receiver.ledger().len() == 2).await;
    }
}

#[tokio::test]
async fn k7_a_clock_that_was_set_back_while_stopped_is_noticed_at_the_start() {
    let receiver = Receiver::start(&[BROKEN]).await;
    let mut scene = Scene::with(&receiver).await;
    let event = scene.emit().await;
    receiver.received(1).await;
    scene.stands(event, DeliveryState::Pending).await;
    let ambient = scene.platform.ambient.clone();
    scene.platform =
        scene.platform.restart_after(|_| ambient.set_time(ambient.now().minus(Duration::from_secs(30 * 86_400)))).await;
    let due = scene.row().await.health.expect("its health").next_due_utc.expect("planned");
    assert!(due.since(ambient.now()) <= Duration::from_secs(4 * 3_600 * 24 / 10), "{due:?}");
}

#[tokio::test]
async fn k7_a_clock_that_jumps_a_day_ahead_starts_no_thundering_herd() {
    let receiver = Receiver::start(&[BROKEN, BROKEN, BROKEN, BROKEN, Behaviour::Hang]).await;
    let scene = Scene::with(&receiver).await;
    for n in 1..=4 {
        let event = scene.emit().await;
        receiver.received(n).await;
        scene.stands(event, DeliveryState::Pending).await;
    }
    for _ in 0..20 {
        scene.emit().await;
    }
    // The failures have left one attempt at a time.
    receiver.received(5).await;
    scene.platform.ambient.set_time(scene.platform.ambient.now().plus(Duration::from_secs(86_400)));
    // The one that hangs is given up; the next one takes its place.
    scene.platform.advance(Duration::from_secs(10));
    receiver.received(6).await;
    let count = "SELECT count(*) FROM leases";
    let n: i64 = scene.platform.database().query_row(count, [], |row| row.get(0)).expect("a count");
    assert_eq!(n, 1, "one at a time, whatever is due");
}

#[tokio::test]
async fn k6_an_outcome_is_refused_after_its_lease_was_lost() {
    let receiver = Receiver::start(&[Behaviour::Hang, Behaviour::Status(200)]).await;
    let scene = Scene::with(&receiver).await;
    let event = scene.emit().await;
    receiver.received(1).await;
    let id = scene.stands(event, DeliveryState::InFlight).await;
    // Another worker has the delivery now.
    let steal = "UPDATE leases SET token = 'another' WHERE delivery_id = ?1";
    assert_eq!(scene.platform.database().execute(steal, [id.0]).expect("written"), 1);
    scene.platform.advance(Duration::from_secs(10));
    // A second event is served after the first flight has landed, or beside it; either way its outcome is in the log and the other is not.
    let other = scene.emit().await;
    scene.stands(other, DeliveryState::Succeeded).await;
    let detail = scene.platform.operator().delivery(id).await.expect("a delivery");
    assert_eq!((detail.attempts.len(), detail.row.n_attempts, detail.row.state), (0, 0, DeliveryState::InFlight));
    assert_eq!(scene.row().await.subscription.consecutive_failures, Some(0));
    // The lease of the other ends by itself, and the delivery is made.
    let is_made = async || {
        scene.platform.advance(Duration::from_secs(1));
        scene.delivery(event).await.1 == DeliveryState::Succeeded
    };
    scene.platform.until("it is returned and made", is_made).await;
}

#[tokio::test]
async fn b6_one_hanging_endpoint_of_fifty_delays_no_other() {
    const EVENTS: usize = 8;
    let healthy = Receiver::start(&[Behaviour::Status(200)]).await;
    let hanging = Receiver::start(&[Behaviour::Hang]).await;
    let scene = Scene::with(&hanging).await;
    for _ in 1..50 {
        scene.platform.subscribe(&scene.company, &healthy.url).await;
    }
    for _ in 0..EVENTS {
        scene.emit().await;
    }
    // The clock stands still: whatever waited for the one that hangs would wait for ever.
    healthy.received(49 * EVENTS).await;
    hanging.received(4).await;
    assert_eq!(hanging.ledger().len(), 4, "it holds its own four places and no other");
}
