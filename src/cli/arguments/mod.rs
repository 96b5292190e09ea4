//! Arguments of the command line, one module per group of commands.

pub(super) mod check;
pub(super) mod console;
pub(super) mod db;
pub(super) mod listen;
pub(super) mod operators;
pub(super) mod panes;
pub(super) mod place;
pub(super) mod platform;
pub(super) mod profile;
pub(super) mod read;
pub(super) mod report;
pub(super) mod setup;
pub(super) mod trouble;
pub(super) mod watch;

use check::Check;
use clap::{Parser, Subcommand};
use console::{Console, Standalone};
use db::Db;
use listen::{Listen, Reconcile};
use operators::Operators;
use panes::{Deliveries, Events, Keys, Limits, Replays, Requests, Subs, Trips};
use platform::{Demo, Serve};
use profile::Profile;
use report::{Audit, Briefing};
use setup::{Completions, Config, Doctor, Export, Import, Man};
use trouble::{Diagnose, Escalate, Open, RunbookCall, Verify};
use watch::Watch;

/// Terminal operations console for the WhiteLabelCRO integration platform, with the platform itself embedded.
///
/// Without a command, opens the console on a standalone platform in the data directory.
#[derive(Debug, Parser)]
#[command(name = "crow", version, max_term_width = 100, args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) standalone: Standalone,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Open the console on a simulated company, backed by a real platform and real webhooks
    Demo(Demo),
    /// Run the standalone platform without a console
    Serve(Serve),
    /// Open the console on a platform that is already running
    Console(Console),
    /// Check a platform's health for a monitoring system. Exit codes: 0 OK, 1 warning, 2 critical, 3 unknown
    Check(Check),
    /// Watch a platform without a screen and send its alerts to a command, a webhook or PagerDuty
    Watch(Watch),
    /// Review a platform: unused keys and subscriptions, failures, what is due, what changed
    Audit(Audit),
    /// Write the briefing that a partner needs for a key, without the key itself
    Briefing(Briefing),
    /// Write the configuration of a platform to a file, without any secret
    Export(Export),
    /// Compare a platform with an exported configuration, then change what can be changed
    Import(Import),
    /// Check this machine and the connection to the platform. Exit codes: 0 no problem, 1 a problem was found
    Doctor(Doctor),
    /// Manage the configuration file: template, check, explain
    #[command(subcommand)]
    Config(Config),
    /// Write a completion script for a shell
    Completions(Completions),
    /// Write the manual pages of crow
    Man(Man),
    /// Manage keys: list, show, create, revoke
    #[command(subcommand)]
    Keys(Keys),
    /// Manage subscriptions: list, show, test, enable, disable, delete, replay, rollback
    #[command(subcommand)]
    Subs(Subs),
    /// Inspect deliveries and their attempts: list, show, resend
    #[command(subcommand)]
    Deliveries(Deliveries),
    /// Inspect events and their deliveries, and emit test events: list, show, emit
    #[command(subcommand)]
    Events(Events),
    /// Manage rate limits: list, show who uses them, set
    #[command(subcommand)]
    Limits(Limits),
    /// Inspect trips of the circuit breaker: list, show
    #[command(subcommand)]
    Trips(Trips),
    /// Inspect the log of requests to the Integration API: list, show
    #[command(subcommand)]
    Requests(Requests),
    /// Manage replays: list, show, pause, resume, cancel
    #[command(subcommand)]
    Replays(Replays),
    /// Diagnose why something does not work. Exit codes: 0 no cause found, 1 cause found, 2 could not run
    Diagnose(Diagnose),
    /// Run a runbook step by step. Exit codes: 0 all steps done, 1 steps remain, 2 could not run
    Runbook(RunbookCall),
    /// Find out why a webhook's signature does not match. Exit codes: 0 it matches, 1 it does not, 2 could not run
    Verify(Verify),
    /// Write a ticket with the evidence of a failure into a folder or an archive, ready to hand to support
    Escalate(Escalate),
    /// Show a ticket that escalate wrote, after checking that nothing in it was changed
    Open(Open),
    /// Receive webhooks on this machine: verify, show, record and optionally forward them
    Listen(Listen),
    /// Compare the platform's events with what crow listen received. Exit codes: 0 all received, 1 an event is
    /// missing or could not be read, 2 nothing was compared
    Reconcile(Reconcile),
    /// Manage profiles: named platforms and the keys to them
    #[command(subcommand)]
    Profile(Profile),
    /// Manage operators on the platform's own machine: reset a lost admin token
    #[command(subcommand)]
    Operators(Operators),
    /// Maintain a platform's database: backup, restore, verify, head, renumber, rekey
    #[command(subcommand)]
    Db(Db),
}
