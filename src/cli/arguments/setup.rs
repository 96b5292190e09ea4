//! Arguments of commands that set crow up on a machine, and of export and import.

use super::target::TargetArgs;
use clap::{Args, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ConfigCommand {
    /// Write a configuration file with every setting, commented out
    Template,
    /// Check the configuration file. Exit codes: 0 no problem, 1 a problem was found
    Check(ConfigCheckArgs),
    /// Show every setting that is in effect, and where its value comes from
    Explain,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ConfigCheckArgs {
    /// File to check; the one in effect if none is named
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CompletionsArgs {
    /// Shell to write the script for
    #[arg(value_enum)]
    pub(in crate::cli) shell: Shell,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ManArgs {
    /// Existing folder to write one page per command to. Default: crow(1) alone, to standard output
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DoctorArgs {
    /// Write the result as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) remote: TargetArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ExportArgs {
    /// File to write to; replaced if it exists. Default: standard output
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) remote: TargetArgs,
}

#[derive(Debug, Args)]
#[command(after_help = super::panes::CHANGE_EXIT_CODES_HELP)]
pub(in crate::cli) struct ImportArgs {
    /// File that crow export wrote
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) consent: super::panes::ConfirmArgs,
}
