//! Malformed requests: fragments times routes. Each must be refused with a 4xx that carries a request id, and never repeat the key.

use super::{JSON, Partner};
use crate::support::platform::Answer;
use crow::server::guard::RouteAccess;
use crow::server::router::table;
use http_body_util::StreamBody;
use hyper::body::{Bytes, Frame};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Malformed JSON bodies, each with the byte offset at which the fault is reported.
fn malformed() -> Vec<(String, u64)> {
    let mut bodies: Vec<(String, u64)> = [
        ("", 0),
        (" ", 1),
        ("{", 1),
        ("}", 0),
        ("{\"a\"", 4),
        ("{\"a\":", 5),
        ("{\"a\":1", 6),
        ("{\"a\":1,}", 7),
        ("{\"a\":1 \"b\":2}", 7),
        ("{a:1}", 1),
        ("{'a':1}", 1),
        ("{\"a\":1}{", 7),
        ("{\"a\":tru}", 5),
        ("{\"a\":01}", 6),
        ("{\"a\":+1}", 5),
        ("{\"a\":\"\\q\"}", 6),
        ("{\"a\":\"\u{1}\"}", 6),
        ("{\"first_name\":\"a\",\"first_name\":\"b\"}", 18),
        ("\u{feff}{}", 0),
        ("<xml/>", 0),
        ("a=1&b=2", 0),
    ]
    .map(|(body, offset)| (body.to_owned(), offset))
    .into();
    bodies.push((format!("{}1{}", "[".repeat(65), "]".repeat(65)), 64));
    bodies.push(("{\"a\":".repeat(70), 64 * 5));
    bodies
}

