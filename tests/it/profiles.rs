//! Profiles: made, used, shown and removed from a shell; their keys stand nowhere but where they are kept.

use crate::support::serving::Serving;
use crow::domain::scope::KeyScope;
use crow::wire::changes;
use crow::wire::keys::{NewCompany, NewKey};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const KEY: &str = "wlcro_live_92_abc_DEF-0123456789abcdefghijklmnopqrstuvwxy";

/// What stands in for `secret-tool`: keeps a secret in a file for each account, and writes down its arguments.
const SECRET_TOOL: &str = r#"
cd "${0%/*}"
echo "$*" >> ../arguments
for account; do :; done
file="../entry-$(printf %s "$account" | tr / -)"
case "$1" in
    store) [ ! -e ../locked ] || { echo "secret-tool: Cannot create an item in a locked collection" >&2; exit 1; }; cat > "$file" ;;
    lookup) cat "$file" 2>/dev/null ;;
    clear) rm "$file" 2>/dev/null ;;
esac
"#;

/// A home of its own, in which no keyring can be reached, unless there is a stand-in for one.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(TempDir::new().expect("a directory"))
    }

    /// A home with a stand-in for a keyring.
    fn with_keyring() -> Self {
        let home = Self::new();
        let program = home.0.path().join("bin/secret-tool");
        std::fs::create_dir(home.0.path().join("bin")).expect("made");
        std::fs::write(&program, format!("#!/bin/sh{SECRET_TOOL}")).expect("written");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("set");
        home
    }

    fn crow(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crow"));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for (name, folder) in [("XDG_CONFIG_HOME", "config"), ("XDG_DATA_HOME", "data"), ("XDG_STATE_HOME", "state")] {
            command.env(name, self.0.path().join(folder));
        }
        command.env("PATH", format!("{}:/usr/bin:/bin", self.0.path().join("bin").display()));
        command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", self.0.path().join("no-bus").display()));
        let mut child = command.spawn().expect("the binary starts");
        // A command that reads nothing may be gone already.
        let _ = child.stdin.take().expect("its stdin").write_all(input.as_bytes());
        child.wait_with_output().expect("it ends")
    }

    #[track_caller]
    fn done(&self, arguments: &[&str], input: &str) -> String {
        let output = self.crow(arguments, input);
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
        assert!(!said.contains(KEY), "{said}");
        text(&output.stdout)
    }

    #[track_caller]
    fn refused(&self, arguments: &[&str], input: &str, parts: &[&str]) {
        let output = self.crow(arguments, input);
        let line = text(&output.stderr);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{arguments:?}: {line}");
        assert_eq!(line.trim_end().lines().count(), 1, "{line}");
        for part in parts {
            assert!(line.contains(part), "{part} in {line}");
        }
        assert!(!line.contains("abc_DEF"), "{line}");
    }

    /// The files that hold `text`.
    fn holding(&self, text: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.0.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if String::from_utf8_lossy(&std::fs::read(&path).expect("bytes")).contains(text) {
                    found.push(path);
                }
            }
        }
        found
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("there").permissions().mode() & 0o777
}

