//! Menu of actions on an item, or on marked items of one kind: the items, the pane, and the selected entry.

use crate::sync::platform_change::PlatformChange;
use crate::tui::ids::{FormPurpose, Pane, RowId};
use crate::tui::keys::action::{CursorMotion, moved_row};

/// Entry of the action menu.
#[derive(Debug, Clone, PartialEq)]
pub enum MenuEntry {
    /// Change, which is made after a confirmation.
    Change(PlatformChange),
    /// Form, which leads to a change.
    Form(FormPurpose),
}

/// Action menu with its selected entry.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionMenu {
    /// Items the menu is about, all of one kind; empty where something can only be created.
    pub(in crate::tui) items: Vec<RowId>,
    /// Pane that the menu was opened from.
    pub(in crate::tui) pane: Pane,
    /// Result that opened the menu, shown above the entries.
    pub(in crate::tui) result: Option<String>,
    pub(in crate::tui) selected: usize,
}

impl ActionMenu {
    /// Creates a menu for items of one kind, or for a pane without items.
    #[must_use]
    pub const fn new(items: Vec<RowId>, pane: Pane) -> Self {
        Self { items, pane, result: None, selected: 0 }
    }

    /// Creates a menu that offers follow-up actions after a result.
    #[must_use]
    pub fn follow_up(told: String, item: RowId, pane: Pane) -> Self {
        // The first entry repeats what was just done, so the second one is selected.
        Self { items: vec![item], pane, result: Some(told), selected: 1 }
    }

    /// Items the menu is about, all of one kind.
    #[must_use]
    pub fn items(&self) -> &[RowId] {
        &self.items
    }

    /// Moves the selection among `n_entries` entries.
    pub fn step(&mut self, step: CursorMotion, n_entries: usize) {
        self.selected = moved_row(step, self.selected, n_entries, n_entries);
    }

    pub(in crate::tui) fn title(&self) -> String {
        match self.items.as_slice() {
            [] => "Actions".to_owned(),
            [item] => format!("Actions on {item}"),
            items => format!("Actions on {} marked rows", items.len()),
        }
    }
}
