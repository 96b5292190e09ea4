//! Rows in columns: as a table for the terminal, and as comma-separated values for programs.

use crate::domain::delivery::DeliveryState;
use crate::domain::health_status::HealthStatus;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::text;
use crate::tui::widgets::format;
use crate::wire::coverage::NounCoverage;

/// Value of a column in one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum ListCell {
    /// Text, which may come from outside.
    Text(String),
    /// State, with its name in CSV and its words on a terminal.
    State { name: &'static str, words: &'static str },
    /// Number; `None` if there is nothing to count.
    Number(Option<u64>),
    /// Point in time; `None` if it never happened.
    Time(Option<Timestamp>),
}

impl ListCell {
    /// Creates a cell from text that comes from outside.
    pub(in crate::cli) fn untrusted(text: &Untrusted) -> Self {
        Self::Text(text.raw().to_owned())
    }

    /// Creates a cell from the code of a health status.
    pub(in crate::cli) fn health(code: &'static str) -> Self {
        Self::State { name: code, words: HealthStatus::named(code).map_or(code, HealthStatus::name) }
    }

    /// Creates a cell from the state of a delivery.
    pub(in crate::cli) const fn delivery(state: DeliveryState) -> Self {
        Self::State { name: state.name(), words: text::delivery(state) }
    }

    /// Creates a cell from a number; empty if it is negative.
    pub(in crate::cli) fn number(n: impl TryInto<u64>) -> Self {
        Self::Number(n.try_into().ok())
    }

    /// Creates a cell from a number that may not be known.
    pub(in crate::cli) fn maybe(n: Option<impl TryInto<u64>>) -> Self {
        Self::Number(n.and_then(|n| n.try_into().ok()))
    }

    /// Creates a cell from text that comes from outside, if there is any.
    pub(in crate::cli) fn maybe_untrusted(text: Option<&Untrusted>) -> Self {
        text.map_or_else(|| Self::Text(String::new()), Self::untrusted)
    }

    /// Formats the cell for the terminal.
    fn display_text(&self, now: Timestamp) -> String {
        match self {
            Self::Text(text) => Untrusted::new(text.as_str()).sanitized(),
            Self::State { words, .. } => (*words).to_owned(),
            Self::Number(n) => n.map_or_else(|| "-".to_owned(), |n| n.to_string()),
            Self::Time(None) => "never".to_owned(),
            Self::Time(Some(at)) if *at > now => format!("in {}", format::age(at.since(now))),
            Self::Time(Some(at)) => format!("{} ago", format::age(now.since(*at))),
        }
    }

    /// Formats the cell as a CSV field; text that a spreadsheet would take for a formula is prefixed with an
    /// apostrophe.
    fn csv_field(&self) -> String {
        match self {
            Self::Number(n) => n.map_or_else(String::new, |n| n.to_string()),
            Self::State { name, .. } => (*name).to_owned(),
            Self::Time(at) => at.map_or_else(String::new, Timestamp::to_rfc3339_millis),
            Self::Text(text) => {
                let starts = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
                let guard = if text.trim_start_matches([' ', '"', '\'']).starts_with(starts) { "'" } else { "" };
                let text = format!("{guard}{}", Untrusted::new(text.as_str()).sanitized());
                if text.contains([',', '"', ';', ' ']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
            }
        }
    }
}

/// Column of a list, with its titles and its value.
#[derive(Debug)]
pub(in crate::cli) struct ListColumn<T> {
    /// Title in the table on a terminal.
    pub(in crate::cli) title: &'static str,
    /// Name in the CSV header.
    pub(in crate::cli) name: &'static str,
    /// Member of the row's JSON that the value comes from.
    member: &'static str,
    /// Returns the column's value of a row.
    pub(in crate::cli) cell: fn(&T) -> ListCell,
}

/// Creates a column from its title, name and value.
pub(in crate::cli) const fn column<T>(
    title: &'static str,
    name: &'static str,
    cell: fn(&T) -> ListCell,
) -> ListColumn<T> {
    ListColumn { title, name, member: name, cell }
}

/// Creates a column whose value comes from a member of the row's JSON with another name.
pub(in crate::cli) const fn column_of<T>(
    title: &'static str,
    name: &'static str,
    member: &'static str,
    cell: fn(&T) -> ListCell,
) -> ListColumn<T> {
    ListColumn { title, name, member, cell }
}

/// Table that is written piece by piece; its columns only get wider.
#[derive(Debug)]
pub(in crate::cli) struct ListTable<T: 'static> {
    columns: Vec<&'static ListColumn<T>>,
    widths: Vec<usize>,
    max_width: Option<usize>,
}

impl<T> ListTable<T> {
    /// Creates a table for a terminal of `room` columns; `None` sets no limit. Columns whose values the source never
    /// knows are left out.
    pub(in crate::cli) fn new(
        columns: &'static [ListColumn<T>],
        coverage: Option<&NounCoverage>,
        room: Option<usize>,
    ) -> Self {
        let may_know = |column: &&ListColumn<T>| !coverage.is_some_and(|of| of.is_never_known(column.member));
        let columns: Vec<_> = columns.iter().filter(may_know).collect();
        let widths = columns.iter().map(|column| format::width(column.title)).collect();
        Self { columns, widths, max_width: room }
    }

