//! The Integration API and the Portal, over HTTP.

mod actions;
mod conformance;
mod contention;
mod corpus;
mod crowd;
mod dawdlers;
mod events;
mod fuzz;
mod matrix;
mod once;
mod order;
mod subscriptions;
mod surface;
mod windows;

use crate::support::platform::{Answer, Platform};
use crow::client::Error;
use crow::domain::scope::KeyScope;
use crow::domain::secret::Secret;
use crow::domain::time::Timestamp;
use crow::wire::changes::{self, NoBody};
use crow::wire::keys::{CompanyRow, RequestedLimits};
use crow::wire::problem::ProblemCode;
use serde_json::{Value, json};
use std::time::Duration;

const LEAD: &str = r#"{"first_name":"Ada","last_name":"Byron","email":"ada@example.com"}"#;
const JSON: (&str, &str) = ("content-type", "application/json");

/// Partner of a new platform, with a key that has all scopes and wide limits.
pub(crate) struct Partner {
    pub(crate) platform: Platform,
    pub(crate) company: CompanyRow,
    pub(crate) key: Secret,
}

impl Partner {
    pub(crate) async fn start() -> Self {
        let platform = Platform::start().await;
        let company = platform.company("Acme").await;
        let key = platform.key_with(&company, &KeyScope::ALL, often()).await;
        Self { platform, company, key }
    }

    /// Makes a call of the Integration API with the partner's key, and with a body unless it is null.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        self.call_as(&self.key, method, path, body).await
    }

    /// Makes a call of the Integration API with another key, and with a body unless it is null.
    pub(crate) async fn call_as(&self, key: &Secret, method: &str, path: &str, body: Value) -> Answer {
        let body = (!body.is_null()).then(|| body.to_string());
        let headers = [JSON, ("x-api-key", key.reveal())];
        self.platform.call(method, &format!("/api/v1{path}"), &headers, body.as_deref()).await
    }

    /// A call that must be answered with `status`.
    pub(crate) async fn expect(&self, method: &str, path: &str, body: Value, status: u16) -> Value {
        let asked = format!("{method} {path} {body}");
        let answer = self.call(method, path, body).await;
        assert_eq!(answer.status, status, "{asked}: {}", String::from_utf8_lossy(&answer.body));
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// The types and payloads of all events so far.
    pub(crate) async fn told(&self) -> Vec<(String, Value)> {
        let page = self.expect("GET", "/events?limit=200", Value::Null, 200).await;
        let items = page["items"].as_array().expect("a list");
        items.iter().map(|item| (item["type"].as_str().expect("a type").to_owned(), item["payload"].clone())).collect()
    }
}

/// Limits that no test reaches.
pub(crate) fn often() -> RequestedLimits {
    RequestedLimits { read: Some(1_000_000), write: Some(1_000_000), admin: Some(1_000_000) }
}

#[tokio::test]
async fn a_refused_key_gets_the_reason_and_is_never_repeated() {
    let platform = Platform::start().await;
    let company = platform.company("Acme").await;
    let key = platform.key(&company, &[KeyScope::EventsRead]).await;
    let good = key.reveal();
    let revoked = platform.key(&company, &[KeyScope::EventsRead]).await;
    let rows = platform.operator().keys().await.expect("rows").items;
    let row = rows.iter().find(|row| row.last4.raw() == revoked.last4()).expect("its row");
    platform.operator().change(changes::REVOKE_KEY.at(row.id), &NoBody {}).await.expect("revoked");
    let other_company = good.replacen(&format!("_{}_", company.id), "_999_", 1);
    let cases = [
        ("x-api-key", good.to_owned(), None),
        ("X-API-KEY", good.to_owned(), None),
        ("x-api-key", format!("{good}x"), Some("malformed_key")),
        ("x-api-key", good[..good.len() - 1].to_owned(), Some("malformed_key")),
        ("x-api-key", good.replace("wlcro_", "wlcro-"), Some("malformed_key")),
        ("x-api-key", other_company, Some("unknown_key")),
        ("x-api-key", revoked.reveal().to_owned(), Some("revoked_key")),
        ("authorization", format!("Bearer {good}"), Some("missing_key")),
    ];
    for (header, value, code) in cases {
        let answer = platform.call("GET", "/api/v1/events", &[(header, &value)], None).await;
        match code {
            None => assert_eq!(answer.status, 200),
            Some(code) => {
                assert_eq!((answer.status, answer.json()["code"].as_str()), (401, Some(code)), "{header}");
                assert!(!String::from_utf8_lossy(&answer.body).contains(&value[value.len().min(20)..]), "{code}");
            }
        }
    }
}

