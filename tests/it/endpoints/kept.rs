//! Kept connections: used again, never trusted, and never a reason to send something twice.

use super::{Scene, came_to};
use crate::support::faults::{Act, Faults, say};
use crow::domain::target::TargetPolicy;
use std::time::Duration;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn a_connection_is_reused_and_the_phases_show_it() {
    let scene = Scene::new(TargetPolicy::Private, Vec::new()).await;
    let receiver = Faults::start(&[Act::Hear, say(OK), Act::Hear, say(OK), Act::Hang]).await;
    scene.names.leads("kept.example", &["127.0.0.1"]);
    let subscription = scene.aim(&format!("http://kept.example:{}/", receiver.port)).await;
    let first = scene.shoot(subscription).await.phases;
    assert!(first.dns_us.is_some() && first.connect_us.is_some() && first.tls_us.is_none());
    let second = scene.shoot(subscription).await;
    assert_eq!(came_to(&second), "200");
    let phases = second.phases;
    assert_eq!((phases.dns_us, phases.connect_us, phases.tls_us), (None, None, None));
    assert!(phases.head_us.is_some() && phases.body_us.is_some());
    assert!(second.peer.is_some(), "where it went is known all the same");
    assert_eq!((receiver.ledger().len(), scene.names.n_asked("kept.example")), (1, 1));
}

#[tokio::test]
async fn a_closed_idle_connection_is_replaced_without_a_failure() {
    let scene = Scene::new(TargetPolicy::Private, Vec::new()).await;
    let busy = "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    for last_words in ["", busy] {
        let receiver = Faults::start(&[Act::Hear, say(OK), say(last_words)]).await;
        let subscription = scene.aim(&receiver.url()).await;
        for n in 1..=3 {
            assert_eq!(came_to(&scene.shoot(subscription).await), "200");
            let ledger = receiver.settled().await;
            assert_eq!(ledger.len(), n, "a new connection each");
            let heard = String::from_utf8_lossy(&ledger[n - 1].heard).into_owned();
            assert_eq!(heard.matches("POST ").count(), 1, "{heard}");
        }
    }
}

#[tokio::test]
async fn a_request_that_may_have_arrived_is_not_sent_twice() {
    let scene = Scene::new(TargetPolicy::Private, Vec::new()).await;
    let receiver = Faults::start(&[Act::Hear, say(OK), Act::Hear]).await;
    let subscription = scene.aim(&receiver.url()).await;
    assert_eq!(came_to(&scene.shoot(subscription).await), "200");
    let second = scene.shoot(subscription).await;
    assert_eq!(came_to(&second), "broken: the receiver closed the connection before the response headers");
    let ledger = receiver.settled().await;
    assert_eq!(ledger.len(), 1, "no second connection was made for the same attempt");
    assert_eq!(String::from_utf8_lossy(&ledger[0].heard).matches("POST ").count(), 2);
}

#[tokio::test]
async fn an_idle_connection_is_closed_before_the_receivers_keep_alive_timeout() {
    let scene = Scene::new(TargetPolicy::Private, Vec::new()).await;
    let answer = "HTTP/1.1 200 OK\r\nkeep-alive: timeout=5\r\ncontent-length: 0\r\n\r\n";
    let script: Vec<Act> = [Act::Hear, say(answer)].into_iter().cycle().take(6).chain([Act::Hang]).collect();
    let receiver = Faults::start(&script).await;
    let subscription = scene.aim(&receiver.url()).await;
    scene.shoot(subscription).await;
    scene.platform.advance(Duration::from_millis(3_999));
    scene.shoot(subscription).await;
    assert_eq!(receiver.ledger().len(), 1);
    scene.platform.advance(Duration::from_secs(4));
    scene.shoot(subscription).await;
    assert_eq!(receiver.ledger().len(), 2);
}
