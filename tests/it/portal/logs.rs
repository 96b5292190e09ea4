//! Deliveries, attempts, events, requests, statistics: pages, filters, and what became of an event.

use super::{Scene, ids};
use crate::support::receiver::Behaviour;
use crow::domain::event::EventType;
use crow::domain::scope::KeyScope;
use crow::wire::changes::{self, NoBody};
use crow::wire::subscriptions::DisableSubscription;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn every_row_is_seen_once_in_both_directions_while_rows_arrive() {
    let scene = Scene::new().await;
    scene.subscribe(&["lead.created"]).await;
    for _ in 0..7 {
        scene.emit(EventType::LeadCreated).await;
    }
    scene.attempted(7).await;
    let events = scene.get("/portal/v1/events?limit=3").await;
    let counts: Vec<i64> =
        events["items"].as_array().expect("rows").iter().filter_map(|row| row["nDeliveries"].as_i64()).collect();
    assert_eq!(counts, [1, 1, 1], "each event has its own deliveries");
    for list in ["deliveries", "attempts", "events"] {
        let mut page = scene.get(&format!("/portal/v1/{list}?limit=3&type=lead.created")).await;
        let newest = page["previousCursor"].as_str().expect("a cursor").to_owned();
        let mut seen = ids(&page);
        while let Some(cursor) = page["nextCursor"].as_str().map(ToOwned::to_owned) {
            assert_eq!(page["hasMore"], true);
            page = scene.get(&format!("/portal/v1/{list}?limit=3&type=lead.created&cursor={cursor}")).await;
            seen.extend(ids(&page));
        }
        assert_eq!(page["hasMore"], false, "{list}");
        let mut sorted = seen.clone();
        sorted.sort_by_key(|id| std::cmp::Reverse(*id));
        sorted.dedup();
        assert_eq!((seen.len(), &seen), (sorted.len(), &sorted), "{list}");
        let last = page["previousCursor"].as_str().expect("a cursor");
        let back = scene.get(&format!("/portal/v1/{list}?limit=200&type=lead.created&cursor={last}")).await;
        assert_eq!(ids(&back), seen[..seen.len() - ids(&page).len()], "{list}: back up to the newest");
        let n_attempts = scene.get("/portal/v1/attempts?limit=200").await["items"].as_array().expect("rows").len();
        scene.emit(EventType::LeadCreated).await;
        scene.attempted(n_attempts + 1).await;
        let news = scene.get(&format!("/portal/v1/{list}?limit=3&type=lead.created&cursor={newest}")).await;
        assert_eq!(ids(&news).len(), 1, "{list}: what is new and nothing else");
        assert!(ids(&news)[0] > seen[0]);
    }
}

#[tokio::test]
async fn a_cursor_is_accepted_only_with_its_own_list_and_filters() {
    let scene = Scene::new().await;
    scene.subscribe(&["lead.created"]).await;
    for _ in 0..2 {
        scene.emit(EventType::LeadCreated).await;
    }
    let page = scene.get("/portal/v1/events?limit=1").await;
    let cursor = page["nextCursor"].as_str().expect("a cursor");
    for path in [
        format!("/portal/v1/events?limit=1&type=lead.created&cursor={cursor}"),
        format!("/portal/v1/deliveries?cursor={cursor}"),
        "/portal/v1/events?cursor=bm90IG91cnM".to_owned(),
        "/portal/v1/trips?cursor=%21".to_owned(),
    ] {
        let answer = scene.call("GET", &path, None).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (400, Some("invalid_cursor")), "{path}");
    }
    for (path, field) in [
        ("/portal/v1/deliveries?state=lost", "state"),
        ("/portal/v1/attempts?outcome=maybe", "outcome"),
        ("/portal/v1/requests?class=4", "class"),
        ("/portal/v1/requests?caller=nobody", "caller"),
        ("/portal/v1/events?type=Lead.Created", "type"),
        ("/portal/v1/trips?limit=201", "limit"),
        ("/portal/v1/stats?since=2020-01-01T00:00:00Z", "since"),
    ] {
        let answer = scene.call("GET", path, None).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (400, Some("validation_failed")), "{path}");
        assert!(answer.json()["errors"][field].is_array(), "{}", answer.json());
    }
}

