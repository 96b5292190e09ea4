//! Playbooks narrowed to one subscription, key or company: nothing is said of more than that, and what is well has no cause.

use super::demo::Demo;
use super::matrix::played;
use crate::support::platform::{Platform, until};
use crate::support::receiver::{Behaviour, Receiver};
use crow::client::connection::{ClientCredential, PlatformClient};
use crow::clock::RuntimeEnv;
use crow::demo::scenario::library;
use crow::diagnose::diagnosis_subject::DiagnosisSubject;
use crow::diagnose::evidence_set::DiagnosisScope;
use crow::diagnose::playbook_topic::{PlaybookTopic, topics_for};
use crow::diagnose::report::{CheckVerdict, DiagnosisConclusion, DiagnosisReport};
use crow::diagnose::run::run_playbook;
use crow::domain::event::EventType;
use crow::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crow::domain::scope::KeyScope;
use crow::domain::secret::Secret;
use crow::wire::changes;
use crow::wire::events::NewEvent;
use crow::wire::page::Page;
use crow::wire::requests::RequestRow;
use std::collections::BTreeSet;

/// Everything that can be looked at, with the names by which keys are called.
struct World {
    subscriptions: Vec<(SubscriptionId, CompanyId)>,
    keys: Vec<(KeyId, CompanyId, String)>,
}

impl World {
    async fn of(client: &PlatformClient) -> Self {
        let rows = client.subscription_rows().await.expect("subscriptions").items;
        let keys = client.keys().await.expect("keys").items;
        Self {
            subscriptions: rows.iter().map(|row| (row.subscription.id, row.subscription.company_id)).collect(),
            keys: keys.iter().map(|key| (key.id, key.company_id, key.name.sanitized())).collect(),
        }
    }

    fn companies(&self) -> BTreeSet<CompanyId> {
        let of_keys = self.keys.iter().map(|(_, company, _)| *company);
        self.subscriptions.iter().map(|(_, company)| *company).chain(of_keys).collect()
    }

    fn subjects(&self) -> Vec<DiagnosisSubject> {
        let subscriptions = self.subscriptions.iter().map(|(id, _)| DiagnosisSubject::Subscription(*id));
        let keys = self.keys.iter().map(|(id, ..)| DiagnosisSubject::Key(*id));
        subscriptions.chain(keys).chain(self.companies().into_iter().map(DiagnosisSubject::Company)).collect()
    }

    /// Words that name something beside a subject: what belongs to a company may be named where the company is looked at.
    fn foreign(&self, subject: DiagnosisSubject) -> Vec<String> {
        let of_company = |company: CompanyId| subject == DiagnosisSubject::Company(company);
        let home = match subject {
            DiagnosisSubject::All => return Vec::new(),
            DiagnosisSubject::Company(id) => Some(id),
            DiagnosisSubject::Key(id) => self.keys.iter().find(|key| key.0 == id).map(|key| key.1),
            DiagnosisSubject::Subscription(id) => self.subscriptions.iter().find(|of| of.0 == id).map(|of| of.1),
        };
        let mut words = Vec::new();
        for (id, company) in &self.subscriptions {
            if subject != DiagnosisSubject::Subscription(*id) && !of_company(*company) {
                words.push(format!("subscription {id}"));
            }
        }
        for (id, company, name) in &self.keys {
            if subject != DiagnosisSubject::Key(*id) && !of_company(*company) {
                words.extend([format!("key {id}"), name.clone()]);
            }
        }
        words.extend(self.companies().into_iter().filter(|id| Some(*id) != home).map(|id| format!("company {id}")));
        words
    }
}

/// Lists every sentence of a report.
fn sentences(report: &DiagnosisReport) -> Vec<String> {
    let steps = report.steps.iter().flat_map(|step| {
        let why = step.verdict.why().map(ToOwned::to_owned);
        why.into_iter().chain(step.evidence.iter().map(|of| format!("{}: {}", of.query, of.value.sanitized())))
    });
    let causes = report.causes.iter().flat_map(|cause| {
        let evidence = cause.evidence.iter().map(|of| format!("{}: {}", of.query, of.value.sanitized()));
        [cause.title.clone(), cause.resolution.clone()].into_iter().chain(evidence)
    });
    let remarks = report.remarks.iter().flat_map(|remark| {
        let evidence = remark.evidence.iter().map(|of| format!("{}: {}", of.query, of.value.sanitized()));
        [remark.title.clone()].into_iter().chain(evidence)
    });
    steps.chain(causes).chain(remarks).collect()
}

