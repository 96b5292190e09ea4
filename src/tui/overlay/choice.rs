//! A short list to choose from: what to copy, which columns, how far back logs go.

use super::super::app::App;
use super::super::copy::Form;
use super::super::keymap::Step;
use super::super::panes::Pane;
use super::super::press::stepped;
use super::super::theme::Role;
use super::dialog;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use std::time::Duration;

/// What is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// How the selected or marked rows are copied.
    Copy,
    /// Which columns a pane has.
    Columns(Pane),
    /// How far back logs go.
    TimeWindow,
}

/// A list with what is selected in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// About what.
    pub topic: Topic,
    /// The place of what is selected.
    pub selected: usize,
}

/// How far back logs can go.
pub const WINDOWS: [(&str, Option<Duration>); 7] = [
    ("all that is kept", None),
    ("5 minutes", Some(Duration::from_secs(300))),
    ("15 minutes", Some(Duration::from_secs(900))),
    ("1 hour", Some(Duration::from_secs(3_600))),
    ("6 hours", Some(Duration::from_secs(21_600))),
    ("24 hours", Some(Duration::from_secs(86_400))),
    ("7 days", Some(Duration::from_secs(604_800))),
];

impl Choice {
    /// The list, with what holds now selected.
    #[must_use]
    pub fn new(app: &App, topic: Topic) -> Self {
        let selected = match topic {
            Topic::TimeWindow => WINDOWS.iter().position(|(_, window)| *window == app.desk.window).unwrap_or(0),
            Topic::Copy | Topic::Columns(_) => 0,
        };
        Self { topic, selected }
    }

    /// Moves the selection.
    pub fn step(&mut self, step: Step) {
        let n = match self.topic {
            Topic::Copy => Form::ALL.len(),
            Topic::Columns(pane) => pane.columns().len(),
            Topic::TimeWindow => WINDOWS.len(),
        };
        self.selected = stepped(step, self.selected, n, n);
    }

    fn title(self) -> String {
        match self.topic {
            Topic::Copy => "Copy".to_owned(),
            Topic::Columns(pane) => format!("Columns of {}", pane.title()),
            Topic::TimeWindow => "Time window of logs".to_owned(),
        }
    }

    fn labels(self, app: &App) -> Vec<String> {
        match self.topic {
            Topic::Copy => Form::ALL.map(|form| form.label().to_owned()).to_vec(),
            Topic::TimeWindow => WINDOWS.map(|(label, _)| label.to_owned()).to_vec(),
            Topic::Columns(pane) => {
                let hidden = &app.desk.of(pane).hidden;
                let boxed = |title: &str| if hidden.iter().any(|other| other == title) { "[ ]" } else { "[x]" };
                pane.columns().iter().map(|column| format!("{} {}", boxed(column.title), column.title)).collect()
            }
        }
    }
}

/// Draws the list in the middle of `area`, the part around what is selected if it is too long.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, choice: Choice) {
    let theme = app.theme();
    let mut lines = Vec::new();
    if choice.topic == Topic::Copy {
        let n = app.subjects().len();
        let about = if n > 1 { format!("{n} marked rows") } else { "the selected row".to_owned() };
        lines.push(Line::styled(about, theme.style(Role::Dim)));
    }
    let labels = choice.labels(app);
    let room = usize::from(area.height.saturating_sub(2)).saturating_sub(lines.len()).max(1);
    let first = (choice.selected + 1).saturating_sub(room);
    for (at, label) in labels.into_iter().enumerate().skip(first).take(room) {
        let is_selected = at == choice.selected;
        let mut line = Line::from(vec![
            Span::styled(if is_selected { "> " } else { "  " }, theme.style(Role::Accent)),
            Span::styled(label, theme.style(Role::Text)),
        ]);
        if is_selected {
            for span in &mut line.spans {
                span.style = span.style.patch(theme.style(Role::Selected));
            }
        }
        lines.push(line);
    }
    dialog(buffer, area, app, &choice.title(), &lines);
}
