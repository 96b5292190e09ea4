//! `crow verify` with files and standard input.

use crow::domain::secret::Secret;
use crow::domain::signature;
use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const SECRET: &str = "whsec_test_secret_0123456789";
const BODY: &str = "{\"id\":1,\"type\":\"lead.created\"}";

struct Bench(TempDir);

impl Bench {
    fn new(body: &str, signature: &str) -> Self {
        let bench = Self(TempDir::new().expect("a directory"));
        bench.put("body", body);
        bench.put("secret", format!("{SECRET}\n"));
        bench.put(
            "headers",
            format!("POST /hook HTTP/1.1\r\nx-wlcro-timestamp: 1700000000\r\nX-Wlcro-Signature: {signature}\r\n\r\n"),
        );
        bench
    }

    fn put(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.0.path().join(name), text).expect("written");
    }

    fn run(&self, more: &[&str], stdin: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_crow"))
            .current_dir(self.0.path())
            .args(["verify", "--headers", "headers"])
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        child.stdin.take().expect("its stdin").write_all(stdin.as_bytes()).expect("written");
        child.wait_with_output().expect("it ends")
    }
}

fn good() -> String {
    signature::sign(&Secret::new(SECRET.to_owned()), 1_700_000_000, BODY.as_bytes())
}

#[test]
fn verify_exits_with_0_for_a_valid_signature_also_from_standard_input() {
    let bench = Bench::new(BODY, &good());
    let said = bench.run(&["--body", "body", "--secret-file", "secret"], "");
    assert_eq!(said.status.code(), Some(0), "{}", String::from_utf8_lossy(&said.stderr));
    assert!(String::from_utf8_lossy(&said.stdout).starts_with("the signature is valid"));
    assert_eq!(bench.run(&["--body", "-", "--secret-file", "secret"], BODY).status.code(), Some(0));
}

#[test]
fn verify_exits_with_1_for_an_invalid_signature_and_names_the_cause() {
    let bench = Bench::new(&format!("{BODY}\n"), &good());
    let said = bench.run(&["--body", "body", "--secret-file", "secret", "--json"], "");
    assert_eq!(said.status.code(), Some(1));
    let json: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    assert_eq!((json["fit"].as_str(), json["causes"][0]["id"].as_str()), (Some("explained"), Some("sig-newline")));
    assert!(!String::from_utf8_lossy(&said.stdout).contains(SECRET), "the secret is not repeated");

    bench.put("body", BODY);
    bench.put("old", "another-secret-0123456789");
    let old = signature::sign(&Secret::new("another-secret-0123456789".to_owned()), 1_700_000_000, BODY.as_bytes());
    let more = ["--body", "body", "--secret-file", "secret", "--signature", &old, "--other", "subscription 12=old"];
    let said = String::from_utf8(bench.run(&more, "").stdout).expect("text");
    assert!(said.contains("sig-wrong-secret") && said.contains("subscription 12"), "{said}");
    let said = bench.run(&[&more[..6], &["--json"]].concat(), "");
    assert_eq!(said.status.code(), Some(1));
    let json: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    assert_eq!(json["fit"], "unexplained");
}

#[test]
fn verify_explains_the_signature_that_the_receiver_computed() {
    let bench = Bench::new(BODY, &good());
    let computed = good().to_uppercase();
    let said = bench.run(&["--body", "body", "--secret-file", "secret", "--computed", &computed, "--json"], "");
    let json: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    assert_eq!(json["causes"][0]["id"], "sig-case");
    let late = bench.run(&["--body", "body", "--secret-file", "secret", "--received-at", "1700000500", "--json"], "");
    let json: Value = serde_json::from_slice(&late.stdout).expect("JSON");
    assert_eq!(json["causes"][0]["id"], "sig-stale-clock");
}

