//! Lists that are fetched when opened and again while open: replays with their progress, and operators.

use super::super::app::App;
use super::super::format;
use super::super::keymap::CursorMotion;
use super::super::paint::{self, FrameTitle};
use super::super::press::moved_row;
use super::super::table::{TableCell, TableColumn, TableRow, TableView, numbers, words};
use super::super::theme::StyleRole;
use crate::domain::ids::{OperatorId, ReplayId};
use crate::domain::replay::ReplayState;
use crate::domain::time::Timestamp;
use crate::wire::operators::OperatorRow;
use crate::wire::replays::ReplayRow;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget};
use std::time::Duration;

/// Row with a number by which it is selected.
pub trait IdentifiedRow {
    /// Number of the row, unique in its list.
    fn row_id(&self) -> i64;
}

impl IdentifiedRow for ReplayRow {
    fn row_id(&self) -> i64 {
        self.id.0
    }
}

impl IdentifiedRow for OperatorRow {
    fn row_id(&self) -> i64 {
        self.id.0
    }
}

/// List that is fetched asynchronously, with its selected row.
#[derive(Debug, Clone, PartialEq)]
pub struct AsyncList<T> {
    rows: Option<Vec<T>>,
    /// Reason why the latest fetch failed.
    failure: Option<String>,
    /// Whether a fetch is in flight.
    fetch: ListFetchState,
    selected: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ListFetchState {
    Idle,
    InFlight,
    /// Fetch is in flight, and its answer will be outdated.
    InFlightOutdated,
}

impl<T: IdentifiedRow> AsyncList<T> {
    /// Creates a list whose first fetch is in flight.
    #[must_use]
    pub const fn fetching() -> Self {
        Self { rows: None, failure: None, fetch: ListFetchState::InFlight, selected: None }
    }

    /// Requests a fetch after a change. Returns whether to start one now; a fetch in flight is followed by another
    /// instead.
    pub fn request_fetch(&mut self) -> bool {
        let is_idle = self.fetch == ListFetchState::Idle;
        self.fetch = if is_idle { ListFetchState::InFlight } else { ListFetchState::InFlightOutdated };
        is_idle
    }

    /// Takes the result of a fetch; returns whether to fetch again at once.
    pub fn on_fetched(&mut self, came: Result<Vec<T>, String>) -> bool {
        match came {
            Ok(rows) => {
                self.selected = self.selected.or_else(|| rows.first().map(IdentifiedRow::row_id));
                (self.rows, self.failure) = (Some(rows), None);
            }
            Err(why) => self.failure = Some(why),
        }
        let is_old = self.fetch == ListFetchState::InFlightOutdated;
        self.fetch = if is_old { ListFetchState::InFlight } else { ListFetchState::Idle };
        is_old
    }

    fn rows(&self) -> &[T] {
        self.rows.as_deref().unwrap_or_default()
    }

    fn at(&self) -> usize {
        self.rows().iter().position(|row| Some(row.row_id()) == self.selected).unwrap_or(0)
    }

    /// Moves the selection up or down.
    pub fn step(&mut self, step: CursorMotion, page: usize) {
        let at = moved_row(step, self.at(), self.rows().len(), page);
        self.selected = self.rows().get(at).map(IdentifiedRow::row_id);
    }

    /// Selected row, if the list has any.
    #[must_use]
    pub fn selected(&self) -> Option<&T> {
        self.rows().get(self.at())
    }
}

/// List of replays with their progress.
pub type ReplayList = AsyncList<ReplayRow>;
/// List of operators and their roles.
pub type OperatorList = AsyncList<OperatorRow>;

impl ReplayList {
    /// State that the selected replay would change to: paused if it runs, running if it is paused.
    ///
    /// # Errors
    /// A one-line reason when the replay is over or the list is empty.
    pub fn next_state(&self) -> Result<(ReplayId, ReplayState), String> {
        let row = self.selected().ok_or("no replay selected")?;
        match row.phase {
            ReplayState::Running => Ok((row.id, ReplayState::Paused)),
            ReplayState::Paused => Ok((row.id, ReplayState::Running)),
            ReplayState::Cancelled | ReplayState::Finished => {
                Err(format!("replay {} has ended: {}", row.id, row.phase.name()))
            }
        }
    }

