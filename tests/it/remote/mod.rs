//! The console on a platform that has no Portal and keeps only what is documented: what each pane can tell, what it says it cannot, how the
//! link breaks and mends, and how little of a window is used.

mod addresses;
mod commands;
mod large;
mod listening;
mod listings;
pub(crate) mod processes;
mod receiving;
mod service;
mod slow;
mod suite;
mod unreadable;

use crate::support::console::Console;
use crate::support::observed::Observed;
use crate::support::platform::{START, until};
use crate::support::standin::{ALL, Mood, POLLS, StandIn, Style};
use crate::support::wire::Wire;
use crow::client::connection::{ClientCredential, PlatformClient};
use crow::clock::RuntimeEnv;
use crow::domain::alert::AlertSubject;
use crow::domain::ids::CompanyId;
use crow::domain::log::PageSpec;
use crow::domain::secret::Secret;
use crow::domain::time::Timestamp;
use crow::domain::window::RateBucket;
use crow::history::PlatformHistory;
use crow::history::keys::KeyName;
use crow::observer::keyed_client::{KeyClient, RateLimitedClient};
use crow::sync::link::LinkState;
use crow::sync::snapshot::Snapshot;
use futures_util::future::{LocalBoxFuture, join_all};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;

fn holder(address: &str, name: &str, key: &str) -> KeyClient {
    let secret = || Secret::new(key.to_owned());
    let client = PlatformClient::new(address, ClientCredential::Key(secret())).expect("a client");
    KeyClient { key: KeyName { name: name.to_owned(), last4: secret().last4(), company: CompanyId(92) }, client }
}

pub(crate) fn post(address: &str, keys: &[(&str, &str)], ambient: &RuntimeEnv, dir: &Path) -> RateLimitedClient {
    let history = PlatformHistory::open(&dir.join("history.db")).expect("it opens");
    let holders = keys.iter().map(|(name, key)| holder(address, name, key)).collect();
    RateLimitedClient::new(holders, ambient.clone(), history, 10)
}

/// Rounds whose pictures can be looked at.
struct Watch {
    pictures: watch::Receiver<Arc<Snapshot>>,
    running: tokio::task::JoinHandle<()>,
    _observed: Observed,
}

impl Watch {
    fn begin(post: &RateLimitedClient, ambient: &RuntimeEnv) -> Self {
        let observed = Observed::begin(post, ambient);
        let (pictures, running) = observed.follow();
        Self { pictures, running, _observed: observed }
    }

    fn picture(&self) -> Arc<Snapshot> {
        self.pictures.borrow().clone()
    }

    fn link(&self) -> String {
        told(&self.picture())
    }
}

/// Describes the connection state of a snapshot.
fn told(picture: &Snapshot) -> String {
    match &picture.link {
        LinkState::Offline { why, .. } => format!("OFFLINE {why}"),
        LinkState::Waiting { why, .. } => format!("WAITING {why}"),
        other => format!("{other:?}").to_uppercase(),
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.running.abort();
    }
}

#[tokio::test]
async fn every_pane_shows_what_keys_can_prove_and_names_what_is_unknown() {
    let (ambient, dir) = (RuntimeEnv::real(), TempDir::new().expect("a directory"));
    let platform = StandIn::start(&ambient).await;
    for id in 41..46 {
        platform.happens(id, "lead.created", ambient.now());
    }
    let post = post(&platform.address, &[("Zapier", ALL), ("Poller", POLLS)], &ambient, dir.path());
    let console = Console::watching(&post, &ambient, (180, 50));
    until("the first picture", async || console.shows("LIVE") && console.shows("hooks.example.com/17")).await;
    let pane = async |key: &str, parts: &[&str]| {
        console.press(key);
        until(&format!("pane {key}: {parts:?}"), async || parts.iter().all(|part| console.shows(part))).await;
    };
    pane("2", &["Zapier", "vwxy", "Poller", "ABCD", "events:read", "admin", "a key cannot see other keys"]).await;
    pane("3", &["17", "lead.created payment.failed", "UNK", "success rate, latency and backlog are in the"]).await;
    pane("4", &["A key cannot read the delivery log", "crow listen"]).await;
    pane("5", &["41", "45", "lead.created", "crow reconcile"]).await;
    pane("6", &["read", "of 60", "?", "From the rate limit headers"]).await;
    pane("7", &["Subscriptions that went off between two listings"]).await;
    pane("8", &["/api/v1/events", "200", "403", "r-1", "r-1"]).await;
    // Nothing was created by asking after scopes, and each scope was asked after once.
    let calls = [platform.calls(ALL), platform.calls(POLLS)].concat();
    assert!(calls.iter().all(|(call, status)| !call.starts_with("POST") || *status != 200), "{calls:?}");
    let n_posts = platform.calls(ALL).iter().filter(|(call, _)| call.starts_with("POST")).count();
    assert_eq!(n_posts, 2, "{calls:?}");
    // Acts: a test, and switching off, after a question.
    pane("3", &["17"]).await;
    console.press("x");
    until("the menu", async || console.shows("Send test")).await;
    console.press("\n");
    until("the question", async || console.shows("[y/N]") || console.shows("y yes")).await;
    console.press("y");
    until("the test was sent", async || platform.n_tests() == 1 && console.shows("answered the test with 204")).await;
    let bytes = std::fs::read(dir.path().join("history.db")).expect("a file");
    let (text, screen) = (String::from_utf8_lossy(&bytes).into_owned(), console.text());
    assert!(!text.contains(ALL) && !screen.contains(ALL), "no key is remembered or shown");
    console.quit().await;
}

