//! The panes of the console as commands: lists, single things, and changes.

use super::place::Remote;
use super::read::{back, calls, event_type, scope, state};
use crate::domain::delivery::State;
use crate::domain::event::EventType;
use crate::domain::key::Scope;
use crate::domain::patch::Patch;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// Ends of every command that may change something.
pub(in crate::cli) const ENDS: &str = "Exit codes: 0 done, 1 it failed or was refused, 2 could not start as asked, 3 nothing was done: only looked at, \
     declined, or nobody there to ask.\nA change says what will come of it and asks; without --allow-actions it is only shown.";

/// How rows are written.
#[derive(Debug, Clone, Copy, Args)]
pub(in crate::cli) struct Shape {
    /// Write one JSON document
    #[arg(long, group = "shape")]
    pub(in crate::cli) json: bool,
    /// Write one JSON document a line and row
    #[arg(long, group = "shape")]
    pub(in crate::cli) ndjson: bool,
    /// Write comma-separated values with a head
    #[arg(long, group = "shape")]
    pub(in crate::cli) csv: bool,
}

/// Which rows.
#[derive(Debug, Args)]
pub(in crate::cli) struct Listing {
    /// Only rows that this lets through, in the language of the console's filters: 'state:wrn company:92 "text"'
    #[arg(long, value_name = "QUERY")]
    pub(in crate::cli) filter: Option<String>,
    /// Rows at most; 50 of a log, all of a list, if absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(in crate::cli) limit: Option<u32>,
    /// Go on with rows that are new or changed, until stopped
    #[arg(long)]
    pub(in crate::cli) watch: bool,
    #[command(flatten)]
    pub(in crate::cli) shape: Shape,
    #[command(flatten)]
    pub(in crate::cli) remote: Remote,
}

/// Which rows of a log.
#[derive(Debug, Args)]
pub(in crate::cli) struct LogListing {
    /// How far back to look
    #[arg(long, value_name = "DURATION", value_parser = back)]
    pub(in crate::cli) since: Option<Duration>,
    #[command(flatten)]
    pub(in crate::cli) listing: Listing,
}

/// One thing, by its number.
#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    /// Its number
    #[arg(value_name = "ID")]
    pub(in crate::cli) id: i64,
    #[command(flatten)]
    pub(in crate::cli) look: Look,
}

/// One key.
#[derive(Debug, Args)]
pub(in crate::cli) struct ShowKey {
    /// Its number, its name or its last four characters
    #[arg(value_name = "KEY")]
    pub(in crate::cli) key: String,
    #[command(flatten)]
    pub(in crate::cli) look: Look,
}

/// Where to look, and how to write it.
#[derive(Debug, Args)]
pub(in crate::cli) struct Look {
    /// Answer as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) remote: Remote,
}

/// Whether a change may be made.
#[derive(Debug, Args)]
pub(in crate::cli) struct Consent {
    /// Make the change; without it, it is only shown what would come of it
    #[arg(long)]
    pub(in crate::cli) allow_actions: bool,
    /// Do not ask again: for scripts
    #[arg(long)]
    pub(in crate::cli) yes: bool,
    /// On a production platform: how many things it changes, which is asked for in place of a yes
    #[arg(long, value_name = "N")]
    pub(in crate::cli) count: Option<u64>,
    #[command(flatten)]
    pub(in crate::cli) look: Look,
}

/// A change of one thing, by its number.
#[derive(Debug, Args)]
#[command(after_help = ENDS)]
pub(in crate::cli) struct Change {
    /// Its number
    #[arg(value_name = "ID")]
    pub(in crate::cli) id: i64,
    #[command(flatten)]
    pub(in crate::cli) consent: Consent,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Keys {
    /// All keys, worst first
    List(Listing),
    /// One key: its limits, its routes, who calls, scopes it never used
    Show(ShowKey),
    /// Create a key; it stands alone on stdout, once and never again
    Create(CreateKey),
    /// Revoke a key, for good
    Revoke(RevokeKey),
}

#[derive(Debug, Args)]
#[command(after_help = ENDS)]
pub(in crate::cli) struct CreateKey {
    /// The company's number
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) company: i64,
    /// What people will call it
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) name: String,
    /// What it may do, for good: names separated by commas
    #[arg(long, value_name = "SCOPES", value_delimiter = ',', required = true, value_parser = scope)]
    pub(in crate::cli) scope: Vec<Scope>,
    #[command(flatten)]
    pub(in crate::cli) consent: Consent,
}

