//! Arguments of the console: which platform it shows, and how it is drawn.

use super::target::TargetArgs;
use clap::{Args, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Arguments of `crow` without a command: the console on a standalone platform that runs in the same process.
#[derive(Debug, Args)]
pub(in crate::cli) struct StandaloneArgs {
    /// Data directory of the platform; created if absent
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: Option<PathBuf>,
    /// Address and port the platform listens on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(in crate::cli) bind: SocketAddr,
    /// Permit http and private addresses as webhook targets: for development only
    #[arg(long)]
    pub(in crate::cli) allow_private_targets: bool,
    /// PEM file with certificate authorities to trust for webhook targets, in addition to those of the operating
    /// system; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) trust_ca: Vec<PathBuf>,
    /// Let the console change things: test, enable, disable and the like. Without it the console is read-only
    #[arg(long)]
    pub(in crate::cli) allow_actions: bool,
    #[command(flatten)]
    pub(in crate::cli) look: DisplayArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ConsoleArgs {
    #[command(flatten)]
    pub(in crate::cli) remote: TargetArgs,
    /// Let the console change things: test, enable, disable and the like. Without it the console is read-only
    #[arg(long)]
    pub(in crate::cli) allow_actions: bool,
    /// Treat the platform as production: every action is confirmed by typing the number of items it changes
    #[arg(long)]
    pub(in crate::cli) production: bool,
    #[command(flatten)]
    pub(in crate::cli) look: DisplayArgs,
}

/// Arguments for how the console is drawn: theme, characters, mouse and layout.
#[derive(Debug, Args)]
pub(in crate::cli) struct DisplayArgs {
    /// Theme: terminal (your own colours), dark, light, colour-blind, mono, a theme file, or the name of a theme in
    /// the configuration's themes folder. NO_COLOR selects mono
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) theme: Option<String>,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub(in crate::cli) ascii: bool,
    /// Draw charts with braille patterns, if your font has them
    #[arg(long)]
    pub(in crate::cli) braille: bool,
    /// Print lines of text instead of drawing screens, for screen readers and pipes
    #[arg(long)]
    pub(in crate::cli) plain: bool,
    /// Make tabs, rows and the footer clickable; your terminal then selects text with Shift held
    #[arg(long)]
    pub(in crate::cli) mouse: bool,
    /// Use this layout instead of the one that fits the terminal's size
    #[arg(long, value_enum, value_name = "CLASS")]
    pub(in crate::cli) layout: Option<LayoutChoice>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum LayoutChoice {
    /// Dashboard, detail of the selection, and alerts
    Wide,
    /// Two columns: a list and the detail of the selection
    Normal,
    /// One list with the detail of the selection below
    Classic,
    /// One list without the selected row's detail
    Small,
    /// One list, with as few other lines as possible
    Tiny,
}
