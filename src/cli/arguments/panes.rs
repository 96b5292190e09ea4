//! Arguments of the commands that mirror the console's panes: lists, single rows, and changes.

use super::target::TargetArgs;
use super::value_parsers::{
    parse_call_limit, parse_event_type, parse_lookback, parse_period_end, parse_replay_state, parse_scope,
};
use crate::domain::delivery::DeliveryState;
use crate::domain::event::EventType;
use crate::domain::patch::FieldPatch;
use crate::domain::query::QueryTime;
use crate::domain::scope::KeyScope;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// Command of a pane: what the pane shows, and the changes that it offers.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum PaneCommand {
    /// Manage keys: list, show, create, revoke
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Manage subscriptions: list, show, test, enable, disable, delete, replay, rollback
    #[command(subcommand)]
    Subs(SubsCommand),
    /// Inspect deliveries and their attempts: list, show, attempts, attempt, resend
    #[command(subcommand)]
    Deliveries(DeliveriesCommand),
    /// Inspect events and their deliveries, and emit test events: list, show, emit
    #[command(subcommand)]
    Events(EventsCommand),
    /// Manage rate limits: list, show who uses them, set
    #[command(subcommand)]
    Limits(LimitsCommand),
    /// Inspect trips of the circuit breaker: list, show
    #[command(subcommand)]
    Trips(TripsCommand),
    /// Inspect the log of requests to the Integration API: list, show
    #[command(subcommand)]
    Requests(RequestsCommand),
    /// Manage replays: list, show, pause, resume, cancel
    #[command(subcommand)]
    Replays(ReplaysCommand),
}

/// Help text about exit codes, appended to every command that may change something.
pub(in crate::cli) const CHANGE_EXIT_CODES_HELP: &str = "Exit codes: 0 done, 1 failed or rejected, 2 invalid usage or could not start, 3 nothing was changed: preview only, declined, \
     or no terminal to confirm on.\nThe command first describes the effect and asks for confirmation; without --allow-actions it only describes the effect.";

/// Output format of rows; a table if none is chosen.
#[derive(Debug, Clone, Copy, Args)]
pub(in crate::cli) struct OutputArgs {
    /// Write one JSON document with all rows
    #[arg(long, group = "shape")]
    pub(in crate::cli) json: bool,
    /// Write one JSON document per row, one per line
    #[arg(long, group = "shape")]
    pub(in crate::cli) ndjson: bool,
    /// Write comma-separated values with a header line
    #[arg(long, group = "shape")]
    pub(in crate::cli) csv: bool,
}

/// Arguments of every list: filter, limit, output format and platform.
#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// Show only rows that match this filter, such as 'company:92 "text"'; the fields differ by list
    #[arg(long, value_name = "QUERY")]
    pub(in crate::cli) filter: Option<String>,
    /// Maximum number of rows. Default: 50 for a log; for other lists all, up to 100,000
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(in crate::cli) limit: Option<u32>,
    /// Keep running and write rows that are new or changed, until stopped
    #[arg(long)]
    pub(in crate::cli) watch: bool,
    #[command(flatten)]
    pub(in crate::cli) shape: OutputArgs,
    #[command(flatten)]
    pub(in crate::cli) remote: TargetArgs,
}

/// Arguments of a list that is a log: those of every list, and a time range.
#[derive(Debug, Args)]
pub(in crate::cli) struct LogListArgs {
    /// How far back to look
    #[arg(long, value_name = "DURATION", value_parser = parse_lookback)]
    pub(in crate::cli) since: Option<Duration>,
    #[command(flatten)]
    pub(in crate::cli) listing: ListArgs,
}

/// Arguments of commands that show one row by its number.
#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    /// ID of the item to show
    #[arg(value_name = "ID")]
    pub(in crate::cli) id: i64,
    #[command(flatten)]
    pub(in crate::cli) look: ReadArgs,
}

/// Arguments of commands that show one key.
#[derive(Debug, Args)]
pub(in crate::cli) struct ShowKeyArgs {
    /// The key: its ID, its name or its last four characters
    #[arg(value_name = "KEY", allow_hyphen_values = true)]
    pub(in crate::cli) key: String,
    #[command(flatten)]
    pub(in crate::cli) look: ReadArgs,
}

/// Arguments of every command that reads: platform and output format.
#[derive(Debug, Args)]
pub(in crate::cli) struct ReadArgs {
    /// Write the result as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) remote: TargetArgs,
}

