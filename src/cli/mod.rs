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
mod first_start;
mod hardening;
mod listen;
mod log;
mod manual;
mod observe;
mod operators;
mod output;
mod panes;
mod plain;
mod portal;
mod profile;
mod relay;
mod remote;
mod report;
mod reporting;
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
use std::pin::Pin;
use std::process::ExitCode;

/// Runs the program with the arguments and the environment of this process, and returns its exit code: 0 done, 1
/// failed, 2 could not start as asked, 3 no change was made, 129 or 143 ended by a signal. `crow check` uses the exit
/// codes of monitoring plugins.
#[must_use]
pub fn run() -> ExitCode {
    hardening::disable_core_dumps();
    // A client that sets up TLS itself does not need it; without a default, any other one panics.
    let _ = rustls::crypto::ring::default_provider().install_default();
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
    let listed: Vec<&str> =
        lines.take_while(|line| !["Usage", "tip", "For more"].iter().any(|end| line.starts_with(end))).collect();
    [&[first.trim_start_matches("error: ")], listed.as_slice()].concat().join(" ")
}

/// Maximum number of threads for blocking work; the worker threads are not counted.
const MAX_BLOCKING_THREADS: usize = 32;

/// Work of a command. A boxed future is compiled once; `block_on` would compile one that is not three times, with everything
/// that it awaits.
type CommandFuture = Pin<Box<dyn Future<Output = Result<ExitCode, CommandFailure>>>>;

/// Starts the command that the arguments name; without one, the console on a standalone platform.
fn command_future(arguments: CliArgs) -> CommandFuture {
    match arguments.command {
        Some(CliCommand::Serve(serve)) => Box::pin(serve::run(serve)),
        Some(CliCommand::Demo(demo)) => Box::pin(demo::run(demo)),
        Some(CliCommand::Observe(asked)) => Box::pin(observe::run(asked)),
        Some(CliCommand::Check(asked)) => Box::pin(check::run(asked)),
        Some(CliCommand::Watch(asked)) => Box::pin(watch::run(asked)),
        Some(CliCommand::Audit(asked)) => Box::pin(report::run_audit(asked)),
        Some(CliCommand::Briefing(asked)) => Box::pin(report::run_briefing(asked)),
        Some(CliCommand::Export(asked)) => Box::pin(export_import::run_export(asked)),
        Some(CliCommand::Import(asked)) => Box::pin(export_import::run_import(asked)),
        Some(CliCommand::Doctor(asked)) => Box::pin(doctor::run(asked)),
        Some(CliCommand::Config(asked)) => Box::pin(async move { configure::run(&asked) }),
        Some(CliCommand::Completions(asked)) => Box::pin(async move { manual::write_completions(&asked) }),
        Some(CliCommand::Man(asked)) => Box::pin(async move { manual::write_man_pages(&asked) }),
        Some(CliCommand::Pane(command)) => Box::pin(panes::run(command)),
        Some(CliCommand::Diagnose(diagnose)) => Box::pin(diagnose::run(diagnose)),
        Some(CliCommand::Verify(verify)) => Box::pin(async move { verify::run(&verify) }),
        Some(CliCommand::Runbook(call)) => Box::pin(runbook::run(call)),
        Some(CliCommand::Escalate(escalate)) => Box::pin(escalate::run(escalate)),
        Some(CliCommand::Operators(asked)) => Box::pin(async move { operators::run(asked) }),
        Some(CliCommand::Db(db)) => Box::pin(db::run(db)),
        Some(CliCommand::Open(open)) => Box::pin(escalate::open(open)),
        Some(CliCommand::Console(console)) => Box::pin(console::run_remote(console)),
        Some(CliCommand::Profile(asked)) => Box::pin(async move { profile::run(&asked) }),
        Some(CliCommand::Listen(asked)) => Box::pin(listen::run(asked)),
        Some(CliCommand::Relay(asked)) => Box::pin(relay::run(asked)),
        Some(CliCommand::Reconcile(asked)) => Box::pin(listen::reconcile(asked)),
        None => Box::pin(console::run_default(arguments.standalone)),
    }
}

fn run_command(arguments: CliArgs) -> Result<ExitCode, CommandFailure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(MAX_BLOCKING_THREADS)
        .enable_all()
        .build()
        .map_err(|error| {
            CommandFailure::failed(format!("cannot start threads: {error}"), "close other programs and try again")
        })?;
    let code = runtime.block_on(command_future(arguments));
    runtime.shutdown_background();
    code
}
