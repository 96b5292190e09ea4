//! Data that panes draw from: the snapshot, the loaded log pages, and the chosen company.

use super::{Pane, deliveries, events, keys, limits, requests, subscriptions, trips};
use crate::api::overview::PlatformOverview;
use crate::api::readable::UnreadableRows;
use crate::domain::health_status::{HealthAssessment, HealthStatus};
use crate::domain::ids::CompanyId;
use crate::domain::query::matching;
use crate::domain::time::Timestamp;
use crate::monitor::log_window::{LogWindow, NumberedRow};
use crate::monitor::logs::ConsoleLogs;
use crate::monitor::visibility::PlatformVisibility;
use crate::tui::desk::{Desk, Times};
use crate::tui::format;
use crate::tui::paint;
use crate::tui::places::Item;
use crate::tui::table::{Cell, Row};
use crate::tui::theme::{self, Role, Theme};
use ratatui::text::Line;

/// Data that a pane draws from, for one frame.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// Overview received from the platform.
    pub overview: &'a PlatformOverview,
    /// What the platform lets the console see.
    pub reach: &'a PlatformVisibility,
    /// Log pages loaded so far.
    pub logs: &'a ConsoleLogs,
    /// Company that all panes are restricted to; `None` shows all.
    pub company: Option<CompanyId>,
    /// Filters, sort orders and other view state.
    pub desk: &'a Desk,
    /// Present time by the platform's clock.
    pub now: Timestamp,
    /// Colour theme that cells are styled with.
    pub theme: Theme,
}

/// Rows of a log: the paged ones, or the newest ones from the snapshot.
#[derive(Debug)]
pub(in crate::tui) enum Rows<'a, T> {
    Stretch(&'a LogWindow<T>),
    Picture(&'a [T]),
}

impl<'a, T: NumberedRow> Rows<'a, T> {
    /// Paged rows once a page was received, otherwise those of the snapshot.
    pub(super) fn of(stretch: &'a LogWindow<T>, picture: &'a [T]) -> Self {
        if stretch.has_pages() { Self::Stretch(stretch) } else { Self::Picture(picture) }
    }

    pub(super) fn get(&self, at: usize) -> Option<&'a T> {
        match self {
            Self::Stretch(stretch) => stretch.row(at),
            Self::Picture(rows) => rows.get(at),
        }
    }

    fn all(self) -> Vec<&'a T> {
        match self {
            Self::Stretch(stretch) => stretch.rows().collect(),
            Self::Picture(rows) => rows.iter().collect(),
        }
    }
}

/// Order of a pane's visible rows: the position of each among the received rows, and its id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Order {
    places: Vec<usize>,
    /// Ids of the rows, in display order.
    pub items: Vec<Item>,
}

