//! Companies whose events stay away.

use super::Scene;
use crate::support::platform::Platform;
use crow::domain::alert::AlertSubject;
use crow::domain::event::EventType;
use crow::domain::event_gap::GAP_SAMPLE_COUNT;
use crow::domain::time::Timestamp;
use crow::sync::alerts::ActiveAlerts;
use std::time::Duration;

/// The alerts about silences, by who is silent.
async fn silent(platform: &Platform) -> Vec<(AlertSubject, String, Timestamp)> {
    let overview = platform.operator().overview(10).await.expect("an overview");
    let alerts = ActiveAlerts::default().updated(&overview, overview.server_utc);
    let about = alerts.list().iter().filter(|alert| matches!(alert.subject, AlertSubject::Events(_)));
    about.map(|alert| (alert.subject, alert.why.clone(), alert.since)).collect()
}

#[tokio::test]
async fn missing_events_are_an_alert_until_one_arrives_and_the_stream_announces_both() {
    let scene = Scene::new().await;
    let platform = &scene.platform;
    let mut last = platform.ambient.now();
    for n in 0..=GAP_SAMPLE_COUNT {
        scene.emit(EventType::LeadCreated).await;
        last = platform.ambient.now();
        if n < GAP_SAMPLE_COUNT {
            // One pause is longer than the others: it is usual too.
            platform.advance(Duration::from_secs(if n == 3 { 480 } else { 60 }));
        }
    }
    platform.advance(Duration::from_secs(23 * 60));
    assert_eq!(silent(platform).await, []);
    let cursor = platform.operator().overview(1).await.expect("an overview").cursor;
    platform.advance(Duration::from_secs(2 * 60));
    let told = async || platform.operator().overview(1).await.expect("an overview").cursor > cursor;
    platform.until("the change is told", told).await;
    let why = "no events for 25 min (limit 24 min); the longest of the last 20 gaps was 8 min";
    let wanted = (AlertSubject::Events(scene.company.id), why.to_owned(), last.plus(Duration::from_secs(24 * 60)));
    assert_eq!(silent(platform).await, [wanted]);
    scene.emit(EventType::LeadCreated).await;
    assert_eq!(silent(platform).await, []);
}
