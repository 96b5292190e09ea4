//! The console on the terminal: checked before it is taken, fed, run, and its ending turned into an exit code.

use super::arguments::console::Look;
use super::failure::Failure;
use super::{config, plain, settings};
use crate::ambient::Ambient;
use crate::client::connection::Client;
use crate::monitor::feed;
use crate::monitor::history::History;
use crate::monitor::snapshot::Snapshot;
use crate::tui::app::Setting;
use crate::tui::console::{self, Access, Identity, Setup};
use crate::tui::copy::Clipboard;
use crate::tui::memory::Memory;
use crate::tui::perform::Performer;
use crate::tui::terminal::install_panic_hook;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::sync::watch;

/// The smallest terminal in which anything can be shown: columns and rows.
const SMALLEST: (u16, u16) = (40, 8);
/// Rows per listing.
const ROWS: u32 = 200;

/// What a console is opened with.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) identity: Identity,
    pub(super) access: Access,
    pub(super) look: Look,
    pub(super) client: Client,
    pub(super) ambient: Ambient,
    /// Where it remembers what it saw.
    pub(super) history: PathBuf,
}

/// Says before anything is started why no console can be shown here. Lines can be told anywhere. A theme that cannot be used is told too.
pub(super) fn check(look: &Look) -> Result<(), Failure> {
    settings::look(look)?;
    if look.plain {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(Failure::usage(
            "the console needs a terminal, and this is not one",
            "run it in a terminal, say --plain for lines, or use crow serve or crow demo --headless",
        ));
    }
    let (columns, rows) = crossterm::terminal::size().unwrap_or((0, 0));
    let is_known = columns > 0 && rows > 0;
    if is_known && (columns < SMALLEST.0 || rows < SMALLEST.1) {
        return Err(Failure::usage(
            format!("the terminal is too small: needs {}x{}, has {columns}x{rows}", SMALLEST.0, SMALLEST.1),
            "make the window larger",
        ));
    }
    Ok(())
}

/// Shows the console until it ends.
pub(super) async fn show(opening: Opening) -> Result<ExitCode, Failure> {
    let Opening { identity, access, look, client, ambient, history } = opening;
    let is_plain = look.plain;
    let look = settings::look(&look)?;
    let (keymap, complaint) = config::keymap();
    let copied = history.with_file_name("copied.txt");
    let arranged = history.with_extension("json");
    let history = tokio::task::spawn_blocking(move || History::open(&history)).await.ok().and_then(|opened| {
        opened.inspect_err(|error| tracing::warn!(%error, "nothing is remembered of this console")).ok()
    });
    let (sender, pictures) = watch::channel(Arc::new(Snapshot::default()));
    let feeding =
        tokio::spawn(feed::follow(client.clone(), ambient.clone(), feed::Settings { rows: ROWS, history }, sender));
    if is_plain {
        let told = plain::tell(Setting { identity, access, look, keymap }, pictures, ambient).await;
        feeding.abort();
        return told;
    }
    install_panic_hook();
    let setup = Setup {
        identity,
        access,
        look,
        keymap,
        complaint,
        clipboard: Clipboard::new(Box::new(std::io::stdout()), settings::wrap(), Some(copied)),
        memory: Memory(Some(arranged)),
        pictures,
        performer: Performer::new(client, access),
        ambient,
    };
    let ending = console::run(setup).await;
    feeding.abort();
    match ending {
        Ok(ending) => Ok(ExitCode::from(ending.code())),
        Err(error) => Err(Failure::failed(error.to_string(), "try another terminal")),
    }
}
