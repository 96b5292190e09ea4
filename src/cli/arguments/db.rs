//! Arguments of `crow db`, the maintenance of a platform's database.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum DbCommand {
    /// Copy the database to FILE, its key to FILE.key and its authentication code to FILE.mac. The platform may keep
    /// running
    Backup(DbBackupArgs),
    /// Replace the database with a backup, and move the old database aside; only while no platform runs
    Restore(DbRestoreArgs),
    /// Check the database: file, schema, permissions, states, secrets and audit trail. Exit codes: 0 no problem, 1 a
    /// problem was found, 2 could not check
    Verify(DbVerifyArgs),
    /// Print the head of the audit trail. Store it elsewhere: with it, crow db verify --expect-head detects rows that
    /// were removed or replaced
    Head(DbHeadArgs),
    /// Skip event and delivery IDs after a disk snapshot was restored; only while no platform runs
    Renumber(DbRenumberArgs),
    /// Encrypt every secret with a new key; only while no platform runs. Keys and tokens stay valid
    Rekey(DbRekeyArgs),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DbBackupArgs {
    /// File to write the backup to
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
    /// Replace FILE if it exists
    #[arg(long)]
    pub(in crate::cli) force: bool,
    /// Data directory of the platform
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DbRestoreArgs {
    /// Backup file to restore from
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
    /// Accept a backup without FILE.mac, such as one copied by hand, although its origin cannot be verified
    #[arg(long)]
    pub(in crate::cli) unauthenticated: bool,
    /// ID of the last event that any receiver got; new events get higher IDs. Without this option, IDs are skipped if
    /// the last one is not known
    #[arg(long, value_name = "N")]
    pub(in crate::cli) after_event: Option<i64>,
    /// Data directory of the platform; created if absent
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DbVerifyArgs {
    /// Write the result as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    /// Compare the audit trail with this head: the output of crow db head, or of GET /portal/v1/audit/head
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) expect_head: Option<PathBuf>,
    /// Data directory of the platform
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DbRekeyArgs {
    /// Data directory of the platform
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DbHeadArgs {
    /// Data directory of the platform
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DbRenumberArgs {
    /// ID of the last event that any receiver got; new events get higher IDs. Without this option, at least a million
    /// IDs are skipped
    #[arg(long, value_name = "N")]
    pub(in crate::cli) after_event: Option<i64>,
    /// Data directory of the platform
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: Option<PathBuf>,
}
