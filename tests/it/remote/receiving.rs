//! `crow listen` receives, checks, remembers and hands on; `crow reconcile` compares that with what happened.

use crate::support::lines::Lines;
use crate::support::platform::until;
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::serving::Serving;
use crow::client::connection::{ClientCredential, PlatformClient};
use crow::clock::RuntimeEnv;
use crow::domain::event::EventType;
use crow::domain::ids::{CompanyId, SubscriptionId};
use crow::domain::scope::KeyScope;
use crow::domain::secret::Secret;
use crow::domain::signature;
use crow::wire::attempts::AttemptRow;
use crow::wire::changes::{self, NoBody};
use crow::wire::events::NewEvent;
use crow::wire::keys::{NewCompany, NewKey, OneTimeSecret};
use crow::wire::subscriptions::NewSubscription;
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};

const SECRET: &str = "whsec-of-a-partner-0123456789";

/// A platform as a process, a partner's key and secret in files, and where everything is remembered.
struct Scene {
    serving: Serving,
    partner: PlatformClient,
    company: CompanyId,
}

impl Scene {
    async fn new() -> Self {
        let serving = Serving::start(&[]);
        let operator = serving.operator();
        let company = operator
            .change(&changes::CREATE_COMPANY, &NewCompany { name: "Acme".to_owned() })
            .await
            .expect("a company")
            .id;
        let wish = NewKey { company_id: company, name: "CRM".to_owned(), scopes: KeyScope::ALL.to_vec(), limits: None };
        let key = operator.change(&changes::CREATE_KEY, &wish).await.expect("a key").key.into_secret();
        for (name, text) in [("key", key.reveal()), ("secret", SECRET)] {
            let path = serving.folder().join(name);
            std::fs::write(&path, text).expect("written");
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("ours alone");
        }
        let partner = serving.client(ClientCredential::Key(key));
        Self { serving, partner, company }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.serving.folder().join(name)
    }

    fn crow(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crow"));
        for (name, folder) in [("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state")] {
            command.env(name, self.file(folder));
        }
        command.args(arguments);
        command
    }

    /// Starts a receiver and answers with its address.
    async fn listen(&self, more: &[&str]) -> (Lines, String) {
        let mut command = self.crow(&["listen", "--json", "--url", self.serving.address(), "--secret-file"]);
        let listening = Lines::start(command.arg(self.file("secret")).args(more));
        listening.tells(1, "listening on ").await;
        let line = listening.told().remove(0);
        let address = line.strip_prefix("listening on ").expect("an address").to_owned();
        (listening, address)
    }

    async fn subscribe(&self, address: &str) -> SubscriptionId {
        let wish = NewSubscription {
            signing_secret: Some(OneTimeSecret::new(SECRET.to_owned())),
            ..NewSubscription::new(format!("{address}/hook"), ["lead.created"])
        };
        self.partner.create_subscription(&wish).await.expect("a subscription").subscription.id
    }

    async fn emit(&self, kind: EventType) -> i64 {
        let event = NewEvent { company_id: self.company, kind, payload: None, metadata: None };
        self.serving.operator().change(&changes::EMIT_EVENT, &event).await.expect("an event").id.0
    }

    /// Waits for the latest attempt of a subscription in the log.
    async fn attempted(&self, id: SubscriptionId) -> AttemptRow {
        let operator = self.serving.operator();
        let latest = async || operator.attempts(Some(id), 1).await.expect("a page").items.into_iter().next();
        until("the attempt is written down", async || latest().await.is_some()).await;
        latest().await.expect("an attempt")
    }

    fn reconcile(&self, more: &[&str]) -> Output {
        let mut command = self.crow(&["reconcile", "--url", self.serving.address(), "--key-file"]);
        command.arg(self.file("key")).args(more).output().expect("the binary runs")
    }
}

