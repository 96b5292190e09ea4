//! Log output: to stderr for commands without a screen, otherwise to a file. Secrets are never logged.

use super::failure::CommandFailure;
use crate::database::private_files;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use tracing_subscriber::EnvFilter;

/// Filter of log levels, which is fixed.
const LOG_FILTER: &str = "crow=info,warn";

/// Sends the log to stderr.
pub(super) fn to_stderr() {
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(LOG_FILTER))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init();
}

/// Sends the log to a file in the data directory, appending to it.
pub(super) fn to_file(path: &Path) -> Result<(), CommandFailure> {
    append(path).map_err(|error| {
        CommandFailure::usage(format!("{}: {error}", path.display()), "choose a writable directory with --data DIR")
    })
}

/// Sends the log to a file, appending to it; creates the folder if it is missing.
pub(super) fn append(path: &Path) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    private_files::restrict_to_owner(path)?;
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(LOG_FILTER))
        .with_writer(file)
        .with_ansi(false)
        .try_init();
    Ok(())
}
