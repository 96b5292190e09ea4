//! Errors of commands: one line on stderr with what failed and what to do, and an exit code.

use crate::database::error::WriteFault;
use crate::domain::outbound::SecretInTextError;
use crate::domain::text::Untrusted;
use crate::tui::widgets::format;
use crate::{client, database, demo, engine, store};
use rustix::io::Errno;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::process::ExitCode;

/// Error that ends a command, with its exit code, a description and a remedy.
#[derive(Debug)]
pub(super) struct CommandFailure {
    code: u8,
    description: String,
    remedy: String,
}

impl CommandFailure {
    /// Failure of a command that started but could not finish: exit code 1.
    pub(super) fn failed(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code: 1, description: what.into(), remedy: remedy.into() }
    }

    /// Failure of a command that could not start as asked: exit code 2.
    pub(super) fn usage(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code: 2, description: what.into(), remedy: remedy.into() }
    }

    /// Change that was not made, because it was not confirmed or not permitted: exit code 3.
    pub(super) fn not_made(what: impl Into<String>) -> Self {
        Self { code: 3, description: what.into(), remedy: String::new() }
    }

    /// Fault in a text that was given as an argument, with a mark under the byte `at` which it begins: exit code 2.
    /// The only failure that takes three lines.
    pub(super) fn at_position(name: &str, text: &str, at: usize, what: &str, remedy: &str) -> Self {
        let shown = |text: &str| Untrusted::new(text).sanitized();
        let before = shown(text.get(..at).unwrap_or(text));
        let mark = " ".repeat(format::width(&before));
        let remedy = format!("{}\n  {}\n  {mark}^", shown(remedy), shown(text));
        Self { code: 2, description: format!("{name}: {what}"), remedy }
    }

    /// Returns the description of the failure, without the remedy.
    pub(super) fn description(&self) -> &str {
        &self.description
    }

    /// Formats description and remedy on one line.
    fn line(&self) -> String {
        let mut line = Untrusted::new(self.description.replace('\n', " ")).sanitized();
        if !self.remedy.is_empty() {
            let _ = write!(line, "; {}", self.remedy);
        }
        line
    }

    /// Prints the failure to stderr and returns its exit code.
    #[expect(clippy::print_stderr, reason = "the one place where a command says why it ends")]
    pub(super) fn report(&self) -> ExitCode {
        eprintln!("crow: {}", self.line());
        ExitCode::from(self.code)
    }
}

impl std::fmt::Display for CommandFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.line())
    }
}

impl From<engine::error::Error> for CommandFailure {
    fn from(error: engine::error::Error) -> Self {
        let remedy = match &error {
            engine::error::Error::Store(store::Error::Sqlite(error)) => sqlite_remedy(error),
            engine::error::Error::Io { source, .. } => io_remedy(source),
            engine::error::Error::StorageFull(store::Error::Sqlite(error)) => sqlite_remedy(error),
            engine::error::Error::DescriptorsExhausted => "raise the limit: ulimit -n, or LimitNOFILE= of the unit",
            engine::error::Error::Sender(_) => {
                "check the files given with --trust-ca and the operating system's certificates"
            }
            engine::error::Error::MasterKeyMissing(_) => {
                "restore the file from a backup, or set the key in CROW_PLATFORM_KEY"
            }
            engine::error::Error::UnsealFailed { .. } => {
                "restore the matching key (backups have theirs in FILE.key), or the database with crow db restore FILE"
            }
            engine::error::Error::DatabaseMissing { .. } => {
                "restore a backup with crow db restore FILE, or choose another directory for a new platform with --data DIR"
            }
            engine::error::Error::FileExists(_) => "choose another name, or replace it with --force",
            engine::error::Error::DatabaseDamaged { .. } => {
                "use an older backup, or check the database with crow db verify"
            }
            engine::error::Error::InvalidMasterKey(_) => "put the right key into that file",
            engine::error::Error::BackupForged { .. } => "use another backup, or provide the key written with this one",
            engine::error::Error::BackupCodeMissing(_) => {
                "restore the file, or accept a backup of unverified origin with --unauthenticated"
            }
            _ => "see the log for more",
        };
        Self::usage(error.to_string(), remedy)
    }
}

/// Returns the remedy for an IO error. It never suggests another directory, because that would found a new, empty
/// platform without the keys of this one.
fn io_remedy(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free space on that disk and start again",
        _ if [Errno::MFILE, Errno::NFILE].iter().any(|of| error.raw_os_error() == Some(of.raw_os_error())) => {
            "raise the limit: ulimit -n, or LimitNOFILE= of the unit"
        }
        _ => "check the directory's owner and mode, and the mount options of its disk",
    }
}

fn sqlite_remedy(error: &database::error::Error) -> &'static str {
    match error {
        database::error::Error::CannotWrite(WriteFault::DiskFull | WriteFault::ReserveIncomplete) => {
            "free space on that disk and start again"
        }
        database::error::Error::CannotWrite(_) => "check the directory's owner and mode, its disk and mount options",
        database::error::Error::Io { source, .. } => io_remedy(source),
        database::error::Error::OutOfDescriptors => "raise the limit: ulimit -n, or LimitNOFILE= of the unit",
        database::error::Error::Locked { .. } => "stop that process, or choose another directory with --data DIR",
        database::error::Error::Damaged { .. }
        | database::error::Error::SchemaAltered { .. }
        | database::error::Error::Corrupt(_)
        | database::error::Error::Migration(_) => {
            "check it with crow db verify, or restore a backup with crow db restore FILE"
        }
        database::error::Error::Foreign { .. } => "or choose another directory with --data DIR",
        database::error::Error::NewerSchema { .. } => "or restore an older backup with crow db restore FILE",
        database::error::Error::CopyOutpaced { .. } => "retry when there are fewer writes",
        _ => "see the log for more",
    }
}

impl From<client::Error> for CommandFailure {
    fn from(error: client::Error) -> Self {
        if let client::Error::TooLarge { .. } = &error {
            return Self::failed(error.to_string(), "check that the address is the platform's, or request fewer rows");
        }
        Self::failed(error.to_string(), "check the address and the token")
    }
}

impl From<SecretInTextError> for CommandFailure {
    fn from(held: SecretInTextError) -> Self {
        Self::failed(format!("nothing was written: {held}"), "check names and targets")
    }
}

impl From<demo::Error> for CommandFailure {
    fn from(error: demo::Error) -> Self {
        Self::failed(error.to_string(), "see the log for more")
    }
}
