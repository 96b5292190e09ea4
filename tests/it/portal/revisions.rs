//! Earlier configurations of subscriptions.

use super::Scene;
use rusqlite::Connection;
use serde_json::json;

#[tokio::test]
async fn every_configuration_of_a_subscription_is_kept_and_can_be_restored() {
    let mut scene = Scene::new().await;
    let id = scene.subscribe(&["lead.created"]).await;
    let first = scene.receiver.url.clone();
    scene.platform = scene
        .platform
        .restart_after(|dir| {
            let connection = Connection::open(dir.join("platform.db")).expect("a database");
            let sql = "UPDATE subscriptions SET target_url = 'http://127.0.0.1:9/', event_types = 'client.created,lead.created'";
            connection.execute_batch(sql).expect("it is changed");
        })
        .await;
    scene.token = scene.platform.token();
    let path = format!("/portal/v1/subscriptions/{id}");
    let revisions = scene.get(&format!("{path}/revisions")).await;
    let targets: Vec<_> =
        revisions["items"].as_array().expect("rows").iter().map(|row| row["targetUrl"].clone()).collect();
    assert_eq!(targets, [json!("http://127.0.0.1:9/"), json!(first)]);
    let restored = scene.call("POST", &format!("{path}/rollback"), Some(r#"{"revision": 1}"#)).await;
    assert_eq!(restored.status, 200, "{}", String::from_utf8_lossy(&restored.body));
    assert_eq!(
        (&restored.json()["targetUrl"], &restored.json()["eventTypes"]),
        (&json!(first), &json!(["lead.created"]))
    );
    let again = scene.call("POST", &format!("{path}/rollback"), Some(r#"{"revision": 1}"#)).await;
    assert_eq!(again.status, 200);
    let revisions = scene.get(&format!("{path}/revisions")).await;
    assert_eq!(revisions["items"].as_array().map(Vec::len), Some(3), "what changes nothing is no revision");
    assert_eq!(revisions["items"][0]["revision"], 3);
    let refused = scene.call("POST", &format!("{path}/rollback"), Some(r#"{"revision": 9}"#)).await;
    assert_eq!((refused.status, refused.json()["errors"]["revision"].is_array()), (400, true));
    assert_eq!(
        scene.call("POST", "/portal/v1/subscriptions/999/rollback", Some(r#"{"revision": 1}"#)).await.status,
        404
    );
    assert_eq!(scene.call("GET", "/portal/v1/subscriptions/999/revisions", None).await.status, 404);
}
