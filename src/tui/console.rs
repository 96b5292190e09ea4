//! The loop: input, results, pictures and time go into `update`, what it wants done comes out, and the screen is drawn when nothing is
//! waiting to be read.

use super::app::{App, Msg, Setting};
use super::calm::Calm;
use super::clipboard::{Clipboard, Copied};
use super::draw::draw;
use super::effect::{Effect, Finished};
use super::format;
use super::keymap::{Keymap, Step};
use super::memory::{Effected, Memory, StateKeeper, Synced, Syncing};
use super::perform::Performer;
use super::terminal::{Guard, abandon, retake, suspend};
use super::theme::Look;
use crate::ambient::Ambient;
use crate::domain::outbound::Redactions;
use crate::monitor::snapshot::Snapshot;
use crossterm::event::{Event, EventStream, KeyEventKind, MouseButton, MouseEventKind};
use futures_util::{Stream, StreamExt, stream};
use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::style::Color;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};

/// What the console looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The simulated company.
    Demo,
    /// The platform inside this process.
    Standalone,
    /// A platform elsewhere.
    Remote,
}

/// What the console may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Look.
    ReadOnly,
    /// Also test, enable and disable.
    Act,
}

/// How much an act can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stakes {
    /// One act is confirmed with y.
    #[default]
    Ordinary,
    /// A production platform: every act wants its count typed.
    Production,
}

/// Whose console it is, for the header.
#[derive(Debug, Clone)]
pub struct Identity {
    /// What it looks at.
    pub mode: Mode,
    /// The profile's name.
    pub profile: String,
    /// Where the platform is: `http://127.0.0.1:PORT`.
    pub address: String,
    /// How much an act can break there.
    pub stakes: Stakes,
    /// The colour of the header, if it has one of its own.
    pub colour: Option<Color>,
}

/// What a console needs.
#[derive(Debug)]
pub struct Setup {
    /// Whose it is.
    pub identity: Identity,
    /// What its screens offer; what is performed the performer decides.
    pub access: Access,
    /// What it looks like, and whether it listens to the mouse.
    pub look: Look,
    /// Which keys do what.
    pub keymap: Keymap,
    /// What is said first, until a key is pressed.
    pub complaint: Option<String>,
    /// Where copied text goes.
    pub clipboard: Clipboard,
    /// Where it is kept how somebody arranged things.
    pub memory: Memory,
    /// Pictures, the latest one wins.
    pub pictures: watch::Receiver<Arc<Snapshot>>,
    /// Calls the platform.
    pub performer: Performer,
    /// The clock.
    pub ambient: Ambient,
}

/// Why the console ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Somebody quit.
    Quit,
    /// The terminal went away, or SIGHUP came.
    Hangup,
    /// SIGTERM came.
    Terminated,
}

impl Ending {
    /// The process's exit code: 0, 129 or 143.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Quit => 0,
            Self::Hangup => 129,
            Self::Terminated => 143,
        }
    }
}

/// What can go wrong with the terminal.
#[derive(Debug, thiserror::Error)]
#[error("the terminal cannot be used: {0}")]
pub struct Error(#[from] io::Error);

/// How often it is asked whether the terminal is still there: with SIGHUP ignored nothing else tells.
const LOOK_AFTER: Duration = Duration::from_millis(500);

/// How long the loop may take to end once it is told from outside: a terminal that nobody reads blocks every write to it.
const GRACE: Duration = Duration::from_secs(1);

/// Runs the console on the real terminal until it ends; gives the terminal back before it returns.
///
/// # Errors
/// When the terminal cannot be taken, asked for its size, or written to.
pub async fn run(setup: Setup) -> Result<Ending, Error> {
    let ending = ending(setup.ambient.clone())?;
    let mouse = setup.look.mouse;
    let guard = Guard::take(mouse)?;
    let (tell, told) = oneshot::channel();
    let ambient = setup.ambient.clone();
    let insist = tokio::spawn(async move {
        let ending = ending.await;
        let _ = tell.send(ending);
        ambient.sleep(GRACE).await;
        abandon(i32::from(ending.code()));
    });
    let told = async move { told.await.unwrap_or(Ending::Hangup) };
    let mut terminal = Terminal::new(Calm::new(io::stdout()))?;
    // Who was stopped from outside takes the terminal again; the loop hears of it as of a window that comes into sight.
    let resumed = signal(SignalKind::from_raw(signal_hook::consts::SIGCONT))?;
    let resumed = stream::unfold((resumed, mouse), async |(mut resumed, mouse)| {
        resumed.recv().await?;
        Some((retake(mouse).map(|()| Event::FocusGained), (resumed, mouse)))
    });
    let input = stream::select(EventStream::new(), Box::pin(resumed));
    let ended = drive(&mut terminal, input, setup, told).await;
    drop(guard);
    insist.abort();
    match ended {
        // A terminal that went away cannot be written to either.
        Err(_) if crossterm::terminal::window_size().is_err() => Ok(Ending::Hangup),
        ended => Ok(ended?),
    }
}

/// Waits for what ends the console from outside.
pub(super) fn ending(ambient: Ambient) -> io::Result<impl Future<Output = Ending>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let gone = async move {
        while crossterm::terminal::window_size().is_ok() {
            ambient.sleep(LOOK_AFTER).await;
        }
    };
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => Ending::Terminated,
            _ = hangup.recv() => Ending::Hangup,
            () = gone => Ending::Hangup,
        }
    })
}

