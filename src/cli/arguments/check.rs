//! Arguments of `crow check`, the health check for monitoring systems.

use super::target::TargetArgs;
use super::value_parsers::{parse_check_name, parse_threshold};
use crate::diagnose::health_check::checks::HealthCheck;
use clap::Args;

/// Arguments of `crow check`: which checks to run, and their thresholds.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes and output follow the conventions of monitoring plugins: 0 OK, 1 WARNING, 2 CRITICAL (also if the platform cannot be \
    reached), 3 UNKNOWN (also on invalid usage).\n\
    Thresholds are exclusive: --warn due=300 warns from 301. For the checks success and headroom, values below the threshold count."
)]
pub(in crate::cli) struct CheckArgs {
    /// Checks to run; all of them if none is named. --list prints the names
    #[arg(value_name = "NAMES", value_parser = parse_check_name)]
    pub(in crate::cli) probes: Vec<&'static HealthCheck>,
    /// Warn beyond this threshold; may be repeated
    #[arg(long, value_name = "NAME=N", value_parser = parse_threshold)]
    pub(in crate::cli) warn: Vec<(&'static str, u64)>,
    /// Report critical beyond this threshold; may be repeated
    #[arg(long, value_name = "NAME=N", value_parser = parse_threshold)]
    pub(in crate::cli) crit: Vec<(&'static str, u64)>,
    /// List the checks with their default thresholds, without contacting a platform
    #[arg(long)]
    pub(in crate::cli) list: bool,
    /// Write the result as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) remote: TargetArgs,
}
