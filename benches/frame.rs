//! What the console costs: building a frame of 200x60 and of 120x36, and the time from a key to the frame that shows what it did, in a delivery log of many
//! attempts to which new ones are added all the while. Feed, loop, screens and platform are the real ones; only the terminal is in memory.
//!
//! `cargo bench --bench frame -- [ATTEMPTS] [ATTEMPTS A SECOND]` (1,000,000 and 500 unless told otherwise).

#![expect(clippy::print_stdout, reason = "a benchmark's output is its figures")]

#[path = "support/frames.rs"]
mod frames;
#[path = "../tests/it/support/screen.rs"]
mod screen;
#[path = "support/settings.rs"]
mod settings;

use axum::Router;
use axum::routing::post;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use crow::client::connection::{ClientCredential, PlatformClient};
use crow::clock::RuntimeEnv;
use crow::domain::event::EventType;
use crow::domain::ids::CompanyId;
use crow::domain::scope::KeyScope;
use crow::domain::target::TargetPolicy;
use crow::engine::handle::Engine;
use crow::http::exposure::ServerExposure;
use crow::server;
use crow::sync::feed;
use crow::sync::snapshot::Snapshot;
use crow::tui::keys::keymap::Keymap;
use crow::tui::runtime::clipboard::{Clipboard, ClipboardRoute, TerminalMultiplexer};
use crow::tui::runtime::console::{ConsoleSetup, run_on};
use crow::tui::runtime::perform::JobRunner;
use crow::tui::runtime::state_file::StateFile;
use crow::tui::state::config::ConsoleAccess;
use crow::tui::widgets::theme::ConsoleAppearance;
use crow::wire::changes;
use crow::wire::events::NewEvent;
use crow::wire::keys::{NewCompany, NewKey};
use crow::wire::subscriptions::NewSubscription;
use frames::{frame_times, identity};
use ratatui::Terminal;
use rusqlite::{Connection, params};
use screen::Screen;
use settings::engine_settings;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

const SIZE: (u16, u16) = (200, 60);
/// Frames that are built.
const FRAMES: usize = 3_000;
/// Keys that are pressed, and the time between two of them.
const KEYS: usize = 600;
const BETWEEN: Duration = Duration::from_millis(33);
/// Keys and subscriptions on the platform.
const ROWS: usize = 20;

/// Fills the delivery log up to `n` attempts.
fn fill(dir: &Path, n: i64) {
    let mut connection = Connection::open(dir.join("platform.db")).expect("the database");
    let transaction = connection.transaction().expect("a transaction");
    {
        let mut insert = transaction
            .prepare(
                "INSERT INTO attempts (company_id, subscription_id, target_url, event_id, event_type, kind, number, started_at, elapsed_ms,
                     status, request_headers, request_body, response_headers, response_body, n_response_bytes)
                 VALUES (1, ?1, ?2, ?3, 'lead.created', 'scheduled', 1, ?3, ?4, ?5, '[]', x'', '[]', x'', 0)",
            )
            .expect("a statement");
        for id in 1..=n {
            let subscription = id % i64::try_from(ROWS).expect("few") + 1;
            let status = if id % 9 == 0 { 503 } else { 200 };
            let target = format!("http://127.0.0.1:9/receiver/{subscription}");
            insert.execute(params![subscription, target, id, id % 400, status]).expect("inserted");
        }
    }
    transaction.commit().expect("committed");
}

/// Returns the selected row as the screen shows it.
fn selected(screen: &Screen) -> Option<String> {
    screen.with(|screen| {
        let buffer = screen.buffer();
        let row = (0..buffer.area.height).find(|y| buffer[(1, *y)].symbol() == ">")?;
        Some((2..130).map(|x| buffer[(x, row)].symbol()).collect())
    })
}

/// Prints the median and the 99th percentile.
fn report(name: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |share: usize| took[(took.len() * share / 100).min(took.len() - 1)].as_secs_f64() * 1_000.0;
    println!("| {name} | {} | {:.2} ms | {:.2} ms | {:.2} ms |", took.len(), at(50), at(99), at(100));
}

/// Builds frames of the dashboard and of a log while the selection moves; only the building is timed.
fn frames(picture: &Arc<Snapshot>, ambient: &RuntimeEnv, size: (u16, u16)) {
    for (name, keys) in [("dashboard", ""), ("deliveries alone", "4")] {
        let took = frame_times(picture, ambient, size, keys, FRAMES);
        report(&format!("frame of {}x{}, {name}", size.0, size.1), took);
    }
}

/// Emits events at a steady pace as long as the future is polled.
async fn stream(operator: PlatformClient, ambient: RuntimeEnv, company_id: CompanyId, pace: u32) {
    let watch = ambient.stopwatch();
    for n in 0_u32.. {
        let due = Duration::from_secs(1) * n / pace.max(1);
        ambient.sleep(due.saturating_sub(watch.elapsed())).await;
        let operator = operator.clone();
        tokio::spawn(async move {
            let event = NewEvent { company_id, kind: EventType::LeadCreated, payload: None, metadata: None };
            let _ = operator.change(&changes::EMIT_EVENT, &event).await;
        });
    }
}

