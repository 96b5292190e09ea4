//! Data that panes draw from: the snapshot, the loaded log pages, and the chosen company.

use crate::domain::health_status::{HealthAssessment, HealthStatus};
use crate::domain::ids::CompanyId;
use crate::domain::time::Timestamp;
use crate::sync::log_window::{LogWindow, NumberedRow};
use crate::sync::logs::ConsoleLogs;
use crate::text;
use crate::tui::ids::Pane;
use crate::tui::state::view_state::{TimeDisplay, ViewState};
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::table::TableCell;
use crate::tui::widgets::theme::{self, Theme};
use crate::tui::widgets::{format, paint};
use crate::wire::coverage::NounCoverage;
use crate::wire::overview::PlatformOverview;
use ratatui::text::Line;

/// Data that a pane draws from, for one frame.
#[derive(Debug, Clone, Copy)]
pub struct PaneData<'a> {
    /// Overview received from the platform.
    pub overview: &'a PlatformOverview,
    /// Log pages loaded so far.
    pub logs: &'a ConsoleLogs,
    /// Company that all panes are restricted to; `None` shows all.
    pub company: Option<CompanyId>,
    /// Filters, sort orders and other view state.
    pub view_state: &'a ViewState,
    /// Present time by the platform's clock.
    pub now: Timestamp,
    /// Colour theme that cells are styled with.
    pub theme: Theme,
}

/// Rows of a pane: the pages of a log, or the rows of the snapshot.
#[derive(Debug)]
pub(in crate::tui) enum ReceivedRows<'a, T> {
    Paged(&'a LogWindow<T>),
    Snapshot(&'a [T]),
}

impl<'a, T> ReceivedRows<'a, T> {
    /// Paged rows once a page was received, otherwise those of the snapshot.
    pub(in crate::tui) fn of(stretch: &'a LogWindow<T>, picture: &'a [T]) -> Self {
        if stretch.has_pages() { Self::Paged(stretch) } else { Self::Snapshot(picture) }
    }

    pub(in crate::tui) fn get(&self, at: usize) -> Option<&'a T> {
        match self {
            Self::Paged(stretch) => stretch.row(at),
            Self::Snapshot(rows) => rows.get(at),
        }
    }

    pub(in crate::tui) fn all(self) -> Vec<&'a T> {
        match self {
            Self::Paged(stretch) => stretch.rows().collect(),
            Self::Snapshot(rows) => rows.iter().collect(),
        }
    }
}

