//! What can be asked for on the command line, by group of commands.

pub(super) mod console;
pub(super) mod db;
pub(super) mod place;
pub(super) mod platform;
pub(super) mod read;
pub(super) mod trouble;

use clap::{Parser, Subcommand};
use console::{Console, Standalone};
use db::Db;
use platform::{Demo, Serve};
use trouble::{Diagnose, Escalate, Open, RunbookCall, Verify};

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
    /// Look after a platform's database: backup, restore, verify, change of key
    #[command(subcommand)]
    Db(Db),
}
