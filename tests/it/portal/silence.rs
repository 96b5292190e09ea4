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
    let why = "no events for 25 min (limit 24 min); the longest of the last 20 gaps was 8 min; P finds out why";
    let wanted = (AlertSubject::Events(scene.company.id), why.to_owned(), last.plus(Duration::from_secs(24 * 60)));
    assert_eq!(silent(platform).await, [wanted]);
    scene.emit(EventType::LeadCreated).await;
    assert_eq!(silent(platform).await, []);
}

#[tokio::test]
async fn a_revoked_key_in_use_and_callers_without_a_valid_key_are_alerts() {
    let scene = Scene::new().await;
    let platform = &scene.platform;
    let refused = async || {
        let overview = platform.operator().overview(10).await.expect("an overview");
        let alerts = ActiveAlerts::default().updated(&overview, overview.server_utc);
        let about = alerts.list().iter().filter(|alert| alert.why.contains(" got 401 "));
        about.map(|alert| (alert.subject.to_string(), alert.why.clone())).collect::<Vec<_>>()
    };
    let key = platform.operator().keys().await.expect("keys").items[0].id;
    scene.call("POST", &format!("/portal/v1/keys/{key}/revoke"), None).await;
    for _ in 0..2 {
        platform.call("GET", "/api/v1/events", &[("x-api-key", scene.key.reveal())], None).await;
        platform.call("GET", "/api/v1/events", &[], None).await;
    }
    assert_eq!(refused().await, [], "two calls are no alert");
    for _ in 0..2 {
        platform.call("GET", "/api/v1/events", &[("x-api-key", scene.key.reveal())], None).await;
        platform.call("GET", "/api/v1/events", &[], None).await;
    }
    let both = async || {
        // The log is written in steps of the clock.
        platform.advance(Duration::from_millis(200));
        refused().await.len() == 2
    };
    platform.until("both are alerts", both).await;
    let mut told = refused().await;
    told.sort();
    let [(callers, without), (revoked, in_use)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((callers.as_str(), revoked.as_str()), ("callers", format!("key {key}").as_str()));
    assert!(without.ends_with(" without a valid key in 10 min; P finds out why"), "{without}");
    assert!(in_use.starts_with("revoked and still in use: ") && in_use.ends_with("; P finds out why"), "{in_use}");
}
