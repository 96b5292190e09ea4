//! Bundles of every scenario: all that the guide asks for is in them, and no secret is.

use super::matrix::{played, topic_of};
use crate::support::platform::Platform;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use crow::demo::scenario::library;
use crow::demo::scenario::script::ScenarioScript;
use crow::diagnose::diagnosis_subject::DiagnosisSubject;
use crow::diagnose::incident::{IncidentEvidence, IncidentScope, OperatorSelection, collect_incident};
use crow::domain::ids::{AttemptId, SubscriptionId};
use crow::domain::outbound::SecretGate;
use crow::domain::secret::Secret;
use crow::export::bundle::{TicketBundle, build_bundle};
use crow::export::ticket::ResponseBodies;
use crow::wire::log::{EventQuery, RequestQuery};

/// Twelve secrets of the kinds that there are; none of them is in use.
fn canaries() -> Vec<String> {
    let tail = |n: usize| -> String {
        (0..43).map(|at| char::from(b"abcdefghijkmnpqrstuvwxyz23456789"[(at * 7 + n * 5) % 32])).collect()
    };
    let keys = (0..4).map(|n| format!("wlcro_live_92_{}", tail(n)));
    let tokens = (4..8).map(|n| format!("wlop_{}", tail(n)));
    let secrets = (8..12).map(|n| STANDARD.encode(tail(n)));
    keys.chain(tokens).chain(secrets).collect()
}

/// A secret in eight disguises.
fn disguised(secret: &str) -> [String; 8] {
    let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let unicode: String = secret.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    [
        secret.to_owned(),
        percent.replace('%', "%25"),
        percent,
        STANDARD.encode(format!("x{secret}")),
        URL_SAFE_NO_PAD.encode(secret),
        hex::encode(secret),
        unicode,
        format!("{}\r\n  {}", &secret[..20], &secret[20..]),
    ]
}

fn carries(bundle: &TicketBundle, secret: &str) -> bool {
    let text: String = bundle.files().iter().map(|file| file.text.as_str().to_owned()).collect();
    let bare: String = text.chars().filter(|c| !c.is_whitespace() && *c != '\\').collect();
    disguised(secret).iter().any(|form| {
        let form: String = form.chars().filter(|c| !c.is_whitespace() && *c != '\\').collect();
        text.contains(&form) || bare.contains(&form)
    })
}

async fn case(platform: &Platform, topic: crow::diagnose::playbook_topic::PlaybookTopic) -> IncidentEvidence {
    let matter = IncidentScope { topic: Some(topic), ..IncidentScope::last_hour_of(vec![DiagnosisSubject::All]) };
    collect_incident(&platform.operator(), &platform.ambient, &matter).await
}

#[tokio::test]
async fn x1_the_ticket_of_every_scenario_has_the_parts_of_the_guide_and_no_secret() {
    let canaries = canaries();
    for script in library::parse_written().expect("well formed") {
        let platform = Platform::start().await;
        let played = played(&platform, &[&script]).await;
        let case = case(&platform, topic_of(&script)).await;
        let planted: Vec<Secret> = canaries.iter().map(|text| Secret::new(text.clone())).collect();
        let known: Vec<&Secret> = planted.iter().chain(&played[0].keys).collect();
        let bundle = build_bundle(&case, ResponseBodies::Included, &SecretGate::new(known.iter().copied()))
            .unwrap_or_else(|error| panic!("{}: {error}", script.name));
        for secret in &known {
            assert!(!carries(&bundle, secret.reveal()), "{}", script.name);
        }
        let ticket = bundle.ticket();
        let text: String = bundle.files().iter().map(|file| file.text.as_str().to_owned()).collect();
        assert!(ticket.versions.platform.is_some() && ticket.clock_ahead_ms.is_some(), "{}", script.name);
        assert!(
            !ticket.reasons.is_empty() && ticket.reproduce.len() > 1 && !ticket.missing.is_empty(),
            "{}",
            script.name
        );
        if let Some(cause) = &script.cause {
            let found = &ticket.playbooks[0];
            assert_eq!(found.causes.first().map(|of| &of.id), Some(cause), "{}: {:?}", script.name, found.steps);
            assert!(!found.causes[0].resolution.is_empty());
        }
        for of in &ticket.requests {
            assert!(!of.request_id.is_empty() && of.detail.is_some(), "{}: {of:?}", script.name);
        }
        for of in &ticket.failures {
            assert!(of.body.is_some() || of.error.is_some() || of.outcome.starts_with('3'), "{}: {of:?}", script.name);
        }
        for key in played[0].keys.iter().filter(|_| !ticket.requests.is_empty()) {
            let is_asked = ticket.requests.iter().any(|of| of.last4.as_deref() == Some(&*key.last4()));
            assert!(!is_asked || ticket.keys.iter().any(|of| of.last4 == key.last4()), "{}", script.name);
        }
        assert!(text.contains("\"sha256\""));
        let lacks = unworkable(&script, &case, &bundle);
        assert!(lacks.is_empty(), "{}: {lacks:?}\n{}", script.name, bundle.files()[0].text.as_str());
    }
}

