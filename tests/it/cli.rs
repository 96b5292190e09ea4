//! The command line: what cannot be done is said in one line, with what to do and a documented exit code.

use crate::storage::process::listening;
use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

fn crow(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_crow")).args(arguments).stdin(Stdio::null()).output().expect("the binary runs")
}

/// Asserts that a command exited with 2, wrote one line with all these parts to stderr, and nothing to stdout.
#[track_caller]
fn refused(output: &Output, parts: &[&str]) {
    let line = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{line}");
    assert!(output.stdout.is_empty());
    assert_eq!(line.trim_end().lines().count(), 1, "{line}");
    assert!(line.starts_with("crow: ") && line.contains("; "), "what, and what to do: {line}");
    for part in parts {
        assert!(line.contains(part), "{part} in {line}");
    }
}

fn serve(dir: &Path) -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crow"));
    command.args(["serve", "--bind", "127.0.0.1:0", "--data"]).arg(dir);
    listening(command.stderr(Stdio::null())).expect("it listens")
}

#[test]
fn a_command_that_cannot_start_says_why() {
    let dir = TempDir::new().expect("a directory");
    let path = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    refused(&crow(&["serve", "--data", &path("a"), "--bind", &address]), &[&address, "--bind"]);

    std::fs::write(path("file"), "not a directory").expect("written");
    refused(
        &crow(&["serve", "--data", &path("file"), "--bind", "127.0.0.1:0"]),
        &["file", "the directory's owner and mode"],
    );

    std::fs::create_dir(path("foreign")).expect("made");
    std::fs::write(dir.path().join("foreign/platform.db"), "somebody else's file, not a database".repeat(99))
        .expect("written");
    std::fs::set_permissions(dir.path().join("foreign/platform.db"), Permissions::from_mode(0o600)).expect("private");
    refused(
        &crow(&["serve", "--data", &path("foreign"), "--bind", "127.0.0.1:0"]),
        &["platform.db", "crow db verify", "crow db restore"],
    );

    refused(&crow(&["serve", "--data", &path("b"), "--bind", "0.0.0.0:0"]), &["TLS", "--behind-proxy"]);
    refused(&crow(&["serve", "--retry-base", "soon"]), &["soon", "30s"]);
    refused(&crow(&["--no-such-flag"]), &["--no-such-flag", "crow --help"]);
    refused(&crow(&["demo"]), &["terminal", "--headless"]);
    refused(&crow(&[]), &["terminal"]);
    refused(&crow(&["diagnose", "nothing", "--subscription", "1", "--url", "x", "--token-file", "x"]), &["breaker"]);
    let token = path("token");
    refused(
        &crow(&["diagnose", "breaker", "--subscription", "1", "--url", "http://127.0.0.1:9", "--token-file", &token]),
        &[&token],
    );
}

#[test]
fn a_second_instance_is_refused_with_the_process_of_the_first() {
    let dir = TempDir::new().expect("a directory");
    let (mut first, _) = serve(dir.path());
    let second = crow(&["serve", "--bind", "127.0.0.1:0", "--data", &dir.path().to_string_lossy()]);
    refused(&second, &[&first.id().to_string(), "--data DIR"]);
    first.kill().and_then(|()| first.wait()).expect("it is killed");
}

#[test]
fn a_platform_that_is_stopped_exits_with_zero() {
    let dir = TempDir::new().expect("a directory");
    let (mut platform, _) = serve(dir.path());
    let pid = platform.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
    assert_eq!(platform.wait().expect("a status").code(), Some(0));
}

#[test]
fn a_diagnosis_without_a_platform_or_a_subscription_is_unknown_and_never_a_pass() {
    let dir = TempDir::new().expect("a directory");
    let (mut platform, url) = serve(dir.path());
    let token = dir.path().join("operator.token").to_string_lossy().into_owned();
    let ask = |url: &str| {
        crow(&["diagnose", "breaker", "--subscription", "404", "--url", url, "--token-file", &token, "--json"])
    };
    for url in [url.as_str(), "http://127.0.0.1:9"] {
        let output = ask(url);
        assert_eq!(output.status.code(), Some(2), "{url}");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON on stdout");
        assert_eq!(report["causes"], serde_json::json!([]));
        let steps = report["steps"].as_array().expect("steps");
        assert!(steps.iter().all(|step| step["verdict"] != "pass") && !steps.is_empty(), "{report}");
    }
    platform.kill().and_then(|()| platform.wait()).expect("it is killed");
}

#[test]
fn help_and_version_go_to_stdout() {
    for flag in ["--help", "--version"] {
        let output = crow(&[flag]);
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stderr.is_empty() && String::from_utf8_lossy(&output.stdout).contains("crow"));
    }
}