/// The loop over any terminal, any input and any ending from outside.
///
/// # Errors
/// Those of the terminal.
pub async fn drive<B: Backend>(
    terminal: &mut Terminal<B>,
    input: impl Stream<Item = io::Result<Event>>,
    setup: Setup,
    ending: impl Future<Output = Ending>,
) -> Result<Ending, B::Error> {
    let Setup { identity, access, look, keymap, complaint, clipboard, mut memory, mut pictures, performer, ambient } =
        setup;
    let now = ambient.now();
    let mut app = App::new(Setting { identity, access, look, keymap }, now);
    let size = terminal.size()?;
    let first = pictures.borrow_and_update().clone();
    for msg in [Msg::Resized(size.width, size.height), Msg::Picture(first)] {
        app.update(msg, now);
    }
    for why in memory.recall(&mut app, &ambient).await.err().into_iter().chain(complaint) {
        app.complain(why, now);
    }
    let keeper = StateKeeper::new(memory, &app, now);
    let mut outside = Outside { clipboard, performer, ambient, keeper, syncing: None };
    let ended = turn(terminal, input, &mut app, &mut outside, pictures, ending).await;
    let Outside { keeper, syncing, ambient, .. } = outside;
    keeper.close(syncing, &mut app, &ambient).await;
    ended
}

/// What effects reach.
struct Outside {
    clipboard: Clipboard,
    performer: Performer,
    ambient: Ambient,
    keeper: StateKeeper,
    syncing: Option<Syncing>,
}

async fn turn<B: Backend>(
    terminal: &mut Terminal<B>,
    input: impl Stream<Item = io::Result<Event>>,
    app: &mut App,
    outside: &mut Outside,
    mut pictures: watch::Receiver<Arc<Snapshot>>,
    ending: impl Future<Output = Ending>,
) -> Result<Ending, B::Error> {
    let (mut input, mut ending) = (pin!(input), pin!(ending));
    let (reports, mut finished) = mpsc::unbounded_channel();
    let ambient = outside.ambient.clone();
    let mut screen = Screen::Behind;
    let mut feed = Feed::Open;
    loop {
        let msg = tokio::select! {
            biased;
            ended = &mut ending => return Ok(ended),
            event = input.next() => match event {
                Some(Ok(event)) => heard(&event),
                Some(Err(_)) | None => return Ok(Ending::Hangup),
            },
            Some(finished) = finished.recv() => Some(Msg::Finished(finished)),
            () = std::future::ready(()), if screen == Screen::Behind => {
                let size = terminal.size()?;
                if size != app.window.area.as_size() {
                    app.update(Msg::Resized(size.width, size.height), ambient.now());
                }
                terminal.draw(|frame| draw(frame, app))?;
                screen = Screen::Current;
                None
            }
            changed = pictures.changed(), if feed == Feed::Open => {
                if changed.is_err() {
                    feed = Feed::Closed;
                }
                Some(Msg::Picture(pictures.borrow_and_update().clone()))
            }
            () = ambient.sleep_until(outside.keeper.due().unwrap_or_default()), if outside.keeper.due().is_some() => {
                outside.syncing = Some(tokio::spawn(outside.keeper.begin(app, &ambient)));
                None
            }
            came = ended(&mut outside.syncing), if outside.syncing.is_some() => {
                outside.syncing = None;
                let effected = outside.keeper.finish(app, came, ambient.now());
                if effected != Effected::Nothing {
                    screen = Screen::Behind;
                }
                if let Effected::Said(what) = effected {
                    app.complain(what, ambient.now());
                }
                None
            }
            () = ambient.sleep_until(app.wakes_at(ambient.now())) => Some(Msg::Tick),
        };
        let Some(msg) = msg else { continue };
        let may_arrange = !matches!(msg, Msg::Picture(_) | Msg::Tick);
        if !matches!(&msg, Msg::Picture(picture) if app.knows(picture)) {
            screen = Screen::Behind;
        }
        let effects = app.update(msg, ambient.now());
        if may_arrange {
            outside.keeper.look(app, ambient.now());
        }
        for effect in effects {
            if effect == Effect::Leave {
                return Ok(Ending::Quit);
            }
            outside.effect(effect, terminal, app, &reports).await?;
        }
    }
}

