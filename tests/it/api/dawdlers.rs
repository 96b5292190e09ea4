//! Requests that take their time or are unusually long.

use super::{LEAD, Partner};
use crate::support::platform::within;
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