#[tokio::test]
async fn filters_of_logs_select_the_matching_rows() {
    let scene = Scene::new().await;
    let (first, second) = (scene.subscribe(&["lead.created"]).await, scene.subscribe(&["client.created"]).await);
    let lead = scene.emit(EventType::LeadCreated).await;
    scene.attempted(1).await;
    scene.receiver.becomes(&[Behaviour::Status(503)]);
    scene.platform.advance(Duration::from_secs(1));
    let later = scene.platform.ambient.now();
    let client = scene.emit(EventType::ClientCreated).await;
    scene.attempted(2).await;
    let rows = async |query: String| {
        let page = scene.get(&query).await;
        page["items"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| row["eventId"].as_i64().expect("an event"))
            .collect::<Vec<_>>()
    };
    let cases = [
        ("deliveries", format!("subscription={first}"), vec![lead]),
        ("deliveries", format!("event={client}"), vec![client]),
        ("deliveries", "type=client.created".to_owned(), vec![client]),
        ("deliveries", "state=succeeded".to_owned(), vec![lead]),
        ("deliveries", format!("since={later}"), vec![client]),
        ("deliveries", format!("until={later}"), vec![lead]),
        ("deliveries", format!("company={}", scene.company.id), vec![client, lead]),
        ("deliveries", "company=999".to_owned(), vec![]),
        ("attempts", format!("subscription={second}"), vec![client]),
        ("attempts", format!("event={lead}"), vec![lead]),
        ("attempts", format!("event={lead}&subscription={second}"), vec![]),
        ("attempts", "outcome=failure".to_owned(), vec![client]),
        ("attempts", "outcome=success".to_owned(), vec![lead]),
        ("attempts", "status=503".to_owned(), vec![client]),
        ("attempts", "q=127.0.0".to_owned(), vec![client, lead]),
        ("attempts", "q=nowhere".to_owned(), vec![]),
        ("attempts", format!("type=lead.created&company={}&outcome=failure", scene.company.id), vec![]),
    ];
    for (list, query, expected) in cases {
        assert_eq!(rows(format!("/portal/v1/{list}?{query}")).await, expected, "{list}?{query}");
    }
    let page = scene.get(&format!("/portal/v1/deliveries?event={client}")).await;
    let detail = scene.get(&format!("/portal/v1/deliveries/{}", ids(&page)[0])).await;
    assert_eq!((&detail["state"], &detail["nAttempts"]), (&json!("pending"), &json!(1)));
    assert_eq!(detail["attempts"][0]["statusCode"], 503);
    assert!(detail["dueUtc"].is_string());
    assert_eq!(scene.call("GET", "/portal/v1/deliveries/999", None).await.status, 404);
}

#[tokio::test]
async fn a_trace_explains_for_every_subscription_why_it_has_a_delivery_or_none() {
    let scene = Scene::new().await;
    let matched = scene.subscribe(&["lead.created"]).await;
    let disabled = scene.subscribe(&["lead.created"]).await;
    let other = scene.subscribe(&["client.created"]).await;
    let (gone, left) = (scene.subscribe(&["lead.created"]).await, scene.subscribe(&["client.created"]).await);
    scene.delete(gone).await;
    scene.platform.advance(Duration::from_secs(1));
    scene
        .platform
        .operator()
        .change(changes::DISABLE_SUBSCRIPTION.at(disabled), &DisableSubscription::default())
        .await
        .expect("disabled");
    let event = scene.emit(EventType::LeadCreated).await;
    scene.attempted(1).await;
    scene.platform.advance(Duration::from_secs(1));
    let late = scene.subscribe(&["lead.created"]).await;
    for id in [left, matched] {
        scene.delete(id).await;
    }
    let trace = scene.get(&format!("/portal/v1/events/{event}/trace")).await;
    let verdicts: Vec<(i64, &str)> = trace["subscriptions"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| (row["subscriptionId"].as_i64().expect("a number"), row["verdict"].as_str().expect("a word")))
        .collect();
    assert_eq!(
        verdicts,
        [
            (matched.0, "matched"),
            (disabled.0, "disabled"),
            (other.0, "other_type"),
            (gone.0, "deleted"),
            (left.0, "other_type"),
            (late.0, "created_later")
        ]
    );
    assert_eq!(trace["subscriptions"][0]["delivery"]["state"], "succeeded");
    let was_there = trace["subscriptions"][0]["targetUrl"].as_str().expect("a target");
    assert!(was_there.starts_with("http://127.0.0.1"), "a deleted subscription keeps its target: {was_there}");
    let forget = "DELETE FROM attempts; DELETE FROM deliveries";
    scene.platform.database().execute_batch(forget).expect("forgotten");
    let later = scene.get(&format!("/portal/v1/events/{event}/trace")).await;
    assert_eq!(later["subscriptions"][0]["verdict"], "forgotten");
    assert_eq!(trace["event"]["nDeliveries"], 2);
    assert_eq!(scene.call("GET", "/portal/v1/events/999/trace", None).await.status, 404);
}

