//! Documents, configuration and setting up, as an admin at a shell meets them.

use crate::storage::process::{lead, subscription};
use crate::support::platform::until;
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::schemas;
use crate::support::serving::Serving;
use crow::client::connection::{ClientCredential, PlatformClient};
use crow::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crow::domain::operator::OperatorRole;
use crow::domain::scope::KeyScope;
use crow::domain::secret::Secret;
use crow::wire::changes::{self, NoBody};
use crow::wire::keys::{NewCompany, NewKey};
use crow::wire::operators::NewOperator;
use crow::wire::subscriptions::EnableSubscription;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// Platform with a partner whose endpoint fails, and the credentials for both APIs.
struct Scene {
    serving: Serving,
    operator: PlatformClient,
    key: Secret,
    secret: Secret,
    receiver: Receiver,
}

impl Scene {
    async fn start() -> Self {
        let serving = Serving::start(&[]);
        let operator = serving.operator();
        let company = operator
            .change(&changes::CREATE_COMPANY, &NewCompany { name: "Acme".to_owned() })
            .await
            .expect("a company");
        let scopes = vec![KeyScope::WebhooksWrite, KeyScope::EventsRead, KeyScope::Admin];
        let new = NewKey { company_id: company.id, name: "Zapier Production".to_owned(), scopes, limits: None };
        let key = operator.change(&changes::CREATE_KEY, &new).await.expect("a key").key.into_secret();
        let receiver = Receiver::start(&[Behaviour::Status(500)]).await;
        let partner = serving.client(ClientCredential::Key(Secret::new(key.reveal().to_owned())));
        let new = subscription(&receiver.url);
        let created = partner.create_subscription(&new).await.expect("a subscription");
        let event = || lead(company.id);
        for _ in 0..20 {
            operator.change(&changes::EMIT_EVENT, &event()).await.expect("an event");
        }
        let id = SubscriptionId(1);
        until("the breaker tripped", async || !operator.subscription(id).await.expect("a row").subscription.is_enabled)
            .await;
        let is_quiet = async || operator.overview(1).await.expect("an overview").pipeline.n_in_flight == Some(0);
        until("nothing is under way", is_quiet).await;
        let is_noted =
            async || !operator.key_usage(KeyId(1)).await.expect("a use").routes.is_some_and(|routes| routes.is_empty());
        until("the key's use is written down", is_noted).await;
        Self { serving, operator, key, secret: created.signing_secret.into_secret(), receiver }
    }
}

#[track_caller]
fn said(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("text")
}

