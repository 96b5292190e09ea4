//! Alerts: a subscription disabled without a reason, and acknowledgements.

use super::Scene;
use crate::support::platform::Platform;
use crow::domain::alert::{ACKNOWLEDGEMENT_TTL, AlertSubject, MAX_NOTE_CHARS};
use crow::domain::event::EventType;
use crow::domain::health_status::HealthStatus;
use crow::domain::text::Untrusted;
use crow::sync::alerts::{ActiveAlerts, Alert};
use crow::wire::alerts::{AcknowledgementRow, NewAcknowledgement};
use crow::wire::changes;
use crow::wire::page::Page;
use crow::wire::paths;
use crow::wire::subscriptions::{DisableScope, DisableSubscription, EnableSubscription};
use serde_json::json;
use std::time::Duration;

const PATH: &str = "/portal/v1/acknowledgements";

/// The alerts that a console which looks now sees of subscriptions.
async fn alerts(platform: &Platform) -> Vec<Alert> {
    let overview = platform.operator().overview(10).await.expect("an overview");
    let alerts = ActiveAlerts::default().updated(&overview, overview.server_utc);
    let about = alerts.list().iter().filter(|alert| matches!(alert.subject, AlertSubject::Subscription(_)));
    about.cloned().collect()
}

#[tokio::test]
async fn a_disabled_subscription_is_an_alert_until_a_reason_is_given() {
    let scene = Scene::new().await;
    let (platform, operator) = (&scene.platform, scene.platform.operator());
    let id = scene.subscribe(&["lead.created"]).await;
    let disable = format!("/portal/v1/subscriptions/{id}/disable");
    let off = scene.call("POST", &disable, Some("{}")).await.json();
    assert_eq!((off["disabledReason"].as_str(), off["disabledNote"].as_str()), (Some("manual"), None));
    let raised = alerts(platform).await;
    assert_eq!(raised.iter().map(|alert| alert.standing).collect::<Vec<_>>(), [HealthStatus::Warning]);
    assert!(raised[0].why.contains("no reason given"), "{}", raised[0].why);
    // What is no reason changes nothing.
    operator.change(changes::DISABLE_SUBSCRIPTION.at(id), &DisableSubscription::because("   ")).await.expect("asked");
    assert_eq!(alerts(platform).await.len(), 1);
    let long = json!({"reason": "x".repeat(MAX_NOTE_CHARS + 1)}).to_string();
    let refused = scene.call("POST", &disable, Some(&long)).await;
    assert_eq!((refused.status, refused.json()["errors"]["reason"].is_null()), (400, false));
    let marked = operator
        .change(changes::DISABLE_SUBSCRIPTION.at(id), &DisableSubscription::because(" they move house "))
        .await
        .expect("marked");
    assert_eq!(marked.disabled_note.as_ref().map(Untrusted::raw), Some("they move house"));
    assert_eq!(alerts(platform).await, []);
    let audit = scene.get("/portal/v1/audit").await;
    assert_eq!(audit["items"][0]["action"], "mark subscription as intended");
    assert_eq!((&audit["items"][0]["after"], audit["items"][0]["before"].is_null()), (&json!("they move house"), true));
    // Who only marks never switches anything off.
    operator.change(changes::ENABLE_SUBSCRIPTION.at(id), &EnableSubscription::default()).await.expect("enabled");
    let refused = operator
        .change(
            changes::DISABLE_SUBSCRIPTION.at(id),
            &DisableSubscription { reason: Some("they move house".to_owned()), only: DisableScope::Off },
        )
        .await
        .expect_err("it is on");
    assert!(refused.to_string().contains("not disabled by hand"), "{refused}");
    assert!(operator.subscription(id).await.expect("a row").subscription.is_enabled);
    operator.change(changes::DISABLE_SUBSCRIPTION.at(id), &DisableSubscription::default()).await.expect("disabled");
    assert_eq!(
        operator
            .change(
                changes::DISABLE_SUBSCRIPTION.at(id),
                &DisableSubscription { reason: Some("they moved".to_owned()), only: DisableScope::Off }
            )
            .await
            .expect("marked")
            .disabled_note,
        Some("they moved".into())
    );
    // Enabling forgets it: who disables it next has to say why again.
    let on =
        operator.change(changes::ENABLE_SUBSCRIPTION.at(id), &EnableSubscription::default()).await.expect("enabled");
    assert_eq!(on.disabled_note, None);
    let path = format!("/api/v1/webhooks/subscriptions/{id}");
    let headers = [super::JSON, ("x-api-key", scene.key.reveal())];
    let switched = platform.call("PATCH", &path, &headers, Some(r#"{"isEnabled": false}"#)).await;
    assert_eq!((switched.status, switched.json()["disabledNote"].is_null()), (200, true));
    assert_eq!(alerts(platform).await.len(), 1, "a partner cannot say why");
}

#[tokio::test]
async fn an_acknowledgement_is_shown_to_all_operators_for_a_day_or_until_the_alert_recurs() {
    let scene = Scene::new().await;
    let (platform, operator) = (&scene.platform, scene.platform.operator());
    let id = scene.subscribe(&["lead.created"]).await;
    operator.change(changes::DISABLE_SUBSCRIPTION.at(id), &DisableSubscription::default()).await.expect("disabled");
    platform.advance(Duration::from_secs(5));
    let subject = AlertSubject::Subscription(id);
    let cursor = operator.overview(1).await.expect("an overview").cursor;
    let said = operator
        .change(
            &changes::ACKNOWLEDGE_ALERT,
            &NewAcknowledgement::new(subject, HealthStatus::Warning, Some("on it\u{1b}[2J".to_owned())),
        )
        .await
        .expect("said");
    assert_eq!((said.subject.as_str(), said.state.as_str()), (format!("subscription {id}").as_str(), "wrn"));
    assert!(operator.overview(1).await.expect("an overview").cursor > cursor, "the stream tells");
    let care = alerts(platform).await.remove(0).acknowledged.expect("an acknowledgement");
    assert_eq!((care.by.raw(), care.at), (said.by.raw(), said.utc));
    assert!(care.line().starts_with("acknowledged by ") && !care.line().contains('\u{1b}'), "{}", care.line());
    let audit = scene.get("/portal/v1/audit").await;
    assert_eq!(audit["items"][0]["action"], "acknowledge alert");
    // Another word takes the place of the one before.
    operator
        .change(&changes::ACKNOWLEDGE_ALERT, &NewAcknowledgement::new(subject, HealthStatus::Warning, None))
        .await
        .expect("said");
    assert_eq!(
        operator.get_any::<Page<AcknowledgementRow>>(paths::ACKNOWLEDGEMENTS, &[]).await.expect("a list").items.len(),
        1
    );
    // What stands better than when it was said is looked after still; what begins anew is another alert.
    operator
        .change(&changes::ACKNOWLEDGE_ALERT, &NewAcknowledgement::new(subject, HealthStatus::Failing, None))
        .await
        .expect("said");
    assert!(alerts(platform).await.remove(0).acknowledged.is_some());
    operator.change(changes::ENABLE_SUBSCRIPTION.at(id), &EnableSubscription::default()).await.expect("enabled");
    platform.advance(Duration::from_secs(5));
    operator.change(changes::DISABLE_SUBSCRIPTION.at(id), &DisableSubscription::default()).await.expect("disabled");
    assert_eq!(alerts(platform).await.remove(0).acknowledged, None);
    operator
        .change(&changes::ACKNOWLEDGE_ALERT, &NewAcknowledgement::new(subject, HealthStatus::Warning, None))
        .await
        .expect("said");
    assert!(alerts(platform).await.remove(0).acknowledged.is_some());
    platform.advance(ACKNOWLEDGEMENT_TTL);
    assert_eq!(alerts(platform).await.remove(0).acknowledged, None);
    assert_eq!(
        operator.get_any::<Page<AcknowledgementRow>>(paths::ACKNOWLEDGEMENTS, &[]).await.expect("a list").items,
        []
    );
}

#[tokio::test]
async fn acknowledging_a_missing_subject_is_refused() {
    let scene = Scene::new().await;
    let key = scene.platform.operator().keys().await.expect("keys").items[0].id;
    let cases = [
        (json!({"subject": "clock", "state": "wrn"}), 201),
        (json!({"subject": "pipeline", "state": "err", "note": ""}), 201),
        (json!({"subject": format!("window {key} read"), "state": "err"}), 201),
        (json!({"subject": "subscription 99", "state": "err"}), 404),
        (json!({"subject": "key 99", "state": "wrn"}), 404),
        (json!({"subject": "events 99", "state": "wrn"}), 404),
        (json!({"subject": "the moon", "state": "wrn"}), 400),
        (json!({"subject": "clock", "state": "ok"}), 400),
        (json!({"subject": "clock", "state": "wrn", "note": "x".repeat(MAX_NOTE_CHARS + 1)}), 400),
    ];
    for (body, status) in cases {
        let answer = scene.call("POST", PATH, Some(&body.to_string())).await;
        assert_eq!(answer.status, status, "{body}: {}", String::from_utf8_lossy(&answer.body));
    }
}

/// The alerts about pollers that a console which looks now sees.
async fn poller_alerts(platform: &Platform) -> Vec<Alert> {
    let overview = platform.operator().overview(10).await.expect("an overview");
    let alerts = ActiveAlerts::default().updated(&overview, overview.server_utc);
    alerts.list().iter().filter(|alert| matches!(alert.subject, AlertSubject::Poller(_))).cloned().collect()
}

#[tokio::test]
async fn a_poller_that_reads_the_same_page_again_is_an_alert_until_it_follows_its_cursor() {
    let scene = Scene::new().await;
    let platform = &scene.platform;
    let poll = async |query: &str, agent: &str| {
        let headers = [("x-api-key", scene.key.reveal()), ("user-agent", agent)];
        platform.call("GET", &format!("/api/v1/events?{query}"), &headers, None).await.json()
    };
    // Nothing happened yet: whoever polls again and again is idle.
    let idle = poll("limit=2", "idle/1").await;
    let cursor = idle["nextCursor"].as_str().expect("a cursor").to_owned();
    for _ in 0..9 {
        poll("limit=2", "new/1").await;
        poll(&format!("limit=2&cursor={cursor}"), "idle/1").await;
    }
    assert_eq!(poller_alerts(platform).await, []);
    for _ in 0..5 {
        scene.emit(EventType::LeadCreated).await;
    }
    // A fixed window, read once to its end.
    let mut page = poll("limit=1&until=2100-01-01T00:00:00Z", "report/1").await;
    while page["hasMore"] == true {
        let cursor = page["nextCursor"].as_str().expect("a cursor").to_owned();
        page = poll(&format!("limit=1&until=2100-01-01T00:00:00Z&cursor={cursor}"), "report/1").await;
    }
    for n in 1..=5 {
        assert_eq!(poller_alerts(platform).await, [], "{n}");
        poll("limit=2", "stuck/1").await;
    }
    let raised = poller_alerts(platform).await;
    let [alert] = raised.as_slice() else { panic!("{raised:?}") };
    assert_eq!((alert.standing, alert.name.raw()), (HealthStatus::Warning, "test key"));
    assert!(alert.why.starts_with("5 polls in a row read the same page"), "{}", alert.why);
    assert!(alert.why.ends_with("P finds out why"), "{}", alert.why);
    let metrics = String::from_utf8(platform.call("GET", "/metrics", &[], None).await.body).expect("text");
    assert!(metrics.contains("crow_alerts{rule=\"poller_stuck\"} 1"), "{metrics}");
    let subject = alert.subject.to_string();
    let said = json!({"subject": subject, "state": "wrn"}).to_string();
    assert_eq!(scene.call("POST", PATH, Some(&said)).await.status, 201);
    assert!(poller_alerts(platform).await[0].acknowledged.is_some());
    let page = poll("limit=2", "stuck/1").await;
    let cursor = page["nextCursor"].as_str().expect("a cursor");
    poll(&format!("limit=2&cursor={cursor}"), "stuck/1").await;
    assert_eq!(poller_alerts(platform).await, [], "it went on");
}

#[tokio::test]
async fn polls_with_an_invalid_cursor_or_for_times_without_events_are_an_alert() {
    let scene = Scene::new().await;
    let platform = &scene.platform;
    let poll = async |query: &str| {
        let headers = [("x-api-key", scene.key.reveal()), ("user-agent", "poller/1")];
        platform.call("GET", &format!("/api/v1/events?{query}"), &headers, None).await.status
    };
    for (query, status, words) in [
        ("cursor=bm90IG91cnM", 400, "3 polls in a row sent an invalid cursor"),
        ("until=2020-01-01T00:00:00Z", 200, "3 polls in a row asked only for events before 2020-01-01 00:00 UTC"),
        ("since=2100-01-01T00:00:00Z", 200, "3 polls in a row asked only for events after a future time"),
    ] {
        for _ in 0..3 {
            assert_eq!(poller_alerts(platform).await, [], "{query}");
            assert_eq!(poll(query).await, status);
        }
        if status == 200 {
            assert_eq!(poller_alerts(platform).await, [], "{query}: no event is missing yet");
            scene.emit(EventType::LeadCreated).await;
        }
        let raised = poller_alerts(platform).await;
        assert!(raised.len() == 1 && raised[0].why.starts_with(words), "{query}: {raised:?}");
        assert_eq!(poll("limit=200").await, 200);
        if status == 200 {
            // What the next query excludes must be newer than its first poll.
            platform.advance(Duration::from_secs(1));
        }
    }
}