/// Checks whether a sentence contains a word as a whole: `key 1` is not in `key 17`.
fn says(sentence: &str, word: &str) -> bool {
    let goes_on = |rest: &str| rest.starts_with(|next: char| next.is_ascii_alphanumeric());
    sentence.match_indices(word).any(|(at, _)| !goes_on(&sentence[at + word.len()..]))
}

/// Lists the sentences of a report that name another subject than the report's own.
fn too_wide(world: &World, report: &DiagnosisReport) -> Vec<String> {
    let foreign = world.foreign(report.subject);
    let said = sentences(report);
    let names = |sentence: &&String| foreign.iter().any(|word| says(sentence, word));
    said.iter().filter(names).map(|said| format!("{} over {}: {said}", report.topic, report.subject)).collect()
}

async fn asked(
    client: &PlatformClient,
    ambient: &RuntimeEnv,
    topic: PlaybookTopic,
    subject: DiagnosisSubject,
) -> DiagnosisReport {
    run_playbook(client, ambient, topic, DiagnosisScope::last_hour_of(subject), None).await
}

/// Describes the difference between a report and that of a healthy subject; `None` if there is none. Unknown checks are allowed.
fn ill(report: &DiagnosisReport) -> Option<String> {
    let is_well = report.causes.is_empty() && report.steps.iter().all(|step| step.verdict != CheckVerdict::Fail);
    let is_fitting =
        report.topic == PlaybookTopic::ManagedSubscription || topics_for(report.subject).contains(&report.topic);
    let open = report.open_question().map(|step| step.verdict.why().unwrap_or_default());
    let is_decided = match (report.conclusion(), open) {
        (DiagnosisConclusion::NoCause, _) => is_fitting,
        (DiagnosisConclusion::Undecided, Some(why)) => is_fitting && is_nothing_to_judge(why),
        (DiagnosisConclusion::NotRun, Some(why)) => {
            !is_fitting && why.contains(" is about ") || is_nothing_to_judge(why)
        }
        _ => false,
    };
    (!is_well || !is_decided)
        .then(|| format!("{} over {}: {:?} {:?}", report.topic, report.subject, report.causes, report.steps))
}

/// The only reasons for which the main question may stay open where all is well: there was nothing to judge by.
fn is_nothing_to_judge(why: &str) -> bool {
    ["no call of ", "no write arrived", "no event poll was answered", "no events in the period"]
        .into_iter()
        .any(|reason| why.starts_with(reason))
}

