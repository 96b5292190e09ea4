//! Generated scenarios: a fault, how often it shows, and what else happens in the company: nothing, healthy traffic, or
//! an older fault that was repaired.

use super::receiver_faults::{REFUSING_ANSWERS, SIGNATURE_MISTAKES};
use super::script::{
    CallTiming, KeyDamage, ScenarioBehaviour, ScenarioCall, ScenarioKey, ScenarioKeyOwner, ScenarioReceiver,
    ScenarioScript, ScenarioStep,
};
use crate::domain::event::EventType;
use crate::domain::scope::KeyScope;

/// What happens in the company besides the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Surroundings {
    /// Nothing else happens there.
    Alone,
    /// Another subscription and another caller work well.
    Healthy,
    /// Another subscription failed before and was repaired.
    Repaired,
}

const SURROUNDINGS: [Surroundings; 3] = [Surroundings::Alone, Surroundings::Healthy, Surroundings::Repaired];
/// Numbers of deliveries that fail: the fewest that show, and more; fewer than trip the breaker.
const INTENSITIES: [u32; 3] = [3, 5, 12];

const OFFICE: &str = "CRM Backoffice";
const SYNC: &str = "Zapier Production";

/// Generates all scenarios, in the order of their faults.
#[must_use]
pub fn generate() -> Vec<ScenarioScript> {
    let vary = |n: usize| (SURROUNDINGS[n % 3], INTENSITIES[n / 3 % 3]);
    let signatures = SIGNATURE_MISTAKES.into_iter().enumerate().map(move |(n, (mistake, name, cause, story))| {
        let behaviour = ScenarioBehaviour::Signing(mistake);
        deliveries((format!("sig-{name}"), "signature", cause, story), behaviour, vary(n))
    });
    let answers = REFUSING_ANSWERS.into_iter().enumerate().map(move |(n, (answer, name, cause, story))| {
        let behaviour = ScenarioBehaviour::Answering(answer);
        let topic = if cause == "endpoint-rejects-signature" { "signature" } else { "webhooks-not-arriving" };
        deliveries((format!("endpoint-{name}"), topic, cause, story), behaviour, vary(n + 1))
    });
    signatures.chain(answers).chain(calls()).chain(polls()).collect()
}

/// A scenario in which deliveries fail.
fn deliveries(
    (name, topic, cause, story): (String, &str, &str, &str),
    manner: ScenarioBehaviour,
    (surroundings, n_failures): (Surroundings, u32),
) -> ScenarioScript {
    let mut script = script(name, topic, cause, story, &[(OFFICE, &[KeyScope::WebhooksWrite])]);
    script.receivers.push(receiver("erp", manner));
    add_surroundings(&mut script, surroundings);
    script.acts.push(subscribe("erp", EventType::InvoiceCreated));
    script.acts.push(emit(EventType::InvoiceCreated, n_failures));
    script.acts.push(ScenarioStep::Settle {});
    script
}

fn add_surroundings(script: &mut ScenarioScript, surroundings: Surroundings) {
    let what = match surroundings {
        Surroundings::Alone => return,
        Surroundings::Healthy => " Another subscription and a poller work well.",
        Surroundings::Repaired => " Another subscription failed before and was repaired.",
    };
    script.story.push_str(what);
    let is_repaired = surroundings == Surroundings::Repaired;
    let manner = if is_repaired { ScenarioBehaviour::Failing } else { ScenarioBehaviour::Prompt };
    script.receivers.push(receiver("crm", manner));
    script.acts.extend([
        subscribe("crm", EventType::LeadCreated),
        emit(EventType::LeadCreated, 3),
        ScenarioStep::Settle {},
    ]);
    if is_repaired {
        let repaired =
            [ScenarioStep::Mend { of: "crm".to_owned() }, emit(EventType::LeadCreated, 5), ScenarioStep::Settle {}];
        script.acts.extend(repaired);
    } else {
        script.keys.push(key(SYNC, &[KeyScope::EventsRead]));
        script.acts.push(ScenarioStep::Call(call(SYNC, "GET", "/api/v1/events?limit=50", 3)));
    }
}