#[tokio::test]
async fn a_subscription_that_is_observed_off_is_a_trip_until_it_is_observed_on() {
    let (ambient, dir) = (RuntimeEnv::scripted(START, 3), TempDir::new().expect("a directory"));
    let platform = StandIn::start(&ambient).await;
    let post = post(&platform.address, &[("Zapier", ALL)], &ambient, dir.path());
    let watch = Watch::begin(&post, &ambient);
    until("the first picture", async || watch.picture().overview.is_some()).await;
    let trips = || watch.picture().overview.as_ref().map_or(Vec::new(), |overview| overview.trips.items.clone());
    platform.switch(17, false);
    pass_until(&ambient, &platform, "the trip", || trips().len() == 1).await;
    let alerts = watch.picture().alerts().to_vec();
    assert!(alerts.iter().any(|alert| alert.why.contains("cause unknown (breaker or by hand)")), "{alerts:?}");
    platform.switch(17, true);
    pass_until(&ambient, &platform, "it is on again", || trips()[0].enabled_utc.is_some()).await;
}

/// Moves the clock second by second, never during a call that has not yet taken its time, until a condition holds.
async fn pass_until(ambient: &RuntimeEnv, platform: &StandIn, what: &str, holds: impl Fn() -> bool) {
    until(what, async || {
        second(ambient, platform).await;
        holds()
    })
    .await;
}

