//! Main loop of the console: passes input, job results, snapshots and time to `update`, runs the effects that come
//! out, and draws the screen when no input is waiting.

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
use crate::ambient::RuntimeEnv;
use crate::domain::outbound::RedactionCounts;
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

/// Kind of platform that the console is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Demo platform with the simulated company.
    Demo,
    /// Standalone platform inside this process.
    Standalone,
    /// Remote platform, reached over the network.
    Remote,
}

/// Whether the console may change anything on the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read-only: every change is refused.
    ReadOnly,
    /// Changes are allowed, after confirmation.
    Act,
}

/// Environment of the platform, which decides how changes are confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stakes {
    /// Ordinary platform: a single change is confirmed with y.
    #[default]
    Ordinary,
    /// Production platform: every change wants its count typed.
    Production,
}

/// Identity of the console, shown in the header.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Kind of platform that the console is connected to.
    pub mode: Mode,
    /// Name of the profile in use.
    pub profile: String,
    /// Base URL of the platform, such as `http://127.0.0.1:PORT`.
    pub address: String,
    /// Environment of the platform: ordinary or production.
    pub stakes: Stakes,
    /// Background colour of the mode in the header, if the profile sets one.
    pub colour: Option<Color>,
}

/// Everything needed to start a console.
#[derive(Debug)]
pub struct Setup {
    /// Profile, platform and mode for the header.
    pub identity: Identity,
    /// Whether the screens offer changes. Whether a change is made is decided by the performer.
    pub access: Access,
    /// Theme, character set, layout, and whether mouse events are handled.
    pub look: Look,
    /// Key bindings, with the operator's changes applied.
    pub keymap: Keymap,
    /// Error shown first, until a key is pressed.
    pub complaint: Option<String>,
    /// Clipboard that copied text goes to.
    pub clipboard: Clipboard,
    /// State file that keeps filters, notes and runs between sessions.
    pub memory: Memory,
    /// Channel of snapshots; the latest one wins.
    pub pictures: watch::Receiver<Arc<Snapshot>>,
    /// Runner of background jobs, which calls the platform.
    pub performer: Performer,
    /// Source of time, real or scripted.
    pub ambient: RuntimeEnv,
}

/// Reason why the console ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The operator quit the console.
    Quit,
    /// Terminal closed, or SIGHUP was received.
    Hangup,
    /// Process received the signal SIGTERM.
    Terminated,
}

impl Ending {
    /// Exit code of the process: 0, 129 (SIGHUP) or 143 (SIGTERM).
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Quit => 0,
            Self::Hangup => 129,
            Self::Terminated => 143,
        }
    }
}

/// Error of the terminal: it cannot be set up, read for its size, or written to.
#[derive(Debug, thiserror::Error)]
#[error("the terminal cannot be used: {0}")]
pub struct Error(#[from] io::Error);

/// Interval at which the console checks that the terminal still exists. With SIGHUP ignored, no signal
/// reports its end.
const LOOK_AFTER: Duration = Duration::from_millis(500);

/// Time limit for the loop to end after a signal. A terminal that is not read blocks every write to it, so the
/// process exits when the limit is over.
const GRACE: Duration = Duration::from_secs(1);

/// Runs the console on the real terminal until it ends, and restores the terminal before returning.
///
/// # Errors
/// [`Error`] when the terminal cannot be set up, asked for its size, or written to.
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
    // A process that was stopped from outside takes the terminal again on SIGCONT; the loop sees that as a gained
    // focus.
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
        // A terminal that closed cannot be written to either.
        Err(_) if crossterm::terminal::window_size().is_err() => Ok(Ending::Hangup),
        ended => Ok(ended?),
    }
}

/// Waits for SIGTERM, SIGHUP or the end of the terminal.
pub(super) fn ending(ambient: RuntimeEnv) -> io::Result<impl Future<Output = Ending>> {
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

/// Runs the console's loop over any terminal, any input and any external end, which makes it testable.
///
/// # Errors
/// Error of the terminal's backend when drawing or asking for the size fails.
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

/// Everything that effects act on: clipboard, platform, clock and state file.
struct Outside {
    clipboard: Clipboard,
    performer: Performer,
    ambient: RuntimeEnv,
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
        // Biased: an external end comes first, then input, so that drawing and snapshots never delay a key.
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
        // Snapshots and ticks change nothing that the state file keeps.
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
    /// Runs one effect of `update`, except leaving, which ends the loop.
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
                // A terminal that cannot be taken again is gone, and the next frame reports that.
                let _ = suspend(app.setting.look.mouse);
                terminal.clear()?;
            }
            Effect::Copy(text) => {
                // Sending cannot fail: the loop owns the receiver for as long as it runs.
                let _ = reports.send(Finished::Copied(copied(self, &text).await));
            }
            Effect::CopySecret(issued) => {
                let copied = self.clipboard.put_secret(&issued, &self.ambient).await;
                let _ = reports.send(Finished::CopiedSecret(issued, copied));
            }
            Effect::Perform(job) => {
                let (performer, reports) = (self.performer.clone(), reports.clone());
                // The console may have ended before the answer arrives; then the answer is dropped.
                tokio::spawn(async move { reports.send(performer.perform(job).await) });
            }
        }
        Ok(())
    }
}

/// Waits for the state file's sync in flight; pends forever if there is none.
async fn ended(syncing: &mut Option<Syncing>) -> io::Result<Synced> {
    match syncing {
        Some(syncing) => syncing.await.map_err(io::Error::other).flatten(),
        None => std::future::pending().await,
    }
}

/// Copies a text with its secrets redacted, and reports how many were redacted.
async fn copied(outside: &mut Outside, text: &str) -> Result<Copied, String> {
    let mut redactions = RedactionCounts::default();
    let passed = outside.performer.gate().redact_and_release(text, &mut redactions);
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

/// Whether the screen shows the console's present state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Screen {
    Current,
    Behind,
}

/// Whether further snapshots can arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Feed {
    Open,
    Closed,
}

/// Converts a terminal event to a message. Of the mouse, only the left button and the wheel are used.
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
