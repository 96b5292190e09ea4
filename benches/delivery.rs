//! What delivering costs. Each figure stands beside what it is held against, measured in the same run; ratios count, seconds depend on the machine.
//!
//! - A backlog is delivered to local receivers, signed and logged with full durability; beside it the bare limit: the same HTTP library on
//!   kept connections, the same signature, and one row a request written in shared commits, with nothing else around them.
//! - The same from end to end: events are accepted while others are delivered.
//! - The time from a call that emits an event to the first byte at the receiver, at 500 events a second over HTTP.
//! - What one endpoint that never answers costs the others.
//! - Deliveries to receivers that take 50 and 200 ms, to one that degrades above 32 parallel requests, and to a healthy
//!   one beside others of its company that never answer.
//! - The memory of the real binary with a backlog of 100,000, and with 4,096 attempts in flight beside it.
//!
//! `cargo bench --bench delivery -- [DELIVERIES] [PART ...]` (20,000 unless told otherwise; the parts are `throughput`,
//! `latency`, `neighbour`, `lag` and `memory`, all without one; `backlog` and `bare` deliver once, for a profiler).

#![expect(clippy::print_stdout, reason = "a benchmark's output is its figures")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use bare::{BareLoad, bare};
use crow::client::connection::{ClientCredential, PlatformClient};
use crow::clock::{RuntimeEnv, Stopwatch};
use crow::domain::event::EventType;
use crow::domain::ids::{CompanyId, EventId};
use crow::domain::scope::KeyScope;
use crow::domain::slots::SlotCapacity;
use crow::domain::target::TargetPolicy;
use crow::engine::caller::{Actor, Caller};
use crow::engine::events::EventPublication;
use crow::engine::handle::Engine;
use crow::http::exposure::ServerExposure;
use crow::server;
use crow::wire::changes;
use crow::wire::keys::{NewCompany, NewKey, RequestedLimits};
use process::Serving;
use receiver::Receiver;
use rusqlite::Connection;
use settings::engine_settings;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

#[path = "delivery/bare.rs"]
mod bare;
#[path = "support/bare_database.rs"]
mod bare_database;
#[path = "delivery/latency.rs"]
mod latency;
#[path = "delivery/receiver.rs"]
mod receiver;
#[path = "support/settings.rs"]
mod settings;

#[path = "../tests/it/storage/process.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod process;

/// Companies, each with one subscription.
const COMPANIES: usize = 16;
/// Requests in flight at the bare side: as many as the companies may have in flight, four for each subscription.
const FLIGHTS: usize = 64;
/// Runs of which the median is printed.
const N_RUNS: usize = 3;
/// Number of tasks that emit events at the same time.
const EMITTERS: usize = 64;
/// Events a second, and how many, for the time to the first byte.
const PACE: u32 = 500;
const PACED: u32 = 5_000;
/// Deliveries that wait while memory is looked at.
const BACKLOG: usize = 100_000;

