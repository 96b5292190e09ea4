//! K3 and K10: disks that fill up or fail, few file descriptors, and much that is asked for at once.

use super::ledger::Ledger;
use super::process::{Serving, crow, done, lead, subscription};
use super::scene::Scene;
use crow::client;
use crow::client::connection::PlatformClient;
use crow::clock::RuntimeEnv;
use crow::domain::ids::CompanyId;
use crow::wire::changes;
use rusqlite::Connection;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// Maximum time of any step.
const LIMIT: Duration = Duration::from_secs(30);
/// Bytes that the write-ahead log may come to.
const LOG: u64 = 256 << 20;

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    RuntimeEnv::real().timeout(LIMIT, work).await.unwrap_or_else(|| panic!("waited too long: {what}"))
}

/// The status of a refused call.
fn status(answer: Result<impl Sized, client::Error>) -> Option<u16> {
    match answer {
        Err(client::Error::Refused { problem }) => Some(problem.status),
        _ => None,
    }
}

impl Scene {
    /// Waits until an event is taken again, and until `n` requests have come.
    async fn recovers(&self, n: u64) {
        let operator = self.serving.operator();
        within("it recovers", async {
            while operator.change(&changes::EMIT_EVENT, &lead(self.company)).await.is_err() {
                tokio::task::yield_now().await;
            }
            self.ledger.arrived(n).await;
        })
        .await;
    }
}

#[tokio::test]
async fn k3_a_full_or_failing_disk_is_507_keeps_reads_stops_sending_and_recovers() {
    let scene = Scene::start(1).await;
    let Scene { shim, ledger, serving, company, partner, .. } = &scene;
    let operator = serving.operator();
    for (n, fault) in ["ENOSPC", "EIO", "EROFS"].into_iter().enumerate() {
        let n = n as u64;
        within("what was emitted before", ledger.arrived(n)).await;
        shim.fail(fault);
        assert_eq!(status(operator.change(&changes::EMIT_EVENT, &lead(*company)).await), Some(507), "{fault}");
        assert_eq!(status(partner.create_subscription(&subscription(&ledger.url(9))).await), Some(507), "{fault}");
        assert_eq!(operator.overview(10).await.expect("reads go on").subscriptions.total, 1);
        partner.events(None, 10).await.expect("reads go on");
        assert_eq!(ledger.n_arrived(), n, "{fault}: nothing is sent that cannot be written down");
        shim.mend();
        scene.recovers(n + 1).await;
    }
    assert_eq!(ledger.counts().values().sum::<u64>(), 3, "each once");
    let dir = scene.dir();
    let Scene { serving, home: _home, .. } = scene;
    serving.kill();
    done(&mut crow(&["db", "verify"], &dir));
}

#[tokio::test]
async fn k3_outcomes_of_a_full_disk_are_written_into_the_reserve() {
    let scene = Scene::start(1).await;
    let Scene { shim, ledger, serving, company, .. } = &scene;
    let operator = serving.operator();
    let ballast = scene.dir().join("platform.ballast");
    let held = || std::fs::metadata(&ballast).map_or(0, |file| file.len());
    assert_eq!(held(), 16 << 20, "room is kept from the beginning");
    ledger.hold();
    operator.change(&changes::EMIT_EVENT, &lead(*company)).await.expect("an event");
    within("it is sent", ledger.arrived(1)).await;
    shim.fail("TIGHT");
    ledger.go_on();
    within("its outcome is written down", async {
        while operator.attempts(None, 1).await.expect("reads go on").items.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(held() < 16 << 20, "some of the room was used");
    assert_eq!(status(operator.change(&changes::EMIT_EVENT, &lead(*company)).await), Some(507), "nothing new is begun");
    assert_eq!(ledger.n_arrived(), 1);
    shim.mend();
    scene.recovers(2).await;
    assert_eq!(held(), 16 << 20, "room is kept again");
    assert_eq!(ledger.counts().values().sum::<u64>(), 2, "each once");
}

#[tokio::test]
async fn k3_a_platform_out_of_file_descriptors_recovers() {
    let home = TempDir::new().expect("a directory");
    let serving = Serving::with_files(&home.path().join("data"), 40);
    let (company, _) = serving.company().await;
    let address = serving.address.trim_start_matches("http://").to_owned();
    let held: Vec<_> = (0..80).map(|_| TcpStream::connect(&address).expect("the backlog takes it")).collect();
    drop(held);
    let operator = serving.operator();
    within("a call is answered", async {
        while operator.change(&changes::EMIT_EVENT, &lead(company.id)).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    serving.stop();
}

/// Emits events until `stop` is set; every answer must be an event. Returns their number.
async fn emit(operator: PlatformClient, company: CompanyId, stop: Arc<AtomicBool>) -> u64 {
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        operator.change(&changes::EMIT_EVENT, &lead(company)).await.expect("no write is refused");
        n += 1;
    }
    n
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k10_backups_under_load_are_consistent_and_refuse_no_caller() {
    let home = TempDir::new().expect("a directory");
    let dir = home.path().join("data");
    let ledger = Ledger::start().await;
    let serving = Serving::start(&dir);
    let (company, partner) = serving.company().await;
    for number in 1..=2 {
        partner.create_subscription(&subscription(&ledger.url(number))).await.expect("a subscription");
    }
    let stop = Arc::new(AtomicBool::new(false));
    let emitters: Vec<_> =
        (0..4).map(|_| tokio::spawn(emit(serving.operator(), company.id, Arc::clone(&stop)))).collect();
    // A reader that holds one old state all the while.
    let long = Connection::open(dir.join("platform.db")).expect("a database");
    long.execute_batch("BEGIN; SELECT count(*) FROM events").expect("it reads");
    within("load", ledger.arrived(100)).await;
    for n in 0..4 {
        let file = home.path().join(format!("{n}.db"));
        let name = file.to_string_lossy().into_owned();
        let (before, dir) = (ledger.n_arrived(), dir.clone());
        let backup = tokio::task::spawn_blocking(move || done(&mut crow(&["db", "backup", &name], &dir)));
        within("a backup", backup).await.expect("made");
        within("load goes on", ledger.arrived(before + 20)).await;
        let copy = Connection::open(&file).expect("a database");
        let torn =
            "SELECT count(*) FROM events e WHERE (SELECT count(*) FROM deliveries d WHERE d.event_id = e.id) <> 2";
        let of = |sql: &str| copy.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number");
        assert_eq!(of(torn), 0, "an event and its deliveries are one");
        assert!(of("SELECT count(*) FROM events") > 0);
        assert!(std::fs::metadata(serving.log()).expect("a log").len() <= LOG);
    }
    stop.store(true, Ordering::Relaxed);
    let mut n = 0;
    for emitter in emitters {
        n += within("the last event", emitter).await.expect("no write was refused");
    }
    assert!(n > 100);
    let last = home.path().join("3.db").to_string_lossy().into_owned();
    let elsewhere = home.path().join("elsewhere");
    done(&mut crow(&["db", "restore", &last], &elsewhere));
    done(&mut crow(&["db", "verify"], &elsewhere));
}
