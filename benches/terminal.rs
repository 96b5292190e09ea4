//! What the console costs as people have it, the real binary in a pseudo-terminal of 200x60: the time until its first full frame, attached to a
//! platform elsewhere and as the demo; what it writes and works in a minute in which nothing changes, and a second while something changes
//! every second; and its memory.
//!
//! `cargo bench --bench terminal`. It takes about two minutes.

#![expect(clippy::print_stdout, reason = "a benchmark's output is its figures")]

use crow::client::connection::{ClientCredential, PlatformClient};
use crow::clock::RuntimeEnv;
use crow::domain::event::EventType;
use crow::domain::ids::CompanyId;
use crow::domain::scope::KeyScope;
use crow::domain::secret::Secret;
use crow::wire::changes;
use crow::wire::events::NewEvent;
use crow::wire::keys::{NewCompany, NewKey};
use crow::wire::subscriptions::NewSubscription;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

#[path = "../tests/it/storage/process.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod process;

const SIZE: (u16, u16) = (200, 60);
/// Texts of a complete dashboard.
const FULL: [&str; 7] = ["LIVE", "2 Keys", "3 Subscriptions", "4 Deliveries", "6 Headroom", "7 Trips", "Alerts"];
/// Starts that are timed.
const STARTS: usize = 7;
/// Seconds after which nothing that happened before is shown by the second any more.
const CALM: Duration = Duration::from_secs(65);
const MINUTE: Duration = Duration::from_secs(60);
/// Seconds in which something changes each second.
const BUSY: u32 = 20;
/// Maximum time until a text appears on the screen.
const LIMIT: Duration = Duration::from_secs(30);
/// Ticks of the kernel's clock in a second.
const TICKS: f64 = 100.0;

/// Output of a terminal and the screen that results from it.
#[derive(Default)]
struct Seen {
    parser: Option<vt100::Parser>,
    n_bytes: usize,
}

/// The binary in a terminal.
struct Console {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

impl Console {
    fn run(arguments: &[&str]) -> Self {
        let (columns, rows) = SIZE;
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_crow"));
        command.args(arguments);
        for (name, value) in [("TERM", "xterm-256color"), ("LC_ALL", "C.UTF-8")] {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).expect("the binary starts");
        let mut output = pair.master.try_clone_reader().expect("its output");
        let whole = |n| std::num::NonZeroU16::new(n).expect("a size");
        let parser = Some(vt100::Parser::new(whole(rows), whole(columns), 0));
        let seen = Arc::new((Mutex::new(Seen { parser, n_bytes: 0 }), Condvar::new()));
        std::thread::spawn({
            let seen = Arc::clone(&seen);
            move || {
                let mut bytes = [0; 65_536];
                while let Ok(n @ 1..) = output.read(&mut bytes) {
                    let mut lock = seen.0.lock().expect("not poisoned");
                    lock.n_bytes += n;
                    if let Some(parser) = &mut lock.parser {
                        parser.process(&bytes[..n]);
                    }
                    seen.1.notify_all();
                }
            }
        });
        Self { child, master: pair.master, seen }
    }

    /// Waits until the screen shows all of the texts.
    fn shows(&self, texts: &[&str]) {
        let holds = |seen: &Seen| {
            let contents = seen.parser.as_ref().map_or_else(String::new, |parser| parser.screen().contents());
            texts.iter().all(|text| contents.contains(text))
        };
        let lock = self.seen.0.lock().expect("not poisoned");
        let waited = self.seen.1.wait_timeout_while(lock, LIMIT, |seen| !holds(seen)).expect("not poisoned");
        assert!(!waited.1.timed_out(), "waited too long for {texts:?}");
    }

    fn n_bytes(&self) -> usize {
        self.seen.0.lock().expect("not poisoned").n_bytes
    }

    fn pid(&self) -> u32 {
        self.child.process_id().expect("it runs")
    }

    /// Seconds of work so far.
    fn worked(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("its figures");
        let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
        let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
        (ticks(11) + ticks(12)) / TICKS
    }

    /// Memory in use, in MiB.
    fn memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("its figures");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
        line.split_whitespace().nth(1).expect("a number").parse::<f64>().expect("a number") / 1_024.0
    }

    fn quit(mut self) {
        let mut keyboard = self.master.take_writer().expect("its input");
        keyboard.write_all(b"qqy").expect("it listens");
        let _ = self.child.wait();
    }
}

/// A platform in a process of its own.
struct Served(std::process::Child, String);

