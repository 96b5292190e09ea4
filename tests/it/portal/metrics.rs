//! Counters for Prometheus.

use super::Scene;
use crate::storage::process::Serving;
use crow::domain::alert_rule::AlertRule;
use crow::domain::event::EventType;
use crow::domain::ids::SubscriptionId;
use crow::server::otlp::run_exporter;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

fn value(text: &str, name: &str) -> u64 {
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in\n{text}"));
    line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number")
}

#[tokio::test]
async fn counters_count_and_name_no_key() {
    let scene = Scene::new().await;
    scene.subscribe(&["lead.created"]).await;
    for _ in 0..3 {
        scene.emit(EventType::LeadCreated).await;
    }
    scene.attempted(3).await;
    scene.platform.call("POKE", "/api/v1/events", &[], None).await;
    let answer = scene.platform.call("GET", "/metrics", &[], None).await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let text = String::from_utf8(answer.body).expect("text");
    assert_eq!((value(&text, "crow_events_total"), value(&text, "crow_attempts_total")), (3, 3));
    assert_eq!(value(&text, "crow_scheduled_attempts_last_hour{outcome=\"success\"}"), 3);
    assert_eq!(value(&text, "crow_subscriptions{state=\"enabled\"}"), 1);
    assert_eq!((value(&text, "crow_storage_writable"), value(&text, "crow_headroom_percent_min")), (1, 99));
    assert_eq!(value(&text, "crow_requests_total{method=\"OTHER\""), 1);
    assert_eq!(value(&text, "crow_deliveries_waiting{state=\"pending\"}"), 0);
    assert!(!text.contains(&scene.key.last4()) && !text.contains("POKE"));
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = metric(line.split(['{', ' ']).next().unwrap_or_default());
        assert!(text.contains(&format!("# TYPE {name} ")), "{line}");
    }
}

/// The metric that a series belongs to.
fn metric(series: &str) -> &str {
    ["_bucket", "_sum", "_count"].iter().find_map(|suffix| series.strip_suffix(suffix)).unwrap_or(series)
}

#[tokio::test]
async fn a_tripped_subscription_has_a_series_of_its_own_until_it_is_enabled() {
    let scene = Scene::new().await;
    let id = scene.subscribe(&["lead.created"]).await;
    let off = scene.subscribe(&["lead.created"]).await;
    let metrics =
        async || String::from_utf8(scene.platform.call("GET", "/metrics", &[], None).await.body).expect("text");
    let database = scene.platform.database();
    let set = |reason: Option<&str>, id: SubscriptionId| {
        let sql =
            "UPDATE subscriptions SET disabled_reason = ?1, disabled_at = 1, n_consecutive_failures = 7 WHERE id = ?2";
        database.execute(sql, rusqlite::params![reason, id.0]).expect("set");
    };
    set(Some("manual"), off);
    assert_eq!(value(&metrics().await, "crow_consecutive_failures_max"), 0, "of those that are enabled");
    set(Some("circuit_breaker"), id);
    let text = metrics().await;
    assert_eq!(value(&text, &format!("crow_subscription_tripped{{id=\"{id}\",company=\"1\"}}")), 1);
    for (state, n) in [("enabled", 0), ("off", 1), ("tripped", 1)] {
        assert_eq!(value(&text, &format!("crow_subscriptions{{state=\"{state}\"}}")), n, "{state}");
    }
    set(None, id);
    let text = metrics().await;
    assert!(!text.contains("crow_subscription_tripped{"));
    assert_eq!(value(&text, "crow_consecutive_failures_max"), 7);
    // However many trip, so many are named, and the others are counted.
    for _ in 0..60 {
        database
            .execute(
                "INSERT INTO subscriptions (company_id, target_url, event_types, secret, created_at, updated_at, disabled_reason, disabled_at)
                 VALUES (1, 'https://example.com/', '', x'', 0, 0, 'circuit_breaker', 1)",
                [],
            )
            .expect("a subscription");
    }
    let text = metrics().await;
    assert_eq!(text.matches("\ncrow_subscription_tripped{").count(), 50);
    assert_eq!(value(&text, "crow_subscriptions_tripped_unnamed"), 10);
}

