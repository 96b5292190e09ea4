//! Which platform is asked, and about what.

use super::read::back;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Which platform, and who asks; the default profile if nothing is said, else the standalone platform.
#[derive(Debug, Args)]
pub(in crate::cli) struct Remote {
    /// A profile: crow profile list shows them
    #[arg(long, value_name = "PROFILE", conflicts_with_all = ["url", "token_file", "key_file"])]
    pub(in crate::cli) profile: Option<String>,
    /// The platform's address: http://127.0.0.1:7700
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) url: Option<String>,
    /// The file that holds an operator's token of the Portal API, alone on a line; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "key_file")]
    pub(in crate::cli) token_file: Option<PathBuf>,
    /// The file that holds a key of the Integration API, alone on a line; - for standard input. Tells what a key alone can tell
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) key_file: Option<PathBuf>,
    /// Send the key or token over plain http to another machine too, where anybody on the way can read it
    #[arg(long)]
    pub(in crate::cli) allow_http: bool,
}

/// What to look at; everything, if nothing is named.
#[derive(Debug, Args)]
pub(in crate::cli) struct About {
    /// One subscription
    #[arg(long, value_name = "ID", conflicts_with_all = ["key", "company"])]
    pub(in crate::cli) subscription: Option<i64>,
    /// One key, by its name or its last four characters
    #[arg(long, value_name = "NAME|LAST4", conflicts_with = "company")]
    pub(in crate::cli) key: Option<String>,
    /// One company
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) company: Option<i64>,
    /// How far back to look
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = back)]
    pub(in crate::cli) since: Duration,
}
