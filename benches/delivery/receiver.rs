//! A receiver that costs as little as possible: it answers 200 on kept connections, at once, after a while, from few
//! workers, or never, and can note when an event first came and how many requests it had at once.

use crow::clock::{RuntimeEnv, Stopwatch};
use crow::domain::ids::EventId;
use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// Workers of the receiver that degrades, and the time that each takes for a request.
const WORKERS: usize = 32;
const WORK: Duration = Duration::from_millis(50);

/// When events first came, by the receiver's clock.
type Arrivals = Arc<Mutex<HashMap<EventId, Duration>>>;

/// Listens as long as the process lives.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Stopwatch,
    desk: Arc<ReceiverDesk>,
}

/// What all connections share.
struct ReceiverDesk {
    clock: Stopwatch,
    ambient: RuntimeEnv,
    arrivals: Arrivals,
    workers: Semaphore,
    load: Mutex<ParallelLoad>,
}

/// Requests in work, integrated over time.
#[derive(Default)]
struct ParallelLoad {
    n: usize,
    most: usize,
    since: Duration,
    last: Duration,
    request_seconds: f64,
}

impl ParallelLoad {
    fn advance(&mut self, now: Duration) {
        self.request_seconds += self.n as f64 * now.saturating_sub(self.last).as_secs_f64();
        self.last = now;
    }
}

impl ReceiverDesk {
    /// Counts a request from its arrival to its answer.
    async fn count<T>(&self, work: impl Future<Output = T>) -> T {
        self.change(1);
        let done = work.await;
        self.change(-1);
        done
    }

    fn change(&self, by: isize) {
        let mut load = self.load.lock().expect("not poisoned");
        load.advance(self.clock.elapsed());
        load.n = load.n.saturating_add_signed(by);
        load.most = load.most.max(load.n);
    }
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let ambient = RuntimeEnv::real();
        let clock = ambient.stopwatch();
        let desk = Arc::new(ReceiverDesk {
            clock: clock.clone(),
            ambient,
            arrivals: Arrivals::default(),
            workers: Semaphore::new(WORKERS),
            load: Mutex::default(),
        });
        let of_all = Arc::clone(&desk);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(receive(stream, Arc::clone(&of_all)));
            }
        });
        Self { address, clock, desk }
    }

    /// Forgets how many requests there were at once.
    pub(crate) fn reset(&self) {
        let mut load = self.desk.load.lock().expect("not poisoned");
        let now = self.clock.elapsed();
        *load = ParallelLoad { n: load.n, most: load.n, since: now, last: now, request_seconds: 0.0 };
    }

    /// Mean and highest number of slow requests at once.
    pub(crate) fn parallel(&self) -> (f64, usize) {
        let mut load = self.desk.load.lock().expect("not poisoned");
        load.advance(self.clock.elapsed());
        (load.request_seconds / (load.last - load.since).as_secs_f64().max(0.001), load.most)
    }

    /// Where requests are answered at once (`ok`), noted and answered (`timed`), answered after so many milliseconds
    /// (`slow-50`) or by one of 32 workers (`knee`), or never answered (`hang`).
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    pub(crate) fn arrivals(&self) -> HashMap<EventId, Duration> {
        std::mem::take(&mut *self.desk.arrivals.lock().expect("not poisoned"))
    }
}

async fn receive(mut stream: TcpStream, desk: Arc<ReceiverDesk>) {
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
            let now = desk.clock.elapsed();
            desk.arrivals.lock().expect("not poisoned").entry(id.expect("an event's id")).or_insert(now);
        }
        if let Some(ms) = slowness(text) {
            desk.count(desk.ambient.sleep(Duration::from_millis(ms))).await;
        } else if text.starts_with(b"POST /knee") {
            let work = async {
                let _worker = desk.workers.acquire().await.expect("never closed");
                desk.ambient.sleep(WORK).await;
            };
            desk.count(work).await;
        }
        bytes.drain(..whole);
        if stream.write_all(ANSWER).await.is_err() {
            return;
        }
    }
}

/// Milliseconds that a request to `/slow-N` takes.
fn slowness(head: &[u8]) -> Option<u64> {
    let rest = head.strip_prefix(b"POST /slow-")?;
    let digits: Vec<u8> = rest.iter().copied().take_while(u8::is_ascii_digit).collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
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
