//! Diagnosis through an observer with one key of the Integration API: what the key can know is known, all else is unknown with the reason,
//! and a bundle says so.

use super::matrix::{played, stage};
use crate::support::observed::Observed;
use crate::support::platform::Platform;
use crow::client::connection::PlatformClient;
use crow::demo::scenario::library;
use crow::demo::scenario::script::ScenarioScript;
use crow::diagnose::diagnosis_subject::DiagnosisSubject;
use crow::diagnose::evidence_set::DiagnosisScope;
use crow::diagnose::incident::{IncidentScope, collect_incident};
use crow::diagnose::playbook_topic::PlaybookTopic;
use crow::diagnose::report::{CheckVerdict, DiagnosisConclusion, DiagnosisReport};
use crow::diagnose::run::run_playbook;
use crow::diagnose::runbook::{begin_run, resume_run};
use crow::diagnose::runbook_kind::Runbook;
use crow::domain::ids::SubscriptionId;
use crow::domain::key::parse_key_company;
use crow::domain::scope::KeyScope;
use crow::domain::secret::Secret;
use crow::export::bundle::build_bundle;
use crow::export::ticket::ResponseBodies;
use crow::history::PlatformHistory;
use crow::history::keys::KeyName;
use crow::observer::keyed_client::{KeyClient, RateLimitedClient};
use std::time::Duration;
use tempfile::TempDir;

fn script(name: &str) -> ScenarioScript {
    library::parse_all().expect("well formed").into_iter().find(|script| script.name == name).expect("a scenario")
}

/// An observer that has polled the platform once with a key, and the folder of its history.
async fn observed(platform: &Platform, key: &Secret) -> (Observed, TempDir) {
    let dir = TempDir::new().expect("a directory");
    let history = PlatformHistory::open(&dir.path().join("history.db")).expect("it opens");
    let company = parse_key_company(key.reveal()).expect("a whole key");
    let name = KeyName { name: "partner".to_owned(), last4: key.last4(), company };
    let holder = KeyClient { key: name, client: platform.partner(key) };
    let post = RateLimitedClient::new(vec![holder], platform.ambient.clone(), history, 100);
    let observed = Observed::serve(&post, &platform.ambient);
    observed.observer.poll_once(Duration::from_secs(60)).await;
    (observed, dir)
}

async fn diagnosed(platform: &Platform, partner: &PlatformClient, topic: PlaybookTopic) -> DiagnosisReport {
    // The Date header of the platform has the real time, which is days after its scripted clock.
    let lookback = Duration::from_secs(30 * 86_400);
    let scope = DiagnosisScope { lookback, ..DiagnosisScope::last_hour_of(DiagnosisSubject::All) };
    run_playbook(partner, &platform.ambient, topic, scope, None).await
}

fn ids(report: &DiagnosisReport) -> Vec<&str> {
    report.causes.iter().map(|cause| cause.id.as_str()).collect()
}

#[tokio::test]
async fn a_key_of_a_healthy_company_finds_no_cause_and_leaves_the_rest_unknown() {
    let platform = Platform::start().await;
    let stage = stage(&platform);
    let healthy = stage.run(&script("healthy")).await.expect("played");
    let scopes = KeyScope::ALL;
    let company = crow::wire::keys::CompanyRow {
        id: healthy.company,
        name: Some("Harbor".into()),
        created_utc: Some(platform.ambient.now()),
    };
    let key = platform.key(&company, &scopes).await;
    let (observer, _dir) = observed(&platform, &key).await;
    let partner = &observer.client;
    for topic in PlaybookTopic::ALL {
        let report = diagnosed(&platform, partner, topic).await;
        assert_eq!(ids(&report), [""; 0], "{topic}");
        for step in report.steps.iter().filter(|step| step.verdict == CheckVerdict::Pass) {
            assert!(
                !step.evidence.is_empty() || step.id == "managed-by",
                "{topic} {} passes without evidence",
                step.id
            );
        }
        let is_limited = report.n_unknown() > 0 || matches!(topic, PlaybookTopic::KeyNotWorking);
        assert!(is_limited, "{topic}: {:?}", report.steps);
    }
    let report = diagnosed(&platform, partner, PlaybookTopic::KeyNotWorking).await;
    assert_eq!(report.steps[0].verdict, CheckVerdict::Pass, "the key itself is let in");
}

