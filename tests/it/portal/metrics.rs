//! Counters for Prometheus.

use super::Scene;
use crow::domain::event::EventType;
use std::collections::BTreeSet;
use std::path::Path;

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
    assert_eq!(value(&text, "crow_requests_total{method=\"OTHER\""), 1);
    assert_eq!(value(&text, "crow_deliveries_waiting{state=\"pending\"}"), 0);
    assert!(!text.contains(&scene.key.last4()) && !text.contains("POKE"));
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        assert!(text.contains(&format!("# TYPE {name} ")), "{line}");
    }
}

#[tokio::test]
async fn other_machines_need_a_token() {
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
            names.insert(name);
        }
    }
    names
}

#[tokio::test]
async fn rules_and_dashboard_name_only_what_is_served_and_the_dashboard_all_of_it() {
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
    // Every rule is held against made-up series by promtool: .ci/operations runs it.
    let tested = read("assets/prometheus/crow.test.yml");
    for line in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(tested.contains(&format!("alertname: {line}")), "{line} has no test");
    }
    let document: serde_json::Value = serde_json::from_str(&dashboard).expect("JSON");
    assert_eq!(document["uid"], "crow-platform");
}
