//! What the surroundings say: the only file that reads the environment.

use super::failure::Failure;
use directories::ProjectDirs;
use std::path::PathBuf;

/// Where things are kept unless told otherwise, after the XDG base directories.
fn directories() -> Result<ProjectDirs, Failure> {
    ProjectDirs::from("", "", "crow")
        .ok_or_else(|| Failure::usage("there is no home directory to keep data in", "say where with --data DIR"))
}

/// The directory of the standalone platform.
pub(super) fn data_dir() -> Result<PathBuf, Failure> {
    Ok(directories()?.data_dir().join("platform"))
}
