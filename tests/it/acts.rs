//! The console's acts against the portal: each change that the platform takes can be asked for, and by nothing but an act.

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use crow::client::connection::{ClientCredential, PlatformClient};
use crow::domain::alert::AlertSubject;
use crow::domain::event::EventType;
use crow::domain::health_status::HealthStatus;
use crow::domain::ids::{CompanyId, DeliveryId, KeyId, OperatorId, ReplayId, SubscriptionId};
use crow::domain::operator::OperatorRole;
use crow::domain::replay::ReplayState;
use crow::domain::secret::Secret;
use crow::domain::time::Timestamp;
use crow::server::guard::RouteAccess as Price;
use crow::server::router::table;
use crow::sync::platform_change::PlatformChange;
use crow::tui::effect::{BackgroundJob, JobResult};
use crow::tui::runtime::perform::JobRunner;
use crow::tui::state::config::ConsoleAccess;
use crow::wire::keys::{NewCompany, NewKey, RequestedLimits};
use crow::wire::operators::NewOperator;
use crow::wire::paths;
use crow::wire::replays::NewReplay;
use crow::wire::subscriptions::MissedEventsChoice;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

type Seen = Arc<Mutex<BTreeSet<(String, String)>>>;

/// An act of each kind.
fn acts() -> Vec<PlatformChange> {
    let wish = NewReplay {
        since: Timestamp::from_millis(0),
        until: None,
        states: Vec::new(),
        dry_run: true,
        rate_per_second: None,
    };
    let key = NewKey { company_id: CompanyId(1), name: "crm".to_owned(), scopes: Vec::new(), limits: None };
    let subscription = SubscriptionId(1);
    vec![
        PlatformChange::SendTest(subscription),
        PlatformChange::Enable(subscription, MissedEventsChoice::None),
        PlatformChange::Disable(subscription, None),
        PlatformChange::Delete(subscription),
        PlatformChange::SetDisableReason(subscription, "they move".to_owned()),
        PlatformChange::Acknowledge(AlertSubject::Clock, HealthStatus::Warning, None),
        PlatformChange::RollBack(subscription, 1),
        PlatformChange::Replay(subscription, wish, 2),
        PlatformChange::SetReplayState(ReplayId(1), ReplayState::Paused),
        PlatformChange::SetReplayState(ReplayId(1), ReplayState::Running),
        PlatformChange::SetReplayState(ReplayId(1), ReplayState::Cancelled),
        PlatformChange::Resend(DeliveryId(1)),
        PlatformChange::RevokeKey(KeyId(1)),
        PlatformChange::SetLimits(KeyId(1), RequestedLimits::default()),
        PlatformChange::EmitSampleEvent(CompanyId(1), EventType::LeadCreated),
        PlatformChange::CreateCompany(NewCompany { name: "Acme".to_owned() }),
        PlatformChange::CreateKey(key),
        PlatformChange::CreateOperator(NewOperator { name: "dana".to_owned(), role: OperatorRole::Viewer }),
        PlatformChange::RevokeOperator(OperatorId(1)),
    ]
}

/// Starts a platform that records every call and carries out none. Returns its address and the record.
async fn noting() -> (String, Seen) {
    let seen = Seen::default();
    let note = async |State(seen): State<Seen>, method: Method, uri: Uri| {
        seen.lock().expect("not poisoned").insert((method.to_string(), uri.path().to_owned()));
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let router = Router::new().fallback(note).with_state(Arc::clone(&seen));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, seen)
}

#[tokio::test]
async fn the_console_offers_every_change_of_the_portal_and_a_read_only_console_sends_none() {
    let (address, seen) = noting().await;
    let client =
        PlatformClient::new(&address, ClientCredential::Operator(Secret::new("none".to_owned()))).expect("a client");
    let reader = JobRunner::new(client.clone(), ConsoleAccess::ReadOnly);
    for act in acts() {
        let JobResult::ChangeFinished(_, Err(why)) = reader.perform(BackgroundJob::Change(act.clone())).await else {
            panic!("{act:?}")
        };
        assert!(why.starts_with("read-only"), "{why}");
    }
    assert_eq!(*seen.lock().expect("not poisoned"), BTreeSet::new(), "nothing leaves a console that may only look");
    let performer = JobRunner::new(client, ConsoleAccess::Act);
    for act in acts() {
        performer.perform(BackgroundJob::Change(act)).await;
    }
    let changes: BTreeSet<(String, String)> = table()
        .into_iter()
        .filter(|route| route.method != Method::GET && matches!(route.access, Price::Operator(_)))
        // A question whose body is too long for a URL; it changes nothing.
        .filter(|route| route.path != paths::SECRET_CHECK)
        .map(|route| (route.method.to_string(), route.path.replace("{id}", "1")))
        .collect();
    assert_eq!(*seen.lock().expect("not poisoned"), changes, "acts on the left, the portal's changes on the right");
}
