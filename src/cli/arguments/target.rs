//! Arguments that choose a platform and what to look at on it.

use super::value_parsers::parse_lookback;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Platform to talk to, and the credential to use. Default: what CROW_PROFILE, or CROW_URL with CROW_TOKEN_FILE or
/// CROW_KEY_FILE say, else the default profile, else the standalone platform.
#[derive(Debug, Default, Clone, Args)]
pub(in crate::cli) struct TargetArgs {
    /// Profile to use; crow profile list shows them
    #[arg(long, value_name = "PROFILE", conflicts_with_all = ["url", "token_file", "key_file"])]
    pub(in crate::cli) profile: Option<String>,
    /// Address of the platform, with its path if it has one, such as https://HOST/crm
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) url: Option<String>,
    /// File with an operator token of the Portal API, alone on one line; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "key_file")]
    pub(in crate::cli) token_file: Option<PathBuf>,
    /// File with a key of the Integration API, alone on one line; - for standard input. Shows only what a key can
    /// read
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) key_file: Option<PathBuf>,
    /// File with a certificate authority (PEM) to trust in addition to those of the operating system; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) trust_ca: Vec<PathBuf>,
    /// Permit sending the key or token to another machine over plain http, where it can be read in transit
    #[arg(long)]
    pub(in crate::cli) allow_http: bool,
}

/// Subject to look at; everything if nothing is named.
#[derive(Debug, Args)]
pub(in crate::cli) struct SubjectArgs {
    /// ID of the subscription to look at
    #[arg(long, value_name = "ID", conflicts_with_all = ["key", "company"])]
    pub(in crate::cli) subscription: Option<i64>,
    /// ID, name or last four characters of the key to look at
    #[arg(long, value_name = "KEY", conflicts_with = "company", allow_hyphen_values = true)]
    pub(in crate::cli) key: Option<String>,
    /// ID of the company to look at
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) company: Option<i64>,
    /// How far back to look
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_lookback)]
    pub(in crate::cli) since: Duration,
}