    /// Formats the head and the rows.
    pub(in crate::cli) fn lines(&mut self, rows: &[T], now: Timestamp) -> Vec<String> {
        let body = self.format_cells(rows, now);
        let head = self.columns.iter().map(|column| column.title.to_owned()).collect::<Vec<_>>();
        let is_number = self.numeric_columns(rows);
        std::iter::once(&head).chain(&body).map(|cells| self.line(cells, &is_number)).collect()
    }

    /// Formats further rows, without the head.
    pub(in crate::cli) fn more_lines(&mut self, rows: &[T], now: Timestamp) -> Vec<String> {
        let body = self.format_cells(rows, now);
        let is_number = self.numeric_columns(rows);
        body.iter().map(|cells| self.line(cells, &is_number)).collect()
    }

    fn format_cells(&mut self, rows: &[T], now: Timestamp) -> Vec<Vec<String>> {
        let body: Vec<Vec<String>> = rows
            .iter()
            .map(|row| self.columns.iter().map(|column| (column.cell)(row).display_text(now)).collect())
            .collect();
        for cells in &body {
            for (width, cell) in self.widths.iter_mut().zip(cells) {
                *width = (*width).max(format::width(cell));
            }
        }
        body
    }

    /// Tells which columns hold numbers, which are aligned right.
    fn numeric_columns(&self, rows: &[T]) -> Vec<bool> {
        let is_number =
            |column: &ListColumn<T>| rows.first().is_some_and(|row| matches!((column.cell)(row), ListCell::Number(_)));
        self.columns.iter().map(|column| is_number(column)).collect()
    }

    fn line(&self, cells: &[String], is_number: &[bool]) -> String {
        let mut line = String::new();
        for ((cell, width), is_number) in cells.iter().zip(&self.widths).zip(is_number) {
            let gap = " ".repeat(width.saturating_sub(format::width(cell)));
            let (before, after) = if *is_number { (gap.as_str(), "") } else { ("", gap.as_str()) };
            line.push_str(&format!("{before}{cell}{after}  "));
        }
        let line = line.trim_end();
        self.max_width.map_or_else(|| line.to_owned(), |room| format::clip(line, room))
    }
}

/// Formats the CSV header line.
pub(in crate::cli) fn csv_header<T>(columns: &[ListColumn<T>]) -> String {
    columns.iter().map(|column| column.name).collect::<Vec<_>>().join(",")
}

/// Formats a row as a CSV line.
pub(in crate::cli) fn csv_row<T>(columns: &[ListColumn<T>], row: &T) -> String {
    columns.iter().map(|column| (column.cell)(row).csv_field()).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[ListColumn<(&str, u64)>] = &[
        column("NAME", "name", |row| ListCell::Text(row.0.to_owned())),
        column("N", "n", |row| ListCell::Number(Some(row.1))),
    ];

    #[test]
    fn t2_no_field_is_a_formula_or_moves_a_cursor() {
        for (text, field) in [
            ("=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            (" =1", "\"' =1\""),
            ("\t=1", "\"' =1\""),
            ("＝1", "'＝1"),
            ("a,\"b\"", "\"a,\"\"b\"\"\""),
            ("a\r\n=2", "a␍␊=2"),
            ("\u{1b}[2J\u{202e}", "␛[2J<U+202E>"),
            ("plain", "plain"),
        ] {
            assert_eq!(ListCell::Text(text.to_owned()).csv_field(), field);
        }
        assert_eq!(ListCell::Time(None).csv_field(), "");
        let states = [ListCell::health("trp"), ListCell::health("unk"), ListCell::delivery(DeliveryState::OnHold)];
        let now = Timestamp::from_millis(0);
        assert_eq!(states.clone().map(|state| state.display_text(now)), ["tripped", "unknown", "on hold"]);
        assert_eq!(states.map(|state| state.csv_field()), ["trp", "unk", "on_hold"]);
    }

    #[test]
    fn columns_line_up_and_grow() {
        let now = Timestamp::from_millis(0);
        let mut table = ListTable::new(COLUMNS, None, None);
        assert_eq!(table.lines(&[("a", 5), ("long\u{7}", 1_000)], now), ["NAME      N", "a         5", "long␇  1000"]);
        assert_eq!(table.more_lines(&[("longest", 1)], now), ["longest     1"]);
        let mut narrow = ListTable::new(COLUMNS, None, Some(6));
        assert_eq!(narrow.lines(&[("abcdefgh", 5)], now)[1].chars().count(), 6);
        assert_eq!((csv_header(COLUMNS), csv_row(COLUMNS, &("x", 1))), ("name,n".to_owned(), "x,1".to_owned()));
    }
}
