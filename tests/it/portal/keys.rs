//! Keys: limits of their own.

use super::Scene;
use crow::domain::scope::KeyScope;
use serde_json::json;

#[tokio::test]
async fn a_changed_limit_holds_from_the_next_request_and_survives_a_restart() {
    let mut scene = Scene::new().await;
    let key = scene.platform.key(&scene.company, &[KeyScope::EventsRead]).await;
    let rows = scene.platform.operator().keys().await.expect("rows").items;
    let id = rows.iter().find(|row| row.last4.raw() == key.last4()).expect("its row").id;
    let path = format!("/portal/v1/keys/{id}/limits");
    let headers = [("x-api-key", key.reveal())];
    assert_eq!(scene.platform.call("GET", "/api/v1/events", &headers, None).await.header("x-ratelimit-limit"), "60");
    let changed = scene.call("PATCH", &path, Some(r#"{"read": 2}"#)).await;
    assert_eq!((changed.status, &changed.json()["limits"]["read"]), (200, &json!(2)));
    assert_eq!(changed.json()["limits"]["write"], 100, "absent means the default");
    let second = scene.platform.call("GET", "/api/v1/events", &headers, None).await;
    assert_eq!((second.status, second.header("x-ratelimit-policy")), (200, "read:2/1m"));
    assert_eq!(scene.platform.call("GET", "/api/v1/events", &headers, None).await.status, 429);
    scene.platform = scene.platform.restart().await;
    scene.token = scene.platform.token();
    assert_eq!(scene.platform.call("GET", "/api/v1/events", &headers, None).await.status, 429);
    let reset = scene.call("PATCH", &path, Some(r#"{"read": null}"#)).await;
    assert_eq!(reset.json()["limits"]["read"], 60);
    let audit = scene.get("/portal/v1/audit?limit=1").await;
    assert_eq!(
        (&audit["items"][0]["action"], &audit["items"][0]["before"]),
        (&json!("limit key"), &json!("read 2, write 100, admin 200"))
    );
    for (body, field) in
        [(r#"{"read": -1}"#, "read"), (r#"{"admin": 1000001}"#, "admin"), (r#"{"write": "x"}"#, "write")]
    {
        let refused = scene.call("PATCH", &path, Some(body)).await;
        assert_eq!((refused.status, refused.json()["errors"][field].is_array()), (400, true), "{body}");
    }
    assert_eq!(scene.call("PATCH", "/portal/v1/keys/999/limits", Some("{}")).await.status, 404);
    assert_eq!(scene.call("PATCH", &path, Some("[9, 9, 9]")).await.status, 400, "fields have no order");
    let new = json!({"companyId": scene.company.id, "name": "x", "scopes": ["admin"], "limits": {"read": 1_000_001}})
        .to_string();
    let refused = scene.call("POST", "/portal/v1/keys", Some(&new)).await;
    assert_eq!((refused.status, refused.json()["errors"]["read"].is_array()), (400, true));
}