#[track_caller]
fn valid(name: &str, text: &str) -> Value {
    let document: Value = serde_json::from_str(text).expect("JSON");
    schemas::assert_valid(name, &document);
    document
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reviews_are_compared_with_the_previous_one_and_briefings_have_no_secret() {
    let scene = Scene::start().await;
    let ask = |arguments: &[&str]| said(&scene.serving.ask(arguments));
    let first = ask(&["audit"]);
    for part in
        ["There is no earlier review", "## Disabled subscriptions", "circuit_breaker", "## Low success", "admin"]
    {
        assert!(first.contains(part), "{part} in\n{first}");
    }
    let second = ask(&["audit"]);
    assert!(second.contains("No differences since"), "the first one was kept: {second}");
    scene.receiver.becomes(&[Behaviour::Status(200)]);
    scene
        .operator
        .change(changes::ENABLE_SUBSCRIPTION.at(SubscriptionId(1)), &EnableSubscription::default())
        .await
        .expect("enabled");
    let document = valid("crow.audit/2", &ask(&["audit", "--period", "quarter", "--format", "json"]));
    let changes = document["changes"].as_array().expect("lines");
    assert!(
        changes.iter().any(|line| line.as_str().is_some_and(|line| line.starts_with("gone: disabled: subscription 1"))),
        "{changes:?}"
    );
    assert_eq!(
        (document["trips"].as_array().map(Vec::len), document["frame"]["period"].as_str()),
        (Some(1), Some("quarter"))
    );
    assert_eq!(document["unknown"], serde_json::json!([]), "everything could be learnt");
    let page = scene.serving.folder().join("review.html");
    ask(&["audit", "--out", &page.to_string_lossy()]);
    let page = std::fs::read_to_string(page).expect("a page");
    assert!(page.contains("<svg") && !page.contains("src=") && !page.contains("href="));

    let last4 = scene.key.last4();
    for format in ["md", "html", "json"] {
        let brief = ask(&["briefing", "--key", "Zapier Production", "--format", format]);
        assert!(!brief.contains(scene.key.reveal()) && !brief.contains(scene.secret.reveal()), "{format}");
        for part in ["/api/v1/events/test", "payment.failed", last4.as_str()] {
            // Markdown escapes an underscore, which a key may end with.
            assert!(brief.replace('\\', "").contains(part), "{part} in {format}");
        }
        if format == "json" {
            valid("crow.briefing/2", &brief);
        }
    }
    assert_eq!(scene.serving.ask(&["briefing", "--key", "nobody"]).status.code(), Some(2));
    let odd = scene.serving.ask(&["audit", "--out", "review.docx"]);
    assert!(String::from_utf8_lossy(&odd.stderr).contains(".docx"));
    let checked = scene.serving.ask(&["check", "--json"]);
    valid("crow.check/1", &String::from_utf8(checked.stdout).expect("text"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exported_configuration_is_imported_as_a_list_of_differences() {
    let scene = Scene::start().await;
    let file = scene.serving.folder().join("configuration.json");
    let file = file.to_string_lossy().into_owned();
    said(&scene.serving.ask(&["export", "--out", &file]));
    let text = std::fs::read_to_string(&file).expect("a file");
    valid("crow.configuration/1", &text);
    assert!(!text.contains(scene.key.reveal()) && !text.contains(scene.secret.reveal()));
    assert_eq!(said(&scene.serving.ask(&["import", &file])).trim(), "no differences");
    std::fs::write(
        &file,
        text.replace("\"read\": 60", "\"read\": 7").replace("\"isEnabled\": false", "\"isEnabled\": true"),
    )
    .expect("written");
    let looked = scene.serving.ask(&["import", &file]);
    let shown = String::from_utf8(looked.stderr).expect("text");
    assert_eq!(looked.status.code(), Some(3));
    assert!(shown.contains("7 read, 100 write") && shown.contains("~ enable the subscription"), "{shown}");
    let made = said(&scene.serving.ask(&["import", &file, "--allow-actions", "--yes"]));
    assert!(made.starts_with("2 of 2 changes made; 0 to be made by hand"), "{made}");
    assert_eq!(scene.operator.keys().await.expect("keys").items[0].limits.expect("limits").read, 7);
    assert!(scene.operator.subscription(SubscriptionId(1)).await.expect("a row").subscription.is_enabled);
    let doctor = scene.serving.ask(&["doctor", "--json"]);
    let document = valid("crow.doctor/1", &String::from_utf8(doctor.stdout).expect("text"));
    let of =
        |what: &str| document["findings"].as_array().expect("findings").iter().find(|of| of["what"] == what).cloned();
    assert_eq!(of("platform").expect("it was asked")["health"], "well");
    assert_eq!(of("clock").expect("it was asked")["health"], "well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crow_check_counts_all_missed_events_and_is_unknown_with_a_refused_token() {
    let scene = Scene::start().await;
    let asked = |command: &mut Command| {
        let output = command.output().expect("the binary runs");
        (output.status.code(), String::from_utf8(output.stdout).expect("text"))
    };
    let missed = || asked(&mut scene.serving.command(&["check", "missed"]));
    let (code, said) = missed();
    assert!(code == Some(0) && said.contains("missed=0"), "{said}");
    // To a subscription that its breaker switched off: more than one page of them.
    for _ in 0..210 {
        scene.operator.change(&changes::EMIT_EVENT, &lead(CompanyId(1))).await.expect("an event");
    }
    let (code, said) = missed();
    assert!(code == Some(1) && said.contains("missed=210;"), "{said}");
    let file = scene.serving.folder().join("other.token");
    let check = |token: &str| {
        std::fs::write(&file, token).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_crow"));
        asked(command.args(["check", "--url", scene.serving.address(), "--token-file"]).arg(&file))
    };
    let viewer = NewOperator { name: "viewer".to_owned(), role: OperatorRole::Viewer };
    let viewer = scene.operator.change(&changes::CREATE_OPERATOR, &viewer).await.expect("an operator");
    let token = viewer.token.into_secret();
    assert_eq!(check(token.reveal()).0, Some(2), "the breaker tripped");
    scene.operator.change(changes::REVOKE_OPERATOR.at(viewer.row.id), &NoBody {}).await.expect("revoked");
    for token in [token.reveal(), "wlop_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let (code, said) = check(token);
        assert!(code == Some(3) && said.starts_with("CROW UNKNOWN") && said.contains("token"), "{code:?} {said}");
    }
}

fn crow(arguments: &[&str], home: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crow"));
    command.args(arguments).env("XDG_CONFIG_HOME", home).env_remove("NO_COLOR").output().expect("the binary runs")
}

#[test]
fn completions_manual_pages_and_configuration_cover_every_command_and_setting() {
    let dir = tempfile::tempdir().expect("a directory");
    let run = |arguments: &[&str]| crow(arguments, dir.path());
    for shell in ["bash", "zsh", "fish"] {
        let script = said(&run(&["completions", shell]));
        assert!(script.contains("deliveries") && script.contains("rollback"), "{shell}");
    }
    let pages = dir.path().join("man");
    std::fs::create_dir(&pages).expect("made");
    said(&run(&["man", "--out", &pages.to_string_lossy()]));
    for page in ["crow", "crow-check", "crow-keys-revoke", "crow-config-explain"] {
        let text = std::fs::read_to_string(pages.join(format!("{page}.1"))).expect(page);
        assert!(text.contains(".TH") && text.contains("OPTIONS"), "{page}");
    }
    let template = said(&run(&["config", "template"]));
    assert!(said(&run(&["config", "check"])).starts_with("no configuration file"));
    std::fs::create_dir(dir.path().join("crow")).expect("made");
    let file = dir.path().join("crow/config.toml");
    std::fs::write(&file, template).expect("written");
    assert_eq!(said(&run(&["config", "check"])).trim(), format!("no problem found in {}", file.display()));
    std::fs::write(&file, "[alerts]\ncommand = []\n").expect("written");
    let wrong = run(&["config", "check"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&wrong.stdout).contains("no program given"));
    let explained = said(&run(&["config", "explain"]));
    assert!(explained.contains(&*file.to_string_lossy()) && explained.contains("XDG_CONFIG_HOME="), "{explained}");
}
