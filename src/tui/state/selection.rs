//! Selection in each pane, by id, so that a new snapshot cannot move the cursor to another item.

use crate::tui::ids::{Pane, RowId};

/// Whether the operator placed a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum CursorOwner {
    /// Cursor rests on the first row, the worst one.
    #[default]
    Resting,
    /// Operator placed the cursor: it stays with its row.
    Placed,
}

/// Selected row of one pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PaneSelection {
    selected: Option<RowId>,
    row: usize,
    owner: CursorOwner,
}

/// Effect of new rows on a selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelectionChange {
    /// Selection is unchanged, or there was none.
    Kept,
    /// Selected row disappeared, and its neighbour was selected.
    Moved,
}

impl PaneSelection {
    /// Id of the selected row.
    #[must_use]
    pub const fn selected(&self) -> Option<RowId> {
        self.selected
    }

    /// Present index of the selected row.
    #[must_use]
    pub fn row(&self) -> Option<usize> {
        self.selected.map(|_| self.row)
    }

    /// Selects a row by its index, or the last row if there are fewer.
    pub fn select(&mut self, row: usize, items: &[RowId]) {
        self.put(row, items);
        self.keep_row();
    }

    /// Marks the cursor as placed by the operator, so that it stays with its row.
    pub fn keep_row(&mut self) {
        self.owner = CursorOwner::Placed;
    }

    fn put(&mut self, row: usize, items: &[RowId]) {
        self.row = row.min(items.len().saturating_sub(1));
        self.selected = items.get(self.row).copied();
    }

    /// Finds the selected row among new ones; a resting cursor stays on the first row.
    pub fn settle(&mut self, items: &[RowId]) -> SelectionChange {
        let (Some(selected), CursorOwner::Placed) = (self.selected, self.owner) else {
            self.put(0, items);
            return SelectionChange::Kept;
        };
        if let Some(row) = items.iter().position(|item| *item == selected) {
            self.row = row;
            return SelectionChange::Kept;
        }
        self.put(self.row, items);
        SelectionChange::Moved
    }
}

/// Whether the newest row of a log stays selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FollowMode {
    /// Newest row is selected whenever rows arrive.
    #[default]
    Newest,
    /// Selection stays with its row.
    Nothing,
}

impl FollowMode {
    /// Opposite of this follow mode.
    #[must_use]
    pub const fn switched(self) -> Self {
        match self {
            Self::Newest => Self::Nothing,
            Self::Nothing => Self::Newest,
        }
    }
}

/// Selections and follow modes of all panes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PaneSelections {
    places: [PaneSelection; Pane::ALL.len()],
    following: [FollowMode; Pane::ALL.len()],
}

impl PaneSelections {
    /// Selected row of one pane.
    #[must_use]
    pub fn of(&self, pane: Pane) -> &PaneSelection {
        &self.places[pane as usize]
    }

    /// Selection of a pane, to be changed.
    pub fn of_mut(&mut self, pane: Pane) -> &mut PaneSelection {
        &mut self.places[pane as usize]
    }

    /// Follow mode of a pane. Only the logs of deliveries, events and requests can follow.
    #[must_use]
    pub fn follow_mode(&self, pane: Pane) -> FollowMode {
        if pane.is_log() && pane != Pane::Trips { self.following[pane as usize] } else { FollowMode::Nothing }
    }

    /// Sets the follow mode of a log.
    pub fn set_follow_mode(&mut self, pane: Pane, following: FollowMode) {
        self.following[pane as usize] = following;
    }

    /// Finds the selected row of a pane among new rows, or selects the newest one if the pane follows.
    pub fn reselect(&mut self, pane: Pane, items: &[RowId]) -> SelectionChange {
        if self.follow_mode(pane) == FollowMode::Newest {
            self.of_mut(pane).put(0, items);
            return SelectionChange::Kept;
        }
        self.of_mut(pane).settle(items)
    }
}
