//! Looking after a database.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Db {
    /// Copy the database to FILE, its key to FILE.key and its authentication code to FILE.mac, also while the platform runs
    Backup(DbBackup),
    /// Put a backup in the place of the database, which is kept aside; only while no platform runs
    Restore(DbRestore),
    /// Check the file, its schema, who can read it, states, secrets and the audit trail: exit code 0 all is well, 1 something is wrong, 2 could not look
    Verify(DbVerify),
    /// Print the end of the audit trail, to be kept elsewhere: verify --expect-head then notices rows that were cut off or replaced
    Head(DbHead),
    /// Leave numbers of events and deliveries out, after a snapshot of the disk was put back; only while no platform runs
    Renumber(DbRenumber),
    /// Seal every secret with a new key; only while no platform runs. Keys and tokens stay valid
    Rekey(DbRekey),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DbBackup {
    /// The file to write
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
    /// Replace FILE if it is there
    #[arg(long)]
    pub(in crate::cli) force: bool,
    /// The platform's data directory
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DbRestore {
    /// The backup
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
    /// Take a database without FILE.mac, as when it was copied by hand: anybody could have made it
    #[arg(long)]
    pub(in crate::cli) unauthenticated: bool,
    /// The last event that receivers know: new ones go on after it. Without it a gap is left where it is not known
    #[arg(long, value_name = "N")]
    pub(in crate::cli) after_event: Option<i64>,
    /// The platform's data directory; created if absent
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DbVerify {
    /// Answer as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    /// Hold the audit trail against a head of it: what crow db head printed, or GET /portal/v1/audit/head answered
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) expect_head: Option<PathBuf>,
    /// The platform's data directory
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DbRekey {
    /// The platform's data directory
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DbHead {
    /// The platform's data directory
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DbRenumber {
    /// The last event that receivers know: new ones go on after it. Without it a gap is left, of a million at least
    #[arg(long, value_name = "N")]
    pub(in crate::cli) after_event: Option<i64>,
    /// The platform's data directory
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) data: Option<PathBuf>,
}
