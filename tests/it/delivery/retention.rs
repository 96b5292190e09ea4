//! Retention: what is old and over goes, what can still be delivered stays, and the counters stay true.

use super::Scene;
use crate::support::receiver::{Behaviour, Receiver};
use crow::domain::delivery::State;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn what_is_old_and_over_is_deleted_and_what_waits_is_not() {
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let scene = Scene::keeping(&receiver, 30 * DAY).await;
    let old = scene.emit().await;
    scene.stands(old, State::Succeeded).await;
    scene.platform.operator().disable(scene.subscription, None).await.expect("disabled");
    let skipped = scene.emit().await;
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
    assert_eq!((count("events", skipped), count("deliveries", skipped)), (1, 1), "it can still be delivered");
    assert_eq!((count("events", young), count("deliveries", young)), (1, 1));
    let hours = "SELECT sum(n_ok) FROM attempt_rollups WHERE span_ms = 3600000";
    assert_eq!(database.query_row(hours, [], |row| row.get::<_, i64>(0)).expect("a sum"), 1, "counters stay");
}
