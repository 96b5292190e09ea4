//! Connections that come and say nothing, or say it one byte at a time.

use crate::support::platform::{Platform, within};
use crow::clock::RuntimeEnv;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Connections at once.
const MANY: usize = 200;

#[tokio::test]
async fn a2_idle_and_unfinished_connections_are_closed_while_others_are_served() {
    let platform = Platform::lively().await;
    let address = platform.address.trim_start_matches("http://").to_owned();
    let ambient = RuntimeEnv::real();
    let mut held = JoinSet::new();
    for n in 0..MANY {
        let (address, ambient) = (address.clone(), ambient.clone());
        held.spawn(async move {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            if n % 2 == 0 {
                stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.expect("written");
            }
            let watch = ambient.stopwatch();
            let mut rest = Vec::new();
            // Closed, with or without an answer; a reset is a close too.
            let _ = stream.read_to_end(&mut rest).await;
            watch.elapsed()
        });
    }
    for _ in 0..20 {
        let watch = ambient.stopwatch();
        assert_eq!(platform.call("GET", "/healthz", &[], None).await.status, 200);
        assert!(watch.elapsed() < Duration::from_secs(2), "others are served meanwhile");
    }
    let held = within("all are closed", held.join_all()).await;
    assert!(held.iter().all(|took| *took < Duration::from_secs(12)), "{:?}", held.iter().max());
}
