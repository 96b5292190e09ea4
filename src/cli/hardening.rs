//! What the process does to itself before anything else: no image of its memory is written, files are its owner's alone, and too few
//! descriptors are said instead of being met later.

use super::failure::Failure;
use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};

/// Descriptors that a platform needs to open its files and take a call.
const MIN_OPEN_FILES: u64 = 32;

/// Has the operating system write no core of this process, which would hold keys and tokens: not into a file, and, on Linux, to no program
/// that collects them either. Where it refuses, the command goes on.
pub(super) fn forbid_cores() {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Files and folders that are made from now on are for their owner alone.
pub(super) fn make_private() {
    umask(Mode::RWXG | Mode::RWXO);
}

/// Whether there are descriptors enough to run a platform; without them SQLite could say only that it cannot open its files.
pub(super) fn check_open_files() -> Result<(), Failure> {
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < MIN_OPEN_FILES => Err(Failure::usage(
            format!("only {limit} files may be open at once, and a platform needs {MIN_OPEN_FILES}"),
            "raise the limit with ulimit -n 1024, or LimitNOFILE= of the service",
        )),
        _ => Ok(()),
    }
}
