//! Consoles that share one state file: each keeps its own words and sees the other's, and a file that cannot be read is kept.

use super::fixture::{NOW, TestConsole};
use crate::clock::RuntimeEnv;
use crate::tui::ids::Pane;
use crate::tui::runtime::state_file::{StateFile, StateKeeper, StateSyncEffect};
use crate::tui::state::view_state::PaneFilter;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

/// A console with its keeper.
struct SharingConsole {
    bench: TestConsole,
    keeper: StateKeeper,
}

impl SharingConsole {
    async fn open(file: &Path) -> Self {
        let mut memory = StateFile(Some(file.to_owned()));
        let mut bench = TestConsole::new(120, 36);
        assert_eq!(memory.recall(&mut bench.app, &ambient()).await, Ok(()));
        let keeper = StateKeeper::new(memory, &bench.app, NOW);
        Self { bench, keeper }
    }

    /// Looks at the file once, as the loop does when it is due.
    async fn sync(&mut self) {
        let came = self.keeper.begin(&self.bench.app, &ambient()).await;
        let effected = self.keeper.finish(&mut self.bench.app, came, NOW);
        assert!(!matches!(effected, StateSyncEffect::Message(_)), "{effected:?}");
    }

    fn seen(&self) -> String {
        let desk = &self.bench.app.view_state;
        let mut notes: Vec<String> = desk.notes.iter().map(|(item, note)| format!("{item}: {note}")).collect();
        let mut bundle: Vec<String> = desk.bundle.iter().map(ToString::to_string).collect();
        notes.sort();
        bundle.sort();
        format!("{} | {}", notes.join(", "), bundle.join(", "))
    }
}

fn ambient() -> RuntimeEnv {
    RuntimeEnv::scripted(NOW, 1)
}

/// Keys pressed in console A, keys pressed in console B before it has read A's changes, and the state that both have in the end.
const TOGETHER: [(&str, &str, &str, &str); 7] = [
    ("notes on two things", "3mfrom A\n", "2mfrom B\n", "key 1: from B, subscription 21: from A | "),
    ("notes on one thing", "3mfrom A\n", "3mfrom B\n", "subscription 21: from A / from B | "),
    ("a note and the bundle", "3mfrom A\n", "3b", "subscription 21: from A | subscription 21"),
    ("two bundles", "3b", "3jb", " | subscription 21, subscription 23"),
    ("one bundle", "3b", "3b", " | subscription 21"),
    ("what was there goes on one side", "3mfrom A\n3m\u{15}\n", "2b", " | key 1"),
    ("nothing", "", "", " | "),
];

#[tokio::test]
async fn i2_what_two_consoles_write_at_once_both_have_and_neither_loses() {
    for (what, ours, theirs, together) in TOGETHER {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("platform.json");
        let (mut a, mut b) = (SharingConsole::open(&file).await, SharingConsole::open(&file).await);
        a.press(ours);
        b.press(theirs);
        a.sync().await;
        b.sync().await;
        a.sync().await;
        assert_eq!((a.seen(), b.seen()), (together.to_owned(), together.to_owned()), "{what}");
        // Neither end takes anything away, in either order.
        b.keeper.close(None, &mut b.bench.app, &ambient()).await;
        a.keeper.close(None, &mut a.bench.app, &ambient()).await;
        assert_eq!(SharingConsole::open(&file).await.seen(), together, "{what}");
    }
}

impl SharingConsole {
    /// Types; a control character is a key with Ctrl.
    fn press(&mut self, keys: &str) {
        use crate::tui::effect::Msg;
        use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
        for key in keys.chars() {
            match key {
                '\u{15}' => {
                    self.bench.tell(Msg::Key(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL)));
                }
                key => drop(self.bench.press(&key.to_string())),
            }
        }
    }
}

