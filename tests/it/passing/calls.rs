//! What a relay records of calls, and that no trouble of its recorder fails or slows one.

use super::{Kept, Proxy, rows};
use crate::remote::processes::Home;
use crate::support::lines::Lines;
use crate::support::platform::{plain_http, until, within};
use crate::support::receiver::HeldAnswer;
use crate::support::standin::{ALL, Mood, StandIn};
use crow::clock::RuntimeEnv;
use serde_json::Value;
use std::time::Duration;
use tokio::net::TcpStream;

/// Makes a call and returns its status and body.
async fn call(request: reqwest::RequestBuilder) -> (u16, String) {
    let answered = within("an answer", request.send()).await.expect("an answer");
    (answered.status().as_u16(), within("a body", answered.text()).await.expect("a body"))
}

#[tokio::test]
async fn a_call_is_recorded_with_its_caller_and_its_answer_and_never_with_its_key_or_body() {
    let ambient = RuntimeEnv::real();
    let (platform, kept) = (StandIn::start(&ambient).await, Kept::new());
    platform.happens(41, "lead.created", ambient.now());
    let proxy = Proxy::relay(&platform.address, kept.sink()).await;
    let http = plain_http();
    let get = |path: &str| http.get(format!("http://{}{path}", proxy.address)).header("user-agent", "n8n/1.2");
    let events =
        call(get("/api/v1/events?limit=5&email=ada%40example.com").header("x-api-key", ALL).header("x-app", "billing"))
            .await;
    assert!(events.0 == 200 && events.1.contains("41"), "{events:?}");
    let refused =
        call(get("/api/v1/events").header("x-api-key", "wlcro_live_92_unknown-key-0123456789abcdefghijklmnop-ZZZZ"))
            .await;
    assert_eq!(refused.0, 401);
    let nowhere = call(get("/api/v1/people/ada@example.com")).await;
    assert_eq!(nowhere.0, 404);
    proxy.end().await;
    let found = kept.rows(
        "SELECT method, route, query, status, user_agent, caller, company, last4, address, failure, rate_limit, rate_remaining,
         head_ms <= elapsed_ms, n_answer_bytes > 0 FROM relayed_calls ORDER BY id",
    );
    let n_left = found[0][11].parse::<u32>().expect("a number");
    let expected =
        ["GET", "/api/v1/events", "limit=5&email=…", "200", "n8n/1.2", "billing", "92", "vwxy", "127.0.0.1", "-", "60"];
    assert_eq!(found[0][..11].iter().map(String::as_str).collect::<Vec<_>>(), expected);
    assert!(n_left < 60 && found[0][12] == "1" && found[0][13] == "1", "{found:?}");
    assert_eq!((found[1][3].as_str(), found[1][7].as_str()), ("401", "ZZZZ"));
    assert_eq!((found[2][1].as_str(), found[2][3].as_str(), found[2][6].as_str()), ("(none)", "404", "-"));
    let bytes = std::fs::read(kept.path()).expect("the history");
    let log = std::fs::read(kept.path().with_extension("db-wal")).unwrap_or_default();
    let text = [String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&log)].concat();
    for secret in [&ALL[14..], "unknown-key-0123456789", "ada@", "ada%40"] {
        assert!(!text.contains(secret), "{secret} is nowhere");
    }
}

#[tokio::test]
async fn a_relay_says_itself_why_there_is_no_answer_and_notices_a_loop() {
    let kept = Kept::new();
    let nobody = Proxy::relay("http://127.0.0.1:9/crm", kept.sink()).await;
    let http = crow::client::connection::bare_http_client().expect("a client");
    let answered = within("an answer", http.get(format!("http://{}/api/v1/events", nobody.address)).send())
        .await
        .expect("an answer");
    assert_eq!(answered.status(), 502);
    assert_eq!(answered.headers()["proxy-status"], "crow; error=connection_refused");
    let problem: Value = serde_json::from_slice(&answered.bytes().await.expect("a body")).expect("JSON");
    assert_eq!((problem["status"].as_u64(), problem["code"].as_str()), (Some(502), Some("unreachable")));
    nobody.end().await;
    // A relay in front of a relay in front of the first.
    let ambient = RuntimeEnv::real();
    let platform = StandIn::start(&ambient).await;
    let second = Proxy::relay(&platform.address, kept.sink()).await;
    let first = Proxy::relay(&format!("http://{}", second.address), kept.sink()).await;
    let (status, _) = call(http.get(format!("http://{}/api/v1/events", first.address)).header("x-api-key", ALL)).await;
    assert_eq!(status, 200, "two relays are no loop");
    platform.becomes(Mood::Redirects(format!("http://{}/x", first.address)));
    let asked = http.get(format!("http://{}/api/v1/events", first.address)).header("x-api-key", ALL);
    assert_eq!(call(asked).await.0, 302, "redirects are passed back, not followed");
    first.end().await;
    second.end().await;
    let failures = kept.rows("SELECT DISTINCT failure FROM relayed_calls WHERE status = 502");
    assert_eq!(failures, [["unreachable"]]);
}

