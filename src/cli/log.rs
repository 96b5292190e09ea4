//! Where the log goes: to stderr for commands without a screen, else to a file. Never a secret in it.

use super::failure::Failure;
use std::fs::OpenOptions;
use std::path::Path;
use tracing_subscriber::EnvFilter;

/// What is logged unless told otherwise.
const LEVEL: &str = "crow=info,warn";

/// Logs to stderr.
pub(super) fn to_stderr() {
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(LEVEL))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init();
}

/// Logs to a file, appending.
pub(super) fn to_file(path: &Path) -> Result<(), Failure> {
    let refused = |error| {
        Failure::usage(format!("{}: {error}", path.display()), "choose a directory that can be written with --data DIR")
    };
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(refused)?;
    }
    let file = OpenOptions::new().append(true).create(true).open(path).map_err(refused)?;
    let _ =
        tracing_subscriber::fmt().with_env_filter(EnvFilter::new(LEVEL)).with_writer(file).with_ansi(false).try_init();
    Ok(())
}
