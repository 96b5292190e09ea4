//! The guide in `docs`: every transcript is run, every command with its options is there, every document is promised.
//! `.ci/docs` runs its other commands in bash and zsh.

use crate::storage::process::{lead, subscription};
use crate::support::platform::until;
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::schemas;
use crate::support::serving::Serving;
use crow::client::connection::ClientCredential;
use crow::domain::ids::SubscriptionId;
use crow::domain::scope::KeyScope;
use crow::wire::changes;
use crow::wire::keys::{NewCompany, NewKey};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

fn docs(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The names of the guide's pages.
fn pages() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let names = std::fs::read_dir(folder).expect("docs").map(|entry| entry.expect("a page").file_name());
    names.map(|name| name.to_string_lossy().into_owned()).filter(|name| name.ends_with(".md")).collect()
}

/// Starts the platform of the transcripts: a company with two keys, and a subscription that the breaker has disabled.
async fn scene() -> (Serving, Receiver) {
    let serving = Serving::start(&[]);
    let operator = serving.operator();
    let company = operator
        .change(&changes::CREATE_COMPANY, &NewCompany { name: "Acme Credit".to_owned() })
        .await
        .expect("a company")
        .id;
    let scopes = vec![KeyScope::EventsRead, KeyScope::WebhooksWrite];
    let new = NewKey { company_id: company, name: "Zapier Production".to_owned(), scopes, limits: None };
    let key = operator.change(&changes::CREATE_KEY, &new).await.expect("a key").key.into_secret();
    let new =
        NewKey { company_id: company, name: "Old Report".to_owned(), scopes: vec![KeyScope::EventsRead], limits: None };
    operator.change(&changes::CREATE_KEY, &new).await.expect("a key");
    let receiver = Receiver::start(&[Behaviour::Status(500)]).await;
    let new = subscription(&receiver.url);
    serving.client(ClientCredential::Key(key)).create_subscription(&new).await.expect("a subscription");
    let emit = async || {
        let event = lead(company);
        operator.change(&changes::EMIT_EVENT, &event).await.expect("an event");
    };
    for _ in 0..20 {
        emit().await;
    }
    until("the breaker tripped", async || {
        !operator.subscription(SubscriptionId(1)).await.expect("a row").subscription.is_enabled
    })
    .await;
    for _ in 0..2 {
        emit().await;
    }
    (serving, receiver)
}

/// The real binary under its name, on the scene's platform.
fn shim(serving: &Serving) -> PathBuf {
    let folder = serving.folder().join("bin");
    std::fs::create_dir_all(&folder).expect("made");
    let command = serving.command(&[]);
    let words: Vec<String> = command.get_args().map(|word| format!("'{}'", word.to_string_lossy())).collect();
    let crow = env!("CARGO_BIN_EXE_crow");
    let script = format!(
        "#!/bin/sh\ncase \"$1\" in config|completions|man) exec {crow} \"$@\";; *) exec {crow} \"$@\" {};; esac\n",
        words.join(" ")
    );
    std::fs::write(folder.join("crow"), script).expect("written");
    std::fs::set_permissions(folder.join("crow"), std::fs::Permissions::from_mode(0o755)).expect("made runnable");
    folder
}

