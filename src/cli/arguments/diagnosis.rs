//! Arguments of the commands that diagnose faults and hand the findings on.

use super::console::DisplayArgs;
use super::target::{SubjectArgs, TargetArgs};
use super::value_parsers::{parse_named_file, parse_reader, parse_reason, parse_runbook, parse_topic};
use crate::diagnose::escalation::EscalationKind;
use crate::diagnose::playbook_topic::PlaybookTopic;
use crate::diagnose::reporter::TicketReader;
use crate::diagnose::runbook_kind::Runbook;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct DiagnoseArgs {
    /// Topic to diagnose; without a topic, all that apply
    #[arg(value_name = "TOPIC", value_parser = parse_topic)]
    pub(in crate::cli) topic: Option<PlaybookTopic>,
    #[command(flatten)]
    pub(in crate::cli) about: SubjectArgs,
    /// File to save the results to. If it exists, its results are used for checks that are unknown now
    #[arg(long, value_name = "FILE", requires = "topic")]
    pub(in crate::cli) run: Option<PathBuf>,
    /// Write the result as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) remote: TargetArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RunbookArgs {
    /// Runbook to run: key-rotation, lost-secret, breaker-recovery, rollback
    #[arg(value_name = "NAME", value_parser = parse_runbook)]
    pub(in crate::cli) runbook: Runbook,
    #[command(flatten)]
    pub(in crate::cli) about: SubjectArgs,
    /// File that stores the run. Default: a file in the current directory, named after the runbook
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) run: Option<PathBuf>,
    /// Write the result as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) remote: TargetArgs,
}

/// Arguments of `crow verify`: one webhook as its receiver has it. Nothing is decoded, trimmed or re-encoded before
/// it reaches the signature debugger.
#[derive(Debug, Args)]
pub(in crate::cli) struct VerifyArgs {
    /// File with the request body, exactly as received; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) body: PathBuf,
    /// File with the request headers: as sent, or as curl -v, JSON, a dictionary or CGI variables show them
    #[arg(long, value_name = "FILE", required_unless_present = "signature")]
    pub(in crate::cli) headers: Option<PathBuf>,
    /// Value of X-Wlcro-Signature; overrides the one in the headers
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) signature: Option<String>,
    /// Value of X-Wlcro-Timestamp; overrides the one in the headers
    #[arg(long, value_name = "SECONDS")]
    pub(in crate::cli) timestamp: Option<String>,
    /// File with the receiver's signing secret; prompted for on the terminal if absent
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) secret_file: Option<PathBuf>,
    /// Signature that the receiver computed, from the receiver's log: shows what the receiver does differently
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) computed: Option<String>,
    /// The receiver's clock at arrival, in Unix seconds: shows whether the timestamp was too old
    #[arg(long, value_name = "SECONDS")]
    pub(in crate::cli) received_at: Option<i64>,
    /// File with another secret that the receiver may use by mistake, and a name for it; may be repeated
    #[arg(long, value_name = "NAME=FILE", value_parser = parse_named_file)]
    pub(in crate::cli) other: Vec<(String, PathBuf)>,
    /// Write the result as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct EscalateArgs {
    #[command(flatten)]
    pub(in crate::cli) about: SubjectArgs,
    /// Diagnose one topic only; without it, all that apply
    #[arg(long, value_name = "TOPIC", value_parser = parse_topic)]
    pub(in crate::cli) topic: Option<PlaybookTopic>,
    /// Reader of the ticket: support or partner. A partner's ticket contains nothing internal
    #[arg(long = "for", value_name = "READER", default_value = "support", value_parser = parse_reader)]
    pub(in crate::cli) reader: TicketReader,
    /// Step that you have tried. If it begins with its time in UTC, failures since then are counted. May be repeated
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) tried: Vec<String>,
    /// What happened, in your words
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) note: Option<String>,
    /// Reason to escalate, in addition to those that the evidence shows: persists, platform-error,
    /// against-documentation, limits-wrong or event-missing; may be repeated
    #[arg(long, value_name = "REASON", value_parser = parse_reason)]
    pub(in crate::cli) reason: Vec<EscalationKind>,
    /// How to reach you
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) contact: Option<String>,
    /// Folder to write to, or an archive if the name ends in .zip; it must not exist
    #[arg(long, value_name = "PATH")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// Leave out the response bodies of endpoints
    #[arg(long)]
    pub(in crate::cli) without_bodies: bool,
    /// Include a redacted or withheld passage, named by its fingerprint, once you know that it is not a secret; may be
    /// repeated
    #[arg(long, value_name = "FINGERPRINT")]
    pub(in crate::cli) allow: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) remote: TargetArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OpenArgs {
    /// Folder or archive that crow escalate wrote
    #[arg(value_name = "TICKET")]
    pub(in crate::cli) ticket: PathBuf,
    /// Write the ticket as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) look: DisplayArgs,
}
