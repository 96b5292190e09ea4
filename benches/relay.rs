//! What `crow relay` adds to a call: the same calls to a platform directly and through a relay, in turns, in one run. Both
//! are processes of the real binary. Differences and ratios count; times depend on the machine.
//!
//! `cargo bench --bench relay`

#![expect(clippy::print_stdout, reason = "a benchmark's output is its figures")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use crow::client::connection::{ClientCredential, PlatformClient};
use crow::clock::RuntimeEnv;
use crow::domain::scope::KeyScope;
use crow::domain::secret::Secret;
use crow::wire::changes;
use crow::wire::keys::{NewCompany, NewKey, RequestedLimits};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::task::JoinSet;

/// Calls one after the other per round, for the latency.
const SINGLE_CALLS: usize = 400;
/// Callers at once, and calls of each per round, for the throughput.
const CALLERS: (usize, usize) = (16, 150);
/// Rounds, each with both ways; the medians count.
const ROUNDS: usize = 5;

/// Process of the binary, killed when dropped.
struct Running(Child, String);

impl Running {
    fn start(dir: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crow"));
        for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
            command.env(name, dir);
        }
        let mut child =
            command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("its address");
        let address = line.trim().strip_prefix("listening on ").expect("its address").to_owned();
        Self(child, address)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One way to the platform.
#[derive(Clone)]
struct Way {
    http: reqwest::Client,
    url: String,
    key: String,
}

impl Way {
    async fn call(&self) {
        let answered = self.http.get(&self.url).header("x-api-key", &self.key).send().await.expect("an answer");
        assert!(answered.status().is_success(), "{}", answered.status());
        answered.bytes().await.expect("a body");
    }

    /// Median of calls one after the other.
    async fn p50(&self, ambient: &RuntimeEnv) -> Duration {
        let mut took = Vec::with_capacity(SINGLE_CALLS);
        for _ in 0..SINGLE_CALLS {
            let watch = ambient.stopwatch();
            self.call().await;
            took.push(watch.elapsed());
        }
        took.sort_unstable();
        took[took.len() / 2]
    }

    /// Calls a second with all callers busy.
    async fn throughput(&self, ambient: &RuntimeEnv) -> f64 {
        let watch = ambient.stopwatch();
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS.0 {
            let way = self.clone();
            callers.spawn(async move {
                for _ in 0..CALLERS.1 {
                    way.call().await;
                }
            });
        }
        callers.join_all().await;
        (CALLERS.0 * CALLERS.1) as f64 / watch.elapsed().as_secs_f64()
    }
}

fn median<T: PartialOrd + Copy>(mut values: Vec<T>) -> T {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    values[values.len() / 2]
}

async fn run() {
    let (ambient, dir) = (RuntimeEnv::real(), tempfile::tempdir().expect("a directory"));
    let data = dir.path().join("platform").display().to_string();
    let platform = Running::start(dir.path(), &["serve", "--data", &data, "--bind", "127.0.0.1:0"]);
    let token = std::fs::read_to_string(dir.path().join("platform/operator.token")).expect("a token");
    let credential = ClientCredential::Operator(Secret::new(token.trim().to_owned()));
    let operator = PlatformClient::new(&platform.1, credential).expect("a client");
    let company =
        operator.change(&changes::CREATE_COMPANY, &NewCompany { name: "Acme".to_owned() }).await.expect("a company").id;
    let limits = Some(RequestedLimits { read: Some(1_000_000), write: None, admin: None });
    let new = NewKey { company_id: company, name: "bench".to_owned(), scopes: vec![KeyScope::EventsRead], limits };
    let key = operator.change(&changes::CREATE_KEY, &new).await.expect("a key").key.into_secret().reveal().to_owned();
    let relay = Running::start(dir.path(), &["relay", "--url", &platform.1, "--bind", "127.0.0.1:0"]);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let way = |address: &str| Way {
        http: reqwest::Client::builder().no_proxy().build().expect("a client"),
        url: format!("{address}/api/v1/events"),
        key: key.clone(),
    };
    let (direct, relayed) = (way(&platform.1), way(&relay.1));
    let (mut singles, mut rates) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
    direct.p50(&ambient).await;
    relayed.p50(&ambient).await;
    for _ in 0..ROUNDS {
        singles.0.push(direct.p50(&ambient).await);
        singles.1.push(relayed.p50(&ambient).await);
        rates.0.push(direct.throughput(&ambient).await);
        rates.1.push(relayed.throughput(&ambient).await);
    }
    let (direct_p50, relayed_p50) = (median(singles.0), median(singles.1));
    let (direct_rate, relayed_rate) = (median(rates.0), median(rates.1));
    let us = |time: Duration| time.as_micros();
    println!("| | direct | relayed | |\n|---|---|---|---|");
    let added = us(relayed_p50.saturating_sub(direct_p50));
    println!("| p50 of single calls | {} µs | {} µs | {added} µs added |", us(direct_p50), us(relayed_p50));
    let ratio = relayed_rate / direct_rate;
    println!("| calls a second, {} callers | {direct_rate:.0} | {relayed_rate:.0} | {ratio:.2} |", CALLERS.0);
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    runtime.block_on(run());
}