/// Lists what keeps a reader who knows only the guide from acting on a ticket.
fn unworkable(script: &ScenarioScript, case: &IncidentEvidence, bundle: &TicketBundle) -> Vec<String> {
    let (ticket, text) = (bundle.ticket(), bundle.files()[0].text.as_str());
    let mut lacks = Vec::new();
    let mut need = |is_there: bool, what: &str| lacks.extend((!is_there).then(|| what.to_owned()));
    for odd in ["(none found)", "everything", "\\&", "equal parts", "subscription or key, with its partner"] {
        need(!text.contains(odd), odd);
    }
    need(text.contains("- Period examined: "), "the period");
    let posts = ticket.reproduce.iter().filter(|line| line.contains("-X 'POST'") || line.contains("-X 'PATCH'"));
    need(posts.into_iter().all(|line| line.contains("--data-binary @body.json")), "the body of a call");
    let keys = case.keys.found.iter().flatten().map(|row| format!("key {}", row.id));
    let rows = case.subscriptions.found.iter().flatten().map(|row| format!("subscription {}", row.subscription.id));
    let involved: Vec<String> = keys.chain(rows).collect();
    // The callers may be unknown to the platform: then any change before may be the one.
    let change = ticket.last_change.iter().filter(|_| !involved.is_empty());
    for act in change.chain(&ticket.acts) {
        need(involved.contains(&act.subject), &format!("an object for {act:?}"));
    }
    if script.cause.is_none() {
        return lacks;
    }
    let impact = &ticket.impact;
    need(impact.since_utc.is_some() || impact.causes.iter().any(|of| of.contains("since 2")), "impact and since when");
    need(ticket.comparison.actual != "no failure was read", "actual");
    need(ticket.responsible.is_some(), "responsible");
    let is_signature = script.topic == "signature" || script.name == "lost-secret";
    for of in ticket.failures.iter().filter(|_| is_signature) {
        for name in ["X-Wlcro-Timestamp", "X-Wlcro-Signature"] {
            let sent = of.sent_headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            need(sent.is_some_and(|of| !of.value.contains("redacted")), name);
        }
        need(of.n_sent_bytes.is_some_and(|n| n > 2) && of.peer.is_some() && of.target.is_some(), "what was sent where");
    }
    let has_sender = ticket.sender.as_ref().is_some_and(|of| of.contains("User-Agent ") && of.contains("addresses"));
    need(script.name != "endpoint-refused" || has_sender, "the sender");
    let change = ticket.last_change.as_ref().map(|act| act.action.as_str());
    for (name, action) in [
        ("key-revoked", "revoke key"),
        ("sub-disabled", "disable subscription"),
        ("channel-gap", "disable subscription"),
        ("type-not-subscribed", "change subscription"),
    ] {
        need(script.name != name || change == Some(action), &format!("the last change, not {change:?}"));
    }
    let is_unsent = |outcome: &str| ["tls", "refused", "dns", "blocked"].contains(&outcome);
    let claimed = ticket.failures.iter().find(|of| is_unsent(&of.outcome) && of.n_sent_bytes.is_some());
    need(claimed.is_none(), "nothing was sent");
    let is_poll = script.topic == "events-missing" && ticket.requests.is_empty();
    need(!is_poll || text.contains("/api/v1/events?"), "the poll");
    need(ticket.trend.is_empty() || !text.contains("0 of 0"), "the trend");
    let has_expiry =
        ticket.failures.iter().any(|of| of.error.as_ref().is_some_and(|error| error.contains("has expired at 2")));
    need(script.name != "endpoint-tls-expired" || has_expiry, "when the certificate expired");
    lacks
}

/// Scenarios whose fault is no failed call, or a call for what another company has.
const WITHOUT_FAILURES: [&str; 5] =
    ["sub-disabled", "type-not-subscribed", "events-filtered", "managed-zapier", "other-company"];