#[tokio::test]
async fn requests_are_logged_with_their_code_and_counted_by_route_and_caller() {
    let scene = Scene::new().await;
    let poor = scene.platform.key(&scene.company, &[KeyScope::EventsRead, KeyScope::Admin]).await;
    let plain = [("x-api-key", poor.reveal()), ("user-agent", "probe/1")];
    assert_eq!(scene.platform.call("GET", "/api/v1/events", &plain, None).await.status, 200);
    assert_eq!(scene.platform.call("GET", "/api/v1/webhooks/subscriptions", &plain, None).await.status, 403);
    assert_eq!(scene.platform.call("GET", "/api/v1/events", &[], None).await.status, 401);
    let written = async || {
        scene.platform.advance(Duration::from_millis(200));
        ids(&scene.get("/portal/v1/requests?limit=200").await).len() >= 3
    };
    scene.platform.until("the requests are written down", written).await;
    let log = scene.get("/portal/v1/requests?code=insufficient_scope").await;
    let row = &log["items"][0];
    assert_eq!((&row["status"], &row["route"]), (&json!(403), &json!("/api/v1/webhooks/subscriptions")));
    assert_eq!(row["last4"], poor.last4());
    let key = row["keyId"].as_i64().expect("a key");
    assert_eq!(ids(&scene.get(&format!("/portal/v1/requests?key={key}")).await).len(), 2);
    assert_eq!(ids(&scene.get("/portal/v1/requests?status=401").await).len(), 1);
    let counted = |code: &str| {
        log["lastHour"].as_array().expect("counts").iter().find(|of| of["code"] == code).map(|of| of["n"].clone())
    };
    assert_eq!((counted("missing_key"), counted("insufficient_scope")), (Some(json!(1)), Some(json!(1))));
    let usage = scene.get(&format!("/portal/v1/keys/{key}/usage")).await;
    assert_eq!(usage["neverUsed"], json!(["admin"]));
    let limits = scene.get("/portal/v1/limits").await;
    let window = limits["items"]
        .as_array()
        .expect("rows")
        .iter()
        .find(|row| row["keyId"] == key && row["bucket"] == "read")
        .expect("its read window");
    assert_eq!(window["callers"][0]["userAgent"], "probe/1");
    assert_eq!(window["callers"][0]["address"], "127.0.0.1");
    assert_eq!(window["topRoutes"].as_array().map(Vec::len), Some(2));
}

/// Waits until the log has `n` rows, and returns them, newest first.
async fn logged(scene: &Scene, n: usize) -> Vec<Value> {
    let read = async || scene.get("/portal/v1/requests?limit=200").await["items"].as_array().cloned().expect("rows");
    let written = async || {
        scene.platform.advance(Duration::from_millis(200));
        read().await.len() >= n
    };
    scene.platform.until("the requests are written down", written).await;
    read().await
}

/// Headers of a row's answer as lines.
fn headers(row: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let headers = row["answerHeaders"].as_array().expect("headers").iter();
    headers.map(|of| format!("{}: {}", text(&of["name"]), text(&of["value"]))).collect()
}

#[tokio::test]
async fn a_refusal_keeps_the_headers_of_its_answer_and_a_success_keeps_none() {
    let scene = Scene::new().await;
    let poor = scene.platform.key(&scene.company, &[KeyScope::EventsRead]).await;
    let own = [("x-api-key", poor.reveal()), ("x-request-id", "mine-1")];
    assert_eq!(scene.platform.call("GET", "/api/v1/events", &own, None).await.status, 200);
    let refused = scene.platform.call("GET", "/api/v1/webhooks/subscriptions", &own, None).await;
    assert_eq!(refused.status, 403);
    for _ in 0..60 {
        scene.platform.call("GET", "/api/v1/events", &own, None).await;
    }
    let rows = logged(&scene, 62).await;
    let of = |status: u64| rows.iter().find(|row| row["status"] == status).expect("a row");
    assert_eq!(of(200)["answerHeaders"], Value::Null);
    let lines = headers(of(403));
    for name in ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-Request-Id", "Content-Type"] {
        let line = format!("{name}: {}", refused.header(&name.to_ascii_lowercase()));
        assert!(lines.contains(&line), "{line} in {lines:?}");
    }
    let lines = headers(of(429));
    assert!(lines[0].starts_with("Retry-After: ") && lines.iter().any(|line| line.contains("Policy")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains(poor.reveal())));
}

