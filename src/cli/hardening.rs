//! Process hardening at start: no core dumps, private file modes, and an early check of the file descriptor limit.

use super::failure::CommandFailure;
use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};

/// Minimum number of file descriptors that a platform needs to open its files and take a call.
const MIN_OPEN_FILES: u64 = 32;

/// Disables core dumps, which would contain keys and tokens. On Linux the process is also marked as not dumpable, so
/// that no collector gets a dump. If the operating system refuses, the command continues.
pub(super) fn disable_core_dumps() {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Sets the umask so that new files and folders are accessible to their owner only.
pub(super) fn set_private_umask() {
    umask(Mode::RWXG | Mode::RWXO);
}

/// Checks that the limit of open files is high enough to run a platform. Without this check SQLite would only report
/// that it cannot open its files.
pub(super) fn check_open_files() -> Result<(), CommandFailure> {
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < MIN_OPEN_FILES => Err(CommandFailure::usage(
            format!("the limit of open files is {limit}, but the platform needs {MIN_OPEN_FILES}"),
            "raise the limit with ulimit -n 1024, or LimitNOFILE= of the service",
        )),
        _ => Ok(()),
    }
}
