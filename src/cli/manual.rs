//! `crow completions` and `crow man`: generated from the same definition as `--help`.

use super::arguments::Arguments;
use super::arguments::setup::{Completions, Man};
use super::failure::Failure;
use super::output;
use clap::{Command, CommandFactory as _};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn complete(asked: &Completions) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut Arguments::command(), "crow", &mut script);
    output::write(String::from_utf8_lossy(&script).trim_end())?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn pages(asked: &Man) -> Result<ExitCode, Failure> {
    let mut command = Arguments::command().flatten_help(false);
    command.build();
    match &asked.out {
        None => {
            output::write(page(&command)?.trim_end())?;
        }
        Some(folder) => {
            let n = write(&command, "crow", folder)?;
            output::write(&format!("{} in {}", crate::text::count(n, "page"), folder.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Renders the manual page of one command.
fn page(command: &Command) -> Result<String, Failure> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone())
        .render(&mut text)
        .map_err(|error| Failure::failed(format!("cannot create the page: {error}"), ""))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Writes the pages of a command and of all its subcommands, and returns their number.
fn write(command: &Command, name: &str, folder: &Path) -> Result<usize, Failure> {
    let file = folder.join(format!("{name}.1"));
    std::fs::write(&file, page(command)?).map_err(|error| {
        Failure::failed(format!("{}: {error}", file.display()), "choose a writable folder with --out DIR")
    })?;
    let below = command.get_subcommands().filter(|below| below.get_name() != "help");
    below
        .map(|below| write(below, &format!("{name}-{}", below.get_name()), folder))
        .sum::<Result<usize, _>>()
        .map(|n| n + 1)
}