/// A platform whose dispatcher does not run yet.
struct Platform {
    dir: TempDir,
    engine: Engine,
    caller: Caller,
    operator: PlatformClient,
    address: String,
    companies: Vec<CompanyId>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Platform {
    /// A company with one subscription for each of the targets.
    async fn start(targets: &[String]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let engine = Engine::open(engine_settings(dir.path(), TargetPolicy::Private), RuntimeEnv::real())
            .await
            .expect("it opens");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let (stop, stopped) = watch::channel(false);
        let token = engine.mint_operator("bench");
        let actor = Actor::Operator(engine.authenticate_operator(token.reveal()).expect("just minted"));
        let operator = PlatformClient::new(&address, ClientCredential::Operator(token)).expect("a client");
        let serving = server::serve(listener, engine.clone(), ServerExposure::default(), stopped);
        let tasks = vec![tokio::spawn(async move {
            serving.await;
        })];
        let mut companies = Vec::new();
        for target in targets {
            companies.push(subscribed(&operator, &address, target).await);
        }
        let caller = Caller::new(actor, "bench".to_owned(), engine.audit_key());
        Self { dir, engine, caller, operator, address, companies, stop, tasks }
    }

    /// Begins to deliver.
    fn deliver(&mut self) {
        let (engine, stopped) = (self.engine.clone(), self.stop.subscribe());
        self.tasks.push(tokio::spawn(async move { engine.run(stopped).await }));
    }

    /// Emits `n` events in turns for these companies, as many at once as there are emitters.
    async fn emit(&self, n: usize, companies: &[CompanyId]) {
        let mut emitters = JoinSet::new();
        for emitter in 0..EMITTERS {
            let (engine, caller) = (self.engine.clone(), self.caller.clone());
            let theirs: Vec<CompanyId> =
                (emitter..n).step_by(EMITTERS).map(|i| companies[i % companies.len()]).collect();
            emitters.spawn(async move {
                for company in theirs {
                    let news =
                        EventPublication { company, kind: EventType::LeadCreated, payload: None, metadata: None };
                    engine.publish(caller.clone(), news).await.expect("published");
                }
            });
        }
        emitters.join_all().await;
    }

    /// Emits one event and returns its number.
    async fn publish(&self, company: CompanyId) -> EventId {
        let news = EventPublication { company, kind: EventType::LeadCreated, payload: None, metadata: None };
        self.engine.publish(self.caller.clone(), news).await.expect("published").id
    }

    /// Subscribes a company to its leads at more targets.
    async fn subscribe_more(&self, company: CompanyId, targets: &[String]) {
        let partner = partner_of(&self.operator, &self.address, company).await;
        for target in targets {
            partner.create_subscription(&process::subscription(target)).await.expect("a subscription");
        }
    }

    /// Waits until these companies' deliveries have all succeeded.
    async fn settled(&self, n: usize, companies: &[CompanyId]) {
        let ids: Vec<String> = companies.iter().map(ToString::to_string).collect();
        let database = Connection::open(self.dir.path().join("platform.db")).expect("a database");
        let mut n_settled = database
            .prepare(&format!(
                "SELECT coalesce(sum(n), 0) FROM delivery_counts JOIN subscriptions ON id = subscription_id
                 WHERE state = 'succeeded' AND company_id IN ({})",
                ids.join(", ")
            ))
            .expect("a statement");
        while n_settled.query_row([], |row| row.get::<_, i64>(0)).expect("a count") < i64::try_from(n).expect("few") {
            self.engine.ambient().sleep(Duration::from_millis(5)).await;
        }
    }

    /// Stops the platform in order and returns its directory, which exists as long as the value is held.
    async fn end(self) -> TempDir {
        self.stop.send_replace(true);
        for task in self.tasks {
            task.await.expect("no panic");
        }
        // What never delivered is closed by a run that ends at once.
        self.engine.run(self.stop.subscribe()).await;
        self.dir
    }
}

/// A company with a subscription to leads at `target`.
async fn subscribed(operator: &PlatformClient, address: &str, target: &str) -> CompanyId {
    let company =
        operator.change(&changes::CREATE_COMPANY, &NewCompany { name: "Acme".to_owned() }).await.expect("a company").id;
    let partner = partner_of(operator, address, company).await;
    partner.create_subscription(&process::subscription(target)).await.expect("a subscription");
    company
}

/// Client with a new key of a company.
async fn partner_of(operator: &PlatformClient, address: &str, company: CompanyId) -> PlatformClient {
    let most = Some(1_000_000);
    let new = NewKey {
        company_id: company,
        name: "bench".to_owned(),
        scopes: KeyScope::ALL.to_vec(),
        limits: Some(RequestedLimits { read: most, write: most, admin: most }),
    };
    let key = operator.change(&changes::CREATE_KEY, &new).await.expect("a key").key.into_secret();
    PlatformClient::new(address, ClientCredential::Key(key)).expect("a client")
}

/// Delivers a backlog of `n` and answers with deliveries a second; with one more company whose endpoint never answers, if asked for.
async fn drained(receiver: &Receiver, n: usize, hanging: Option<&str>) -> f64 {
    let targets: Vec<String> =
        (0..COMPANIES).map(|_| receiver.url("ok")).chain(hanging.map(|path| receiver.url(path))).collect();
    let mut platform = Platform::start(&targets).await;
    let (those, hung) = platform.companies.split_at(COMPANIES);
    let (those, hung) = (those.to_vec(), hung.to_vec());
    platform.emit(n, &those).await;
    if !hung.is_empty() {
        platform.emit(n / COMPANIES, &hung).await;
    }
    let watch = platform.engine.ambient().stopwatch();
    platform.deliver();
    platform.settled(n, &those).await;
    let rate = n as f64 / watch.elapsed().as_secs_f64();
    if hung.is_empty() {
        platform.end().await;
    } else {
        // What never ends is not waited for: the process ends with it.
        platform.stop.send_replace(true);
    }
    rate
}

/// Publishes `n` events while the platform delivers them. Returns deliveries a second, and prints the lags from call to
/// first byte.
async fn end_to_end(receiver: &Receiver, n: usize) -> f64 {
    let targets: Vec<String> = (0..COMPANIES).map(|_| receiver.url("ok")).collect();
    let mut platform = Platform::start(&targets).await;
    let companies = platform.companies.clone();
    platform.deliver();
    let watch = platform.engine.ambient().stopwatch();
    platform.emit(n, &companies).await;
    platform.settled(n, &companies).await;
    let rate = n as f64 / watch.elapsed().as_secs_f64();
    platform.end().await;
    rate
}

/// Emits at a steady pace over HTTP; milliseconds from the call to the first byte at the receiver, ascending.
async fn lags(receiver: &Receiver) -> Vec<f64> {
    let targets: Vec<String> = (0..COMPANIES).map(|_| receiver.url("timed")).collect();
    let mut platform = Platform::start(&targets).await;
    platform.deliver();
    let ambient = platform.engine.ambient().clone();
    let operator = Arc::new(platform.operator.clone());
    let clock: Stopwatch = receiver.clock.clone();
    let begin = clock.elapsed();
    let mut calls = JoinSet::new();
    for n in 0..PACED {
        let due = begin + Duration::from_secs(1) / PACE * n;
        ambient.sleep(due.saturating_sub(clock.elapsed())).await;
        let (operator, clock) = (Arc::clone(&operator), clock.clone());
        let company_id = platform.companies[n as usize % COMPANIES];
        calls.spawn(async move {
            let called = clock.elapsed();
            let new = process::lead(company_id);
            (operator.change(&changes::EMIT_EVENT, &new).await.expect("an event").id, called)
        });
    }
    let called = calls.join_all().await;
    platform.settled(PACED as usize, &platform.companies).await;
    let arrivals = receiver.arrivals();
    platform.end().await;
    let lag = |(event, called): &(_, Duration)| {
        arrivals[event].checked_sub(*called).expect("nothing comes before it was sent").as_secs_f64() * 1_000.0
    };
    let mut lags: Vec<f64> = called.iter().map(lag).collect();
    lags.sort_by(f64::total_cmp);
    lags
}

/// Resident memory of the real binary in MiB, now and at most, with a backlog that waits for endpoints that never answer;
/// and with as many attempts in flight as there may be, for which the receiver takes a second.
async fn memory(receiver: &Receiver, path: &str) -> (u64, u64) {
    let targets: Vec<String> = (0..COMPANIES).map(|_| receiver.url(path)).collect();
    let platform = Platform::start(&targets).await;
    platform.emit(BACKLOG, &platform.companies).await;
    let dir = platform.end().await;
    receiver.reset();
    let serving = Serving::start(dir.path());
    let (operator, ambient) = (serving.operator(), RuntimeEnv::real());
    for _ in 0..100 {
        operator.overview(50).await.expect("an overview");
        ambient.sleep(Duration::from_millis(100)).await;
        if path == "hang" || receiver.parallel().1 >= SlotCapacity::FULL.n_slots * 9 / 10 {
            break;
        }
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", serving.id())).expect("Linux");
    let mib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1_024
    };
    (mib("VmRSS:"), mib("VmHWM:"))
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Backlogs and throughput at receivers that answer at once.
async fn print_throughput(receiver: &Receiver, n: usize) {
    let (mut ours, mut theirs, mut through, mut beside) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    // In turns, so that a noisy minute falls on all of them; the medians of three.
    for _ in 0..N_RUNS {
        ours.push(drained(receiver, n, None).await);
        theirs.push(bare(receiver, &BareLoad { path: "ok".to_owned(), n_flights: FLIGHTS, n }).await);
        through.push(end_to_end(receiver, n).await);
        beside.push(drained(receiver, n, Some("hang")).await);
    }
    let [ours, theirs, through, beside] = [ours, theirs, through, beside].map(|mut figures| median(&mut figures));
    println!("| {n} deliveries to local receivers | a second | held against |\n|---|---|---|");
    println!("| bare: send, sign, one row | {theirs:.0} | |");
    println!("| a backlog, signed and logged | {ours:.0} | {:.2} of bare |", ours / theirs);
    println!("| accepted and delivered at once | {through:.0} | {:.2} of bare |", through / theirs);
    println!("| a backlog beside an endpoint that hangs | {beside:.0} | {:.2} of the backlog alone |", beside / ours);
}

async fn print_lags(receiver: &Receiver) {
    let lags = lags(receiver).await;
    let at = |percent: usize| lags[(lags.len() * percent / 100).min(lags.len() - 1)];
    println!("call to first byte at {PACE} events a second: p50 {:.1} ms, p99 {:.1} ms", at(50), at(99));
}

async fn print_memory(receiver: &Receiver) {
    let (now, most) = memory(receiver, "hang").await;
    println!("memory with a backlog of {BACKLOG}: {now} MiB, at most {most} MiB");
    let (now, most) = memory(receiver, "slow-1000").await;
    let n = receiver.parallel().1;
    println!("memory with a backlog of {BACKLOG} and {n} attempts in flight: {now} MiB, at most {most} MiB");
}

async fn run(n: usize, parts: &[String]) {
    let receiver = Receiver::start().await;
    let is_named = |part: &str| parts.iter().any(|wanted| wanted == part);
    let is_wanted = |part: &str| parts.is_empty() || is_named(part);
    // For a profiler: nothing else beside it.
    if is_named("backlog") {
        println!("a backlog: {:.0} a second", drained(&receiver, n, None).await);
    }
    if is_named("bare") {
        let load = BareLoad { path: "ok".to_owned(), n_flights: FLIGHTS, n };
        println!("bare: {:.0} a second", bare(&receiver, &load).await);
    }
    if is_wanted("throughput") {
        print_throughput(&receiver, n).await;
    }
    if is_wanted("latency") {
        latency::print_cases(&receiver, if parts.is_empty() { N_RUNS } else { 1 }).await;
    }
    if is_wanted("neighbour") {
        latency::print_neighbour(&receiver).await;
    }
    if is_wanted("lag") {
        print_lags(&receiver).await;
    }
    if is_wanted("memory") {
        print_memory(&receiver).await;
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let n = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(20_000);
    let parts: Vec<String> = arguments.into_iter().filter(|argument| argument.parse::<usize>().is_err()).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    runtime.block_on(run(n, &parts));
    // Endpoints that hang are not waited for.
    runtime.shutdown_background();
}
