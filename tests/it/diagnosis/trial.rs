//! The whole way of a support engineer: from a console that opens on a fault to its cause and a written bundle, and the bundle again.

use crate::support::terminal::Terminal;
use std::path::Path;
use tempfile::TempDir;

/// The binary in a terminal, started in a directory of its own.
pub(super) fn run_in(dir: &Path, arguments: &[&str]) -> Terminal {
    let dir = dir.to_str().expect("a path");
    let start = ["-c", r#"cd "$0" && exec "$@""#, dir, env!("CARGO_BIN_EXE_crow")];
    Terminal::run_program(120, 36, "sh", &[&start, arguments].concat())
}

#[test]
fn a_console_session_diagnoses_a_trip_writes_a_ticket_and_opens_it_again() {
    let dir = TempDir::new().expect("a directory");
    let mut console = run_in(dir.path(), &["demo", "--seed", "7", "--scenario", "breaker-tripped"]);
    console.shows("LIVE");
    console.press("3");
    console.shows("TRP");
    // All playbooks that fit the selected subscription, at once.
    console.press("P");
    console.shows("9 Diagnose: everything, subscription 1");
    console.shows("the breaker tripped after 20 failures in a row; 500 ×20 (");
    console.shows("→ enable subscription 1 and resend missed events");
    // The bundle is about what is looked at.
    console.press("0");
    console.shows("Ticket for subscription 1");
    console.press("restarted the receiver\r");
    console.shows("W writes the ticket");
    console.shows("About: subscription 1");
    console.press("Wz");
    console.shows("crow open shows it again");
    console.press("q");
    console.press("q");
    console.press("q");
    console.press("qy");
    assert_eq!(console.ended(), 0);

    let mut names = std::fs::read_dir(dir.path()).expect("the directory").flatten().map(|entry| entry.file_name());
    let name = names.next().expect("a bundle").into_string().expect("a name");
    assert!(name.starts_with("crow-subscription-1-") && name.ends_with(".zip"), "{name}");
    let read = std::process::Command::new(env!("CARGO_BIN_EXE_crow"))
        .args(["open", "--json"])
        .arg(dir.path().join(&name))
        .output()
        .expect("crow open runs");
    assert!(String::from_utf8_lossy(&read.stdout).contains("restarted the receiver"), "the reporter's words");
    let mut reader = run_in(dir.path(), &["open", &name]);
    reader.shows("Ticket about subscription 1");
    reader.shows("no file was changed since");
    reader.press("G");
    reader.shows("event payloads and signing secrets");
    reader.press("q");
    assert_eq!(reader.ended(), 0);
}
