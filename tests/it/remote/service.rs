//! `crow observe`: one process that polls for a team. Consoles and commands with homes of their own attach to it by address and token, those on
//! its machine find it by themselves, and another takes over when it ends.

use super::processes::Home;
use super::{ALL, RuntimeEnv, StandIn, holder, until, write_week};
use crate::support::lines::Lines;
use crate::support::platform::within;
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::schemas;
use crow::client::connection::{ClientCredential, PlatformClient};
use crow::domain::alert::AlertSubject;
use crow::domain::health_status::HealthStatus;
use crow::domain::ids::{CompanyId, SubscriptionId};
use crow::domain::operator::OperatorRole;
use crow::domain::secret::Secret;
use crow::sync::feed::{self, FeedSettings};
use crow::sync::link::LinkState;
use crow::sync::snapshot::Snapshot;
use crow::wire::alerts::NewAcknowledgement;
use crow::wire::changes::{self, NoBody};
use crow::wire::log::{AttemptQuery, RequestQuery};
use crow::wire::operators::NewOperator;
use rand::{RngExt as _, SeedableRng as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Subject of the alert that is acknowledged.
const SUBJECT: AlertSubject = AlertSubject::Subscription(SubscriptionId(17));

/// History of the profile `partner` in a home.
const HISTORY: &str = "state/crow/profile partner.db";
/// Maximum time in milliseconds until an observer with a week of history listens: 150 in a release build, more in one
/// with checks beside other tests.
const MAX_START_MS: u64 = if cfg!(debug_assertions) { 3_000 } else { 150 };

/// Adds the profile `partner` for a stand-in.
async fn add_profile(home: &Home, address: &str) {
    let key = home.path("key");
    let key = key.to_str().expect("text");
    let arguments =
        ["profile", "add", "partner", "--url", address, "--key", "Zapier", "--key-file", key, "--keep", "file"];
    let added = home.ask(&arguments).await;
    assert!(added.status.success(), "{added:?}");
}

/// A running `crow observe` for the profile `partner`.
struct Service {
    process: Lines,
    address: String,
    token_file: PathBuf,
}

impl Service {
    async fn start(home: &Home) -> Self {
        let arguments = ["observe", "--profile", "partner", "--bind", "127.0.0.1:0"];
        let process = Lines::start(&mut home.crow(&arguments));
        process.tells(1, "listening on ").await;
        let address = process.told()[0].replace("listening on ", "");
        Self { process, address, token_file: home.path("state/crow/profile partner.token") }
    }

    fn client(&self) -> PlatformClient {
        let token = std::fs::read_to_string(&self.token_file).expect("a token");
        client_with(&self.address, token.trim_end())
    }
}

fn client_with(address: &str, token: &str) -> PlatformClient {
    let credential = ClientCredential::Operator(Secret::new(token.to_owned()));
    PlatformClient::new(address, credential).expect("a client")
}

/// Reads that a key made, apart from those of its owner.
fn n_reads(platform: &StandIn) -> usize {
    platform.calls(ALL).iter().filter(|(call, _)| call.starts_with("GET")).count()
}

#[tokio::test]
async fn ten_consoles_and_checks_on_one_observer_cost_one_budget_and_share_acknowledgements() {
    let ambient = RuntimeEnv::real();
    let (platform, home) = (StandIn::start(&ambient).await, Home::new());
    add_profile(&home, &platform.address).await;
    let service = Service::start(&home).await;
    let began = ambient.now();
    let client = service.client();
    until("the subscriptions are known", async || {
        client.overview(50).await.is_ok_and(|overview| overview.subscriptions.items.len() == 2)
    })
    .await;
    // The next listing shows that a subscription went off.
    platform.switch(17, false);
    let (homes, token_file) = ([(); 10].map(|()| Home::new()), service.token_file.to_str().expect("text"));
    let target = ["--url", &service.address, "--token-file", token_file];
    let open = |home: &Home| Lines::start(&mut home.crow(&[["console", "--plain"].as_slice(), &target].concat()));
    let consoles: Vec<Lines> = homes.iter().map(open).collect();
    for console in &consoles {
        console.tells(1, "LIVE").await;
    }
    let has_alert = |console: &Lines| console.n_with("example.com/17") > 0;
    let listed = async {
        while !consoles.iter().all(has_alert) {
            ambient.sleep(Duration::from_millis(100)).await;
        }
    };
    // Within the budget, the list comes round in half a minute at most.
    let is_listed = ambient.timeout(Duration::from_secs(90), listed).await.is_some();
    assert!(is_listed, "the alert is on all consoles: {:?}", platform.calls(ALL));
    // The partner makes 54 calls in a minute, between the calls of six checks.
    let partner = holder(&platform.address, "partner", ALL);
    for home in &homes[..6] {
        for n in 0..9 {
            let read = partner.client.call_raw(reqwest::Method::GET, "/api/v1/events", &[], None).await;
            assert_eq!(read.expect("an answer").status, 200, "call {n} of the partner");
        }
        let checked = home.ask(&[["check", "--json"].as_slice(), &target].concat()).await;
        let document: serde_json::Value = serde_json::from_slice(&checked.stdout).expect("JSON");
        schemas::assert_valid("crow.check/1", &document);
    }
    // The acknowledgement of one reaches all consoles.
    let status = alert_status(service.client()).await;
    let said = NewAcknowledgement::new(SUBJECT, status, Some("the partner knows".to_owned()));
    let timer = ambient.stopwatch();
    client.change(&changes::ACKNOWLEDGE_ALERT, &said).await.expect("acknowledged");
    until("all consoles have the acknowledgement", async || {
        consoles.iter().all(|console| console.n_with("acknowledged by admin") == 1)
    })
    .await;
    let elapsed = timer.elapsed();
    assert!(elapsed < Duration::from_secs(2), "seen on all after {elapsed:?}");
    let minutes = (ambient.now().floor_to(60_000).millis() - began.floor_to(60_000).millis()) / 60_000 + 1;
    let (n_minutes, n_ours) = (usize::try_from(minutes).expect("few"), n_reads(&platform) - 54);
    assert!((3..=6 * n_minutes).contains(&n_ours), "{n_ours} reads in {n_minutes} minutes: {:?}", platform.calls(ALL));
    assert!(platform.calls(ALL).iter().all(|(_, status)| *status != 429), "no call was refused");
    #[expect(clippy::print_stdout, reason = "the figures are looked at with --nocapture")]
    {
        println!("ten consoles: {n_ours} reads in {n_minutes} minutes, acknowledgement on all after {elapsed:?}");
    }
}

/// Waits for the alert, and returns its health status.
async fn alert_status(client: PlatformClient) -> HealthStatus {
    let (mut pictures, task) = follow(client);
    let is_there = |picture: &Arc<Snapshot>| picture.alerts().iter().any(|alert| alert.subject == SUBJECT);
    let shown = within("the alert", pictures.wait_for(is_there)).await.expect("a snapshot").clone();
    task.abort();
    shown.alerts().iter().find(|alert| alert.subject == SUBJECT).expect("the alert").standing
}

/// Follows a platform as a console does.
fn follow(client: PlatformClient) -> (watch::Receiver<Arc<Snapshot>>, JoinHandle<()>) {
    let (sender, pictures) = watch::channel(Arc::new(Snapshot::default()));
    let settings = FeedSettings { rows: 200, history: None };
    (pictures, tokio::spawn(feed::follow(client, RuntimeEnv::real(), settings, sender)))
}

#[tokio::test]
async fn a_console_of_the_same_profile_reads_what_the_service_stores_and_takes_over_when_it_ends() {
    let ambient = RuntimeEnv::real();
    let (platform, home) = (StandIn::start(&ambient).await, Home::new());
    platform.allows(6_000);
    add_profile(&home, &platform.address).await;
    let service = Service::start(&home).await;
    let client = service.client();
    until("the service has polled", async || {
        client.overview(50).await.is_ok_and(|overview| overview.subscriptions.items.len() == 2)
    })
    .await;
    let console = Lines::start(&mut home.crow(&["console", "--plain", "--profile", "partner"]));
    console.tells(1, "LIVE").await;
    let n_probes = platform.calls(ALL).iter().filter(|(call, _)| call.starts_with("POST")).count();
    assert_eq!(n_probes, 2, "the console probed nothing again: {:?}", platform.calls(ALL));
    service.process.signal("KILL");
    assert_eq!(service.process.ended(), None);
    let before = n_reads(&platform);
    until("the console polls", async || n_reads(&platform) > before).await;
    assert_eq!(console.n_with("OFFLINE"), 0, "{:?}", console.told());
    // The next one has the same token.
    let token = std::fs::read_to_string(&service.token_file).expect("a token");
    let again = Service::start(&home).await;
    assert_eq!(std::fs::read_to_string(&again.token_file).expect("a token"), token);
    until("it answers", async || again.client().overview(1).await.is_ok()).await;
    again.process.signal("TERM");
    assert_eq!(again.process.ended(), Some(0));
}

#[tokio::test]
async fn operators_of_an_observer_have_roles_and_are_revoked_at_once() {
    let ambient = RuntimeEnv::real();
    let (platform, home) = (StandIn::start(&ambient).await, Home::new());
    add_profile(&home, &platform.address).await;
    let service = Service::start(&home).await;
    let admin = service.client();
    let new = NewOperator { name: "Grace".to_owned(), role: OperatorRole::Viewer };
    let created = admin.change(&changes::CREATE_OPERATOR, &new).await.expect("created");
    let viewer = client_with(&service.address, created.token.into_secret().reveal());
    assert!(viewer.overview(1).await.is_ok());
    let refused = viewer.change(changes::DISABLE_SUBSCRIPTION.at(SubscriptionId(17)), &Default::default()).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("role")));
    let taken = admin.change(&changes::CREATE_OPERATOR, &NewOperator { name: "grace".to_owned(), ..new }).await;
    assert!(taken.is_err_and(|error| error.to_string().contains("already used")));
    admin.change(changes::REVOKE_OPERATOR.at(created.row.id), &NoBody {}).await.expect("revoked");
    assert!(viewer.overview(1).await.is_err());
    let last = admin.operators().await.expect("listed").items.into_iter().find(|row| row.role == OperatorRole::Admin);
    let kept = admin.change(changes::REVOKE_OPERATOR.at(last.expect("the admin").id), &NoBody {}).await;
    assert!(kept.is_err_and(|error| error.to_string().contains("last admin")));
    let text = String::from_utf8_lossy(&std::fs::read(home.path(HISTORY)).expect("a file")).into_owned();
    assert!(!text.contains("wlop_"), "tokens are not kept");
}