/// Arguments of every command that changes something: permission and confirmation.
#[derive(Debug, Args)]
pub(in crate::cli) struct ConfirmArgs {
    /// Make the change. Without this option, the change is only described
    #[arg(long)]
    pub(in crate::cli) allow_actions: bool,
    /// Skip the confirmation prompt, for scripts
    #[arg(long)]
    pub(in crate::cli) yes: bool,
    /// Number of items that the change affects; confirms a change on a production platform, where --yes is not enough
    #[arg(long, value_name = "N")]
    pub(in crate::cli) count: Option<u64>,
    #[command(flatten)]
    pub(in crate::cli) look: ReadArgs,
}

/// Arguments of commands that change one item by its number.
#[derive(Debug, Args)]
#[command(after_help = CHANGE_EXIT_CODES_HELP)]
pub(in crate::cli) struct ChangeArgs {
    /// ID of the item to change
    #[arg(value_name = "ID")]
    pub(in crate::cli) id: i64,
    #[command(flatten)]
    pub(in crate::cli) consent: ConfirmArgs,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum KeysCommand {
    /// List all keys, worst health first
    List(ListArgs),
    /// Show one key: its limits, its routes, its callers, and scopes it never used
    Show(ShowKeyArgs),
    /// Create a key. The key is written alone to stdout and cannot be shown again
    Create(CreateKeyArgs),
    /// Revoke a key. This cannot be undone
    Revoke(RevokeKeyArgs),
}

#[derive(Debug, Args)]
#[command(after_help = CHANGE_EXIT_CODES_HELP)]
pub(in crate::cli) struct CreateKeyArgs {
    /// ID of the company that will own the key
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) company: i64,
    /// Name of the key, as operators will see it
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) name: String,
    /// Scopes of the key, separated by commas; they cannot be changed later
    #[arg(long, value_name = "SCOPES", value_delimiter = ',', required = true, value_parser = parse_scope)]
    pub(in crate::cli) scope: Vec<KeyScope>,
    #[command(flatten)]
    pub(in crate::cli) consent: ConfirmArgs,
}

#[derive(Debug, Args)]
#[command(after_help = CHANGE_EXIT_CODES_HELP)]
pub(in crate::cli) struct RevokeKeyArgs {
    /// The key: its ID, its name or its last four characters
    #[arg(value_name = "KEY", allow_hyphen_values = true)]
    pub(in crate::cli) key: String,
    #[command(flatten)]
    pub(in crate::cli) consent: ConfirmArgs,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SubsCommand {
    /// List all subscriptions, worst health first
    List(ListArgs),
    /// Show one subscription: health, latest attempts, configurations, replays
    Show(ShowArgs),
    /// Send a sample event to the endpoint. A test does not affect the circuit breaker, the success rate or retries
    Test(ChangeArgs),
    /// Enable a subscription and reset its failures in a row to 0
    Enable(EnableArgs),
    /// Disable a subscription. Events that happen meanwhile are recorded as missed
    Disable(DisableArgs),
    /// Delete a subscription, including one that a tool manages. Its delivery log stays readable
    Delete(ChangeArgs),
    /// Deliver the events of a period again
    Replay(ReplayArgs),
    /// Restore an earlier configuration of a subscription
    Rollback(RollbackArgs),
}

#[derive(Debug, Args)]
#[command(after_help = CHANGE_EXIT_CODES_HELP)]
pub(in crate::cli) struct EnableArgs {
    /// ID of the subscription to enable
    #[arg(value_name = "ID")]
    pub(in crate::cli) id: i64,
    /// Also deliver the events that were missed while the subscription was disabled
    #[arg(long, alias = "replay-skipped")]
    pub(in crate::cli) replay_missed: bool,
    #[command(flatten)]
    pub(in crate::cli) consent: ConfirmArgs,
}

#[derive(Debug, Args)]
#[command(after_help = CHANGE_EXIT_CODES_HELP)]
pub(in crate::cli) struct DisableArgs {
    /// ID of the subscription to disable
    #[arg(value_name = "ID")]
    pub(in crate::cli) id: i64,
    /// Reason, recorded in the audit trail; marks the subscription as disabled on purpose. Without a reason, an
    /// alert is raised
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) reason: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) consent: ConfirmArgs,
}

