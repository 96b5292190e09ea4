//! Platforms that take their time: the screen says what is slow after the first call that takes too long, and the other calls get their turn.

use super::{ALL, Console, Mood, POLLS, RuntimeEnv, StandIn, TempDir, post};
use futures_util::future::{LocalBoxFuture, join_all};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// One call may take ten seconds; the rest is what a busy machine takes to draw.
const MAX_SILENCE: Duration = Duration::from_secs(16);

#[tokio::test]
async fn a_slow_platform_is_reported_after_one_call_with_the_slow_request() {
    let slow: Vec<LocalBoxFuture<'_, ()>> = vec![
        Box::pin(is_named(Mood::Hang)),
        Box::pin(is_named(Mood::Drip)),
        Box::pin(is_named(Mood::Trickle)),
        Box::pin(is_named_for_a_slow_head()),
    ];
    join_all(slow).await;
}

async fn is_named(mood: Mood) {
    let ambient = RuntimeEnv::real();
    let platform = StandIn::start(&ambient).await;
    platform.becomes(mood.clone());
    says_what_is_slow(&format!("{mood:?}"), &platform.address).await;
}

/// A head of which a byte comes each second.
async fn is_named_for_a_slow_head() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let serving = tokio::spawn(async move {
        let mut peers = tokio::task::JoinSet::new();
        while let Ok((mut peer, _)) = listener.accept().await {
            peers.spawn(async move {
                let mut asked = [0; 1024];
                let _ = peer.read(&mut asked).await;
                for byte in b"HTTP/1.1 200 OK\r\nx-padding: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" {
                    RuntimeEnv::real().sleep(Duration::from_secs(1)).await;
                    if peer.write_all(&[*byte]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    says_what_is_slow("a slow head", &address).await;
    serving.abort();
}

async fn says_what_is_slow(what: &str, address: &str) {
    let (ambient, dir) = (RuntimeEnv::real(), TempDir::new().expect("a directory"));
    let post = post(address, &[("Zapier", ALL), ("Poller", POLLS)], &ambient, dir.path());
    let console = Console::watching(&post, &ambient, (180, 50));
    let said = "GET /api/v1/webhooks/subscriptions: ";
    let named = async {
        while !(console.shows("OFFLINE") && console.shows(said) && console.shows("gave no whole answer within 10 s")) {
            tokio::task::yield_now().await;
        }
    };
    let came = ambient.timeout(MAX_SILENCE, named).await;
    assert!(came.is_some(), "{what}: nothing is said of what is slow\n{}", console.text());
    console.quit().await;
}
