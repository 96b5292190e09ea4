//! Connections that take their time: they are given up, and nobody else waits for them.

use super::{LEAD, Partner};
use crate::support::platform::within;
use crow::ambient::Ambient;
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn connect(partner: &Partner) -> TcpStream {
    let address = partner.platform.address.trim_start_matches("http://");
    TcpStream::connect(address).await.expect("a connection")
}

/// Everything that comes until the platform closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    // A reset is an end as well.
    let _ = within("the end of a connection", read).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn silent_and_dripping_connections_are_closed_in_ten_seconds_and_nobody_waits_for_them() {
    let partner = Partner::start().await;
    let watch = Ambient::real().stopwatch();
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(connect(&partner).await);
    }
    let mut dripping = connect(&partner).await;
    dripping.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.expect("sent");
    partner.expect("GET", "/events", Value::Null, 200).await;
    assert!(watch.elapsed() < Duration::from_secs(8), "a normal call does not wait for them");
    assert_eq!(rest(&mut dripping).await, "");
    for stream in &mut silent {
        assert_eq!(rest(stream).await, "");
    }
    assert!(watch.elapsed() >= Duration::from_secs(9), "they were given their time");
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_answered_and_changes_nothing() {
    let partner = Partner::start().await;
    let mut stream = connect(&partner).await;
    let head = format!(
        "POST /api/v1/integrations/leads HTTP/1.1\r\nHost: x\r\nX-Api-Key: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        partner.key.reveal(),
        LEAD.len(),
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream.write_all(&LEAD.as_bytes()[..10]).await.expect("sent");
    let mut answer = vec![0; 12];
    let arrived = async {
        tokio::select! {
            read = stream.read_exact(&mut answer) => { read.expect("an answer"); }
            () = async { loop { partner.platform.advance(Duration::from_secs(1)); tokio::task::yield_now().await; } } => {}
        }
    };
    within("an answer", arrived).await;
    assert_eq!(answer, b"HTTP/1.1 400");
    assert_eq!(partner.told().await, []);
}

#[tokio::test]
async fn many_headers_are_met_with_a_stamped_answer() {
    let partner = Partner::start().await;
    let mut stream = connect(&partner).await;
    let headers: String = (0..400).map(|n| format!("X-{n}: {n}\r\n")).collect();
    let request = format!("GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("x-request-id: "), "{answer}");
}
