//! Playbooks over what is not there: no permission, a platform that goes away half-way, a history without anything in it. Whatever could not be
//! learnt is unknown and says why; nothing is made up.

use super::matrix::played;
use crate::support::platform::Platform;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use crow::client::connection::{ClientCredential, PlatformClient};
use crow::clock::RuntimeEnv;
use crow::demo::scenario::library;
use crow::diagnose::diagnosis_subject::DiagnosisSubject;
use crow::diagnose::evidence_set::DiagnosisScope;
use crow::diagnose::incident::{IncidentScope, collect_incident};
use crow::diagnose::playbook_topic::PlaybookTopic;
use crow::diagnose::report::{CheckVerdict, DiagnosisConclusion, DiagnosisReport};
use crow::diagnose::run::run_playbook;
use crow::domain::secret::Secret;
use crow::export::bundle::build_bundle;
use crow::export::ticket::ResponseBodies;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;

async fn diagnosed(client: &PlatformClient, ambient: &RuntimeEnv, topic: PlaybookTopic) -> DiagnosisReport {
    run_playbook(client, ambient, topic, DiagnosisScope::last_hour_of(DiagnosisSubject::All), None).await
}

/// Whatever is neither pass nor fail says why.
fn explained(report: &DiagnosisReport) {
    for step in &report.steps {
        assert!(step.verdict.why().is_none_or(|why| !why.is_empty()), "{} {}", report.topic, step.id);
    }
}

#[tokio::test]
async fn without_permission_every_check_is_unknown_and_the_ticket_says_so() {
    let platform = Platform::start().await;
    let nobody = Secret::new(format!("wlop_{}", "x".repeat(43)));
    let client = PlatformClient::new(&platform.address, ClientCredential::Operator(nobody)).expect("a client");
    for topic in PlaybookTopic::ALL {
        let report = diagnosed(&client, &platform.ambient, topic).await;
        assert_eq!(report.conclusion(), DiagnosisConclusion::NotRun, "{topic}: {:?}", report.steps);
        explained(&report);
        let said = report.steps.iter().filter_map(|step| step.verdict.why()).any(|why| why.contains("401"));
        assert!(said, "{topic}: {:?}", report.steps);
    }
    let case =
        collect_incident(&client, &platform.ambient, &IncidentScope::last_hour_of(vec![DiagnosisSubject::All])).await;
    let made =
        build_bundle(&case, ResponseBodies::Included, &crow::domain::outbound::SecretGate::default()).expect("no leak");
    assert_eq!(made.ticket().reasons.iter().map(|reason| reason.id.as_str()).collect::<Vec<_>>(), ["unreachable"]);
    assert!(made.ticket().missing.iter().any(|what| what.contains("401")), "{:?}", made.ticket().missing);
}

#[tokio::test]
async fn an_empty_platform_has_no_cause_and_no_failed_check() {
    let platform = Platform::start().await;
    for topic in PlaybookTopic::ALL {
        let report = diagnosed(&platform.operator(), &platform.ambient, topic).await;
        assert!(report.causes.is_empty(), "{topic}: {:?}", report.causes);
        assert!(report.steps.iter().all(|step| step.verdict != CheckVerdict::Fail), "{topic}: {:?}", report.steps);
        explained(&report);
    }
}

/// Starts a proxy that forwards `after` calls to a platform and answers 502 from then on, like a proxy in front of a
/// dead platform.
async fn dying(platform: &Platform, after: usize) -> String {
    let (base, n) = (platform.address.clone(), Arc::new(AtomicUsize::new(0)));
    let http = platform.http.clone();
    let pass = async move |headers: HeaderMap, request: Request<Body>| {
        let gone = |text: &'static str| Response::builder().status(StatusCode::BAD_GATEWAY).body(Body::from(text));
        if n.fetch_add(1, Ordering::Relaxed) >= after {
            return gone("gone").expect("a response");
        }
        let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let mut call = http.get(format!("{base}{path}"));
        if let Some(token) = headers.get("authorization") {
            call = call.header("authorization", token);
        }
        let Ok(answer) = call.send().await else { return gone("gone").expect("a response") };
        let (status, bytes) = (answer.status(), answer.bytes().await.unwrap_or_default());
        let response = Response::builder().status(status.as_u16()).header("content-type", "application/json");
        response.body(Body::from(bytes)).expect("a response")
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(pass)).await });
    address
}

#[tokio::test]
async fn a_platform_lost_during_a_run_leaves_the_rest_unknown_and_the_run_can_be_resumed() {
    let platform = Platform::start().await;
    let all = library::parse_all().expect("well formed");
    let script = all.iter().find(|script| script.name == "endpoint-500").expect("a scenario");
    let _played = played(&platform, &[script]).await;
    let operator = platform.operator();
    let topic = PlaybookTopic::WebhooksNotArriving;
    let whole = diagnosed(&operator, &platform.ambient, topic).await;
    let mut n_unknown = Vec::new();
    for after in 0..12 {
        let token = ClientCredential::Operator(Secret::new(platform.token().reveal().to_owned()));
        let client = PlatformClient::new(&dying(&platform, after).await, token).expect("a client");
        let cut = diagnosed(&client, &platform.ambient, topic).await;
        explained(&cut);
        n_unknown.push(cut.n_unknown());
        // What was found in time is what the whole run finds; nothing else is.
        for cause in &cut.causes {
            assert!(whole.causes.iter().any(|real| real.id == cause.id), "after {after} calls: {cause:?}");
        }
        let wish = DiagnosisScope::last_hour_of(DiagnosisSubject::All);
        let again = run_playbook(&operator, &platform.ambient, topic, wish, Some(&cut)).await;
        assert!(again.causes.iter().any(|cause| cause.id == "endpoint-500"), "after {after} calls: {:?}", again.steps);
        assert_eq!(again.n_unknown(), whole.n_unknown(), "after {after} calls");
    }
    assert!(n_unknown[0] > whole.n_unknown(), "{n_unknown:?}");
}