#[tokio::test]
async fn two_observers_of_one_profile_know_each_others_operators_without_a_restart() {
    let ambient = RuntimeEnv::real();
    let (platform, home) = (StandIn::start(&ambient).await, Home::new());
    add_profile(&home, &platform.address).await;
    // One of them polls, the other reads what it stores.
    let (one, other) = (Service::start(&home).await, Service::start(&home).await);
    let timer = ambient.stopwatch();
    let new = NewOperator { name: "Grace".to_owned(), role: OperatorRole::Viewer };
    let created = one.client().change(&changes::CREATE_OPERATOR, &new).await.expect("created");
    let token = created.token.into_secret();
    let viewers = [&one, &other].map(|service| client_with(&service.address, token.reveal()));
    for viewer in &viewers {
        assert!(viewer.overview(1).await.is_ok(), "known to both at the first call");
    }
    assert!(timer.elapsed() < Duration::from_secs(2), "{:?}", timer.elapsed());
    // A console that is attached to the one goes offline when the other revokes its operator.
    let (console, running) = follow(client_with(&one.address, token.reveal()));
    until("the console is live", async || console.borrow().link == LinkState::Live).await;
    let timer = ambient.stopwatch();
    other.client().change(changes::REVOKE_OPERATOR.at(created.row.id), &NoBody {}).await.expect("revoked");
    for viewer in &viewers {
        assert!(viewer.overview(1).await.is_err(), "refused by both at the next call");
    }
    until("the stream ends", async || matches!(console.borrow().link, LinkState::Offline { .. })).await;
    assert!(timer.elapsed() < Duration::from_secs(3), "{:?}", timer.elapsed());
    running.abort();
    // A token that is replaced on the way is the only one that is accepted, by both.
    let lost = one.client();
    std::fs::remove_file(&one.token_file).expect("it was there");
    let third = Service::start(&home).await;
    assert!(lost.overview(1).await.is_err(), "the token was replaced");
    for service in [&one, &other, &third] {
        assert!(service.client().overview(1).await.is_ok());
    }
}

