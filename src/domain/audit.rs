//! What can be wrong with the audit trail.

/// Something wrong with the trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Rows from the first to the last number are missing.
    Missing(i64, i64),
    /// The row, or the hash of the row before it, is not what was written.
    Altered(i64),
}

/// What checking the trail came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Rows that were read.
    pub n_rows: u64,
    /// The first things wrong, in the order of the rows; empty if the trail is whole.
    pub faults: Vec<Fault>,
}
