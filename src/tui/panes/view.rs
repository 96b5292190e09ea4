//! Data that panes draw from: the snapshot, the loaded log pages, and the chosen company.

use super::{Pane, deliveries, events, keys, limits, requests, subscriptions, trips};
use crate::domain::health_status::{HealthAssessment, HealthStatus};
use crate::domain::ids::CompanyId;
use crate::domain::query::matching;
use crate::domain::time::Timestamp;
use crate::sync::log_window::{LogWindow, NumberedRow};
use crate::sync::logs::ConsoleLogs;
use crate::sync::visibility::PlatformVisibility;
use crate::tui::format;
use crate::tui::paint;
use crate::tui::selection::RowId;
use crate::tui::table::{TableCell, TableRow};
use crate::tui::theme::{self, StyleRole, Theme};
use crate::tui::view_state::{TimeDisplay, ViewState};
use crate::wire::overview::PlatformOverview;
use crate::wire::readable::UnreadableRows;
use ratatui::text::Line;

/// Data that a pane draws from, for one frame.
#[derive(Debug, Clone, Copy)]
pub struct PaneData<'a> {
    /// Overview received from the platform.
    pub overview: &'a PlatformOverview,
    /// What the platform lets the console see.
    pub reach: &'a PlatformVisibility,
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

/// Rows of a log: the paged ones, or the newest ones from the snapshot.
#[derive(Debug)]
pub(in crate::tui) enum LogRows<'a, T> {
    Paged(&'a LogWindow<T>),
    Snapshot(&'a [T]),
}

impl<'a, T: NumberedRow> LogRows<'a, T> {
    /// Paged rows once a page was received, otherwise those of the snapshot.
    pub(super) fn of(stretch: &'a LogWindow<T>, picture: &'a [T]) -> Self {
        if stretch.has_pages() { Self::Paged(stretch) } else { Self::Snapshot(picture) }
    }

    pub(super) fn get(&self, at: usize) -> Option<&'a T> {
        match self {
            Self::Paged(stretch) => stretch.row(at),
            Self::Snapshot(rows) => rows.get(at),
        }
    }

    fn all(self) -> Vec<&'a T> {
        match self {
            Self::Paged(stretch) => stretch.rows().collect(),
            Self::Snapshot(rows) => rows.iter().collect(),
        }
    }
}

/// Order of a pane's visible rows: the position of each among the received rows, and its id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowOrder {
    positions: Vec<usize>,
    /// Ids of the rows, in display order.
    pub items: Vec<RowId>,
}

