//! Alerts that leave the terminal: what goes out, in which order, and that nothing is lost when no destination accepts it or the process is killed.

use crate::storage::process::{lead, subscription};
use crate::support::platform::{until, within};
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::serving::Serving;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use crow::client::connection::ClientCredential;
use crow::domain::ids::SubscriptionId;
use crow::domain::scope::KeyScope;
use crow::wire::alerts::AcknowledgementRow;
use crow::wire::changes;
use crow::wire::keys::{NewCompany, NewKey};
use crow::wire::page::Page;
use crow::wire::paths;
use crow::wire::subscriptions::{DisableSubscription, EnableSubscription};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// Other people's services: they refuse the first notice of each kind, and take the rest.
#[derive(Clone, Default)]
struct Elsewhere {
    hooks: Arc<Mutex<Vec<Value>>>,
    pages: Arc<Mutex<Vec<Value>>>,
    n_refused: Arc<Mutex<u32>>,
}

impl Elsewhere {
    async fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let all = Self::default();
        let router = Router::new()
            .route("/hook", post(async |State(all): State<Self>, body: Bytes| all.take(&all.hooks, &body)))
            .route("/v2/enqueue", post(async |State(all): State<Self>, body: Bytes| all.take(&all.pages, &body)))
            .with_state(all.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (all, url)
    }

    fn take(&self, ledger: &Mutex<Vec<Value>>, body: &[u8]) -> StatusCode {
        let mut n_refused = self.n_refused.lock().expect("not poisoned");
        if *n_refused < 2 {
            *n_refused += 1;
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        ledger.lock().expect("not poisoned").push(serde_json::from_slice(body).expect("JSON"));
        StatusCode::ACCEPTED
    }

    fn seen(ledger: &Mutex<Vec<Value>>, member: &str) -> Vec<String> {
        let ledger = ledger.lock().expect("not poisoned");
        ledger.iter().map(|value| value[member].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// Ends a process when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Lets alerts go to a command, a webhook and PagerDuty. The file that the command writes.
fn configured(folder: &Path, url: &str) -> PathBuf {
    std::fs::create_dir_all(folder.join("config/crow")).expect("made");
    std::fs::write(folder.join("routing"), "R0UT1NGK3Y\n").expect("written");
    let note = folder.join("notes");
    std::fs::write(folder.join("note.sh"), format!("cat >> {}\n", note.display())).expect("written");
    let config = format!(
        "[alerts]\ncommand = [\"sh\", {:?}]\n[alerts.webhook]\nurl = \"{url}/hook\"\n\
         [alerts.pagerduty]\nrouting_key_file = {:?}\nurl = \"{url}\"\n",
        folder.join("note.sh"),
        folder.join("routing")
    );
    std::fs::write(folder.join("config/crow/config.toml"), config).expect("written");
    note
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notifications_are_sent_in_order_and_once_through_refusals_and_a_kill() {
    let serving = Serving::start(&[]);
    let operator = serving.operator();
    let company =
        operator.change(&changes::CREATE_COMPANY, &NewCompany { name: "Acme".to_owned() }).await.expect("a company");
    let new =
        NewKey { company_id: company.id, name: "k".to_owned(), scopes: vec![KeyScope::WebhooksWrite], limits: None };
    let key = operator.change(&changes::CREATE_KEY, &new).await.expect("a key").key.into_secret();
    let receiver = Receiver::start(&[Behaviour::Status(500)]).await;
    let new = subscription(&receiver.url);
    serving.client(ClientCredential::Key(key)).create_subscription(&new).await.expect("a subscription");
    let (elsewhere, url) = Elsewhere::start().await;
    let folder = serving.folder();
    let note = configured(folder, &url);
    let watch = || {
        let command = ["watch", "--hold", "0s", "--ndjson"];
        Running(
            serving.command(&command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts"),
        )
    };

    let first = watch();
    for _ in 0..20 {
        let event = lead(company.id);
        operator.change(&changes::EMIT_EVENT, &event).await.expect("an event");
    }
    until("both were refused", async || *elsewhere.n_refused.lock().expect("not poisoned") == 2).await;
    drop(first);
    assert_eq!(Elsewhere::seen(&elsewhere.hooks, "turn"), [""; 0], "nothing was taken so far");

    let _second = watch();
    let hooks = || Elsewhere::seen(&elsewhere.hooks, "turn");
    let pages = || Elsewhere::seen(&elsewhere.pages, "event_action");
    within("what was refused arrives", async {
        while hooks().is_empty() || pages().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let third = serving.ask(&["watch"]);
    assert_eq!(third.status.code(), Some(2), "two watches would page twice");
    let listed = serving.ask(&["watch", "--list"]);
    let listed = String::from_utf8(listed.stdout).expect("text");
    let key = listed.split_whitespace().next().expect("a key").to_owned();
    assert!(key.ends_with("/subscription/1"), "{listed}");
    assert_eq!(serving.ask(&["watch", "--acknowledge", &key]).status.code(), Some(0));
    assert_eq!(serving.ask(&["watch", "--acknowledge", "none"]).status.code(), Some(2));
    until("the alert is acknowledged", async || pages().contains(&"acknowledge".to_owned())).await;
    let said =
        operator.get_any::<Page<AcknowledgementRow>>(paths::ACKNOWLEDGEMENTS, &[]).await.expect("what was said").items;
    assert_eq!(said.iter().map(|row| row.subject.as_str()).collect::<Vec<_>>(), ["subscription 1"]);
    let id = SubscriptionId(1);
    until("the breaker tripped", async || !operator.subscription(id).await.expect("a row").subscription.is_enabled)
        .await;
    operator.change(changes::ENABLE_SUBSCRIPTION.at(id), &EnableSubscription::default()).await.expect("enabled");
    operator
        .change(changes::DISABLE_SUBSCRIPTION.at(id), &DisableSubscription::because("it is over"))
        .await
        .expect("disabled");
    until("its end is told", async || {
        hooks().contains(&"resolved".to_owned()) && pages().contains(&"resolve".to_owned())
    })
    .await;

    assert_eq!(hooks().iter().filter(|turn| *turn == "raised").count(), 1, "{:?}", hooks());
    assert_eq!((hooks()[0].as_str(), hooks().last().map(String::as_str)), ("raised", Some("resolved")));
    assert_eq!((pages()[0].as_str(), pages().last().map(String::as_str)), ("trigger", Some("resolve")));
    let keys = Elsewhere::seen(&elsewhere.pages, "dedup_key");
    assert!(keys.iter().all(|other| *other == key), "one alert has one key: {keys:?}");
    let first = elsewhere.pages.lock().expect("not poisoned")[0].clone();
    assert_eq!(first["routing_key"], "R0UT1NGK3Y");
    assert!(["critical", "error", "warning"].contains(&first["payload"]["severity"].as_str().expect("a severity")));
    assert!(first["payload"]["summary"].as_str().is_some_and(|text| text.contains("subscription 1")));
    let hook = elsewhere.hooks.lock().expect("not poisoned")[0].clone();
    assert_eq!(hook["schema"], "crow.notice/1");
    let noted = || std::fs::read_to_string(&note).unwrap_or_default();
    until("the command was run", async || noted().contains("\"resolved\"")).await;
    assert!(noted().lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
}
