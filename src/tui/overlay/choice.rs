//! Short list to choose from: copy format, visible columns, or time window of the logs.

use super::super::app::App;
use super::super::copy::CopyFormat;
use super::super::keymap::CursorMotion;
use super::super::panes::Pane;
use super::super::press::moved_row;
use super::super::theme::StyleRole;
use super::dialog;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
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
    /// Creates a list; for the time window, the present one is selected.
    #[must_use]
    pub fn new(app: &App, topic: ChoiceKind) -> Self {
        let selected = match topic {
            ChoiceKind::TimeWindow => {
                TIME_WINDOWS.iter().position(|(_, window)| *window == app.view_state.log_window).unwrap_or(0)
            }
            ChoiceKind::Copy | ChoiceKind::Columns(_) => 0,
        };
        Self { topic, selected }
    }

    /// Moves the selection up or down.
    pub fn step(&mut self, step: CursorMotion) {
        let n = match self.topic {
            ChoiceKind::Copy => CopyFormat::ALL.len(),
            ChoiceKind::Columns(pane) => pane.columns().len(),
            ChoiceKind::TimeWindow => TIME_WINDOWS.len(),
        };
        self.selected = moved_row(step, self.selected, n, n);
    }

    fn title(self) -> String {
        match self.topic {
            ChoiceKind::Copy => "Copy".to_owned(),
            ChoiceKind::Columns(_) => "Columns".to_owned(),
            ChoiceKind::TimeWindow => "Log time window".to_owned(),
        }
    }

    fn labels(self, app: &App) -> Vec<String> {
        match self.topic {
            ChoiceKind::Copy => CopyFormat::ALL.map(|form| form.label().to_owned()).to_vec(),
            ChoiceKind::TimeWindow => TIME_WINDOWS.map(|(label, _)| label.to_owned()).to_vec(),
            ChoiceKind::Columns(pane) => {
                let hidden = &app.view_state.pane(pane).hidden_columns;
                let boxed = |title: &str| if hidden.iter().any(|other| other == title) { "[ ]" } else { "[x]" };
                pane.columns().iter().map(|column| format!("{} {}", boxed(column.title), column.title)).collect()
            }
        }
    }
}

/// Draws the list in the middle of `area`, scrolled to the selected entry.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, choice: ChoiceList) {
    let theme = app.theme();
    let mut lines = Vec::new();
    if choice.topic == ChoiceKind::Copy {
        let n = app.target_items().len();
        let about = if n > 1 { format!("{n} marked rows") } else { "the selected row".to_owned() };
        lines.push(Line::styled(about, theme.style(StyleRole::Dim)));
    }
    let labels = choice.labels(app);
    let room = usize::from(area.height.saturating_sub(2)).saturating_sub(lines.len()).max(1);
    let first = (choice.selected + 1).saturating_sub(room);
    for (at, label) in labels.into_iter().enumerate().skip(first).take(room) {
        let is_selected = at == choice.selected;
        let mut line = Line::from(vec![
            Span::styled(if is_selected { "> " } else { "  " }, theme.style(StyleRole::Accent)),
            Span::styled(label, theme.style(StyleRole::Text)),
        ]);
        if is_selected {
            for span in &mut line.spans {
                span.style = span.style.patch(theme.style(StyleRole::Selected));
            }
        }
        lines.push(line);
    }
    dialog(buffer, area, app, &choice.title(), &lines);
}