#[test]
fn a_profile_is_added_shown_used_and_removed_and_its_key_is_in_one_file_only() {
    let home = Home::new();
    assert_eq!(home.done(&["profile", "list"], ""), "");
    let add =
        ["profile", "add", "prod", "--url", "https://api.example.com", "--key-file", "-", "--key", "Zapier Production"];
    let made = home
        .done(&[add.as_slice(), &["--production", "--colour", "red", "--budget", "5"]].concat(), &format!("{KEY}\n"));
    for part in ["no keyring available", "company 92", "ending in vwxy", "only you can read", "it is the default"] {
        assert!(made.contains(part), "{part} in {made}");
    }
    let files = home.holding(KEY);
    assert_eq!((files.len(), mode(&files[0])), (1, 0o600), "{files:?}");
    home.refused(&add, KEY, &["profile prod already exists", "crow profile remove"]);

    home.done(&["profile", "key", "prod", "n8n", "--key-file", "-", "--keep", "file"], KEY);
    let shown = home.done(&["profile", "show", "prod"], "");
    for part in ["https://api.example.com", "read-only", "5 % of each rate limit", "red", "Zapier Production", "n8n"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let listed: serde_json::Value = serde_json::from_str(&home.done(&["profile", "list", "--json"], "")).expect("JSON");
    assert_eq!(listed["profiles"][0]["isDefault"], true);
    assert_eq!(listed["profiles"][0]["credentials"][1]["name"], "n8n");

    home.done(&["profile", "forget", "prod", "n8n"], "");
    assert_eq!(home.holding(KEY).len(), 1);
    home.done(&["profile", "remove", "prod"], "");
    assert_eq!((home.holding(KEY), home.done(&["profile", "list"], "")), (Vec::new(), String::new()));
}

#[test]
fn a_keyring_gets_a_key_on_its_input_alone_and_gives_it_back() {
    let (home, serving) = (Home::with_keyring(), Serving::start(&[]));
    let add = |name: &'static str, url: &'static str| ["profile", "add", name, "--url", url, "--key-file", "-"];
    let made = home.done(&add("prod", "https://api.example.com"), KEY);
    assert!(made.contains("is stored in the keyring") && !made.contains("no keyring"), "{made}");
    let entry = home.0.path().join("entry-prod-key vwxy");
    assert_eq!(home.holding(KEY), std::slice::from_ref(&entry), "no argument and no other file has the key");
    assert_eq!(std::fs::read_to_string(&entry).expect("an entry"), KEY);

    let token = std::fs::read_to_string(serving.token_file()).expect("a token");
    let add_token = ["profile", "add", "here", "--url", serving.address(), "--token-file", "-"];
    home.done(&[add_token.as_slice(), &["--keep", "keyring"]].concat(), &token);
    let output = home.crow(&["diagnose", "breaker", "--json", "--profile", "here"], "");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["steps"][0]["why"], "no subscription exists", "{report}");

    let asked = std::fs::read_to_string(home.0.path().join("arguments")).expect("arguments");
    for line in [
        "store --label=crow: prod/key vwxy -- service crow username prod/key vwxy",
        "store --label=crow: here/operator -- service crow username here/operator",
        "lookup -- service crow username here/operator",
    ] {
        assert!(asked.lines().any(|asked| asked == line), "{line} in {asked}");
    }
    assert!(!asked.contains(token.trim()));

    home.done(&["profile", "remove", "prod"], "");
    assert!(home.holding(KEY).is_empty());
    home.done(&["profile", "add", "prod", "--url", "https://api.example.com", "--key-file", "-"], KEY);
    std::fs::remove_file(&entry).expect("removed");
    let gone = ["key vwxy of profile prod: not in the keyring any more", "crow profile key prod"];
    home.refused(&["diagnose", "breaker", "--profile", "prod"], "", &gone);
    home.done(&["profile", "remove", "prod"], "");
}

#[test]
fn a_keyring_that_refuses_says_why_and_the_key_is_in_a_file() {
    let home = Home::with_keyring();
    std::fs::write(home.0.path().join("locked"), "").expect("written");
    let add = ["profile", "add", "prod", "--url", "https://api.example.com", "--key-file", "-"];
    home.refused(&[add.as_slice(), &["--keep", "keyring"]].concat(), KEY, &["locked collection", "--keep file"]);
    let made = home.done(&add, KEY);
    for part in ["no keyring available: Cannot create an item in a locked collection; ", "only you can read"] {
        assert!(made.contains(part), "{part} in {made}");
    }
    let files = home.holding(KEY);
    assert_eq!((files.len(), mode(&files[0])), (1, 0o600), "{files:?}");
    std::fs::remove_file(home.0.path().join("bin/secret-tool")).expect("removed");
    home.done(&["profile", "remove", "prod"], "");
}

