//! Arguments of `crow operators`, which works on the platform's own machine.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum OperatorsCommand {
    /// Replace a lost admin token: issues a new token to the oldest admin and invalidates the old one; only while no
    /// platform runs
    Reset(OperatorsResetArgs),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OperatorsResetArgs {
    /// Data directory of the platform
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: Option<PathBuf>,
}
