//! Two consoles of the real binary on one profile, and consoles whose own files cannot be read or written.

use crate::storage::process::{Serving, subscription};
use crate::support::platform::until;
use crate::support::terminal::Terminal;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Platform, and a home directory for the consoles that watch it.
pub(crate) struct Scene {
    platform: Serving,
    pub(crate) dir: TempDir,
    runtime: Runtime,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().expect("a directory");
        let platform = Serving::start(&dir.path().join("data"));
        let runtime = Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let (_, key) = platform.company().await;
            key.create_subscription(&subscription("http://127.0.0.1:9/")).await.expect("a subscription");
        });
        Self { platform, dir, runtime }
    }

    pub(crate) fn arguments(&self) -> [String; 5] {
        let token = self.dir.path().join("data/operator.token");
        ["console", "--url", &self.platform.address, "--token-file", &token.to_string_lossy()].map(ToOwned::to_owned)
    }

    fn console(&self, state: &Path) -> Terminal {
        let arguments = self.arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let variables = [("XDG_STATE_HOME", state), ("XDG_CONFIG_HOME", &self.dir.path().join("config"))];
        let terminal = Terminal::run_with(120, 36, env!("CARGO_BIN_EXE_crow"), &arguments, &variables);
        terminal.shows("LIVE");
        terminal
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// The state file, which an earlier console has written.
    fn file(&self) -> PathBuf {
        let files = std::fs::read_dir(self.state().join("crow")).expect("a folder");
        let mut files = files.map(|entry| entry.expect("an entry").path());
        files.find(|path| path.extension().is_some_and(|end| end == "json")).expect("a state file")
    }
}

#[test]
fn i2_two_consoles_on_one_profile_lose_nothing_and_see_each_others_notes_also_when_one_is_killed() {
    let scene = Scene::new();
    let (mut a, mut b) = (scene.console(&scene.state()), scene.console(&scene.state()));
    a.press("3mnote from A\r");
    a.shows("note added");
    b.press("2mnote from B\r");
    b.shows("note added");
    a.press("b");
    a.shows("added to the ticket (1 item)");
    a.press("2");
    a.shows("note from B");
    b.press("3");
    b.shows("note from A");
    let file = scene.file();
    a.press("3");
    a.shows("note from A");
    b.press("m, and B again\r");
    let is_written = async || std::fs::read_to_string(&file).is_ok_and(|written| written.contains("A, and B again"));
    scene.runtime.block_on(until("the note is on disk", is_written));
    b.kill();
    // Without a key being pressed.
    a.shows("note from A, and B again");
    a.press("q");
    assert_eq!(a.ended(), 0);
    let mut next = scene.console(&scene.state());
    next.press("3");
    next.shows("note from A, and B again");
    next.press("2");
    next.shows("note from B");
    next.press("\x03");
    assert_eq!(next.ended(), 0);
}

#[test]
fn i2_an_unreadable_state_file_is_renamed_and_does_not_block_the_start() {
    let scene = Scene::new();
    let mut first = scene.console(&scene.state());
    first.press("q");
    assert_eq!(first.ended(), 0);
    let file = scene.file();
    let newer = "{\"version\":2,\"notes\":[[\"key 1\",\"of a newer crow\"]]}";
    std::fs::write(&file, newer).expect("written");
    let mut console = scene.console(&scene.state());
    console.shows("unreadable state file renamed to ");
    console.press("q");
    assert_eq!(console.ended(), 0);
    let aside = file.with_extension("json.unread");
    assert_eq!(std::fs::read_to_string(aside).expect("a file"), newer);
    // A pipe that no process writes to would hold a reader for ever.
    std::fs::remove_file(&file).expect("removed");
    assert!(Command::new("mkfifo").arg(&file).status().expect("mkfifo runs").success());
    let mut console = scene.console(&scene.state());
    console.shows("unreadable state file renamed to ");
    console.press("q");
    assert_eq!(console.ended(), 0);
    assert!(file.is_file());
}

#[test]
fn i2_a_console_without_a_writable_directory_starts_and_says_that_nothing_is_saved() {
    let scene = Scene::new();
    let blocked = scene.dir.path().join("blocked");
    std::fs::write(&blocked, "").expect("written");
    for place in [&blocked, Path::new("/proc/nothing")] {
        let mut console = scene.console(place);
        console.shows("cannot be saved");
        console.press("3mnote\r");
        console.shows("note added");
        console.press("q");
        assert_eq!(console.ended(), 0);
    }
    assert_eq!(std::fs::read(&blocked).expect("a file"), b"");
}

#[test]
fn plain_lines_that_cannot_be_written_end_the_console_with_an_error() {
    let scene = Scene::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a full device");
    let mut command = Command::new(env!("CARGO_BIN_EXE_crow"));
    command.args(scene.arguments()).arg("--plain").env("XDG_STATE_HOME", scene.state()).stdout(full);
    let output = command.output().expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("crow: stdout: No space left"), "{said}");
}
