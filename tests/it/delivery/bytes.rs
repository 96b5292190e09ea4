//! Bytes: what was accepted is what is stored, signed and sent, again and again.

use super::Scene;
use crate::support::receiver::{Behaviour, Receiver};
use crow::domain::delivery::DeliveryState;
use crow::domain::scope::KeyScope;
use crow::domain::signature::verify;

/// Payloads that lose something when they are parsed and written again.
fn payloads() -> Vec<String> {
    let mut payloads: Vec<String> = [
        r#"{"n":123456789012345678901234567890,"m":1.10,"e":1E5,"z":-0.0}"#,
        "{\r\n\t\"a\" : 1 ,\r\n \"b\":[ ]\r\n}",
        r#"{"bom":"\ufeff","raw":"﻿","nul":"\u0000","pair":"\ud83d\ude00","raw_pair":"😀","slash":"\/"}"#,
        r#"{"b":1,"a":2,"":3," ":4}"#,
        "{}",
    ]
    .map(ToOwned::to_owned)
    .into();
    let ambient = crow::clock::RuntimeEnv::scripted(crate::support::platform::START, 7);
    for _ in 0..20 {
        let noise: String = ambient.random_bytes::<96>().iter().map(|byte| char::from(byte & 0x7f)).collect();
        let noise: String = noise.chars().filter(|c| !c.is_control() && *c != '"' && *c != '\\').collect();
        payloads.push(format!(r#"{{ "noise" :"{noise}é{}"}}"#, char::from(ambient.random_bytes::<1>()[0] | 0x80)));
    }
    payloads.push(format!(r#"{{"large":"{}"}}"#, "x".repeat(1_000_000)));
    payloads
}

#[tokio::test]
async fn b7_the_bytes_of_an_event_stay_unchanged_across_retries_and_restarts() {
    let payloads = payloads();
    let receiver = Receiver::start(&[Behaviour::Status(500)]).await;
    let mut scene = Scene::with(&receiver).await;
    let mut events = Vec::new();
    let token = scene.platform.token();
    let bearer = format!("Bearer {}", token.reveal());
    // Fewer failures than trip the breaker: every other event arrives at once.
    for (n, payload) in payloads.iter().enumerate() {
        receiver.becomes(&[Behaviour::Status(if n % 2 == 0 { 500 } else { 200 })]);
        let body = format!(r#"{{"companyId":{},"type":"lead.created","payload":{payload}}}"#, scene.company.id);
        let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
        let answer = scene.platform.call("POST", "/portal/v1/events", &headers, Some(&body)).await;
        assert_eq!(answer.status, 201, "{payload:.80}: {}", String::from_utf8_lossy(&answer.body));
        let event = answer.json()["id"].as_i64().expect("a number");
        receiver.received(n + 1).await;
        scene.stands(event, if n % 2 == 0 { DeliveryState::Pending } else { DeliveryState::Succeeded }).await;
        events.push(event);
    }
    receiver.becomes(&[Behaviour::Status(200)]);
    scene.platform = scene.platform.restart().await;
    let n_failed = payloads.len().div_ceil(2);
    scene.platform.advance_until("the rest", async || receiver.ledger().len() == payloads.len() + n_failed).await;
    let stored = |event: i64| -> Vec<u8> {
        let body = "SELECT body FROM events WHERE id = ?1";
        scene.platform.database().query_row(body, [event], |row| row.get(0)).expect("a body")
    };
    for request in receiver.ledger() {
        let event: i64 = request.header("x-wlcro-event-id").parse().expect("a number");
        let position = events.iter().position(|known| *known == event).expect("one of ours");
        let needle = format!(r#""payload":{}"#, payloads[position]);
        assert!(
            request.body.windows(needle.len()).any(|window| window == needle.as_bytes()),
            "event {event}: the payload's bytes are in the body"
        );
        assert_eq!(request.body, stored(event), "event {event}: sent is stored");
        let timestamp = request.header("x-wlcro-timestamp").parse().expect("seconds");
        assert!(verify(&scene.secret, timestamp, &request.body, request.header("x-wlcro-signature")));
    }
}

/// The most bytes that receivers were promised.
const LARGEST: usize = 1_048_576;

#[tokio::test]
async fn b7_no_route_publishes_an_event_whose_webhook_exceeds_a_mebibyte() {
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let scene = Scene::with(&receiver).await;
    let scopes = [KeyScope::Admin, KeyScope::WebhooksWrite];
    let (key, token) = (scene.platform.key(&scene.company, &scopes).await, scene.platform.token());
    let bearer = format!("Bearer {}", token.reveal());
    let (company, test) = (scene.company.id, format!("/api/v1/webhooks/subscriptions/{}/test", scene.subscription));
    let count = || -> i64 {
        let rows = "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM attempts WHERE kind = 'test')";
        scene.platform.database().query_row(rows, [], |row| row.get(0)).expect("a count")
    };
    let doors = [
        ("/portal/v1/events", format!(r#""companyId":{company},"type":"lead.created","payload""#), 201),
        ("/api/v1/events/test", r#""eventType":"lead.created","payload""#.to_owned(), 201),
        (test.as_str(), r#""eventType":"lead.created","samplePayload""#.to_owned(), 200),
    ];
    for (path, field, accepted) in doors {
        let post = async |n: usize| {
            let body = format!(r#"{{{field}:{{"x":"{}"}}}}"#, "y".repeat(n));
            let credential = if path.starts_with("/portal") {
                ("authorization", bearer.as_str())
            } else {
                ("x-api-key", key.reveal())
            };
            scene.platform.call("POST", path, &[("content-type", "application/json"), credential], Some(&body)).await
        };
        let arrives = async |n: usize| {
            let n_before = receiver.ledger().len();
            let answer = post(n).await;
            assert_eq!(answer.status, accepted, "{path}: {}", String::from_utf8_lossy(&answer.body));
            receiver.received(n_before + 1).await[n_before].body.len()
        };
        let around = arrives(0).await;
        assert_eq!(arrives(LARGEST - around).await, LARGEST, "{path}: as large as was promised");
        let n_rows = count();
        let refused = post(LARGEST - around + 1).await;
        assert_eq!((refused.status, &refused.json()["code"]), (413, &"payload_too_large".into()), "{path}");
        let detail = refused.json()["detail"].as_str().expect("a text").to_owned();
        assert!(detail.contains("1048577") && detail.contains("1048576"), "{detail}");
        assert_eq!(count(), n_rows, "{path}: nothing was written");
    }
}
