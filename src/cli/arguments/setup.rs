//! Setting crow up on a machine.

use super::place::Remote;
use clap::{Args, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Config {
    /// Write a configuration file with everything that can be set, commented out
    Template,
    /// Say what is wrong with the configuration: exit code 0 nothing, 1 something
    Check(ConfigCheck),
    /// Say what is in force, and where it comes from
    Explain,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ConfigCheck {
    /// The file; the one that is in force, if none is named
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Completions {
    /// For which shell
    #[arg(value_enum)]
    pub(in crate::cli) shell: Shell,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Man {
    /// Write a page for each command into this folder, which must exist; without it, crow(1) goes to stdout
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Doctor {
    /// Answer as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) remote: Remote,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Export {
    /// Write it to this file, which is replaced; to stdout, if none is named
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) remote: Remote,
}

#[derive(Debug, Args)]
#[command(after_help = super::panes::ENDS)]
pub(in crate::cli) struct Import {
    /// What crow export wrote
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) consent: super::panes::Consent,
}
