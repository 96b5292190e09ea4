//! Command lines of README.md and docs: every one of them can be parsed.

use super::arguments::CliArgs;
use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::remedy::{MissedRange, RemediationAction, RunbookTarget};
use crate::diagnose::runbook_kind::Runbook;
use crate::domain::ids::{AttemptId, KeyId, SubscriptionId};
use crate::domain::time::Timestamp;
use clap::Parser as _;
use clap::error::ErrorKind;
use std::path::{Path, PathBuf};

/// Values that stand in for placeholders of the pages.
const PLACEHOLDERS: [(&str, &str); 5] =
    [("ID", "1"), ("N", "1"), ("TOPIC", "breaker"), ("COMMAND", "keys"), ("SHELL", "bash")];

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_dir(root.join("docs")).expect("docs").map(|entry| entry.expect("a page").path());
    let docs = docs.filter(|page| page.extension().is_some_and(|extension| extension == "md"));
    docs.chain(["README.md", "CONTRIBUTING.md"].map(|page| root.join(page))).collect()
}

/// Words of the first simple command of a line: up to a pipe, a redirection or a separator, without quotation marks.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for character in line.chars() {
        match (quote, character) {
            (Some(mark), _) if character == mark => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(character),
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, '|' | ';' | '&') => break,
            (None, '>' | '<') => {
                // A number before a redirection belongs to that, not to the command.
                word = word.filter(|word| word != "2");
                break;
            }
            (None, ' ') => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

/// Error of a command line, if it cannot be parsed.
fn fault(line: &str) -> Option<clap::Error> {
    let stand_in = |word: String| {
        let known = PLACEHOLDERS.iter().find(|(name, _)| *name == word);
        known.map_or(word, |(_, value)| (*value).to_owned())
    };
    CliArgs::try_parse_from(words(line).into_iter().map(stand_in))
        .err()
        .filter(|error| !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion))
}

/// Whether an error says only that something is missing: text may name a command without its arguments.
fn is_incomplete(error: &clap::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    )
}

fn is_command(text: &&str) -> bool {
    text.starts_with("crow ")
}

#[test]
fn the_command_of_every_remedy_can_be_parsed() {
    let range = MissedRange {
        subscription: SubscriptionId(7),
        since_utc: Timestamp::from_millis(0),
        until_utc: Timestamp::from_millis(1_000),
    };
    let runbook = RunbookTarget { runbook: Runbook::KeyRotation, subject: DiagnosisSubject::Key(KeyId(3)) };
    for remedy in [
        RemediationAction::Test(SubscriptionId(7)),
        RemediationAction::Enable(SubscriptionId(7)),
        RemediationAction::EnableOnly(SubscriptionId(7)),
        RemediationAction::Replay(range),
        RemediationAction::Revoke(KeyId(3)),
        RemediationAction::Verify(AttemptId(9)),
        RemediationAction::Runbook(runbook),
    ] {
        let command = remedy.command();
        assert!(is_command(&command.as_str()), "{command}");
        assert!(fault(&command).is_none(), "{command}: {:?}", fault(&command));
    }
}

#[test]
fn every_command_line_of_the_readme_and_the_guide_can_be_parsed() {
    let mut faults = Vec::new();
    let mut n = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("readable").replace("\\\n", " ");
        let name = page.file_name().expect("a name").to_string_lossy().into_owned();
        let mut is_fenced = false;
        let mut prose = String::new();
        for line in text.lines() {
            if line.starts_with("```") {
                is_fenced = !is_fenced;
            } else if !is_fenced {
                // A span of code may go on in the next line; a blank line ends the paragraph.
                prose.push_str(if line.is_empty() { "\n" } else { " " });
                prose.push_str(line);
            } else if let Some(command) = Some(line.strip_prefix("$ ").unwrap_or(line)).filter(is_command) {
                n += 1;
                faults.extend(fault(command).map(|error| format!("{name}: {command}\n{error}")));
            }
        }
        // Spans of code are every second part; a usage with brackets or an ellipsis is no command line.
        let spans = prose.lines().flat_map(|paragraph| paragraph.split('`').skip(1).step_by(2));
        for span in spans.filter(is_command).filter(|span| !span.contains(['[', '…'])) {
            n += 1;
            let error = fault(span).filter(|error| !is_incomplete(error));
            faults.extend(error.map(|error| format!("{name}: {span}\n{error}")));
        }
    }
    assert!(n > 100, "{n} command lines");
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn the_last_characters_of_a_key_may_begin_with_a_hyphen() {
    for line in [
        "crow diagnose permissions --key -iss",
        "crow runbook key-rotation --key -iss",
        "crow escalate --key -iss",
        "crow briefing --key -iss",
        "crow keys show -iss --json",
        "crow keys revoke -iss --yes",
        "crow limits show -iss",
        "crow limits set -iss --read 30",
        "crow profile key partner -iss --key-file KEY",
        "crow profile forget partner -iss",
    ] {
        assert!(fault(line).is_none(), "{line}: {:?}", fault(line).map(|error| error.to_string()));
    }
    assert!(fault("crow keys show --json").is_some(), "an option is no key");
}
