//! Arguments of `crow listen`, `crow relay` and `crow reconcile`: what passes in front of receivers and callers, and its
//! comparison with the platform.

use super::target::TargetArgs;
use super::value_parsers::{
    parse_header_name, parse_listen_address, parse_lookback, parse_route, parse_route_subscription, parse_size,
};
use crate::domain::ids::SubscriptionId;
use crate::domain::proxy::CidrBlock;
use crate::relay::upstream::UpstreamAddress;
use axum::http::HeaderName;
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
pub(in crate::cli) struct ListenArgs {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", value_parser = parse_listen_address)]
    pub(in crate::cli) bind: SocketAddr,
    /// Port of 127.0.0.1 to listen on
    #[arg(long, value_name = "PORT", conflicts_with = "bind")]
    pub(in crate::cli) port: Option<u16>,
    /// Receiver for a path: verified deliveries to PATH are forwarded to URL unchanged, and the response is passed
    /// back; may be repeated. Other paths get 404
    #[arg(long, value_name = "PATH=URL", value_parser = parse_route)]
    pub(in crate::cli) route: Vec<(String, UpstreamAddress)>,
    /// Receiver for every path that has no --route
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) forward: Option<String>,
    /// File with the signing secret for a path, or for all paths that have none of their own; may be repeated, for
    /// instance during a rotation. Without a secret, signatures are not checked
    #[arg(long, value_name = "[PATH=]FILE")]
    pub(in crate::cli) secret_file: Vec<String>,
    /// Subscription whose deliveries arrive at a path; records then name the subscription. May be repeated
    #[arg(long, value_name = "PATH=ID", value_parser = parse_route_subscription)]
    pub(in crate::cli) subscription: Vec<(String, SubscriptionId)>,
    /// PEM file with certificate authorities to trust for receivers and --report-to, in addition to those of the
    /// operating system; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) trust_ca: Vec<PathBuf>,
    /// Record the bodies of deliveries and the headers that their signatures depend on
    #[arg(long)]
    pub(in crate::cli) keep_bodies: bool,
    /// Profile whose console shows what was received; the default profile if none is named
    #[arg(long, value_name = "PROFILE", conflicts_with = "url")]
    pub(in crate::cli) profile: Option<String>,
    /// Address of the platform, if no profile names it. A console and crow reconcile with the same --url find what
    /// was received
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) url: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) report: ReportArgs,
    /// Write one line of JSON per delivery
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RelayArgs {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7900")]
    pub(in crate::cli) bind: SocketAddr,
    /// Profile of the platform to forward calls to; the default profile if none is named. Its keys are not used
    #[arg(long, value_name = "PROFILE", conflicts_with = "url")]
    pub(in crate::cli) profile: Option<String>,
    /// Address of the platform, if no profile names it
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) url: Option<String>,
    /// PEM file with certificate authorities to trust for the platform and --report-to, in addition to those of the
    /// operating system; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) trust_ca: Vec<PathBuf>,
    /// Header in which callers name themselves, such as X-App; its value is recorded
    #[arg(long, value_name = "HEADER", value_parser = parse_header_name)]
    pub(in crate::cli) name_by_header: Option<HeaderName>,
    /// Record the problem documents of refused calls, up to 2 KiB each
    #[arg(long)]
    pub(in crate::cli) keep_refusals: bool,
    /// Permit listening beyond loopback without TLS, where keys can be read in transit
    #[arg(long)]
    pub(in crate::cli) insecure: bool,
    #[command(flatten)]
    pub(in crate::cli) report: ReportArgs,
    /// Write one line of JSON per call
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Destination of records, and the proxies whose headers name callers.
#[derive(Debug, Args)]
pub(in crate::cli) struct ReportArgs {
    /// Send records to this observer instead of storing them on this machine. While the observer cannot be reached,
    /// records wait on disk
    #[arg(long, value_name = "URL", requires = "token_file")]
    pub(in crate::cli) report_to: Option<String>,
    /// File with the observer's token for reports, alone on one line; read again if the observer rejects the token
    #[arg(long, value_name = "FILE", requires = "report_to")]
    pub(in crate::cli) token_file: Option<PathBuf>,
    /// Maximum size of the reports that wait on disk; further traffic is counted but not recorded
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = parse_size)]
    pub(in crate::cli) report_buffer: u64,
    /// Proxy whose X-Forwarded-For or Forwarded header names the caller: an address or a block of addresses (CIDR);
    /// may be repeated
    #[arg(long, value_name = "CIDR")]
    pub(in crate::cli) trusted_proxy: Vec<CidrBlock>,
    /// Permit sending keys and tokens to another machine over plain http, where they can be read in transit
    #[arg(long)]
    pub(in crate::cli) allow_http: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ReconcileArgs {
    /// How far back to compare
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_lookback)]
    pub(in crate::cli) since: Duration,
    /// Event types to compare, separated by commas. Default: the types received on this machine
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub(in crate::cli) types: Vec<String>,
    /// Write the result as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) remote: TargetArgs,
}
