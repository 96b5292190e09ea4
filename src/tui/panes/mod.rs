//! The five live panes. Each says what its columns, rows, tally and details are; here is what they share.

pub mod deliveries;
pub mod keys;
pub mod limits;
pub mod subscriptions;
pub mod trips;

use super::app::App;
use super::format;
use super::paint::{self, Title};
use super::places::{Following, Item};
use super::table::{Cell, Column, Row, Table};
use super::theme::{self, Role, Theme};
use crate::api::overview::Overview;
use crate::api::page::Listing;
use crate::domain::standing::{Judgement, Standing};
use crate::domain::time::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// A pane of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    /// API keys.
    Keys,
    /// Webhook subscriptions.
    Subscriptions,
    /// Rate windows.
    Limits,
    /// The breaker's history.
    Trips,
    /// The delivery log.
    Deliveries,
}

impl Pane {
    /// All of them, in the order of the focus.
    pub const ALL: [Self; 5] = [Self::Keys, Self::Subscriptions, Self::Limits, Self::Trips, Self::Deliveries];

    /// Its key and name.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Keys => "2 Keys",
            Self::Subscriptions => "3 Subscriptions",
            Self::Deliveries => "4 Deliveries",
            Self::Limits => "6 Headroom",
            Self::Trips => "7 Trips",
        }
    }

    /// The pane so many places on.
    #[must_use]
    pub fn stepped(self, by: usize) -> Self {
        Self::ALL[(self as usize + by) % Self::ALL.len()]
    }

    const fn columns(self) -> &'static [Column] {
        match self {
            Self::Keys => &keys::COLUMNS,
            Self::Subscriptions => &subscriptions::COLUMNS,
            Self::Deliveries => &deliveries::COLUMNS,
            Self::Limits => &limits::COLUMNS,
            Self::Trips => &trips::COLUMNS,
        }
    }

    const fn empty(self) -> &'static [&'static str] {
        match self {
            Self::Keys => &keys::EMPTY,
            Self::Subscriptions => &subscriptions::EMPTY,
            Self::Deliveries => &deliveries::EMPTY,
            Self::Limits => &limits::EMPTY,
            Self::Trips => &trips::EMPTY,
        }
    }
}

/// What a pane draws from.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// What was received.
    pub overview: &'a Overview,
    /// The platform's clock.
    pub now: Timestamp,
    /// What it looks like.
    pub theme: Theme,
}

impl View<'_> {
    fn n_rows(&self, pane: Pane) -> usize {
        match pane {
            Pane::Keys => self.overview.keys.items.len(),
            Pane::Subscriptions => self.overview.subscriptions.items.len(),
            Pane::Deliveries => self.overview.attempts.items.len(),
            Pane::Limits => self.overview.limits.items.len(),
            Pane::Trips => self.overview.trips.items.len(),
        }
    }

    fn row(&self, pane: Pane, at: usize) -> Row {
        match pane {
            Pane::Keys => keys::row(self, &self.overview.keys.items[at]),
            Pane::Subscriptions => subscriptions::row(self, &self.overview.subscriptions.items[at]),
            Pane::Deliveries => deliveries::row(self, &self.overview.attempts.items[at]),
            Pane::Limits => limits::row(self, &self.overview.limits.items[at]),
            Pane::Trips => trips::row(self, &self.overview.trips.items[at]),
        }
    }

    /// What stands beside a pane's title, and in the strip.
    #[must_use]
    pub fn tally(&self, pane: Pane) -> String {
        match pane {
            Pane::Keys => keys::tally(self),
            Pane::Subscriptions => subscriptions::tally(self),
            Pane::Deliveries => deliveries::tally(self),
            Pane::Limits => limits::tally(self),
            Pane::Trips => trips::tally(self),
        }
    }

    /// Why a thing is as it is, with its state and its name; `None` if it is not in the picture.
    #[must_use]
    pub fn judged(&self, item: Item) -> Option<(String, Judgement)> {
        match item {
            Item::Key(id) => keys::find(self, id).map(|row| keys::judged(self, row)),
            Item::Subscription(id) => subscriptions::find(self, id).map(subscriptions::judged),
            Item::Attempt(id) => deliveries::find(self, id).map(deliveries::judged),
            Item::Window(id, bucket) => limits::find(self, id, bucket).map(limits::judged),
            Item::Trip(id) => trips::find(self, id).map(|row| trips::judged(self, row)),
        }
    }

    /// What is known of a thing from the picture alone, in lines of `room` columns; `None` if it is not in it.
    #[must_use]
    pub fn details(&self, item: Item, room: usize) -> Option<Vec<Line<'static>>> {
        match item {
            Item::Key(id) => keys::find(self, id).map(|row| keys::details(self, row, room)),
            Item::Subscription(id) => subscriptions::find(self, id).map(|row| subscriptions::details(self, row, room)),
            Item::Attempt(id) => deliveries::find(self, id).map(|row| deliveries::details(self, row, room)),
            Item::Window(id, bucket) => limits::find(self, id, bucket).map(|row| limits::details(self, row, room)),
            Item::Trip(id) => trips::find(self, id).map(|row| trips::details(self, row, room)),
        }
    }

    /// A cell with a state's mark and word.
    fn state(&self, standing: Standing) -> Cell {
        let mark = (theme::mark(standing), self.theme.style(Role::Mark(standing)));
        Cell::marked(mark, theme::word(standing), self.theme.style(Role::Word(standing)))
    }

    fn text(&self, text: impl Into<String>) -> Cell {
        Cell::new(text, self.theme.style(Role::Text))
    }

    fn dim(&self, text: impl Into<String>) -> Cell {
        Cell::new(text, self.theme.style(Role::Dim))
    }

    /// A number that is quiet while it is 0 and has a state's colour otherwise.
    fn tinted(&self, n: u64, standing: Standing) -> Cell {
        let role = if n == 0 { Role::Dim } else { Role::Word(standing) };
        Cell::new(format::count(n), self.theme.style(role))
    }

    /// How long ago something of the platform was: `9 s ago`.
    fn ago(&self, at: Timestamp) -> String {
        format!("{} ago", format::age(self.now.since(at)))
    }

    fn judgement_lines(&self, judgement: &Judgement, room: usize) -> Vec<Line<'static>> {
        let standing = judgement.standing;
        let text = format!("{} {}  {}", theme::mark(standing), theme::word(standing), judgement.why);
        let style = self.theme.style(Role::Word(standing));
        format::flow(&text, room).into_iter().map(|line| Line::styled(line, style)).collect()
    }

    pub(super) fn labelled(&self, label: &str, value: &str, room: usize) -> Vec<Line<'static>> {
        paint::labelled(label, value, room, self.theme, self.theme.style(Role::Text))
    }
}

