//! The console: on which platform, and how it looks.

use super::place::Remote;
use clap::{Args, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// The console on the standalone platform.
#[derive(Debug, Args)]
pub(in crate::cli) struct Standalone {
    /// Where everything is kept; created if absent
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: Option<PathBuf>,
    /// Where the platform listens; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(in crate::cli) bind: SocketAddr,
    /// Permit http and private addresses as webhook targets: for development only
    #[arg(long)]
    pub(in crate::cli) allow_private_targets: bool,
    /// A PEM file of authorities that receivers' certificates may be signed by, beside those of the operating system; repeatable
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) trust_ca: Vec<PathBuf>,
    /// Let the console test, enable and disable; without it, it only looks
    #[arg(long)]
    pub(in crate::cli) allow_actions: bool,
    #[command(flatten)]
    pub(in crate::cli) look: Look,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Console {
    #[command(flatten)]
    pub(in crate::cli) remote: Remote,
    /// Let the console test, enable and disable; without it, it only looks
    #[arg(long)]
    pub(in crate::cli) allow_actions: bool,
    /// This platform is a production one: every action wants the number of things it changes typed
    #[arg(long)]
    pub(in crate::cli) production: bool,
    #[command(flatten)]
    pub(in crate::cli) look: Look,
}

/// How the console looks.
#[derive(Debug, Args)]
pub(in crate::cli) struct Look {
    /// Which colours: terminal (your own), dark, light, colour-blind, mono, or a theme of yours: a file, or its name in the configuration's themes; NO_COLOR selects mono
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) theme: Option<String>,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub(in crate::cli) ascii: bool,
    /// Draw curves with braille patterns, if your font has them
    #[arg(long)]
    pub(in crate::cli) braille: bool,
    /// Say what changes in lines instead of drawing screens: for screen readers and pipes
    #[arg(long)]
    pub(in crate::cli) plain: bool,
    /// Let tabs, rows and the footer be clicked; your terminal then selects text with Shift held
    #[arg(long)]
    pub(in crate::cli) mouse: bool,
    /// Lay the screen out like this instead of by what fits
    #[arg(long, value_enum, value_name = "CLASS")]
    pub(in crate::cli) layout: Option<Layout>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum Layout {
    /// Dashboard, detail of the selection, and alerts
    Wide,
    /// Two columns
    Normal,
    /// One list with its detail below
    Classic,
    /// One list
    Small,
    /// One list, as few lines as possible
    Tiny,
}