/// Presses keys in a console that looks at the log, and times each until the frame with the next row selected is complete.
async fn keys(client: PlatformClient, ambient: &RuntimeEnv) -> Vec<Duration> {
    let (keys, events) = mpsc::unbounded_channel();
    let (sender, pictures) = watch::channel(Arc::new(Snapshot::default()));
    let settings = feed::FeedSettings { rows: 200, history: None };
    let feeding = tokio::spawn(feed::follow(client.clone(), ambient.clone(), settings, sender));
    let (screen, mut drawn) = Screen::new(SIZE.0, SIZE.1);
    let setup = ConsoleSetup {
        identity: identity(client.base()),
        access: ConsoleAccess::Act,
        look: ConsoleAppearance::default(),
        keymap: Keymap::default(),
        initial_error: None,
        clipboard: Clipboard::new(
            Box::new(std::io::sink()),
            vec![ClipboardRoute::Terminal(TerminalMultiplexer::None)],
            None,
        ),
        memory: StateFile::default(),
        pictures,
        performer: JobRunner::new(client, ConsoleAccess::Act),
        ambient: ambient.clone(),
    };
    let running = tokio::spawn({
        let screen = screen.clone();
        async move {
            let input = futures_util::stream::unfold(events, async |mut events| {
                events.recv().await.map(|event| (event, events))
            });
            let mut terminal = Terminal::new(screen).expect("a terminal in memory");
            run_on(&mut terminal, input, setup, std::future::pending()).await
        }
    });
    let press = |key| {
        let event = Event::Key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE));
        keys.send(Ok(event)).expect("the loop listens");
    };
    ambient.sleep(Duration::from_secs(2)).await;
    press('4');
    ambient.sleep(Duration::from_secs(2)).await;
    press('j');
    ambient.sleep(Duration::from_secs(1)).await;
    let mut took = Vec::with_capacity(KEYS);
    for _ in 0..KEYS {
        let before = selected(&screen);
        let watch = ambient.stopwatch();
        press('j');
        while selected(&screen) == before {
            drawn.changed().await.expect("the console goes on");
        }
        took.push(watch.elapsed());
        ambient.sleep(BETWEEN).await;
    }
    feeding.abort();
    running.abort();
    took
}

async fn run(n_attempts: i64, pace: u32) {
    let ambient = RuntimeEnv::real();
    let dir = tempfile::tempdir().expect("a directory");
    let engine =
        Engine::open(engine_settings(dir.path(), TargetPolicy::Private), ambient.clone()).await.expect("it opens");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let (_stop, stopped) = watch::channel(false);
    let operator =
        PlatformClient::new(&address, ClientCredential::Operator(engine.mint_operator("bench"))).expect("a client");
    tokio::spawn(server::serve(listener, engine.clone(), ServerExposure::default(), stopped.clone()));
    tokio::spawn(async move { engine.run(stopped).await });
    let receiver = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let target = format!("http://{}/hook", receiver.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(receiver, Router::new().route("/hook", post(async || "seen"))).await });
    let company =
        operator.change(&changes::CREATE_COMPANY, &NewCompany { name: "Acme".to_owned() }).await.expect("a company");
    for n in 0..ROWS {
        let new =
            NewKey { company_id: company.id, name: format!("key {n}"), scopes: KeyScope::ALL.to_vec(), limits: None };
        let key = operator.change(&changes::CREATE_KEY, &new).await.expect("a key").key.into_secret();
        let partner = PlatformClient::new(&address, ClientCredential::Key(key)).expect("a client");
        // The first one gets what is emitted, the others wait for something that does not happen.
        let kind = if n == 0 { EventType::LeadCreated } else { EventType::AgreementSigned };
        let new = NewSubscription {
            target_url: target.clone(),
            event_types: vec![kind.name().to_owned()],
            description: None,
            managed_by: None,
            signing_secret: None,
        };
        partner.create_subscription(&new).await.expect("a subscription");
    }
    fill(dir.path(), n_attempts);
    let overview = operator.overview(200).await.expect("an overview");
    let picture = Arc::new(Snapshot::default().after_overview(overview, ambient.now()));
    println!("| what, {n_attempts} attempts in the log | n | p50 | p99 | most |\n|---|---|---|---|---|");
    for size in [SIZE, (120, 36)] {
        frames(&picture, &ambient, size);
    }
    report("key to frame of 200x60, quiet", keys(operator.clone(), &ambient).await);
    let streaming = tokio::spawn(stream(operator.clone(), ambient.clone(), company.id, pace));
    report(&format!("key to frame of 200x60, {pace} events/s emitted"), keys(operator.clone(), &ambient).await);
    streaming.abort();
    let log = operator.overview(1).await.expect("an overview");
    println!("\n{} attempts were made meanwhile", log.pipeline.n_succeeded_1h.unwrap_or_default());
}

fn main() {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse::<i64>().ok());
    let (n_attempts, pace) = (numbers.next().unwrap_or(1_000_000), numbers.next().unwrap_or(500));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    runtime.block_on(run(n_attempts, u32::try_from(pace).unwrap_or(500)));
}