#[tokio::test]
async fn every_alert_rule_has_a_series_or_a_reason_and_the_guide_lists_both() {
    let scene = Scene::new().await;
    scene.subscribe(&["lead.created"]).await;
    let metrics =
        async || String::from_utf8(scene.platform.call("GET", "/metrics", &[], None).await.body).expect("text");
    let text = metrics().await;
    let guide = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/monitoring.md"));
    let guide = guide.expect("the guide").split_whitespace().collect::<Vec<_>>().join(" ");
    let mut served: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("crow_alerts{rule=\"")?.split('"').next()).collect();
    for rule in AlertRule::ALL {
        let name = rule.name();
        assert_eq!(served.remove(name), rule.unmeasured_because().is_none(), "{name}");
        assert!(guide.contains(&format!("`{name}`")), "{name} is not in the guide");
        assert!(
            rule.unmeasured_because().is_none_or(|why| guide.contains(why)),
            "{name}: its reason is not in the guide"
        );
    }
    assert!(served.is_empty(), "{served:?}");
    let of = |text: &str, rule: &str| value(text, &format!("crow_alerts{{rule=\"{rule}\"}}"));
    for rule in AlertRule::ALL.into_iter().filter(|rule| rule.unmeasured_because().is_none()) {
        assert_eq!(of(&text, rule.name()), 0, "{}", rule.name());
    }
    // What an alert of a console is about is counted here, rule by rule.
    let database = scene.platform.database();
    database
        .execute("UPDATE subscriptions SET disabled_reason = 'circuit_breaker', disabled_at = 1", [])
        .expect("tripped");
    for _ in 0..6 {
        let answer = scene.platform.call("PUT", "/api/v1/events", &[("x-api-key", scene.key.reveal())], None).await;
        assert_eq!(answer.status, 405);
        scene
            .platform
            .call("GET", "/api/v1/events?cursor=bm90IG91cnM", &[("x-api-key", scene.key.reveal())], None)
            .await;
    }
    let text = metrics().await;
    assert_eq!((of(&text, "breaker_tripped"), of(&text, "poller_stuck")), (1, 1));
    let counted = async || {
        scene.platform.advance(Duration::from_millis(200));
        of(&metrics().await, "calls_refused") == 1
    };
    scene.platform.until("the refused calls are counted", counted).await;
}

#[tokio::test]
async fn every_status_is_counted_from_zero_also_after_a_restart() {
    let scene = Scene::new().await;
    let statuses = async |platform: &crate::support::platform::Platform| {
        let text = String::from_utf8(platform.call("GET", "/metrics", &[], None).await.body).expect("text");
        [401, 429, 500, 503, 507].map(|status| value(&text, &format!("crow_responses_total{{status=\"{status}\"}}")))
    };
    assert_eq!(statuses(&scene.platform).await, [0; 5]);
    scene.platform.call("GET", "/api/v1/events", &[], None).await;
    assert_eq!(statuses(&scene.platform).await, [1, 0, 0, 0, 0]);
    let platform = scene.platform.restart().await;
    assert_eq!(statuses(&platform).await, [0; 5]);
}

#[tokio::test]
async fn metrics_need_a_token_from_other_machines() {
    let scene = Scene::new().await;
    let address = scene.platform.exposed().await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let get = async |token: Option<&str>| {
        let request = client.get(format!("{address}/metrics"));
        let request = token.map_or(request.try_clone().expect("no body"), |token| request.bearer_auth(token));
        request.send().await.expect("an answer").status().as_u16()
    };
    assert_eq!((get(None).await, get(Some("wlop_no")).await, get(Some(scene.token.reveal())).await), (401, 401, 200));
}

/// The names of ours in a text.
fn names(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices("crow_") {
        let is_begin = !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let name: String = text[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        if is_begin {
            names.insert(metric(&name).to_owned());
        }
    }
    names
}

#[tokio::test]
async fn alert_rules_and_dashboard_use_served_metrics_and_the_dashboard_shows_all_of_them() {
    let scene = Scene::new().await;
    scene.platform.call("GET", "/api/v1/events", &[], None).await;
    let answer = scene.platform.call("GET", "/metrics", &[], None).await;
    let served = names(&String::from_utf8(answer.body).expect("text"));
    let read =
        |path: &str| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("an asset");
    let rules = read("assets/prometheus/crow.rules.yml");
    let dashboard = read("assets/grafana/crow.json");
    let named = names(&rules);
    assert!(named.len() > 5 && named.is_subset(&served), "{:?}", named.difference(&served));
    assert_eq!(names(&dashboard), served);
    // Every rule is held against made-up series by promtool: .ci/rules runs it.
    let tested = read("assets/prometheus/crow.test.yml");
    for line in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(tested.contains(&format!("alertname: {line}")), "{line} has no test");
    }
    let document: Value = serde_json::from_str(&dashboard).expect("JSON");
    assert_eq!(document["uid"], "crow-platform");
}

/// What came: headers and body.
type Pushes = Arc<Mutex<Vec<(HeaderMap, Vec<u8>)>>>;

/// Starts a collector. Returns its pushes and its address.
async fn collector() -> (Pushes, String) {
    let seen = Pushes::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/v1/metrics", listener.local_addr().expect("an address"));
    let take = {
        let seen = Arc::clone(&seen);
        async move |headers: HeaderMap, body: axum::body::Bytes| {
            let mut seen = seen.lock().expect("not poisoned");
            seen.push((headers, body.to_vec()));
            // The first one is refused: it must come again.
            if seen.len() == 1 { axum::http::StatusCode::BAD_REQUEST } else { axum::http::StatusCode::OK }
        }
    };
    let router = axum::Router::new().route("/v1/metrics", axum::routing::post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (seen, url)
}

/// The attributes of a resource or a point as labels.
fn labels(of: &Value) -> String {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let attributes = of["attributes"].as_array().expect("attributes").iter();
    let labels: Vec<String> =
        attributes.map(|of| format!("{}=\"{}\"", text(&of["key"]), text(&of["value"]["stringValue"]))).collect();
    if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) }
}

