//! The confusion matrix: every scenario really produces its fault, and the playbook of its topic names that cause first. `--nocapture` prints it.

use super::checkup;
use crate::support::platform::Platform;
use crow::client::connection::{ClientCredential, PlatformClient};
use crow::clock::RuntimeEnv;
use crow::database::exclusive_transaction::ExclusiveTransaction;
use crow::demo::scenario::runner::{RunningScenario, ScenarioRunner};
use crow::demo::scenario::script::ScenarioScript;
use crow::demo::scenario::{generated, library};
use crow::diagnose::diagnosis_subject::DiagnosisSubject;
use crow::diagnose::evidence_set::DiagnosisScope;
use crow::diagnose::playbook_topic::PlaybookTopic;
use crow::diagnose::report::{CheckVerdict, DiagnosisConclusion, DiagnosisReport, ReportedCheck};
use crow::diagnose::run::run_playbook;
use crow::domain::cause::CauseState;
use crow::domain::ids::{KeyId, SubscriptionId};
use crow::domain::secret::Secret;
use crow::domain::time::Timestamp;
use std::fmt::Write as _;
use std::path::Path;

/// Pairs that `cargo test` tries; `CROW_PAIRS=30` in the environment tries as many, and holds every scenario against every playbook.
const PAIRS: usize = 4;

/// Number of pairs of scenarios that `CROW_PAIRS` requests; `None` for the short form.
#[expect(clippy::disallowed_methods, reason = "the long form is asked for in the environment")]
pub(super) fn asked() -> Option<usize> {
    std::env::var("CROW_PAIRS").ok()?.parse().ok()
}

pub(super) fn stage(platform: &Platform) -> ScenarioRunner {
    let path = platform.database().path().expect("a file").to_owned();
    let hold = move || -> Result<Box<dyn Send>, String> {
        ExclusiveTransaction::begin(Path::new(&path))
            .map(|held| -> Box<dyn Send> { Box::new(held) })
            .map_err(|error| error.to_string())
    };
    ScenarioRunner { operator: platform.operator(), ambient: platform.ambient.clone(), lock_database: Box::new(hold) }
}

pub(super) async fn played(platform: &Platform, scripts: &[&ScenarioScript]) -> Vec<RunningScenario> {
    let stage = stage(platform);
    let mut played = Vec::new();
    for script in scripts {
        played.push(stage.run(script).await.unwrap_or_else(|error| panic!("{}: {error}", script.name)));
    }
    played
}

/// Playbook that diagnoses the fault of a scenario.
pub(super) fn topic_of(script: &ScenarioScript) -> PlaybookTopic {
    PlaybookTopic::named(&script.topic).unwrap_or_else(|| panic!("{}: no playbook {}", script.name, script.topic))
}

pub(super) async fn diagnosed(platform: &Platform, topic: PlaybookTopic) -> DiagnosisReport {
    run_playbook(
        &platform.operator(),
        &platform.ambient,
        topic,
        DiagnosisScope::last_hour_of(DiagnosisSubject::All),
        None,
    )
    .await
}

