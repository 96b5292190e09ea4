//! A console in memory, attached to a platform under test over its socket: feed, loop and screen are the real ones.

use super::observed::Observed;
use super::platform::Platform;
use super::screen::Screen;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use crow::client::connection::PlatformClient;
use crow::clock::RuntimeEnv;
use crow::observer::keyed_client::RateLimitedClient;
use crow::sync::feed;
use crow::sync::snapshot::Snapshot;
use crow::tui::keys::keymap::Keymap;
use crow::tui::runtime::clipboard::{Clipboard, ClipboardRoute, TerminalMultiplexer};
use crow::tui::runtime::console::{ConsoleSetup, ExitReason, run_on};
use crow::tui::runtime::perform::JobRunner;
use crow::tui::runtime::state_file::StateFile;
use crow::tui::state::config::{ConsoleAccess, ConsoleIdentity, ConsoleMode, TargetEnvironment};
use crow::tui::widgets::theme::ConsoleAppearance;
use ratatui::Terminal;
use std::io;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// A console that runs.
pub(crate) struct Console {
    keys: mpsc::UnboundedSender<io::Result<Event>>,
    screen: Screen,
    running: JoinHandle<ExitReason>,
    feeding: JoinHandle<()>,
    _observed: Option<Observed>,
}

impl Console {
    /// Attaches a console that may act.
    pub(crate) fn attach(platform: &Platform, columns: u16, rows: u16) -> Self {
        Self::open(platform.operator(), platform.ambient.clone(), ConsoleAccess::Act, (columns, rows))
    }

    /// Attaches a console that may only look.
    pub(crate) fn look(platform: &Platform, columns: u16, rows: u16) -> Self {
        Self::open(platform.operator(), platform.ambient.clone(), ConsoleAccess::ReadOnly, (columns, rows))
    }

    /// Opens a console that may act on a platform which is watched with keys.
    pub(crate) fn watching(post: &RateLimitedClient, ambient: &RuntimeEnv, size: (u16, u16)) -> Self {
        Self::with_keys(post, ambient, ConsoleAccess::Act, size)
    }

    /// Opens a console on a platform which is watched with keys.
    pub(crate) fn with_keys(
        post: &RateLimitedClient,
        ambient: &RuntimeEnv,
        access: ConsoleAccess,
        size: (u16, u16),
    ) -> Self {
        let observed = Observed::begin(post, ambient);
        let client = observed.client.clone();
        let address = client.base().to_owned();
        let feed = observed.follow();
        let opened = Self::run((address, access), ambient.clone(), feed, JobRunner::new(client, access), size);
        Self { _observed: Some(observed), ..opened }
    }

    /// Opens a console of an operator's.
    pub(crate) fn open(client: PlatformClient, ambient: RuntimeEnv, access: ConsoleAccess, size: (u16, u16)) -> Self {
        let (sender, pictures) = watch::channel(Arc::new(Snapshot::default()));
        let settings = feed::FeedSettings { rows: 200, history: None };
        let feeding = tokio::spawn(feed::follow(client.clone(), ambient.clone(), settings, sender));
        let (address, performer) = (client.base().to_owned(), JobRunner::new(client, access));
        Self::run((address, access), ambient, (pictures, feeding), performer, size)
    }

    fn run(
        (address, access): (String, ConsoleAccess),
        ambient: RuntimeEnv,
        (pictures, feeding): (watch::Receiver<Arc<Snapshot>>, JoinHandle<()>),
        performer: JobRunner,
        size: (u16, u16),
    ) -> Self {
        let (keys, events) = mpsc::unbounded_channel();
        let identity = ConsoleIdentity {
            mode: ConsoleMode::Remote,
            profile: "test".to_owned(),
            address,
            environment: TargetEnvironment::Ordinary,
            colour: None,
        };
        let setup = ConsoleSetup {
            identity,
            access,
            look: ConsoleAppearance::default(),
            keymap: Keymap::default(),
            initial_error: None,
            clipboard: Clipboard::new(
                Box::new(io::sink()),
                vec![ClipboardRoute::Terminal(TerminalMultiplexer::None)],
                None,
            ),
            memory: StateFile::default(),
            pictures,
            performer,
            ambient,
        };
        let (screen, _) = Screen::new(size.0, size.1);
        let running = tokio::spawn({
            let screen = screen.clone();
            async move {
                let input = futures_util::stream::unfold(events, async |mut events| {
                    events.recv().await.map(|event| (event, events))
                });
                let mut terminal = Terminal::new(screen).expect("a terminal in memory");
                run_on(&mut terminal, input, setup, std::future::pending()).await.expect("it does not fail")
            }
        });
        Self { keys, screen, running, feeding, _observed: None }
    }

    /// Presses keys; a newline is Enter.
    pub(crate) fn press(&self, keys: &str) {
        for key in keys.chars() {
            let code = if key == '\n' { KeyCode::Enter } else { KeyCode::Char(key) };
            self.keys.send(Ok(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))).expect("the loop listens");
        }
    }

    /// Presses a key that is no character.
    pub(crate) fn code(&self, code: KeyCode) {
        self.keys.send(Ok(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))).expect("the loop listens");
    }

    /// Returns the text of the screen.
    pub(crate) fn text(&self) -> String {
        self.screen.with(|screen| screen.to_string())
    }

    /// Checks whether the screen shows a text.
    pub(crate) fn shows(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    /// Quits the console and returns the reason of its end.
    pub(crate) async fn quit(self) -> ExitReason {
        self.press("qqq");
        self.feeding.abort();
        self.running.await.expect("no panic")
    }
}
