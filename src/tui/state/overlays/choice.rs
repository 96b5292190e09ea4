//! Short list to choose from: copy format, visible columns, or time window of the logs, with the selected entry.

use crate::tui::ids::Pane;
use crate::tui::keys::action::{CursorMotion, moved_row};
use crate::tui::panes::rows_of;
use std::time::Duration;

/// Kind of choice that a list offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChoiceKind {
    /// Format in which the selected or marked rows are copied.
    Copy,
    /// Visible columns of a pane.
    Columns(Pane),
    /// Time window of the logs.
    TimeWindow,
}

/// Choice list with its selected entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChoiceList {
    /// Kind of choice that the list offers.
    pub topic: ChoiceKind,
    /// Index of the selected entry.
    pub selected: usize,
}

/// Time windows of the logs, with their labels.
pub const TIME_WINDOWS: [(&str, Option<Duration>); 7] = [
    ("everything stored", None),
    ("5 minutes", Some(Duration::from_secs(300))),
    ("15 minutes", Some(Duration::from_secs(900))),
    ("1 hour", Some(Duration::from_secs(3_600))),
    ("6 hours", Some(Duration::from_secs(21_600))),
    ("24 hours", Some(Duration::from_secs(86_400))),
    ("7 days", Some(Duration::from_secs(604_800))),
];

impl ChoiceList {
    /// Moves the selection up or down.
    pub fn step(&mut self, step: CursorMotion) {
        let n = match self.topic {
            ChoiceKind::Copy => CopyFormat::ALL.len(),
            ChoiceKind::Columns(pane) => rows_of(pane).columns().len(),
            ChoiceKind::TimeWindow => TIME_WINDOWS.len(),
        };
        self.selected = moved_row(step, self.selected, n, n);
    }

    pub(in crate::tui) fn title(self) -> String {
        match self.topic {
            ChoiceKind::Copy => "Copy".to_owned(),
            ChoiceKind::Columns(_) => "Columns".to_owned(),
            ChoiceKind::TimeWindow => "Log time window".to_owned(),
        }
    }
}

/// Format in which rows are copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFormat {
    /// Number of the item alone.
    Id,
    /// Cells of the row, separated by tabs.
    Row,
    /// Row as JSON, as it was received.
    Json,
    /// `curl` command that requests the item; the token is the variable `$TOKEN`.
    Curl,
    /// URL of the item in the Portal API.
    Link,
}

impl CopyFormat {
    /// All formats, in the order of the menu.
    pub const ALL: [Self; 5] = [Self::Id, Self::Row, Self::Json, Self::Curl, Self::Link];

    /// Label of the format in the menu.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Row => "row, tab-separated",
            Self::Json => "JSON, one line per row",
            Self::Curl => "curl, token as $TOKEN",
            Self::Link => "link",
        }
    }
}