#[test]
fn an_invalid_profile_is_refused_in_one_line_without_the_key() {
    let home = Home::new();
    let add = |name: &'static str, url: &'static str| vec!["profile", "add", name, "--url", url, "--key-file", "-"];
    home.refused(&add("x", "ftp://host"), KEY, &["ftp://host", "https://HOST"]);
    home.refused(&add("x", "https://user:pass@host"), KEY, &["must not contain"]);
    home.refused(&add("../x", "https://host"), KEY, &["letters, digits"]);
    home.refused(&add("x", "https://host"), &KEY[..40], &["characters instead of 43"]);
    home.refused(&add("x", "https://host"), "two words", &["a single value"]);
    home.refused(&["profile", "add", "x", "--url", "https://host"], "", &["not a terminal", "--key-file"]);
    home.refused(
        &[add("x", "https://host").as_slice(), &["--keep", "keyring"]].concat(),
        KEY,
        &["no keyring", "--keep file"],
    );
    home.refused(&["profile", "use", "nobody"], "", &["unknown profile nobody", "crow profile add"]);
    home.refused(&["diagnose", "breaker", "--profile", "nobody"], "", &["unknown profile nobody"]);
    home.refused(&["diagnose", "breaker"], "", &["no platform given", "--key-file"]);
    home.refused(&["diagnose", "breaker", "--url", "http://127.0.0.1:9"], "", &["no credentials given"]);
    assert!(home.holding("abc_DEF").is_empty());
}

#[test]
fn commands_without_a_platform_use_the_default_profile() {
    let (home, serving) = (Home::new(), Serving::start(&[]));
    let token = serving.token_file().display().to_string();
    home.done(&["profile", "add", "here", "--url", serving.address(), "--token-file", &token], "");
    for arguments in
        [["diagnose", "breaker", "--json"].as_slice(), &["diagnose", "breaker", "--json", "--profile", "here"]]
    {
        let output = home.crow(arguments, "");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(report["steps"][0]["why"], "no subscription exists", "the platform said so: {report}");
    }
}

#[tokio::test]
async fn a_production_platform_requires_the_count_instead_of_yes() {
    let (home, serving) = (Home::new(), Serving::start(&[]));
    let token = serving.token_file().display().to_string();
    home.done(
        &[
            "profile",
            "add",
            "prod",
            "--url",
            serving.address(),
            "--token-file",
            &token,
            "--production",
            "--keep",
            "file",
        ],
        "",
    );
    let operator = serving.operator();
    let company =
        operator.change(&changes::CREATE_COMPANY, &NewCompany { name: "Acme".to_owned() }).await.expect("a company").id;
    let wish = |name: &str| NewKey {
        company_id: company,
        name: name.to_owned(),
        scopes: vec![KeyScope::EventsRead],
        limits: None,
    };
    let key = operator.change(&changes::CREATE_KEY, &wish("CRM")).await.expect("a key").row;
    let id = key.id.to_string();
    let revoke = |more: &[&'static str]| {
        let arguments = [["keys", "revoke", &id, "--profile", "prod", "--allow-actions"].as_slice(), more].concat();
        let output = home.crow(&arguments, "");
        (output.status.code(), text(&output.stderr))
    };
    for (more, said) in [
        (["--yes"].as_slice(), "production platform; confirm with --count 1"),
        (&[], "add --count 1"),
        (&["--count", "2"], "this affects 1, but --count says 2"),
        (&["--yes", "--count", "2"], "this affects 1, but --count says 2"),
    ] {
        let (code, told) = revoke(more);
        assert!(code == Some(3) && told.contains(said), "{more:?}: {code:?} {told}");
        assert!(operator.keys().await.expect("keys").items[0].revoked_utc.is_none());
    }
    let (code, told) = revoke(&["--count", "1"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(operator.keys().await.expect("keys").items[0].revoked_utc.is_some());
}
