//! `crow demo --headless --scenario` and `crow diagnose` against it, as a user at a shell would.

use crate::storage::process::listening;
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

fn crow(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crow"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).output().expect("the binary runs")
}

pub(super) struct Demo {
    child: Child,
    pub(super) url: String,
    pub(super) dir: TempDir,
}

impl Demo {
    pub(super) fn of(scenarios: &str) -> Self {
        Self::with(&["--scenario", scenarios])
    }

    /// Starts the simulated company with all its callers and receivers.
    pub(super) fn world() -> Self {
        Self::with(&[])
    }

    fn with(more: &[&str]) -> Self {
        let dir = TempDir::new().expect("a directory");
        let mut command = Command::new(env!("CARGO_BIN_EXE_crow"));
        command.args(["demo", "--headless", "--seed", "7", "--data", "data"]).args(more);
        let (child, url) = listening(command.current_dir(dir.path()).stderr(Stdio::null())).expect("it listens");
        Self { child, url, dir }
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Output {
        let remote = ["--url", self.url.as_str(), "--token-file", "data/operator.token"];
        crow(&[arguments, &remote].concat(), self.dir.path())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_demo_with_two_faults_is_diagnosed_from_the_shell() {
    let demo = Demo::of("sig-no-dot,key-revoked");
    for (topic, cause) in [("signature", "sig-no-dot"), ("key-not-working", "key-revoked")] {
        let said = demo.run(&["diagnose", topic, "--json"]);
        assert_eq!(said.status.code(), Some(1), "{}", String::from_utf8_lossy(&said.stderr));
        let json: Value = serde_json::from_slice(&said.stdout).expect("JSON");
        assert_eq!((json["topic"].as_str(), json["causes"][0]["id"].as_str()), (Some(topic), Some(cause)));
        for member in ["title", "resolution"] {
            assert!(json["causes"][0][member].as_str().is_some_and(|text| !text.is_empty()));
        }
        for step in json["steps"].as_array().expect("steps") {
            assert!(step["id"].is_string() && step["question"].is_string() && step["verdict"].is_string());
            assert!(step["evidence"].is_array());
        }
    }
    let none = demo.run(&["diagnose", "rate-limits"]);
    assert_eq!(none.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&none.stdout).contains("no cause found"));
    let text =
        demo.run(&["diagnose", "key-not-working", "--key", "Reporting Job", "--since", "10m", "--run", "run.json"]);
    let text = String::from_utf8(text.stdout).expect("text");
    assert!(text.contains("cause 1:") && text.contains("GET /portal/v1/requests?code=missing_key&key=2&"), "{text}");
    let again = demo.run(&["diagnose", "key-not-working", "--key", "Reporting Job", "--run", "run.json", "--json"]);
    let kept: Value =
        serde_json::from_slice(&std::fs::read(demo.dir.path().join("run.json")).expect("kept")).expect("JSON");
    assert_eq!(kept, serde_json::from_slice::<Value>(&again.stdout).expect("JSON"));
    let unknown = demo.run(&["diagnose", "key-not-working", "--key", "nobody"]);
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn scenarios_are_listed_with_their_cause_and_playbook() {
    let said = crow(&["demo", "--list-scenarios", "--json"], Path::new("."));
    assert_eq!(said.status.code(), Some(0));
    let rows: Vec<Value> = serde_json::from_slice(&said.stdout).expect("JSON");
    assert!(rows.len() > 35);
    for row in &rows {
        let is_healthy = row["name"] == "healthy";
        assert_eq!(row["cause"].is_null() && row["remark"].is_null(), is_healthy, "{row}");
        assert!(row["topic"].is_string() && row["story"].is_string());
    }
    let none = crow(&["demo", "--headless", "--scenario", "no-such"], Path::new("."));
    assert_eq!(none.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&none.stderr).contains("endpoint-500"));
}
