//! Statements over sets of rows: many rows in one statement cost a fraction of as many statements, because a statement
//! looks up its plan, opens its savepoint and advances the sequence of its table once.

use super::Error;
use rusqlite::{CachedStatement, Connection};

/// Numbers of rows for which statements are prepared.
const SIZES: [usize; 6] = [32, 16, 8, 4, 2, 1];

/// Statement for several rows: the text of each row, with `?` for its parameters, between two texts.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowSet {
    pub(super) before: &'static str,
    pub(super) row: &'static str,
    pub(super) after: &'static str,
}

impl RowSet {
    /// Prepares the statement for `n` rows.
    pub(super) fn prepare(self, connection: &Connection, n: usize) -> Result<CachedStatement<'_>, Error> {
        let Self { before, row, after } = self;
        let mut sql = String::with_capacity(before.len() + (row.len() + 1) * n + after.len());
        sql.push_str(before);
        for place in 0..n {
            sql.push_str(if place == 0 { "" } else { "," });
            sql.push_str(row);
        }
        sql.push_str(after);
        Ok(connection.prepare_cached(&sql)?)
    }
}

/// Splits rows into sets for which statements are prepared.
pub(super) fn sets<R>(rows: &[R]) -> impl Iterator<Item = &[R]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= rest.len())?;
        let (set, after) = rest.split_at(size);
        rest = after;
        Some(set)
    })
}
