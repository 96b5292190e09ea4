//! Arguments of `crow listen` and `crow reconcile`: receiving webhooks locally, and comparing them with the platform.

use super::target::TargetArgs;
use super::value_parsers::parse_lookback;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
pub(in crate::cli) struct ListenArgs {
    /// Port to listen on at 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(in crate::cli) port: u16,
    /// Forward every verified delivery unchanged to this address, and return its answer to the platform
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) forward: Option<String>,
    /// PEM file with certificate authorities to trust for --forward, beside those of the operating system; may be
    /// repeated
    #[arg(long, value_name = "FILE", requires = "forward")]
    pub(in crate::cli) trust_ca: Vec<PathBuf>,
    /// File with the subscription's signing secret. Without it, signatures are not checked
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) secret_file: Option<PathBuf>,
    /// Profile whose console shows what was received; the default profile if none is named
    #[arg(long, value_name = "PROFILE", conflicts_with = "url")]
    pub(in crate::cli) profile: Option<String>,
    /// Address of the platform, if no profile names it. A console and crow reconcile with the same --url find what
    /// was received
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) url: Option<String>,
    /// Write one line of JSON per delivery
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ReconcileArgs {
    /// How far back to compare
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_lookback)]
    pub(in crate::cli) since: Duration,
    /// Event types to compare, separated by commas. Default: the types of which at least one event was received here
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub(in crate::cli) types: Vec<String>,
    /// Write the result as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) remote: TargetArgs,
}
