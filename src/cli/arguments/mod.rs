//! Arguments of the command line, one module per group of commands.

pub(super) mod check;
pub(super) mod console;
pub(super) mod db;
pub(super) mod diagnosis;
pub(super) mod listen;
pub(super) mod observe;
pub(super) mod operators;
pub(super) mod panes;
pub(super) mod platform;
pub(super) mod profile;
pub(super) mod report;
pub(super) mod setup;
pub(super) mod target;
pub(super) mod value_parsers;
pub(super) mod watch;

use check::CheckArgs;
use clap::{Parser, Subcommand};
use console::{ConsoleArgs, StandaloneArgs};
use db::DbCommand;
use diagnosis::{DiagnoseArgs, EscalateArgs, OpenArgs, RunbookArgs, VerifyArgs};
use listen::{ListenArgs, ReconcileArgs, RelayArgs};
use observe::ObserveArgs;
use operators::OperatorsCommand;
use panes::PaneCommand;
use platform::{DemoArgs, ServeArgs};
use profile::ProfileCommand;
use report::{AuditArgs, BriefingArgs};
use setup::{CompletionsArgs, ConfigCommand, DoctorArgs, ExportArgs, ImportArgs, ManArgs};
use watch::WatchArgs;

/// Terminal operations console for the WhiteLabelCRO integration platform, with a standalone platform built in.
///
/// Without a command, crow opens the console on the default profile or, if there is none, on a standalone platform in
/// the data directory. If neither is set up, crow asks what to open.
#[derive(Debug, Parser)]
#[command(name = "crow", version, max_term_width = 100, args_conflicts_with_subcommands = true)]
pub(super) struct CliArgs {
    #[command(subcommand)]
    pub(super) command: Option<CliCommand>,
    #[command(flatten)]
    pub(super) standalone: StandaloneArgs,
}

#[derive(Debug, Subcommand)]
pub(super) enum CliCommand {
    /// Open the console on a simulated company, backed by a real platform and real webhooks
    Demo(DemoArgs),
    /// Run the standalone platform without a console
    Serve(ServeArgs),
    /// Open the console on a platform that is already running
    Console(ConsoleArgs),
    /// Poll a platform that has no Portal API, and serve what is known of it as a Portal API to consoles and commands
    Observe(ObserveArgs),
    /// Check a platform's health for a monitoring system. Exit codes: 0 OK, 1 warning, 2 critical, 3 unknown
    Check(CheckArgs),
    /// Watch a platform without a console and send its alerts to a command, a webhook or PagerDuty
    Watch(WatchArgs),
    /// Review a platform: unused keys, disabled subscriptions, failures, credentials due for rotation, changes
    Audit(AuditArgs),
    /// Write instructions for the partner who receives a key. The key itself is not included
    Briefing(BriefingArgs),
    /// Write the configuration of a platform to a file, without secrets
    Export(ExportArgs),
    /// Compare a platform with an exported configuration, and apply the differences that an operator may change
    Import(ImportArgs),
    /// Check this machine and the connection to the platform. Exit codes: 0 no problem, 1 a problem was found
    Doctor(DoctorArgs),
    /// Manage the configuration file: template, check, explain
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Write a completion script for a shell
    Completions(CompletionsArgs),
    /// Write crow's manual pages
    Man(ManArgs),
    #[command(flatten)]
    Pane(PaneCommand),
    /// Diagnose why something does not work. Exit codes: 0 no active cause, 1 an active cause, 2 undecided or could not
    /// run
    Diagnose(DiagnoseArgs),
    /// Run a runbook step by step. Exit codes: 0 all steps done, 1 steps remain, 2 could not run
    Runbook(RunbookArgs),
    /// Find out why a webhook's signature does not match. Exit codes: 0 it matches, 1 it does not, 2 could not run
    Verify(VerifyArgs),
    /// Write a ticket with the evidence of a failure to a folder or an archive, ready for support
    Escalate(EscalateArgs),
    /// Show a ticket that escalate wrote, after checking that nothing in it was changed
    Open(OpenArgs),
    /// Receive webhooks in front of your receivers: verify, show and record each one, and forward it unchanged
    Listen(ListenArgs),
    /// Forward your systems' calls to the Integration API unchanged, and record each call
    Relay(RelayArgs),
    /// Compare the platform's events with what crow listen received. Exit codes: 0 all received, 1 an event is
    /// missing or could not be read, 2 nothing was compared
    Reconcile(ReconcileArgs),
    /// Manage profiles: named platforms with their keys
    #[command(subcommand)]
    Profile(ProfileCommand),
    /// Manage operators on the platform's own machine: reset a lost admin token
    #[command(subcommand)]
    Operators(OperatorsCommand),
    /// Maintain a platform's database: backup, restore, verify, head, renumber, rekey
    #[command(subcommand)]
    Db(DbCommand),
}