#[test]
fn verify_exits_with_2_for_unreadable_input_and_says_what_to_do() {
    let bench = Bench::new(BODY, &good());
    for more in [
        &["--body", "nowhere", "--secret-file", "secret"][..],
        &["--body", "body", "--secret-file", "nowhere"],
        &["--body", "body"],
        &["--body", "body", "--secret-file", "secret", "--other", "no-name"],
    ] {
        let said = bench.run(more, "");
        let line = String::from_utf8_lossy(&said.stderr).into_owned();
        assert_eq!(said.status.code(), Some(2), "{line}");
        assert!(said.stdout.is_empty() && line.starts_with("crow: ") && line.contains("; "), "{line}");
    }
}

#[test]
fn verify_reads_headers_in_common_forms_and_needs_them() {
    let good = good();
    let name = "X-Wlcro-Signature";
    let mut utf16 = vec![0xff, 0xfe];
    let windows = format!("{name}: {good}\r\nX-Wlcro-Timestamp: 1700000000\r\n");
    utf16.extend(windows.encode_utf16().flat_map(u16::to_le_bytes));
    let bench = Bench::new(BODY, &good);
    for (what, head) in [
        ("curl -v", format!("> X-Wlcro-Timestamp: 1700000000\n> {name}: {good}\n").into_bytes()),
        ("JSON", format!("{{\"x-wlcro-timestamp\":1700000000,\"x-wlcro-signature\":\"{good}\"}}").into_bytes()),
        ("a dictionary", format!("{{'X-Wlcro-Timestamp': '1700000000', '{name}': '{good}'}}").into_bytes()),
        ("CGI", format!("HTTP_X_WLCRO_TIMESTAMP=1700000000\nHTTP_X_WLCRO_SIGNATURE={good}\n").into_bytes()),
        ("a mark first", format!("\u{feff}{name}: {good}\nX-Wlcro-Timestamp: 1700000000\n").into_bytes()),
        ("CR alone", format!("X-Wlcro-Timestamp: 1700000000\r{name}: {good}\r").into_bytes()),
        ("UTF-16", utf16),
    ] {
        bench.put("headers", head);
        let said = bench.run(&["--body", "body", "--secret-file", "secret"], "");
        assert_eq!(said.status.code(), Some(0), "{what}: {}", String::from_utf8_lossy(&said.stdout));
    }
    let twice = format!("X-Wlcro-Timestamp: 1700000000\n{name}: {good}\n{name}: sha256=00\n");
    for (head, line) in [
        ("", "crow: could not run: no header X-Wlcro-Signature in headers; the file is empty\n"),
        (
            "Host: a\n\nAccept: */*\n",
            "crow: could not run: no header X-Wlcro-Signature in headers; 2 lines, first: Host: a\n",
        ),
        (
            &twice,
            "crow: could not run: 2 different headers X-Wlcro-Signature in headers; keep the headers of one request; ",
        ),
    ] {
        bench.put("headers", head);
        let said = bench.run(&["--body", "body", "--secret-file", "secret"], "");
        let error = String::from_utf8_lossy(&said.stderr).into_owned();
        assert_eq!(said.status.code(), Some(2), "{error}");
        assert!(said.stdout.is_empty() && error.starts_with(line), "{error}");
    }
    bench.put("headers", "Host: a\nX-Wlcro-Timestamp: 1700000000\nX-Wlcro-Attempt: 1\n");
    let dropped = bench.run(&["--body", "body", "--secret-file", "secret"], "");
    assert_eq!(dropped.status.code(), Some(1));
    let text = String::from_utf8_lossy(&dropped.stdout).into_owned();
    assert!(text.contains("sig-missing") && text.contains("a proxy may drop headers"), "{text}");
    bench.put("headers", format!("{name}: nonsense\nX-Wlcro-Timestamp: 1700000000\n"));
    let text = String::from_utf8(bench.run(&["--body", "body", "--secret-file", "secret"], "").stdout).expect("text");
    assert!(text.contains("sig-missing") && !text.contains("prox"), "{text}");
}
