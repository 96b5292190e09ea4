//! Items that cannot be read on a platform without a Portal: their neighbours are read, polling goes on behind them, they are shown as they came,
//! and no link is called offline for them.

use super::processes::Home;
use super::{ALL, Console, RuntimeEnv, StandIn, TempDir, post, until};
use crate::support::lines::Lines;
use crow::domain::time::Timestamp;
use futures_util::future::{LocalBoxFuture, join_all};
use serde_json::Value;
use std::time::Duration;

/// Variants of event 2 as JSON that is valid or nearly so, each with whether it is still readable as an event.
fn odd_events(at: Timestamp) -> Vec<(String, bool)> {
    let event = |id: &str, kind: &str, payload: &str| {
        format!(r#"{{"id":{id},"type":{kind},"createdUtc":"{at}","companyId":92,"payload":{payload}}}"#)
    };
    let usual = r#""lead.created""#;
    let deep = format!("{}1{}", "[".repeat(2_000), "]".repeat(2_000));
    vec![
        (event("2", usual, r#"{"note":"cut \ud83d"}"#), true),
        (event("2", usual, r#"{"note":"\udc00"}"#), true),
        (event("2", usual, r#"{"n":1e400}"#), true),
        (event("2", usual, r#"{"n":-1e400}"#), true),
        (event("2", usual, &deep), true),
        (event("2", usual, r#"{"\ud83d":1}"#), true),
        (event("2", "7", "{}"), false),
        (event("2", r#""\ud83d""#, "{}"), false),
        (event("1e400", usual, "{}"), false),
        (event("null", usual, "{}"), false),
        (r#"{"type":"lead.created","payload":{}}"#.to_owned(), false),
        ("null".to_owned(), false),
        (deep, false),
        (r#""two""#.to_owned(), false),
    ]
}

#[tokio::test]
async fn r3_an_unreadable_event_hides_no_other_event_and_is_shown_raw() {
    let ambient = RuntimeEnv::real();
    for (json, is_readable) in odd_events(ambient.now()) {
        let (dir, platform) = (TempDir::new().expect("a directory"), StandIn::start(&ambient).await);
        platform.allows(6_000);
        platform.happens(1, "lead.created", ambient.now());
        platform.happens_oddly(2, &json, ambient.now());
        for id in 3..8 {
            platform.happens(id, "payment.failed", ambient.now());
        }
        let post = post(&platform.address, &[("Zapier", ALL)], &ambient, dir.path());
        let console = Console::watching(&post, &ambient, (180, 50));
        console.press("5");
        let head: String = json.chars().take(30).collect();
        // The cursor went on: what stands on the next pages is there too.
        let seen = async || {
            let all = console.shows("LIVE") && ["1", "3", "7"].iter().all(|id| console.shows(&format!(" {id} ")));
            all && (is_readable || (console.shows("1 row could not be read") && console.shows(&head)))
        };
        until(&format!("{json:.80}"), seen).await;
        assert!(!console.shows("OFFLINE") && !console.shows("UNREADABLE ANSWER"), "{}", console.text());
        console.quit().await;
    }
}

#[tokio::test]
async fn r3_an_unreadable_subscription_hides_no_other_and_does_not_count_as_deleted() {
    let odd = [
        r#"{"id":"17","targetUrl":"https://hooks.example.com/17","isEnabled":"perhaps"}"#,
        r#"{"id":17,"targetUrl":7,"isEnabled":true}"#,
        r#"{"id":17,"targetUrl":"\ud83d","isEnabled":true}"#,
        r#"{"targetUrl":"https://hooks.example.com/17","isEnabled":true}"#,
        "1e400",
        "null",
    ];
    // A listing comes round every ten seconds: all are waited for together.
    let tried: Vec<LocalBoxFuture<'_, ()>> =
        odd.into_iter().map(|json| Box::pin(listed_oddly(json)) as LocalBoxFuture<'_, ()>).collect();
    join_all(tried).await;
}

async fn listed_oddly(json: &str) {
    let (ambient, dir) = (RuntimeEnv::real(), TempDir::new().expect("a directory"));
    let platform = StandIn::start(&ambient).await;
    platform.allows(6_000);
    let post = post(&platform.address, &[("Zapier", ALL)], &ambient, dir.path());
    let console = Console::watching(&post, &ambient, (180, 50));
    console.press("3");
    until("both", async || console.shows("com/17") && console.shows("com/23")).await;
    platform.forgets(17);
    platform.lists_oddly(json);
    let shown: String = json.chars().take(30).collect();
    let seen = async || console.shows("1 row could not be read") && console.shows(&shown);
    until(&format!("{json} on\n{}", console.text()), seen).await;
    assert!(console.shows("com/23") && console.shows("com/17") && console.shows("LIVE"), "{}", console.text());
    console.quit().await;
}

#[tokio::test]
async fn r3_reconcile_compares_readable_events_and_names_unreadable_ones() {
    let ambient = RuntimeEnv::real();
    // The stand-in tells times to a quarter of a second, which may be in the future.
    let earlier = || ambient.now().minus(Duration::from_secs(10));
    for (json, is_readable) in odd_events(earlier()) {
        let (home, platform) = (Home::new(), StandIn::start(&ambient).await);
        platform.allows(6_000);
        platform.happens(1, "lead.created", earlier());
        platform.happens_oddly(2, &json, earlier());
        platform.happens(3, "lead.created", earlier());
        let key = home.path("key");
        let listening = Lines::start(&mut home.crow(&["listen", "--json", "--url", &platform.address]));
        listening.tells(1, "listening on ").await;
        let address = listening.told()[0].replace("listening on ", "");
        let http = crow::client::connection::bare_http_client().expect("a client");
        for id in [1, 3] {
            let body = format!(r#"{{"id":{id},"type":"lead.created","companyId":92}}"#);
            let answered = http.post(&address).body(body).send().await.expect("an answer");
            assert_eq!(answered.status(), 200);
        }
        listening.tells(2, "\"answered\":200").await;
        let key = key.to_str().expect("text");
        let compared = home.ask(&["reconcile", "--json", "--url", &platform.address, "--key-file", key]).await;
        let said: Value = serde_json::from_slice(&compared.stdout).unwrap_or_default();
        assert_eq!(compared.status.code(), Some(1), "{json:.80}: {compared:?}");
        assert_eq!(said["nReceived"], 2, "{json:.80}: {said}");
        let (named, n_unreadable) =
            (said["missing"][0]["eventId"].as_i64(), said["unreadable"].as_array().map(Vec::len));
        assert_eq!((named, n_unreadable), if is_readable { (Some(2), Some(0)) } else { (None, Some(1)) }, "{said}");
        if !is_readable && json.contains("\"id\":2,") {
            assert_eq!(said["unreadable"][0]["eventId"], 2, "{said}");
        }
    }
}