#[tokio::test]
async fn crow_relay_stands_in_front_of_a_profile_or_an_address_and_ends_with_its_calls() {
    let ambient = RuntimeEnv::real();
    let (platform, home) = (StandIn::start(&ambient).await, Home::new());
    for (arguments, part) in [
        (vec!["--url", "http://example.com"], "unencrypted"),
        (vec!["--url", &platform.address, "--bind", "0.0.0.0:0"], "reachable from other machines"),
        (vec!["--url", &platform.address, "--name-by-header", "X-Api-Key"], "never recorded"),
        (vec!["--profile", "none"], "none"),
    ] {
        let refused = home.ask(&[&["relay"], arguments.as_slice()].concat()).await;
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(2) && told.contains(part), "{arguments:?}: {told}");
    }
    let arguments = ["relay", "--bind", "127.0.0.1:0", "--url", &platform.address, "--json", "--keep-refusals"];
    let relay = Lines::start(&mut home.crow(&arguments));
    relay.tells(1, "listening on ").await;
    let address = relay.told()[0].replace("listening on ", "");
    let http = plain_http();
    assert_eq!(call(http.get(format!("{address}/api/v1/events")).header("x-api-key", ALL)).await.0, 200);
    assert_eq!(call(http.get(format!("{address}/api/v1/events"))).await.0, 401);
    relay.tells(2, "\"schema\":\"crow.call/1\"").await;
    relay.signal("TERM");
    assert_eq!(relay.ended(), Some(0));
    let name = format!("{}.db", platform.address.replace([':', '/', '.'], "-"));
    let sql = "SELECT status, last4, problem IS NOT NULL FROM relayed_calls ORDER BY id";
    let kept = rows(&home.path("state/crow").join(name), sql);
    assert_eq!(kept, [["200", "vwxy", "0"], ["401", "-", "1"]]);
}

#[tokio::test]
async fn a_call_under_way_at_the_signal_is_finished_and_recorded() {
    let mut platform = HeldAnswer::start().await;
    let home = Home::new();
    let relay = Lines::start(&mut home.crow(&["relay", "--bind", "127.0.0.1:0", "--url", &platform.url, "--json"]));
    relay.tells(1, "listening on ").await;
    let address = relay.told()[0].replace("listening on http://", "");
    let calling = tokio::spawn(call(plain_http().get(format!("http://{address}/api/v1/events"))));
    platform.arrives().await;
    relay.signal("TERM");
    until("nothing new is taken", async || TcpStream::connect(&address).await.is_err()).await;
    platform.release();
    assert_eq!(within("an answer", calling).await.expect("no panic"), (202, "ok".to_owned()));
    relay.tells(1, "\"status\":202").await;
    assert_eq!(relay.ended(), Some(0));
}

#[tokio::test]
async fn a_caller_that_leaves_is_recorded_as_such() {
    let ambient = RuntimeEnv::real();
    let (platform, kept) = (StandIn::start(&ambient).await, Kept::new());
    platform.becomes(Mood::Hang);
    let proxy = Proxy::relay(&platform.address, kept.sink()).await;
    let asked = plain_http().get(format!("http://{}/api/v1/events", proxy.address)).header("x-api-key", ALL);
    let left = asked.timeout(Duration::from_millis(300)).send().await;
    assert!(left.is_err_and(|error| error.is_timeout()));
    let sql = "SELECT count(*) FROM relayed_calls WHERE failure = 'caller_left' AND status IS NULL";
    until("it is recorded", async || kept.rows(sql) == [["1"]]).await;
    proxy.end().await;
}

#[tokio::test]
async fn a_history_that_cannot_be_written_neither_fails_nor_slows_a_call_and_nothing_is_lost() {
    let ambient = RuntimeEnv::real();
    let (platform, kept) = (StandIn::start(&ambient).await, Kept::new());
    platform.allows(1_000_000);
    let proxy = Proxy::relay(&platform.address, kept.sink()).await;
    let lock = rusqlite::Connection::open(kept.path()).expect("it opens");
    lock.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let http = plain_http();
    let watch = ambient.stopwatch();
    for _ in 0..300 {
        let (status, _) =
            call(http.get(format!("http://{}/api/v1/events", proxy.address)).header("x-api-key", ALL)).await;
        assert_eq!(status, 200);
    }
    let took = watch.elapsed();
    let n: i64 = lock.query_row("SELECT count(*) FROM relayed_calls", [], |row| row.get(0)).expect("a count");
    assert_eq!(n, 0, "nothing could be written meanwhile");
    lock.execute_batch("ROLLBACK").expect("unlocked");
    until("all are recorded", async || rows(&kept.path(), "SELECT count(*) FROM relayed_calls") == [["300"]]).await;
    // A single write waits five seconds for the lock.
    assert!(took < Duration::from_secs(15), "300 calls took {took:?}");
    proxy.end().await;
}