impl Served {
    fn start(dir: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crow"));
        command.args(["serve", "--allow-private-targets", "--bind", "127.0.0.1:0", "--data"]).arg(dir);
        command.stderr(Stdio::null());
        let (child, address) = process::listening(&mut command).expect("it listens");
        Self(child, address)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

fn line(what: &str, figure: &str) {
    println!("| {what} | {figure} |");
}

/// The median of some starts, in milliseconds.
fn started(ambient: &RuntimeEnv, run: impl Fn() -> Console) -> f64 {
    let mut took: Vec<f64> = (0..STARTS)
        .map(|_| {
            let watch = ambient.stopwatch();
            let console = run();
            console.shows(&FULL);
            let took = watch.elapsed().as_secs_f64() * 1_000.0;
            console.quit();
            took
        })
        .collect();
    took.sort_by(f64::total_cmp);
    took[STARTS / 2]
}

/// Twenty subscriptions to a receiver that takes everything.
async fn subscribe(operator: &PlatformClient, address: &str, company: CompanyId) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let target_url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(async || "ok")).await });
    let new = NewKey { company_id: company, name: "CRM".to_owned(), scopes: KeyScope::ALL.to_vec(), limits: None };
    let key = operator.change(&changes::CREATE_KEY, &new).await.expect("a key").key.into_secret();
    let partner = PlatformClient::new(address, ClientCredential::Key(key)).expect("a client");
    for n in 0..20 {
        let wish = NewSubscription {
            target_url: format!("{target_url}/{n}"),
            event_types: vec![EventType::LeadCreated.name().to_owned()],
            description: None,
            managed_by: None,
            signing_secret: None,
        };
        partner.create_subscription(&wish).await.expect("a subscription");
    }
}

async fn run(ambient: RuntimeEnv) {
    let dir = tempfile::tempdir().expect("a directory");
    let served = Served::start(dir.path());
    let token_file = dir.path().join("operator.token").to_string_lossy().into_owned();
    let token = fs::read_to_string(&token_file).expect("a token").trim().to_owned();
    let operator = PlatformClient::new(&served.1, ClientCredential::Operator(Secret::new(token))).expect("a client");
    let company =
        operator.change(&changes::CREATE_COMPANY, &NewCompany { name: "Acme".to_owned() }).await.expect("a company");
    for n in 0..20 {
        let new =
            NewKey { company_id: company.id, name: format!("key {n}"), scopes: KeyScope::ALL.to_vec(), limits: None };
        operator.change(&changes::CREATE_KEY, &new).await.expect("a key");
    }
    let url = served.1.clone();
    let attached = move || Console::run(&["console", "--url", &url, "--token-file", &token_file]);
    println!("| what, at {}x{} | figure |\n|---|---|", SIZE.0, SIZE.1);
    line("start to first full frame, attached", &format!("{:.0} ms", started(&ambient, &attached)));
    line("start to first full frame, demo", &format!("{:.0} ms", started(&ambient, || Console::run(&["demo"]))));
    let console = attached();
    console.shows(&FULL);
    ambient.sleep(CALM).await;
    let (n_bytes, worked) = (console.n_bytes(), console.worked());
    ambient.sleep(MINUTE).await;
    let share = (console.worked() - worked) / MINUTE.as_secs_f64() * 100.0;
    line("written in a quiet minute", &format!("{} bytes", console.n_bytes() - n_bytes));
    line("worked in a quiet minute", &format!("{share:.2} % of a core"));
    subscribe(&operator, &served.1, company.id).await;
    let n_bytes = console.n_bytes();
    for _ in 0..BUSY {
        let event = NewEvent { company_id: company.id, kind: EventType::LeadCreated, payload: None, metadata: None };
        operator.change(&changes::EMIT_EVENT, &event).await.expect("an event");
        ambient.sleep(Duration::from_secs(1)).await;
    }
    let rate = (console.n_bytes() - n_bytes) as f64 / f64::from(BUSY);
    line("written while an event goes to 20 receivers each second", &format!("{rate:.0} bytes a second"));
    line("memory", &format!("{:.0} MiB", console.memory()));
    console.quit();
    let demo = Console::run(&["demo"]);
    demo.shows(&FULL);
    ambient.sleep(Duration::from_secs(5)).await;
    let n_bytes = demo.n_bytes();
    ambient.sleep(Duration::from_secs(20)).await;
    line("written by the demo", &format!("{:.0} bytes a second", (demo.n_bytes() - n_bytes) as f64 / 20.0));
    line("memory of the demo: console, platform and company", &format!("{:.0} MiB", demo.memory()));
    demo.quit();
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    runtime.block_on(run(RuntimeEnv::real()));
}