#[derive(Debug, Args)]
#[command(after_help = ENDS)]
pub(in crate::cli) struct RevokeKey {
    /// Its number, its name or its last four characters
    #[arg(value_name = "KEY")]
    pub(in crate::cli) key: String,
    #[command(flatten)]
    pub(in crate::cli) consent: Consent,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Subs {
    /// All subscriptions, worst first
    List(Listing),
    /// One subscription: health, latest attempts, configurations, replays
    Show(Show),
    /// Post a sample event to its endpoint; counts for nothing
    Test(Change),
    /// Enable it; its streak begins at 0
    Enable(Enable),
    /// Disable it; what happens meanwhile is noted as skipped
    Disable(Disable),
    /// Delete it, whoever manages it; its log stays
    Delete(Change),
    /// Deliver again what happened between two times
    Replay(Replay),
    /// Bring an earlier configuration back
    Rollback(Rollback),
}

#[derive(Debug, Args)]
#[command(after_help = ENDS)]
pub(in crate::cli) struct Enable {
    /// Its number
    #[arg(value_name = "ID")]
    pub(in crate::cli) id: i64,
    /// Deliver what passed by while it was off, too
    #[arg(long)]
    pub(in crate::cli) replay_skipped: bool,
    #[command(flatten)]
    pub(in crate::cli) consent: Consent,
}

#[derive(Debug, Args)]
#[command(after_help = ENDS)]
pub(in crate::cli) struct Disable {
    /// Its number
    #[arg(value_name = "ID")]
    pub(in crate::cli) id: i64,
    /// Why: it marks this as intended and stands in the audit trail; without it there is an alert
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) reason: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) consent: Consent,
}

#[derive(Debug, Args)]
#[command(after_help = ENDS)]
pub(in crate::cli) struct Replay {
    /// Its number
    #[arg(value_name = "ID")]
    pub(in crate::cli) id: i64,
    /// How far back the events may be
    #[arg(long, value_name = "DURATION", value_parser = back)]
    pub(in crate::cli) since: Duration,
    /// How long ago the last of them may be; now if absent
    #[arg(long, value_name = "DURATION", value_parser = back)]
    pub(in crate::cli) until: Option<Duration>,
    /// Deliveries that stand so: skipped, exhausted, parked, succeeded
    #[arg(long, value_name = "STATES", value_delimiter = ',', default_value = "skipped,exhausted", value_parser = state)]
    pub(in crate::cli) state: Vec<State>,
    /// Deliveries a second at most
    #[arg(long, value_name = "N")]
    pub(in crate::cli) rate: Option<u32>,
    #[command(flatten)]
    pub(in crate::cli) consent: Consent,
}

#[derive(Debug, Args)]
#[command(after_help = ENDS)]
pub(in crate::cli) struct Rollback {
    /// Its number
    #[arg(value_name = "ID")]
    pub(in crate::cli) id: i64,
    /// Which configuration, as show lists them
    #[arg(long, value_name = "N")]
    pub(in crate::cli) revision: u32,
    #[command(flatten)]
    pub(in crate::cli) consent: Consent,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Deliveries {
    /// Deliveries, newest first: where each stands
    List(LogListing),
    /// One delivery with its attempts
    Show(Show),
    /// Attempts, newest first: what each came to
    Attempts(LogListing),
    /// One attempt: the exact bytes that went out and came back
    Attempt(Show),
    /// Make one more attempt now; counts for nothing
    Resend(Change),
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Events {
    /// Events of all companies, newest first
    List(LogListing),
    /// One event, and why each subscription has a delivery of it or none
    Show(Show),
    /// Publish an event, marked as a test: it is polled and delivered like any other
    Emit(Emit),
}

#[derive(Debug, Args)]
#[command(after_help = ENDS)]
pub(in crate::cli) struct Emit {
    /// The company's number
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) company: i64,
    /// Which of the ten types
    #[arg(long = "type", value_name = "TYPE", value_parser = event_type)]
    pub(in crate::cli) kind: EventType,
    /// A file with the payload, a JSON object that is sent byte by byte; a realistic sample if absent
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) payload: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) consent: Consent,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Limits {
    /// The rate windows of all active keys, least headroom first
    List(Listing),
    /// The windows of one key, and who fills them
    Show(ShowKey),
    /// Give a key limits of its own; they act on the next request
    Set(SetLimits),
}

#[derive(Debug, Args)]
#[command(after_help = ENDS)]
pub(in crate::cli) struct SetLimits {
    /// Its number, its name or its last four characters
    #[arg(value_name = "KEY")]
    pub(in crate::cli) key: String,
    /// Calls a minute in the read bucket, or "default"; as it is if absent
    #[arg(long, value_name = "N", value_parser = calls)]
    pub(in crate::cli) read: Option<Patch<u32>>,
    /// Calls a minute in the write bucket, or "default"; as it is if absent
    #[arg(long, value_name = "N", value_parser = calls)]
    pub(in crate::cli) write: Option<Patch<u32>>,
    /// Calls a minute in the admin bucket, or "default"; as it is if absent
    #[arg(long, value_name = "N", value_parser = calls)]
    pub(in crate::cli) admin: Option<Patch<u32>>,
    #[command(flatten)]
    pub(in crate::cli) consent: Consent,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Trips {
    /// The breaker's history, newest first
    List(LogListing),
    /// One trip
    Show(Show),
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Requests {
    /// The log of the Integration API, newest first
    List(LogListing),
    /// One request
    Show(Show),
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Replays {
    /// Replays of all subscriptions, newest first
    List(Listing),
    /// One replay, and how far it has come
    Show(Show),
    /// Pause a replay; what it has taken is delivered
    Pause(Change),
    /// Let a paused replay go on
    Resume(Change),
    /// Give a replay up, for good
    Cancel(Change),
}