#[tokio::test]
async fn a_key_finds_the_causes_that_its_company_and_answers_show() {
    let platform = Platform::start().await;
    let tripped = played(&platform, &[&script("breaker-tripped")]).await;
    let (observer, _dir) = observed(&platform, &tripped[0].keys[0]).await;
    let partner = &observer.client;
    for topic in [PlaybookTopic::Breaker, PlaybookTopic::WebhooksNotArriving] {
        let report = diagnosed(&platform, partner, topic).await;
        assert_eq!(ids(&report).first(), Some(&"breaker-tripped"), "{topic}: {:?}", report.steps);
        let mut whys = report.steps.iter().filter_map(|step| step.verdict.why());
        let unknown = whys.any(|why| why.contains("--token-file") || why.contains("Admin Portal"));
        assert!(unknown, "{topic}: {:?}", report.steps);
        let texts = serde_json::to_string(&report).expect("JSON");
        assert!(!texts.contains(": missed events"), "what is not counted there is not claimed: {texts}");
    }
    // It lacks events:read.
    let report = diagnosed(&platform, partner, PlaybookTopic::EventsMissing).await;
    assert_eq!(ids(&report), ["events-no-scope"], "{:?}", report.steps);
    assert!(report.causes[0].title.contains("partner (\u{2026}"), "{}", report.causes[0].title);

    let revoked = played(&platform, &[&script("key-revoked")]).await;
    let mut last = Vec::new();
    for key in &revoked[0].keys {
        let (observer, _dir) = observed(&platform, key).await;
        last = ids(&diagnosed(&platform, &observer.client, PlaybookTopic::KeyNotWorking).await)
            .into_iter()
            .map(ToOwned::to_owned)
            .chain(last)
            .collect();
    }
    assert!(last.contains(&"key-revoked".to_owned()), "{last:?}");
}

#[tokio::test]
async fn tickets_and_runbooks_of_a_key_name_what_is_unknown() {
    let platform = Platform::start().await;
    let tripped = played(&platform, &[&script("breaker-tripped")]).await;
    let key = &tripped[0].keys[0];
    let (observer, _dir) = observed(&platform, key).await;
    let partner = &observer.client;
    let id = platform.operator().overview(10).await.expect("an overview").subscriptions.items[0].subscription.id;
    let subject = DiagnosisSubject::Subscription(id);
    let case = collect_incident(partner, &platform.ambient, &IncidentScope::last_hour_of(vec![subject])).await;
    let made = build_bundle(&case, ResponseBodies::Included, &crow::domain::outbound::SecretGate::new([key]))
        .expect("no leak");
    let missing = made.ticket().missing.join("\n");
    for part in ["keys: ", "failed deliveries (", "Admin Portal"] {
        assert!(missing.contains(part), "{part} in {missing}");
    }
    assert_eq!(made.ticket().subscriptions.len(), 1);
    let run = begin_run(partner, &platform.ambient, Runbook::BreakerRecovery, subject).await;
    let run = resume_run(partner, &platform.ambient, run).await;
    assert!(
        matches!(&run.steps[0].verdict, CheckVerdict::Unknown(why) if why.contains("Admin Portal")),
        "{:?}",
        run.steps
    );
    let nobody = DiagnosisScope::last_hour_of(DiagnosisSubject::Subscription(SubscriptionId(9_999)));
    let report = run_with(partner, &platform, nobody).await;
    assert_eq!(report.conclusion(), DiagnosisConclusion::NotRun, "{:?}", report.steps);
    assert!(
        report
            .steps
            .iter()
            .filter_map(|step| step.verdict.why())
            .any(|why| why.contains("subscription 9999 does not exist"))
    );
}

async fn run_with(partner: &PlatformClient, platform: &Platform, wish: DiagnosisScope) -> DiagnosisReport {
    run_playbook(partner, &platform.ambient, PlaybookTopic::WebhooksNotArriving, wish, None).await
}