fn causes(report: &DiagnosisReport) -> Vec<&str> {
    report.causes.iter().map(|cause| cause.id.as_str()).collect()
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the matrix is there to be read")]
async fn every_scenario_has_its_cause_ranked_first_and_a_healthy_company_has_none() {
    let mut table = format!(
        "{:<22} {:<22} {:<34} also found elsewhere\n",
        "scenario", "topic", "causes in the order of their rank"
    );
    let mut wrong = Vec::new();
    for script in library::parse_written().expect("well formed") {
        let platform = Platform::start().await;
        let _played = played(&platform, &[&script]).await;
        wrong.extend(checkup::faults(&script.name, &checkup::asked(&platform).await));
        let mut elsewhere = Vec::new();
        let mut own = String::new();
        // In a healthy company no playbook may find anything; elsewhere the others are asked in the long form.
        let is_asked =
            |topic: &PlaybookTopic| *topic == topic_of(&script) || script.cause.is_none() || asked().is_some();
        for topic in PlaybookTopic::ALL.into_iter().filter(is_asked) {
            let report = diagnosed(&platform, topic).await;
            for step in &report.steps {
                let is_explained = step.verdict.why().is_none_or(|why| !why.is_empty());
                assert!(is_explained, "{}: {topic} {}", script.name, step.id);
            }
            if script.cause.is_none() && report.steps.iter().any(|step| step.verdict == CheckVerdict::Fail) {
                wrong.push(format!("{}: {topic} has a step that fails", script.name));
            }
            if let Some(remark) = script.remark.as_ref().filter(|_| topic == topic_of(&script)) {
                own.clone_from(remark);
                if !report.remarks.iter().any(|made| made.id == *remark) {
                    wrong.push(format!("{}: {topic} remarks {:?}", script.name, report.remarks));
                }
            }
            match (topic == topic_of(&script), &script.cause) {
                (true, Some(cause)) => {
                    own = causes(&report).join(", ");
                    if causes(&report).first() != Some(&cause.as_str()) {
                        wrong.push(format!("{}: {topic} gives {own:?}: {:?}", script.name, report.steps));
                    }
                }
                (_, None) if !report.causes.is_empty() => {
                    wrong.push(format!("{}: {topic} gives {:?}", script.name, report.causes));
                }
                (true, None) => {}
                (false, _) => elsewhere.extend(causes(&report).iter().map(|cause| format!("{topic}/{cause}"))),
            }
        }
        let _ = writeln!(table, "{:<22} {:<22} {own:<34} {}", script.name, script.topic, elsewhere.join(" "));
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{table}\n{}", wrong.join("\n"));
}

/// Generated scenarios that run on one platform: each is the noise of the others.
const AT_ONCE: usize = 8;
/// Causes of calls that belong to no company, so that only the whole platform has them.
const WITHOUT_COMPANY: [&str; 3] = ["key-not-sent", "key-wrong-prefix", "key-truncated"];

/// Every generated scenario has its cause first in its company, among other companies with faults of their own and
/// faults that were repaired. `CROW_PAIRS` in the environment runs each alone as well.
#[tokio::test]
#[expect(clippy::print_stdout, reason = "the matrix is there to be read")]
async fn every_generated_scenario_has_its_cause_ranked_first_amid_the_noise_of_others() {
    let written = library::parse_written().expect("well formed");
    let healthy = written.iter().find(|script| script.name == "healthy").expect("a scenario");
    let generated = generated::generate();
    let at_once: Vec<Vec<&ScenarioScript>> = match asked() {
        Some(_) => generated.iter().map(|script| vec![script]).collect(),
        None => Vec::new(),
    };
    // Scenarios of one fault are apart, so that no two neighbours are alike.
    let n_groups = generated.len().div_ceil(AT_ONCE);
    let groups = (0..n_groups).map(|group| generated.iter().skip(group).step_by(n_groups).collect());
    let (mut table, mut wrong) = (String::new(), Vec::new());
    for group in groups.chain(at_once) {
        let group: Vec<&ScenarioScript> = group;
        let platform = Platform::start().await;
        let all: Vec<&ScenarioScript> = std::iter::once(healthy).chain(group.iter().copied()).collect();
        let played = played(&platform, &all).await;
        for (script, running) in all.iter().zip(&played) {
            let Some(cause) = script.cause.as_deref() else { continue };
            let is_homeless = WITHOUT_COMPANY.contains(&cause);
            let subject = if is_homeless { DiagnosisSubject::All } else { DiagnosisSubject::Company(running.company) };
            let scope = DiagnosisScope::last_hour_of(subject);
            let report = run_playbook(&platform.operator(), &platform.ambient, topic_of(script), scope, None).await;
            let found = causes(&report);
            let is_right = if is_homeless { found.contains(&cause) } else { found.first() == Some(&cause) };
            if !is_right {
                wrong.push(format!("{}: {cause}: {found:?}", script.name));
            }
            let _ = writeln!(table, "{:<24} {:<22} {}", script.name, script.topic, found.join(", "));
        }
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{table}\n{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the matrix is there to be read")]
async fn two_scenarios_at_once_are_both_explained() {
    let scripts: Vec<ScenarioScript> =
        library::parse_all().expect("well formed").into_iter().filter(|script| script.cause.is_some()).collect();
    let dice = RuntimeEnv::scripted(Timestamp::from_millis(0), 20_261_124);
    let n_pairs = asked().unwrap_or(PAIRS);
    let mut wrong = Vec::new();
    for _ in 0..n_pairs {
        let first = dice.random_below(scripts.len());
        let second = (first + 1 + dice.random_below(scripts.len() - 1)) % scripts.len();
        let pair = [&scripts[first], &scripts[second]];
        let platform = Platform::start().await;
        let _played = played(&platform, &pair).await;
        let mut found = Vec::new();
        for script in pair {
            let report = diagnosed(&platform, topic_of(script)).await;
            let cause = script.cause.as_deref().expect("not the healthy one");
            if !causes(&report).contains(&cause) {
                wrong.push(format!(
                    "{} beside {} and {}: {:?}",
                    script.name,
                    pair[0].name,
                    pair[1].name,
                    causes(&report)
                ));
            }
            found.push(format!("{}: {}", script.name, causes(&report).join(", ")));
        }
        println!("{:<70} | {}", found[0], found[1]);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_subject_narrows_a_diagnosis_and_a_missing_subject_is_unknown() {
    let all = library::parse_all().expect("well formed");
    let pick = |name: &str| all.iter().find(|script| script.name == name).expect("a scenario");
    let platform = Platform::start().await;
    let played = played(&platform, &[pick("endpoint-500"), pick("endpoint-redirects"), pick("scope-missing")]).await;
    let about = async |topic, subject| {
        run_playbook(&platform.operator(), &platform.ambient, topic, DiagnosisScope::last_hour_of(subject), None).await
    };
    let report = about(PlaybookTopic::WebhooksNotArriving, DiagnosisSubject::Company(played[1].company)).await;
    assert_eq!(causes(&report), ["endpoint-redirects"]);
    let ids: Vec<_> = platform.operator().overview(10).await.expect("an overview").subscriptions.items;
    let failing = ids.iter().find(|row| row.subscription.company_id == played[0].company).expect("a subscription");
    let report =
        about(PlaybookTopic::WebhooksNotArriving, DiagnosisSubject::Subscription(failing.subscription.id)).await;
    assert_eq!(causes(&report), ["endpoint-500"]);
    let keys = platform.operator().keys().await.expect("keys").items;
    let forms = keys.iter().find(|key| key.name.raw() == "Website Forms").expect("a key");
    assert_eq!(causes(&about(PlaybookTopic::Permissions, DiagnosisSubject::Key(forms.id)).await), ["scope-missing"]);
    let other = keys.iter().find(|key| key.name.raw() == "n8n Workflows").expect("a key");
    assert_eq!(causes(&about(PlaybookTopic::Permissions, DiagnosisSubject::Key(other.id)).await), [""; 0]);
    for subject in [DiagnosisSubject::Subscription(SubscriptionId(9_999)), DiagnosisSubject::Key(KeyId(9_999))] {
        let topic = if matches!(subject, DiagnosisSubject::Key(_)) {
            PlaybookTopic::KeyNotWorking
        } else {
            PlaybookTopic::WebhooksNotArriving
        };
        let report = about(topic, subject).await;
        assert!(report.causes.is_empty());
        let is_said = |step: &ReportedCheck| step.verdict.why().is_some_and(|why| why.contains("does not exist"));
        assert!(report.steps.iter().any(is_said), "{:?}", report.steps);
    }
}

#[tokio::test]
async fn a_run_again_is_fresh_and_keeps_earlier_answers_where_there_are_none_now() {
    let all = library::parse_all().expect("well formed");
    let script = all.iter().find(|script| script.name == "key-revoked").expect("a scenario");
    let platform = Platform::start().await;
    let _played = played(&platform, &[script]).await;
    let whole = diagnosed(&platform, PlaybookTopic::KeyNotWorking).await;
    let mut old = whole.clone();
    old.steps[0].evidence[0].value = "asked long ago".into();
    let wish = DiagnosisScope::last_hour_of(DiagnosisSubject::All);
    let topic = PlaybookTopic::KeyNotWorking;
    let again = run_playbook(&platform.operator(), &platform.ambient, topic, wish, Some(&old)).await;
    assert_eq!((&again.steps, &again.causes), (&whole.steps, &whole.causes), "what is answered now replaces what was");
    let nobody = ClientCredential::Operator(Secret::new(format!("wlop_{}", "x".repeat(43))));
    let nobody = PlatformClient::new(&platform.address, nobody).expect("a client");
    let kept = run_playbook(&nobody, &platform.ambient, topic, wish, Some(&old)).await;
    assert_eq!(kept.steps, old.steps, "answers stay, with their evidence and its times");
    assert_eq!(causes(&kept), causes(&whole));
    assert!(kept.causes.iter().all(|cause| cause.occurrence.state == CauseState::Unknown), "{:?}", kept.causes);
    assert_eq!(kept.conclusion(), DiagnosisConclusion::Undecided);
}
