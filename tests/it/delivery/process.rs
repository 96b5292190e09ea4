//! The real binary, stopped under load.

use crate::storage::process::{lead, listening, subscription};
use crate::support::platform::until;
use crate::support::receiver::{Behaviour, Receiver};
use crow::client::connection::{ClientCredential, PlatformClient};
use crow::domain::ids::CompanyId;
use crow::domain::scope::KeyScope;
use crow::domain::secret::Secret;
use crow::wire::changes;
use crow::wire::events::NewEvent;
use crow::wire::keys::{NewCompany, NewKey};
use std::collections::HashMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use tokio::task::JoinSet;

/// A running `crow serve`.
struct Process {
    child: Option<Child>,
    address: String,
    operator: PlatformClient,
}

impl Process {
    fn start(dir: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crow"));
        let arguments =
            ["serve", "--bind", "127.0.0.1:0", "--allow-private-targets", "--retry-base", "100ms", "--data"];
        let (child, address) = listening(command.args(arguments).arg(dir).stderr(Stdio::null())).expect("it listens");
        let token = std::fs::read_to_string(dir.join("operator.token")).expect("the token");
        let credential = ClientCredential::Operator(Secret::new(token.trim().to_owned()));
        let operator = PlatformClient::new(&address, credential).expect("a client");
        Self { child: Some(child), address, operator }
    }

    async fn subscribe(&self, url: &str) -> CompanyId {
        let company = self
            .operator
            .change(&changes::CREATE_COMPANY, &NewCompany { name: "Acme".to_owned() })
            .await
            .expect("a company");
        let new = NewKey {
            company_id: company.id,
            name: "k".to_owned(),
            scopes: vec![KeyScope::WebhooksWrite],
            limits: None,
        };
        let key = self.operator.change(&changes::CREATE_KEY, &new).await.expect("a key").key.into_secret();
        let new = subscription(url);
        let partner = PlatformClient::new(&self.address, ClientCredential::Key(key)).expect("a client");
        partner.create_subscription(&new).await.expect("a subscription");
        company.id
    }

    fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Sends SIGTERM to the platform and waits for its exit code.
    async fn terminate(mut self) -> Option<i32> {
        let pid = self.pid().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
        let mut child = self.child.take().expect("it runs");
        let ended = tokio::task::spawn_blocking(move || child.wait());
        let ended = crow::clock::RuntimeEnv::real().timeout(std::time::Duration::from_secs(12), ended).await;
        ended.expect("it ends within twelve seconds").expect("no panic").expect("a status").code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn event(company_id: CompanyId) -> NewEvent {
    lead(company_id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k8_a_stop_under_load_loses_and_repeats_no_delivery() {
    let dir = TempDir::new().expect("a directory");
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let process = Process::start(dir.path());
    let company = process.subscribe(&receiver.url).await;
    let mut emitting = JoinSet::new();
    for _ in 0..8 {
        let operator = process.operator.clone();
        // Each goes on until the platform answers no more; only what was answered counts.
        emitting.spawn(async move {
            let mut accepted = Vec::new();
            while let Ok(envelope) = operator.change(&changes::EMIT_EVENT, &event(company)).await {
                accepted.push(envelope.id.0);
            }
            accepted
        });
    }
    receiver.received(100).await;
    assert_eq!(process.terminate().await, Some(0));
    let accepted: Vec<i64> = emitting.join_all().await.concat();
    assert!(accepted.len() >= 100);
    let process = Process::start(dir.path());
    let is_idle = async || {
        let pipeline = process.operator.overview(1).await.expect("an overview").pipeline;
        (pipeline.n_pending, pipeline.n_in_flight) == (Some(0), Some(0))
    };
    until("the rest is delivered", is_idle).await;
    let mut times: HashMap<String, usize> = HashMap::new();
    for request in receiver.ledger() {
        *times.entry(request.header("x-wlcro-event-id").to_owned()).or_default() += 1;
    }
    let lost = accepted.iter().filter(|id| !times.contains_key(&id.to_string())).count();
    let repeated = times.values().filter(|times| **times > 1).count();
    assert_eq!((lost, repeated), (0, 0), "of {}", accepted.len());
    assert_eq!(process.terminate().await, Some(0));
}