/// Scenarios of calls that are refused.
fn calls() -> Vec<ScenarioScript> {
    let keys: [(&str, KeyDamage, &str, &str); 4] = [
        ("key-not-sent", KeyDamage::Missing, "key-not-sent", "A proxy of the partner drops the header with the key."),
        (
            "key-wrong-prefix",
            KeyDamage::OtherService,
            "key-wrong-prefix",
            "The key of another service was pasted into the settings.",
        ),
        (
            "key-mistyped",
            KeyDamage::Mistyped,
            "key-mistyped",
            "The key was typed by hand, and two of its characters are swapped.",
        ),
        (
            "key-extended",
            KeyDamage::Extended,
            "key-truncated",
            "The key was copied together with the characters that follow it.",
        ),
    ];
    let mut scripts: Vec<ScenarioScript> = Vec::new();
    for (n, (name, damage, cause, story)) in keys.into_iter().enumerate() {
        let mut script = script(name.to_owned(), "key-not-working", cause, story, &[(SYNC, &[KeyScope::EventsRead])]);
        let mut refused = call(SYNC, "GET", "/api/v1/events?limit=1", INTENSITIES[n % 3] + 1);
        refused.damage = damage;
        script.acts.push(ScenarioStep::Call(refused));
        scripts.push(script);
    }
    let invalid = r#"{"first_name":"Ada","last_name":"Byron","email":"no address {n}"}"#;
    let rows: [(&str, &str, &str, Option<&str>, &str); 3] = [
        (
            "call-invalid",
            "POST",
            "/api/v1/integrations/leads",
            Some(invalid),
            "An import sends e-mail addresses without an @.",
        ),
        (
            "call-malformed",
            "POST",
            "/api/v1/integrations/leads",
            Some(r#"{"first_name":"Ada","#),
            "A template leaves the JSON of each lead unfinished.",
        ),
        (
            "call-not-found",
            "PATCH",
            "/api/v1/integrations/leads/99999999",
            Some(r#"{"first_name":"Ada"}"#),
            "The partner's database holds ids of leads that were deleted.",
        ),
    ];
    for (n, (name, method, path, body, story)) in rows.into_iter().enumerate() {
        let scopes = [KeyScope::IntegrationsRead, KeyScope::IntegrationsWrite];
        let mut script = script(name.to_owned(), "calls-refused", name, story, &[("Website Forms", &scopes)]);
        let mut refused = call("Website Forms", method, path, INTENSITIES[n % 3] + 3);
        refused.body = body.map(str::to_owned);
        script.acts.push(ScenarioStep::Call(refused));
        scripts.push(script);
    }
    scripts.extend(managed());
    scripts
}

/// Scenarios of subscriptions that a tool manages, and of one that is refused.
fn managed() -> Vec<ScenarioScript> {
    let mut scripts: Vec<ScenarioScript> = Vec::new();
    for tool in ["n8n", "Make"] {
        let name = format!("managed-{}", tool.to_lowercase());
        let story = "A subscription belongs to a tool; the back office tries to change its target and is rejected.";
        let keys: [(&str, &[KeyScope]); 2] = [(OFFICE, &[KeyScope::WebhooksWrite]), (tool, &[KeyScope::WebhooksWrite])];
        let mut script = script(name.clone(), "managed-subscription", &name, story, &keys);
        script.receivers.push(receiver("tool", ScenarioBehaviour::Prompt));
        script.acts.push(ScenarioStep::Subscribe {
            key: tool.to_owned(),
            to: "tool".to_owned(),
            types: vec![EventType::LeadCreated],
            managed_by: Some(tool.to_owned()),
        });
        script.acts.extend([emit(EventType::LeadCreated, 2), ScenarioStep::Settle {}]);
        let mut change = call(OFFICE, "PATCH", "/api/v1/webhooks/subscriptions/{tool}", 3);
        change.body = Some(r#"{"targetUrl":"https://hooks.example.com/new"}"#.to_owned());
        script.acts.push(ScenarioStep::Call(change));
        scripts.push(script);
    }
    let story = "The partner creates a subscription with an event type in the wrong case and is refused.";
    let mut script = script(
        "type-wrong-case".to_owned(),
        "webhooks-not-arriving",
        "type-wrong-case",
        story,
        &[(OFFICE, &[KeyScope::WebhooksWrite])],
    );
    let mut refused = call(OFFICE, "POST", "/api/v1/webhooks/subscriptions", 3);
    refused.body = Some(r#"{"targetUrl":"https://hooks.example.com/in","eventTypes":["Lead.Created"]}"#.to_owned());
    script.acts.push(ScenarioStep::Call(refused));
    scripts.push(script);
    scripts
}

/// Scenarios of pollers that miss events.
fn polls() -> Vec<ScenarioScript> {
    let rows: [(&str, &str, &str, &str); 5] = [
        (
            "events-since-future",
            "/api/v1/events?since=2099-01-01T00:00:00Z",
            "events-since-future",
            "The poller's time zone is wrong: it asks for events of the future.",
        ),
        (
            "events-cursor-invalid",
            "/api/v1/events?cursor=bm90LWEtY3Vyc29y",
            "events-cursor-invalid",
            "The poller stored its cursor in a column that is too short.",
        ),
        (
            "events-poll-invalid",
            "/api/v1/events?since=yesterday",
            "events-poll-invalid",
            "The poller sends the word yesterday where the API takes a time.",
        ),
        (
            "events-unknown-type",
            "/api/v1/events?type=lead.creatd",
            "events-unknown-type",
            "The poller asks for an event type with a typo in it.",
        ),
        (
            "events-filtered-old",
            "/api/v1/events?until=2019-06-01T00:00:00Z&type=lead.created",
            "events-filtered",
            "The poller kept the time range of a migration, for one type.",
        ),
    ];
    let scripts = rows.into_iter().enumerate().map(|(n, (name, path, cause, story))| {
        let mut script = script(name.to_owned(), "events-missing", cause, story, &[(SYNC, &[KeyScope::EventsRead])]);
        script.acts.extend([emit(EventType::LeadCreated, 4), ScenarioStep::Settle {}]);
        script.acts.push(ScenarioStep::Call(call(SYNC, "GET", path, INTENSITIES[n % 3] + 3)));
        script
    });
    scripts.collect()
}

fn script(name: String, topic: &str, cause: &str, story: &str, keys: &[(&str, &[KeyScope])]) -> ScenarioScript {
    ScenarioScript {
        name,
        topic: topic.to_owned(),
        cause: Some(cause.to_owned()),
        remark: None,
        story: story.to_owned(),
        keys: keys.iter().map(|(name, scopes)| key(name, scopes)).collect(),
        receivers: Vec::new(),
        acts: Vec::new(),
    }
}

fn key(name: &str, scopes: &[KeyScope]) -> ScenarioKey {
    ScenarioKey { name: name.to_owned(), scopes: scopes.to_vec(), limit: None, owner: ScenarioKeyOwner::Company }
}

fn receiver(name: &str, manner: ScenarioBehaviour) -> ScenarioReceiver {
    ScenarioReceiver { name: name.to_owned(), path: format!("/{name}/hooks"), manner, secret_of: None }
}

fn subscribe(to: &str, kind: EventType) -> ScenarioStep {
    ScenarioStep::Subscribe { key: OFFICE.to_owned(), to: to.to_owned(), types: vec![kind], managed_by: None }
}

const fn emit(kind: EventType, times: u32) -> ScenarioStep {
    ScenarioStep::Emit { kind, times }
}

fn call(key: &str, method: &str, path: &str, times: u32) -> ScenarioCall {
    ScenarioCall {
        key: key.to_owned(),
        method: method.to_owned(),
        path: path.to_owned(),
        body: None,
        times,
        agents: vec!["partner-sync/1.4".to_owned()],
        damage: KeyDamage::None,
        rush: CallTiming::Calm,
    }
}
