//! The edge of every surface: heads that are taken and refused, what answers say about themselves, and who is taken for the caller.

use super::{JSON, LEAD, Partner};
use crate::support::platform::within;
use crow::domain::proxy::TrustedProxies;
use crow::http::exposure::{ProxyMode, ServerExposure, parse_name};
use crow::server::guard::RouteAccess;
use crow::server::router::table;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Answer with its head as it was received.
struct Raw {
    status: u16,
    head: String,
    body: Value,
}

impl Raw {
    fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// Sends a request to the letter; the connection ends with its answer.
async fn send(address: &str, request: &str) -> Raw {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut bytes = Vec::new();
    within("an answer", stream.read_to_end(&mut bytes)).await.expect("an answer");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Raw { status, head: head.to_ascii_lowercase(), body: serde_json::from_str(body).unwrap_or(Value::Null) }
}

/// A request with these lines in its head, and a body.
fn request(line: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!("{line} HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn single_headers_that_are_sent_twice_are_refused() {
    let partner = Partner::start().await;
    let address = &partner.platform.address;
    let key = format!("X-Api-Key: {}", partner.key.reveal());
    let token = format!("Authorization: Bearer {}", partner.platform.token().reveal());
    let (host, json) = ("Host: localhost", "Content-Type: application/json");
    let post = "POST /api/v1/integrations/leads";
    let cases: [(&str, &[&str], u16, &str, &str); 9] = [
        (post, &[host, json, &key, &key], 401, "malformed_key", "sent twice"),
        (post, &[host, json, &key, "X-Api-Key: wlcro_live_1_x"], 401, "malformed_key", "sent twice"),
        (post, &[host, json, json, &key], 400, "malformed_request", "Content-Type is sent twice"),
        (
            post,
            &[host, json, &key, "Idempotency-Key: a", "Idempotency-Key: a"],
            400,
            "malformed_request",
            "Idempotency-Key is sent twice",
        ),
        (post, &[host, host, json, &key], 400, "malformed_request", "Host is sent twice"),
        (post, &[json, &key], 400, "malformed_request", "Host is missing"),
        ("GET /portal/v1/keys", &[host, &token, &token], 400, "malformed_request", "Authorization is sent twice"),
        ("GET /healthz", &[], 400, "malformed_request", "Host is missing"),
        ("GET /healthz", &["Host: evil.example"], 421, "misdirected_request", "--public-name"),
    ];
    for (line, headers, status, code, words) in cases {
        let body = if line.starts_with("POST") { LEAD } else { "" };
        let answer = send(address, &request(line, headers, body)).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{line} {headers:?}");
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(words) && answer.head.contains("x-request-id: "), "{detail}");
    }
    assert_eq!(partner.told().await, [], "nothing was created");
    let once = send(address, &request(post, &[host, json, &key, "Idempotency-Key: a"], LEAD)).await;
    assert_eq!(once.status, 201);
}

#[tokio::test]
async fn an_authentication_scheme_is_case_insensitive_and_may_be_followed_by_spaces() {
    let partner = Partner::start().await;
    let token = partner.platform.token();
    let token = token.reveal();
    let cases = [
        (format!("Bearer {token}"), 200),
        (format!("bearer {token}"), 200),
        (format!("BEARER   {token}"), 200),
        (format!("Bearer{token}"), 401),
        (format!("Basic {token}"), 401),
        (token.to_owned(), 401),
        ("Bearer ".to_owned(), 401),
    ];
    for (value, status) in cases {
        let answer = partner.platform.call("GET", "/portal/v1/keys", &[("authorization", &value)], None).await;
        assert_eq!(answer.status, status, "{}", value.replace(token, "TOKEN"));
    }
}

#[tokio::test]
async fn compressed_bodies_and_byte_order_marks_are_refused_by_name() {
    let partner = Partner::start().await;
    let key = ("x-api-key", partner.key.reveal());
    let path = "/api/v1/integrations/leads";
    for (encoding, status) in [("gzip", 415), ("br", 415), ("identity, gzip", 415), ("Identity", 201)] {
        let headers = [JSON, key, ("content-encoding", encoding)];
        let answer = partner.platform.call("POST", path, &headers, Some(LEAD)).await;
        assert_eq!(answer.status, status, "{encoding}");
    }
    let marked = partner.platform.call("POST", path, &[JSON, key], Some(&format!("\u{feff}{LEAD}"))).await;
    assert_eq!((marked.status, &marked.json()["offset"]), (400, &Value::from(0)));
    assert!(marked.json()["detail"].as_str().is_some_and(|text| text.contains("byte order mark")));
}

#[tokio::test]
async fn every_answer_forbids_sniffing_and_authenticated_ones_forbid_caching() {
    let partner = Partner::start().await;
    let bearer = format!("Bearer {}", partner.platform.token().reveal());
    let mut n = 0;
    for route in table() {
        let path = route.path.replace("{id}", "1");
        if path.ends_with("/stream") {
            continue;
        }
        let credential = match route.access {
            RouteAccess::Public => ("accept", "*/*"),
            RouteAccess::Key(..) => ("x-api-key", partner.key.reveal()),
            RouteAccess::Operator(_) => ("authorization", bearer.as_str()),
        };
        for headers in [vec![], vec![credential], vec![JSON, credential]] {
            let body = (headers.len() == 2).then_some("{}");
            let answer = partner.platform.call(route.method.as_str(), &path, &headers, body).await;
            let what = format!("{} {path} {}", route.method, answer.status);
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
            let stored = if route.access == RouteAccess::Public { "" } else { "no-store" };
            assert_eq!(answer.header("cache-control"), stored, "{what}");
            n += 1;
        }
    }
    assert!(n > 150, "{n}");
    let bare = send(&partner.platform.address, "GET / HTTP/9.9\r\n\r\n").await;
    assert!(bare.status == 400 && bare.head.contains("x-content-type-options: nosniff"), "{}", bare.head);
}

/// A server behind a proxy that connects from one of these blocks.
fn behind(trusted: &[&str]) -> ServerExposure {
    let blocks = trusted.iter().map(|text| text.parse().expect("a block")).collect();
    let public_names = vec![parse_name("hooks.example.com").expect("a name")];
    ServerExposure { proxied: ProxyMode::Behind(TrustedProxies(blocks)), public_names }
}

#[tokio::test]
async fn only_a_trusted_proxy_sets_the_callers_address() {
    let partner = Partner::start().await;
    let trusting = partner.platform.served("127.0.0.1:0", behind(&["127.0.0.1", "10.0.0.0/8"])).await;
    let wary = partner.platform.served("127.0.0.1:0", behind(&["10.0.0.0/8"])).await;
    let direct = partner.platform.address.clone();
    let key = format!("X-Api-Key: {}", partner.key.reveal());
    let cases: [(&str, &[&str], &str); 7] = [
        (&trusting, &["X-Forwarded-For: 198.51.100.1, 203.0.113.1, 10.1.1.1"], "203.0.113.1"),
        (&trusting, &["X-Forwarded-For: 198.51.100.1", "X-Forwarded-For: 203.0.113.2"], "203.0.113.2"),
        (&trusting, &["Forwarded: for=198.51.100.1, for=\"[2001:db8::3]:99\""], "2001:db8::3"),
        (&trusting, &["X-Forwarded-For: 203.0.113.4", "Forwarded: for=198.51.100.1"], "203.0.113.4"),
        (&trusting, &["X-Forwarded-For: me"], "127.0.0.1"),
        (&wary, &["X-Forwarded-For: 203.0.113.5"], "127.0.0.1"),
        (&direct, &["X-Forwarded-For: 203.0.113.6"], "127.0.0.1"),
    ];
    for (n, (address, headers, caller)) in cases.into_iter().enumerate() {
        let agent = format!("User-Agent: case-{n}");
        let mut lines = vec!["Host: localhost", &key, &agent];
        lines.extend(headers);
        assert_eq!(send(address, &request("GET /api/v1/events", &lines, "")).await.status, 200);
        let operator = partner.platform.operator();
        partner
            .platform
            .until("the caller is counted", async || {
                let rows = operator.limits().await.expect("rows").items;
                let mut callers = rows.iter().flat_map(|row| row.callers.iter().flatten());
                let found = callers.find(|of| of.user_agent.raw() == format!("case-{n}"));
                if let Some(found) = found {
                    assert_eq!(found.address.raw(), caller, "{headers:?}");
                }
                partner.platform.advance(std::time::Duration::from_millis(100));
                found.is_some()
            })
            .await;
    }
}

#[tokio::test]
async fn metrics_need_no_token_only_without_a_proxy_and_a_public_name() {
    let partner = Partner::start().await;
    let token = partner.platform.token();
    let name = ServerExposure { public_names: behind(&[]).public_names, ..ServerExposure::default() };
    let cases = [
        (partner.platform.address.clone(), 200),
        (partner.platform.served("0.0.0.0:0", ServerExposure::default()).await, 401),
        (partner.platform.served("127.0.0.1:0", behind(&[])).await, 401),
        (partner.platform.served("127.0.0.1:0", behind(&["127.0.0.1"])).await, 401),
        (partner.platform.served("127.0.0.1:0", name).await, 401),
    ];
    for (n, (address, status)) in cases.into_iter().enumerate() {
        let bearer = format!("Authorization: Bearer {}", token.reveal());
        let anyone = send(&address, &request("GET /metrics", &["Host: localhost"], "")).await;
        let operator = send(&address, &request("GET /metrics", &["Host: localhost", &bearer], "")).await;
        assert_eq!((anyone.status, operator.status), (status, 200), "case {n}");
        let rebound = send(&address, &request("GET /metrics", &["Host: evil.example"], "")).await;
        assert_eq!(rebound.status, 421, "case {n}");
    }
}

/// Names of types that a partner need not know, and what a parser calls things.
const FOREIGN_WORDS: [&str; 22] = [
    "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "usize", "f32", "f64", "bool", "sequence", "struct", "enum",
    "map", "variant", "Option", "Vec", "unit", "boolean", "digit",
];

/// Values of each kind, as JSON.
const KINDS: [&str; 6] = ["7", "1.5", "true", "\"wrong\"", "[7]", "{\"a\":7}"];

#[tokio::test]
async fn errors_name_the_expected_type_in_words_for_every_field_and_parameter() {
    let partner = Partner::start().await;
    let document = partner.platform.call("GET", "/openapi.json", &[], None).await.json();
    let bearer = format!("Bearer {}", partner.platform.token().reveal());
    let mut n = (0, 0);
    for route in table() {
        let credential = match route.access {
            RouteAccess::Public => continue,
            RouteAccess::Key(..) => ("x-api-key", partner.key.reveal()),
            RouteAccess::Operator(_) => ("authorization", bearer.as_str()),
        };
        let method = route.method.as_str();
        let told = &document["paths"][route.path][method.to_lowercase()];
        let path = route.path.replace("{id}", "1");
        for field in fields(&document, told) {
            for value in KINDS {
                let body = format!("{{\"{field}\":{value}}}");
                let answer = partner.platform.call(method, &path, &[JSON, credential], Some(&body)).await;
                n.0 += usize::from(in_words(&answer, &format!("{method} {path} {body}")));
            }
        }
        for parameter in told["parameters"].as_array().into_iter().flatten().filter(|of| of["in"] == "query") {
            let name = parameter["name"].as_str().expect("a name");
            for value in ["x", "1.5", "-1", "99999999999999999999", "true"] {
                let asked = format!("{path}?{name}={value}");
                if path.ends_with("/stream") {
                    continue;
                }
                let answer = partner.platform.call(method, &asked, &[credential], None).await;
                n.1 += usize::from(in_words(&answer, &format!("{method} {asked}")));
            }
        }
    }
    assert!(n.0 > 150 && n.1 > 60, "{n:?} refusals are too few");
}

/// The names of a route's body fields.
fn fields(document: &Value, told: &Value) -> Vec<String> {
    let reference = told.pointer("/requestBody/content/application~1json/schema/$ref").and_then(Value::as_str);
    let Some(reference) = reference else { return Vec::new() };
    let schema = document.pointer(reference.trim_start_matches('#')).expect("the schema");
    schema["properties"].as_object().expect("an object").keys().cloned().collect()
}

/// Checks that an answer refuses a value as invalid and names the expected type in words.
fn in_words(answer: &crate::support::platform::Answer, what: &str) -> bool {
    if answer.status < 400 || answer.status == 404 {
        return false;
    }
    let problem = answer.json();
    let code = problem["code"].as_str().expect("a code");
    assert!(matches!(code, "validation_failed" | "invalid_cursor"), "{what}: {problem}");
    let text = format!("{} {}", problem["detail"], problem["errors"]);
    let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let found = FOREIGN_WORDS.iter().find(|word| words.contains(word));
    assert_eq!(found, None, "{what}: {text}");
    true
}

#[tokio::test]
async fn a_company_cannot_exceed_its_quota_of_subscriptions() {
    let partner = Partner::start().await;
    let body = serde_json::json!({"targetUrl": "https://hooks.example.com/in", "eventTypes": ["lead.created"]});
    let mut last = Value::Null;
    for _ in 0..100 {
        last = partner.expect("POST", "/webhooks/subscriptions", body.clone(), 201).await;
    }
    let refused = partner.expect("POST", "/webhooks/subscriptions", body.clone(), 409).await;
    assert_eq!((&refused["code"], &refused["limit"]), (&"quota_reached".into(), &100.into()));
    let other = partner.platform.company("Globex").await;
    let theirs = partner.platform.key(&other, &crow::domain::scope::KeyScope::ALL).await;
    assert_eq!(partner.call_as(&theirs, "POST", "/webhooks/subscriptions", body.clone()).await.status, 201);
    partner.expect("DELETE", &format!("/webhooks/subscriptions/{}", last["id"]), Value::Null, 204).await;
    partner.expect("POST", "/webhooks/subscriptions", body, 201).await;

    // Operators see all of them, page by page and each once, and the client puts the pages together.
    let bearer = format!("Bearer {}", partner.platform.token().reveal());
    let mut seen = std::collections::BTreeSet::new();
    let mut path = "/portal/v1/subscriptions?limit=30".to_owned();
    for n_left in [71, 41, 11, 0] {
        let page = partner.platform.call("GET", &path, &[("authorization", &bearer)], None).await.json();
        let items = page["items"].as_array().expect("a list");
        assert!(items.len() <= 30);
        seen.extend(items.iter().map(|row| row["id"].as_i64().expect("a number")));
        assert_eq!((101 - seen.len(), &page["hasMore"]), (n_left, &(n_left > 0).into()));
        path = format!("/portal/v1/subscriptions?limit=30&cursor={}", page["nextCursor"].as_str().unwrap_or_default());
    }
    assert_eq!(partner.platform.operator().subscription_rows().await.expect("rows").items.len(), 101);
    let all = partner.platform.partner(&partner.key).subscriptions().await.expect("rows");
    assert_eq!((all.items.len(), all.cut_line()), (100, None), "partners see all of theirs too");
}

#[tokio::test]
async fn every_list_of_the_portal_honours_its_limit() {
    let partner = Partner::start().await;
    let bearer = format!("Bearer {}", partner.platform.token().reveal());
    partner.platform.company("Globex").await;
    partner.platform.key(&partner.company, &crow::domain::scope::KeyScope::ALL).await;
    for n in 0..2 {
        let new = format!(r#"{{"name":"Vera {n}","role":"viewer"}}"#);
        let headers = [JSON, ("authorization", bearer.as_str())];
        assert_eq!(partner.platform.call("POST", "/portal/v1/operators", &headers, Some(&new)).await.status, 201);
        let body = serde_json::json!({"targetUrl": "https://hooks.example.com/in", "eventTypes": ["lead.created"]});
        partner.expect("POST", "/webhooks/subscriptions", body, 201).await;
        partner.expect("POST", "/integrations/leads", serde_json::from_str(LEAD).expect("JSON"), 201).await;
    }
    let document = partner.platform.call("GET", "/openapi.json", &[], None).await.json();
    let mut n_full = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let schema = methods["get"].pointer("/responses/200/content/application~1json/schema/$ref");
        let schema = schema.and_then(Value::as_str).unwrap_or_default();
        let is_list = schema.contains("Page_") || schema.ends_with("RequestLog");
        if !path.starts_with("/portal/") || !is_list {
            continue;
        }
        let path = path.replace("{id}", "1");
        let answer =
            partner.platform.call("GET", &format!("{path}?limit=1"), &[("authorization", &bearer)], None).await;
        let page = answer.json();
        let n = page["items"].as_array().unwrap_or_else(|| panic!("{path}: {page}")).len();
        assert!(answer.status == 200 && n <= 1, "{path}: {n} rows");
        n_full += usize::from(n == 1 && page["hasMore"] == true);
    }
    assert!(n_full >= 7, "{n_full} lists had more than one row");
}

#[tokio::test]
async fn the_request_log_has_caller_and_query_without_personal_values() {
    let partner = Partner::start().await;
    let key = ("x-api-key", partner.key.reveal());
    for (n, path) in [
        "/api/v1/integrations/clients/search?email=ada%40example.com&limit=3&expand=x",
        "/api/v1/events?limit=0&type=lead.created",
        "/api/v1/events",
        "/api/v1/nothing?key=secret",
    ]
    .into_iter()
    .enumerate()
    {
        let agent = format!("log/{n}");
        partner.platform.call("GET", path, &[key, ("user-agent", &agent)], None).await;
    }
    let bearer = format!("Bearer {}", partner.platform.token().reveal());
    let rows = async |query: &str| {
        let path = format!("/portal/v1/requests?{query}");
        let answer = partner.platform.call("GET", &path, &[("authorization", &bearer)], None).await;
        answer.json()["items"].as_array().expect("rows").clone()
    };
    let written = async || {
        partner.platform.advance(std::time::Duration::from_millis(200));
        rows("").await.len() == 4
    };
    partner.platform.until("the requests are written down", written).await;
    let seen: Vec<(Value, Value, Value)> = rows("")
        .await
        .into_iter()
        .map(|row| (row["query"].clone(), row["address"].clone(), row["userAgent"].clone()))
        .collect();
    let row = |query: Value, n: usize| (query, "127.0.0.1".into(), format!("log/{n}").into());
    let wanted = [
        row("key=…".into(), 3),
        row(Value::Null, 2),
        row("limit=0&type=lead.created".into(), 1),
        row("email=…&limit=3&expand=…".into(), 0),
    ];
    assert_eq!(seen, wanted);
    for (query, n) in [
        ("class=4xx", 2),
        ("class=2xx", 2),
        ("class=5xx", 0),
        ("caller=127.0.0.1", 4),
        ("caller=203.0.113.9", 0),
        ("class=4xx&status=404", 1),
    ] {
        assert_eq!(rows(query).await.len(), n, "{query}");
    }
}
