//! Output of commands: stdout carries data only. A closed pipe is not an error.

use super::document::terminal_safe;
use super::failure::CommandFailure;
use super::output::terminal_safe::escape_active;
use serde::Serialize;
use std::io::{BufRead as _, Read as _, Write as _};

/// Maximum number of bytes read of an answer to a question.
const MAX_LINE_BYTES: u64 = 4_096;

/// Whether the reader of stdout is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReaderState {
    Reading,
    Gone,
}

/// Writes a text and a line break to stdout, and flushes. Returns [`ReaderState::Gone`] if the pipe is closed.
pub(super) fn write(text: &str) -> Result<ReaderState, CommandFailure> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Ok(ReaderState::Reading),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(ReaderState::Gone),
        Err(error) => Err(CommandFailure::failed(format!("stdout: {error}"), "")),
    }
}

/// Formats a value as indented JSON, with control characters escaped so that it is safe on any terminal.
pub(super) fn json(value: &impl Serialize) -> Result<String, CommandFailure> {
    terminal_safe::to_safe_pretty(value).map_err(|error| CommandFailure::failed(error.to_string(), ""))
}

/// Formats a value as JSON on one line, with control characters escaped so that it is safe on any terminal.
pub(super) fn json_line(value: &impl Serialize) -> Result<String, CommandFailure> {
    terminal_safe::to_safe_line(value).map_err(|error| CommandFailure::failed(error.to_string(), ""))
}

/// Writes a remark to stderr, beside the data on stdout.
#[expect(clippy::print_stderr, reason = "stdout is for data")]
pub(super) fn remark(text: &str) {
    eprintln!("{text}");
}

/// Reads a line of at most [`MAX_LINE_BYTES`] bytes from standard input, with its end; empty where the input ended.
pub(super) fn read_line() -> std::io::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().take(MAX_LINE_BYTES).read_line(&mut line)?;
    Ok(line)
}

/// Writes a question to the terminal, without a line end.
pub(super) fn prompt(question: &str) -> Result<(), CommandFailure> {
    let mut out = std::io::stdout().lock();
    write!(out, "{}", escape_active(question))
        .and_then(|()| out.flush())
        .map_err(|error| CommandFailure::failed(format!("stdout: {error}"), ""))
}

/// Writes to stdout with control characters removed; a closed pipe is not an error.
pub(super) fn print_safe(text: &str) -> Result<(), CommandFailure> {
    write(&escape_active(text)).map(drop)
}