#[tokio::test]
async fn a_window_admits_its_limit_and_the_next_call_after_retry_after() {
    let platform = Platform::start().await;
    let company = platform.company("Acme").await;
    let key = platform.key(&company, &[KeyScope::EventsRead]).await;
    let headers = [("x-api-key", key.reveal())];
    for left in (0..60).rev() {
        let answer = platform.call("GET", "/api/v1/events", &headers, None).await;
        assert_eq!((answer.status, answer.header("x-ratelimit-remaining")), (200, left.to_string().as_str()));
    }
    let refused = platform.call("GET", "/api/v1/events", &headers, None).await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (429, Some("rate_limited")));
    assert_eq!(refused.json()["policy"], "read:60/1m");
    assert_eq!(refused.header("x-ratelimit-remaining"), "0");
    let wait: u64 = refused.header("retry-after").parse().expect("seconds");
    platform.advance(Duration::from_secs(wait));
    assert_eq!(platform.call("GET", "/api/v1/events", &headers, None).await.status, 200);
}

#[tokio::test]
async fn a_restart_does_not_refill_a_stored_window() {
    let platform = Platform::start().await;
    let company = platform.company("Acme").await;
    let key = platform.key(&company, &[KeyScope::EventsRead]).await;
    for _ in 0..40 {
        platform.call("GET", "/api/v1/events", &[("x-api-key", key.reveal())], None).await;
    }
    let platform = platform.restart().await;
    let answer = platform.call("GET", "/api/v1/events", &[("x-api-key", key.reveal())], None).await;
    assert_eq!(answer.header("x-ratelimit-remaining"), "19");
}

#[tokio::test]
async fn a_created_lead_is_polled_as_an_event_and_the_cursor_keeps_its_place() {
    let platform = Platform::start().await;
    let company = platform.company("Acme").await;
    let key = platform.key(&company, &[KeyScope::EventsRead, KeyScope::IntegrationsWrite]).await;
    let headers = [JSON, ("x-api-key", key.reveal())];
    let empty = platform.partner(&key).events(None, 10).await.expect("a page");
    assert!(empty.items.is_empty() && empty.next_cursor.is_some());
    let created = platform.call("POST", "/api/v1/integrations/leads", &headers, Some(LEAD)).await;
    assert_eq!(created.status, 201, "{}", String::from_utf8_lossy(&created.body));
    assert_eq!(created.json()["status"], "Lead - New");
    let page = platform.partner(&key).events(empty.next_cursor.as_deref(), 10).await.expect("a page");
    let event = page.items.first().expect("the lead's event");
    assert_eq!((event.kind.raw(), event.company_id), ("lead.created", company.id));
    let payload: serde_json::Value = serde_json::from_str(event.payload.get()).expect("an object");
    assert_eq!((&payload["email"], &payload["status_id"]), (&json!("ada@example.com"), &json!(10)));
    assert_eq!(event.created_utc, Timestamp::from_millis(platform.ambient.now().millis()).whole_second());
    let after = platform.partner(&key).events(page.next_cursor.as_deref(), 10).await.expect("a page");
    assert!(after.items.is_empty(), "nothing is repeated");
}

