//! Generic list command: fetches, filters, writes and follows the rows of any pane.

use super::table::{self, ListColumn, ListTable};
use crate::cli::arguments::panes::{ListArgs, LogListArgs, OutputArgs};
use crate::cli::document::{DocumentNames, ListDocument, ObjectDocument};
use crate::cli::failure::CommandFailure;
use crate::cli::output::{self, ReaderState};
use crate::cli::portal;
use crate::client;
use crate::client::connection::PlatformClient;
use crate::clock::RuntimeEnv;
use crate::domain::query::field::Field;
use crate::domain::query::matching::{FieldValue, QueryableRow};
use crate::domain::query::parse::parse;
use crate::domain::query::{FilterQuery, QueryTerm, QueryTime, TermSign, TermTest};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::files::format_size;
use crate::sync::visibility::find_unknown_term;
use crate::wire::coverage::{CoverageExtent, CoveredNoun, NounCoverage};
use crate::wire::log::LogPage;
use crate::wire::page::json_length;
use crate::wire::readable::UnreadableRows;
use serde::Serialize;
use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

/// Number of rows of a log by default.
const DEFAULT_LOG_ROWS: u32 = 50;
/// Maximum number of rows in a page of a log.
const MAX_PAGE_ROWS: u32 = 200;
/// Maximum number of pages that one command reads of a log, which are 100,000 rows.
const MAX_READ_PAGES: usize = 500;
/// Maximum number of bytes of rows, as JSON, that one command keeps.
const MAX_KEPT_BYTES: usize = 64 * 1024 * 1024;
/// Pause between two polls with `--watch`.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(1);

/// Row of a list command, with its columns and document names.
pub(super) trait ListedRow: QueryableRow + Serialize + Sized + 'static {
    /// Schema names of the documents.
    const NAMES: DocumentNames;
    /// Noun of the platform that the rows are.
    const NOUN: CoveredNoun;
    /// Columns of the table and the CSV output.
    const COLUMNS: &'static [ListColumn<Self>];

    /// Returns what identifies the row among the others: the value of its field `id`.
    fn row_id(&self) -> String {
        match self.values(Field::Id, Timestamp::default()).first() {
            Some(FieldValue::Number(id)) => id.to_string(),
            _ => String::new(),
        }
    }

    /// Reads the rows that match: from the newest or worst on, or those of a log that are newer than a cursor.
    async fn read(
        client: &PlatformClient,
        ask: &ListQuery,
        newer_than: Option<&str>,
    ) -> Result<ListResult<Self>, client::Error>;
}

/// Query of a list command.
#[derive(Debug)]
pub(super) struct ListQuery {
    pub(super) query: FilterQuery,
    /// Time on the platform's clock.
    pub(super) now: Timestamp,
    /// Maximum number of rows to return.
    pub(super) limit: usize,
}

/// Rows that were read, with the position to continue from.
#[derive(Debug)]
pub(super) struct ListResult<T> {
    pub(super) rows: Vec<T>,
    pub(super) has_more: bool,
    /// Cursor for newer rows of a log; `None` for a list, which is read again as a whole.
    pub(super) newer: Option<String>,
    /// Rows that could not be read.
    pub(super) unreadable: UnreadableRows,
    /// Bound that ended the reading before there were enough rows; `None` if none did.
    pub(super) bound: Option<ReadingBound>,
}

/// Bound of reading that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadingBound {
    /// Number of rows that were read.
    Rows(usize),
    /// The matching rows exceed [`MAX_KEPT_BYTES`].
    Bytes,
}

impl ReadingBound {
    /// Describes the bound in one line, after `n` matching rows.
    fn remark(self, n: usize) -> String {
        match self {
            Self::Rows(read) => {
                format!(
                    "{n} matching rows among the first {read}, the most that one command reads; there may be more: narrow --since or --filter"
                )
            }
            Self::Bytes => format!(
                "{n} rows, or {}, the most that one command keeps; there are more: narrow --filter",
                format_size(MAX_KEPT_BYTES as u64)
            ),
        }
    }
}

