//! Command line: arguments, settings, wiring, and one file per command.

mod alerting;
mod arguments;
mod check;
mod config;
mod configure;
mod console;
mod db;
mod demo;
mod diagnose;
mod doctor;
pub mod document;
mod escalate;
mod export_import;
mod failure;
mod hardening;
mod listen;
mod log;
mod manual;
mod operators;
mod output;
mod panes;
mod plain;
mod portal;
mod profile;
mod remote;
mod report;
mod runbook;
mod screen;
mod serve;
mod settings;
mod standalone;
mod state_file;
#[cfg(test)]
mod tests;
mod theme;
mod verify;
mod watch;

use arguments::{CliArgs, CliCommand};
use clap::Parser as _;
use clap::error::ErrorKind;
use failure::CommandFailure;
use panes::PaneCommand;
use std::process::ExitCode;

/// Runs the program with the arguments and the environment of this process, and returns its exit code: 0 done, 1
/// failed, 2 could not start as asked, 3 no change was made, 129 or 143 ended by a signal. `crow check` uses the exit
/// codes of monitoring plugins.
#[must_use]
pub fn run() -> ExitCode {
    hardening::disable_core_dumps();
    let arguments = match CliArgs::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if asks_for_help(&error) || !is_check() => return report_usage(&error),
        Err(error) => return check::report_unknown(&error_summary(&error)).unwrap_or_else(|failure| failure.report()),
    };
    // Manual pages are for every user of the machine; all other files are private.
    if !matches!(arguments.command, Some(CliCommand::Man(_))) {
        hardening::set_private_umask();
    }
    match run_command(arguments) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

/// Checks whether this is `crow check`, for which exit code 2 means CRITICAL.
fn is_check() -> bool {
    std::env::args_os().nth(1).is_some_and(|word| word == "check")
}

fn asks_for_help(error: &clap::Error) -> bool {
    matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion)
}

/// Prints help or the version to stdout as it is; reports any other error on one line.
fn report_usage(error: &clap::Error) -> ExitCode {
    if asks_for_help(error) {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    CommandFailure::usage(error_summary(error), "see crow --help").report()
}

/// Summarises an error in the arguments on one line.
fn error_summary(error: &clap::Error) -> String {
    let text = error.to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("invalid arguments");
    let listed: Vec<&str> = lines.take_while(|line| !line.starts_with("Usage") && !line.starts_with("tip")).collect();
    [&[first.trim_start_matches("error: ")], listed.as_slice()].concat().join(" ")
}

/// Maximum number of threads for blocking work; the worker threads are not counted.
const MAX_BLOCKING_THREADS: usize = 32;

fn run_command(arguments: CliArgs) -> Result<ExitCode, CommandFailure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(MAX_BLOCKING_THREADS)
        .enable_all()
        .build()
        .map_err(|error| {
            CommandFailure::failed(format!("cannot start threads: {error}"), "close other programs and try again")
        })?;
    let code = runtime.block_on(async {
        match arguments.command {
            Some(CliCommand::Serve(serve)) => serve::run(serve).await,
            Some(CliCommand::Demo(demo)) => demo::run(demo).await,
            Some(CliCommand::Check(asked)) => check::run(asked).await,
            Some(CliCommand::Watch(asked)) => watch::run(asked).await,
            Some(CliCommand::Audit(asked)) => report::run_audit(asked).await,
            Some(CliCommand::Briefing(asked)) => report::run_briefing(asked).await,
            Some(CliCommand::Export(asked)) => export_import::run_export(asked).await,
            Some(CliCommand::Import(asked)) => export_import::run_import(asked).await,
            Some(CliCommand::Doctor(asked)) => doctor::run(asked).await,
            Some(CliCommand::Config(asked)) => configure::run(&asked),
            Some(CliCommand::Completions(asked)) => manual::write_completions(&asked),
            Some(CliCommand::Man(asked)) => manual::write_man_pages(&asked),
            Some(CliCommand::Keys(asked)) => panes::run(PaneCommand::Keys(asked)).await,
            Some(CliCommand::Subs(asked)) => panes::run(PaneCommand::Subs(asked)).await,
            Some(CliCommand::Deliveries(asked)) => panes::run(PaneCommand::Deliveries(asked)).await,
            Some(CliCommand::Events(asked)) => panes::run(PaneCommand::Events(asked)).await,
            Some(CliCommand::Limits(asked)) => panes::run(PaneCommand::Limits(asked)).await,
            Some(CliCommand::Trips(asked)) => panes::run(PaneCommand::Trips(asked)).await,
            Some(CliCommand::Requests(asked)) => panes::run(PaneCommand::Requests(asked)).await,
            Some(CliCommand::Replays(asked)) => panes::run(PaneCommand::Replays(asked)).await,
            Some(CliCommand::Diagnose(diagnose)) => diagnose::run(diagnose).await,
            Some(CliCommand::Verify(verify)) => verify::run(&verify),
            Some(CliCommand::Runbook(call)) => runbook::run(call).await,
            Some(CliCommand::Escalate(escalate)) => escalate::run(escalate).await,
            Some(CliCommand::Operators(asked)) => operators::run(asked),
            Some(CliCommand::Db(db)) => db::run(db).await,
            Some(CliCommand::Open(open)) => escalate::open(open).await,
            Some(CliCommand::Console(console)) => console::run_remote(console).await,
            Some(CliCommand::Profile(asked)) => profile::run(&asked),
            Some(CliCommand::Listen(asked)) => listen::run(asked).await,
            Some(CliCommand::Reconcile(asked)) => listen::reconcile(asked).await,
            None => console::run_default(arguments.standalone).await,
        }
    });
    runtime.shutdown_background();
    code
}
