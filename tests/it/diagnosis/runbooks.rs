//! Run-books over a platform on which the work is really done, step by step.

use crate::support::platform::Platform;
use crate::support::receiver::{Behaviour, Receiver};
use crow::diagnose::diagnosis_subject::DiagnosisSubject;
use crow::diagnose::report::CheckVerdict;
use crow::diagnose::runbook::resume_run;
use crow::diagnose::runbook_kind::Runbook;
use crow::diagnose::runbook_progress::RunbookProgress;
use crow::domain::scope::KeyScope;
use crow::wire::changes::{self, NoBody};
use crow::wire::keys::NewKey;
use crow::wire::subscriptions::{EnableSubscription, TestDelivery};
use std::time::Duration;

fn begun(platform: &Platform, runbook: Runbook, subject: DiagnosisSubject) -> RunbookProgress {
    let now = platform.ambient.now();
    RunbookProgress { runbook, subject, begun_utc: now, checked_utc: now, steps: Vec::new() }
}

async fn checked(platform: &Platform, run: &RunbookProgress) -> (RunbookProgress, Vec<&'static str>) {
    let run = resume_run(&platform.operator(), &platform.ambient, run.clone()).await;
    let verdicts = run.steps.iter().map(|step| step.verdict.name()).collect();
    (run, verdicts)
}

#[tokio::test]
async fn a_key_rotation_creates_the_new_key_before_revoking_the_old() {
    let platform = Platform::start().await;
    let company = platform.company("Acme").await;
    let old = platform.key(&company, &[KeyScope::EventsRead]).await;
    let operator = platform.operator();
    let old_id = operator.keys().await.expect("keys").items[0].id;
    platform.partner(&old).events(None, 1).await.expect("a page");
    platform.advance(Duration::from_secs(1));
    let run = begun(&platform, Runbook::KeyRotation, DiagnosisSubject::Key(old_id));
    let (run, verdicts) = checked(&platform, &run).await;
    assert_eq!(verdicts, ["fail", "skipped", "skipped", "skipped"]);
    let wish =
        NewKey { company_id: company.id, name: "new".to_owned(), scopes: vec![KeyScope::EventsRead], limits: None };
    let new = operator.change(&changes::CREATE_KEY, &wish).await.expect("a key").key.into_secret();
    let (run, verdicts) = checked(&platform, &run).await;
    assert_eq!(verdicts, ["pass", "fail", "skipped", "skipped"]);
    platform.partner(&new).events(None, 1).await.expect("a page");
    let (run, _) = checked(&platform, &run).await;
    assert_eq!(run.steps[1].verdict, CheckVerdict::Pass);
    platform.advance(Duration::from_secs(16 * 60));
    let (run, verdicts) = checked(&platform, &run).await;
    assert_eq!(verdicts, ["pass", "pass", "pass", "fail"], "{:?}", run.steps);
    operator.change(changes::REVOKE_KEY.at(old_id), &NoBody {}).await.expect("revoked");
    let (run, _) = checked(&platform, &run).await;
    assert!(run.is_over());
    let text = serde_json::to_string(&run).expect("JSON");
    assert_eq!(serde_json::from_str::<RunbookProgress>(&text).expect("it is kept"), run);
}

#[tokio::test]
async fn a_tripped_breaker_is_recovered_step_by_step_and_done_steps_stay_done() {
    let platform = Platform::start().await;
    let company = platform.company("Acme").await;
    let receiver = Receiver::start(&[Behaviour::Status(500)]).await;
    let id = platform.subscribe(&company, &receiver.url).await.subscription.id;
    for _ in 0..20 {
        platform.emit(company.id).await;
    }
    let operator = platform.operator();
    platform.until("it trips", async || !operator.subscription(id).await.expect("it").subscription.is_enabled).await;
    platform.advance(Duration::from_secs(5));
    let run = begun(&platform, Runbook::BreakerRecovery, DiagnosisSubject::Subscription(id));
    let (run, verdicts) = checked(&platform, &run).await;
    assert_eq!(verdicts, ["fail", "skipped", "skipped", "skipped"]);
    receiver.becomes(&[Behaviour::Status(200)]);
    operator.change(changes::TEST_SUBSCRIPTION.at(id), &TestDelivery::default()).await.expect("a test");
    let (run, verdicts) = checked(&platform, &run).await;
    assert_eq!(verdicts, ["pass", "fail", "skipped", "skipped"], "{:?}", run.steps);
    operator.change(changes::ENABLE_SUBSCRIPTION.at(id), &EnableSubscription::default()).await.expect("enabled");
    let (run, verdicts) = checked(&platform, &run).await;
    assert_eq!(verdicts[..2], ["pass", "pass"], "{:?}", run.steps);
    platform.emit(company.id).await;
    let succeeded = async || operator.subscription(id).await.expect("it").subscription.last_success_utc.is_some();
    platform.advance_until("a delivery succeeds", succeeded).await;
    let (run, verdicts) = checked(&platform, &run).await;
    assert_eq!(verdicts[..3], ["pass", "pass", "pass"], "{:?}", run.steps);
}

#[tokio::test]
async fn runbooks_replace_a_lost_secret_and_restore_an_earlier_configuration() {
    let platform = Platform::start().await;
    let company = platform.company("Acme").await;
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let old = platform.subscribe(&company, &receiver.url).await.subscription.id;
    let operator = platform.operator();
    let run = begun(&platform, Runbook::LostSecret, DiagnosisSubject::Subscription(old));
    let (run, verdicts) = checked(&platform, &run).await;
    assert_eq!(verdicts, ["fail", "skipped", "skipped"]);
    let new = platform.subscribe(&company, &receiver.url).await.subscription.id;
    platform.emit(company.id).await;
    let succeeded = async || operator.subscription(new).await.expect("it").subscription.last_success_utc.is_some();
    platform.until("the new one delivers", succeeded).await;
    let (_, verdicts) = checked(&platform, &run).await;
    assert_eq!(verdicts, ["pass", "pass", "fail"]);
    let run = begun(&platform, Runbook::Rollback, DiagnosisSubject::Subscription(old));
    let (run, verdicts) = checked(&platform, &run).await;
    assert_eq!(verdicts, ["fail", "skipped", "skipped"], "{:?}", run.steps);
}
