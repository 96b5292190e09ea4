//! List of companies, to restrict all panes to one of them: the fetched rows and the selected company.

use crate::domain::ids::CompanyId;
use crate::tui::keys::action::{CursorMotion, moved_row};
use crate::wire::keys::CompanyRow;

/// Fetch state of the companies.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::tui) enum CompanyListState {
    Waiting,
    Came(Vec<CompanyRow>),
    Failed(String),
}

/// List of companies, with "all companies" as its first entry.
#[derive(Debug, Clone, PartialEq)]
pub struct CompanyList {
    pub(in crate::tui) known: CompanyListState,
    pub(in crate::tui) selected: Option<CompanyId>,
}

impl CompanyList {
    /// Creates a list whose companies are being fetched, with the present company selected.
    #[must_use]
    pub const fn new(selected: Option<CompanyId>) -> Self {
        Self { known: CompanyListState::Waiting, selected }
    }

    /// Takes the fetched companies, or the reason why there are none.
    pub fn take(&mut self, came: Result<Vec<CompanyRow>, String>) {
        self.known = came.map_or_else(CompanyListState::Failed, CompanyListState::Came);
    }

    pub(in crate::tui) fn ids(&self) -> Vec<Option<CompanyId>> {
        let companies = match &self.known {
            CompanyListState::Came(companies) => &companies[..],
            CompanyListState::Waiting | CompanyListState::Failed(_) => &[],
        };
        std::iter::once(None).chain(companies.iter().map(|company| Some(company.id))).collect()
    }

    /// Moves the selection up or down.
    pub fn step(&mut self, step: CursorMotion) {
        let ids = self.ids();
        let at = ids.iter().position(|id| *id == self.selected).unwrap_or(0);
        self.selected = ids.get(moved_row(step, at, ids.len(), 10)).copied().flatten();
    }

    /// Chosen company, with `None` inside for all companies; nothing until the companies were fetched.
    #[must_use]
    pub fn chosen(&self) -> Option<Option<CompanyId>> {
        matches!(self.known, CompanyListState::Came(_)).then_some(self.selected)
    }
}
