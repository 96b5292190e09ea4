//! A relay whose observer is stopped by a signal, both as processes: calls are as fast as before, and nothing is lost.

use super::rows;
use crate::remote::processes::Home;
use crate::support::lines::Lines;
use crate::support::platform::{plain_http, until, within};
use crate::support::standin::{ALL, StandIn};
use crow::clock::RuntimeEnv;
use std::time::Duration;

/// Number of measured calls in each half.
const N: usize = 200;
/// Number of calls before the first that is measured.
const WARM_UP: usize = 20;
/// Time by which the slowest percent of the calls may be slower while the observer is stopped.
const MAX_ADDED: Duration = Duration::from_millis(50);

/// Makes calls one after the other. Returns the time that 99 percent of them stayed below.
async fn p99(ambient: &RuntimeEnv, http: &reqwest::Client, address: &str, agent: &str, n: usize) -> Duration {
    let mut times = Vec::new();
    for _ in 0..n {
        let watch = ambient.stopwatch();
        let call = http.get(format!("{address}/api/v1/events")).header("x-api-key", ALL).header("user-agent", agent);
        let answered = within("an answer", call.send()).await.expect("an answer");
        assert_eq!(answered.status(), 200);
        within("a body", answered.bytes()).await.expect("a body");
        times.push(watch.elapsed());
    }
    times.sort_unstable();
    times[n * 99 / 100 - 1]
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the figures are looked at with --nocapture")]
async fn a_stopped_observer_slows_no_call_and_gets_every_record_once_it_goes_on() {
    let ambient = RuntimeEnv::real();
    let (platform, home, edge) = (StandIn::start(&ambient).await, Home::new(), Home::new());
    platform.allows(1_000_000);
    let key = home.path("key").display().to_string();
    let url = platform.address.as_str();
    let add = ["profile", "add", "partner", "--url", url, "--key", "Zapier", "--key-file", &key, "--keep", "file"];
    let added = home.ask(&add).await;
    assert!(added.status.success(), "{added:?}");
    let observer = Lines::start(&mut home.crow(&["observe", "--profile", "partner", "--bind", "127.0.0.1:0"]));
    observer.tells(1, "listening on ").await;
    let observed_at = observer.told()[0].replace("listening on ", "");
    let token = home.path("state/crow/profile partner.token").display().to_string();
    let arguments =
        ["relay", "--url", url, "--bind", "127.0.0.1:0", "--report-to", &observed_at, "--token-file", &token];
    let relay = Lines::start(&mut edge.crow(&arguments));
    relay.tells(1, "listening on ").await;
    let address = relay.told()[0].replace("listening on ", "");
    let history = home.path("state/crow/profile partner.db");
    let kept = |agent: &str| {
        let counts = "SELECT count(*), count(DISTINCT report_id) FROM relayed_calls";
        rows(&history, &format!("{counts} WHERE user_agent = '{agent}'")).remove(0)
    };
    let http = plain_http();
    p99(&ambient, &http, &address, "warm-up", WARM_UP).await;
    let before = p99(&ambient, &http, &address, "before", N).await;
    let each = N.to_string();
    until("all calls are reported", async || kept("before") == [each.as_str(), each.as_str()]).await;
    observer.signal("STOP");
    until("the observer is stopped", async || observer.state() == 'T').await;
    let stopped = p99(&ambient, &http, &address, "stopped", N).await;
    assert_eq!((kept("stopped")[0].as_str(), observer.state()), ("0", 'T'), "nothing was reported meanwhile");
    observer.signal("CONT");
    until("all calls are reported", async || kept("stopped")[1] == each).await;
    p99(&ambient, &http, &address, "after", WARM_UP).await;
    until("later calls are reported", async || kept("after")[1] == WARM_UP.to_string()).await;
    for (agent, n) in [("warm-up", WARM_UP), ("before", N), ("stopped", N), ("after", WARM_UP)] {
        assert_eq!(kept(agent), [n.to_string(), n.to_string()], "{agent}: every call once");
    }
    println!("observer stopped: p99 of {N} calls {stopped:?}, before {before:?}");
    assert!(stopped <= before + MAX_ADDED, "p99 {stopped:?} while the observer is stopped, {before:?} before");
}