impl ListQuery {
    /// Filters the rows of a list, and cuts them at the limit. With `is_more`, the list goes on beyond these rows.
    pub(super) fn filter_rows<T: QueryableRow>(
        &self,
        rows: Vec<T>,
        is_more: bool,
        unreadable: UnreadableRows,
    ) -> ListResult<T> {
        let n_read = rows.len();
        let mut rows: Vec<T> = rows.into_iter().filter(|row| self.query.matches(row, self.now)).collect();
        let has_more = is_more || rows.len() > self.limit;
        let bound = (is_more && rows.len() <= self.limit).then_some(ReadingBound::Rows(n_read));
        rows.truncate(self.limit);
        ListResult { rows, has_more, newer: None, unreadable, bound }
    }

    /// Reads the matching rows of a log, page by page until there are enough, [`MAX_READ_PAGES`] were read or [`MAX_KEPT_BYTES`] are kept.
    /// `rest` is the part of the filter that the platform did not apply.
    pub(super) async fn read_pages<T: QueryableRow + Serialize>(
        &self,
        rest: &FilterQuery,
        newer_than: Option<&str>,
        page: impl AsyncFn(Option<&str>, u32) -> Result<LogPage<T>, client::Error>,
    ) -> Result<ListResult<T>, client::Error> {
        let size = if rest.is_empty() {
            u32::try_from(self.limit).unwrap_or(MAX_PAGE_ROWS).min(MAX_PAGE_ROWS)
        } else {
            MAX_PAGE_ROWS
        };
        let mut cursor = newer_than.map(str::to_owned);
        let (mut rows, mut newer, mut unreadable) = (Vec::new(), None, UnreadableRows::default());
        let (mut n_pages, mut n_read, mut n_bytes) = (0, 0, 0);
        loop {
            let came = page(cursor.as_deref(), size).await?;
            n_pages += 1;
            n_read += came.items.len();
            unreadable.extend(came.unreadable);
            let fitting: Vec<T> = came.items.into_iter().filter(|row| rest.matches(row, self.now)).collect();
            n_bytes += fitting.iter().map(|row| json_length(row).unwrap_or_default()).sum::<usize>();
            if newer_than.is_some() {
                // Each page has its newest row first, and a later page has newer rows.
                rows.splice(0..0, fitting);
                newer = came.previous_cursor;
                cursor.clone_from(&newer);
            } else {
                rows.extend(fitting);
                newer = newer.or(came.previous_cursor);
                cursor = came.next_cursor;
            }
            let is_full = newer_than.is_none() && rows.len() >= self.limit;
            let is_end = !came.has_more || cursor.is_none();
            let bound = match (n_bytes > MAX_KEPT_BYTES, n_pages == MAX_READ_PAGES) {
                (true, _) => Some(ReadingBound::Bytes),
                (false, true) => Some(ReadingBound::Rows(n_read)),
                (false, false) => None,
            };
            if is_full || is_end || bound.is_some() {
                let has_more = newer_than.is_none() && (came.has_more || rows.len() > self.limit);
                if newer_than.is_none() {
                    rows.truncate(self.limit);
                }
                let bound = bound.filter(|_| has_more && !is_full);
                return Ok(ListResult { rows, has_more, newer, unreadable, bound });
            }
        }
    }
}

/// Parses the filter of the arguments; an error marks the character at which it begins.
pub(in crate::cli) fn parse_filter(filter: Option<&str>, fields: &[Field]) -> Result<FilterQuery, CommandFailure> {
    let text = filter.unwrap_or_default();
    parse(text, fields)
        .map_err(|fault| CommandFailure::at_position("--filter", text, fault.at, &fault.problem, &fault.remedy))
}

