//! Console on the terminal: checks the terminal, starts the data feed, runs the loop, and maps its ending to an exit
//! code.

use super::arguments::console::DisplayArgs;
use super::failure::CommandFailure;
use super::portal::ConnectedPlatform;
use super::{config, plain, settings};
use crate::clock::{self, RuntimeEnv};
use crate::history::PlatformHistory;
use crate::sync::feed;
use crate::sync::snapshot::Snapshot;
use crate::tui::runtime::clipboard::Clipboard;
use crate::tui::runtime::console;
use crate::tui::runtime::console::ConsoleSetup;
use crate::tui::runtime::perform::JobRunner;
use crate::tui::runtime::state_file::StateFile;
use crate::tui::runtime::terminal::install_panic_hook;
use crate::tui::state::config::AppConfig;
use crate::tui::state::config::{ConsoleAccess, ConsoleIdentity};
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::sync::watch;

/// Rows per list in the snapshot.
const ROWS_PER_LIST: u32 = 200;

/// Everything needed to open a console.
#[derive(Debug)]
pub(super) struct ConsoleOptions {
    pub(super) identity: ConsoleIdentity,
    pub(super) access: ConsoleAccess,
    pub(super) look: DisplayArgs,
    pub(super) platform: ConnectedPlatform,
    pub(super) ambient: RuntimeEnv,
    /// File that stores what the console saw; `None` keeps nothing.
    pub(super) history: Option<PathBuf>,
    /// Message that is shown at first, until a key is pressed.
    pub(super) first_message: Option<String>,
}

/// Checks, before anything is started, whether a console can be shown here: the terminal, unless plain mode is
/// chosen, and the theme.
pub(super) fn check_terminal(look: &DisplayArgs) -> Result<(), CommandFailure> {
    settings::display_settings(look)?;
    if look.plain {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(CommandFailure::usage(
            "the console needs a terminal",
            "run it in a terminal, add --plain, or use crow serve or crow demo --headless",
        ));
    }
    Ok(())
}

/// Opens the history; `None`, with a warning in the log, if it cannot be opened.
async fn open_history(file: Option<PathBuf>) -> Option<PlatformHistory> {
    let file = file?;
    let opened = tokio::task::spawn_blocking(move || PlatformHistory::open(&file)).await.ok()?;
    opened.inspect_err(|error| tracing::warn!(%error, "console settings cannot be saved")).ok()
}

/// Shows the console until it ends.
pub(super) async fn run_console(opening: ConsoleOptions) -> Result<ExitCode, CommandFailure> {
    let ConsoleOptions { identity, access, look, mut platform, ambient, history, first_message: complaint } = opening;
    let is_plain = look.plain;
    let look = settings::display_settings(&look)?;
    let (keymap, misread) = config::keymap();
    let complaint = [complaint, misread].into_iter().flatten().reduce(|first, second| format!("{first}; {second}"));
    let copied = history.as_ref().map(|file| file.with_file_name("copied.txt"));
    let arranged = history.as_ref().map(|file| file.with_extension("json"));
    // What is observed and what the console remembers are in one file.
    let history = match platform.history() {
        Some(history) => Some(history.clone()),
        None => open_history(history).await,
    };
    platform.keep_polling();
    let (sender, pictures) = watch::channel(Arc::new(Snapshot::default()));
    let performer = JobRunner::new(platform.client().clone(), access).with_secrets(Arc::clone(platform.secrets()));
    let settings = feed::FeedSettings { rows: ROWS_PER_LIST, history };
    let feeding = clock::spawn(feed::follow(platform.client().clone(), ambient.clone(), settings, sender));
    if is_plain {
        let told =
            plain::print_changes(AppConfig { identity, access, look, keymap }, pictures, ambient, performer.gate())
                .await;
        feeding.abort();
        return told;
    }
    install_panic_hook();
    let setup = ConsoleSetup {
        identity,
        access,
        look,
        keymap,
        initial_error: complaint,
        clipboard: Clipboard::new(Box::new(std::io::stdout()), settings::clipboard_routes(), copied),
        memory: StateFile(arranged),
        pictures,
        performer,
        ambient,
    };
    let ending = console::run(setup).await;
    feeding.abort();
    match ending {
        Ok(ending) => Ok(ExitCode::from(ending.code())),
        Err(error) => Err(CommandFailure::failed(error.to_string(), "try another terminal")),
    }
}
