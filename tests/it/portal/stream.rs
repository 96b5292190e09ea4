//! The stream of changes.

use super::Scene;

/// The cursor of the first message that a caller hears who last heard `last`, while `meanwhile` happens.
async fn first_heard(scene: &Scene, last: &str, meanwhile: impl Future<Output = ()>) -> u64 {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = client.get(format!("{}/portal/v1/stream", scene.platform.address));
    let request = request.bearer_auth(scene.token.reveal()).header("last-event-id", last);
    let mut response = request.send().await.expect("an answer");
    meanwhile.await;
    let first = tokio::spawn(async move { response.chunk().await });
    scene.platform.advance_until("a message", async || first.is_finished()).await;
    let message = first.await.expect("no panic").expect("readable").expect("a message");
    let text = String::from_utf8(message.to_vec()).expect("text");
    let id = text.lines().find_map(|line| line.strip_prefix("id: ").or(line.strip_prefix("id:"))).expect("an id");
    id.parse().expect("a number")
}

#[tokio::test]
async fn who_comes_back_hears_what_changed_since_and_nothing_twice() {
    let scene = Scene::new().await;
    let cursor = scene.platform.operator().overview(1).await.expect("an overview").cursor;
    assert_eq!(first_heard(&scene, "another process's", async {}).await, cursor, "at once, whatever it is");
    let changed = async {
        scene.platform.company("Globex").await;
    };
    let heard = first_heard(&scene, &cursor.to_string(), changed).await;
    assert!(heard > cursor, "{heard}: what was heard already is not told again");
    assert!(first_heard(&scene, &cursor.to_string(), async {}).await >= heard, "what was missed is told");
}
