//! Arguments of `crow watch`, which watches a platform without a screen.

use super::target::TargetArgs;
use super::value_parsers::parse_alert_hold;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Arguments of `crow watch`; where alerts are sent is set in the `[alerts]` section of the configuration file.
#[derive(Debug, Args)]
pub(in crate::cli) struct WatchArgs {
    /// How long an alert must last before it is reported, and be over before its end is reported
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_alert_hold)]
    pub(in crate::cli) hold: Duration,
    /// Ring the terminal's bell, and ask the terminal for a desktop notification (OSC 9)
    #[arg(long)]
    pub(in crate::cli) bell: bool,
    /// Write one JSON document per notification, one per line
    #[arg(long)]
    pub(in crate::cli) ndjson: bool,
    /// Folder that holds notifications until they are delivered. Default: one per platform
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) state: Option<PathBuf>,
    /// Send a test notification to every configured channel, report the results, and exit
    #[arg(long = "try", conflicts_with_all = ["acknowledge", "list"])]
    pub(in crate::cli) trial: bool,
    /// Acknowledge an alert by its key on the platform, and exit; the running watch reports it on every channel
    #[arg(long, value_name = "KEY", conflicts_with = "list")]
    pub(in crate::cli) acknowledge: Option<String>,
    /// List the alerts that were reported and are not over, with their keys, and exit
    #[arg(long)]
    pub(in crate::cli) list: bool,
    #[command(flatten)]
    pub(in crate::cli) remote: TargetArgs,
}
