//! L3: peers that never read, peers that never write, and one credential with thousands of streams. Others are served, and an operator gets in.

use super::{connect, is_long, raise_descriptor_limit, resident, say};
use crate::storage::process::Serving;
use crate::support::platform::within;
use crow::client::connection::ClientCredential;
use crow::clock::RuntimeEnv;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;

/// Peers at once.
const PEERS: usize = 2_100;
/// Streams that one operator may have.
const STREAMS: usize = 32;
/// Calls of others meanwhile.
const CALLS: usize = 100;
/// Maximum growth of the memory, in KiB.
const MAX_MEMORY_GROWTH_KIB: i64 = 128 << 10;

/// Maximum duration of a single call: less than the ten seconds after which the platform drops a silent peer.
const MAX_LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Maximum wait of other callers; longer in the short form, which may run on a loaded machine.
fn max_wait() -> Duration {
    Duration::from_millis(if is_long() { 250 } else { 1_000 })
}

/// Opens a connection of a peer that reads as little as possible.
async fn peer(address: &str, head: &[u8]) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4_096)?;
    let mut stream = socket.connect(address.parse().expect("an address")).await?;
    stream.write_all(head).await?;
    Ok(stream)
}

/// Starts peers that stay, and one more every other millisecond, until the task is aborted.
async fn besiege(serving: &Serving, head: Vec<u8>) -> JoinHandle<()> {
    let address = serving.address.trim_start_matches("http://").to_owned();
    let mut peers = Vec::new();
    for _ in 0..PEERS {
        peers.push(within("a connection", peer(&address, &head)).await);
    }
    tokio::spawn(async move {
        loop {
            RuntimeEnv::real().sleep(Duration::from_millis(2)).await;
            peers.push(peer(&address, &head).await);
        }
    })
}

/// Makes a call on a connection of its own. Returns the status and the duration.
async fn call(serving: &Serving, path: &str, header: &str) -> (u16, Duration) {
    let watch = RuntimeEnv::real().stopwatch();
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\nConnection: close\r\n\r\n");
    let mut answer = Vec::new();
    let exchange = async {
        let mut stream = connect(serving).await;
        stream.write_all(request.as_bytes()).await?;
        stream.read_to_end(&mut answer).await
    };
    within("an answer", exchange).await.expect("an answer");
    let status = std::str::from_utf8(&answer[9..12]).ok().and_then(|text| text.parse().ok());
    (status.expect("a status"), watch.elapsed())
}

/// Durations of the calls of other callers.
struct Waits {
    /// 99 in a hundred calls of a partner took at most this, and of an operator.
    partner_p99: Duration,
    operator_p99: Duration,
    /// The longest of all.
    longest: Duration,
}

impl Waits {
    /// Checks that every call was served in time.
    fn hold(&self) -> bool {
        self.partner_p99.max(self.operator_p99) < max_wait() && self.longest < MAX_LONGEST_WAIT
    }
}

impl std::fmt::Display for Waits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { partner_p99, operator_p99, longest } = self;
        write!(f, "p99 {partner_p99:.1?}, operator {operator_p99:.1?}, longest {longest:.1?}")
    }
}

/// Makes a partner's and an operator's calls in turn.
async fn waited(serving: &Serving, key: &str, token: &str) -> Waits {
    let (mut partner, mut operator) = (Vec::new(), Vec::new());
    for _ in 0..CALLS {
        let (status, took) = call(serving, "/api/v1/events?limit=1", key).await;
        assert_eq!(status, 200);
        partner.push(took);
        let (status, took) = call(serving, "/portal/v1/companies", token).await;
        assert_eq!(status, 200);
        operator.push(took);
    }
    partner.sort_unstable();
    operator.sort_unstable();
    let longest = partner[CALLS - 1].max(operator[CALLS - 1]);
    Waits { partner_p99: partner[CALLS - 2], operator_p99: operator[CALLS - 2], longest }
}

/// A viewer's token.
async fn viewer(serving: &Serving) -> String {
    let body = r#"{"name":"Vera","role":"viewer"}"#;
    let token = std::fs::read_to_string(serving.data_dir().join("operator.token")).expect("a token");
    let request = format!(
        "POST /portal/v1/operators HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        token.trim(),
        body.len()
    );
    let (mut stream, mut answer) = (connect(serving).await, String::new());
    stream.write_all(request.as_bytes()).await.expect("sent");
    stream.read_to_string(&mut answer).await.expect("an answer");
    let created: serde_json::Value =
        serde_json::from_str(answer.split("\r\n\r\n").nth(1).expect("a body")).expect("JSON");
    created["token"].as_str().expect("a token").to_owned()
}

/// A platform, with a partner's and an operator's header.
async fn started(home: &TempDir) -> (Serving, String, String) {
    raise_descriptor_limit();
    let serving = Serving::start(home.path());
    let (_, partner) = serving.company().await;
    let ClientCredential::Key(key) = partner.credential() else { panic!("a partner has a key") };
    let key = format!("X-Api-Key: {}", key.reveal());
    let token = std::fs::read_to_string(home.path().join("operator.token")).expect("a token");
    (serving, key, format!("Authorization: Bearer {}", token.trim()))
}

async fn holds(what: &str, head: &str) {
    let home = TempDir::new().expect("a directory");
    let (serving, key, token) = started(&home).await;
    call(&serving, "/docs", &key).await;
    let memory = resident(&serving);
    let siege = besiege(&serving, head.as_bytes().to_vec()).await;
    let waits = waited(&serving, &key, &token).await;
    siege.abort();
    let grown = resident(&serving) - memory;
    let figures = format!("L3, {PEERS} peers that never {what}: {waits}; memory + {grown} KiB");
    say(&figures);
    assert!(waits.hold() && grown < MAX_MEMORY_GROWTH_KIB, "{figures}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l3_peers_that_never_read_do_not_block_others() {
    holds("read", &"GET /docs HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".repeat(30)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l3_peers_that_never_write_do_not_block_others() {
    holds("write", "").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l3_streams_of_one_credential_are_limited_and_do_not_block_others() {
    let home = TempDir::new().expect("a directory");
    let (serving, key, token) = started(&home).await;
    let address = serving.address.trim_start_matches("http://").to_owned();
    let viewer = viewer(&serving).await;
    let head = format!("GET /portal/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {viewer}\r\n\r\n");
    let (mut streams, mut n_refused) = (Vec::new(), 0);
    for _ in 0..PEERS - 50 {
        let mut stream = within("a connection", peer(&address, head.as_bytes())).await.expect("it is accepted");
        let mut answer = vec![0; 1_024];
        let n = within("an answer", stream.read(&mut answer)).await.expect("an answer");
        let text = String::from_utf8_lossy(&answer[..n]).into_owned();
        if text.starts_with("HTTP/1.1 200") {
            streams.push(stream);
        } else {
            assert!(text.starts_with("HTTP/1.1 429") && text.contains("too_many_streams"), "{text}");
            n_refused += 1;
        }
    }
    let waits = waited(&serving, &key, &token).await;
    let figures = format!("L3, {} streams, {n_refused} refused: {waits}", streams.len());
    say(&figures);
    assert_eq!((streams.len(), n_refused), (STREAMS, PEERS - 50 - STREAMS), "{figures}");
    assert!(waits.hold(), "{figures}");
}
