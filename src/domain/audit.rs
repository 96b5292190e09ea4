//! Audit trail integrity: the key that chains audit rows, and the faults that a verification reports.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::sync::Arc;
use zeroize::Zeroizing;

/// HMAC key that chains the rows of the audit trail.
#[derive(Clone)]
pub struct AuditKey(Arc<Zeroizing<[u8; 32]>>);

impl AuditKey {
    /// Creates a key from 32 bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Arc::new(Zeroizing::new(bytes)))
    }

    /// Computes HMAC-SHA256 over a label and fields, each preceded by its length so that fields cannot run into each
    /// other.
    #[must_use]
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    pub fn mac(&self, label: &str, fields: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_slice()).expect("HMAC takes keys of every length");
        for field in std::iter::once(&label.as_bytes()).chain(fields) {
            mac.update(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(field);
        }
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuditKey(…)")
    }
}

/// A break in the chain of audit rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditFault {
    /// Rows from the first to the last number are missing.
    Missing(i64, i64),
    /// The row with this number, or the MAC of the row before it, differs from what was written.
    Altered(i64),
    /// The row with this number is the last one, but another row was written last: the end was cut off or replaced.
    TruncatedAt(i64),
}

impl std::fmt::Display for AuditFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing(first, last) if first == last => write!(f, "row {first} is missing"),
            Self::Missing(first, last) => write!(f, "rows {first} to {last} are missing"),
            Self::Altered(id) => write!(f, "row {id}, or the hash of the row before it, was altered"),
            Self::TruncatedAt(id) => write!(f, "row {id} is not the last row written"),
        }
    }
}

/// Result of verifying the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditVerification {
    /// Number of rows that were read.
    pub n_rows: u64,
    /// First breaks in the chain, in row order; empty if the trail is intact.
    pub faults: Vec<AuditFault>,
}

/// Last row of the audit trail. Stored elsewhere, the head shows later whether rows up to it were cut off or replaced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditChainHead {
    /// Number of the last row; 0 if the trail is empty.
    pub sequence: i64,
    /// MAC of the last row; empty if the trail is empty.
    pub mac: Vec<u8>,
}
