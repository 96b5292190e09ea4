//! What can be asked for on the command line.

use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Terminal operations console for the WhiteLabelCRO integration platform, with the platform itself embedded.
///
/// Without a command it opens the console on the standalone platform in the data directory.
#[derive(Debug, Parser)]
#[command(name = "crow", version, max_term_width = 100)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Open the console on a simulated company, with a real platform and real webhooks behind it
    Demo(Demo),
    /// Run the standalone platform without a console
    Serve(Serve),
}

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Keep everything in this directory instead of a temporary one
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Where the platform listens; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(super) bind: SocketAddr,
    /// How fast life goes: 2 is twice as fast
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub(super) speed: f64,
    /// Run without a terminal: print the platform's address and go on until stopped
    #[arg(long)]
    pub(super) headless: bool,
}

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Where everything is kept; created if absent
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7700")]
    pub(super) bind: SocketAddr,
    /// Permit http and private addresses as webhook targets: for development only
    #[arg(long)]
    pub(super) allow_private_targets: bool,
    /// The wait before the first retry of a delivery; later ones double up to 480 times this
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = retry_base)]
    pub(super) retry_base: Duration,
    /// Permit an address beyond loopback, because a proxy in front of it ends TLS
    #[arg(long)]
    pub(super) behind_proxy: bool,
    /// Permit an address beyond loopback without TLS
    #[arg(long)]
    pub(super) insecure: bool,
}

fn retry_base(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| format!("{error}; write 30s, 500ms or 2m"))?;
    let range = Duration::from_millis(10)..=Duration::from_secs(3_600);
    if range.contains(&duration) { Ok(duration) } else { Err("must be between 10ms and 1h".to_owned()) }
}