impl View<'_> {
    /// Visible rows of a pane: filtered, restricted to the company, and sorted.
    #[must_use]
    pub fn order(&self, pane: Pane) -> Order {
        let of = self.overview;
        match pane {
            Pane::Keys => self.pick(pane, &of.keys.items, |row| (row.company_id, Item::Key(row.id))),
            Pane::Subscriptions => self.pick(pane, &of.subscriptions.items, |row| {
                (row.subscription.company_id, Item::Subscription(row.subscription.id))
            }),
            Pane::Limits => {
                self.pick(pane, &of.limits.items, |row| (row.company_id, Item::Window(row.key_id, row.bucket)))
            }
            Pane::Trips => self.pick(pane, trips::rows(self).all(), |row| (row.company_id, Item::Trip(row.id))),
            Pane::Deliveries => {
                self.pick(pane, deliveries::rows(self).all(), |row| (row.company_id, Item::Attempt(row.id)))
            }
            Pane::Events => self.pick(pane, events::rows(self).all(), |row| (row.company_id, Item::Event(row.id))),
            // Requests without a known key belong to no company; with a company chosen, the platform leaves them out.
            Pane::Requests => self.pick(pane, requests::rows(self).all(), |row| {
                (self.company.or(row.company_id).unwrap_or(CompanyId(0)), Item::Request(row.id))
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

    fn pick<'r, T: matching::QueryableRow + 'r>(
        &self,
        pane: Pane,
        rows: impl IntoIterator<Item = &'r T>,
        about: impl Fn(&T) -> (CompanyId, Item),
    ) -> Order {
        let mut kept = Vec::new();
        for (place, row) in rows.into_iter().enumerate() {
            let (company, item) = about(row);
            let is_asked_for = self.company.is_none_or(|wanted| wanted == company);
            if is_asked_for && self.desk.lets_through(pane, row, self.now) {
                kept.push((place, item, row));
            }
        }
        self.desk.sort(pane, &mut kept, self.now);
        let (places, items) = kept.into_iter().map(|(place, item, _)| (place, item)).unzip();
        Order { places, items }
    }

    /// Builds the row at a position of an order; an empty row if there is none.
    pub(super) fn row(&self, pane: Pane, order: &Order, at: usize) -> Row {
        let nothing = Row { cells: Vec::new(), below: Vec::new() };
        let Some(place) = order.places.get(at).copied() else { return nothing };
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
        self.each(pane, &mut |_| n += 1);
        n
    }

    /// Calls `visit` for all rows a pane has loaded, visible or not.
    pub fn each(&self, pane: Pane, visit: &mut dyn FnMut(&dyn matching::QueryableRow)) {
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
    pub fn row_text(&self, item: Item) -> Option<String> {
        let row = match item {
            Item::Key(id) => keys::find(self, id).map(|row| keys::row(self, row)),
            Item::Subscription(id) => subscriptions::find(self, id).map(|row| subscriptions::row(self, row)),
            Item::Attempt(id) => deliveries::find(self, id).map(|row| deliveries::row(self, row)),
            Item::Event(id) => events::find(self, id).map(|row| events::row(self, row)),
            Item::Window(id, bucket) => limits::find(self, id, bucket).map(|row| limits::row(self, row)),
            Item::Trip(id) => trips::find(self, id).map(|row| trips::row(self, row)),
            Item::Request(id) => requests::find(self, id).map(|row| requests::row(self, row)),
        };
        row.map(|row| row.cells.iter().map(Cell::text).collect::<Vec<_>>().join("\t"))
    }

    /// Row of an item as JSON; `None` if the row is not loaded.
    #[must_use]
    pub fn json(&self, item: Item) -> Option<String> {
        let json = match item {
            Item::Key(id) => keys::find(self, id).map(serde_json::to_string),
            Item::Subscription(id) => subscriptions::find(self, id).map(serde_json::to_string),
            Item::Attempt(id) => deliveries::find(self, id).map(serde_json::to_string),
            Item::Event(id) => events::find(self, id).map(serde_json::to_string),
            Item::Window(id, bucket) => limits::find(self, id, bucket).map(serde_json::to_string),
            Item::Trip(id) => trips::find(self, id).map(serde_json::to_string),
            Item::Request(id) => requests::find(self, id).map(serde_json::to_string),
        };
        json?.ok()
    }

    /// Summary of a pane for its title and for the strip of hidden panes.
    #[must_use]
    pub fn tally(&self, pane: Pane) -> String {
        match pane {
            Pane::Keys => keys::tally(self),
            Pane::Subscriptions => subscriptions::tally(self),
            Pane::Deliveries => deliveries::tally(self),
            Pane::Events => events::tally(self),
            Pane::Limits => limits::tally(self),
            Pane::Trips => trips::tally(self),
            Pane::Requests => requests::tally(self),
        }
    }

    /// Name of an item and its health status with the reason; `None` if the item is not loaded.
    #[must_use]
    pub fn judged(&self, item: Item) -> Option<(String, HealthAssessment<String>)> {
        match item {
            Item::Key(id) => keys::find(self, id).map(|row| keys::judged(self, row)),
            Item::Subscription(id) => subscriptions::find(self, id).map(|row| subscriptions::judged(self, row)),
            Item::Attempt(id) => deliveries::find(self, id).map(deliveries::judged),
            Item::Event(id) => events::find(self, id).map(|row| events::judged(self, row)),
            Item::Window(id, bucket) => limits::find(self, id, bucket).map(limits::judged),
            Item::Trip(id) => trips::find(self, id).map(|row| trips::judged(self, row)),
            Item::Request(id) => requests::find(self, id).map(requests::judged),
        }
    }

    /// Details of an item from loaded data, in lines of `room` columns; `None` if the item is not loaded.
    #[must_use]
    pub fn details(&self, item: Item, room: usize) -> Option<Vec<Line<'static>>> {
        match item {
            Item::Key(id) => keys::find(self, id).map(|row| keys::details(self, row, room)),
            Item::Subscription(id) => subscriptions::find(self, id).map(|row| subscriptions::details(self, row, room)),
            Item::Attempt(id) => deliveries::find(self, id).map(|row| deliveries::details(self, row, room)),
            Item::Event(id) => events::find(self, id).map(|row| events::details(self, row, room)),
            Item::Window(id, bucket) => limits::find(self, id, bucket).map(|row| limits::details(self, row, room)),
            Item::Trip(id) => trips::find(self, id).map(|row| trips::details(self, row, room)),
            Item::Request(id) => requests::find(self, id).map(|row| requests::details(self, row, room)),
        }
    }

    /// Cell with the mark and code of a health status.
    pub(super) fn state(&self, standing: HealthStatus) -> Cell {
        let mark = (theme::mark(standing), self.theme.style(Role::Mark(standing)));
        Cell::marked(mark, theme::word(standing), self.theme.style(Role::Word(standing)))
    }

    pub(super) fn text(&self, text: impl Into<String>) -> Cell {
        Cell::new(text, self.theme.style(Role::Text))
    }

    pub(super) fn dim(&self, text: impl Into<String>) -> Cell {
        Cell::new(text, self.theme.style(Role::Dim))
    }

    /// Cell for a value that a platform without a Portal does not report.
    pub(super) fn untold(&self) -> Cell {
        self.dim("?")
    }

    /// Whether the platform has no Portal, so that only the Integration API's data is visible.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.reach.findings().is_some()
    }

    /// Cell with a count: dim if it is 0, in the colour of a health status otherwise.
    pub(super) fn tinted(&self, n: u64, standing: HealthStatus) -> Cell {
        let role = if n == 0 { Role::Dim } else { Role::Word(standing) };
        Cell::new(format::count(n), self.theme.style(role))
    }

    /// Past time for a cell: its age such as `9 s ago`, or a clock time such as `14:02:22`.
    pub(super) fn ago(&self, at: Timestamp) -> String {
        let age = self.now.since(at);
        match self.desk.times {
            Times::Ages => format!("{} ago", format::age(age)),
            Times::Clock if age.as_secs() < 86_400 => at.format("%H:%M:%S"),
            Times::Clock => at.format("%y-%m-%d"),
        }
    }

    pub(super) fn judgement_lines(&self, judgement: &HealthAssessment<String>, room: usize) -> Vec<Line<'static>> {
        let standing = judgement.status;
        let text = format!("{} {}  {}", theme::mark(standing), theme::word(standing), judgement.reason);
        let style = self.theme.style(Role::Word(standing));
        format::flow(&text, room).into_iter().map(|line| Line::styled(line, style)).collect()
    }

    pub(in crate::tui) fn labelled(&self, label: &str, value: &str, room: usize) -> Vec<Line<'static>> {
        paint::labelled(label, value, room, self.theme, self.theme.style(Role::Text))
    }

    /// Past time for details: date, time and age.
    pub(in crate::tui) fn moment(&self, at: Timestamp) -> String {
        format!("{} UTC, {} ago", at.format("%Y-%m-%d %H:%M:%S"), format::age(self.now.since(at)))
    }

    /// Number of rows per alarming health status, such as `2 ERR 1 WRN of 12`; says so if only a part of all rows is
    /// loaded.
    pub(super) fn tally_of<T>(
        &self,
        listing: &crate::api::page::CappedList<T>,
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
                words.push(format!("{n} {}", theme::word(counted)));
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
    pub(super) fn held<T: NumberedRow>(&self, rows: &Rows<'_, T>, noun: &str) -> String {
        match rows {
            Rows::Stretch(stretch) if stretch.n_searched() > 0 => format!(
                "searching: {} searched, {} found; Esc stops",
                format::plural(u64::from(stretch.n_searched()), "page"),
                stretch.n_rows()
            ),
            Rows::Stretch(stretch) => {
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
            Rows::Picture(_) => String::new(),
        }
    }
}
