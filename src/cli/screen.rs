//! Console on the terminal: checks the terminal, starts the data feed, runs the loop, and maps its ending to an exit
//! code.

use super::arguments::console::DisplayArgs;
use super::failure::CommandFailure;
use super::{config, plain, settings};
use crate::client::connection::PlatformClient;
use crate::clock::{self, RuntimeEnv};
use crate::sync::feed;
use crate::sync::history::PlatformHistory;
use crate::sync::keyed_client::{KeyClient, RateLimitedClient};
use crate::sync::poller;
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
    pub(super) client: PlatformClient,
    pub(super) ambient: RuntimeEnv,
    /// Keys with which the platform is observed when there is no operator token; empty if there is one.
    pub(super) keys: Vec<KeyClient>,
    /// Share of each rate limit that may be used, in percent.
    pub(super) budget_percent: u8,
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
    let ConsoleOptions {
        identity,
        access,
        look,
        client,
        ambient,
        keys: holders,
        budget_percent: percent,
        history,
        first_message: complaint,
    } = opening;
    let is_plain = look.plain;
    let look = settings::display_settings(&look)?;
    let (keymap, misread) = config::keymap();
    let complaint = [complaint, misread].into_iter().flatten().reduce(|first, second| format!("{first}; {second}"));
    let copied = history.as_ref().map(|file| file.with_file_name("copied.txt"));
    let arranged = history.as_ref().map(|file| file.with_extension("json"));
    let history = open_history(history).await;
    let (sender, pictures) = watch::channel(Arc::new(Snapshot::default()));
    let mut performer = JobRunner::new(client.clone(), access);
    let feeding = if holders.is_empty() {
        clock::spawn(feed::follow(client, ambient.clone(), feed::FeedSettings { rows: ROWS_PER_LIST, history }, sender))
    } else {
        let kept =
            tempfile::tempdir().map_err(|error| CommandFailure::failed(error.to_string(), "free space in TMPDIR"))?;
        let history = match history {
            Some(history) => history,
            // An observer needs a history; without a file to keep it in, a temporary one lasts as long as the
            // console.
            None => PlatformHistory::open(&kept.path().join("history.db"))
                .map_err(|error| CommandFailure::failed(error.to_string(), "free space in TMPDIR"))?,
        };
        let post = RateLimitedClient::new(holders, ambient.clone(), history, percent);
        performer = performer.with_keyed_client(post.clone());
        let ambient = ambient.clone();
        clock::spawn(async move {
            poller::observe(post, ambient, sender).await;
            drop(kept);
        })
    };
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