/// A platform that answers every call with escapes in its problem; serves until the process ends.
fn hostile_platform() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        let detail = r"no\u001b]0;owned\u0007\u001b[2J\u202e";
        let body =
            format!(r#"{{"status":403,"title":"For\u001b[31mbidden","code":"other_company","detail":"{detail}"}}"#);
        let answer =
            format!("HTTP/1.1 403 Forbidden\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut head = [0; 4_096];
            let _ = stream.read(&mut head).and_then(|_| stream.write_all(answer.as_bytes()));
        }
    });
    url
}

#[test]
fn t1_text_from_a_platform_cannot_control_the_terminal() {
    let dir = TempDir::new().expect("a directory");
    let token = dir.path().join("token");
    std::fs::write(&token, "wlop_0123456789").expect("written");
    let (url, token) = (hostile_platform(), token.to_string_lossy().into_owned());
    let about = ["--subscription", "1", "--url", &url, "--token-file", &token];
    let bundle = dir.path().join("ticket").to_string_lossy().into_owned();
    let escalated = crow(&[["escalate", "--out", &bundle].as_slice(), &about].concat());
    assert_eq!(escalated.status.code(), Some(0), "{}", String::from_utf8_lossy(&escalated.stderr));
    let ticket = std::fs::read(dir.path().join("ticket/ticket.md")).expect("a ticket");
    let diagnosed = crow(&[["diagnose", "breaker"].as_slice(), &about].concat());
    let json = crow(&[["diagnose", "breaker", "--json"].as_slice(), &about].concat());
    let opened = crow(&["open", &bundle]);
    let said = |output: Output| [output.stdout, output.stderr].concat();
    for bytes in [said(diagnosed), said(json), said(opened), ticket] {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(text.contains("owned"), "the words are there: {text}");
        assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
    }
}

#[test]
fn a_lost_key_file_is_not_replaced() {
    let dir = TempDir::new().expect("a directory");
    let (mut platform, _) = serve(dir.path());
    platform.kill().and_then(|()| platform.wait()).expect("it is killed");
    let key = dir.path().join("platform.key");
    std::fs::remove_file(&key).expect("removed");
    let again = crow(&["serve", "--bind", "127.0.0.1:0", "--data", &dir.path().to_string_lossy()]);
    refused(&again, &["platform.key", "backup"]);
    assert!(!key.exists());
}

#[test]
fn a_second_demo_on_the_same_directory_is_refused() {
    let dir = TempDir::new().expect("a directory");
    let data = dir.path().join("data").to_string_lossy().into_owned();
    let mut command = Command::new(env!("CARGO_BIN_EXE_crow"));
    command.args(["demo", "--headless", "--data", &data]).stderr(Stdio::null());
    let (mut first, _) = listening(&mut command).expect("it listens");
    first.kill().and_then(|()| first.wait()).expect("it is killed");
    refused(&crow(&["demo", "--headless", "--data", &data]), &["crow --data DIR"]);
}

#[test]
fn without_a_terminal_the_console_refuses_or_writes_plain_lines() {
    let output = crow(&["demo"]);
    refused(&output, &["terminal", "--plain", "--headless"]);

    let dir = TempDir::new().expect("a directory");
    let (mut platform, url) = serve(dir.path());
    let token = dir.path().join("operator.token").to_string_lossy().into_owned();
    let mut console = Command::new(env!("CARGO_BIN_EXE_crow"))
        .args(["console", "--plain", "--url", &url, "--token-file", &token])
        .env("XDG_STATE_HOME", dir.path().join("state"))
        .env("XDG_CONFIG_HOME", dir.path().join("config"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(console.stdout.take().expect("its stdout")).lines().map_while(Result::ok);
    assert!(lines.by_ref().any(|line| line.ends_with(" UTC  LIVE")), "the link is told");
    let keys = lines.by_ref().find(|line| line.contains("Keys: ")).expect("each list in a few words");
    assert!(!keys.contains('\u{1b}'), "{keys}");
    platform.kill().and_then(|()| platform.wait()).expect("it is killed");
    assert!(lines.by_ref().any(|line| line.contains(" UTC  OFFLINE: ")), "its loss is told");
    assert!(Command::new("kill").args(["-TERM", &console.id().to_string()]).status().expect("kill runs").success());
    let mut said = String::new();
    console.stderr.take().expect("its stderr").read_to_string(&mut said).expect("text");
    assert_eq!((console.wait().expect("a status").code(), said.as_str()), (Some(143), ""));
}

#[test]
fn an_unusable_theme_is_reported_before_the_console_starts() {
    refused(&crow(&["demo", "--plain", "--theme", "no-such-theme"]), &["no-such-theme", "assets/themes/dark.toml"]);
}
