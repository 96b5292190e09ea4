//! Main loop of the console: passes input, job results, snapshots and time to `update`, runs the effects that come
//! out, and draws the screen when no input is waiting.

use crate::clock::{self, RuntimeEnv};
use crate::domain::outbound::RedactionCounts;
use crate::sync::snapshot::Snapshot;
use crate::text;
use crate::tui::effect::{CopyOutcome, Effect, JobResult, Msg};
use crate::tui::keys::action::CursorMotion;
use crate::tui::keys::keymap::Keymap;
use crate::tui::runtime::clipboard::Clipboard;
use crate::tui::runtime::perform::JobRunner;
use crate::tui::runtime::state_file::{StateFile, StateKeeper, StateSyncEffect, StateSyncResult, StateSyncTask};
use crate::tui::runtime::synchronized_backend::SynchronizedBackend;
use crate::tui::runtime::terminal::{TerminalGuard, abandon, resume, suspend};
use crate::tui::state::app::App;
use crate::tui::state::config::{AppConfig, ConsoleAccess, ConsoleIdentity};
use crate::tui::update::{self, message};
use crate::tui::view::draw::draw;
use crate::tui::widgets::theme::ConsoleAppearance;
use crossterm::event::{Event, EventStream, KeyEventKind, MouseButton, MouseEventKind};
use futures_util::{Stream, StreamExt, stream};
use ratatui::Terminal;
use ratatui::backend::Backend;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};

/// Everything needed to start a console.
#[derive(Debug)]
pub struct ConsoleSetup {
    /// Profile, platform and mode for the header.
    pub identity: ConsoleIdentity,
    /// Whether the screens offer changes. Whether a change is made is decided by the performer.
    pub access: ConsoleAccess,
    /// Theme, character set, layout, and whether mouse events are handled.
    pub look: ConsoleAppearance,
    /// Key bindings, with the operator's changes applied.
    pub keymap: Keymap,
    /// Error shown first, until a key is pressed.
    pub initial_error: Option<String>,
    /// Clipboard that copied text goes to.
    pub clipboard: Clipboard,
    /// State file that keeps filters, notes and runs between sessions.
    pub memory: StateFile,
    /// Channel of snapshots; the latest one wins.
    pub pictures: watch::Receiver<Arc<Snapshot>>,
    /// Runner of background jobs, which calls the platform.
    pub performer: JobRunner,
    /// Source of time, real or scripted.
    pub ambient: RuntimeEnv,
}

/// Reason why the console ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitReason {
    /// The operator quit the console.
    Quit,
    /// Terminal closed, or SIGHUP was received.
    Hangup,
    /// Process received the signal SIGTERM.
    Terminated,
}

impl ExitReason {
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
pub struct TerminalError(#[from] io::Error);

/// Interval at which the console checks that the terminal still exists. With SIGHUP ignored, no signal
/// reports its end.
const TERMINAL_CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// Time limit for the loop to end after a signal. A terminal that is not read blocks every write to it, so the
/// process exits when the limit is over.
const EXIT_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs the console on the real terminal until it ends, and restores the terminal before returning.
///
/// # Errors
/// [`TerminalError`] when the terminal cannot be set up, asked for its size, or written to.
pub async fn run(setup: ConsoleSetup) -> Result<ExitReason, TerminalError> {
    let ending = exit_signal(setup.ambient.clone())?;
    let mouse = setup.look.mouse;
    let guard = TerminalGuard::set_up(mouse)?;
    let (tell, told) = oneshot::channel();
    let ambient = setup.ambient.clone();
    let insist = clock::spawn(async move {
        let ending = ending.await;
        let _ = tell.send(ending);
        ambient.sleep(EXIT_TIMEOUT).await;
        abandon(i32::from(ending.code()));
    });
    let told = async move { told.await.unwrap_or(ExitReason::Hangup) };
    let mut terminal = Terminal::new(SynchronizedBackend::new(io::stdout()))?;
    // A process that was stopped from outside takes the terminal again on SIGCONT; the loop sees that as a gained
    // focus.
    let resumed = signal(SignalKind::from_raw(signal_hook::consts::SIGCONT))?;
    let resumed = stream::unfold((resumed, mouse), async |(mut resumed, mouse)| {
        resumed.recv().await?;
        Some((resume(mouse).map(|()| Event::FocusGained), (resumed, mouse)))
    });
    let input = stream::select(EventStream::new(), Box::pin(resumed));
    let ended = run_on(&mut terminal, input, setup, told).await;
    drop(guard);
    insist.abort();
    match ended {
        // A terminal that closed cannot be written to either.
        Err(_) if crossterm::terminal::window_size().is_err() => Ok(ExitReason::Hangup),
        ended => Ok(ended?),
    }
}

/// Waits for SIGTERM, SIGHUP or the end of the terminal.
pub(in crate::tui) fn exit_signal(ambient: RuntimeEnv) -> io::Result<impl Future<Output = ExitReason>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let gone = async move {
        while crossterm::terminal::window_size().is_ok() {
            ambient.sleep(TERMINAL_CHECK_INTERVAL).await;
        }
    };
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => ExitReason::Terminated,
            _ = hangup.recv() => ExitReason::Hangup,
            () = gone => ExitReason::Hangup,
        }
    })
}

