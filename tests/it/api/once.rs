//! Creates under an Idempotency-Key.

use super::{JSON, LEAD, Partner, often};
use crate::support::platform::Answer;
use crow::domain::scope::KeyScope;
use crow::domain::secret::Secret;
use futures_util::future::join_all;
use std::time::Duration;

impl Partner {
    async fn create(&self, key: &Secret, path: &str, name: &str, body: &str) -> Answer {
        let headers = [JSON, ("x-api-key", key.reveal()), ("idempotency-key", name)];
        self.platform.call("POST", &format!("/api/v1/integrations/{path}"), &headers, Some(body)).await
    }
}

#[tokio::test]
async fn a_hundred_parallel_posts_make_one_record_and_one_event_also_after_a_restart() {
    let mut partner = Partner::start().await;
    let posts = (0..100).map(|_| partner.create(&partner.key, "leads", "import-7", LEAD));
    let answers = join_all(posts).await;
    let first = answers[0].body.clone();
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.body == first));
    let n_fresh = answers.iter().filter(|answer| answer.header("idempotency-replayed").is_empty()).count();
    assert_eq!((n_fresh, partner.told().await.len()), (1, 1));
    partner.platform = partner.platform.restart().await;
    let again = partner.create(&partner.key, "leads", "import-7", LEAD).await;
    assert_eq!((again.status, again.header("idempotency-replayed"), &again.body), (201, "true", &first));
    assert_eq!(partner.told().await.len(), 1);
}

#[tokio::test]
async fn an_idempotency_key_conflicts_with_another_body_or_route_but_not_with_another_key_or_day() {
    let partner = Partner::start().await;
    assert_eq!(partner.create(&partner.key, "leads", "a", LEAD).await.status, 201);
    let other = LEAD.replace("Ada", "Bea");
    for (path, body) in [("leads", other.as_str()), ("clients", LEAD), ("affiliates", LEAD)] {
        let refused = partner.create(&partner.key, path, "a", body).await;
        assert_eq!((refused.status, refused.json()["code"].as_str()), (409, Some("idempotency_conflict")), "{path}");
    }
    let second = partner.platform.key_with(&partner.company, &KeyScope::ALL, often()).await;
    assert_eq!(partner.create(&second, "leads", "a", &other).await.status, 201);
    partner.platform.advance(Duration::from_secs(24 * 60 * 60 - 1));
    assert_eq!(partner.create(&partner.key, "leads", "a", LEAD).await.header("idempotency-replayed"), "true");
    partner.platform.advance(Duration::from_secs(1));
    let later = partner.create(&partner.key, "leads", "a", &other).await;
    assert_eq!((later.status, later.header("idempotency-replayed")), (201, ""));
}

