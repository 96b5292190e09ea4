//! One deadline over all phases: a receiver that drips in any phase is given up after ten seconds and not before.

use super::{Scene, came_to};
use crate::support::faults::{Act, Entry, Faults, say};
use crate::support::names::{Says, to};
use crate::support::platform::within;
use crow::domain::target::TargetPolicy;
use crow::wire::attempts::AttemptDetail;
use crow::wire::changes;
use crow::wire::subscriptions::TestDelivery;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

/// Number of bytes that a receiver sends, at one byte a second.
const DRIPS: usize = 64;
/// Name of the receivers.
const NAME: &str = "slow.example";

/// Sends a test to something slow, moves the clock to the deadline in steps, and has a byte dripped at each.
async fn slow(url: &str, names: Says, receiver: Option<&Faults>) -> AttemptDetail {
    let scene = Scene::new(TargetPolicy::Private, Vec::new()).await;
    scene.names.set(NAME, [names]);
    let subscription = scene.aim(url).await;
    let operator = scene.platform.operator();
    let test = tokio::spawn(async move {
        operator.change(changes::TEST_SUBSCRIPTION.at(subscription), &TestDelivery::default()).await
    });
    scene.platform.until("the name is looked up", async || scene.names.n_asked(NAME) == 1).await;
    for second in 1..=9 {
        if let Some(receiver) = receiver {
            let drips =
                |at_least: usize| move |ledger: &Vec<Entry>| ledger.iter().any(|entry| entry.n_dripped >= at_least);
            receiver.until("it was called", |ledger| ledger.iter().any(|entry| entry.is_dripping)).await;
            receiver.tick();
            receiver.until("a byte was sent", drips(second)).await;
        }
        scene.platform.advance(Duration::from_secs(1));
    }
    scene.platform.advance(Duration::from_millis(800));
    let none = scene.platform.operator().attempts(None, 10).await.expect("a page").items;
    assert!(none.is_empty() && !test.is_finished(), "9.8 s are not too long");
    scene.platform.advance(Duration::from_millis(200));
    within("the attempt is given up", test).await.expect("no panic").expect("a test");
    let detail = scene.latest(subscription).await;
    assert_eq!(detail.row.elapsed_ms, 10_000);
    detail
}

fn url(scheme: &str, receiver: &Faults) -> String {
    format!("{scheme}://{NAME}:{}/", receiver.port)
}

/// Returns the phase in which the attempt ended, and the reason.
fn lost(detail: &AttemptDetail) -> (&'static str, String) {
    let phases = detail.phases;
    let all = [
        ("dns", phases.dns_us),
        ("connect", phases.connect_us),
        ("tls", phases.tls_us),
        ("head", phases.head_us),
        ("body", phases.body_us),
    ];
    let reached: Vec<(&str, u64)> = all.into_iter().filter_map(|(name, us)| Some((name, us?))).collect();
    assert_eq!(reached.iter().map(|phase| phase.1).sum::<u64>(), 10_000_000, "all the time is accounted for");
    (reached.last().expect("a phase").0, came_to(detail))
}

#[tokio::test]
async fn e2_a_silent_name_server_ends_the_attempt_in_time() {
    let detail = slow(&format!("http://{NAME}/"), Says::Nothing, None).await;
    let error = "timeout: no complete answer within 10 s; waiting for the DNS lookup";
    assert_eq!(lost(&detail), ("dns", error.to_owned()));
    assert_eq!((detail.phases.connect_us, detail.peer), (None, None));
}

#[tokio::test]
async fn e2_a_host_that_accepts_no_connection_ends_the_attempt_in_time() {
    // A listener whose queue is full drops what comes; a host behind a silent firewall looks the same.
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    listener.bind(&SockAddr::from(SocketAddr::from(([127, 0, 0, 1], 0)))).expect("a port");
    listener.listen(0).expect("it listens");
    let address = listener.local_addr().expect("an address");
    let port = address.as_socket().expect("an address").port();
    let mut waiting = Vec::new();
    loop {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let outcome = socket.connect_timeout(&address, Duration::from_millis(300));
        waiting.push(socket);
        if outcome.is_err_and(|error| error.kind() == ErrorKind::TimedOut) {
            break;
        }
        assert!(waiting.len() < 64, "the queue is never full");
    }
    let detail = slow(&format!("http://{NAME}:{port}/"), to(&["127.0.0.1"]), None).await;
    let error = "timeout: no complete answer within 10 s; waiting for the connection";
    assert_eq!(lost(&detail), ("connect", error.to_owned()));
}

#[tokio::test]
async fn e2_a_slow_tls_handshake_ends_the_attempt_in_time() {
    let mut hello = vec![0x16, 3, 3, 0x3f, 0xff, 2, 0, 0x3f, 0xfb, 3, 3];
    hello.resize(DRIPS, 0);
    let receiver = Faults::start(&[Act::Drip(hello)]).await;
    let detail = slow(&url("https", &receiver), to(&["127.0.0.1"]), Some(&receiver)).await;
    let error = "timeout: no complete answer within 10 s; waiting for the TLS handshake";
    assert_eq!(lost(&detail), ("tls", error.to_owned()));
}

#[tokio::test]
async fn e2_a_slow_response_head_ends_the_attempt_in_time() {
    let head = "HTTP/1.1 200 OK\r\nx-slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let receiver = Faults::start(&[Act::Hear, Act::Drip(head.into())]).await;
    let detail = slow(&url("http", &receiver), to(&["127.0.0.1"]), Some(&receiver)).await;
    let error = "timeout: no complete answer within 10 s; waiting for the response headers";
    assert_eq!(lost(&detail), ("head", error.to_owned()));
}

#[tokio::test]
async fn e2_a_slow_response_body_ends_the_attempt_in_time() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 64\r\n\r\n";
    let receiver = Faults::start(&[Act::Hear, say(head), Act::Drip(vec![b'x'; DRIPS])]).await;
    let detail = slow(&url("http", &receiver), to(&["127.0.0.1"]), Some(&receiver)).await;
    let error = "timeout: no complete answer within 10 s; waiting for the rest of the response body";
    assert_eq!(lost(&detail), ("body", error.to_owned()));
    assert_eq!(detail.row.status_code, None, "a status without its body is no success");
    assert!(detail.response_body.n_bytes > 0, "what came is in the log");
}
