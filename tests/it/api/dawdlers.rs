//! Requests that take their time or are unusually long.

use super::{LEAD, Partner};
use crate::support::platform::within;
use crow::clock::RuntimeEnv;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

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
        "POST /api/v1/integrations/leads HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
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
async fn requests_that_are_not_http_or_too_large_get_a_problem_document() {
    let partner = Partner::start().await;
    let many: String = (0..600).map(|n| format!("X-{n}: {n}\r\n")).collect();
    let cases = [
        (
            format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Filler: {}\r\n\r\n", "x".repeat(1 << 20)),
            431,
            "headers_too_large",
        ),
        (format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"), 431, "headers_too_large"),
        (format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(70_000)), 414, "uri_too_long"),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03\x03 hello, TLS\r\n\r\n".to_owned(), 400, "malformed_request"),
        ("GET /healthz HTTP/1.1\r\nHost x\r\n\r\n".to_owned(), 400, "malformed_request"),
        ("POST /healthz HTTP/1.1\r\nContent-Length: -1\r\n\r\n".to_owned(), 400, "malformed_request"),
    ];
    for (request, status, code) in cases {
        let mut stream = connect(&partner).await;
        let (mut half, mut other) = stream.split();
        // The platform may answer and close before all of it is sent.
        let send = async {
            let _ = other.write_all(request.as_bytes()).await;
        };
        let mut bytes = Vec::new();
        let read = async {
            let _ = half.read_to_end(&mut bytes).await;
        };
        within("an answer", async { tokio::join!(send, read) }).await;
        let answer = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{code}: {answer:?}"));
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{code}: {head}");
        assert!(head.contains("content-type: application/problem+json"), "{head}");
        let problem: serde_json::Value = serde_json::from_str(body).expect("a problem");
        assert_eq!((&problem["code"], &problem["status"]), (&code.into(), &status.into()));
        let id = problem["requestId"].as_str().expect("an id");
        assert!(head.contains(&format!("x-request-id: {id}")), "{head}");
    }
}

#[tokio::test]
async fn a_request_with_many_headers_gets_an_answer_with_a_request_id() {
    let partner = Partner::start().await;
    let mut stream = connect(&partner).await;
    let headers: String = (0..400).map(|n| format!("X-{n}: {n}\r\n")).collect();
    let request = format!("GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("x-request-id: "), "{answer}");
}

/// A connection whose end here holds little.
async fn reader(partner: &Partner) -> TcpStream {
    let address = partner.platform.address.trim_start_matches("http://");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small buffer");
    socket.connect(address.parse().expect("an address")).await.expect("a connection")
}

#[tokio::test]
async fn a_connection_whose_peer_reads_nothing_is_closed_after_thirty_seconds() {
    let partner = Partner::start().await;
    for _ in 0..8 {
        let event =
            json!({"eventType": "lead.created", "payload": {"client_id": 1, "first_name": "x".repeat(1_000_000)}});
        partner.expect("POST", "/events/test", event, 201).await;
    }
    let mut stream = reader(&partner).await;
    let head = format!("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {}\r\n\r\n", partner.key.reveal());
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut first = [0; 12];
    within("the head of an answer", stream.read_exact(&mut first)).await.expect("an answer");
    assert_eq!(&first, b"HTTP/1.1 200");
    // Nothing more is read. What is written to a connection that is still served waits; to one that is gone it fails.
    let mut n_seconds = 0;
    let gone = async {
        while stream.write_all(b"x").await.is_ok() {
            partner.platform.advance(Duration::from_secs(1));
            n_seconds += 1;
            RuntimeEnv::real().sleep(Duration::from_millis(1)).await;
        }
    };
    within("the end of the connection", gone).await;
    assert!(n_seconds >= 30, "{n_seconds} s");
    assert_eq!(partner.call("GET", "/events?limit=1", Value::Null).await.status, 200, "others are served");
}

#[tokio::test]
async fn a_peer_that_reads_slowly_gets_the_whole_answer() {
    let partner = Partner::start().await;
    for _ in 0..8 {
        let event =
            json!({"eventType": "lead.created", "payload": {"client_id": 1, "first_name": "x".repeat(500_000)}});
        partner.expect("POST", "/events/test", event, 201).await;
    }
    let mut stream = reader(&partner).await;
    let head = format!(
        "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Api-Key: {}\r\n\r\n",
        partner.key.reveal()
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut bytes = Vec::new();
    loop {
        // More than the systems at both ends hold: the platform has to write meanwhile.
        let before = bytes.len();
        let mut chunk = (&mut stream).take(512 << 10);
        within("more of the answer", chunk.read_to_end(&mut bytes)).await.expect("it goes on");
        if bytes.len() == before {
            break;
        }
        // Longer than thirty seconds in all, and never without progress for as long.
        partner.platform.advance(Duration::from_secs(20));
    }
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    let page: Value = serde_json::from_slice(&bytes[head..]).expect("a whole answer");
    assert_eq!(page["items"].as_array().expect("a list").len(), 8);
}
