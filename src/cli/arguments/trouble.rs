//! Finding out what is wrong, and handing on what was found.

use super::console::Look;
use super::place::{About, Remote};
use super::read::{named_file, runbook, topic};
use crate::api::report::Topic;
use crate::api::runbook::Runbook;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Diagnose {
    /// What to look into
    #[arg(value_name = "TOPIC", value_parser = topic)]
    pub(in crate::cli) topic: Topic,
    #[command(flatten)]
    pub(in crate::cli) about: About,
    /// Keep the answers in this file; where it exists already, go on from it: verdicts stay, what was unknown is asked again
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) run: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) remote: Remote,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RunbookCall {
    /// Which: key-rotation, lost-secret, breaker-recovery, rollback
    #[arg(value_name = "NAME", value_parser = runbook)]
    pub(in crate::cli) runbook: Runbook,
    #[command(flatten)]
    pub(in crate::cli) about: About,
    /// Where the run is kept; a file named after it in this directory, if none is named
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) run: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) remote: Remote,
}

/// What a receiver has of one webhook. Nothing is decoded, trimmed or written again on its way into the lab.
#[derive(Debug, Args)]
pub(in crate::cli) struct Verify {
    /// The file with the body, byte by byte; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) body: PathBuf,
    /// The file with the request's headers: as they were sent, or as curl -v, JSON, a dictionary or CGI show them
    #[arg(long, value_name = "FILE", required_unless_present = "signature")]
    pub(in crate::cli) headers: Option<PathBuf>,
    /// The value of X-Wlcro-Signature, instead of the one in the headers
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) signature: Option<String>,
    /// The value of X-Wlcro-Timestamp, instead of the one in the headers
    #[arg(long, value_name = "SECONDS")]
    pub(in crate::cli) timestamp: Option<String>,
    /// The file that holds the receiver's signing secret; asked for on the terminal if absent
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) secret_file: Option<PathBuf>,
    /// What the receiver computed, if it logs that: tells what its code does differently
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) computed: Option<String>,
    /// The receiver's clock at arrival, in Unix seconds: tells whether the timestamp was too old
    #[arg(long, value_name = "SECONDS")]
    pub(in crate::cli) received_at: Option<i64>,
    /// A file with a secret that the receiver could hold by mistake, with a name for it; may be repeated
    #[arg(long, value_name = "NAME=FILE", value_parser = named_file)]
    pub(in crate::cli) other: Vec<(String, PathBuf)>,
    /// Answer as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Escalate {
    #[command(flatten)]
    pub(in crate::cli) about: About,
    /// One playbook; all that fit, if none is named
    #[arg(long, value_name = "TOPIC", value_parser = topic)]
    pub(in crate::cli) topic: Option<Topic>,
    /// The folder to write, or an archive if it ends in .zip; it must not exist
    #[arg(long, value_name = "PATH")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// Leave out what endpoints answered
    #[arg(long)]
    pub(in crate::cli) without_bodies: bool,
    /// Let through what is held back under this fingerprint, once somebody looked at it; may be repeated
    #[arg(long, value_name = "FINGERPRINT")]
    pub(in crate::cli) allow: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) remote: Remote,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Open {
    /// A folder or an archive that escalate wrote
    #[arg(value_name = "BUNDLE")]
    pub(in crate::cli) bundle: PathBuf,
    /// Show the ticket as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) look: Look,
}
