//! `crow completions` and `crow man`: generated from the same definition as `--help`.

use super::arguments::CliArgs;
use super::arguments::setup::{CompletionsArgs, ManArgs};
use super::failure::CommandFailure;
use super::output;
use clap::{Command, CommandFactory as _};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn write_completions(asked: &CompletionsArgs) -> Result<ExitCode, CommandFailure> {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut CliArgs::command(), "crow", &mut script);
    output::write(String::from_utf8_lossy(&script).trim_end())?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn write_man_pages(asked: &ManArgs) -> Result<ExitCode, CommandFailure> {
    let mut command = CliArgs::command().flatten_help(false);
    command.build();
    match &asked.out {
        None => {
            output::write(render_page(&command)?.trim_end())?;
        }
        Some(folder) => {
            let n = write_page_tree(&command, "crow", folder)?;
            output::write(&format!("{} in {}", crate::text::count(n, "page"), folder.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Renders the manual page of one command.
fn render_page(command: &Command) -> Result<String, CommandFailure> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone())
        .render(&mut text)
        .map_err(|error| CommandFailure::failed(format!("cannot create the page: {error}"), ""))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Writes the pages of a command and of all its subcommands, and returns their number.
fn write_page_tree(command: &Command, name: &str, folder: &Path) -> Result<usize, CommandFailure> {
    let file = folder.join(format!("{name}.1"));
    std::fs::write(&file, render_page(command)?).map_err(|error| {
        CommandFailure::failed(format!("{}: {error}", file.display()), "choose a writable folder with --out DIR")
    })?;
    let below = command.get_subcommands().filter(|below| below.get_name() != "help");
    below
        .map(|below| write_page_tree(below, &format!("{name}-{}", below.get_name()), folder))
        .sum::<Result<usize, _>>()
        .map(|n| n + 1)
}