/// What a push holds, as `/metrics` writes it; each metric must be of the right kind, and each time one of those given.
fn pushed(push: &Value, types: &BTreeMap<&str, &str>, times: [&str; 2]) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for series in push["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().expect("metrics") {
        let name = series["name"].as_str().expect("a name");
        assert!(!series["description"].as_str().expect("a description").is_empty(), "{name}");
        let data = if types[metric(name)] == "gauge" {
            &series["gauge"]
        } else {
            assert_eq!(
                (&series["sum"]["aggregationTemporality"], &series["sum"]["isMonotonic"]),
                (&json!(2), &json!(true))
            );
            &series["sum"]
        };
        for point in data["dataPoints"].as_array().unwrap_or_else(|| panic!("{name} has no points")) {
            assert_eq!([&point["startTimeUnixNano"], &point["timeUnixNano"]], [&json!(times[0]), &json!(times[1])]);
            lines.insert(format!("{name}{} {}", labels(point), point["asDouble"].as_f64().expect("a number")));
        }
    }
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_gets_every_metric_that_is_served() {
    let scene = Scene::new().await;
    scene.subscribe(&["lead.created"]).await;
    scene.emit(EventType::LeadCreated).await;
    scene.attempted(1).await;
    let nanos = || format!("{}000000", scene.platform.ambient.now().millis());
    let begun = nanos();
    let (seen, url) = collector().await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let engine = scene.platform.engine.clone();
    let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer of-the-collector"))]);
    let pushing =
        tokio::spawn(async move { run_exporter(engine, &url, headers, Duration::from_secs(60), stopped).await });
    let n_seen = || seen.lock().expect("not poisoned").len();
    scene.platform.until("a first push", async || n_seen() >= 1).await;
    // The clock is scripted: nothing comes before its time.
    scene
        .platform
        .until("the next one", async || {
            scene.platform.advance(Duration::from_secs(1));
            n_seen() >= 2
        })
        .await;
    let ended = nanos();
    stop.send_replace(true);
    pushing.await.expect("no panic").expect("it could be pushed");
    let (headers, bytes) = seen.lock().expect("not poisoned").last().expect("a push").clone();
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["authorization"], "Bearer of-the-collector");
    let push: Value = serde_json::from_slice(&bytes).expect("JSON");
    let version = env!("CARGO_PKG_VERSION");
    let resource = format!("{{service.name=\"crow\",service.version=\"{version}\"}}");
    assert_eq!(labels(&push["resourceMetrics"][0]["resource"]), resource);
    assert_eq!(push["resourceMetrics"][0]["scopeMetrics"][0]["scope"], json!({"name": "crow"}));
    let answer = scene.platform.call("GET", "/metrics", &[], None).await;
    let text = String::from_utf8(answer.body).expect("text");
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let served: BTreeSet<String> = text.lines().filter(|line| !line.starts_with('#')).map(ToOwned::to_owned).collect();
    assert!(served.len() > 20, "{served:?}");
    assert_eq!(pushed(&push, &types, [&begun, &ended]), served);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_a_collector_that_never_ends_is_cut() {
    const ENOUGH: usize = 64 * 1024 * 1024;
    let scene = Scene::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/v1/metrics", listener.local_addr().expect("an address"));
    let (stop, stopped) = tokio::sync::watch::channel(true);
    let engine = scene.platform.engine.clone();
    let pushing =
        tokio::spawn(
            async move { run_exporter(engine, &url, HeaderMap::new(), Duration::from_secs(60), stopped).await },
        );
    let (mut stream, _) = listener.accept().await.expect("a push");
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n").await.expect("read");
    let mut n_written = 0;
    while n_written < ENOUGH && stream.write_all(&[b' '; 64 * 1024]).await.is_ok() {
        n_written += 64 * 1024;
    }
    assert!(n_written < ENOUGH, "{n_written} bytes were taken");
    pushing.await.expect("no panic").expect("it could be pushed");
    drop(stop);
}

#[test]
fn the_binary_pushes_its_metrics_to_a_collector() {
    let collector = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", collector.local_addr().expect("an address"));
    let dir = tempfile::tempdir().expect("a directory");
    let serving = Serving::with(dir.path(), |command| {
        command.args(["--otlp", &url, "--otlp-every", "1s"]);
    });
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || tell.send(collector.accept()));
    let (mut pushed, _) = told.recv_timeout(Duration::from_secs(30)).expect("a push in time").expect("a push");
    pushed.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
    let mut head = Vec::new();
    let mut bytes = [0; 4_096];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        let n = std::io::Read::read(&mut pushed, &mut bytes).expect("the push is read");
        assert_ne!(n, 0, "the push broke off");
        head.extend_from_slice(&bytes[..n]);
    }
    assert!(head.starts_with(b"POST /"), "{}", String::from_utf8_lossy(&head));
    assert_eq!(serving.n_panicked(), 0);
}