#[tokio::test]
async fn the_log_has_the_problem_document_that_the_caller_got() {
    let scene = Scene::new().await;
    let poor = scene.platform.key(&scene.company, &[KeyScope::EventsRead]).await;
    let subscription = scene.subscribe(&["lead.created"]).await;
    let subscriptions = "/api/v1/webhooks/subscriptions";
    let (own, poor, not_a_key) = (Some(scene.key.reveal()), Some(poor.reveal()), Some("wlcro_live_x"));
    let unknown = format!("wlcro_live_{}_{}", scene.company.id, "A".repeat(43));
    let one = format!("{subscriptions}/{subscription}");
    let many: Vec<String> = (0..90).map(|n| format!("\"field{n}\": {n}")).collect();
    let many = format!("{{{}}}", many.join(","));
    let calls = [
        ("GET", subscriptions, poor, None),
        ("GET", "/api/v1/events", None, None),
        ("GET", "/api/v1/events?apiKey=1", None, None),
        ("GET", "/api/v1/events", not_a_key, None),
        ("GET", "/api/v1/events", Some(unknown.as_str()), None),
        ("GET", "/api/v1/events?limit=0&type=Lead.Created", own, None),
        ("GET", "/api/v1/events?cursor=other", own, None),
        ("GET", "/api/v1/webhooks/subscriptions/999", own, None),
        ("PUT", one.as_str(), own, Some("{}")),
        ("POST", subscriptions, own, Some("{\"targetUrl\": 7, \"eventTypes\": [\"x\"]}")),
        ("POST", subscriptions, own, Some("{\"targetUrl\": ")),
        ("POST", "/api/v1/integrations/leads", own, Some("{\"email\": 5}")),
        ("PATCH", one.as_str(), own, Some(many.as_str())),
    ];
    let mut answers = Vec::new();
    for (method, path, key, body) in calls {
        let mut headers = vec![super::JSON];
        headers.extend(key.map(|key| ("x-api-key", key)));
        let answer = scene.platform.call(method, path, &headers, body).await;
        assert!(
            answer.status >= 400 || !answer.header("x-ignored-fields").is_empty(),
            "{method} {path}: {}",
            answer.status
        );
        answers.push(answer.json());
    }
    let codes: std::collections::BTreeSet<&str> = answers.iter().filter_map(|answer| answer["code"].as_str()).collect();
    assert!(codes.len() >= 8, "{codes:?}");
    let rows = logged(&scene, calls.len()).await;
    for answer in answers.iter().filter(|answer| answer["code"].is_string()) {
        let row = rows.iter().find(|row| row["requestId"] == answer["requestId"]).expect("a row");
        assert_eq!(&row["problem"], answer);
    }
    assert!(rows.iter().filter(|row| row["status"].as_u64() < Some(400)).all(|row| row["problem"].is_null()));
}

#[tokio::test]
async fn a_wrong_method_is_logged_under_its_route_and_its_key_and_answered_as_before() {
    let scene = Scene::new().await;
    let revoked = scene.platform.key(&scene.company, &[KeyScope::EventsRead]).await;
    let row = scene.platform.operator().keys().await.expect("keys").items;
    let id = row.iter().find(|row| row.last4.raw() == revoked.last4()).expect("its row").id;
    scene.platform.operator().change(changes::REVOKE_KEY.at(id), &NoBody {}).await.expect("revoked");
    let anonymous = scene.platform.call("PUT", "/api/v1/events", &[], None).await;
    let of_key = scene.platform.call("PUT", "/api/v1/events", &[("x-api-key", scene.key.reveal())], None).await;
    let of_revoked = scene.platform.call("PUT", "/api/v1/events", &[("x-api-key", revoked.reveal())], None).await;
    let twice = [("x-api-key", scene.key.reveal()), ("x-api-key", revoked.reveal())];
    let of_two = scene.platform.call("PUT", "/api/v1/events", &twice, None).await;
    for answer in [&of_key, &of_revoked, &of_two] {
        assert_eq!((answer.status, answer.header("allow")), (405, anonymous.header("allow")));
        assert_eq!(answer.header("x-ratelimit-limit"), anonymous.header("x-ratelimit-limit"), "no window is used");
        assert_eq!(answer.json()["code"], anonymous.json()["code"]);
    }
    let rows = logged(&scene, 4).await;
    assert!(rows.iter().all(|row| row["route"] == "/api/v1/events" && row["status"] == 405), "{rows:?}");
    let keys: Vec<&str> = rows.iter().filter_map(|row| row["last4"].as_str()).collect();
    assert_eq!(keys, [scene.key.last4()], "{rows:?}");
    assert!(headers(&rows[0]).iter().any(|line| line == "Content-Type: application/problem+json"), "{rows:?}");
    let used = scene.platform.operator().keys().await.expect("keys").items;
    assert!(used.iter().all(|row| row.last_used_utc.is_none()), "a call that no route takes is no use of a key");
}

