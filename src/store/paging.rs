//! Paging of logs: newest first, by id, in both directions. A page scans a bounded number of rows, whatever its
//! filters; a page that ends early, by rows or by bytes, says where to continue.

use super::Error;
use crate::domain::log::{MAX_PAGE_BYTES, PagePosition, PageSpec, RowPage};
use crate::domain::time::Timestamp;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Row, params_from_iter};
use std::time::Duration;

/// Maximum number of rows scanned for one page.
pub(crate) const MAX_ROWS_SCANNED: u32 = 20_000;
/// Approximate size of a serialized row without its texts, in bytes.
const ROW_OVERHEAD_BYTES: usize = 512;
/// Tolerance by which a row may be written later than its own time says.
const TIME_TOLERANCE: Duration = Duration::from_secs(60);

/// Query of a log. Each condition contains one `?`.
#[derive(Debug)]
pub(crate) struct PagedQuery {
    /// Table, with the index to use unless that is the primary key.
    pub(crate) table: &'static str,
    /// Columns that conditions and rows need, `id` included.
    pub(crate) columns: &'static str,
    /// Columns computed only for the rows of the page.
    pub(crate) computed: &'static str,
    /// Column with the time of a row.
    pub(crate) time: &'static str,
    /// Conditions that the index evaluates.
    pub(crate) index_conditions: Vec<(&'static str, Value)>,
    /// Conditions that are evaluated row by row.
    pub(crate) row_conditions: Vec<(&'static str, Value)>,
}

/// Adds a condition if there is a value to compare with.
pub(crate) fn add_condition<T: Into<Value>>(
    conditions: &mut Vec<(&'static str, Value)>,
    condition: &'static str,
    value: Option<T>,
) {
    conditions.extend(value.map(|value| (condition, value.into())));
}

impl PagedQuery {
    /// Returns one page of the log.
    pub(crate) fn page<T>(
        &self,
        connection: &Connection,
        span: &PageSpec,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
        id: fn(&T) -> i64,
    ) -> Result<RowPage<T>, Error> {
        self.page_kept(connection, span, read, id, |_| true)
    }

    /// Returns one page of the rows that meet the conditions and that `is_kept` keeps.
    pub(crate) fn page_kept<T>(
        &self,
        connection: &Connection,
        span: &PageSpec,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
        id: fn(&T) -> i64,
        mut is_kept: impl FnMut(&T) -> bool,
    ) -> Result<RowPage<T>, Error> {
        let (inner, mut values) = self.scan_sql(connection, span)?;
        let mut sift = self.row_conditions.clone();
        add_condition(&mut sift, "{time} >= ?", span.since.map(Timestamp::millis));
        add_condition(&mut sift, "{time} < ?", span.until.map(Timestamp::millis));
        let conditions: String = sift.iter().map(|(condition, _)| format!(" AND {condition}")).collect();
        let n_seek = values.len();
        values.extend(sift.into_iter().map(|(_, value)| value));
        let sql = format!("SELECT *{} FROM ({inner}) AS looked_at WHERE TRUE{conditions}", self.computed);
        let mut statement = connection.prepare_cached(&sql.replace("{time}", self.time))?;
        let mut rows = statement.query(params_from_iter(values.iter()))?;
        let (mut items, mut n_bytes, mut is_full) = (Vec::new(), 0, false);
        while let Some(row) = rows.next()? {
            let item = read(row)?;
            if !is_kept(&item) {
                continue;
            }
            n_bytes += json_bytes(row)?;
            is_full = items.len() >= span.limit as usize || (n_bytes > MAX_PAGE_BYTES && !items.is_empty());
            if is_full {
                break;
            }
            items.push(item);
        }
        let ends = (items.first().map(id), items.last().map(id));
        let end = if is_full { None } else { self.scan_end(connection, &inner, &values[..n_seek], span.start)? };
        Ok(into_page(items, ends, is_full, end, span.start))
    }

    /// SQL of the rows to scan, with its parameters.
    fn scan_sql(&self, connection: &Connection, span: &PageSpec) -> Result<(String, Vec<Value>), Error> {
        let (mut above, mut below) = self.id_range(connection, span)?;
        let order = match span.start {
            PagePosition::Newest => "DESC",
            PagePosition::OlderThan(id) => {
                below = below.min(id);
                "DESC"
            }
            PagePosition::NewerThan(id) => {
                above = above.max(id);
                "ASC"
            }
        };
        let seek: String = self.index_conditions.iter().map(|(condition, _)| format!("{condition} AND ")).collect();
        let mut values: Vec<Value> = self.index_conditions.iter().map(|(_, value)| value.clone()).collect();
        values.extend([Value::from(above), below.into()]);
        let Self { table, columns, .. } = self;
        let sql = format!(
            "SELECT {columns} FROM {table} WHERE {seek}id > ? AND id < ? ORDER BY id {order} LIMIT {MAX_ROWS_SCANNED}"
        );
        Ok((sql, values))
    }

    /// Range of ids that contains the requested time range.
    fn id_range(&self, connection: &Connection, span: &PageSpec) -> Result<(i64, i64), Error> {
        let table = self.table.split(' ').next().unwrap_or_default();
        id_range_of_times(connection, table, self.time, span.since, span.until)
    }

    /// Last row scanned, if the scan was cut off and more may follow.
    fn scan_end(
        &self,
        connection: &Connection,
        inner: &str,
        values: &[Value],
        place: PagePosition,
    ) -> Result<Option<i64>, Error> {
        let last = if matches!(place, PagePosition::NewerThan(_)) { "max" } else { "min" };
        let sql = format!("SELECT count(*), {last}(id) FROM ({inner})");
        let (n, last): (u32, Option<i64>) = connection
            .prepare_cached(&sql)?
            .query_row(params_from_iter(values.iter()), |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(last.filter(|_| n >= MAX_ROWS_SCANNED))
    }
}

/// Size of a row as JSON: names and numbers at their usual length, texts with their escapes.
fn json_bytes(row: &Row<'_>) -> Result<usize, Error> {
    let mut n_bytes = ROW_OVERHEAD_BYTES;
    for column in 0..row.as_ref().column_count() {
        if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = row.get_ref(column)? {
            let escaped = |byte: &u8| match byte {
                0..0x20 => 6,
                b'"' | b'\\' => 2,
                _ => 1,
            };
            n_bytes += bytes.iter().map(escaped).sum::<usize>();
        }
    }
    Ok(n_bytes)
}

/// Range of ids that contains a time range, from a sparse time index of every 256th row. Only logs with such an index
/// can be queried by time.
pub(crate) fn id_range_of_times(
    connection: &Connection,
    table: &str,
    time: &str,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
) -> Result<(i64, i64), Error> {
    // The condition `id % 256 = 0` is spelled as in the partial index, which SQLite would otherwise not use.
    let milestone = |what: &str, comparison: &str, at: Timestamp| -> Result<Option<i64>, Error> {
        let sql = format!(
            "SELECT {what}(id) FROM {table} INDEXED BY {table}_time_sparse WHERE id % 256 = 0 AND {time} {comparison} ?1"
        );
        Ok(connection.prepare_cached(&sql)?.query_row([at.millis()], |row| row.get(0))?)
    };
    // Ids and times may differ in order by a little: the tolerance keeps late rows inside the range.
    let above = match since {
        Some(since) => milestone("max", "<", since.minus(TIME_TOLERANCE))?.unwrap_or(-1),
        None => -1,
    };
    let below = match until {
        Some(until) => milestone("min", ">", until.plus(TIME_TOLERANCE))?.unwrap_or(i64::MAX),
        None => i64::MAX,
    };
    Ok((above, below))
}

/// Sorts the rows of a page and derives the cursors of the next pages.
fn into_page<T>(
    mut items: Vec<T>,
    (first, last): (Option<i64>, Option<i64>),
    is_full: bool,
    end: Option<i64>,
    place: PagePosition,
) -> RowPage<T> {
    let has_more = is_full || end.is_some();
    match place {
        PagePosition::NewerThan(id) => {
            items.reverse();
            RowPage {
                items,
                older_than: Some(first.unwrap_or(id.saturating_add(1))),
                newer_than: end.or(last).unwrap_or(id),
                has_more,
            }
        }
        PagePosition::OlderThan(id) => RowPage {
            items,
            older_than: has_more.then(|| end.or(last)).flatten(),
            newer_than: first.unwrap_or(id.saturating_sub(1)),
            has_more,
        },
        PagePosition::Newest => RowPage {
            items,
            older_than: has_more.then(|| end.or(last)).flatten(),
            newer_than: first.unwrap_or(0),
            has_more,
        },
    }
}