/// Checks whether a line matches a written one, in which an ellipsis means any text.
fn is_like(line: &str, written: &str) -> bool {
    let mut parts = written.split('…');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The commands of a page's transcripts with what they answered.
fn transcripts(page: &str) -> Vec<(String, Vec<String>)> {
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    let mut is_within = false;
    for line in page.lines() {
        match (is_within, line) {
            (false, "```console") => is_within = true,
            (true, "```") => is_within = false,
            (true, line) => match (line.strip_prefix("$ "), all.last_mut()) {
                (Some(command), _) => all.push((command.to_owned(), Vec::new())),
                (None, Some((_, answer))) => answer.push(line.to_owned()),
                (None, None) => panic!("a transcript begins with a command: {line}"),
            },
            (false, _) => {}
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_transcript_of_the_guide_matches_a_run() {
    let (serving, _receiver) = scene().await;
    let bin = shim(&serving);
    let mut faults = Vec::new();
    let mut n = 0;
    for name in ["monitoring.md", "shell.md", "operations.md"] {
        for (command, answer) in transcripts(&docs(name)) {
            n += 1;
            let output = Command::new("sh")
                .args(["-c", &format!("exec 2>&1; PATH={}:$PATH; {command}", bin.display())])
                .current_dir(serving.folder())
                .env("XDG_CONFIG_HOME", serving.folder().join("config"))
                .env("XDG_STATE_HOME", serving.folder().join("state"))
                .output()
                .expect("a shell");
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let lines: Vec<&str> = said.lines().collect();
            let is_right =
                lines.len() == answer.len() && lines.iter().zip(&answer).all(|(line, written)| is_like(line, written));
            if !is_right {
                faults.push(format!("{name}: $ {command}\nwritten:\n{}\nsaid:\n{said}", answer.join("\n")));
            }
        }
    }
    assert!(n > 15, "{n} transcripts");
    assert!(faults.is_empty(), "\n{}", faults.join("\n\n"));
}

/// The long options that a text names.
fn options(text: &str) -> BTreeSet<String> {
    let is_of_option = |letter: char| letter.is_ascii_lowercase() || letter == '-';
    text.split(|letter| !is_of_option(letter))
        .filter(|word| word.len() > 3 && word.starts_with("--") && !word[2..].starts_with('-'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_option_is_in_the_guide() {
    let crow = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_crow")).args(arguments).output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let guide: String = pages().iter().map(|page| docs(page)).collect();
    let known = options(&guide);
    let dir = tempfile::tempdir().expect("a directory");
    crow(&["man", "--out", &dir.path().to_string_lossy()]);
    for entry in std::fs::read_dir(dir.path()).expect("pages") {
        let name = entry.expect("a page").path().file_stem().expect("a name").to_string_lossy().into_owned();
        let words: Vec<&str> = name.split('-').skip(1).chain(["--help"]).collect();
        let is_plain = |option: &String| option == "--help" || option == "--version";
        let has = options(&crow(&words));
        let missing: Vec<&String> = has.iter().filter(|option| !known.contains(*option) && !is_plain(option)).collect();
        assert!(missing.is_empty(), "{name}: not in docs: {missing:?}");
    }
}

#[test]
fn every_command_and_every_document_is_in_the_guide() {
    let dir = tempfile::tempdir().expect("a directory");
    let made =
        Command::new(env!("CARGO_BIN_EXE_crow")).args(["man", "--out"]).arg(dir.path()).output().expect("it runs");
    assert_eq!(made.status.code(), Some(0));
    let pages: BTreeSet<String> = std::fs::read_dir(dir.path())
        .expect("pages")
        .map(|entry| entry.expect("a page").path().file_stem().expect("a name").to_string_lossy().replace('-', " "))
        .collect();
    let is_group = |page: &str| pages.iter().any(|other| other.starts_with(&format!("{page} ")));
    let guide = docs("commands.md");
    let usages: Vec<&str> = guide
        .lines()
        .filter_map(|line| line.strip_prefix("| `crow "))
        .map(|row| row.split('`').next().unwrap_or_default())
        .collect();
    let mut rows = BTreeSet::new();
    let mut faults = Vec::new();
    for usage in usages {
        let is_name = |word: &&str| word.starts_with(|letter: char| letter.is_ascii_lowercase());
        let name: Vec<&str> = usage.split(' ').take_while(is_name).collect();
        let row = name.iter().fold("crow".to_owned(), |row, word| format!("{row} {word}"));
        let help = Command::new(env!("CARGO_BIN_EXE_crow")).args(&name).arg("--help").output().expect("it runs");
        assert_eq!(help.status.code(), Some(0), "{row}");
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        for option in options(usage).iter().filter(|option| !options(&help).contains(*option)) {
            faults.push(format!("{row} has no {option}"));
        }
        rows.insert(row);
    }
    assert!(faults.is_empty(), "in docs/commands.md: {faults:?}");
    for row in rows.iter().filter(|row| *row != "crow") {
        assert!(pages.contains(row), "{row} is in the guide and not there");
    }
    let missing: Vec<&String> = pages.iter().filter(|page| !is_group(page) && !rows.contains(*page)).collect();
    assert!(missing.is_empty(), "not in docs/commands.md: {missing:?}");
    for name in schemas::names() {
        assert!(guide.contains(&format!("`{name}`")), "{name} is not in docs/commands.md");
    }
}