#[tokio::test]
async fn time_series_have_no_gaps_and_add_up() {
    let scene = Scene::new().await;
    let subscription = scene.subscribe(&["lead.created"]).await;
    for _ in 0..3 {
        scene.emit(EventType::LeadCreated).await;
    }
    scene.attempted(3).await;
    for query in ["span=minute".to_owned(), format!("span=minute&subscription={subscription}"), "span=hour".to_owned()]
    {
        let stats = scene.get(&format!("/portal/v1/stats?{query}")).await;
        let points = stats["attempts"].as_array().expect("points");
        assert_eq!(points.len(), 60, "{query}");
        assert_eq!(points.last().expect("a point")["nOk"], 3, "{query}");
        assert_eq!(stats["requests"].as_array().map(Vec::len), Some(60));
    }
}

#[tokio::test]
async fn an_event_is_answered_with_the_bytes_that_were_sent() {
    let scene = Scene::new().await;
    scene.subscribe(&["lead.created"]).await;
    scene.emit(EventType::LeadCreated).await;
    let sent = scene.receiver.received(1).await;
    let id = ids(&scene.get("/portal/v1/events").await)[0];
    let event = scene.get(&format!("/portal/v1/events/{id}")).await;
    assert_eq!(event["envelope"]["text"].as_str().map(str::as_bytes), Some(&sent[0].body[..]));
    assert_eq!((&event["type"], &event["nDeliveries"]), (&json!("lead.created"), &json!(1)));
    assert_eq!(scene.call("GET", "/portal/v1/events/999", None).await.status, 404);
}

/// Rows as large as earlier versions left them, and characters that become six bytes each.
#[tokio::test]
async fn a_page_of_a_log_ends_at_four_mebibytes_in_both_directions() {
    const MAX_PAGE: usize = 4 << 20;
    let scene = Scene::new().await;
    let database = scene.platform.database();
    let now = scene.platform.ambient.now().millis();
    for n in 0..60_usize {
        let method =
            ["GET".to_owned(), "A".repeat(400_000), "\u{1}".repeat(150_000), "\"".repeat(800_000)][n % 4].clone();
        let values = rusqlite::params![now, method, format!("r{n}")];
        let sql = "INSERT INTO requests (at, method, route, status, request_id, elapsed_ms) VALUES (?1, ?2, '(none)', 404, ?3, 1)";
        database.execute(sql, values).expect("a row");
    }
    let page = async |cursor: &str| {
        let header = format!("Bearer {}", scene.token.reveal());
        let path = format!("/portal/v1/requests?limit=200{cursor}");
        let answer = scene.platform.call("GET", &path, &[("authorization", &header)], None).await;
        assert!(answer.body.len() <= MAX_PAGE + 10_000, "{} bytes", answer.body.len());
        answer.json()
    };
    let (mut older, mut n_pages, mut next) = (page("").await, 1, String::new());
    let mut seen = ids(&older);
    while older["hasMore"] == true {
        next = older["nextCursor"].as_str().expect("a cursor").to_owned();
        older = page(&format!("&cursor={next}")).await;
        assert!(!ids(&older).is_empty());
        seen.extend(ids(&older));
        n_pages += 1;
    }
    assert!(n_pages > 5, "{n_pages} pages");
    let descending: Vec<i64> = (1..=60).rev().collect();
    assert_eq!(seen, descending, "each once, newest first");
    // And back up from the oldest page.
    let (mut back, mut newer) = (ids(&older), older);
    loop {
        let cursor = newer["previousCursor"].as_str().expect("a cursor").to_owned();
        newer = page(&format!("&cursor={cursor}")).await;
        back.splice(0..0, ids(&newer));
        if newer["hasMore"] == false {
            break;
        }
    }
    assert_eq!(back, descending, "{next}");
}