#[tokio::test]
async fn i2_what_one_console_removed_stays_removed_unless_the_other_changed_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("platform.json");
    let (mut a, mut b) = (SharingConsole::open(&file).await, SharingConsole::open(&file).await);
    a.press("3mfirst\nb2mkept\n");
    a.sync().await;
    b.sync().await;
    assert_eq!(b.seen(), "key 1: kept, subscription 21: first | subscription 21");
    a.press("3m\u{15}\nb");
    b.press("2m, and more\n");
    a.sync().await;
    b.sync().await;
    b.press("3m\u{15}\n");
    a.sync().await;
    assert_eq!((a.seen(), b.seen()), ("key 1: kept, and more | ".to_owned(), "key 1: kept, and more | ".to_owned()));
    a.press("2m\u{15}\n");
    b.press("2m!\n");
    a.sync().await;
    b.sync().await;
    a.sync().await;
    assert_eq!(a.seen(), "key 1: kept, and more! | ", "what was changed there does not go");
}

#[tokio::test]
async fn i2_each_pane_keeps_the_filter_that_was_set_last_and_a_screen_changes_by_its_own_keys_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("platform.json");
    let (mut a, mut b) = (SharingConsole::open(&file).await, SharingConsole::open(&file).await);
    a.press("3/state:err\n ");
    b.press("2/company:92\n ");
    a.sync().await;
    b.sync().await;
    a.sync().await;
    let set = |side: &SharingConsole, pane| {
        side.bench.app.view_state.pane(pane).filter.as_ref().map(|filter: &PaneFilter| filter.text.clone())
    };
    assert_eq!(
        (set(&a, Pane::Keys), set(&b, Pane::Subscriptions)),
        (None, None),
        "no console removes another console's rows"
    );
    assert_eq!(
        (a.bench.app.view_state.marks.len(), b.bench.app.view_state.marks.len()),
        (1, 1),
        "nor are rows marked that way"
    );
    let next = SharingConsole::open(&file).await;
    assert_eq!(set(&next, Pane::Keys).as_deref(), Some("company:92"));
    assert_eq!(set(&next, Pane::Subscriptions).as_deref(), Some("state:err"));
    assert_eq!(next.bench.app.view_state.marks.len(), 2);
}

#[tokio::test]
async fn i2_what_this_version_does_not_know_stays_in_the_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("platform.json");
    let newer = r#"{"version":1,"focus":"keys","notes":[["subscription 5","x"],["planet 9","far"]],"bundle":["comet 1"],
        "marks":["moon 3"],"runs":[{"entry":{"dream":1},"subject":"all","outcome":"?"}],"views":[{"name":"mine"}]}"#;
    std::fs::write(&file, newer).expect("written");
    let mut side = SharingConsole::open(&file).await;
    side.press("3mours\n");
    side.sync().await;
    side.keeper.close(None, &mut side.bench.app, &ambient()).await;
    let written = std::fs::read_to_string(&file).expect("a file");
    for kept in ["planet 9", "far", "comet 1", "moon 3", "dream", "views", "mine", "ours", "subscription 5"] {
        assert!(written.contains(kept), "{kept} is missing from {written}");
    }
}

#[tokio::test]
async fn i2_a_file_that_vanishes_takes_nothing_with_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("deep/platform.json");
    let mut side = SharingConsole::open(&file).await;
    side.press("3mours\n");
    side.sync().await;
    std::fs::remove_dir_all(dir.path().join("deep")).expect("removed");
    side.sync().await;
    assert_eq!(side.seen(), "subscription 21: ours | ");
    assert_eq!(SharingConsole::open(&file).await.seen(), "subscription 21: ours | ");
}

type WriteFile = fn(&Path);