/// Runs the console's loop over any terminal, any input and any external end, which makes it testable.
///
/// # Errors
/// Error of the terminal's backend when drawing or asking for the size fails.
pub async fn run_on<B: Backend>(
    terminal: &mut Terminal<B>,
    input: impl Stream<Item = io::Result<Event>>,
    setup: ConsoleSetup,
    ending: impl Future<Output = ExitReason>,
) -> Result<ExitReason, B::Error> {
    let ConsoleSetup {
        identity,
        access,
        look,
        keymap,
        initial_error: complaint,
        clipboard,
        mut memory,
        mut pictures,
        performer,
        ambient,
    } = setup;
    let now = ambient.now();
    let mut app = App::new(AppConfig { identity, access, look, keymap }, now);
    let size = terminal.size()?;
    let first = pictures.borrow_and_update().clone();
    for msg in [Msg::Resized(size.width, size.height), Msg::Snapshot(first)] {
        update::update(&mut app, msg, now);
    }
    for why in memory.recall(&mut app, &ambient).await.err().into_iter().chain(complaint) {
        message::show_error(&mut app, why, now);
    }
    let keeper = StateKeeper::new(memory, &app, now);
    let mut outside = EffectRunner { clipboard, performer, ambient, keeper, syncing: None };
    let ended = run_loop(terminal, input, &mut app, &mut outside, pictures, ending).await;
    let EffectRunner { keeper, syncing, ambient, .. } = outside;
    keeper.close(syncing, &mut app, &ambient).await;
    ended
}

/// Everything that effects act on: clipboard, platform, clock and state file.
struct EffectRunner {
    clipboard: Clipboard,
    performer: JobRunner,
    ambient: RuntimeEnv,
    keeper: StateKeeper,
    syncing: Option<StateSyncTask>,
}

async fn run_loop<B: Backend>(
    terminal: &mut Terminal<B>,
    input: impl Stream<Item = io::Result<Event>>,
    app: &mut App,
    outside: &mut EffectRunner,
    mut pictures: watch::Receiver<Arc<Snapshot>>,
    ending: impl Future<Output = ExitReason>,
) -> Result<ExitReason, B::Error> {
    let (mut input, mut ending) = (pin!(input), pin!(ending));
    let (reports, mut finished) = mpsc::unbounded_channel();
    let ambient = outside.ambient.clone();
    let mut screen = ScreenFreshness::Behind;
    let mut feed = SnapshotFeed::Open;
    loop {
        // Biased: an external end comes first, then input, so that drawing and snapshots never delay a key.
        let msg = tokio::select! {
            biased;
            ended = &mut ending => return Ok(ended),
            event = input.next() => match event {
                Some(Ok(event)) => to_message(&event),
                Some(Err(_)) | None => return Ok(ExitReason::Hangup),
            },
            Some(finished) = finished.recv() => Some(Msg::JobFinished(finished)),
            () = std::future::ready(()), if screen == ScreenFreshness::Behind => {
                let size = terminal.size()?;
                if size != app.screen_size.area.as_size() {
                    update::update(app, Msg::Resized(size.width, size.height), ambient.now());
                }
                terminal.draw(|frame| draw(frame, app))?;
                screen = ScreenFreshness::Current;
                None
            }
            changed = pictures.changed(), if feed == SnapshotFeed::Open => {
                if changed.is_err() {
                    feed = SnapshotFeed::Closed;
                }
                Some(Msg::Snapshot(pictures.borrow_and_update().clone()))
            }
            () = ambient.sleep_until(outside.keeper.due().unwrap_or_default()), if outside.keeper.due().is_some() => {
                outside.syncing = Some(clock::spawn(outside.keeper.begin(app, &ambient)));
                None
            }
            came = sync_finished(&mut outside.syncing), if outside.syncing.is_some() => {
                outside.syncing = None;
                let effected = outside.keeper.finish(app, came, ambient.now());
                if effected != StateSyncEffect::Nothing {
                    screen = ScreenFreshness::Behind;
                }
                if let StateSyncEffect::Message(what) = effected {
                    message::show_error(app, what, ambient.now());
                }
                None
            }
            () = ambient.sleep_until(update::next_tick_at(app, ambient.now())) => Some(Msg::Tick),
        };
        let Some(msg) = msg else { continue };
        // Snapshots and ticks change nothing that the state file keeps.
        let may_arrange = !matches!(msg, Msg::Snapshot(_) | Msg::Tick);
        if !matches!(&msg, Msg::Snapshot(picture) if app.shows_same_as(picture)) {
            screen = ScreenFreshness::Behind;
        }
        let effects = update::update(app, msg, ambient.now());
        if may_arrange {
            outside.keeper.check_for_changes(app, ambient.now());
        }
        for effect in effects {
            if effect == Effect::Leave {
                return Ok(ExitReason::Quit);
            }
            outside.run_effect(effect, terminal, app, &reports).await?;
        }
    }
}

