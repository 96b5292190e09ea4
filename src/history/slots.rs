//! Slots of time: series of equal width, and the rows of a query that belong to each.

use super::HistoryError;
use crate::domain::time::Timestamp;
use rusqlite::{Row, Rows};
use std::time::Duration;

/// Slots of equal width from a time on.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeSlots {
    /// Start of the first slot.
    pub since: Timestamp,
    /// Width of a slot.
    pub width: Duration,
    /// Number of slots in the series.
    pub n: usize,
}

impl TimeSlots {
    /// Returns the width of a slot in milliseconds, at least 1.
    pub(super) fn width_ms(&self) -> i64 {
        i64::try_from(self.width.as_millis()).unwrap_or(i64::MAX).max(1)
    }

    /// End of the last slot in milliseconds, exclusive.
    pub(super) fn end_ms(&self) -> i64 {
        let n = i64::try_from(self.n).unwrap_or(i64::MAX);
        self.since.millis().saturating_add(self.width_ms().saturating_mul(n))
    }

    /// Start of each slot.
    pub(super) fn starts(self) -> impl Iterator<Item = Timestamp> {
        (0..self.n).map(move |slot| self.since.plus(self.width * u32::try_from(slot).unwrap_or(u32::MAX)))
    }
}

/// Passes each row with the slot that its first column numbers, from 0; rows outside the slots are left out.
pub(super) fn fill_slots<T>(
    mut rows: Rows<'_>,
    slots: &mut [T],
    fill: impl Fn(&mut T, &Row<'_>) -> rusqlite::Result<()>,
) -> Result<(), HistoryError> {
    while let Some(row) = rows.next()? {
        let slot: i64 = row.get(0)?;
        if let Some(slot) = usize::try_from(slot).ok().and_then(|slot| slots.get_mut(slot)) {
            fill(slot, row)?;
        }
    }
    Ok(())
}
