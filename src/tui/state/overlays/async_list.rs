//! Lists of replays and operators, which are fetched when they open and again after changes: the rows, the fetch in
//! flight, the last failure, and the selected row by its id.

use crate::domain::ids::{OperatorId, ReplayId};
use crate::domain::replay::ReplayState;
use crate::tui::keys::action::{CursorMotion, moved_row};
use crate::wire::operators::OperatorRow;
use crate::wire::page::Page;
use crate::wire::replays::ReplayRow;

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
    pub(in crate::tui) rows: Option<Vec<T>>,
    /// Whether the list has rows that were not fetched.
    pub(in crate::tui) is_cut: bool,
    /// Reason why the latest fetch failed.
    pub(in crate::tui) failure: Option<String>,
    /// Whether a fetch is in flight.
    pub(in crate::tui) fetch: ListFetchState,
    pub(in crate::tui) selected: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum ListFetchState {
    Idle,
    InFlight,
    /// Fetch is in flight, and its answer will be outdated.
    InFlightOutdated,
}

impl<T: IdentifiedRow> AsyncList<T> {
    /// Creates a list whose first fetch is in flight.
    #[must_use]
    pub const fn fetching() -> Self {
        Self { rows: None, is_cut: false, failure: None, fetch: ListFetchState::InFlight, selected: None }
    }

    /// Requests a fetch after a change. Returns whether to start one now; a fetch in flight is followed by another
    /// instead.
    pub fn request_fetch(&mut self) -> bool {
        let is_idle = self.fetch == ListFetchState::Idle;
        self.fetch = if is_idle { ListFetchState::InFlight } else { ListFetchState::InFlightOutdated };
        is_idle
    }

    /// Takes the result of a fetch; returns whether to fetch again at once.
    pub fn on_fetched(&mut self, came: Result<Page<T>, String>) -> bool {
        match came {
            Ok(page) => {
                self.selected = self.selected.or_else(|| page.items.first().map(IdentifiedRow::row_id));
                self.is_cut = page.has_more;
                (self.rows, self.failure) = (Some(page.items), None);
            }
            Err(why) => self.failure = Some(why),
        }
        let is_old = self.fetch == ListFetchState::InFlightOutdated;
        self.fetch = if is_old { ListFetchState::InFlight } else { ListFetchState::Idle };
        is_old
    }

    pub(in crate::tui) fn rows(&self) -> &[T] {
        self.rows.as_deref().unwrap_or_default()
    }

    pub(in crate::tui) fn at(&self) -> usize {
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