#[tokio::test]
async fn a_refused_call_leaves_its_idempotency_key_free_and_malformed_keys_are_refused() {
    let partner = Partner::start().await;
    assert_eq!(partner.create(&partner.key, "leads", "b", "{}").await.status, 400);
    assert_eq!(partner.create(&partner.key, "leads", "b", LEAD).await.status, 201);
    for name in ["", "a b", &"x".repeat(256), "\u{e9}"] {
        let refused = partner.create(&partner.key, "leads", name, LEAD).await;
        assert_eq!(refused.status, 400, "{name}");
        assert!(refused.json()["errors"]["Idempotency-Key"].is_array());
    }
    let note = partner.create(&partner.key, "clients/1/notes", "c", r#"{"text":"x"}"#).await;
    let again = partner.create(&partner.key, "clients/1/notes", "c", r#"{"text":"x"}"#).await;
    assert_eq!((note.status, again.status, note.body == again.body), (201, 201, true));
    let affiliate = partner.create(&partner.key, "affiliates", "d", LEAD).await;
    let again = partner.create(&partner.key, "affiliates", "d", LEAD).await;
    assert_eq!((affiliate.status, again.header("idempotency-replayed")), (201, "true"));
}

#[tokio::test]
async fn a_repeated_subscription_is_the_same_one_with_the_same_secret_until_it_is_deleted() {
    let mut partner = Partner::start().await;
    let body = r#"{"targetUrl":"https://hooks.example.com/in","eventTypes":["lead.created"]}"#;
    let path = "/api/v1/webhooks/subscriptions";
    let post = async |partner: &Partner, key: &Secret, name: &str, body: &str| {
        let headers = [JSON, ("x-api-key", key.reveal()), ("idempotency-key", name)];
        partner.platform.call("POST", path, &headers, Some(body)).await
    };
    let answers = join_all((0..20).map(|_| post(&partner, &partner.key, "hook-1", body))).await;
    let first = answers[0].body.clone();
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.body == first));
    assert_eq!(answers.iter().filter(|answer| answer.header("idempotency-replayed").is_empty()).count(), 1);
    let created = answers[0].json();
    let secret = created["signingSecret"].as_str().expect("a secret").to_owned();
    partner.platform = partner.platform.restart().await;
    let again = post(&partner, &partner.key, "hook-1", body).await;
    assert_eq!((again.status, again.header("idempotency-replayed"), &again.body), (201, "true", &first));
    assert_eq!(again.header("cache-control"), "no-store");
    let listed = partner.expect("GET", "/webhooks/subscriptions", serde_json::Value::Null, 200).await;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    // What is remembered of the answer does not hold the secret.
    let kept: Vec<u8> = partner
        .platform
        .database()
        .query_row("SELECT response_body FROM idempotency_keys", [], |row| row.get(0))
        .expect("a row");
    assert!(!String::from_utf8_lossy(&kept).contains(&secret));
    let other = post(&partner, &partner.key, "hook-1", &body.replace("/in", "/out")).await;
    assert_eq!((other.status, other.json()["code"].as_str()), (409, Some("idempotency_conflict")));
    let second = partner.platform.key_with(&partner.company, &KeyScope::ALL, often()).await;
    let theirs = post(&partner, &second, "hook-1", body).await;
    assert_eq!((theirs.status, theirs.header("idempotency-replayed")), (201, ""));
    assert_ne!(theirs.json()["signingSecret"], created["signingSecret"]);
    let one = format!("/webhooks/subscriptions/{}", created["id"]);
    partner.expect("DELETE", &one, serde_json::Value::Null, 204).await;
    let gone = post(&partner, &partner.key, "hook-1", body).await;
    assert_eq!((gone.status, gone.json()["code"].as_str()), (409, Some("idempotency_conflict")));
    assert!(gone.json()["detail"].as_str().is_some_and(|detail| detail.contains("was deleted since")));
}

#[tokio::test]
async fn a_repeated_test_event_is_published_once() {
    let partner = Partner::start().await;
    let headers = [JSON, ("x-api-key", partner.key.reveal()), ("idempotency-key", "e-1")];
    let post = async || {
        partner.platform.call("POST", "/api/v1/events/test", &headers, Some(r#"{"eventType":"lead.created"}"#)).await
    };
    let answers = join_all((0..20).map(|_| post())).await;
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.body == answers[0].body));
    assert_eq!(partner.told().await.len(), 1);
    assert_eq!(post().await.header("idempotency-replayed"), "true");
}

#[tokio::test]
async fn every_creating_call_of_the_document_honours_the_header() {
    let partner = Partner::start().await;
    let document = partner.platform.call("GET", "/openapi.json", &[], None).await.json();
    let mut honoured = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let post = &methods["post"];
        if !path.starts_with("/api/") || post["responses"]["201"].is_null() {
            continue;
        }
        let header = "#/components/parameters/Idempotency-Key";
        let is_told = post["parameters"].as_array().is_some_and(|all| all.iter().any(|of| of["$ref"] == header));
        assert!(is_told, "POST {path} creates and does not know Idempotency-Key");
        honoured += 1;
    }
    assert_eq!(honoured, 6);
}
