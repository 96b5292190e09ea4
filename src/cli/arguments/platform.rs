//! Running a platform.

use super::console::Look;
use super::read::{Keep, collector, keep, pace, public_name, retry_base, scenario, size};
use crate::demo::scenario::script::Script;
use crate::domain::proxy::AddressBlock;
use crate::engine::MAX_SUBSCRIPTIONS;
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use url::Host;

#[derive(Debug, Args)]
pub(in crate::cli) struct Demo {
    /// Keep everything in this directory instead of a temporary one
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: Option<PathBuf>,
    /// Where the platform listens; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(in crate::cli) bind: SocketAddr,
    /// Show these faults instead of the usual company: names of scenarios, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = scenario)]
    pub(in crate::cli) scenario: Vec<Script>,
    /// List the scenarios: what each shows, and which playbook explains it
    #[arg(long, conflicts_with_all = ["scenario", "headless", "data"])]
    pub(in crate::cli) list_scenarios: bool,
    /// Answer --list-scenarios as JSON
    #[arg(long, requires = "list_scenarios")]
    pub(in crate::cli) json: bool,
    /// Have everything that is left to chance fall out the same for the same number
    #[arg(long, value_name = "NUMBER")]
    pub(in crate::cli) seed: Option<u64>,
    /// How fast life goes: 2 is twice as fast
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub(in crate::cli) speed: f64,
    /// Run without a terminal: print the platform's address and go on until stopped
    #[arg(long)]
    pub(in crate::cli) headless: bool,
    #[command(flatten)]
    pub(in crate::cli) look: Look,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Serve {
    /// Where everything is kept; created if absent
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7700")]
    pub(in crate::cli) bind: SocketAddr,
    /// Permit http and private addresses as webhook targets: for development only
    #[arg(long)]
    pub(in crate::cli) allow_private_targets: bool,
    /// A PEM file of authorities that receivers' certificates may be signed by, beside those of the operating system; repeatable
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) trust_ca: Vec<PathBuf>,
    /// The wait before the first retry of a delivery; later ones double up to 480 times this
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = retry_base)]
    pub(in crate::cli) retry_base: Duration,
    /// How long attempts, requests, finished deliveries and their events are kept; "forever" keeps all. Counters stay, and so does what can
    /// still be delivered
    #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = keep)]
    pub(in crate::cli) keep: Keep,
    /// How large the log of requests may become; the oldest rows beyond that are deleted. Counters stay
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = size)]
    pub(in crate::cli) request_log_limit: u64,
    /// How much delivery log a company may have; beyond that its oldest attempts give up their headers and bodies, then go themselves
    #[arg(long, value_name = "SIZE", default_value = "2GiB", value_parser = size)]
    pub(in crate::cli) delivery_log_quota: u64,
    /// Subscriptions that a company may have; one more is refused with 409
    #[arg(long, value_name = "N", default_value_t = MAX_SUBSCRIPTIONS, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(in crate::cli) max_subscriptions: u32,
    /// Push the counters of /metrics to an OpenTelemetry collector over OTLP (HTTP, protobuf): http://127.0.0.1:4318/v1/metrics
    #[arg(long, value_name = "URL", value_parser = collector)]
    pub(in crate::cli) otlp: Option<String>,
    /// How often they are pushed
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = pace, requires = "otlp")]
    pub(in crate::cli) otlp_every: Duration,
    /// A proxy whose X-Forwarded-For or Forwarded says who called: an address or a block of addresses (CIDR); repeatable. Implies
    /// --behind-proxy
    #[arg(long, value_name = "CIDR")]
    pub(in crate::cli) trusted_proxy: Vec<AddressBlock>,
    /// A name or an address under which callers reach the platform, without a port; repeatable. Requests with any other Host are refused
    #[arg(long, value_name = "NAME", value_parser = public_name)]
    pub(in crate::cli) public_name: Vec<Host>,
    /// Permit an address beyond loopback, because a proxy in front of it ends TLS
    #[arg(long)]
    pub(in crate::cli) behind_proxy: bool,
    /// Permit an address beyond loopback without TLS
    #[arg(long)]
    pub(in crate::cli) insecure: bool,
}
