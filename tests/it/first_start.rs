//! `crow` on a machine where nothing is set up: it asks what to open, and opens it.

use crate::support::platform::Platform;
use crate::support::terminal::Terminal;
use crow::domain::scope::KeyScope;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A home in which nothing is set up and no keyring can be reached.
struct EmptyHome {
    _folder: TempDir,
    variables: Vec<(&'static str, PathBuf)>,
}

impl EmptyHome {
    fn new() -> Self {
        let folder = TempDir::new().expect("a directory");
        let names = [("XDG_CONFIG_HOME", "config"), ("XDG_DATA_HOME", "data"), ("XDG_STATE_HOME", "state")];
        let mut variables: Vec<_> = names.iter().map(|(name, of)| (*name, folder.path().join(of))).collect();
        variables.push(("PATH", PathBuf::from("/nowhere")));
        Self { _folder: folder, variables }
    }

    fn terminal(&self, arguments: &[&str]) -> Terminal {
        let variables: Vec<(&str, &Path)> = self.variables.iter().map(|(name, path)| (*name, path.as_path())).collect();
        Terminal::run_with(120, 36, env!("CARGO_BIN_EXE_crow"), arguments, &variables)
    }

    fn output(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crow"));
        command.args(arguments).envs(self.variables.iter().map(|(name, path)| (name, path)));
        let output = command.output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

#[test]
fn enter_alone_opens_the_demo_and_answers_that_make_no_sense_are_asked_again() {
    let home = EmptyHome::new();
    let mut terminal = home.terminal(&[]);
    terminal.shows("Choice [1]: ");
    terminal.press("7\r");
    terminal.shows("type 1, 2, 3 or q");
    terminal.press("\r");
    terminal.shows("4 Deliveries");
    terminal.shows("DEMO");
    terminal.press("qy");
    assert_eq!(terminal.ended(), 0);
}

#[test]
fn nothing_is_opened_and_nothing_is_kept_for_q() {
    let home = EmptyHome::new();
    let mut terminal = home.terminal(&[]);
    terminal.shows("Choice [1]: ");
    terminal.press("q\r");
    assert_eq!(terminal.ended(), 0);
    assert!(home.variables.iter().take(3).all(|(_, path)| !path.exists()));
}

#[test]
fn a_platform_of_ones_own_has_a_company_a_key_and_actions_and_is_not_asked_for_again() {
    let home = EmptyHome::new();
    let mut terminal = home.terminal(&[]);
    terminal.shows("Choice [1]: ");
    terminal.press("3\r");
    terminal.shows("Name of the company [My company]: ");
    terminal.press("Acme\r");
    terminal.shows("Name of its key [Main]: ");
    terminal.press("\r");
    terminal.shows("is shown only this once:");
    terminal.shows("wlcro_live_1_");
    terminal.shows("Store the key, then press Enter");
    terminal.press("\r");
    terminal.shows("2 Keys");
    terminal.shows("Main");
    terminal.shows("ACT");
    terminal.press("qy");
    assert_eq!(terminal.ended(), 0);
    let mut terminal = home.terminal(&[]);
    terminal.shows("2 Keys");
    terminal.shows("Main");
    terminal.press("qy");
    assert_eq!(terminal.ended(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_elsewhere_becomes_the_default_profile_and_the_scopes_of_the_key_are_shown() {
    let platform = Platform::start().await;
    let company = platform.company("Acme").await;
    let key = platform.key(&company, &[KeyScope::EventsRead, KeyScope::WebhooksWrite]).await;
    let url = platform.exposed().await;
    let home = EmptyHome::new();
    let mut terminal = home.terminal(&[]);
    let typed = key.reveal().to_owned();
    tokio::task::spawn_blocking(move || {
        terminal.shows("Choice [1]: ");
        terminal.press("2\r");
        terminal.shows("Address of the platform");
        terminal.press("not an address\r");
        terminal.until("asked again", |screen| screen.contents().matches("Address of the platform").count() == 2);
        terminal.press(&format!("{url}\r"));
        terminal.shows("Name of the profile [platform]: ");
        terminal.press("prod\r");
        terminal.shows("operator token (wlop_…) (not shown): ");
        terminal.press(&format!("{typed}\r"));
        terminal.shows("profile prod added");
        terminal.shows("3 Subscriptions");
        terminal.until("the key is not on the screen", |screen| !screen.contents().contains(&typed));
        terminal.press("q");
        assert_eq!(terminal.ended(), 0);
        let listed = home.output(&["profile", "list"]);
        assert!(listed.contains("* prod"), "{listed}");
    })
    .await
    .expect("it ran");
}
