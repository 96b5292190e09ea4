//! Options of databases, and the priority of their jobs.

use std::time::Duration;

/// Maximum wait of a connection for a lock held by another one.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Options for opening a database.
#[derive(Debug, Clone, Copy)]
pub struct DatabaseOptions {
    /// Application id that the file must carry; a file with another id is rejected.
    pub application_id: i32,
    /// Migration scripts in order; each creates one schema version.
    pub migrations: &'static [&'static str],
    /// Number of reader threads, at least one.
    pub n_readers: usize,
    /// Maximum number of queued jobs; one more fails with [`Contended`](super::error::Error::Contended).
    pub queue_capacity: usize,
    /// Number of queue places kept for [`JobPriority::High`].
    pub reserved_capacity: usize,
}

/// Priority of a job. Jobs of low priority are refused before the queue is full, so that those of high priority always
/// find a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobPriority {
    /// Low priority: requests of partners, which can be repeated.
    Low,
    /// High priority: requests of operators and the program's own work.
    High,
}
