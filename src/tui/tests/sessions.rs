//! Whole sessions: the loop with a terminal in memory and an injected stream of input.

use super::fixture::{NOW, identity, overview, picture, text};
use crate::clock::RuntimeEnv;
use crate::sync::snapshot::Snapshot;
use crate::tui::keys::keymap::Keymap;
use crate::tui::runtime::clipboard::{Clipboard, ClipboardRoute, TerminalMultiplexer};
use crate::tui::runtime::console::{ConsoleSetup, ExitReason, run_on};
use crate::tui::runtime::perform::tests::without_platform;
use crate::tui::runtime::state_file::StateFile;
use crate::tui::state::config::ConsoleAccess;
use crate::tui::widgets::theme::ConsoleAppearance;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use futures_util::stream;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use std::io;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

struct ScriptedSession {
    keys: mpsc::UnboundedSender<io::Result<Event>>,
    pictures: watch::Sender<Arc<Snapshot>>,
    ambient: RuntimeEnv,
}

/// Runs a session, answers how it ended and what was on the screen then.
async fn session<F: Future<Output = ()>>(
    access: ConsoleAccess,
    ending: impl Future<Output = ExitReason>,
    script: impl FnOnce(ScriptedSession) -> F,
) -> (ExitReason, String) {
    remembering(StateFile::default(), access, ending, script).await
}

/// The same with a memory.
async fn remembering<F: Future<Output = ()>>(
    memory: StateFile,
    access: ConsoleAccess,
    ending: impl Future<Output = ExitReason>,
    script: impl FnOnce(ScriptedSession) -> F,
) -> (ExitReason, String) {
    let ambient = RuntimeEnv::scripted(NOW, 1);
    let (keys, events) = mpsc::unbounded_channel();
    let (pictures, receiver) = watch::channel(Arc::default());
    let setup = ConsoleSetup {
        identity: identity(),
        access,
        look: ConsoleAppearance::default(),
        keymap: Keymap::default(),
        initial_error: None,
        clipboard: Clipboard::new(
            Box::new(io::sink()),
            vec![ClipboardRoute::Terminal(TerminalMultiplexer::None)],
            None,
        ),
        memory,
        pictures: receiver,
        performer: without_platform(access),
        ambient: ambient.clone(),
    };
    let input = stream::unfold(events, async |mut events| events.recv().await.map(|event| (event, events)));
    let mut terminal = Terminal::new(TestBackend::new(120, 36)).expect("a terminal");
    let running = run_on(&mut terminal, input, setup, ending);
    let (ended, ()) = tokio::join!(running, script(ScriptedSession { keys, pictures, ambient }));
    (ended.expect("a terminal in memory does not fail"), text(terminal.backend()))
}

impl ScriptedSession {
    fn press(&self, code: KeyCode) {
        self.keys.send(Ok(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))).expect("the loop listens");
    }

    /// Lets the loop do all that it can do now.
    async fn settle(&self) {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn pictures_are_shown_keys_are_heard_and_q_quits() {
    let (ending, screen) = session(ConsoleAccess::Act, std::future::pending(), async |session| {
        session.settle().await;
        session.pictures.send(picture(overview())).expect("the loop listens");
        session.settle().await;
        session.press(KeyCode::Char('4'));
        session.settle().await;
        session.press(KeyCode::Char('q'));
        session.press(KeyCode::Char('y'));
    })
    .await;
    assert_eq!(ending, ExitReason::Quit);
    assert!(screen.contains("LIVE") && screen.contains("4 Deliveries") && screen.contains("EVENT ID"), "{screen}");
}

#[tokio::test]
async fn a_read_only_performer_says_no_and_the_console_goes_on() {
    let (ending, screen) = session(ConsoleAccess::ReadOnly, std::future::pending(), async |session| {
        session.pictures.send(picture(overview())).expect("the loop listens");
        session.settle().await;
        for key in ['3', 'x'] {
            session.press(KeyCode::Char(key));
        }
        session.press(KeyCode::Enter);
        session.settle().await;
        session.keys.send(Err(io::Error::other("gone"))).expect("the loop listens");
    })
    .await;
    assert_eq!(ending, ExitReason::Hangup);
    assert!(screen.contains("read-only: start with --allow-actions"), "{screen}");
}

#[tokio::test]
async fn a_gone_terminal_and_a_signal_end_the_loop() {
    let (ending, _) = session(ConsoleAccess::Act, std::future::pending(), async |session| drop(session.keys)).await;
    assert_eq!(ending, ExitReason::Hangup);
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let terminated = async move { stopped.await.unwrap_or(ExitReason::Hangup) };
    let (ending, _) = session(ConsoleAccess::Act, terminated, async |session| {
        session.settle().await;
        stop.send(ExitReason::Terminated).expect("the loop waits");
        session.settle().await;
    })
    .await;
    assert_eq!(ending, ExitReason::Terminated);
}

#[tokio::test]
async fn remarks_go_by_the_clock() {
    let (_, screen) = session(ConsoleAccess::Act, std::future::pending(), async |session| {
        session.pictures.send(picture(overview())).expect("the loop listens");
        session.press(KeyCode::Char('9'));
        session.settle().await;
        session.ambient.advance(std::time::Duration::from_secs(4));
        session.settle().await;
        session.press(KeyCode::Char('q'));
        session.press(KeyCode::Char('y'));
    })
    .await;
    assert!(!screen.contains("not available in this version"), "{screen}");
}

/// Waits until something holds that others do beside the loop.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..100_000 {
        if holds() {
            return;
        }
        tokio::task::spawn_blocking(std::thread::yield_now).await.expect("it runs");
    }
    panic!("{what}");
}

#[tokio::test]
async fn i2_what_is_arranged_is_written_down_at_once_and_a_filter_only_once_it_is_set() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("platform.json");
    let memory = StateFile(Some(file.clone()));
    let written = || std::fs::read_to_string(&file).unwrap_or_default();
    let (terminated, ending) = tokio::sync::oneshot::channel();
    let ending = async move { ending.await.unwrap_or(ExitReason::Hangup) };
    remembering(memory, ConsoleAccess::Act, ending, async |session| {
        session.pictures.send(picture(overview())).expect("the loop listens");
        session.settle().await;
        for key in "3/state:err".chars() {
            session.press(KeyCode::Char(key));
        }
        session.press(KeyCode::Enter);
        until("the filter is written without any time passing", || written().contains("state:err")).await;
        for key in "4/status:503".chars() {
            session.press(KeyCode::Char(key));
        }
        session.settle().await;
        terminated.send(ExitReason::Hangup).expect("the loop listens");
    })
    .await;
    assert!(written().contains("state:err") && !written().contains("status:503"), "{}", written());
}
