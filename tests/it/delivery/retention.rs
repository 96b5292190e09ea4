//! Retention: what is old and over goes, what can still be delivered stays, and the counters stay true.

use super::Scene;
use crate::support::platform::Platform;
use crate::support::receiver::{Behaviour, Receiver};
use crow::domain::delivery::DeliveryState;
use crow::domain::ids::AttemptId;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn retention_deletes_old_finished_deliveries_and_keeps_waiting_ones() {
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let scene = Scene::keeping(&receiver, 30 * DAY).await;
    let old = scene.emit().await;
    scene.stands(old, DeliveryState::Succeeded).await;
    scene.platform.operator().disable_subscription(scene.subscription, None).await.expect("disabled");
    let missed = scene.emit().await;
    scene.platform.advance(29 * DAY);
    let young = scene.emit().await;
    let database = scene.platform.database();
    let count = |table: &str, event: i64| -> i64 {
        let column = if table == "events" { "id" } else { "event_id" };
        let sql = format!("SELECT count(*) FROM {table} WHERE {column} = ?1");
        database.query_row(&sql, [event], |row| row.get(0)).expect("a count")
    };
    assert_eq!((count("events", old), count("deliveries", old), count("attempts", old)), (1, 1, 1), "not yet");
    scene.platform.advance(2 * DAY);
    let is_gone = async || {
        scene.platform.advance(Duration::from_secs(1));
        count("events", old) == 0
    };
    scene.platform.until("it is forgotten", is_gone).await;
    assert_eq!((count("deliveries", old), count("attempts", old)), (0, 0));
    assert_eq!((count("events", missed), count("deliveries", missed)), (1, 1), "it can still be delivered");
    assert_eq!((count("events", young), count("deliveries", young)), (1, 1));
    let hours = "SELECT sum(n_ok) FROM attempt_rollups WHERE width_ms = 3600000";
    assert_eq!(database.query_row(hours, [], |row| row.get::<_, i64>(0)).expect("a sum"), 1, "counters stay");
    scene.platform.operator().delete_subscription(scene.subscription).await.expect("deleted");
    let is_gone = async || {
        scene.platform.advance(Duration::from_secs(60));
        count("events", skipped) == 0
    };
    scene.platform.until("nothing can deliver it any more", is_gone).await;
    assert_eq!((count("deliveries", skipped), count("events", young)), (0, 1));
}

/// Attempts with full bodies that the quota of the test has room for, about.
const FULL: i64 = 20;

#[tokio::test]
async fn f1_a_log_beyond_its_quota_drops_its_oldest_bodies_and_leaves_other_companies_alone() {
    let receiver = Receiver::start(&[Behaviour::Large(16_384, 3)]).await;
    let platform = Platform::with_log_quota(FULL.unsigned_abs() * 20_000).await;
    let scene = Scene::upon(platform, &receiver.url).await;
    let other = scene.platform.company("Beta").await;
    scene.platform.subscribe(&other, &receiver.url).await;
    let of_other = scene.platform.emit(other.id).await;
    for _ in 0..3 * FULL {
        scene.emit().await;
    }
    let last = scene.emit().await;
    scene.stands(of_other.0, DeliveryState::Succeeded).await;
    scene.stands(last, DeliveryState::Succeeded).await;
    let database = scene.platform.database();
    let ask = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number");
    let n_full = || ask("SELECT count(*) FROM attempts WHERE company_id = 1 AND stripped_at IS NULL");
    let is_within = async || {
        scene.platform.advance(Duration::from_secs(1));
        n_full() <= FULL && ask("SELECT n_bytes FROM company_log_sizes WHERE company_id = 1") <= FULL * 20_000
    };
    scene.platform.until("the log fits", is_within).await;
    assert!(n_full() > 0, "the newest are whole");
    let operator = scene.platform.operator();
    let detail = async |which: &str| {
        let id = ask(&format!("SELECT {which}(id) FROM attempts WHERE company_id = 1"));
        operator.attempt(AttemptId(id)).await.expect("a detail")
    };
    let (oldest, newest) = (detail("min").await, detail("max").await);
    assert!(oldest.shed_utc.is_some() && oldest.response_headers.is_empty() && oldest.request_headers.is_empty());
    assert_eq!(
        (oldest.response_body.n_bytes, oldest.response_body.truncated),
        (16_384, true),
        "the row says how much there was"
    );
    assert!(oldest.response_body.base64.is_empty());
    assert_eq!((oldest.row.status_code, newest.shed_utc), (Some(200), None));
    assert_eq!(newest.response_body.text.expect("text").raw().len(), 16_384);
    assert_eq!(ask("SELECT count(*) FROM attempts WHERE company_id = 2 AND stripped_at IS NULL"), 1);
}

#[tokio::test]
async fn f1_a_log_of_small_answers_beyond_its_quota_loses_its_oldest_attempts() {
    const QUOTA: i64 = 16_000;
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let platform = Platform::with_log_quota(QUOTA.unsigned_abs()).await;
    let scene = Scene::upon(platform, &receiver.url).await;
    let first = scene.emit().await;
    for _ in 0..100 {
        scene.emit().await;
    }
    let last = scene.emit().await;
    scene.stands(first, DeliveryState::Succeeded).await;
    scene.stands(last, DeliveryState::Succeeded).await;
    let database = scene.platform.database();
    let ask = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number");
    let is_within = async || {
        scene.platform.advance(Duration::from_secs(1));
        ask("SELECT n_bytes FROM company_log_sizes") <= QUOTA
    };
    scene.platform.until("the log fits", is_within).await;
    let n = |event: i64| ask(&format!("SELECT count(*) FROM attempts WHERE event_id = {event}"));
    assert_eq!((n(first), n(last)), (0, 1));
    assert_eq!(scene.delivery(first).await.1, DeliveryState::Succeeded, "what became of it is still known");
}

#[tokio::test]
async fn f1_the_stored_head_of_an_answer_is_bounded() {
    let receiver = Receiver::start(&[Behaviour::Large(0, 60)]).await;
    let scene = Scene::with(&receiver).await;
    let event = scene.emit().await;
    scene.stands(event, DeliveryState::Succeeded).await;
    let stored = "SELECT octet_length(response_headers) FROM attempts";
    let n_bytes: i64 = scene.platform.database().query_row(stored, [], |row| row.get(0)).expect("a number");
    assert!((7_000..=8_192 + 1_024).contains(&n_bytes), "{n_bytes}");
}
