//! The panes as commands: what they write is what their schemas promise, is harmless, and nothing changes without consent.

use crate::storage::process::lead;
use crate::support::platform::until;
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::schemas::{self, assert_valid};
use crate::support::serving::Serving;
use crow::client::connection::{ClientCredential, PlatformClient};
use crow::domain::scope::KeyScope;
use crow::wire::changes;
use crow::wire::keys::{CompanyRow, NewCompany, NewKey};
use crow::wire::subscriptions::NewSubscription;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::process::{Output, Stdio};

/// A name that a terminal, a spreadsheet or a reader would be fooled by.
const HOSTILE: &str = "=cmd|' /C calc'!A1\u{1b}]0;owned\u{7}\u{202e}\u{9b}2J";

/// Hostile text without control characters, which no name may have.
const HOSTILE_NAME: &str = "=cmd|' /C calc'!A1\u{202e}\u{200b}";

/// A platform with one company, a key with a bad name, and a subscription that fails.
struct Scene {
    serving: Serving,
    operator: PlatformClient,
    company: CompanyRow,
    _receiver: Receiver,
}

impl Scene {
    async fn start() -> Self {
        let serving = Serving::start(&[]);
        let operator = serving.operator();
        let company = operator
            .change(&changes::CREATE_COMPANY, &NewCompany { name: HOSTILE_NAME.to_owned() })
            .await
            .expect("a company");
        let scopes = vec![KeyScope::WebhooksWrite, KeyScope::EventsRead];
        let new = NewKey { company_id: company.id, name: HOSTILE_NAME.to_owned(), scopes, limits: None };
        let key = operator.change(&changes::CREATE_KEY, &new).await.expect("a key").key.into_secret();
        let receiver = Receiver::start(&[Behaviour::Status(500)]).await;
        let partner = serving.client(ClientCredential::Key(key));
        let new = NewSubscription {
            description: Some(HOSTILE.to_owned()),
            ..NewSubscription::new(receiver.url.clone(), ["lead.created"])
        };
        partner.create_subscription(&new).await.expect("a subscription");
        partner.events(None, 1).await.expect("a poll");
        let scene = Self { serving, operator, company, _receiver: receiver };
        for _ in 0..3 {
            scene.emit().await;
        }
        until("three attempts", async || scene.operator.attempts(None, 9).await.expect("attempts").items.len() == 3)
            .await;
        until("the requests are written down", async || {
            let log = scene.operator.log_page(&crow::wire::log::RequestQuery::default(), None, 9).await;
            log.expect("requests").page.items.len() >= 2
        })
        .await;
        scene
    }