/// Checks that a filter is about values that the source may know; the error marks the first that is not.
fn check_filter<T: ListedRow>(filter: Option<&str>, coverage: Option<&NounCoverage>) -> Result<(), CommandFailure> {
    let query = parse_filter(filter, T::fields())?;
    find_unknown_term(&query, T::member_of, coverage).map_or(Ok(()), |fault| {
        let text = filter.unwrap_or_default();
        Err(CommandFailure::at_position("--filter", text, fault.at, &fault.problem, &fault.remedy))
    })
}

/// Runs a list of current items.
pub(super) async fn run_list<T: ListedRow>(asked: ListArgs) -> Result<ExitCode, CommandFailure> {
    let query = parse_filter(asked.filter.as_deref(), T::fields())?;
    let limit = asked.limit.map_or(usize::MAX, |n| n as usize);
    run_query::<T>(asked, query, limit).await
}

/// Runs a list of a log.
pub(super) async fn run_log<T: ListedRow>(asked: LogListArgs) -> Result<ExitCode, CommandFailure> {
    let since = asked
        .since
        .map(|back| QueryTerm { sign: TermSign::Must, test: TermTest::Time(Field::Since, QueryTime::Ago(back)) });
    let asked = asked.listing;
    let query = parse_filter(asked.filter.as_deref(), T::fields())?;
    let query = query.terms().cloned().chain(since).collect();
    let limit = asked.limit.unwrap_or(DEFAULT_LOG_ROWS) as usize;
    run_query::<T>(asked, query, limit).await
}

async fn run_query<T: ListedRow>(
    asked: ListArgs,
    query: FilterQuery,
    limit: usize,
) -> Result<ExitCode, CommandFailure> {
    if asked.watch && asked.shape.json {
        return Err(CommandFailure::usage(
            "--watch cannot write a single JSON document",
            "use --ndjson instead of --json",
        ));
    }
    let client = portal::connect(&asked.remote).await?;
    let overview = client.overview(1).await?;
    let (now, coverage) = (overview.server_utc, overview.coverage.as_ref().and_then(|coverage| coverage.of(T::NOUN)));
    if let Some(of) = coverage.filter(|of| of.extent == CoverageExtent::None) {
        return Err(not_covered(of));
    }
    check_filter::<T>(asked.filter.as_deref(), coverage)?;
    let ask = ListQuery { query, now, limit };
    let came = T::read(&client, &ask, None).await?;
    let mut paper = RowWriter::<T>::new(asked.shape, coverage.cloned());
    let is_capped = came.has_more && !asked.watch && !asked.shape.json;
    let bound = came.bound.filter(|_| !asked.watch);
    let n = came.rows.len();
    let mut reader = paper.write_first(&came, ask.now)?;
    if let Some(bound) = bound {
        output::remark(&bound.remark(n));
    } else if is_capped {
        output::remark(&format!(
            "{} shown; more exist: raise --limit or narrow --filter",
            crate::text::count(n, "row")
        ));
    } else if n == 0 && std::io::stdout().is_terminal() {
        output::remark("no matching rows");
    }
    if let Some(of) = coverage {
        output::remark(&format!("crow: {}", of.summary_line()));
    }
    let mut code = report_unreadable(&came.unreadable);
    if asked.watch {
        code = ExitCode::SUCCESS;
        let mut watch = ListFollower {
            ask,
            seen: HashMap::new(),
            newer: None,
            unreadable: came.unreadable.clone(),
            is_lost: false,
        };
        watch.record(&came);
        while reader == ReaderState::Reading {
            RuntimeEnv::real().sleep(FOLLOW_INTERVAL).await;
            reader = watch.poll(&client, &mut paper).await?;
        }
    }
    Ok(code)
}

