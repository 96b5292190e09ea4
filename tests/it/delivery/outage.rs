//! K9: ten minutes without a name server, by a scripted clock.

use super::Scene;
use crate::support::names::{Names, Says, to};
use crate::support::platform::{Platform, START};
use crate::support::receiver::{Behaviour, Receiver};
use crow::clock::RuntimeEnv;
use crow::domain::delivery::RetryPolicy;
use crow::domain::target::TargetPolicy;
use crow::engine::dns::ResolveError;
use crow::engine::egress::EgressConfig;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tracing::subscriber::DefaultGuard;

const OUTAGE: Duration = Duration::from_secs(600);
const STEP: Duration = Duration::from_secs(1);
const HOSTS: [&str; 3] = ["one.test", "two.test", "three.test"];
const EVENTS: usize = 20;

/// Counts lines.
struct Lines(Arc<AtomicUsize>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.fetch_add(bytes.iter().filter(|byte| **byte == b'\n').count(), Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A log for this thread that counts its lines. Each test here has one: a place in the program that first logs on a thread without a log can
/// stay silent on those that have one.
fn log() -> (Arc<AtomicUsize>, DefaultGuard) {
    let n_lines = Arc::new(AtomicUsize::new(0));
    let writer = Arc::clone(&n_lines);
    let subscriber = tracing_subscriber::fmt().with_writer(move || Lines(Arc::clone(&writer))).finish();
    (n_lines, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn k9_ten_minutes_without_name_servers_count_against_no_subscription_and_fill_no_log() {
    let (n_lines, _heard) = log();
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let names = Arc::new(Names::default());
    for host in HOSTS {
        names.set(host, [Says::Fails(ResolveError::ResolverUnreachable("no name server answers".to_owned()))]);
    }
    let reach = EgressConfig { resolver: Arc::<Names>::clone(&names), ..EgressConfig::default() };
    let ambient = RuntimeEnv::scripted(START, 1);
    let platform = Platform::reaching(ambient, RetryPolicy::default(), TargetPolicy::Private, reach).await;
    let scene = Scene::upon(platform, &receiver.url.replace("127.0.0.1", HOSTS[0])).await;
    for host in &HOSTS[1..] {
        scene.platform.subscribe(&scene.company, &receiver.url.replace("127.0.0.1", host)).await;
    }
    for _ in 0..EVENTS {
        scene.emit().await;
    }
    let n_asked = || HOSTS.map(|host| names.n_asked(host)).iter().sum::<usize>();
    let is_paused = async || scene.platform.engine.status().pause_reason.is_some();
    scene.platform.until("it is taken for general trouble", is_paused).await;
    let database = scene.platform.database();
    let count = |of: &str| {
        let sql = format!("SELECT count(*) FROM {of}");
        database.query_row(&sql, [], |row| row.get::<_, i64>(0)).expect("a count")
    };
    // Never while an attempt is under way: its deadline would pass.
    let step = || {
        if count("leases") == 0 {
            scene.platform.advance(STEP);
        }
    };
    let (n_before, began_at) = (n_asked(), scene.platform.ambient.now());
    while scene.platform.ambient.now().since(began_at) < OUTAGE {
        let before = n_asked();
        let probed = async || {
            step();
            n_asked() > before && count("leases") == 0
        };
        scene.platform.until("a probe", probed).await;
    }
    let (n_probes, lasted) = (n_asked() - n_before, scene.platform.ambient.now().since(began_at).as_secs());
    assert!(n_probes as u64 * 600 <= 80 * lasted, "one probe at a time: {n_probes} in {lasted} s");
    assert!(receiver.ledger().is_empty());
    let operator = scene.platform.operator();
    for row in operator.overview(10).await.expect("an overview").subscriptions.items {
        assert_eq!((row.subscription.consecutive_failures, row.subscription.is_enabled), (Some(0), true), "{row:?}");
    }
    assert!(operator.attempts(None, 1).await.expect("a page").items.is_empty(), "no attempt was logged");
    for host in HOSTS {
        names.set(host, [to(&["127.0.0.1"])]);
    }
    let all = EVENTS * HOSTS.len();
    let goes_on = async || {
        step();
        count("deliveries WHERE state = 'succeeded'") == i64::try_from(all).expect("few")
    };
    scene.platform.until("all is delivered", goes_on).await;
    assert_eq!(receiver.ledger().len(), all, "each once");
    scene.platform.until("it is over", async || scene.platform.engine.status().pause_reason.is_none()).await;
    let n_lines = n_lines.load(Ordering::Relaxed);
    assert!((2..=100).contains(&n_lines), "{n_lines} lines");
}

#[tokio::test]
async fn f1_a_local_fault_met_by_one_company_delays_no_company_that_has_not_met_it() {
    let (_, _heard) = log();
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let names = Arc::new(Names::default());
    for host in HOSTS {
        names.set(host, [Says::Fails(ResolveError::ResolverUnreachable("no name server answers".to_owned()))]);
    }
    let reach = EgressConfig { resolver: names, ..EgressConfig::default() };
    let platform =
        Platform::reaching(RuntimeEnv::scripted(START, 1), RetryPolicy::default(), TargetPolicy::Private, reach).await;
    let scene = Scene::upon(platform, &receiver.url.replace("127.0.0.1", HOSTS[0])).await;
    for host in &HOSTS[1..] {
        scene.platform.subscribe(&scene.company, &receiver.url.replace("127.0.0.1", host)).await;
    }
    let other = scene.platform.company("Beta").await;
    scene.platform.subscribe(&other, &receiver.url).await;
    scene.emit().await;
    let is_paused = async || scene.platform.engine.status().pause_reason.is_some();
    scene.platform.until("it is taken for general trouble", is_paused).await;
    // The clock stands still: what waited for a rest to end would wait for ever.
    scene.platform.emit(other.id).await;
    receiver.received(1).await;
    let is_over = async || scene.platform.engine.status().pause_reason.is_none();
    scene.platform.until("what got through shows that the trouble is not general", is_over).await;
}
