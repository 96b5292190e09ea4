//! List of the active alerts: the selected alert, by its subject, so that a new snapshot does not move the selection.

use crate::domain::alert::AlertSubject;
use crate::sync::alerts::Alert;
use crate::tui::ids::RowId;
use crate::tui::keys::action::{CursorMotion, moved_row};

/// List of alerts, with the subject of the selected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertList {
    pub(in crate::tui) selected: Option<AlertSubject>,
}

impl AlertList {
    /// Creates the list with the first alert, the worst one, selected.
    #[must_use]
    pub fn new(alerts: &[Alert]) -> Self {
        Self { selected: alerts.first().map(|alert| alert.subject) }
    }

    /// Moves the selection among the subjects of the alerts.
    pub fn step(&mut self, step: CursorMotion, subjects: &[AlertSubject], page: usize) {
        let at = subjects.iter().position(|subject| Some(*subject) == self.selected).unwrap_or(0);
        self.selected = subjects.get(moved_row(step, at, subjects.len(), page)).copied();
    }

    pub(in crate::tui) fn row(&self, alerts: &[Alert]) -> usize {
        alerts.iter().position(|alert| Some(alert.subject) == self.selected).unwrap_or(0)
    }

    /// Selected alert; the first one if the selected alert is over.
    #[must_use]
    pub fn alert<'a>(&self, alerts: &'a [Alert]) -> Option<&'a Alert> {
        alerts.get(self.row(alerts))
    }

    /// Item that the selected alert is about, if it has a detail view.
    #[must_use]
    pub fn item(&self, alerts: &[Alert]) -> Option<RowId> {
        match self.alert(alerts)?.subject {
            AlertSubject::Subscription(id) => Some(RowId::Subscription(id)),
            AlertSubject::Key(id) | AlertSubject::Poller(id) => Some(RowId::Key(id)),
            AlertSubject::Window(id, bucket) => Some(RowId::Window(id, bucket)),
            _ => None,
        }
    }
}
