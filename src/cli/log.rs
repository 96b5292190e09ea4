//! Log output: to stderr for commands without a screen, otherwise to a file. Secrets are never logged.

use super::failure::CommandFailure;
use crate::files::private;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Sends the log to stderr.
pub(super) fn to_stderr() {
    write_to(io::stderr);
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
    private::restrict_to_owner(path)?;
    write_to(file);
    Ok(())
}

/// Writes information about crow and warnings of its libraries as lines without colours. The first call wins.
fn write_to(writer: impl for<'line> MakeWriter<'line> + Send + Sync + 'static) {
    let levels = Targets::new().with_target("crow", LevelFilter::INFO).with_default(LevelFilter::WARN);
    let lines = fmt::layer().with_writer(writer).with_ansi(false);
    let _ = tracing_subscriber::registry().with(levels).with(lines).try_init();
}