    async fn emit(&self) {
        let event = lead(self.company.id);
        self.operator.change(&changes::EMIT_EVENT, &event).await.expect("an event");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// Asserts that a command succeeded and that its output cannot control a terminal; returns the output.
#[track_caller]
fn harmless(output: &Output) -> String {
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let is_active = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}' || c == '\u{9b}');
    assert!(!said.chars().any(is_active), "{said:?}");
    said
}

/// Asserts that a schema rejects a document without a member.
#[track_caller]
fn minds(name: &str, document: &Value, member: &str) {
    let mut document = document.clone();
    document.as_object_mut().expect("an object").remove(member);
    assert!(!jsonschema::is_valid(&schemas::schema(name), &document), "{name} without {member}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t1_t2_every_pane_command_matches_its_schema_and_is_inert_in_every_format() {
    let scene = Scene::start().await;
    let ask = |arguments: &[&str]| harmless(&scene.serving.ask(arguments));
    for (command, list, row, show) in [
        (["keys", "list"], "crow.keys/2", "crow.key/2", Some(("keys", "crow.key-detail/2"))),
        (["subs", "list"], "crow.subscriptions/2", "crow.subscription/2", Some(("subs", "crow.subscription-detail/2"))),
        (
            ["deliveries", "list"],
            "crow.deliveries/1",
            "crow.delivery/1",
            Some(("deliveries", "crow.delivery-detail/2")),
        ),
        (["deliveries", "attempts"], "crow.attempts/2", "crow.attempt/2", None),
        (["events", "list"], "crow.events/2", "crow.event/2", Some(("events", "crow.event-detail/2"))),
        (["limits", "list"], "crow.limits/2", "crow.limit/2", None),
        (["trips", "list"], "crow.trips/2", "crow.trip/2", None),
        (["requests", "list"], "crow.requests/2", "crow.request/2", Some(("requests", "crow.request-detail/2"))),
        (["replays", "list"], "crow.replays/1", "crow.replay/1", None),
    ] {
        let with = |flag: &'static str| ask(&[command.as_slice(), &[flag]].concat());
        let document: Value = serde_json::from_str(&with("--json")).expect("JSON");
        assert_valid(list, &document);
        minds(list, &document, "hasMore");
        let rows = document["items"].as_array().expect("rows");
        assert_eq!(rows.is_empty(), matches!(command[0], "trips" | "replays"), "{command:?}");
        let lines: Vec<Value> =
            with("--ndjson").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.len(), rows.len());
        lines.iter().for_each(|line| assert_valid(row, line));
        let csv = with("--csv");
        assert_eq!(csv.lines().count(), rows.len() + 1, "{csv}");
        let is_formula = |field: &str| field.trim_matches('"').starts_with(['=', '+', '-', '@']);
        assert!(!csv.lines().any(|line| line.split(',').any(is_formula)), "{csv}");
        assert_eq!(ask(&command).lines().count(), rows.len() + 1);
        if let Some((noun, detail)) = show {
            let id = rows[0]["id"].to_string();
            let document: Value = serde_json::from_str(&ask(&[noun, "show", &id, "--json"])).expect("JSON");
            assert_valid(detail, &document);
            minds(detail, &document, "id");
            assert!(ask(&[noun, "show", &id]).lines().count() > 5);
        }
    }
    let attempt: Value = serde_json::from_str(&ask(&["deliveries", "attempt", "1", "--json"])).expect("JSON");
    assert_valid("crow.attempt-detail/2", &attempt);
    assert!(attempt["requestBody"]["text"].as_str().is_some_and(|body| body.contains("lead.created")));
    let windows: Value = serde_json::from_str(&ask(&["limits", "show", "1", "--json"])).expect("JSON");
    assert_valid("crow.limit-detail/2", &windows);
    let keys = ask(&["keys", "list"]);
    assert!(keys.contains("<U+202E>"), "what was hidden is seen: {keys}");
    let described = ask(&["subs", "show", "1"]);
    for mark in ["owned", "␛", "<U+202E>"] {
        assert!(described.contains(mark), "what was hidden is seen: {described}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_filter_limit_and_follow_rows() {
    let scene = Scene::start().await;
    let ask = |arguments: &[&str]| harmless(&scene.serving.ask(arguments));
    let csv = |arguments: &[&str]| ask(&[arguments, &["--csv"]].concat()).lines().count() - 1;
    assert_eq!(csv(&["deliveries", "attempts", "--filter", "status:5xx type:lead.*"]), 3);
    assert_eq!(csv(&["deliveries", "attempts", "--filter", "!status:500"]), 0);
    assert_eq!(csv(&["deliveries", "attempts", "--since", "1h", "--limit", "2"]), 2);
    assert_eq!(csv(&["keys", "list", "--filter", "scope:admin"]), 0);
    let capped = scene.serving.ask(&["events", "list", "--limit", "2"]);
    assert!(text(&capped.stderr).contains("2 rows shown; more exist"), "{}", text(&capped.stderr));
    let wrong = scene.serving.ask(&["requests", "list", "--filter", "status:500 stat>=5"]);
    assert_eq!(wrong.status.code(), Some(2));
    let said = text(&wrong.stderr);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!((lines.len(), lines[1], lines[2]), (3, "  status:500 stat>=5", "             ^"), "{said}");

    let mut watch = scene
        .serving
        .command(&["events", "list", "--watch", "--ndjson"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(watch.stdout.take().expect("its stdout")).lines().map_while(Result::ok);
    let ids: Vec<i64> = lines.by_ref().take(3).map(|line| id(&line)).collect();
    assert_eq!(ids, [3, 2, 1]);
    scene.emit().await;
    scene.emit().await;
    let ids: Vec<i64> = lines.by_ref().take(2).map(|line| id(&line)).collect();
    assert_eq!(ids, [4, 5], "newer ones follow in their order");
    watch.kill().and_then(|()| watch.wait()).expect("it is killed");

    let mut gone = scene
        .serving
        .command(&["events", "list", "--watch", "--csv"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    drop(gone.stdout.take());
    scene.emit().await;
    let ended = tokio::task::spawn_blocking(move || gone.wait_with_output()).await.expect("no panic").expect("it ends");
    assert_eq!((ended.status.code(), text(&ended.stderr)), (Some(0), String::new()), "a closed pipe is no error");
}

fn id(line: &str) -> i64 {
    serde_json::from_str::<Value>(line).expect("JSON")["id"].as_i64().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_previewed_and_made_only_with_permission_and_confirmation() {
    let scene = Scene::start().await;
    let ask = |arguments: &[&str]| scene.serving.ask(arguments);
    let is_enabled = async || scene.operator.subscription_rows().await.expect("rows").items[0].subscription.is_enabled;
    let looked = ask(&["subs", "disable", "1"]);
    assert_eq!((looked.status.code(), looked.stdout.len()), (Some(3), 0));
    let said = text(&looked.stderr);
    assert!(said.contains("deliveries stop until it is enabled") && said.contains("--allow-actions"), "{said}");
    let unasked = ask(&["subs", "disable", "1", "--allow-actions"]);
    assert_eq!(unasked.status.code(), Some(3));
    assert!(text(&unasked.stderr).contains("--yes"));
    assert!(is_enabled().await, "nothing was done so far");
    let document: Value = serde_json::from_slice(&ask(&["subs", "disable", "1", "--json"]).stdout).expect("JSON");
    assert_valid("crow.act/1", &document);
    assert_eq!(document["isDone"], false);
    let sure = ["--allow-actions", "--yes", "--json"];
    let done = |arguments: &[&str]| -> Value {
        let output = ask(&[arguments, &sure].concat());
        let document: Value = serde_json::from_str(&harmless(&output)).expect("JSON");
        assert_valid("crow.act/1", &document);
        assert_eq!(document["isDone"], true);
        document
    };
    done(&["subs", "disable", "1", "--reason", "a trial"]);
    assert!(!is_enabled().await);
    done(&["events", "emit", "--company", "1", "--type", "lead.created"]);
    done(&["subs", "enable", "1"]);
    assert!(is_enabled().await);
    let replayed = done(&["subs", "replay", "1", "--since", "1h"]);
    assert!(
        replayed["id"].is_i64() && replayed["preview"][1].as_str().is_some_and(|line| line.contains("1 missed")),
        "{replayed}"
    );
    let number = replayed["id"].to_string();
    let turned = |verb| ask(&["replays", verb, &number, "--allow-actions", "--yes"]);
    turned("cancel");
    for verb in ["pause", "resume", "cancel"] {
        let said = turned(verb);
        let is_cancelled = verb == "cancel" && said.status.success();
        assert!(
            is_cancelled || said.status.code() == Some(1),
            "{verb}: a replay that is over cannot be turned: {said:?}"
        );
        assert!(is_cancelled || text(&said.stdout).contains("is already"), "{said:?}");
    }
    done(&["deliveries", "resend", "1"]);
    let limits = done(&["limits", "set", "1", "--read", "7"]);
    assert!(limits["said"].as_str().is_some_and(|said| said.contains("7 read")), "{limits}");
    let tested = ask(&["subs", "test", "1", "--allow-actions", "--yes"]);
    assert_eq!(tested.status.code(), Some(1), "an endpoint that answers 500 is not what was wanted");
    assert!(text(&tested.stdout).contains("answered the test with 500"), "{tested:?}");

    let created = ask(&[
        "keys",
        "create",
        "--company",
        "1",
        "--name",
        "Fresh",
        "--scope",
        "events:read",
        "--allow-actions",
        "--yes",
    ]);
    let key = harmless(&created);
    assert!(key.starts_with("wlcro_live_1_") && key.lines().count() == 1, "the key alone");
    assert!(!text(&created.stderr).contains(key.trim()));
    let created =
        ask(&[["keys", "create", "--company", "1", "--name", "Other", "--scope", "admin"].as_slice(), &sure].concat());
    assert_valid("crow.created-key/2", &serde_json::from_slice(&created.stdout).expect("JSON"));
    let shown = text(&ask(&["keys", "revoke", "Fresh"]).stderr);
    for part in ["0 calls in the last hour", "no callers today", "cannot be undone"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    done(&["keys", "revoke", "Fresh"]);
    assert_eq!(ask(&["keys", "revoke", "Fresh"]).status.code(), Some(2), "it is revoked already");
    assert_eq!(ask(&["keys", "show", "nobody"]).status.code(), Some(2));
    assert_eq!(ask(&["subs", "show", "99"]).status.code(), Some(1));
}

#[tokio::test]
async fn requests_are_listed_with_their_caller_and_query() {
    let scene = Scene::start().await;
    let listed = harmless(&scene.serving.ask(&["requests", "list", "--csv"]));
    let head = listed.lines().next().unwrap_or_default();
    assert!(head.ends_with("requestId,address,userAgent,query"), "{head}");
    let is_poll = |line: &str| ["127.0.0.1", "crow/", "limit=1"].iter().all(|part| line.contains(part));
    assert!(listed.lines().any(is_poll), "{listed}");
}
