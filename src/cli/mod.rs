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
mod escalate;
mod failure;
mod hardening;
mod kept;
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
#[cfg(test)]
mod tests;
mod theme;
mod transfer;
mod verify;
mod watch;

use arguments::{Arguments, Command};
use clap::Parser as _;
use clap::error::ErrorKind;
use failure::Failure;
use panes::Pane;
use std::process::ExitCode;

/// Runs the program with the arguments and the environment of this process, and returns its exit code: 0 done, 1
/// failed, 2 could not start as asked, 3 no change was made, 129 or 143 ended by a signal. `crow check` uses the exit
/// codes of monitoring plugins.
#[must_use]
pub fn run() -> ExitCode {
    hardening::forbid_cores();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if asks_for_help(&error) || !is_check() => return usage(&error),
        Err(error) => return check::refuse(&summary(&error)).unwrap_or_else(|failure| failure.report()),
    };
    // Manual pages are for every user of the machine; all other files are private.
    if !matches!(arguments.command, Some(Command::Man(_))) {
        hardening::make_private();
    }
    match start(arguments) {
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
fn usage(error: &clap::Error) -> ExitCode {
    if asks_for_help(error) {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    Failure::usage(summary(error), "see crow --help").report()
}

/// Summarises an error in the arguments on one line.
fn summary(error: &clap::Error) -> String {
    let text = error.to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("invalid arguments");
    let listed: Vec<&str> = lines.take_while(|line| !line.starts_with("Usage") && !line.starts_with("tip")).collect();
    [&[first.trim_start_matches("error: ")], listed.as_slice()].concat().join(" ")
}

/// Maximum number of threads for blocking work; the worker threads are not counted.
const MAX_BLOCKING_THREADS: usize = 32;

fn start(arguments: Arguments) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(MAX_BLOCKING_THREADS)
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::failed(format!("cannot start threads: {error}"), "close other programs and try again")
        })?;
    let code = runtime.block_on(async {
        match arguments.command {
            Some(Command::Serve(serve)) => serve::run(serve).await,
            Some(Command::Demo(demo)) => demo::run(demo).await,
            Some(Command::Check(asked)) => check::run(asked).await,
            Some(Command::Watch(asked)) => watch::run(asked).await,
            Some(Command::Audit(asked)) => report::audit(asked).await,
            Some(Command::Briefing(asked)) => report::brief(asked).await,
            Some(Command::Export(asked)) => transfer::export(asked).await,
            Some(Command::Import(asked)) => transfer::import(asked).await,
            Some(Command::Doctor(asked)) => doctor::run(asked).await,
            Some(Command::Config(asked)) => configure::run(&asked),
            Some(Command::Completions(asked)) => manual::complete(&asked),
            Some(Command::Man(asked)) => manual::pages(&asked),
            Some(Command::Keys(asked)) => panes::run(Pane::Keys(asked)).await,
            Some(Command::Subs(asked)) => panes::run(Pane::Subs(asked)).await,
            Some(Command::Deliveries(asked)) => panes::run(Pane::Deliveries(asked)).await,
            Some(Command::Events(asked)) => panes::run(Pane::Events(asked)).await,
            Some(Command::Limits(asked)) => panes::run(Pane::Limits(asked)).await,
            Some(Command::Trips(asked)) => panes::run(Pane::Trips(asked)).await,
            Some(Command::Requests(asked)) => panes::run(Pane::Requests(asked)).await,
            Some(Command::Replays(asked)) => panes::run(Pane::Replays(asked)).await,
            Some(Command::Diagnose(diagnose)) => diagnose::run(diagnose).await,
            Some(Command::Verify(verify)) => verify::run(&verify),
            Some(Command::Runbook(call)) => runbook::run(call).await,
            Some(Command::Escalate(escalate)) => escalate::run(escalate).await,
            Some(Command::Operators(asked)) => operators::run(asked),
            Some(Command::Db(db)) => db::run(db).await,
            Some(Command::Open(open)) => escalate::open(open).await,
            Some(Command::Console(console)) => console::attach(console).await,
            Some(Command::Profile(asked)) => profile::run(&asked),
            Some(Command::Listen(asked)) => listen::run(asked).await,
            Some(Command::Reconcile(asked)) => listen::reconcile(asked).await,
            None => console::usual(arguments.standalone).await,
        }
    });
    runtime.shutdown_background();
    code
}