/// A moment with its date and how long ago it is, for details.
fn moment(view: &View<'_>, at: Timestamp) -> String {
    format!("{} UTC, {}", at.format("%Y-%m-%d %H:%M:%S"), view.ago(at))
}

/// How many rows are in which alarming state, `2 ERR 1 WRN of 12`; and how many of them are shown, if not all.
fn tally<T>(listing: &Listing<T>, standing: impl Fn(&T) -> Standing) -> String {
    let n_shown = listing.items.len();
    let mut words = Vec::new();
    for counted in [Standing::Tripped, Standing::Failing, Standing::Attention, Standing::Unknown] {
        let n = listing.items.iter().filter(|row| standing(row) == counted).count();
        if n > 0 {
            words.push(format!("{n} {}", theme::word(counted)));
        }
    }
    if (n_shown as u64) < listing.total {
        return format!(
            "{} alarming of {}   {n_shown} of {} shown",
            format::number(listing.n_alarming),
            format::number(listing.total),
            format::number(listing.total)
        );
    }
    if words.is_empty() {
        return if n_shown == 0 { "none".to_owned() } else { format!("{n_shown}, none alarming") };
    }
    format!("{} of {n_shown}", words.join(" "))
}

/// Draws a pane into `area`: framed where there is room, with the mark of age if it is old.
pub fn draw(buffer: &mut Buffer, area: Rect, app: &App, view: &View<'_>, pane: Pane) {
    let focused = app.focus == pane;
    let mut remark = view.tally(pane);
    if pane == Pane::Deliveries && app.places.following == Following::Newest && app.frozen.is_none() {
        remark = format!("follow ON   {remark}");
    }
    if let Some(age) = age_mark(app) {
        remark = format!("{age}   {remark}");
    }
    let edge = if focused { Role::Accent } else { Role::Border };
    let title = Title { name: pane.title(), remark: &remark, edge };
    let inner = if area.height > 7 {
        paint::frame(buffer, area, &title, view.theme)
    } else {
        paint::titles(buffer, area, &title, view.theme);
        Rect { y: area.y + 1.min(area.height), height: area.height.saturating_sub(1), ..area }
    };
    let n_rows = view.n_rows(pane);
    if n_rows == 0 {
        let style = view.theme.style(Role::Dim);
        let room = usize::from(inner.width.saturating_sub(2));
        let lines = pane.empty().iter().flat_map(|text| format::flow(text, room));
        let lines: Vec<_> = lines.map(|line| Line::styled(format!(" {line}"), style)).collect();
        return paint::lines(buffer, inner, &lines);
    }
    let selected = app.places.of(pane).row().filter(|_| focused);
    let table = Table { columns: pane.columns(), n_rows, selected, theme: view.theme };
    table.draw(buffer, inner, &|at| view.row(pane, at));
}

/// `as of 14:02:31?` when the picture is not live.
#[must_use]
pub fn age_mark(app: &App) -> Option<String> {
    use crate::monitor::link::Link;
    match app.shown().link {
        Link::Stale | Link::Offline { .. } => {
            app.shown().heard_at.map(|at| format!("as of {}?", at.format("%H:%M:%S")))
        }
        Link::Connecting | Link::Live | Link::Lagging => None,
    }
}
