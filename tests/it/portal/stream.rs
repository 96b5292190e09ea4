//! The stream of changes.

use super::Scene;
use crate::support::platform::within;
use crow::domain::ids::OperatorId;
use crow::domain::operator::OperatorRole;
use crow::wire::changes::{self, NoBody};
use crow::wire::operators::NewOperator;

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
async fn a_resumed_stream_sends_the_changes_since_its_cursor_once() {
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

async fn open(scene: &Scene, token: &str) -> reqwest::Response {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = client.get(format!("{}/portal/v1/stream", scene.platform.address)).bearer_auth(token);
    within("an answer", request.send()).await.expect("an answer")
}

async fn operator(scene: &Scene, name: &str) -> (OperatorId, String) {
    let new = NewOperator { name: name.to_owned(), role: OperatorRole::Viewer };
    let created = scene.platform.operator().change(&changes::CREATE_OPERATOR, &new).await.expect("an operator");
    (created.row.id, created.token.into_secret().reveal().to_owned())
}

/// The scripted clock does not move, so that no keep-alive ends the stream.
#[tokio::test]
async fn a_stream_ends_at_once_when_its_operator_is_revoked_and_no_other_does() {
    let scene = Scene::new().await;
    let ((vera, revoked), (_, other)) = (operator(&scene, "Vera").await, operator(&scene, "Otto").await);
    let (mut ending, mut going_on) = (open(&scene, &revoked).await, open(&scene, &other).await);
    for stream in [&mut ending, &mut going_on] {
        assert!(within("a pulse", stream.chunk()).await.expect("readable").is_some());
    }
    scene.platform.operator().change(changes::REVOKE_OPERATOR.at(vera), &NoBody {}).await.expect("revoked");
    assert_eq!(within("the end of the stream", ending.chunk()).await.expect("an orderly end"), None);
    assert_eq!(open(&scene, &revoked).await.status(), 401);
    let next = tokio::spawn(async move { going_on.chunk().await });
    scene.platform.advance_until("a pulse", async || next.is_finished()).await;
    assert!(next.await.expect("no panic").expect("readable").is_some());
}

#[tokio::test]
async fn an_operators_streams_are_limited_and_one_more_gets_a_problem() {
    let scene = Scene::new().await;
    let ((_, vera), (_, otto)) = (operator(&scene, "Vera").await, operator(&scene, "Otto").await);
    let mut streams = Vec::new();
    for _ in 0..32 {
        let stream = open(&scene, &vera).await;
        assert_eq!(stream.status(), 200);
        streams.push(stream);
    }
    let refused = open(&scene, &vera).await;
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].as_bytes()), (429, &b"5"[..]));
    let problem: serde_json::Value = serde_json::from_str(&refused.text().await.expect("a body")).expect("a problem");
    assert_eq!(problem["code"], "too_many_streams");
    assert!(problem["detail"].as_str().expect("a text").contains("32 streams"), "{problem}");
    assert_eq!(open(&scene, &otto).await.status(), 200, "another operator is not concerned");
    streams.pop();
    // That the other end is gone is noticed when something is said.
    scene
        .platform
        .until("a place", async || {
            scene.platform.advance(std::time::Duration::from_secs(1));
            open(&scene, &vera).await.status() == 200
        })
        .await;
}
