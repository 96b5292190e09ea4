//! What can be asked for on the command line, by group of commands.

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
/// Without a command it opens the console on the standalone platform in the data directory.
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
    /// Open the console on a simulated company, with a real platform and real webhooks behind it
    Demo(Demo),
    /// Run the standalone platform without a console
    Serve(Serve),
    /// Open the console on a platform that runs elsewhere
    Console(Console),
    /// Answer a monitor: is all well? Exit code 0 OK, 1 warning, 2 critical, 3 unknown
    Check(Check),
    /// Follow a platform without a screen, and let alerts leave the terminal: command, webhook, PagerDuty
    Watch(Watch),
    /// Review a platform: what should go, what fails, what is due, what changed
    Audit(Audit),
    /// Write what a partner must be given about a key, without the key
    Briefing(Briefing),
    /// Write the configuration of a platform into a file, without any secret
    Export(Export),
    /// Hold a platform against such a file: shows what differs, then changes what can be changed
    Import(Import),
    /// Look at this machine and the platform: exit code 0 all is well, 1 something does not work
    Doctor(Doctor),
    /// The configuration file: template, check, explain
    #[command(subcommand)]
    Config(Config),
    /// Write a completion script for a shell
    Completions(Completions),
    /// Write manual pages
    Man(Man),
    /// Keys: list, show, create, revoke
    #[command(subcommand)]
    Keys(Keys),
    /// Subscriptions: list, show, test, enable, disable, delete, replay, rollback
    #[command(subcommand)]
    Subs(Subs),
    /// Deliveries and their attempts: list, show, resend
    #[command(subcommand)]
    Deliveries(Deliveries),
    /// Events: list, show with what became of them, emit
    #[command(subcommand)]
    Events(Events),
    /// Rate windows: list, show who fills them, set
    #[command(subcommand)]
    Limits(Limits),
    /// The breaker's history: list, show
    #[command(subcommand)]
    Trips(Trips),
    /// The log of requests to the Integration API: list, show
    #[command(subcommand)]
    Requests(Requests),
    /// Replays: list, show, pause, resume, cancel
    #[command(subcommand)]
    Replays(Replays),
    /// Find out why something does not work: exit code 0 no cause found, 1 cause found, 2 could not run
    Diagnose(Diagnose),
    /// Go through a guided piece of work step by step: exit code 0 all done, 1 something remains, 2 could not run
    Runbook(RunbookCall),
    /// Find out why a webhook's signature does not fit: exit code 0 it fits, 1 it does not, 2 could not run
    Verify(Verify),
    /// Write what is known of a failure into a folder or an archive that can be handed on
    Escalate(Escalate),
    /// Show a bundle that escalate wrote, after checking that nothing in it was changed
    Open(Open),
    /// Receive webhooks on this machine: check, show and remember what comes, and hand it on if asked to
    Listen(Listen),
    /// Compare the events that happened with what crow listen received: exit code 0 all of it, 1 an event is missing or could not be read, 2 nothing was compared
    Reconcile(Reconcile),
    /// Give platforms names and keep the keys to them
    #[command(subcommand)]
    Profile(Profile),
    /// Operators of a platform, from the machine it is on: reset a lost admin token
    #[command(subcommand)]
    Operators(Operators),
    /// Look after a platform's database: backup, restore, verify, change of key
    #[command(subcommand)]
    Db(Db),
}
