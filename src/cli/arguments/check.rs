//! The checkup for monitors.

use super::place::Remote;
use super::read::{limit, probe};
use crate::diagnose::checkup::probe::Probe;
use clap::Args;

/// What a monitor asks.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes and output follow the conventions of monitoring plugins: 0 OK, 1 WARNING, 2 CRITICAL, also if the platform \
    cannot be reached, 3 UNKNOWN, also if it could not start as asked.\n\
    A limit is passed, not reached: --warn due=300 warns from 301 on. Of success and headroom less than the limit is trouble."
)]
pub(in crate::cli) struct Check {
    /// Which probes; all, if none is named
    #[arg(value_name = "NAMES", value_parser = probe)]
    pub(in crate::cli) probes: Vec<&'static Probe>,
    /// Warn beyond this limit; may be repeated
    #[arg(long, value_name = "NAME=N", value_parser = limit)]
    pub(in crate::cli) warn: Vec<(&'static str, u64)>,
    /// Be critical beyond this limit; may be repeated
    #[arg(long, value_name = "NAME=N", value_parser = limit)]
    pub(in crate::cli) crit: Vec<(&'static str, u64)>,
    /// List the probes with their usual limits, and ask nobody
    #[arg(long)]
    pub(in crate::cli) list: bool,
    /// Answer as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) remote: Remote,
}
