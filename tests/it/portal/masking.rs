//! Masking payloads for those who may not see them as they are: large ones take turns.

use super::{JSON, Scene, ids};
use crow::domain::ids::OperatorId;
use crow::domain::operator::OperatorRole;
use serde_json::json;
use std::sync::mpsc;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_payloads_are_masked_one_at_a_time_per_operator_and_small_ones_at_once() {
    let scene = Scene::new().await;
    scene.subscribe(&["lead.created"]).await;
    for text in ["x".repeat(500_000), "x".to_owned()] {
        let payload = json!({"client_id": 7, "source": text});
        let body = json!({"companyId": scene.company.id, "type": "lead.created", "payload": payload}).to_string();
        assert_eq!(scene.call("POST", "/portal/v1/events", Some(&body)).await.status, 201);
    }
    scene.attempted(2).await;
    let of_large = |path: &str| format!("/portal/v1/{path}?event=1");
    let attempt = ids(&scene.get(&of_large("attempts")).await)[0];
    let (viewer, token) = scene.operator("a viewer", OperatorRole::Viewer).await;
    let (_, other) = scene.operator("another viewer", OperatorRole::Viewer).await;
    let get = |token: &str, path: String| {
        let (http, url, bearer) =
            (scene.platform.http.clone(), format!("{}{path}", scene.platform.address), format!("Bearer {token}"));
        async move { http.get(url).header("authorization", bearer).send().await.expect("an answer").status().as_u16() }
    };
    // A work of the viewer's own that lasts until it is let go.
    let (go, until) = mpsc::channel::<()>();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let engine = scene.platform.engine.clone();
    let work = tokio::spawn(async move {
        let work = move || {
            let _ = begun.send(());
            let _ = until.recv();
        };
        engine.in_turn(OperatorId(viewer), work).await.map_err(|error| error.to_string())
    });
    has_begun.await.expect("it begins");
    for path in ["/portal/v1/events/1".to_owned(), format!("/portal/v1/attempts/{attempt}")] {
        assert_eq!(get(&token, "/portal/v1/events/2".to_owned()).await, 200, "a small one waits for nothing");
        assert_eq!(get(&other, path.clone()).await, 200, "another operator has its own turn");
        let asked = tokio::spawn(get(&token, path.clone()));
        let refused = async || {
            scene.get("/healthz").await;
            scene.platform.advance(Duration::from_millis(100));
            asked.is_finished()
        };
        scene.platform.until("no turn comes in time", refused).await;
        assert_eq!(asked.await.expect("no panic"), 503, "{path} waits for its operator's turn");
        let bearer = format!("Bearer {}", scene.token.reveal());
        let whole = scene.platform.call("GET", &path, &[JSON, ("authorization", &bearer)], None).await;
        assert_eq!(whole.status, 200, "what is not masked takes no turn");
    }
    drop(go);
    work.await.expect("no panic").expect("it had its turn");
    let masked =
        scene.platform.call("GET", "/portal/v1/events/1", &[("authorization", &format!("Bearer {token}"))], None).await;
    assert_eq!((masked.status, masked.json()["redacted"].clone()), (200, json!(true)));
}
