//! The platform explains from a receiver's answer how that receiver verified.

use crate::support::platform::{Platform, START};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use crow::diagnose::secret_check;
use crow::domain::ids::{CompanyId, SubscriptionId};
use crow::domain::operator::OperatorRole;
use crow::domain::secret::Secret;
use crow::domain::signature;
use crow::wire::attempts::AttemptDetail;
use crow::wire::changes;
use crow::wire::operators::NewOperator;
use crow::wire::signature_check::{SignatureCheck, SignatureFit};
use serde_json::Value;
use std::sync::Arc;
use tokio::net::TcpListener;

/// A receiver that answers 401 with what `compute` makes of a request, at `date`.
async fn refusing(
    compute: impl Fn(&str, &[u8]) -> String + Clone + Send + Sync + 'static,
    date: &'static str,
) -> String {
    let answer = async move |headers: HeaderMap, body: Bytes| {
        let timestamp = headers["x-wlcro-timestamp"].to_str().expect("text").to_owned();
        let said = format!(r#"{{"error":"signature does not match","computed":"{}"}}"#, compute(&timestamp, &body));
        (StatusCode::UNAUTHORIZED, [("date", date)], said)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/hook", post(answer))).await });
    url
}

/// Returns the platform's signature check of the first attempt to a subscription.
async fn explained(platform: &Platform, company: CompanyId, id: SubscriptionId) -> Value {
    platform.emit(company).await;
    let operator = platform.operator();
    let first = async || operator.attempts(Some(id), 1).await.expect("a page").items.first().map(|row| row.id);
    platform.until("an attempt", async || first().await.is_some()).await;
    let path = format!("/portal/v1/attempts/{}/signature", first().await.expect("an attempt"));
    let header = format!("Bearer {}", platform.token().reveal());
    platform.call("GET", &path, &[("authorization", &header)], None).await.json()
}

/// Returns the platform's signature check of the first attempt to a new subscription with this URL.
async fn explained_at(platform: &Platform, url: &str) -> Value {
    let company = platform.company("Acme").await;
    let id = platform.subscribe(&company, url).await.subscription.id;
    explained(platform, company.id, id).await
}

const NOW: &str = "Mon, 23 Nov 2026 10:40:10 GMT";

#[tokio::test]
async fn a_secret_of_another_subscription_is_named_with_its_subscription() {
    let platform = Platform::start().await;
    let company = platform.company("Acme").await;
    let other = platform.subscribe(&company, "http://127.0.0.1:9/").await;
    let secret = other.signing_secret.into_secret().reveal().to_owned();
    let url = refusing(
        move |timestamp, body| {
            signature::sign(&Secret::new(secret.clone()), timestamp.parse().expect("a number"), body)
        },
        NOW,
    )
    .await;
    let id = platform.subscribe(&company, &url).await.subscription.id;
    let said = explained(&platform, company.id, id).await;
    assert_eq!(said["causes"][0]["id"], "sig-wrong-secret");
    let difference = said["causes"][0]["difference"].as_str().expect("text");
    assert!(difference.contains(&format!("subscription {}", other.subscription.id)), "{difference}");
}

#[tokio::test]
async fn an_unknown_secret_is_unexplained_and_an_answer_without_a_signature_is_unknown() {
    let platform = Platform::start().await;
    let url = refusing(
        |timestamp, body| {
            signature::sign(&Secret::new("a-secret-of-nobody".to_owned()), timestamp.parse().expect("a number"), body)
        },
        NOW,
    )
    .await;
    let said = explained_at(&platform, &url).await;
    assert_eq!(said["fit"], "unexplained");
    assert!(said["nTried"].as_u64().is_some_and(|n| n > 1_000) && said["computed"].is_string());
    let silent = refusing(|_, _| "none".to_owned(), NOW).await;
    let said = explained_at(&platform, &silent).await;
    assert_eq!((said["fit"].as_str(), said["computed"].as_str()), (Some("genuine"), None));
}

#[tokio::test]
async fn a_signature_that_the_receiver_computed_is_explained() {
    let platform = Platform::start().await;
    let company = platform.company("Acme").await;
    let silent = refusing(|_, _| "none".to_owned(), NOW).await;
    let created = platform.subscribe(&company, &silent).await;
    let (id, secret) = (created.subscription.id, created.signing_secret.into_secret());
    explained(&platform, company.id, id).await;
    let operator = platform.operator();
    let row = operator.attempts(Some(id), 1).await.expect("a page").items[0].id;
    let attempt = operator.attempt(row).await.expect("its bytes");
    let sent = |name: &str| {
        let mut headers = attempt.request_headers.iter();
        headers.find(|header| header.name.raw().eq_ignore_ascii_case(name)).expect("it was sent").value.raw().to_owned()
    };
    let body = attempt.request_body.text.as_ref().expect("text").raw().as_bytes().to_vec();
    let longer = [body.as_slice(), b"\n"].concat();
    let timestamp: i64 = sent("x-wlcro-timestamp").parse().expect("a number");
    for (computed, cause) in [
        (signature::sign(&secret, timestamp, &longer), "sig-newline"),
        (sent("x-wlcro-signature"), "sig-comparison"),
        ("deadbeef".to_owned(), "sig-missing"),
    ] {
        let path = format!("/portal/v1/attempts/{row}/signature?computed={computed}");
        let header = format!("Bearer {}", platform.token().reveal());
        let said = platform.call("GET", &path, &[("authorization", &header)], None).await.json();
        assert_eq!(
            (said["fit"].as_str(), said["causes"][0]["id"].as_str()),
            (Some("explained"), Some(cause)),
            "{said}"
        );
        assert_eq!(said["computed"], computed);
    }
    // Only an admin sees content of the body.
    let new = NewOperator { name: "Viewer".to_owned(), role: OperatorRole::Viewer };
    let viewer = operator.change(&changes::CREATE_OPERATOR, &new).await.expect("an operator").token.into_secret();
    let computed = signature::sign(&secret, timestamp, &longer);
    let path = format!("/portal/v1/attempts/{row}/signature?computed={computed}");
    for (token, sees) in [(platform.token(), true), (viewer, false)] {
        let header = format!("Bearer {}", token.reveal());
        let said = platform.call("GET", &path, &[("authorization", &header)], None).await.json();
        assert_eq!(said["causes"][0]["excerpt"].is_string(), sees, "{said}");
        let difference = said["causes"][0]["difference"].as_str().expect("text");
        assert!(difference.contains("first different at offset") && !difference.contains('"'), "{difference}");
    }
    // One that is empty counts as none.
    for (computed, status) in [(String::new(), 200), ("x".repeat(201), 400)] {
        let path = format!("/portal/v1/attempts/{row}/signature?computed={computed}");
        let header = format!("Bearer {}", platform.token().reveal());
        let answer = platform.call("GET", &path, &[("authorization", &header)], None).await;
        assert_eq!(answer.status, status, "{computed}");
    }
}

#[tokio::test]
async fn a_receivers_clock_is_read_from_its_date_header() {
    let platform = Platform::start().await;
    let silent = refusing(|_, _| "none".to_owned(), "Mon, 23 Nov 2026 11:40:10 GMT").await;
    let said = explained_at(&platform, &silent).await;
    let ahead = 1_795_434_010 - START.seconds();
    assert_eq!(said["clockAheadSeconds"], ahead);
    assert_eq!(said["causes"][0]["id"], "sig-stale-clock");
}

#[tokio::test]
async fn a_receivers_secret_is_checked_locally_and_only_a_signature_is_sent() {
    let platform = Platform::start().await;
    let company = platform.company("Acme").await;
    let silent = refusing(|_, _| "none".to_owned(), NOW).await;
    let other = platform.subscribe(&company, "http://127.0.0.1:9/").await;
    let created = platform.subscribe(&company, &silent).await;
    let (id, secret) = (created.subscription.id, created.signing_secret.into_secret());
    explained(&platform, company.id, id).await;
    let operator = platform.operator();
    let attempt = operator.attempt(operator.attempts(Some(id), 1).await.expect("a page").items[0].id).await;
    let attempt = attempt.expect("its bytes");
    let look = async |held: &str| {
        secret_check::check_with_secret(&operator, &attempt, Arc::new(Secret::new(held.to_owned())))
            .await
            .expect("an answer")
    };
    let cause = |check: &SignatureCheck| check.lab.causes.first().map(|cause| cause.id.clone()).unwrap_or_default();
    let right = look(secret.reveal()).await;
    assert_eq!((right.lab.fit, cause(&right)), (SignatureFit::Genuine, String::new()));
    let spaced = look(&format!(" {} ", secret.reveal())).await;
    assert_eq!(cause(&spaced), "sig-secret-spaces");
    let others = other.signing_secret.into_secret();
    let wrong = look(others.reveal()).await;
    assert_eq!(cause(&wrong), "sig-wrong-secret");
    let said = wrong.lab.causes[0].difference.sanitized();
    assert!(said.contains(&format!("subscription {}", other.subscription.id)), "{said}");
    let nobodys = look("a-secret-of-nobody").await;
    assert_eq!(cause(&nobodys), "sig-wrong-secret");
    assert!(nobodys.lab.causes[0].difference.sanitized().contains("no other subscription"), "{nobodys:?}");
    // No answer carries what was held.
    for check in [right, spaced, wrong, nobodys] {
        let json = serde_json::to_string(&check).expect("plain data");
        assert!(
            !json.contains("a-secret-of-nobody") && !json.contains(secret.reveal()) && !json.contains(others.reveal())
        );
    }
    // A viewer, who sees no personal values, has nothing to compute over.
    let masked = AttemptDetail { redacted: true, ..attempt.clone() };
    let why = secret_check::check_with_secret(&operator, &masked, Arc::new(secret))
        .await
        .expect_err("nothing to compute over");
    assert!(why.contains("ask an admin"), "{why}");
}
