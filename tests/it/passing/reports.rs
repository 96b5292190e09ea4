//! Reports to an observer elsewhere: they wait on disk while it is away, nothing is lost and nothing is stored twice.

use super::observer::{Mood, Observer, TOKEN};
use super::{Kept, Proxy};
use crate::support::platform::{plain_http, until, within};
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::standin::{ALL, StandIn};
use crow::client::connection::{ClientCredential, PlatformClient};
use crow::clock::RuntimeEnv;
use crow::domain::secret::Secret;
use crow::history::outbox::ReportOutbox;
use crow::relay::recorder::RecordSink;
use crow::relay::report_sender::ReportSender;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// An outbox with its sender.
struct Reporting {
    dir: TempDir,
    outbox: ReportOutbox,
    wake: Arc<Notify>,
    token: Arc<Mutex<String>>,
    stop: watch::Sender<bool>,
    sending: JoinHandle<()>,
}

impl Reporting {
    fn start(observer: &Observer) -> Self {
        Self::start_in(TempDir::new().expect("a directory"), observer)
    }

    fn start_in(dir: TempDir, observer: &Observer) -> Self {
        let outbox = ReportOutbox::open(&dir.path().join("outbox.db"), 64 << 20).expect("it opens");
        let (wake, token) = (Arc::new(Notify::new()), Arc::new(Mutex::new(TOKEN.to_owned())));
        let (stop, stopped) = watch::channel(false);
        let connect = {
            let (url, token) = (observer.url(), Arc::clone(&token));
            move || {
                let token = Secret::new(token.lock().expect("not poisoned").clone());
                PlatformClient::new(&url, ClientCredential::Operator(token)).map_err(|error| error.to_string())
            }
        };
        let sender = ReportSender::new(outbox.clone(), Arc::clone(&wake), Box::new(connect), RuntimeEnv::real());
        Self { dir, outbox, wake, token, stop, sending: tokio::spawn(sender.run(stopped)) }
    }

    fn sink(&self) -> RecordSink {
        RecordSink::Outbox(self.outbox.clone(), Arc::clone(&self.wake))
    }

    /// Ends the sender; what waits stays in the directory.
    async fn end(self) -> TempDir {
        self.stop.send_replace(true);
        within("the sender ends", self.sending).await.expect("no panic");
        self.outbox.close();
        self.dir
    }
}

async fn get(proxy: &Proxy, app: &str) -> u16 {
    let request = plain_http().get(format!("http://{}/api/v1/events", proxy.address)).header("x-api-key", ALL);
    within("an answer", request.header("x-app", app).send()).await.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn calls_wait_on_disk_while_the_observer_hangs_or_is_away_and_arrive_once_each() {
    let ambient = RuntimeEnv::real();
    let platform = StandIn::start(&ambient).await;
    platform.allows(1_000_000);
    let mut observer = Observer::start().await;
    let reporting = Reporting::start(&observer);
    let proxy = Proxy::relay(&platform.address, reporting.sink()).await;
    assert_eq!(get(&proxy, "first").await, 200);
    until("the first is reported", async || observer.calls().len() == 1).await;
    observer.becomes(Mood::Hangs);
    let watch = ambient.stopwatch();
    for _ in 0..50 {
        assert_eq!(get(&proxy, "meanwhile").await, 200, "the observer's trouble fails no call");
    }
    assert!(watch.elapsed_ms() < 8_000, "nor does it wait for the observer: {} ms", watch.elapsed_ms());
    observer.kill();
    proxy.end().await;
    // The relay and its sender end; the next run reports what waited.
    let dir = reporting.end().await;
    assert_eq!(observer.calls().len(), 1);
    observer.becomes(Mood::ForgetsToAnswer);
    observer.restart().await;
    let reporting = Reporting::start_in(dir, &observer);
    until("all are reported", async || observer.calls().len() == 51).await;
    until("the outbox is empty", async || reporting.outbox.n_waiting().await.expect("it reads") == 0).await;
    assert!(observer.n_known() >= 1, "a report without an answer came again, and was known");
    let named = observer.calls().iter().filter(|call| call["caller"] == "meanwhile").count();
    assert_eq!(named, 50);
    reporting.end().await;
}

#[tokio::test]
async fn a_replaced_token_is_read_again_and_a_report_that_is_refused_holds_up_no_other() {
    let ambient = RuntimeEnv::real();
    let platform = StandIn::start(&ambient).await;
    platform.allows(1_000_000);
    let observer = Observer::start().await;
    observer.takes("wlop_another-token-that-came-later-0123456789abcdefg");
    let reporting = Reporting::start(&observer);
    let proxy = Proxy::relay(&platform.address, reporting.sink()).await;
    assert_eq!(get(&proxy, "one").await, 200);
    until("the old token is refused", async || observer.n_reports() >= 1).await;
    assert_eq!(observer.calls().len(), 0);
    *reporting.token.lock().expect("not poisoned") = "wlop_another-token-that-came-later-0123456789abcdefg".to_owned();
    until("the new one is used", async || observer.calls().len() == 1).await;
    observer.becomes(Mood::Answers(503));
    for app in ["two", "poison", "three"] {
        assert_eq!(get(&proxy, app).await, 200);
    }
    let waiting = async || reporting.outbox.n_waiting().await.expect("it reads");
    until("three wait together", async || waiting().await == 3).await;
    observer.becomes(Mood::Dislikes("poison"));
    until("the others are taken", async || observer.calls().len() == 3).await;
    until("nothing waits", async || waiting().await == 0).await;
    proxy.end().await;
    reporting.end().await;
}

#[tokio::test]
async fn receipts_and_counts_of_refusals_reach_the_observer() {
    let (observer, kept) = (Observer::start().await, Kept::new());
    let behind = Receiver::start(&[Behaviour::Status(202)]).await;
    let reporting = Reporting::start(&observer);
    let (proxy, _arrived) = Proxy::listener(&behind.url, reporting.sink()).await;
    let url = format!("http://{}/hook", proxy.address);
    let body = br#"{"id":7,"type":"lead.created","companyId":92}"#.to_vec();
    let post = plain_http().post(&url).header("x-wlcro-attempt", "3").body(body.clone());
    assert_eq!(within("an answer", post.send()).await.expect("an answer").status(), 202);
    let large = plain_http().post(&url).body(vec![b'x'; (2 << 20) + 1]);
    // The answer may come before the body was taken, and be lost to a reset.
    let _ = within("an answer", large.send()).await;
    until("the receipt is reported", async || observer.receipts().len() == 1).await;
    let receipt = observer.receipts().remove(0);
    assert_eq!((receipt["eventId"].as_i64(), receipt["status"].as_u64()), (Some(7), Some(202)));
    assert_eq!((receipt["claimedAttempt"].as_u64(), receipt["signature"].as_str()), (Some(3), Some("not_checked")));
    assert_eq!(receipt["forwardedTo"].as_str(), Some(behind.url.as_str()));
    assert_eq!(receipt["nBytes"].as_u64(), Some(body.len() as u64));
    proxy.end().await;
    until("the refusal is reported", async || observer.refusals().len() == 1).await;
    assert_eq!(observer.refusals()[0]["reason"], "too_large");
    let folder = reporting.end().await;
    assert!(is_private(&folder.path().join("outbox.db")));
    drop(kept);
}

fn is_private(path: &Path) -> bool {
    let metadata = std::fs::metadata(path).expect("a file");
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 == 0
}