/// State files that cannot be read.
const UNREADABLE: [(&str, WriteFile); 10] = [
    ("of a newer version", |file| put(file, br#"{"version":2,"focus":"keys","notes":[["key 1","mine"]]}"#)),
    ("empty", |file| put(file, b"")),
    ("cut", |file| put(file, br#"{"version":1,"focus":"keys","notes":[["key 1","mi"#)),
    ("no object", |file| put(file, b"[]")),
    ("without a version", |file| put(file, br#"{"focus":"keys"}"#)),
    ("not UTF-8", |file| put(file, b"{\"version\":1,\"focus\":\"\xff\"}")),
    ("garbage", |file| put(file, &[0x00, 0x9b, 0xfe].repeat(1_000))),
    ("50 MB", |file| put(file, &vec![b' '; 50_000_000])),
    ("a pipe", |file| assert!(Command::new("mkfifo").arg(file).status().expect("mkfifo runs").success())),
    ("a directory", |file| std::fs::create_dir_all(file.join("full")).expect("made")),
];

fn put(file: &Path, bytes: &[u8]) {
    std::fs::File::create(file).and_then(|mut to| to.write_all(bytes)).expect("written");
}

#[tokio::test]
async fn i2_a_file_that_cannot_be_read_is_kept_aside_under_a_name_that_is_said() {
    for (what, put) in UNREADABLE {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("platform.json");
        for (n, aside) in ["platform.json.unread", "platform.json.unread-2"].into_iter().enumerate() {
            put(&file);
            let before = fingerprint(&file);
            let mut bench = TestConsole::new(120, 36);
            let mut memory = StateFile(Some(file.clone()));
            let said = memory.recall(&mut bench.app, &ambient()).await.expect_err("it is said");
            assert!(said.starts_with(&format!("unreadable state file renamed to {aside}: ")), "{what}: {said}");
            assert_eq!(fingerprint(&dir.path().join(aside)), before, "{what}: byte by byte");
            assert!(!file.exists(), "{what}: set aside before anything is written");
            let mut side = SharingConsole { keeper: StateKeeper::new(memory, &bench.app, NOW), bench };
            side.press("3mnew\n");
            side.sync().await;
            assert_eq!(
                SharingConsole::open(&file).await.seen(),
                "subscription 21: new | ",
                "{what} for the {n}th time"
            );
            std::fs::remove_file(&file).expect("removed");
        }
    }
}

/// Kind, size and first bytes of a file.
fn fingerprint(file: &Path) -> String {
    let of = std::fs::metadata(file).expect("it is there");
    let bytes = if of.is_file() { std::fs::read(file).expect("it can be read") } else { Vec::new() };
    format!("{:?} {} {:?}", of.file_type(), bytes.len(), bytes.get(..200.min(bytes.len())))
}

#[tokio::test]
async fn i2_a_file_that_turns_unreadable_meanwhile_is_kept_aside_too() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("platform.json");
    let mut side = SharingConsole::open(&file).await;
    side.press("3mours\n");
    side.sync().await;
    put(&file, br#"{"version":2,"focus":"keys","notes":[["key 1","theirs"]]}"#);
    side.press("2mmore\n");
    let came = side.keeper.begin(&side.bench.app, &ambient()).await;
    let effected = side.keeper.finish(&mut side.bench.app, came, NOW);
    let StateSyncEffect::Message(said) = effected else { panic!("it is said: {effected:?}") };
    assert!(said.contains("platform.json.unread"), "{said}");
    let aside = std::fs::read_to_string(dir.path().join("platform.json.unread")).expect("a file");
    assert!(aside.contains("theirs"));
    assert_eq!(SharingConsole::open(&file).await.seen(), "key 1: more, subscription 21: ours | ");
}

#[tokio::test]
async fn i2_what_can_be_neither_read_nor_renamed_is_left_as_it_is() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("platform.json");
    put(&dir.path().join("elsewhere"), b"not ours");
    symlink(dir.path().join("elsewhere"), &file).expect("a link");
    // All names for it are taken, by links that lead nowhere.
    for n in 1..=1_000 {
        let name = if n == 1 { "platform.json.unread".to_owned() } else { format!("platform.json.unread-{n}") };
        symlink("/nowhere", dir.path().join(name)).expect("a link");
    }
    let mut bench = TestConsole::new(120, 36);
    let mut memory = StateFile(Some(file.clone()));
    let said = memory.recall(&mut bench.app, &ambient()).await.expect_err("it is said");
    assert!(said.contains("nothing is saved"), "{said}");
    let mut keeper = StateKeeper::new(memory, &bench.app, NOW);
    bench.press("3mlost\n");
    keeper.check_for_changes(&bench.app, NOW);
    assert_eq!(keeper.due(), None);
    keeper.close(None, &mut bench.app, &ambient()).await;
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), "not ours");
}
