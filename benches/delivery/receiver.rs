//! A receiver that costs as little as possible: it answers 200 on kept connections, or never, and can note when an event first came.

use crow::clock::{RuntimeEnv, Stopwatch};
use crow::domain::ids::EventId;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// When events first came, by the receiver's clock.
type Arrivals = Arc<Mutex<HashMap<EventId, Duration>>>;

/// Listens as long as the process lives.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Stopwatch,
    arrivals: Arrivals,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (clock, arrivals) = (RuntimeEnv::real().stopwatch(), Arrivals::default());
        let of_all = (clock.clone(), Arc::clone(&arrivals));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (clock, arrivals) = of_all.clone();
                tokio::spawn(receive(stream, clock, arrivals));
            }
        });
        Self { address, clock, arrivals }
    }

    /// Where requests are answered (`ok`), noted and answered (`timed`), or never answered (`hang`).
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    pub(crate) fn arrivals(&self) -> HashMap<EventId, Duration> {
        std::mem::take(&mut *self.arrivals.lock().expect("not poisoned"))
    }
}

async fn receive(mut stream: TcpStream, clock: Stopwatch, arrivals: Arrivals) {
    let _ = stream.set_nodelay(true);
    let mut bytes = Vec::with_capacity(16_384);
    loop {
        let Some((head, whole)) = request(&mut stream, &mut bytes).await else { return };
        let text = &bytes[..head];
        if text.starts_with(b"POST /hang") {
            // Until the sender gives up.
            while stream.read_buf(&mut bytes).await.is_ok_and(|n| n > 0) {
                bytes.clear();
            }
            return;
        }
        if text.starts_with(b"POST /timed") {
            let id = header(text, "x-wlcro-event-id").and_then(|text| text.parse().ok()).map(EventId);
            let now = clock.elapsed();
            arrivals.lock().expect("not poisoned").entry(id.expect("an event's id")).or_insert(now);
        }
        bytes.drain(..whole);
        if stream.write_all(ANSWER).await.is_err() {
            return;
        }
    }
}

/// Reads on until a request is there: where its head ends, and where it ends.
async fn request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<(usize, usize)> {
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let n: usize = header(&bytes[..end], "content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
            let whole = end + 4 + n;
            while bytes.len() < whole {
                if stream.read_buf(bytes).await.ok()? == 0 {
                    return None;
                }
            }
            return Some((end, whole));
        }
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let head = std::str::from_utf8(head).ok()?;
    head.split("\r\n").find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