impl EffectRunner {
    /// Runs one effect of `update`, except leaving, which ends the loop.
    async fn run_effect<B: Backend>(
        &mut self,
        effect: Effect,
        terminal: &mut Terminal<B>,
        app: &App,
        reports: &mpsc::UnboundedSender<JobResult>,
    ) -> Result<(), B::Error> {
        match effect {
            Effect::Leave => {}
            Effect::Repaint => terminal.clear()?,
            Effect::Suspend => {
                // A terminal that cannot be taken again is gone, and the next frame reports that.
                let _ = suspend(app.config.look.mouse);
                terminal.clear()?;
            }
            Effect::Copy(text) => {
                // Sending cannot fail: the loop owns the receiver for as long as it runs.
                let _ = reports.send(JobResult::Copied(copied(self, &text).await));
            }
            Effect::CopySecret(issued) => {
                let copied = self.clipboard.put_secret(&issued, &self.ambient).await;
                let _ = reports.send(JobResult::SecretCopied(issued, copied));
            }
            Effect::StartJob(job) => {
                let (performer, reports) = (self.performer.clone(), reports.clone());
                // The console may have ended before the answer arrives; then the answer is dropped.
                clock::spawn(async move { reports.send(performer.perform(job).await) });
            }
        }
        Ok(())
    }
}

/// Waits for the state file's sync in flight; pends forever if there is none.
async fn sync_finished(syncing: &mut Option<StateSyncTask>) -> io::Result<StateSyncResult> {
    match syncing {
        Some(syncing) => syncing.await.map_err(io::Error::other).flatten(),
        None => std::future::pending().await,
    }
}

/// Copies a text with its secrets redacted, and reports how many were redacted.
async fn copied(outside: &mut EffectRunner, text: &str) -> Result<CopyOutcome, String> {
    let mut redactions = RedactionCounts::default();
    let passed = outside.performer.gate().redact_and_release(text, &mut redactions);
    let text = passed.map_err(|held| format!("nothing was copied: {held}"))?;
    let more = |said: String| match redactions.total() {
        0 => said,
        n => format!("{said}; {} redacted", text::count(n, "secret")),
    };
    Ok(match outside.clipboard.put(&text, &outside.ambient).await? {
        CopyOutcome::Kept(said) => CopyOutcome::Kept(more(said)),
        CopyOutcome::Unconfirmed(said) => CopyOutcome::Unconfirmed(more(said)),
    })
}

/// Whether the screen shows the console's present state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ScreenFreshness {
    Current,
    Behind,
}

/// Whether further snapshots can arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SnapshotFeed {
    Open,
    Closed,
}

/// Converts a terminal event to a message. Of the mouse, only the left button and the wheel are used.
pub(in crate::tui) fn to_message(event: &Event) -> Option<Msg> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => Some(Msg::Key(*key)),
        Event::Mouse(mouse) => match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => Some(Msg::Clicked(mouse.column, mouse.row)),
            MouseEventKind::ScrollUp => Some(Msg::Scrolled(CursorMotion::Up)),
            MouseEventKind::ScrollDown => Some(Msg::Scrolled(CursorMotion::Down)),
            _ => None,
        },
        Event::FocusGained => Some(Msg::RepaintNeeded),
        Event::Paste(text) => Some(Msg::Pasted(text.clone())),
        Event::Resize(width, height) => Some(Msg::Resized(*width, *height)),
        _ => None,
    }
}