#[tokio::test]
async fn a_healthy_platform_has_no_cause_for_any_subject_and_no_report_names_another_subject() {
    let all = library::parse_all().expect("well formed");
    let healthy = all.iter().find(|script| script.name == "healthy").expect("a scenario");
    let platform = Platform::start().await;
    let _played = played(&platform, &[healthy]).await;
    let client = platform.operator();
    let world = World::of(&client).await;
    assert_eq!((world.subscriptions.len(), world.keys.len()), (2, 3));
    let mut wrong = Vec::new();
    let mut n_decided = 0;
    for subject in world.subjects() {
        for topic in PlaybookTopic::ALL {
            let report = asked(&client, &platform.ambient, topic, subject).await;
            wrong.extend(ill(&report));
            wrong.extend(too_wide(&world, &report));
            n_decided += usize::from(report.conclusion() == DiagnosisConclusion::NoCause);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(n_decided > 30, "{n_decided} reports said that nothing is wrong");
}

#[tokio::test]
async fn healthy_subjects_of_the_demo_have_no_cause_and_no_report_names_another_subject() {
    let demo = Demo::world();
    let token = std::fs::read_to_string(demo.dir.path().join("data/operator.token")).expect("the token");
    let client = PlatformClient::new(&demo.url, ClientCredential::Operator(Secret::new(token.trim().to_owned())))
        .expect("a client");
    let rows = async || client.subscription_rows().await.expect("subscriptions").items;
    until("everything that is on was tried", async || {
        let rows = rows().await;
        rows.len() >= 9
            && rows.iter().all(|row| row.subscription.last_attempt_utc.is_some() || !row.subscription.is_enabled)
    })
    .await;
    let refused = async |key: KeyId| {
        let query = [("key", key.to_string()), ("limit", "200".to_owned())];
        let page: Page<RequestRow> = client.get_any("/portal/v1/requests", &query).await.expect("requests");
        page.items.iter().filter(|row| row.status >= Some(400)).count()
    };
    let ambient = RuntimeEnv::real();
    let world = World::of(&client).await;
    let (mut wrong, mut n_well) = (Vec::new(), 0);
    for subject in world.subjects() {
        for topic in PlaybookTopic::ALL {
            let report = asked(&client, &ambient, topic, subject).await;
            wrong.extend(too_wide(&world, &report));
            // Looked at after the report: what is well then was well before.
            let is_well = match subject {
                DiagnosisSubject::Subscription(id) => rows().await.iter().any(|row| {
                    let of = &row.subscription;
                    let never_failed = row.health.expect("its health").last_24h.n_failed == 0;
                    of.id == id && of.is_enabled && of.consecutive_failures == Some(0) && never_failed
                }),
                DiagnosisSubject::Key(id) => {
                    world.keys.iter().any(|key| key.0 == id && key.2 != "Old Integration") && refused(id).await == 0
                }
                DiagnosisSubject::Company(_) | DiagnosisSubject::All => false,
            };
            if is_well {
                n_well += 1;
                wrong.extend(ill(&report));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(n_well > 60, "{n_well} reports were over what is well");
}

#[tokio::test]
async fn a_type_that_was_removed_is_a_cause_and_one_that_was_never_listed_a_remark() {
    let all = library::parse_all().expect("well formed");
    let script = all.iter().find(|script| script.name == "type-not-subscribed").expect("a scenario");
    let platform = Platform::start().await;
    let played = played(&platform, &[script]).await;
    let client = platform.operator();
    let about = async |subject| asked(&client, &platform.ambient, PlaybookTopic::WebhooksNotArriving, subject).await;
    let (id, company) = World::of(&client).await.subscriptions[0];
    assert_eq!(company, played[0].company);
    for subject in [DiagnosisSubject::Company(company), DiagnosisSubject::Subscription(id)] {
        let causes = about(subject).await.causes;
        assert_eq!(causes.iter().map(|cause| cause.id.as_str()).collect::<Vec<_>>(), ["type-not-subscribed"]);
        let title = &causes[0].title;
        assert!(title.contains("payment.failed removed at ") && title.ends_with("(3 events)"), "{title}");
    }
    let never_listed =
        NewEvent { company_id: company, kind: EventType::AgreementSigned, payload: None, metadata: None };
    client.change(&changes::EMIT_EVENT, &never_listed).await.expect("an event");
    for (subject, words) in [
        (DiagnosisSubject::Company(company), format!("no subscription of company {company} lists")),
        (DiagnosisSubject::Subscription(id), format!("subscription {id} does not list")),
    ] {
        let report = about(subject).await;
        assert_eq!(report.causes.len(), 1, "{:?}", report.causes);
        let remark = report.remarks.iter().find(|remark| remark.title.starts_with(&words));
        let remark = remark.unwrap_or_else(|| panic!("{words}: {:?}", report.remarks));
        assert!(remark.title.contains("agreement.signed \u{d7}1"), "{}", remark.title);
    }
}

#[tokio::test]
async fn calls_without_a_readable_key_belong_to_no_key_and_a_mistyped_key_to_its_owner() {
    let platform = Platform::lively().await;
    let (one, other) = (platform.company("Acme").await, platform.company("Globex").await);
    let (key, others) = (platform.key(&one, &KeyScope::ALL).await, platform.key(&other, &KeyScope::ALL).await);
    let call = async |key: &str| {
        let request = platform.http.get(format!("{}/api/v1/events", platform.address));
        let request = if key.is_empty() { request } else { request.header("x-api-key", key) };
        request.send().await.expect("an answer").status().as_u16()
    };
    let good = key.reveal().to_owned();
    let mut mistyped = good.clone().into_bytes();
    let at = mistyped.len() - 20;
    mistyped[at] = if mistyped[at] == b'A' { b'B' } else { b'A' };
    let mistyped = String::from_utf8(mistyped).expect("ASCII");
    assert_eq!((call(&good).await, call(others.reveal()).await), (200, 200));
    assert_eq!((call("").await, call(&good[..30]).await, call(&mistyped).await), (401, 401, 401));
    let client = platform.operator();
    let about = async |subject| asked(&client, &platform.ambient, PlaybookTopic::KeyNotWorking, subject).await;
    let ids = |report: &DiagnosisReport| report.causes.iter().map(|cause| cause.id.clone()).collect::<Vec<_>>();
    // One call without a key, of a system that never had one, is no fault.
    let is_logged = async || {
        let all = about(DiagnosisSubject::All).await;
        (ids(&all).len(), all.remarks.len()) == (2, 1)
    };
    platform.until("all five are in the log", is_logged).await;
    assert_eq!(ids(&about(DiagnosisSubject::Company(other.id)).await), [""; 0]);
    let mine = about(DiagnosisSubject::Company(one.id)).await;
    assert_eq!(ids(&mine), ["key-mistyped"], "{:?}", mine.causes);
    assert!(mine.causes[0].title.contains("differs before that"), "{}", mine.causes[0].title);
    let world = World::of(&client).await;
    for (id, company, _) in &world.keys {
        let expected: &[&str] = if *company == one.id { &["key-mistyped"] } else { &[] };
        assert_eq!(ids(&about(DiagnosisSubject::Key(*id)).await), expected, "key {id}");
    }
}

#[tokio::test]
async fn a_narrowed_diagnosis_requests_narrowed_rows_and_unread_rows_prove_nothing() {
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let platform = Platform::lively().await;
    let (loud, quiet) = (platform.company("Acme").await, platform.company("Globex").await);
    platform.subscribe(&quiet, &receiver.url).await;
    let client = platform.operator();
    let unlisted = NewEvent { company_id: quiet.id, kind: EventType::PaymentFailed, payload: None, metadata: None };
    client.change(&changes::EMIT_EVENT, &unlisted).await.expect("an event");
    // More than are read of any list.
    for _ in 0..1_001 {
        platform.emit(loud.id).await;
    }
    let about = async |subject| asked(&client, &platform.ambient, PlaybookTopic::WebhooksNotArriving, subject).await;
    let step =
        |report: &DiagnosisReport, id: &str| report.steps.iter().find(|step| step.id == id).expect("a step").clone();
    let whole = about(DiagnosisSubject::All).await;
    for id in ["types-subscribed", "events-happened"] {
        let why = step(&whole, id).verdict.why().map(ToOwned::to_owned);
        assert!(why.is_some_and(|why| why.contains("is incomplete")), "{:?}", step(&whole, id));
    }
    assert!(whole.causes.is_empty(), "{:?}", whole.causes);
    let narrowed = about(DiagnosisSubject::Company(quiet.id)).await;
    assert_eq!(narrowed.causes.len(), 0);
    let remarks: Vec<&str> = narrowed.remarks.iter().map(|remark| remark.id.as_str()).collect();
    assert_eq!(remarks, ["type-not-subscribed"]);
    let missing = about(DiagnosisSubject::Company(loud.id)).await;
    assert_eq!(missing.causes.len(), 0);
    let events =
        asked(&client, &platform.ambient, PlaybookTopic::Discrepancy, DiagnosisSubject::Company(loud.id)).await;
    let said = sentences(&events);
    assert!(said.iter().any(|said| said.contains("events published") && said.ends_with("at least 1000")), "{said:?}");
}