    /// Selected replay, if it can be cancelled.
    ///
    /// # Errors
    /// A one-line reason when it cannot be cancelled.
    pub fn cancellable(&self) -> Result<ReplayId, String> {
        self.next_state().map(|(id, _)| id)
    }
}

impl OperatorList {
    /// Selected operator, if it can be revoked.
    ///
    /// # Errors
    /// A one-line reason when it cannot be revoked.
    pub fn revocable(&self) -> Result<OperatorId, String> {
        let row = self.selected().ok_or("no operator selected")?;
        if row.is_active { Ok(row.id) } else { Err(format!("operator {} is revoked", row.id)) }
    }
}

const REPLAY_COLUMNS: [TableColumn; 8] = [
    numbers("REPLAY", 6, 0),
    numbers("SUB", 5, 1),
    words("PHASE", 9, 9, 0),
    words("PROGRESS", 14, 40, 0),
    numbers("DONE", 13, 2),
    numbers("DELIVERED", 9, 3),
    numbers("FAILED", 8, 4),
    words("LEFT", 8, 30, 5),
];

const OPERATOR_COLUMNS: [TableColumn; 5] = [
    numbers("ID", 4, 0),
    words("STATE", 7, 7, 0),
    words("NAME", 14, 40, 0),
    words("ROLE", 8, 8, 0),
    words("CREATED UTC", 19, 19, 1),
];

/// Remaining work of a replay in words: the time at its rate, or the number of deliveries.
fn left(row: &ReplayRow) -> String {
    let done = row.progress.n_taken + row.progress.n_passed;
    let n = row.progress.n_selected.saturating_sub(done);
    match row.phase {
        ReplayState::Running => {
            let seconds = n.div_ceil(u64::from(row.rate_per_second.max(1)));
            format!("~{} at {}/s", format::age(Duration::from_secs(seconds)), row.rate_per_second)
        }
        ReplayState::Paused => format!("{} waiting", format::number(n)),
        ReplayState::Cancelled => format!("{} not sent", format::number(n)),
        ReplayState::Finished => row.ended_utc.map_or_else(String::new, |at: Timestamp| at.format("%H:%M:%S")),
    }
}

fn replay(app: &App, row: &ReplayRow) -> TableRow {
    let theme = app.theme();
    let style = |role| theme.style(role);
    let progress = row.progress;
    let done = progress.n_taken + progress.n_passed;
    let role =
        if matches!(row.phase, ReplayState::Running | ReplayState::Paused) { StyleRole::Text } else { StyleRole::Dim };
    let given_up = if progress.n_exhausted > 0 { StyleRole::Trouble } else { StyleRole::Dim };
    TableRow {
        cells: vec![
            TableCell::new(row.id.to_string(), style(role)),
            TableCell::new(row.subscription_id.to_string(), style(role)),
            TableCell::new(row.phase.name(), style(role)),
            TableCell::bar(done, progress.n_selected, style(role)),
            TableCell::new(format!("{}/{}", format::count(done), format::count(progress.n_selected)), style(role)),
            TableCell::new(format::count(progress.n_succeeded), style(role)),
            TableCell::new(format::count(progress.n_exhausted), style(given_up)),
            TableCell::new(left(row), style(StyleRole::Dim)),
        ],
        below: Vec::new(),
    }
}

fn operator(app: &App, row: &OperatorRow) -> TableRow {
    let theme = app.theme();
    let (state, role) = if row.is_active { ("active", StyleRole::Text) } else { ("revoked", StyleRole::Dim) };
    TableRow {
        cells: vec![
            TableCell::new(row.id.to_string(), theme.style(role)),
            TableCell::new(state, theme.style(role)),
            TableCell::new(row.name.sanitized(), theme.style(role)),
            TableCell::new(row.role.name(), theme.style(role)),
            TableCell::new(row.created_utc.format("%Y-%m-%d %H:%M:%S"), theme.style(StyleRole::Dim)),
        ],
        below: Vec::new(),
    }
}

/// Draws the replays over `area`.
pub(super) fn draw_replays(buffer: &mut Buffer, area: Rect, app: &App, list: &ReplayList) {
    let empty = [
        "No replays yet.",
        "Replays and their progress appear here. Press x on a subscription to start one, or enable it with replay.",
    ];
    draw(
        buffer,
        area,
        app,
        list,
        &ListHeading { name: "Replays", order: "newest first", columns: &REPLAY_COLUMNS, empty },
        &|row| replay(app, row),
    );
}

/// Draws the operators over `area`.
pub(super) fn draw_operators(buffer: &mut Buffer, area: Rect, app: &App, list: &OperatorList) {
    let empty = ["No operators except this console's own.", "Press N to create one; its token is shown once."];
    draw(
        buffer,
        area,
        app,
        list,
        &ListHeading { name: "Operators", order: "oldest first", columns: &OPERATOR_COLUMNS, empty },
        &|row| operator(app, row),
    );
}

/// Labels and columns of a list.
struct ListHeading<'a> {
    name: &'a str,
    order: &'a str,
    columns: &'a [TableColumn],
    empty: [&'a str; 2],
}

fn draw<T: IdentifiedRow>(
    buffer: &mut Buffer,
    area: Rect,
    app: &App,
    list: &AsyncList<T>,
    about: &ListHeading<'_>,
    row: &dyn Fn(&T) -> TableRow,
) {
    Clear.render(area, buffer);
    let theme = app.theme();
    let rows = list.rows();
    let remark = match (&list.failure, &list.rows) {
        (Some(why), Some(_)) => format!("refresh failed: {why}"),
        (_, Some(rows)) => format!("{}, {}", rows.len(), about.order),
        _ => String::new(),
    };
    let inner =
        paint::frame(buffer, area, &FrameTitle { name: about.name, remark: &remark, edge: StyleRole::Accent }, theme);
    let said: Vec<String> = match (&list.rows, &list.failure) {
        (None, None) => vec!["loading …".to_owned()],
        (None, Some(why)) => vec![format!("could not load: {why}")],
        (Some(rows), _) if rows.is_empty() => about.empty.map(str::to_owned).to_vec(),
        _ => Vec::new(),
    };
    if !said.is_empty() {
        let room = usize::from(inner.width.saturating_sub(2));
        let lines = said.into_iter().flat_map(|text| format::wrap_words(&text, room));
        let lines: Vec<_> = lines.map(|line| Line::styled(format!(" {line}"), theme.style(StyleRole::Dim))).collect();
        return paint::lines(buffer, inner, &lines);
    }
    let columns = about.columns;
    let table = TableView { columns, n_rows: rows.len(), selected: Some(list.at()), marked: &[], hidden: &[], theme };
    table.draw(buffer, inner, &|at| row(&rows[at]));
}
