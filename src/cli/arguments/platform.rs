//! Arguments of `crow demo` and `crow serve`, which run a platform.

use super::console::DisplayArgs;
use super::value_parsers::{
    LogRetention, parse_collector_url, parse_interval, parse_public_name, parse_retention, parse_retry_base,
    parse_scenario, parse_size,
};
use crate::demo::scenario::script::ScenarioScript;
use crate::domain::proxy::CidrBlock;
use crate::engine::settings::MAX_SUBSCRIPTIONS;
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use url::Host;

#[derive(Debug, Args)]
pub(in crate::cli) struct DemoArgs {
    /// Keep all data in this directory instead of a temporary one
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: Option<PathBuf>,
    /// Address and port the platform listens on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(in crate::cli) bind: SocketAddr,
    /// Fault scenarios to simulate instead of the usual company, separated by commas; --list-scenarios lists them
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = parse_scenario)]
    pub(in crate::cli) scenario: Vec<ScenarioScript>,
    /// List the scenarios: what each one shows, and which playbook diagnoses it
    #[arg(long, conflicts_with_all = ["scenario", "headless", "data"])]
    pub(in crate::cli) list_scenarios: bool,
    /// Write the output of --list-scenarios as JSON
    #[arg(long, requires = "list_scenarios")]
    pub(in crate::cli) json: bool,
    /// Seed of the simulation; the same seed gives the same choices
    #[arg(long, value_name = "NUMBER")]
    pub(in crate::cli) seed: Option<u64>,
    /// Speed of the simulated company: 2 is twice as fast
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub(in crate::cli) speed: f64,
    /// Run without a terminal: print the platform's address and keep running until stopped
    #[arg(long)]
    pub(in crate::cli) headless: bool,
    #[command(flatten)]
    pub(in crate::cli) look: DisplayArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ServeArgs {
    /// Data directory of the platform; created if absent
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: Option<PathBuf>,
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7700")]
    pub(in crate::cli) bind: SocketAddr,
    /// Permit http and private addresses as webhook targets: for development only
    #[arg(long)]
    pub(in crate::cli) allow_private_targets: bool,
    /// PEM file with certificate authorities to trust for webhook targets, in addition to those of the operating
    /// system; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) trust_ca: Vec<PathBuf>,
    /// Delay before the first retry of a delivery; later delays double, up to 480 times this one
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_retry_base)]
    pub(in crate::cli) retry_base: Duration,
    /// How long attempts, requests, finished deliveries and their events are kept; "forever" keeps all. Counters,
    /// and deliveries that can still be sent, are always kept
    #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = parse_retention)]
    pub(in crate::cli) keep: LogRetention,
    /// Maximum size of the request log; the oldest rows beyond it are deleted. Counters are kept
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = parse_size)]
    pub(in crate::cli) request_log_limit: u64,
    /// Maximum size of a company's delivery log; beyond it the oldest attempts lose their headers and bodies, and are
    /// then deleted
    #[arg(long, value_name = "SIZE", default_value = "2GiB", value_parser = parse_size)]
    pub(in crate::cli) delivery_log_quota: u64,
    /// Maximum size of a company's stored events. Near this size, the oldest events whose deliveries have ended
    /// are deleted, with their part of the delivery log; an event that exceeds it is refused with 409
    #[arg(long, value_name = "SIZE", default_value = "2GiB", value_parser = parse_size)]
    pub(in crate::cli) event_quota: u64,
    /// Maximum number of subscriptions a company may have; one more is refused with 409
    #[arg(long, value_name = "N", default_value_t = MAX_SUBSCRIPTIONS, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(in crate::cli) max_subscriptions: u32,
    /// Push the counters of /metrics to an OpenTelemetry collector over OTLP (http/json), such as
    /// http://127.0.0.1:4318/v1/metrics
    #[arg(long, value_name = "URL", value_parser = parse_collector_url)]
    pub(in crate::cli) otlp: Option<String>,
    /// Interval between pushes to the collector
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_interval, requires = "otlp")]
    pub(in crate::cli) otlp_every: Duration,
    #[command(flatten)]
    pub(in crate::cli) exposure: ExposureArgs,
}

/// Callers of a server: those of this machine, or others through a proxy or without TLS.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExposureArgs {
    /// Proxy whose X-Forwarded-For or Forwarded header names the caller: an address or a block of addresses (CIDR);
    /// may be repeated. Implies --behind-proxy
    #[arg(long, value_name = "CIDR")]
    pub(in crate::cli) trusted_proxy: Vec<CidrBlock>,
    /// Name or address under which callers reach the platform, without a port; may be repeated. Requests with any
    /// other Host are refused
    #[arg(long, value_name = "NAME", value_parser = parse_public_name)]
    pub(in crate::cli) public_name: Vec<Host>,
    /// Permit listening beyond loopback, because a proxy in front terminates TLS
    #[arg(long)]
    pub(in crate::cli) behind_proxy: bool,
    /// Permit listening beyond loopback without TLS
    #[arg(long)]
    pub(in crate::cli) insecure: bool,
}
