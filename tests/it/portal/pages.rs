//! Pages of all lists end at their bytes, and say where to go on.

use super::Scene;
use crate::support::platform::Platform;
use crow::domain::event::EventType;
use crow::server::guard::RouteAccess;
use crow::server::router::table;
use crow::wire::changes;
use crow::wire::events::NewEvent;
use serde_json::value::RawValue;
use std::collections::BTreeSet;

/// Maximum size of a page in bytes, with the members around its rows.
const MAX_PAGE: usize = (4 << 20) + 10_000;
/// Rows that are planted in each table, and bytes of the text of each: as large as earlier versions or another program may have left them.
const N_ROWS: usize = 9;
const TEXT: usize = 900_000;
/// Lists whose rows have no text chosen by a caller.
const NUMBERS_ALONE: [&str; 3] = ["/portal/v1/deliveries", "/portal/v1/events", "/portal/v1/audit"];

/// Large rows in every table that a list reads. `?1` is the row's number, `?2` its text.
const PLANTED: [&str; 10] = [
    "INSERT INTO companies (name, created_at) VALUES (?1 || ?2, 0)",
    "INSERT INTO keys (company_id, name, hash, last4, scopes, created_at)
     SELECT company_id, ?1 || ?2, randomblob(32), last4, scopes, created_at FROM keys WHERE id = 1",
    "INSERT INTO operators (name, role, hash, created_at) SELECT ?1 || ?2, role, randomblob(32), created_at FROM operators WHERE id = 1",
    "INSERT INTO subscriptions (company_id, target_url, event_types, secret, created_at, updated_at)
     SELECT company_id, target_url || ?1 || ?2, event_types, secret, created_at, updated_at FROM subscriptions WHERE id = 1",
    "UPDATE subscriptions SET description = ?1 || ?2 WHERE id = 1",
    "INSERT INTO acknowledgements (subject, state, at, by, note) SELECT 'subscription ' || (?1 + 1), 'err', created_at, '', ?2 FROM subscriptions WHERE id = 1",
    "INSERT INTO trips (subscription_id, company_id, target_url, tripped_at, causes)
     SELECT id, company_id, target_url || ?1 || ?2, created_at, '[]' FROM subscriptions WHERE id = 1",
    "INSERT INTO replays (subscription_id, company_id, state, since_at, until_at, states, per_second, requested_by, created_at)
     SELECT id, company_id, 'finished', 0, 0, 'missed', 1, ?1 || ?2, created_at FROM subscriptions WHERE id = 1",
    "INSERT INTO attempts (company_id, subscription_id, target_url, event_type, kind, number, started_at, elapsed_ms, status, request_headers,
         response_headers, response_body, n_response_bytes)
     SELECT company_id, id, target_url || ?1 || ?2, 'lead.created', 'test', 1, created_at, 1, 200, '[]', '[]', x'', 0 FROM subscriptions WHERE id = 1",
    "INSERT INTO requests (at, method, route, status, request_id, elapsed_ms) VALUES (?1, ?2, '(none)', 404, ?1, 1)",
];

/// Reads a list to its end, asserts that every row comes once, and returns the number of pages.
async fn n_pages(platform: &Platform, path: &str, credential: (&str, &str)) -> usize {
    let (mut seen, mut n, mut cursor) = (BTreeSet::new(), 0, String::new());
    loop {
        let answer = platform.call("GET", &format!("{path}?limit=200{cursor}"), &[credential], None).await;
        assert_eq!(
            answer.status,
            200,
            "{path}: {}",
            String::from_utf8_lossy(&answer.body[..answer.body.len().min(500)])
        );
        assert!(answer.body.len() <= MAX_PAGE, "{path}: {} bytes", answer.body.len());
        let page = answer.json();
        let rows = if path.ends_with("/trace") { &page["subscriptions"] } else { &page["items"] };
        for row in rows.as_array().expect("rows") {
            assert!(seen.insert(row.to_string()), "{path}: a row came twice");
        }
        n += 1;
        assert!(n < 100, "{path} has an end");
        if page["hasMore"] == false {
            return n;
        }
        cursor = format!("&cursor={}", page["nextCursor"].as_str().expect("where there is more there is a cursor"));
    }
}

#[tokio::test]
async fn a_page_of_any_list_ends_at_four_mebibytes_with_a_cursor() {
    let scene = Scene::new().await;
    scene.subscribe(&["lead.created"]).await;
    scene.emit(EventType::LeadCreated).await;
    scene.attempted(1).await;
    for _ in 0..N_ROWS {
        let payload = format!(r#"{{"source":"{}"}}"#, "x".repeat(TEXT));
        let payload = Some(RawValue::from_string(payload).expect("JSON"));
        let event = NewEvent { company_id: scene.company.id, kind: EventType::ClientCreated, payload, metadata: None };
        scene.platform.operator().change(&changes::EMIT_EVENT, &event).await.expect("an event");
    }
    let document = scene.get("/openapi.json").await;
    let Scene { platform, key, .. } = scene;
    let plant = |dir: &std::path::Path| {
        let database = rusqlite::Connection::open(dir.join("platform.db")).expect("a database");
        database.execute_batch("BEGIN").expect("begun");
        for sql in PLANTED {
            for n in 0..N_ROWS {
                let text = ["x", "é", "\"", "\\"][n % 4].repeat(TEXT / [1, 2, 1, 1][n % 4]);
                database.execute(sql, rusqlite::params![i64::try_from(n).expect("few"), text]).expect(sql);
            }
        }
        database.execute_batch("COMMIT").expect("written");
    };
    let platform = platform.restart_after(plant).await;
    let bearer = format!("Bearer {}", platform.token().reveal());
    let mut n_lists = 0;
    for route in table().into_iter().filter(|route| route.method == "GET") {
        let parameters = document["paths"][route.path]["get"]["parameters"].as_array().cloned().unwrap_or_default();
        if !parameters.iter().any(|of| of["name"] == "cursor") {
            continue;
        }
        let credential = match route.access {
            RouteAccess::Operator(_) => ("authorization", bearer.as_str()),
            _ => ("x-api-key", key.reveal()),
        };
        let n = n_pages(&platform, &route.path.replace("{id}", "1"), credential).await;
        assert_eq!(n > 1, !NUMBERS_ALONE.contains(&route.path), "{} has {n} pages", route.path);
        n_lists += 1;
    }
    assert!(n_lists >= 17, "{n_lists} lists");
}