/// Scenarios beside a healthy company that acts before: nothing of that company is in the course of their tickets.
#[tokio::test]
async fn the_ticket_of_a_scenario_has_nothing_of_another_company() {
    let all = library::parse_written().expect("well formed");
    let healthy = all.iter().find(|script| script.name == "healthy").expect("a scenario");
    let mut wrong = Vec::new();
    let is_tried = |(position, script): &(usize, &ScenarioScript)| {
        script.cause.is_some() && (position % 5 == 0 || WITHOUT_FAILURES.contains(&script.name.as_str()))
    };
    for (_, script) in all.iter().enumerate().filter(is_tried) {
        let platform = Platform::start().await;
        let played = played(&platform, &[healthy, script]).await;
        let client = platform.operator();
        let others = [played[0].company];
        let keys = client.keys().await.expect("keys").items;
        let rows = client.subscription_rows().await.expect("subscriptions").items;
        let of_keys = keys.iter().filter(|key| others.contains(&key.company_id));
        let of_rows = rows.iter().filter(|row| others.contains(&row.subscription.company_id));
        let mut foreign: Vec<String> = of_keys.map(|key| format!("(key {})", key.id)).collect();
        foreign.extend(of_rows.map(|row| format!("(subscription {})", row.subscription.id)));
        for subject in [DiagnosisSubject::All, DiagnosisSubject::Company(played[1].company)] {
            let matter = IncidentScope { topic: Some(topic_of(script)), ..IncidentScope::last_hour_of(vec![subject]) };
            let case = collect_incident(&client, &platform.ambient, &matter).await;
            let bundle = build_bundle(&case, ResponseBodies::Included, &SecretGate::default()).expect("no leak");
            let text = bundle.files()[0].text.as_str();
            let course = text.split("## Course of the problem").nth(1).and_then(|rest| rest.split("\n## ").next());
            let course = course.unwrap_or_default();
            let found = foreign.iter().filter(|name| course.contains(name.as_str()));
            wrong.extend(found.map(|name| format!("{} {subject}: {name}:\n{course}", script.name)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn x1_a_canary_in_any_encoding_is_masked_in_its_place() {
    let platform = Platform::start().await;
    let all = library::parse_all().expect("well formed");
    let script = all.iter().find(|script| script.name == "endpoint-500").expect("a scenario");
    let _played = played(&platform, &[script]).await;
    let clean = case(&platform, topic_of(script)).await;
    let canaries = canaries();
    let planted: Vec<Secret> = canaries.iter().map(|text| Secret::new(text.clone())).collect();
    let gate = SecretGate::new(&planted);
    assert!(build_bundle(&clean, ResponseBodies::Included, &gate).is_ok());
    for canary in &canaries {
        for (position, form) in disguised(canary).iter().enumerate() {
            let mut case = clean.clone();
            case.failures.found.as_mut().expect("failures")[0].response_body.text =
                Some(format!("said: {form}.").into());
            let made = build_bundle(&case, ResponseBodies::Included, &gate)
                .unwrap_or_else(|error| panic!("{position}: {error}"));
            assert!(!carries(&made, canary), "disguise {position}");
            let body =
                made.ticket().failures.iter().find_map(|of| of.body.clone().filter(|body| body.starts_with("said: ")));
            assert!(body.is_some_and(|body| body.contains("[redacted ")), "disguise {position}");
        }
    }
}

#[tokio::test]
async fn a_ticket_about_several_subjects_has_all_of_them_and_the_selected_rows() {
    let platform = Platform::start().await;
    let all = library::parse_all().expect("well formed");
    let pick = |name: &str| all.iter().find(|script| script.name == name).expect("a scenario");
    let played = played(&platform, &[pick("endpoint-500"), pick("endpoint-redirects"), pick("scope-missing")]).await;
    let operator = platform.operator();
    let rows = operator.overview(20).await.expect("an overview").subscriptions.items;
    let of = |at: usize| {
        let row = rows.iter().find(|row| row.subscription.company_id == played[at].company);
        DiagnosisSubject::Subscription(row.expect("a subscription").subscription.id)
    };
    let attempt = operator.attempts(None, 1).await.expect("a page").items[0].id;
    let event = operator.log_page(&EventQuery::default(), None, 1).await.expect("a page").items[0].id;
    let request = operator.log_page(&RequestQuery::default(), None, 1).await.expect("a page").page.items[0].id;
    let mut matter =
        IncidentScope::last_hour_of(vec![of(0), of(1), DiagnosisSubject::Subscription(SubscriptionId(9_999))]);
    matter.selection = OperatorSelection {
        attempts: vec![attempt, AttemptId(9_999)],
        events: vec![event],
        requests: vec![request, 9_999],
        notes: vec![("subscription 1".to_owned(), "they [say](http://x) it *worked* yesterday".to_owned())],
    };
    let case = collect_incident(&operator, &platform.ambient, &matter).await;
    let made = build_bundle(&case, ResponseBodies::Included, &SecretGate::default()).expect("no leak");
    let ticket = made.ticket();
    let causes: Vec<&str> = ticket.playbooks.iter().flat_map(|of| &of.causes).map(|cause| cause.id.as_str()).collect();
    assert!(causes.contains(&"endpoint-500") && causes.contains(&"endpoint-redirects"), "{causes:?}");
    assert_eq!(ticket.subjects, matter.subjects);
    assert_eq!(ticket.subscriptions.len(), 2);
    assert!(ticket.failures.iter().any(|of| of.attempt_id == attempt.0));
    assert!(ticket.requests.iter().any(|of| of.request_id.starts_with("req_")));
    assert!(ticket.events.iter().any(|of| of.event_id == event.0 && !of.became.is_empty()));
    let missing = ticket.missing.join("\n");
    for part in ["subscription 9999 does not exist", "selected attempt 9999", "selected request 9999"] {
        assert!(missing.contains(part), "{part} in {missing}");
    }
    let text = made.files()[0].text.as_str().to_owned();
    assert!(text.contains("they \\[say\\](http://x) it \\*worked\\* yesterday"), "a note is inert: {text}");
}