#[track_caller]
fn check(answer: &Answer, secret: &str, what: &str) {
    assert!((400..500).contains(&answer.status), "{what}: {}", answer.status);
    assert!(!answer.header("x-request-id").is_empty(), "{what}");
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    let mut seen = String::from_utf8_lossy(&answer.body).into_owned();
    for (name, value) in &answer.headers {
        let _ = write!(seen, "\n{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    assert!(!seen.contains(secret), "{what} repeats the key");
}

#[tokio::test]
async fn malformed_bodies_are_refused_on_every_route_with_a_body() {
    let partner = Partner::start().await;
    let own = [JSON, ("x-api-key", partner.key.reveal())];
    let mut n = 0;
    for route in table() {
        let takes_body = route.method == "POST" || route.method == "PATCH";
        if !matches!(route.access, RouteAccess::Key(..)) || !takes_body {
            continue;
        }
        for (body, offset) in malformed() {
            let path = route.path.replace("{id}", "1");
            let answer = partner.platform.call(route.method.as_str(), &path, &own, Some(&body)).await;
            let what = format!("{} {path} {}", route.method, body.chars().take(40).collect::<String>());
            check(&answer, partner.key.reveal(), &what);
            let problem = answer.json();
            assert_eq!((&problem["code"], &problem["offset"]), (&"malformed_json".into(), &offset.into()), "{what}");
            n += 1;
        }
    }
    assert!(n >= 200, "{n} cases are too few");
}

#[tokio::test]
async fn values_of_a_wrong_type_and_keys_are_refused_in_every_field() {
    let partner = Partner::start().await;
    let own = [JSON, ("x-api-key", partner.key.reveal())];
    let secret = format!("\"{}\"", partner.key.reveal());
    let long = format!("\"{}\"", "x".repeat(20_000));
    let values = ["1e999", "-1", "[]", "{}", "[[]]", "true", "\"\"", "\"\\ud800\"", &secret, &long];
    let fields = [
        ("POST", "/integrations/leads", ["first_name", "phone", "affiliate_id"]),
        ("POST", "/integrations/clients", ["email", "status", "status_id"]),
        ("PATCH", "/integrations/clients/1", ["state", "zip", "employee_id"]),
        ("PATCH", "/integrations/leads/1/status", ["new_status", "new_status_id", "changed_by_employee_id"]),
        ("POST", "/integrations/clients/1/notes", ["note_type", "visibility", "text"]),
        ("POST", "/integrations/affiliates", ["commission_rate", "email", "affiliate_code"]),
        ("POST", "/webhooks/subscriptions", ["targetUrl", "eventTypes", "managedBy"]),
        ("PATCH", "/webhooks/subscriptions/1", ["targetUrl", "eventTypes", "isEnabled"]),
        ("POST", "/webhooks/subscriptions/1/test", ["eventType", "samplePayload", "statusOverride"]),
        ("POST", "/events/test", ["eventType", "payload", "wlcro_live_1_x"]),
    ];
    let mut n = 0;
    for (method, path, fields) in fields {
        for field in fields {
            for value in values {
                let body = format!("{{\"{field}\":{value}}}");
                let answer = partner.platform.call(method, &format!("/api/v1{path}"), &own, Some(&body)).await;
                check(&answer, partner.key.reveal(), &format!("{method} {path} {field}"));
                n += 1;
            }
        }
    }
    assert!(n >= 200, "{n} cases are too few");
}

#[tokio::test]
async fn malformed_queries_paths_and_headers_are_refused() {
    let partner = Partner::start().await;
    let key = partner.key.reveal();
    let long = "x".repeat(9_000);
    let queries = [
        "/events?limit=0",
        "/events?limit=201",
        "/events?limit=-1",
        "/events?limit=x",
        "/events?limit=1&limit=2",
        "/events?cursor=%ff",
        "/events?since=yesterday",
        "/events?until=1",
        "/events?type=Lead.Created",
        "/events?type=lead.created,,x",
        "/webhooks/subscriptions?isEnabled=maybe",
        "/webhooks/subscriptions?limit=999",
        "/webhooks/subscriptions/x",
        "/webhooks/subscriptions/99999999999999999999",
        "/webhooks/subscriptions/-1",
        "/integrations/clients/search",
        "/integrations/clients/find?email=",
        "/integrations/clients/search?client_id=one",
        "/integrations/leads/search?phone=abc",
        "/integrations/leads/search?email=a&email=b",
        "/integrations/leads/search?external_id=",
        "/nothing",
        "//events",
        "/events/",
        "/events/%00",
    ];
    let own = ("x-api-key", key);
    for query in queries {
        let answer = partner.platform.call("GET", &format!("/api/v1{query}"), &[own], None).await;
        check(&answer, key, query);
    }
    let heads: [(&str, &str, u16); 6] = [
        ("x-filler", &"x".repeat(33 * 1024), 431),
        ("accept", "text/html", 406),
        ("accept", "application/json;q=0", 406),
        ("x-api-key", "\u{e9}", 401),
        ("x-request-id", key, 404),
        ("x-request-id", "a b", 404),
    ];
    for (name, value, status) in heads {
        let path = if status == 404 { "/api/v1/nothing" } else { "/api/v1/events" };
        let headers: Vec<(&str, &str)> =
            if name == "x-api-key" { vec![(name, value)] } else { vec![own, (name, value)] };
        let answer = partner.platform.call("GET", path, &headers, None).await;
        check(&answer, key, name);
        assert_eq!(answer.status, status, "{name}");
    }
    let answer = partner.platform.call("GET", &format!("/api/v1/events?x={long}"), &[own], None).await;
    check(&answer, key, "a long URL");
    assert_eq!(answer.status, 414);
    for welcome in ["*/*", "application/*", "text/html, application/json;q=0.1", "application/problem+json", ""] {
        let answer = partner.platform.call("GET", "/api/v1/events", &[own, ("accept", welcome)], None).await;
        assert_eq!(answer.status, 200, "{welcome}");
    }
}

#[tokio::test]
async fn a_body_without_a_content_length_is_refused_once_it_is_too_large() {
    const CHUNKS: usize = 16_384;
    let partner = Partner::start().await;
    let n_taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&n_taken);
    let chunks = (0..CHUNKS).map(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        Ok::<_, std::io::Error>(Frame::data(Bytes::from(vec![b' '; 64 * 1024])))
    });
    let body = reqwest::Body::wrap(StreamBody::new(futures_util::stream::iter(chunks)));
    let request = partner.platform.http.post(format!("{}/api/v1/integrations/leads", partner.platform.address));
    let sent = request.header("x-api-key", partner.key.reveal()).header(JSON.0, JSON.1).body(body).send().await;
    // Whether the answer arrives before the connection ends is a race that the kernel decides; that the server stops reading is not.
    if let Ok(response) = sent {
        assert_eq!(response.status(), 413);
    }
    assert!(n_taken.load(Ordering::Relaxed) < CHUNKS / 10, "most of it was never read");
    partner.expect("GET", "/events", serde_json::Value::Null, 200).await;
}

#[tokio::test]
async fn ignored_fields_are_named_unless_their_names_are_unsafe() {
    let partner = Partner::start().await;
    let lead = r#"{"first_name":"Ada","last_name":"Byron","email":"a@example.com","Phone":"1","x y":1,"é":2,"nick.name":3,"wlcro_live_1_x":4}"#;
    let own = [JSON, ("x-api-key", partner.key.reveal())];
    let answer = partner.platform.call("POST", "/api/v1/integrations/leads", &own, Some(lead)).await;
    assert_eq!((answer.status, answer.header("x-ignored-fields")), (201, "Phone,nick.name"));
    let answer = partner.platform.call("POST", "/api/v1/integrations/leads", &own, Some(super::LEAD)).await;
    assert_eq!((answer.status, answer.headers.get("x-ignored-fields")), (201, None));
    let refused =
        partner.platform.call("POST", "/api/v1/integrations/leads", &own, Some(r#"{"firstName":"Ada"}"#)).await;
    assert_eq!((refused.status, refused.header("x-ignored-fields")), (400, "firstName"));
}
