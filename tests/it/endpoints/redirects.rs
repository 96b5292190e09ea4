//! Redirects are failures, and are never followed.

use super::{Scene, came_to};
use crate::support::faults::{Act, Faults, say};
use crow::domain::target::TargetPolicy;

#[tokio::test]
async fn e3_redirects_are_not_followed_and_nothing_arrives_where_they_lead() {
    let scene = Scene::new(TargetPolicy::Private, Vec::new()).await;
    let inside = Faults::start(&[Act::Hear, say("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")]).await;
    let receiver = Faults::start(&[]).await;
    let subscription = scene.aim(&receiver.url()).await;
    let places = [
        inside.url(),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        format!("//127.0.0.1:{}/", inside.port),
        "/elsewhere".to_owned(),
    ];
    let mut n_sent = 0;
    for status in [301, 302, 303, 307, 308] {
        for place in &places {
            let answer = format!(
                "HTTP/1.1 {status} Moved\r\nlocation: {place}\r\nrefresh: 0;url={place}\r\ncontent-length: 0\r\n\r\n"
            );
            receiver.becomes(&[Act::Hear, say(answer)]);
            let detail = scene.shoot(subscription).await;
            n_sent += 1;
            assert_eq!(came_to(&detail), status.to_string());
            let shown = detail.response_headers.iter().any(|header| header.name.raw() == "location");
            assert!(shown, "where it wanted us to go is in the log");
            assert_eq!(
                receiver.settled().await.len(),
                n_sent,
                "one request each, also for a redirect to the same host"
            );
        }
    }
    assert!(inside.ledger().is_empty(), "nothing arrived");
}
