//! History of drill-downs: the positions behind and ahead, and the drill-down that restricts the focused log.

use crate::sync::logs::ConsoleLogs;
use crate::tui::ids::{DrillDown, MainView, Pane};
use crate::tui::state::selection::PaneSelections;
use crate::tui::state::view_state::PaneFilter;

/// Position in the console that the history can return to.
#[derive(Debug, Clone)]
pub(in crate::tui) struct NavEntry {
    pub(in crate::tui) root: MainView,
    pub(in crate::tui) focus: Pane,
    pub(in crate::tui) places: PaneSelections,
    pub(in crate::tui) logs: ConsoleLogs,
    pub(in crate::tui) drill: Option<DrillDown>,
    /// Pane of the drill-down with the filter that was in force there.
    pub(in crate::tui) filter: (Pane, Option<PaneFilter>),
}

/// Drill-down history with the positions behind and ahead.
#[derive(Debug, Default)]
pub struct NavHistory {
    pub(in crate::tui) back: Vec<NavEntry>,
    pub(in crate::tui) ahead: Vec<NavEntry>,
    /// Drill-down that restricts the focused log, if there is one.
    pub drill: Option<DrillDown>,
}

impl NavHistory {
    /// Names of the drill-downs that led here, oldest first.
    #[must_use]
    pub fn breadcrumbs(&self) -> Vec<String> {
        let drills = self.back.iter().map(|stop| stop.drill).chain([self.drill]);
        drills.flatten().map(DrillDown::name).collect()
    }

    /// Whether there is a step back.
    #[must_use]
    pub fn can_go_back(&self) -> bool {
        !self.back.is_empty()
    }

    /// Whether there is a step forward.
    #[must_use]
    pub fn can_go_forward(&self) -> bool {
        !self.ahead.is_empty()
    }
}
