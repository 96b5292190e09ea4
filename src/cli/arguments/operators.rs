//! Operators of a platform, from the machine it is on.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Operators {
    /// Make a new admin token when it is lost: the oldest admin's, whose old one stops working; only while no platform runs
    Reset(OperatorsReset),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OperatorsReset {
    /// The platform's data directory
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: Option<PathBuf>,
}