impl PaneData<'_> {
    /// Visible rows of a pane: filtered, restricted to the company, and sorted.
    #[must_use]
    pub fn order(&self, pane: Pane) -> RowOrder {
        let of = self.overview;
        match pane {
            Pane::Keys => self.filter_and_sort(pane, &of.keys.items, |row| (row.company_id, RowId::Key(row.id))),
            Pane::Subscriptions => self.filter_and_sort(pane, &of.subscriptions.items, |row| {
                (row.subscription.company_id, RowId::Subscription(row.subscription.id))
            }),
            Pane::Limits => self
                .filter_and_sort(pane, &of.limits.items, |row| (row.company_id, RowId::Window(row.key_id, row.bucket))),
            Pane::Trips => {
                self.filter_and_sort(pane, trips::rows(self).all(), |row| (row.company_id, RowId::Trip(row.id)))
            }
            Pane::Deliveries => {
                self.filter_and_sort(pane, deliveries::rows(self).all(), |row| (row.company_id, RowId::Attempt(row.id)))
            }
            Pane::Events => {
                self.filter_and_sort(pane, events::rows(self).all(), |row| (row.company_id, RowId::Event(row.id)))
            }
            // Requests without a known key belong to no company; with a company chosen, the platform leaves them out.
            Pane::Requests => self.filter_and_sort(pane, requests::rows(self).all(), |row| {
                (self.company.or(row.company_id).unwrap_or(CompanyId(0)), RowId::Request(row.id))
            }),
        }
    }

    /// Received rows of a pane that could not be read.
    pub(super) fn unreadable(&self, pane: Pane) -> &UnreadableRows {
        let (of, logs) = (self.overview, self.logs);
        match pane {
            Pane::Keys => &of.keys.unreadable,
            Pane::Subscriptions => &of.subscriptions.unreadable,
            Pane::Limits => &of.limits.unreadable,
            Pane::Trips if logs.trips.window.has_pages() => logs.trips.window.unreadable(),
            Pane::Trips => &of.trips.unreadable,
            Pane::Deliveries if logs.attempts.window.has_pages() => logs.attempts.window.unreadable(),
            Pane::Deliveries => &of.attempts.unreadable,
            Pane::Events => logs.events.window.unreadable(),
            Pane::Requests => logs.requests.window.unreadable(),
        }
    }

    fn filter_and_sort<'r, T: matching::QueryableRow + 'r>(
        &self,
        pane: Pane,
        rows: impl IntoIterator<Item = &'r T>,
        about: impl Fn(&T) -> (CompanyId, RowId),
    ) -> RowOrder {
        let mut kept = Vec::new();
        for (place, row) in rows.into_iter().enumerate() {
            let (company, item) = about(row);
            let is_asked_for = self.company.is_none_or(|wanted| wanted == company);
            if is_asked_for && self.view_state.shows_row(pane, row, self.now) {
                kept.push((place, item, row));
            }
        }
        self.view_state.sort(pane, &mut kept, self.now);
        let (places, items) = kept.into_iter().map(|(place, item, _)| (place, item)).unzip();
        RowOrder { positions: places, items }
    }

    /// Builds the row at a position of an order; an empty row if there is none.
    pub(super) fn row(&self, pane: Pane, order: &RowOrder, at: usize) -> TableRow {
        let nothing = TableRow { cells: Vec::new(), below: Vec::new() };
        let Some(place) = order.positions.get(at).copied() else { return nothing };
        let of = self.overview;
        let built = match pane {
            Pane::Keys => of.keys.items.get(place).map(|row| keys::row(self, row)),
            Pane::Subscriptions => of.subscriptions.items.get(place).map(|row| subscriptions::row(self, row)),
            Pane::Limits => of.limits.items.get(place).map(|row| limits::row(self, row)),
            Pane::Trips => {
                trips::rows(self).get(place).and_then(|row| trips::find(self, row.id)).map(|row| trips::row(self, row))
            }
            Pane::Deliveries => deliveries::rows(self).get(place).map(|row| deliveries::row(self, row)),
            Pane::Events => events::rows(self).get(place).map(|row| events::row(self, row)),
            Pane::Requests => requests::rows(self).get(place).map(|row| requests::row(self, row)),
        };
        built.unwrap_or(nothing)
    }

    /// Number of rows a pane has loaded, visible or not.
    #[must_use]
    pub fn n_rows(&self, pane: Pane) -> usize {
        let mut n = 0;
        self.for_each_row(pane, &mut |_| n += 1);
        n
    }

    /// Calls `visit` for all rows a pane has loaded, visible or not.
    pub fn for_each_row(&self, pane: Pane, visit: &mut dyn FnMut(&dyn matching::QueryableRow)) {
        let of = self.overview;
        match pane {
            Pane::Keys => of.keys.items.iter().for_each(|row| visit(row)),
            Pane::Subscriptions => of.subscriptions.items.iter().for_each(|row| visit(row)),
            Pane::Limits => of.limits.items.iter().for_each(|row| visit(row)),
            Pane::Trips => trips::rows(self).all().into_iter().for_each(|row| visit(row)),
            Pane::Deliveries => deliveries::rows(self).all().into_iter().for_each(|row| visit(row)),
            Pane::Events => events::rows(self).all().into_iter().for_each(|row| visit(row)),
            Pane::Requests => requests::rows(self).all().into_iter().for_each(|row| visit(row)),
        }
    }

    /// Cells of an item's row separated by tabs; `None` if the row is not loaded.
    #[must_use]
    pub fn row_text(&self, item: RowId) -> Option<String> {
        let row = match item {
            RowId::Key(id) => keys::find(self, id).map(|row| keys::row(self, row)),
            RowId::Subscription(id) => subscriptions::find(self, id).map(|row| subscriptions::row(self, row)),
            RowId::Attempt(id) => deliveries::find(self, id).map(|row| deliveries::row(self, row)),
            RowId::Event(id) => events::find(self, id).map(|row| events::row(self, row)),
            RowId::Window(id, bucket) => limits::find(self, id, bucket).map(|row| limits::row(self, row)),
            RowId::Trip(id) => trips::find(self, id).map(|row| trips::row(self, row)),
            RowId::Request(id) => requests::find(self, id).map(|row| requests::row(self, row)),
        };
        row.map(|row| row.cells.iter().map(TableCell::text).collect::<Vec<_>>().join("\t"))
    }

    /// Row of an item as JSON; `None` if the row is not loaded.
    #[must_use]
    pub fn json(&self, item: RowId) -> Option<String> {
        let json = match item {
            RowId::Key(id) => keys::find(self, id).map(serde_json::to_string),
            RowId::Subscription(id) => subscriptions::find(self, id).map(serde_json::to_string),
            RowId::Attempt(id) => deliveries::find(self, id).map(serde_json::to_string),
            RowId::Event(id) => events::find(self, id).map(serde_json::to_string),
            RowId::Window(id, bucket) => limits::find(self, id, bucket).map(serde_json::to_string),
            RowId::Trip(id) => trips::find(self, id).map(serde_json::to_string),
            RowId::Request(id) => requests::find(self, id).map(serde_json::to_string),
        };
        json?.ok()
    }

    /// Summary of a pane for its title and for the strip of hidden panes.
    #[must_use]
    pub fn summary(&self, pane: Pane) -> String {
        match pane {
            Pane::Keys => keys::summary(self),
            Pane::Subscriptions => subscriptions::summary(self),
            Pane::Deliveries => deliveries::summary(self),
            Pane::Events => events::summary(self),
            Pane::Limits => limits::summary(self),
            Pane::Trips => trips::summary(self),
            Pane::Requests => requests::summary(self),
        }
    }

    /// Name of an item and its health status with the reason; `None` if the item is not loaded.
    #[must_use]
    pub fn named_health(&self, item: RowId) -> Option<(String, HealthAssessment<String>)> {
        match item {
            RowId::Key(id) => keys::find(self, id).map(|row| keys::named_health(self, row)),
            RowId::Subscription(id) => subscriptions::find(self, id).map(|row| subscriptions::named_health(self, row)),
            RowId::Attempt(id) => deliveries::find(self, id).map(deliveries::named_health),
            RowId::Event(id) => events::find(self, id).map(|row| events::named_health(self, row)),
            RowId::Window(id, bucket) => limits::find(self, id, bucket).map(limits::named_health),
            RowId::Trip(id) => trips::find(self, id).map(|row| trips::named_health(self, row)),
            RowId::Request(id) => requests::find(self, id).map(requests::named_health),
        }
    }

    /// Details of an item from loaded data, in lines of `room` columns; `None` if the item is not loaded.
    #[must_use]
    pub fn details(&self, item: RowId, room: usize) -> Option<Vec<Line<'static>>> {
        match item {
            RowId::Key(id) => keys::find(self, id).map(|row| keys::details(self, row, room)),
            RowId::Subscription(id) => subscriptions::find(self, id).map(|row| subscriptions::details(self, row, room)),
            RowId::Attempt(id) => deliveries::find(self, id).map(|row| deliveries::details(self, row, room)),
            RowId::Event(id) => events::find(self, id).map(|row| events::details(self, row, room)),
            RowId::Window(id, bucket) => limits::find(self, id, bucket).map(|row| limits::details(self, row, room)),
            RowId::Trip(id) => trips::find(self, id).map(|row| trips::details(self, row, room)),
            RowId::Request(id) => requests::find(self, id).map(|row| requests::details(self, row, room)),
        }
    }

    /// Cell with the mark and code of a health status.
    pub(super) fn state(&self, standing: HealthStatus) -> TableCell {
        let mark = (theme::mark(standing), self.theme.style(StyleRole::Mark(standing)));
        TableCell::marked(mark, theme::status_code(standing), self.theme.style(StyleRole::Word(standing)))
    }

    pub(super) fn text(&self, text: impl Into<String>) -> TableCell {
        TableCell::new(text, self.theme.style(StyleRole::Text))
    }

    pub(super) fn dim(&self, text: impl Into<String>) -> TableCell {
        TableCell::new(text, self.theme.style(StyleRole::Dim))
    }

    /// Cell for a value that a platform without a Portal does not report.
    pub(super) fn unknown_cell(&self) -> TableCell {
        self.dim("?")
    }

    /// Whether the platform has no Portal, so that only the Integration API's data is visible.
    #[must_use]
    pub fn has_no_portal(&self) -> bool {
        self.reach.findings().is_some()
    }

    /// Cell with a count: dim if it is 0, in the colour of a health status otherwise.
    pub(super) fn count_cell(&self, n: u64, standing: HealthStatus) -> TableCell {
        let role = if n == 0 { StyleRole::Dim } else { StyleRole::Word(standing) };
        TableCell::new(format::count(n), self.theme.style(role))
    }

    /// Past time for a cell: its age such as `9 s ago`, or a clock time such as `14:02:22`.
    pub(super) fn ago(&self, at: Timestamp) -> String {
        let age = self.now.since(at);
        match self.view_state.time_display {
            TimeDisplay::Ages => format!("{} ago", format::age(age)),
            TimeDisplay::Clock if age.as_secs() < 86_400 => at.format("%H:%M:%S"),
            TimeDisplay::Clock => at.format("%y-%m-%d"),
        }
    }

    pub(super) fn judgement_lines(&self, judgement: &HealthAssessment<String>, room: usize) -> Vec<Line<'static>> {
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
    pub(super) fn health_summary<T>(
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
        let total = format::number(listing.total);
        if (n_received as u64) < listing.total {
            if self.company.is_some() {
                return format!("at least {}   {n_received} of {total} loaded", shown.len());
            }
            return format!(
                "{} of {total} with problems   {n_received} of {total} shown",
                format::number(listing.n_alarming)
            );
        }
        if words.is_empty() {
            return if shown.is_empty() { "none".to_owned() } else { format!("{}, no problems", shown.len()) };
        }
        format!("{} of {}", words.join(" "), shown.len())
    }

    /// Extent of a log: the number of loaded rows, whether older ones exist, and a search in flight.
    pub(super) fn loaded_summary<T: NumberedRow>(&self, rows: &LogRows<'_, T>, noun: &str) -> String {
        match rows {
            LogRows::Paged(stretch) if stretch.n_searched() > 0 => format!(
                "searching: {} searched, {} found; Esc stops",
                format::plural(u64::from(stretch.n_searched()), "page"),
                stretch.n_rows()
            ),
            LogRows::Paged(stretch) => {
                let held = match stretch.failure() {
                    Some(why) => format!("incomplete: {why}"),
                    None if stretch.is_at_end() => format::plural(stretch.n_rows() as u64, noun),
                    None => format!("{} loaded", format::plural(stretch.n_rows() as u64, noun)),
                };
                match stretch.n_unseen() {
                    0 => held,
                    n => format!("{held}   {} not shown", format::number(n)),
                }
            }
            LogRows::Snapshot(_) => String::new(),
        }
    }
}
