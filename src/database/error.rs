//! Errors of databases, and why nothing can be written.

use rusqlite::ErrorCode;
use rustix::io::Errno;
use std::fs::File;
use std::path::PathBuf;

/// Reason for which nothing can be written; the text is shown to operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WriteFault {
    /// The disk is full or the database limit is reached.
    #[error("the disk is full")]
    DiskFull,
    /// The disk has less space than the reserve needs.
    #[error("the disk is full except for the reserve")]
    ReserveIncomplete,
    /// The file or its file system is read-only.
    #[error("the database is read-only; check its owner, its mode and how its disk is mounted")]
    ReadOnly,
    /// The disk reports I/O errors to SQLite.
    #[error("the disk fails with I/O errors")]
    IoError,
    /// The file, its log or its index cannot be opened or created.
    #[error("the database file cannot be opened; check its owner and its mode")]
    Unopenable,
}

impl WriteFault {
    /// Returns whether more disk space may help. SQLite reports a full disk as an I/O error when extending its index.
    #[must_use]
    pub const fn may_be_disk_space(self) -> bool {
        matches!(self, Self::DiskFull | Self::IoError | Self::Unopenable)
    }
}

/// Error of a database operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The SQLite library is older than the first version with a safe WAL.
    #[error("SQLite {found} is older than 3.51.3, whose write-ahead log is safe")]
    OldLibrary {
        /// Version of the linked SQLite library.
        found: &'static str,
    },
    /// The file is a database of another program.
    #[error("{} is not a database of this kind; choose another directory", path.display())]
    Foreign {
        /// Path of the database file.
        path: PathBuf,
    },
    /// The file is damaged or not a database.
    #[error("{} is damaged or not a database; it was left as it is", path.display())]
    Damaged {
        /// Path of the database file.
        path: PathBuf,
    },
    /// The file was written by a newer version of this program.
    #[error("{} has schema version {found}, this program knows {known}; use the newer program", path.display())]
    NewerSchema {
        /// Path of the database file.
        path: PathBuf,
        /// Schema version of the file.
        found: i64,
        /// Newest schema version that this program knows.
        known: i64,
    },
    /// The schema differs from the one that the migrations create.
    #[error("{}: {difference}; nothing in it was carried out", path.display())]
    SchemaAltered {
        /// Path of the database file.
        path: PathBuf,
        /// First difference that was found.
        difference: String,
    },
    /// Writes outpaced a copy and the log would have grown too long.
    #[error("{} is written to faster than it can be copied", path.display())]
    CopyOutpaced {
        /// Path of the database file.
        path: PathBuf,
    },
    /// Another process holds the lock of the directory.
    #[error("{} is in use by process {holder}", path.display())]
    Locked {
        /// Path of the lock file.
        path: PathBuf,
        /// Content of the lock file, which names the holder.
        holder: String,
    },
    /// The write queue is full, or waiting for a lock timed out.
    #[error("the write queue is full")]
    Contended,
    /// Nothing can be written, for this reason.
    #[error(transparent)]
    CannotWrite(WriteFault),
    /// The process has reached its limit of open files.
    #[error("no file descriptors are left")]
    OutOfDescriptors,
    /// The database was closed by the program.
    #[error("the database is closed")]
    Closed,
    /// The work panicked and was rolled back.
    #[error("the work on the database panicked and was undone")]
    Panicked,
    /// A damaged page was found while the database was in use.
    #[error("the database file is damaged ({0}); stop the platform and check the file with crow db verify")]
    Corrupt(String),
    /// SQLite reported any other error.
    #[error(transparent)]
    Sqlite(rusqlite::Error),
    /// A migration script failed and was rolled back.
    #[error("the schema cannot be brought up to date: {0}")]
    Migration(String),
    /// The file system refused an operation.
    #[error("{}: {source}", path.display())]
    Io {
        /// Path of the file or folder.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::CannotWrite(WriteFault::DiskFull),
            Some(ErrorCode::ReadOnly) => Self::CannotWrite(WriteFault::ReadOnly),
            // Must come first: SQLite reports exhausted file descriptors as I/O errors.
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) if is_out_of_descriptors() => {
                Self::OutOfDescriptors
            }
            Some(ErrorCode::SystemIoFailure) => Self::CannotWrite(WriteFault::IoError),
            Some(ErrorCode::CannotOpen) => Self::CannotWrite(WriteFault::Unopenable),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Contended,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(error.to_string()),
            _ => Self::Sqlite(error),
        }
    }
}

/// Returns whether the process has run out of file descriptors. SQLite reports this like a missing file.
fn is_out_of_descriptors() -> bool {
    let used_up = [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error);
    File::open("/").is_err_and(|error| error.raw_os_error().is_some_and(|number| used_up.contains(&number)))
}
