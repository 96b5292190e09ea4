//! Documents for people: reviews and briefings.

use super::place::Remote;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Audit {
    /// How far back to look
    #[arg(long, value_enum, default_value = "month")]
    pub(in crate::cli) period: Span,
    /// In which form; by the ending of --out, else Markdown, if it is not said
    #[arg(long, value_enum)]
    pub(in crate::cli) format: Option<Format>,
    /// Write it to this file, which is replaced
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// The review to hold this one against, as JSON; the last one made of this platform, if none is named
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) last: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) remote: Remote,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Briefing {
    /// The partner's key: its number, its name or its last four characters
    #[arg(long, value_name = "KEY")]
    pub(in crate::cli) key: String,
    /// In which form; by the ending of --out, else Markdown, if it is not said
    #[arg(long, value_enum)]
    pub(in crate::cli) format: Option<Format>,
    /// Write it to this file, which is replaced
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) remote: Remote,
}

/// A period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Span {
    /// 30 days
    Month,
    /// 90 days
    Quarter,
}

/// A form of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// Markdown
    Md,
    /// JSON
    Json,
    /// A page that needs nothing from elsewhere
    Html,
}