impl Outside {
    /// Does what `update` wants done, but for leaving.
    async fn effect<B: Backend>(
        &mut self,
        effect: Effect,
        terminal: &mut Terminal<B>,
        app: &App,
        reports: &mpsc::UnboundedSender<Finished>,
    ) -> Result<(), B::Error> {
        match effect {
            Effect::Leave => {}
            Effect::Repaint => terminal.clear()?,
            Effect::Suspend => {
                // A terminal that cannot be taken again is gone, and the next frame says so.
                let _ = suspend(app.setting.look.mouse);
                terminal.clear()?;
            }
            Effect::Copy(text) => {
                // The loop listens to its own reports for as long as it runs.
                let _ = reports.send(Finished::Copied(copied(self, &text).await));
            }
            Effect::CopySecret(issued) => {
                let copied = self.clipboard.put_secret(&issued, &self.ambient).await;
                let _ = reports.send(Finished::CopiedSecret(issued, copied));
            }
            Effect::Perform(job) => {
                let (performer, reports) = (self.performer.clone(), reports.clone());
                // The console may have ended before the answer comes; then nobody waits for it.
                tokio::spawn(async move { reports.send(performer.perform(job).await) });
            }
        }
        Ok(())
    }
}

/// Waits for what is going on with the state file.
async fn ended(syncing: &mut Option<Syncing>) -> io::Result<Synced> {
    match syncing {
        Some(syncing) => syncing.await.map_err(io::Error::other).flatten(),
        None => std::future::pending().await,
    }
}

/// Copies a text without the secrets in it, and says how many were left out.
async fn copied(outside: &mut Outside, text: &str) -> Result<Copied, String> {
    let mut redactions = Redactions::default();
    let passed = outside.performer.gate().pass(text, &mut redactions);
    let text = passed.map_err(|held| format!("nothing was copied: {held}"))?;
    let more = |said: String| match redactions.total() {
        0 => said,
        n => format!("{said}; {} redacted", format::plural(n.into(), "secret")),
    };
    Ok(match outside.clipboard.put(&text, &outside.ambient).await? {
        Copied::Kept(said) => Copied::Kept(more(said)),
        Copied::Sent(said) => Copied::Sent(more(said)),
    })
}

/// Whether the screen shows what the console knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Screen {
    Current,
    Behind,
}

/// Whether pictures can still come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Feed {
    Open,
    Closed,
}

/// What an event of the terminal means. Of the mouse it is the left button and the wheel.
pub(super) fn heard(event: &Event) -> Option<Msg> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => Some(Msg::Key(*key)),
        Event::Mouse(mouse) => match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => Some(Msg::Clicked(mouse.column, mouse.row)),
            MouseEventKind::ScrollUp => Some(Msg::Scrolled(Step::Up)),
            MouseEventKind::ScrollDown => Some(Msg::Scrolled(Step::Down)),
            _ => None,
        },
        Event::FocusGained => Some(Msg::Exposed),
        Event::Paste(text) => Some(Msg::Pasted(text.clone())),
        Event::Resize(width, height) => Some(Msg::Resized(*width, *height)),
        _ => None,
    }
}
