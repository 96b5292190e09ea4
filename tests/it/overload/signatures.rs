//! L5: a viewer that has two dozen signatures explained at once, each over a large payload that no way of signing fits.

use super::{is_long, resident, say};
use crate::storage::process::{Serving, subscription};
use crate::support::platform::within;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use crow::client::Error;
use crow::client::connection::{ClientCredential, PlatformClient};
use crow::clock::RuntimeEnv;
use crow::domain::event::EventType;
use crow::domain::ids::AttemptId;
use crow::domain::operator::OperatorRole;
use crow::domain::secret::Secret;
use crow::wire::attempts::AttemptRow;
use crow::wire::changes;
use crow::wire::events::NewEvent;
use crow::wire::operators::NewOperator;
use crow::wire::paths;
use crow::wire::signature_check::SignatureCheck;
use serde_json::value::RawValue;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Explanations that are asked for at once.
const AT_ONCE: usize = 24;
/// Maximum growth of the memory, in KiB.
const MAX_MEMORY_GROWTH_KIB: i64 = 64 << 10;
/// Bytes of the payloads: those of the short form are smaller, because an unoptimised build takes thirty times as long and a client waits 10 s.
fn payload_size() -> usize {
    if is_long() { 1_000_000 } else { 10_000 }
}

/// A receiver that refuses everything and names as many signatures as are looked at, none of which fits.
async fn refusing() -> String {
    let computed: String = (0..32).map(|n| format!("sha256={n:064x} ")).collect();
    let answer = async move || (StatusCode::UNAUTHORIZED, computed);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/hook", post(answer))).await });
    url
}

/// Payloads whose copies cost most: one text, and many small values.
fn payloads() -> [String; 2] {
    let size = payload_size();
    let text = format!(r#"{{"client_id":1,"first_name":"{}"}}"#, "é".repeat(size / 2));
    let values = format!(r#"{{"client_id":1,"tags":[{}0]}}"#, "0,".repeat(size / 2));
    [text, values]
}

/// The attempts of those payloads.
async fn attempts(serving: &Serving) -> Vec<AttemptId> {
    let (company, partner) = serving.company().await;
    partner.create_subscription(&subscription(&refusing().await)).await.expect("a subscription");
    let operator = serving.operator();
    for payload in payloads() {
        let payload = Some(RawValue::from_string(payload).expect("JSON"));
        let event = NewEvent { company_id: company.id, kind: EventType::LeadCreated, payload, metadata: None };
        operator.change(&changes::EMIT_EVENT, &event).await.expect("an event");
    }
    let rows = within("attempts", async {
        loop {
            let rows: Vec<AttemptRow> = operator.attempts(None, 2).await.expect("a page").items;
            if rows.len() == 2 {
                return rows;
            }
            tokio::task::yield_now().await;
        }
    });
    rows.await.into_iter().map(|row| row.id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l5_concurrent_signature_checks_cost_bounded_memory_and_delay_no_other_caller() {
    let home = TempDir::new().expect("a directory");
    let serving = Serving::start(home.path());
    let attempts = attempts(&serving).await;
    let (_, partner) = serving.company().await;
    let operator = serving.operator();
    let new = NewOperator { name: "Vera".to_owned(), role: OperatorRole::Viewer };
    let created = operator.change(&changes::CREATE_OPERATOR, &new).await.expect("a viewer");
    let token = created.token.into_secret();
    let memory = resident(&serving);
    let mut explanations = JoinSet::new();
    for n in 0..AT_ONCE {
        let credential = ClientCredential::Operator(Secret::new(token.reveal().to_owned()));
        let client = PlatformClient::new(&serving.address, credential).expect("a client");
        let attempt = attempts[n % attempts.len()];
        explanations.spawn(async move {
            let path = paths::with_value(paths::ATTEMPT_SIGNATURE, attempt);
            client.get_any::<SignatureCheck>(&path, &[]).await
        });
    }
    let ambient = RuntimeEnv::real();
    let (mut took, mut most) = (Vec::new(), memory);
    let (mut n_explained, mut n_refused) = (0, 0);
    while n_explained + n_refused < AT_ONCE {
        let watch = ambient.stopwatch();
        partner.events(None, 1).await.expect("an answer");
        took.push(watch.elapsed());
        most = most.max(resident(&serving));
        ambient.sleep(Duration::from_millis(5)).await;
        while let Some(done) = explanations.try_join_next() {
            match done.expect("no panic") {
                Ok(check) => {
                    assert!(check.lab.n_tried.is_some_and(|n| n > 30), "{check:?}");
                    n_explained += 1;
                }
                Err(error) => {
                    assert!(matches!(&error, Error::Refused { problem } if problem.status == 503), "{error}");
                    n_refused += 1;
                }
            }
        }
    }
    took.sort_unstable();
    let (p99, grown) = (took[took.len() * 99 / 100], most - memory);
    let figures = format!(
        "L5: {n_explained} explained, {n_refused} told to come again; others' p99 {p99:.1?} of {}; memory + {grown} KiB",
        took.len()
    );
    say(&figures);
    let most_wait = Duration::from_millis(if is_long() { 50 } else { 500 });
    assert!(n_explained > 0 && grown <= MAX_MEMORY_GROWTH_KIB && p99 < most_wait, "{figures}");
}
