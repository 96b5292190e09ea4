//! Values as the history's columns keep them.

use crate::domain::text::Untrusted;

/// Text of an optional value from outside, as the database keeps it.
pub(super) fn raw(text: Option<&Untrusted>) -> Option<&str> {
    text.map(Untrusted::raw)
}

/// A count as the database keeps it.
pub(super) fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
