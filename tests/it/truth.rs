//! No command says that all is well where it looked at nothing: each against a platform that is down, that does not know who asks, that lets the
//! key do nothing, and that is empty. And no key leaves this machine in the clear unless the user says so.

use crate::support::platform::Platform;
use crow::domain::scope::KeyScope;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Expected exit codes of a command: without a server, with an unknown token, with a key without the permission, on an
/// empty platform.
const EXPECTED: &[(&str, [i32; 4])] = &[
    ("export", [1, 1, 2, 0]),
    ("audit", [1, 1, 2, 0]),
    ("briefing --key 1", [1, 1, 2, 2]),
    ("import {file}", [1, 1, 2, 0]),
    ("keys list", [1, 1, 2, 0]),
    ("subs list", [1, 1, 2, 0]),
    ("deliveries list", [1, 1, 2, 0]),
    ("events list", [1, 1, 2, 0]),
    ("limits list", [1, 1, 2, 0]),
    ("trips list", [1, 1, 2, 0]),
    ("requests list", [1, 1, 2, 0]),
    ("replays list", [1, 1, 2, 0]),
    // Of monitoring plugins: 2 critical, 3 unknown.
    ("check", [2, 3, 3, 0]),
    ("doctor", [1, 1, 1, 0]),
    // 2 could not run or nothing to judge by, 1 a cause: the lacking scope.
    ("diagnose permissions", [2, 2, 2, 2]),
    ("diagnose events-missing", [2, 2, 1, 2]),
    ("escalate --out {out}", [1, 1, 0, 0]),
    ("reconcile --types lead.created", [2, 2, 2, 2]),
];

struct Scene {
    platform: Platform,
    dir: TempDir,
}

impl Scene {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    async fn crow(&self, arguments: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crow"));
        command.args(arguments.split_whitespace()).stdin(Stdio::null());
        // Each call is the first of its home.
        let home = TempDir::new_in(self.dir.path()).expect("a directory");
        for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
            command.env(name, home.path().join(name));
        }
        tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("the binary runs")
    }
}

#[tokio::test]
async fn no_command_reports_success_without_data() {
    let scene = Scene { platform: Platform::lively().await, dir: TempDir::new().expect("a directory") };
    let company = scene.platform.company("Acme").await;
    let key = scene.platform.key(&company, &[KeyScope::IntegrationsRead]).await;
    let stranger = "wlop_abcdefghijklmnopqrstuvwxyz0123456789-ABCDEF";
    // A platform without any call yet: the other one's log has refused calls.
    let empty = Platform::lively().await;
    let token = empty.token();
    for (name, text) in [("key", key.reveal()), ("token", token.reveal()), ("stranger", stranger)] {
        std::fs::write(scene.path(name), text).expect("written");
    }
    let ask = format!("export --url {} --token-file {}", empty.address, scene.path("token").display());
    std::fs::write(scene.path("file"), scene.crow(&ask).await.stdout).expect("written");
    let up = scene.platform.address.as_str();
    let mut wrong = Vec::new();
    for (command, codes) in EXPECTED {
        for (n, (url, credential)) in
            [("http://127.0.0.1:9", "token"), (up, "stranger"), (up, "key"), (empty.address.as_str(), "token")]
                .into_iter()
                .enumerate()
        {
            let by_key = credential == "key" || command.starts_with("reconcile");
            if by_key {
                // A key of its own: a command leaves what others use of a key alone.
                let key = scene.platform.key(&company, &[KeyScope::IntegrationsRead]).await;
                std::fs::write(scene.path("key"), key.reveal()).expect("written");
            }
            let (option, file) = if by_key { ("--key-file", "key") } else { ("--token-file", credential) };
            let out = scene.path(&format!("out-{n}"));
            let command = command.replace("{file}", &scene.path("file").display().to_string());
            let command = command.replace("{out}", &out.display().to_string());
            let came = scene.crow(&format!("{command} --url {url} {option} {}", scene.path(file).display())).await;
            let told = String::from_utf8_lossy(&[came.stdout, came.stderr].concat()).into_owned();
            if came.status.code() != Some(codes[n]) {
                wrong.push(format!(
                    "{command} {url} {credential}: {:?}, not {}: {told:.300}",
                    came.status.code(),
                    codes[n]
                ));
            }
            assert!(!told.trim().is_empty(), "{command} says something");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_key_is_sent_over_plain_http_to_another_machine_only_if_allowed() {
    let scene = Scene { platform: Platform::lively().await, dir: TempDir::new().expect("a directory") };
    std::fs::write(scene.path("token"), scene.platform.token().reveal()).expect("written");
    std::fs::write(scene.path("key"), "wlcro_live_92_abc_DEF-0123456789abcdefghijklmnopqrstuvwxy").expect("written");
    let port = scene.platform.address.rsplit(':').next().expect("a port").to_owned();
    let (token, key) = (scene.path("token").display().to_string(), scene.path("key").display().to_string());
    // Another spelling of this machine, which is not recognised as one: nothing leaves it all the same.
    let mapped = format!("http://[::ffff:127.0.0.1]:{port}");
    for url in
        ["http://192.0.2.1", "http://crow.example", "http://localhost.example:80", "http://127.0.0.1.example", &mapped]
    {
        for command in [
            format!("keys list --url {url} --token-file {token}"),
            format!("reconcile --url {url} --key-file {key}"),
            format!("console --plain --url {url} --key-file {key}"),
            format!("profile add there --url {url} --key-file {key} --keep file"),
        ] {
            let came = scene.crow(&command).await;
            let line = String::from_utf8_lossy(&came.stderr).into_owned();
            assert_eq!(came.status.code(), Some(2), "{command}: {line}");
            assert!(
                line.contains("unencrypted") && line.contains("--allow-http") && line.lines().count() == 1,
                "{line}"
            );
        }
    }
    for url in [format!("http://127.0.0.1:{port}"), format!("http://localhost:{port}")] {
        let came = scene.crow(&format!("keys list --url {url} --token-file {token}")).await;
        assert_eq!(came.status.code(), Some(0), "{url}: {}", String::from_utf8_lossy(&came.stderr));
    }
    let said = scene.crow(&format!("keys list --allow-http --url {mapped} --token-file {token}")).await;
    assert!(!String::from_utf8_lossy(&said.stderr).contains("unencrypted"), "{said:?}");
    let kept = format!("profile add there --allow-http --url {mapped} --key-file {key} --keep file");
    assert_eq!(scene.crow(&kept).await.status.code(), Some(0));
}