/// The number of kills of the long form, if that is wanted.
#[expect(clippy::disallowed_methods, reason = "the long form is asked for from outside")]
fn wanted_kills() -> Option<i64> {
    std::env::var("CROW_KILLS").ok()?.parse().ok()
}

#[tokio::test]
async fn an_observer_killed_at_random_points_loses_nothing_and_makes_no_call_beyond_the_budget() {
    let ambient = RuntimeEnv::real();
    let (platform, home) = (StandIn::start(&ambient).await, Home::new());
    add_profile(&home, &platform.address).await;
    let n_kills = wanted_kills().unwrap_or(5);
    let began = ambient.now();
    let mut dice = rand::rngs::StdRng::seed_from_u64(began.millis().unsigned_abs());
    for n in 0..n_kills {
        platform.happens(41 + n, "lead.created", ambient.now());
        let arguments = ["observe", "--profile", "partner", "--bind", "127.0.0.1:0"];
        let process = Lines::start(&mut home.crow(&arguments));
        // From the start of the process to some time after its first poll.
        ambient.sleep(Duration::from_millis(dice.random_range(0..1_500))).await;
        process.signal("KILL");
        assert_eq!(process.ended(), None);
    }
    let history = rusqlite::Connection::open(home.path(HISTORY)).expect("the history");
    let whole: String = history.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("an answer");
    assert_eq!(whole, "ok");
    // Each call is recorded before it is made.
    let n_recorded: i64 = history.query_row("SELECT count(*) FROM calls", [], |row| row.get(0)).expect("a number");
    let n_made = platform.calls(ALL).len();
    assert!(n_recorded >= i64::try_from(n_made).expect("few"), "{n_recorded} recorded, {n_made} made");
    let last = Service::start(&home).await;
    until("another one answers", async || last.client().overview(1).await.is_ok()).await;
    let minutes = (ambient.now().floor_to(60_000).millis() - began.floor_to(60_000).millis()) / 60_000 + 1;
    let n_minutes = usize::try_from(minutes).expect("few");
    let calls = platform.calls(ALL);
    assert!(n_reads(&platform) <= 6 * n_minutes, "in {n_minutes} minutes: {calls:?}");
    assert!(calls.iter().all(|(_, status)| *status != 429), "{calls:?}");
    #[expect(clippy::print_stdout, reason = "the figures are looked at with --nocapture")]
    {
        println!("{n_kills} kills: {} reads in {n_minutes} minutes, {n_recorded} calls recorded", n_reads(&platform));
    }
}

