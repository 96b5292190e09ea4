//! What the audit trail is chained with, and what can be wrong with it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The key of the chain of audit rows.
#[derive(Clone)]
pub struct AuditKey(Arc<Zeroizing<[u8; 32]>>);

impl AuditKey {
    /// A key of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Arc::new(Zeroizing::new(bytes)))
    }

    /// HMAC-SHA256 over a label and fields, each with its length in front.
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

/// Something wrong with the trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Rows from the first to the last number are missing.
    Missing(i64, i64),
    /// The row, its number, or the MAC of the row before it is not what was written.
    Altered(i64),
    /// The row with this number is the last one, and another one was written last: the end was cut off or replaced.
    End(i64),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing(first, last) if first == last => write!(f, "row {first} is missing"),
            Self::Missing(first, last) => write!(f, "rows {first} to {last} are missing"),
            Self::Altered(id) => write!(f, "row {id}, or the hash of the row before it, is not what was written"),
            Self::End(id) => write!(f, "row {id} is not the last one that was written"),
        }
    }
}

/// What checking the trail came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Rows that were read.
    pub n_rows: u64,
    /// The first things wrong, in the order of the rows; empty if the trail is whole.
    pub faults: Vec<Fault>,
}

/// The end of the trail: kept elsewhere, it shows later whether rows up to it were cut off or replaced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// The number of the last row; 0 if there is none.
    pub sequence: i64,
    /// Its MAC; empty if there is none.
    pub mac: Vec<u8>,
}
