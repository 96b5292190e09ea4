//! Arguments of `crow audit` and `crow briefing`, which write reviews and partner briefings.

use super::target::TargetArgs;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct AuditArgs {
    /// Period to review, up to now
    #[arg(long, value_enum, default_value = "month")]
    pub(in crate::cli) period: ReviewPeriodChoice,
    /// Format of the document. Default: by the extension of --out, otherwise Markdown
    #[arg(long, value_enum)]
    pub(in crate::cli) format: Option<DocumentFormat>,
    /// File to write to; replaced if it exists. Default: standard output
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// Earlier review to compare with, as JSON. Default: the previous review of this platform
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) last: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) remote: TargetArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct BriefingArgs {
    /// The partner's key: its ID, its name or its last four characters
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    pub(in crate::cli) key: String,
    /// Format of the document. Default: by the extension of --out, otherwise Markdown
    #[arg(long, value_enum)]
    pub(in crate::cli) format: Option<DocumentFormat>,
    /// File to write to; replaced if it exists. Default: standard output
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) remote: TargetArgs,
}

/// Period that a review covers, up to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ReviewPeriodChoice {
    /// The last 30 days, up to now
    Month,
    /// The last 90 days, up to now
    Quarter,
}

/// Format of a review or a briefing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum DocumentFormat {
    /// Markdown, as plain text that most tools render
    Md,
    /// JSON, for other programs to read
    Json,
    /// One HTML page without external resources
    Html,
}
