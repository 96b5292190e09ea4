//! Watching a platform without a screen.

use super::place::Remote;
use super::read::hold;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Where alerts go is written in the configuration file: [alerts].
#[derive(Debug, Args)]
pub(in crate::cli) struct Watch {
    /// How long an alert must hold, and must be gone, before it is told
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = hold)]
    pub(in crate::cli) hold: Duration,
    /// Ring the terminal's bell, and ask it for a notification (OSC 9)
    #[arg(long)]
    pub(in crate::cli) bell: bool,
    /// Write one JSON document a line and notice
    #[arg(long)]
    pub(in crate::cli) ndjson: bool,
    /// Where notices wait until they have arrived; a folder for this platform, if none is named
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) state: Option<PathBuf>,
    /// Send a trial notice every way that is configured, say what became of it, and end
    #[arg(long = "try", conflicts_with_all = ["acknowledge", "list"])]
    pub(in crate::cli) trial: bool,
    /// Tell the platform, and by the watch that runs every way, that you look after an alert, by its key, and end
    #[arg(long, value_name = "KEY", conflicts_with = "list")]
    pub(in crate::cli) acknowledge: Option<String>,
    /// List the alerts that were told and have not ended, with their keys, and end
    #[arg(long)]
    pub(in crate::cli) list: bool,
    #[command(flatten)]
    pub(in crate::cli) remote: Remote,
}