/// Failure of a list of which nothing is known.
pub(super) fn not_covered(of: &NounCoverage) -> CommandFailure {
    let said = |text: &Option<Untrusted>| text.as_ref().map(Untrusted::sanitized);
    let reason = said(&of.reason).unwrap_or_else(|| format!("no {} are known", of.noun.name()));
    CommandFailure::usage(format!("{} are not known: {reason}", of.noun.name()), said(&of.remedy).unwrap_or_default())
}

/// Reports rows that could not be read, and returns the exit code: 1 if the list is incomplete.
fn report_unreadable(unreadable: &UnreadableRows) -> ExitCode {
    match unreadable.summary_line() {
        None => ExitCode::SUCCESS,
        Some(remark) => {
            output::remark(&format!("crow: {remark}"));
            ExitCode::from(1)
        }
    }
}

/// Writer of rows to stdout, in the chosen format.
struct RowWriter<T: 'static> {
    shape: OutputArgs,
    /// Coverage of the rows; `None` if they are covered in full.
    coverage: Option<NounCoverage>,
    table: ListTable<T>,
}

impl<T: ListedRow> RowWriter<T> {
    fn new(shape: OutputArgs, coverage: Option<NounCoverage>) -> Self {
        let room = std::io::stdout().is_terminal().then(crossterm::terminal::size).and_then(Result::ok);
        let room = room.map(|(columns, _)| usize::from(columns)).filter(|columns| *columns > 0);
        let table = ListTable::new(T::COLUMNS, coverage.as_ref(), room);
        Self { shape, coverage, table }
    }

    fn write_first(&mut self, came: &ListResult<T>, now: Timestamp) -> Result<ReaderState, CommandFailure> {
        if self.shape.json {
            let rows = ListDocument {
                schema: T::NAMES.list,
                items: &came.rows,
                has_more: came.has_more,
                coverage: self.coverage.as_ref(),
            };
            return output::write(&output::json(&rows)?);
        }
        if self.shape.csv {
            output::write(&table::csv_header(T::COLUMNS))?;
        }
        if self.shape.csv || self.shape.ndjson {
            return self.write_more(&came.rows, now);
        }
        write_lines(&self.table.lines(&came.rows, now))
    }

    fn write_more(&mut self, rows: &[T], now: Timestamp) -> Result<ReaderState, CommandFailure> {
        if self.shape.ndjson {
            let documents = rows.iter().map(|item| output::json_line(&ObjectDocument { schema: T::NAMES.row, item }));
            return write_lines(&documents.collect::<Result<Vec<_>, _>>()?);
        }
        if self.shape.csv {
            return write_lines(&rows.iter().map(|row| table::csv_row(T::COLUMNS, row)).collect::<Vec<_>>());
        }
        write_lines(&self.table.more_lines(rows, now))
    }
}

fn write_lines(lines: &[String]) -> Result<ReaderState, CommandFailure> {
    if lines.is_empty() { Ok(ReaderState::Reading) } else { output::write(&lines.join("\n")) }
}

/// State of a list that is followed with `--watch`.
struct ListFollower {
    ask: ListQuery,
    /// Rows of a list as they were last written, by identity.
    seen: HashMap<String, String>,
    newer: Option<String>,
    /// Rows that could not be read, as last reported.
    unreadable: UnreadableRows,
    is_lost: bool,
}

impl ListFollower {
    /// Records the rows that were read, and returns the positions of those that are new or changed.
    fn record<T: ListedRow>(&mut self, came: &ListResult<T>) -> Vec<usize> {
        self.newer.clone_from(&came.newer);
        if self.newer.is_some() {
            return (0..came.rows.len()).rev().collect();
        }
        let mut fresh = Vec::new();
        for (position, row) in came.rows.iter().enumerate() {
            let values = table::csv_row(T::COLUMNS, row);
            if self.seen.insert(row.row_id(), values.clone()).as_ref() != Some(&values) {
                fresh.push(position);
            }
        }
        fresh
    }