/// Returns the deliveries that `crow listen` printed.
fn receipts(listening: &Lines) -> Vec<Value> {
    listening.told().iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[tokio::test]
async fn received_deliveries_are_verified_and_compared_with_events() {
    let scene = Scene::new().await;
    let (listening, address) = scene.listen(&[]).await;
    let id = scene.subscribe(&address).await;
    let mut sent = Vec::new();
    for kind in [EventType::LeadCreated, EventType::PaymentFailed, EventType::LeadCreated] {
        sent.push(scene.emit(kind).await);
    }
    listening.tells(2, "\"verdict\":\"genuine\"").await;
    let told = receipts(&listening);
    let mut events: Vec<i64> = told.iter().map(|receipt| receipt["eventId"].as_i64().expect("a number")).collect();
    events.sort_unstable();
    assert_eq!(events, [sent[0], sent[2]]);
    // Where they came in order, the number between them, of a type without a subscription, is reported.
    if told[0]["eventId"] == sent[0] {
        assert_eq!(told[1]["missingBefore"], 1, "{told:?}");
    }
    // A forgery is refused, told and not believed.
    let body = br#"{"id": 99, "type": "lead.created", "companyId": 1}"#;
    let http = crow::client::connection::bare_http_client().expect("a client");
    let forged = http
        .post(format!("{address}/hook"))
        .header("x-wlcro-timestamp", "1")
        .header("x-wlcro-signature", signature::sign(&Secret::new("another secret".to_owned()), 1, body))
        .header("x-wlcro-event-id", "99")
        .body(body.to_vec())
        .send()
        .await
        .expect("an answer");
    assert_eq!(forged.status(), 401);
    listening.tells(1, "\"answered\":401").await;
    // Of two signatures another receiver may take the other one: neither is believed, also if one of them fits.
    let now = RuntimeEnv::real().now().seconds();
    let twice = http
        .post(format!("{address}/hook"))
        .header("x-wlcro-timestamp", now.to_string())
        .header("x-wlcro-signature", signature::sign(&Secret::new(SECRET.to_owned()), now, body))
        .header("x-wlcro-signature", "sha256=00")
        .body(body.to_vec())
        .send()
        .await
        .expect("an answer");
    assert_eq!(twice.status(), 401);
    listening.tells(1, "x-wlcro-signature appears more than once").await;
    // Everything of this type was received.
    let whole = scene.reconcile(&["--json"]);
    let said: Value = serde_json::from_slice(&whole.stdout).expect("JSON");
    assert_eq!(whole.status.code(), Some(0), "{said}");
    assert_eq!((said["nPolled"].as_u64(), said["nReceived"].as_u64()), (Some(2), Some(2)), "{said}");
    // A resent delivery is told as repeated, and is no gap.
    let operator = scene.serving.operator();
    let delivery = scene.attempted(id).await.delivery_id.expect("a delivery");
    operator.change(changes::RESEND_DELIVERY.at(delivery), &NoBody {}).await.expect("resent");
    listening.tells(1, "\"receivedBefore\":1").await;
    // An event that happens while crow does not listen is named.
    listening.signal("TERM");
    assert_eq!(listening.ended(), Some(0));
    let missed = scene.emit(EventType::LeadCreated).await;
    let other = scene.emit(EventType::PaymentFailed).await;
    let lacking = scene.reconcile(&[]);
    let text = String::from_utf8_lossy(&lacking.stdout).into_owned();
    assert_eq!(lacking.status.code(), Some(1), "{text}");
    assert!(text.contains(&format!("missing   {missed}  lead.created")) && text.contains("repeated"), "{text}");
    assert!(!text.contains(&format!("missing   {other}")), "nothing of that type was ever asked for: {text}");
    let asked_for = scene.reconcile(&["--json", "--types", "payment.failed"]);
    let said: Value = serde_json::from_slice(&asked_for.stdout).expect("JSON");
    assert_eq!((asked_for.status.code(), said["missing"].as_array().map(Vec::len)), (Some(1), Some(2)), "{said}");
}

#[tokio::test]
async fn a_forwarded_delivery_has_the_same_bytes_and_its_answer_is_returned() {
    let scene = Scene::new().await;
    let behind = Receiver::start(&[Behaviour::Status(503), Behaviour::Status(200)]).await;
    let (listening, address) = scene.listen(&["--forward", &behind.url]).await;
    let id = scene.subscribe(&address).await;
    scene.emit(EventType::LeadCreated).await;
    listening.tells(1, "\"answered\":503").await;
    let operator = scene.serving.operator();
    let attempt = scene.attempted(id).await;
    assert_eq!(attempt.status_code, Some(503), "the platform sees what the one behind answered");
    let detail = operator.attempt(attempt.id).await.expect("its bytes");
    let got = behind.received(1).await.remove(0);
    assert_eq!(got.body, detail.request_body.bytes().expect("all of them"));
    let timestamp: i64 = got.header("x-wlcro-timestamp").parse().expect("a number");
    assert!(signature::verify(&Secret::new(SECRET.to_owned()), timestamp, &got.body, got.header("x-wlcro-signature")));
    // Who was killed remembers what was received, and what was refused counts as missing.
    listening.signal("KILL");
    assert_eq!(listening.ended(), None);
    let lacking = scene.reconcile(&["--json"]);
    let said: Value = serde_json::from_slice(&lacking.stdout).expect("JSON");
    assert_eq!((lacking.status.code(), said["nReceived"].as_u64()), (Some(1), Some(0)), "{said}");
}