#[tokio::test]
async fn an_observer_with_a_week_of_history_starts_at_once() {
    let ambient = RuntimeEnv::real();
    let (platform, home) = (StandIn::start(&ambient).await, Home::new());
    platform.allows(6_000);
    add_profile(&home, &platform.address).await;
    let first = Service::start(&home).await;
    let client = first.client();
    until("the service has polled", async || {
        client.overview(50).await.is_ok_and(|overview| overview.subscriptions.items.len() == 2)
    })
    .await;
    first.process.signal("TERM");
    assert_eq!(first.process.ended(), Some(0));
    write_week(&home.path(HISTORY), ambient.now());
    let timer = ambient.stopwatch();
    let again = Service::start(&home).await;
    let started_ms = timer.elapsed_ms();
    assert!(started_ms <= MAX_START_MS, "it started after {started_ms} ms");
    let overview = again.client().overview(1).await.expect("it answers");
    assert!(overview.coverage.is_some());
    #[expect(clippy::print_stdout, reason = "the figure is looked at with --nocapture")]
    {
        println!("an observer with a week of history started in {started_ms} ms");
    }
}

#[tokio::test]
async fn an_observer_serves_what_a_relay_and_a_listener_elsewhere_report() {
    let ambient = RuntimeEnv::real();
    let (platform, home, edge) = (StandIn::start(&ambient).await, Home::new(), Home::new());
    add_profile(&home, &platform.address).await;
    let service = Service::start(&home).await;
    let token_file = service.token_file.to_str().expect("text");
    let report = ["--bind", "127.0.0.1:0", "--report-to", &service.address, "--token-file", token_file];
    let begin = async |arguments: &[&str]| {
        let process = Lines::start(&mut edge.crow(&[arguments, &report].concat()));
        process.tells(1, "listening on ").await;
        let address = process.told()[0].replace("listening on ", "");
        (process, address)
    };
    let (_relay, relay) = begin(&["relay", "--url", &platform.address, "--name-by-header", "X-App"]).await;
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let route = format!("/hook={}", receiver.url);
    let (_listener, listener) = begin(&["listen", "--route", &route, "--subscription", "/hook=17"]).await;
    let http = crow::client::connection::bare_http_client().expect("a client");
    let unknown = "wlcro_live_92_abcdefghijklmnopqrstuvwxyz0123456789_-ABCDE";
    for (key, n) in [(ALL, 3), (unknown, 4)] {
        for _ in 0..n {
            let call =
                http.get(format!("{relay}/api/v1/events?limit=1")).header("x-api-key", key).header("x-app", "crm");
            assert!(call.send().await.is_ok());
        }
    }
    let body = r#"{"id":9,"type":"lead.created","companyId":92,"createdUtc":"2026-11-24T08:00:00.000Z","payload":{}}"#;
    let delivered = http.post(format!("{listener}/hook")).body(body).send().await.expect("an answer");
    assert!(delivered.status().is_success(), "{delivered:?}");
    let client = service.client();
    let of_relay = RequestQuery { caller: Some("127.0.0.1".to_owned()), ..RequestQuery::default() };
    until("the calls are in the request log", async || {
        client.log_page(&of_relay, None, 50).await.is_ok_and(|log| log.page.items.len() == 7)
    })
    .await;
    let rows = client.log_page(&of_relay, None, 50).await.expect("a page").page.items;
    assert!(rows.iter().all(|row| row.caller_name.as_ref().is_some_and(|name| name.raw() == "crm")));
    let refused: Vec<_> = rows.iter().filter(|row| row.has_status(401)).collect();
    assert!(refused.iter().all(|row| row.key_id.is_none() && row.claimed_company_id == Some(CompanyId(92))));
    assert_eq!((refused.len(), rows.iter().filter(|row| row.key_id.is_some()).count()), (4, 3));
    let of_hook = AttemptQuery { subscription: Some(17), ..AttemptQuery::default() };
    until("the delivery is in the log", async || {
        client.log_page(&of_hook, None, 50).await.is_ok_and(|log| log.items.len() == 1)
    })
    .await;
    // A diagnosis elsewhere sees the callers that the relay saw.
    let target = ["--url", &service.address, "--token-file", token_file];
    let asked = edge.ask(&[["diagnose", "key-not-working", "--json"].as_slice(), &target].concat()).await;
    let report: serde_json::Value = serde_json::from_slice(&asked.stdout).expect("JSON");
    assert_eq!(report["causes"][0]["id"], "key-unknown", "{report:#}");
    let listed = edge.ask(&[["requests", "list", "--json"].as_slice(), &target].concat()).await;
    let document: serde_json::Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    schemas::assert_valid("crow.requests/2", &document);
    let text = String::from_utf8_lossy(&std::fs::read(home.path(HISTORY)).expect("a file")).into_owned();
    assert!(!text.contains(unknown) && !text.contains(ALL), "keys are not kept");
}