#[tokio::test]
async fn bad_input_names_the_field_and_the_remedy() {
    let platform = Platform::start().await;
    let company = platform.company("Acme").await;
    let key = platform.key(&company, &KeyScope::ALL).await;
    let own = ("x-api-key", key.reveal());
    let cases = [
        ("/api/v1/integrations/leads", r#"{"first_name":"#, 400, "malformed_json", None),
        ("/api/v1/integrations/leads", "{}", 400, "validation_failed", Some("first_name")),
        ("/api/v1/integrations/leads", r#"{"first_name":1}"#, 400, "validation_failed", Some("first_name")),
        ("/api/v1/webhooks/subscriptions", r#"{"targetUrl":"ftp://x"}"#, 400, "validation_failed", Some("targetUrl")),
        (
            "/api/v1/webhooks/subscriptions",
            r#"{"targetUrl":"https://hooks.example.com/","eventTypes":["Lead.Created"]}"#,
            400,
            "validation_failed",
            Some("eventTypes"),
        ),
        ("/api/v1/events/test", r#"{"eventType":"nothing"}"#, 400, "validation_failed", Some("eventType")),
    ];
    for (path, body, status, code, field) in cases {
        let answer = platform.call("POST", path, &[JSON, own], Some(body)).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{path} {body}");
        if let Some(field) = field {
            assert!(answer.json()["errors"][field].is_array(), "{}", answer.json());
        }
    }
    let plain = platform.call("POST", "/api/v1/integrations/leads", &[own], Some(LEAD)).await;
    assert_eq!(plain.status, 415);
    let large = " ".repeat(1024 * 1024 + 1);
    let large = platform.call("POST", "/api/v1/integrations/leads", &[JSON, own], Some(&large)).await;
    assert_eq!(large.status, 413);
    let method = platform.call("DELETE", "/api/v1/events", &[], None).await;
    assert_eq!((method.status, method.header("allow").contains("GET")), (405, true));
    assert_eq!(platform.call("GET", "/nothing", &[], None).await.json()["code"], "not_found");
    let cursor = platform.call("GET", "/api/v1/events?cursor=bm90IG91cnM", &[own], None).await;
    assert_eq!(cursor.json()["code"], "invalid_cursor");
}

#[tokio::test]
async fn a_signing_secret_is_shown_once_and_another_company_gets_403() {
    let platform = Platform::start().await;
    let (acme, globex) = (platform.company("Acme").await, platform.company("Globex").await);
    let ours = platform.key(&acme, &KeyScope::ALL).await;
    let theirs = platform.key(&globex, &KeyScope::ALL).await;
    let body = r#"{"targetUrl":"https://hooks.example.com/in","eventTypes":["lead.created"]}"#;
    let created = platform
        .call("POST", "/api/v1/webhooks/subscriptions", &[JSON, ("x-api-key", ours.reveal())], Some(body))
        .await;
    assert_eq!(created.status, 201);
    assert!(created.json()["signingSecret"].as_str().is_some_and(|secret| secret.len() == 44));
    let path = format!("/api/v1/webhooks/subscriptions/{}", created.json()["id"]);
    let own = platform.call("GET", &path, &[("x-api-key", ours.reveal())], None).await;
    assert_eq!((own.status, own.json().get("signingSecret")), (200, None));
    let foreign = platform.call("GET", &path, &[("x-api-key", theirs.reveal())], None).await;
    assert_eq!((foreign.status, foreign.json()["code"].as_str()), (403, Some("other_company")));
}

#[tokio::test]
async fn a_refusal_reaches_the_client_as_a_typed_problem() {
    let platform = Platform::start().await;
    let company = platform.company("Acme").await;
    let key = platform.key(&company, &[KeyScope::Admin]).await;
    let Err(Error::Refused { problem }) = platform.partner(&key).events(None, 10).await else { panic!("refused") };
    assert_eq!((problem.code, problem.status), (ProblemCode::InsufficientScope, 403));
}