/// A second passes. An owner's call over the same socket gives others time to finish theirs.
async fn second(ambient: &RuntimeEnv, platform: &StandIn) {
    ambient.advance(Duration::from_secs(1));
    let owner = holder(&platform.address, "nobody", "wlcro_live_92_nobody");
    for _ in 0..3 {
        let _ = owner.client.call_raw(reqwest::Method::GET, "/api/v1/events", &[], None).await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a7_observing_with_a_key_used_at_90_percent_costs_its_owner_no_call() {
    let (ambient, dir) = (RuntimeEnv::scripted(START, 5), TempDir::new().expect("a directory"));
    let platform = StandIn::start(&ambient).await;
    let post = post(&platform.address, &[("Zapier", ALL)], &ambient, dir.path());
    let owner = holder(&platform.address, "owner", ALL);
    let watch = Watch::begin(&post, &ambient);
    let mut n_owner = 0;
    for second_of in 0..600_u32 {
        // 54 of 60 calls a minute.
        if second_of % 10 != 0 {
            let came =
                owner.client.call_raw(reqwest::Method::GET, "/api/v1/events", &[], None).await.expect("an answer");
            assert_eq!(came.status, 200, "the owner is never refused");
            n_owner += 1;
        }
        second(&ambient, &platform).await;
    }
    let calls = platform.calls(ALL);
    assert!(calls.iter().all(|(_, status)| *status != 429), "no call was refused");
    let n_ours = calls.len() - n_owner;
    assert_eq!(n_owner, 540);
    assert!((3..=65).contains(&n_ours), "it looked, and kept to its part: {n_ours} calls in ten minutes");
    assert!(watch.picture().overview.is_some());
    #[expect(clippy::print_stdout, reason = "the figure is looked at with --nocapture")]
    {
        println!("A7: the owner made {n_owner} calls, crow {n_ours}, 0 of them were refused");
    }
}

#[tokio::test]
async fn the_console_keeps_its_data_through_ten_connection_failures_and_recovers() {
    let ways: [(Mood, &str); 7] = [
        (Mood::Hang, "OFFLINE"),
        (Mood::Drip, "OFFLINE"),
        (Mood::Status(500, None), "OFFLINE platform error: 500: out of order"),
        (Mood::Status(503, Some(1)), "WAITING platform busy (not a rate limit): 503"),
        (Mood::Status(429, Some(1)), "WAITING rate limited (read): 429"),
        (Mood::Garbage, "OFFLINE unreadable answer to"),
        (Mood::Redirects("http://127.0.0.1:9/elsewhere".to_owned()), "OFFLINE the platform redirects: 302"),
    ];
    let mut tried: Vec<LocalBoxFuture<'_, ()>> = Vec::new();
    for (mood, state) in ways {
        tried.push(Box::pin(broken(mood, state)));
    }
    for (address, why) in [
        ("http://127.0.0.1:9".to_owned(), "OFFLINE cannot reach"),
        ("http://no-such-host.invalid".to_owned(), "OFFLINE cannot reach"),
        ("https://localhost:TLS".to_owned(), "OFFLINE cannot reach"),
    ] {
        tried.push(Box::pin(unreachable(address, why)));
    }
    tried.push(Box::pin(skewed()));
    join_all(tried).await;
}

/// Breaks the connection of a console that has data, and restores it.
async fn broken(mood: Mood, state: &'static str) {
    let (ambient, dir) = (RuntimeEnv::real(), TempDir::new().expect("a directory"));
    let platform = StandIn::start(&ambient).await;
    platform.allows(6_000);
    let post = post(&platform.address, &[("Zapier", ALL)], &ambient, dir.path());
    let watch = Watch::begin(&post, &ambient);
    let what = format!("{mood:?}");
    until(&format!("{what}: live"), async || watch.link() == "LIVE" && watch.picture().overview.is_some()).await;
    platform.becomes(mood);
    // The lists come round again within ten seconds.
    patiently(&format!("{what}: {state}"), &watch, |picture| told(picture).starts_with(state)).await;
    let kept = watch.picture();
    assert_eq!(
        kept.overview.as_ref().map(|overview| overview.subscriptions.items.len()),
        Some(2),
        "{what}: the picture is kept"
    );
    assert!(kept.heard_at.is_some() && !watch.link().contains(ALL));
    platform.becomes(Mood::Well);
    patiently(&format!("{what}: mended, was {}", watch.link()), &watch, |picture| told(picture) == "LIVE").await;
}

/// Waits for pictures longer than `until` does, because calls time out, until one is right.
async fn patiently(what: &str, watch: &Watch, is_right: impl Fn(&Snapshot) -> bool) {
    let mut pictures = watch.pictures.clone();
    let shown = pictures.wait_for(|picture| is_right(picture));
    let waited = RuntimeEnv::real().timeout(Duration::from_secs(120), shown).await;
    assert!(waited.is_some_and(|shown| shown.is_ok()), "waited too long: {what}");
}

async fn unreachable(address: String, state: &'static str) {
    let (ambient, dir) = (RuntimeEnv::real(), TempDir::new().expect("a directory"));
    let platform = StandIn::start(&ambient).await;
    let address = address.replace("localhost:TLS", platform.address.trim_start_matches("http://"));
    let post = post(&address, &[("Zapier", ALL)], &ambient, dir.path());
    let watch = Watch::begin(&post, &ambient);
    patiently(&format!("{address}: {state}"), &watch, |picture| told(picture).starts_with(state)).await;
    assert!(
        watch.picture().overview.is_none() && !watch.link().contains(ALL),
        "nothing was received, nothing is shown"
    );
}

#[tokio::test]
async fn a_refused_connection_keeps_the_data_on_screen_and_is_live_again_afterwards() {
    let (ambient, dir) = (RuntimeEnv::real(), TempDir::new().expect("a directory"));
    let platform = StandIn::start(&ambient).await;
    platform.allows(6_000);
    let mut wire = Wire::to(&platform.address, None).await;
    let post = post(&format!("http://127.0.0.1:{}", wire.port), &[("Zapier", ALL)], &ambient, dir.path());
    let watch = Watch::begin(&post, &ambient);
    until("live", async || watch.link() == "LIVE" && watch.picture().overview.is_some()).await;
    let before = watch.picture().overview.as_ref().map(|overview| overview.subscriptions.items.clone());
    wire.cut().await;
    patiently("refused", &watch, |picture| told(picture).starts_with("OFFLINE cannot reach")).await;
    assert!(watch.link().to_lowercase().contains("refused"), "{}", watch.link());
    assert_eq!(watch.picture().overview.as_ref().map(|overview| overview.subscriptions.items.clone()), before);
    wire.mend(None).await;
    patiently("live again", &watch, |picture| told(picture) == "LIVE").await;
}

async fn skewed() {
    let (ambient, dir) = (RuntimeEnv::real(), TempDir::new().expect("a directory"));
    let platform = StandIn::start(&ambient).await;
    platform.becomes(Mood::Skewed(-120));
    let post = post(&platform.address, &[("Zapier", ALL)], &ambient, dir.path());
    let watch = Watch::begin(&post, &ambient);
    let alarmed = |picture: &Snapshot| picture.alerts().iter().any(|alert| alert.subject == AlertSubject::Clock);
    patiently("the clock's alert", &watch, |picture| told(picture) == "LIVE" && alarmed(picture)).await;
    platform.becomes(Mood::Well);
    patiently("the clock is right again", &watch, |picture| told(picture) == "LIVE" && !alarmed(picture)).await;
}

#[tokio::test]
async fn two_consoles_on_one_profile_share_polls_and_data() {
    let (ambient, dir) = (RuntimeEnv::scripted(START, 7), TempDir::new().expect("a directory"));
    let platform = StandIn::start(&ambient).await;
    platform.happens(41, "lead.created", ambient.now());
    let keys = [("Zapier", ALL)];
    let posts = [0, 1].map(|_| post(&platform.address, &keys, &ambient, dir.path()));
    let watches = [Watch::begin(&posts[0], &ambient), Watch::begin(&posts[1], &ambient)];
    let rows = |watch: &Watch| watch.picture().overview.as_ref().map(|overview| overview.subscriptions.items.clone());
    pass_until(&ambient, &platform, "both have a picture", || watches.iter().all(|watch| rows(watch).is_some())).await;
    for _ in 0..180 {
        second(&ambient, &platform).await;
    }
    assert_eq!(rows(&watches[0]), rows(&watches[1]));
    let calls = platform.calls(ALL);
    let lists = calls.iter().filter(|(call, _)| call == "GET /api/v1/events").count();
    assert!((2..=19).contains(&lists), "together no more than one alone: {lists} in three minutes");
    let n_probes = calls.iter().filter(|(call, _)| call.starts_with("POST")).count();
    assert_eq!(n_probes, 2, "each scope is asked after once: {calls:?}");
    let window =
        posts[0].history().window("Zapier".to_owned(), RateBucket::Read, ambient.now()).await.expect("a window");
    assert!(window.own_calls <= 6, "{window:?}");
}

#[tokio::test]
async fn a_week_of_history_opens_at_once_with_its_gaps() {
    let (ambient, dir) = (RuntimeEnv::scripted(START, 9), TempDir::new().expect("a directory"));
    let platform = StandIn::start(&ambient).await;
    let post = post(&platform.address, &[("Zapier", ALL)], &ambient, dir.path());
    let history = post.history().clone();
    history.record_keys(post.holders().iter().map(|holder| holder.key.clone()).collect()).await.expect("written");
    write_week(&dir.path().join("history.db"), START);
    let _ = history;
    let timer = RuntimeEnv::real().stopwatch();
    let again = PlatformHistory::open(&dir.path().join("history.db")).expect("it opens");
    let seen = again.observations(START).await.expect("it reads");
    let page = again.event_page(crow::wire::log::EventQuery::default(), PageSpec::newest(200)).await.expect("a page");
    #[expect(clippy::print_stdout, reason = "the figure is looked at with --nocapture")]
    {
        println!("a week of history opened and read in {} ms", timer.elapsed_ms());
    }
    assert_eq!(page.items.len(), 200);
    let window = seen.windows.iter().find(|window| window.bucket == RateBucket::Read).expect("a window");
    let n_seen = window.week.iter().flatten().count();
    assert_eq!(
        (window.week.len(), n_seen),
        (168, 144),
        "a day of the week was not watched, and is a gap: {:?}",
        window.week
    );
}

/// Writes a week of events, calls and windows into a history; the third day was not watched.
fn write_week(history: &Path, now: Timestamp) {
    let week = Duration::from_secs(7 * 86_400);
    let mut database = rusqlite::Connection::open(history).expect("a database");
    let all = database.transaction().expect("a transaction");
    for minute in 0..7 * 24 * 60_i64 {
        // The third day was not watched.
        let at = now.floor_to(3_600_000).plus(Duration::from_secs(3_600)).minus(week).millis() + minute * 60_000;
        if minute / 1_440 == 2 || at > now.millis() {
            continue;
        }
        for bucket in ["read", "write", "admin"] {
            all.execute(
                "INSERT OR IGNORE INTO rate_windows (key, bucket, minute_at, rate_limit, n_used, n_own_calls, n_rejected, seen_at) VALUES ('Zapier', ?1, ?2, 60, ?3, 3, 0, ?2)",
                rusqlite::params![bucket, at, minute % 50],
            )
            .expect("a window");
        }
        all.execute(
            "INSERT INTO calls (at, key, bucket, method, route, status, elapsed_ms) VALUES (?1, 'Zapier', 'read', 'GET', '/api/v1/events', 200, 12)",
            [at],
        )
        .expect("a call");
        for n in 0..3 {
            all.execute(
                "INSERT INTO events (id, company, type, created_at, seen_at, envelope) VALUES (?1, 92, 'lead.created', ?2, ?2, ?3)",
                rusqlite::params![minute * 3 + n, at, vec![b'x'; 400]],
            )
            .expect("an event");
        }
    }
    all.commit().expect("committed");
}