#[derive(Debug, Args)]
#[command(after_help = CHANGE_EXIT_CODES_HELP)]
pub(in crate::cli) struct ReplayArgs {
    /// ID of the subscription to replay
    #[arg(value_name = "ID")]
    pub(in crate::cli) id: i64,
    /// Start of the period: a duration before now, such as 2h, or a time, such as 2026-11-23T14:02:31Z
    #[arg(long, value_name = "TIME", value_parser = parse_period_end)]
    pub(in crate::cli) since: QueryTime,
    /// End of the period, exclusive: a duration before now, or a time. Default: now
    #[arg(long, value_name = "TIME", value_parser = parse_period_end)]
    pub(in crate::cli) until: Option<QueryTime>,
    /// States of the deliveries to replay: missed, exhausted, on_hold, succeeded
    #[arg(long, value_name = "STATES", value_delimiter = ',', default_value = "missed,exhausted", value_parser = parse_replay_state)]
    pub(in crate::cli) state: Vec<DeliveryState>,
    /// Maximum number of deliveries per second
    #[arg(long, value_name = "N")]
    pub(in crate::cli) rate: Option<u32>,
    #[command(flatten)]
    pub(in crate::cli) consent: ConfirmArgs,
}

#[derive(Debug, Args)]
#[command(after_help = CHANGE_EXIT_CODES_HELP)]
pub(in crate::cli) struct RollbackArgs {
    /// ID of the subscription to roll back
    #[arg(value_name = "ID")]
    pub(in crate::cli) id: i64,
    /// Revision of the configuration to restore; crow subs show lists them
    #[arg(long, value_name = "N")]
    pub(in crate::cli) revision: u32,
    #[command(flatten)]
    pub(in crate::cli) consent: ConfirmArgs,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum DeliveriesCommand {
    /// List deliveries with their states, newest first
    List(LogListArgs),
    /// Show one delivery with its attempts
    Show(ShowArgs),
    /// List attempts with their outcomes, newest first
    Attempts(LogListArgs),
    /// Show one attempt: the exact bytes that were sent and received
    Attempt(ShowArgs),
    /// Make one more attempt now. The attempt does not affect the circuit breaker, the success rate or retries
    Resend(ChangeArgs),
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum EventsCommand {
    /// List the events of all companies, newest first
    List(LogListArgs),
    /// Show one event, and why each subscription received the event or did not
    Show(ShowArgs),
    /// Publish an event marked as a test; it is polled and delivered like any other
    Emit(EmitArgs),
}

#[derive(Debug, Args)]
#[command(after_help = CHANGE_EXIT_CODES_HELP)]
pub(in crate::cli) struct EmitArgs {
    /// ID of the company that the event belongs to
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) company: i64,
    /// Type of the event, such as lead.created
    #[arg(long = "type", value_name = "TYPE", value_parser = parse_event_type)]
    pub(in crate::cli) kind: EventType,
    /// File with the payload, a JSON object that is sent unchanged. Default: a realistic sample
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) payload: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) consent: ConfirmArgs,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum LimitsCommand {
    /// List the rate limits of all active keys, least remaining first
    List(ListArgs),
    /// Show the rate limits of one key, and which routes and callers use them
    Show(ShowKeyArgs),
    /// Set the rate limits of a key; they apply from the next request
    Set(SetLimitsArgs),
}

#[derive(Debug, Args)]
#[command(after_help = CHANGE_EXIT_CODES_HELP)]
pub(in crate::cli) struct SetLimitsArgs {
    /// The key: its ID, its name or its last four characters
    #[arg(value_name = "KEY", allow_hyphen_values = true)]
    pub(in crate::cli) key: String,
    /// Calls a minute in the read bucket, or "default"; unchanged if absent
    #[arg(long, value_name = "N", value_parser = parse_call_limit)]
    pub(in crate::cli) read: Option<FieldPatch<u32>>,
    /// Calls a minute in the write bucket, or "default"; unchanged if absent
    #[arg(long, value_name = "N", value_parser = parse_call_limit)]
    pub(in crate::cli) write: Option<FieldPatch<u32>>,
    /// Calls a minute in the admin bucket, or "default"; unchanged if absent
    #[arg(long, value_name = "N", value_parser = parse_call_limit)]
    pub(in crate::cli) admin: Option<FieldPatch<u32>>,
    #[command(flatten)]
    pub(in crate::cli) consent: ConfirmArgs,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum TripsCommand {
    /// List the trips of the circuit breaker, newest first
    List(LogListArgs),
    /// Show one trip of the circuit breaker
    Show(ShowArgs),
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum RequestsCommand {
    /// List requests to the Integration API, newest first
    List(LogListArgs),
    /// Show one request to the Integration API
    Show(ShowArgs),
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ReplaysCommand {
    /// List the replays of all subscriptions, newest first
    List(ListArgs),
    /// Show one replay and its progress
    Show(ShowArgs),
    /// Pause a replay; deliveries that are already enqueued are still sent
    Pause(ChangeArgs),
    /// Resume a replay that was paused
    Resume(ChangeArgs),
    /// Cancel a replay. This cannot be undone
    Cancel(ChangeArgs),
}
