//! What commands write on stdout: data alone. A reader that went away is no error.

use super::failure::Failure;
use crate::api::document::inert;
use serde::Serialize;
use std::io::Write as _;

/// Whether somebody still reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    There,
    Gone,
}

/// Writes lines.
pub(super) fn write(text: &str) -> Result<Reader, Failure> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(Failure::failed(format!("stdout: {error}"), "")),
    }
}

/// A value as JSON on several lines, harmless on any terminal.
pub(super) fn json(value: &impl Serialize) -> Result<String, Failure> {
    inert::pretty(value).map_err(|error| Failure::failed(error.to_string(), ""))
}

/// A value as JSON on one line, harmless on any terminal.
pub(super) fn json_line(value: &impl Serialize) -> Result<String, Failure> {
    inert::line(value).map_err(|error| Failure::failed(error.to_string(), ""))
}

/// A remark beside the data, on stderr.
#[expect(clippy::print_stderr, reason = "stdout is for data")]
pub(super) fn remark(text: &str) {
    eprintln!("{text}");
}