    /// Polls once more. An unreachable platform is reported once, and polled again.
    async fn poll<T: ListedRow>(
        &mut self,
        client: &PlatformClient,
        paper: &mut RowWriter<T>,
    ) -> Result<ReaderState, CommandFailure> {
        self.ask.now = self.ask.now.plus(FOLLOW_INTERVAL);
        let newer = self.newer.clone();
        match T::read(client, &self.ask, newer.as_deref()).await {
            Ok(mut came) => {
                if std::mem::take(&mut self.is_lost) {
                    output::remark("crow: the platform answers again");
                }
                if came.unreadable != self.unreadable {
                    report_unreadable(&came.unreadable);
                    self.unreadable = came.unreadable.clone();
                }
                let fresh = self.record(&came);
                let mut rows: Vec<Option<T>> = came.rows.drain(..).map(Some).collect();
                let rows: Vec<T> = fresh.into_iter().filter_map(|position| rows[position].take()).collect();
                paper.write_more(&rows, self.ask.now)
            }
            Err(client::Error::Refused { problem }) => Err(client::Error::Refused { problem }.into()),
            Err(error) => {
                if !std::mem::replace(&mut self.is_lost, true) {
                    CommandFailure::from(error).report();
                }
                Ok(ReaderState::Reading)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::requests::RequestRow;
    use std::cell::Cell;

    fn row(id: usize, status: u16, detail: &str) -> RequestRow {
        let json = serde_json::json!({
            "id": id, "utc": "2026-11-24T08:00:00.000Z", "keyId": null, "companyId": null, "last4": null, "method": "GET", "detail": detail,
            "route": "/api/v1/events", "status": status, "code": null, "requestId": "r", "elapsedMs": 1
        });
        serde_json::from_value(json).expect("a row")
    }

    /// Reads a log without an end, whose page `n` is made by `page`. Returns what came and the number of pages that were read.
    async fn read(
        newer_than: Option<&str>,
        page: impl Fn(usize) -> Vec<RequestRow>,
    ) -> (ListResult<RequestRow>, usize) {
        let ask = ListQuery {
            query: parse_filter(None, RequestRow::fields()).expect("a query"),
            now: Timestamp::from_millis(0),
            limit: 1_000,
        };
        let rest = parse_filter(Some("status:500"), RequestRow::fields()).expect("a query");
        let n_pages = Cell::new(0);
        let came = ask.read_pages(&rest, newer_than, async |_: Option<&str>, _| {
            n_pages.set(n_pages.get() + 1);
            let cursor = Some(n_pages.get().to_string());
            Ok(LogPage {
                items: page(n_pages.get()),
                next_cursor: cursor.clone(),
                previous_cursor: cursor,
                has_more: true,
                unreadable: UnreadableRows::default(),
            })
        });
        (came.await.expect("it reads"), n_pages.get())
    }

    #[tokio::test]
    async fn a_log_without_an_end_is_read_up_to_a_bound_that_is_said() {
        let (came, n_pages) = read(None, |page| vec![row(page, if page == 7 { 500 } else { 200 }, "")]).await;
        assert_eq!((n_pages, came.rows.len(), came.has_more), (500, 1, true));
        let said = came.bound.expect("a bound").remark(came.rows.len());
        assert!(said.contains("first 500") && said.contains("there may be more"), "{said}");

        let mib = "x".repeat(1024 * 1024);
        let (came, n_pages) = read(None, |page| vec![row(page, 500, &mib)]).await;
        assert_eq!((n_pages, came.rows.len(), came.has_more), (64, 64, true));
        let said = came.bound.expect("a bound").remark(came.rows.len());
        assert!(said.contains("64 rows, or 64 MiB") && said.contains("there are more"), "{said}");
    }

    #[tokio::test]
    async fn a_watch_goes_on_where_a_bound_ended_its_look() {
        let (came, n_pages) = read(Some("0"), |page| vec![row(page, 200, "")]).await;
        assert_eq!((n_pages, came.newer.as_deref()), (500, Some("500")));
    }
}
