//! Receiving webhooks here, and comparing.

use super::place::Remote;
use super::read::back;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
pub(in crate::cli) struct Listen {
    /// The port of 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(in crate::cli) port: u16,
    /// Hand everything that is believed on to this address, byte by byte, and answer with what it answers
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) forward: Option<String>,
    /// A PEM file of authorities that the certificate of --forward may be signed by, beside those of the operating system; repeatable
    #[arg(long, value_name = "FILE", requires = "forward")]
    pub(in crate::cli) trust_ca: Vec<PathBuf>,
    /// The file that holds the subscription's signing secret; without it signatures are not checked
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) secret_file: Option<PathBuf>,
    /// The profile whose console is to show what was received; the default one if none is named
    #[arg(long, value_name = "PROFILE", conflicts_with = "url")]
    pub(in crate::cli) profile: Option<String>,
    /// The platform's address, where no profile names it: a console and crow reconcile with the same --url find what was received
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) url: Option<String>,
    /// One line of JSON a delivery
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Reconcile {
    /// How far back
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = back)]
    pub(in crate::cli) since: Duration,
    /// Only events of these types, separated by commas; those of which anything was ever received here, if none is named
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub(in crate::cli) types: Vec<String>,
    /// Answer as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) remote: Remote,
}