impl PaneData<'_> {
    /// Cell with the mark and code of a health status.
    pub(in crate::tui) fn state(&self, standing: HealthStatus) -> TableCell {
        let mark = (theme::mark(standing), self.theme.style(StyleRole::Mark(standing)));
        TableCell::marked(mark, theme::status_code(standing), self.theme.style(StyleRole::Word(standing)))
    }

    pub(in crate::tui) fn text(&self, text: impl Into<String>) -> TableCell {
        TableCell::new(text, self.theme.style(StyleRole::Text))
    }

    pub(in crate::tui) fn dim(&self, text: impl Into<String>) -> TableCell {
        TableCell::new(text, self.theme.style(StyleRole::Dim))
    }

    /// Cell for a value that is not known.
    pub(in crate::tui) fn unknown_cell(&self) -> TableCell {
        self.dim("?")
    }

    /// Whether an observer answers for a platform without a Portal, so that only what its keys show is known.
    #[must_use]
    pub fn has_no_portal(&self) -> bool {
        self.overview.coverage.is_some()
    }

    /// Coverage of a pane's rows; `None` if they are covered in full.
    pub(in crate::tui) fn coverage_of(&self, pane: Pane) -> Option<&NounCoverage> {
        self.overview.coverage.as_ref()?.of(pane.noun())
    }

    /// Whether nothing is known of a pane's rows.
    pub(in crate::tui) fn is_uncovered(&self, pane: Pane) -> bool {
        self.overview.coverage.as_ref().is_some_and(|coverage| coverage.is_uncovered(pane.noun()))
    }

    /// Cell with a value, or the mark of an unknown one.
    pub(in crate::tui) fn known_cell<T>(&self, value: Option<T>, cell: impl FnOnce(T) -> TableCell) -> TableCell {
        value.map_or_else(|| self.unknown_cell(), cell)
    }

    /// Cell with a count: dim if it is 0, in the colour of a health status otherwise.
    pub(in crate::tui) fn count_cell(&self, n: u64, standing: HealthStatus) -> TableCell {
        let role = if n == 0 { StyleRole::Dim } else { StyleRole::Word(standing) };
        TableCell::new(format::count(n), self.theme.style(role))
    }

    /// Past time for a cell: its age such as `9 s ago`, or a clock time such as `14:02:22`.
    pub(in crate::tui) fn ago(&self, at: Timestamp) -> String {
        let age = self.now.since(at);
        match self.view_state.time_display {
            TimeDisplay::Ages => format!("{} ago", format::age(age)),
            TimeDisplay::Clock if age.as_secs() < 86_400 => at.format("%H:%M:%S"),
            TimeDisplay::Clock => at.format("%y-%m-%d"),
        }
    }

    pub(in crate::tui) fn judgement_lines(
        &self,
        judgement: &HealthAssessment<String>,
        room: usize,
    ) -> Vec<Line<'static>> {
        let standing = judgement.status;
        let text = format!("{} {}  {}", theme::mark(standing), theme::status_code(standing), judgement.reason);
        let style = self.theme.style(StyleRole::Word(standing));
        format::wrap_words(&text, room).into_iter().map(|line| Line::styled(line, style)).collect()
    }

    pub(in crate::tui) fn labelled(&self, label: &str, value: &str, room: usize) -> Vec<Line<'static>> {
        paint::labelled(label, value, room, self.theme, self.theme.style(StyleRole::Text))
    }

    /// Past time for details: date, time and age.
    pub(in crate::tui) fn moment(&self, at: Timestamp) -> String {
        format!("{} UTC, {} ago", at.format("%Y-%m-%d %H:%M:%S"), format::age(self.now.since(at)))
    }

    /// Number of rows per alarming health status, such as `2 ERR 1 WRN of 12`; says so if only a part of all rows is
    /// loaded.
    pub(in crate::tui) fn health_summary<T>(
        &self,
        listing: &crate::wire::page::CappedList<T>,
        about: impl Fn(&T) -> (CompanyId, HealthStatus),
    ) -> String {
        let shown: Vec<HealthStatus> = listing
            .items
            .iter()
            .map(about)
            .filter(|(company, _)| self.company.is_none_or(|wanted| wanted == *company))
            .map(|(_, standing)| standing)
            .collect();
        let n_received = listing.items.len();
        let mut words = Vec::new();
        for counted in [HealthStatus::Tripped, HealthStatus::Failing, HealthStatus::Warning, HealthStatus::Unknown] {
            let n = shown.iter().filter(|standing| **standing == counted).count();
            if n > 0 {
                words.push(format!("{n} {}", theme::status_code(counted)));
            }
        }
        let total = text::number(listing.total);
        if (n_received as u64) < listing.total {
            if self.company.is_some() {
                return format!("at least {}   {n_received} of {total} loaded", shown.len());
            }
            return format!(
                "{} of {total} with problems   {n_received} of {total} shown",
                text::number(listing.n_alarming)
            );
        }
        if words.is_empty() {
            return if shown.is_empty() { "none".to_owned() } else { format!("{}, no problems", shown.len()) };
        }
        format!("{} of {}", words.join(" "), shown.len())
    }

    /// Extent of a log: the number of loaded rows, whether older ones exist, and a search in flight.
    pub(in crate::tui) fn loaded_summary<T: NumberedRow>(&self, rows: &ReceivedRows<'_, T>, noun: &str) -> String {
        match rows {
            ReceivedRows::Paged(stretch) if stretch.n_searched() > 0 => format!(
                "searching: {} searched, {} found; Esc stops",
                text::count(u64::from(stretch.n_searched()), "page"),
                stretch.n_rows()
            ),
            ReceivedRows::Paged(stretch) => {
                let held = match stretch.failure() {
                    Some(why) => format!("incomplete: {why}"),
                    None if stretch.is_at_end() => text::count(stretch.n_rows(), noun),
                    None => format!("{} loaded", text::count(stretch.n_rows(), noun)),
                };
                match stretch.n_unseen() {
                    0 => held,
                    n => format!("{held}   {} not shown", text::number(n)),
                }
            }
            ReceivedRows::Snapshot(_) => String::new(),
        }
    }
}
