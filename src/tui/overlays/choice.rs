//! Short list to choose from: the entry that is selected at first, the labels, and the drawing.

use crate::tui::overlays::frame::dialog;
use crate::tui::overlays::targets;
use crate::tui::panes::rows_of;
use crate::tui::state::app::App;
use crate::tui::state::overlays::choice::CopyFormat;
use crate::tui::state::overlays::choice::{ChoiceKind, ChoiceList, TIME_WINDOWS};
use crate::tui::widgets::palette::StyleRole;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

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

    fn labels(self, app: &App) -> Vec<String> {
        match self.topic {
            ChoiceKind::Copy => CopyFormat::ALL.map(|form| form.label().to_owned()).to_vec(),
            ChoiceKind::TimeWindow => TIME_WINDOWS.map(|(label, _)| label.to_owned()).to_vec(),
            ChoiceKind::Columns(pane) => {
                let hidden = &app.view_state.pane(pane).hidden_columns;
                let unknown = app.view().map(|view| rows_of(pane).unknown_columns(&view)).unwrap_or_default();
                let label = |title: &'static str| {
                    if unknown.contains(&title) {
                        return format!("    {title}, never known here");
                    }
                    let mark = if hidden.iter().any(|other| other == title) { "[ ]" } else { "[x]" };
                    format!("{mark} {title}")
                };
                rows_of(pane).columns().iter().map(|column| label(column.title)).collect()
            }
        }
    }
}

/// Draws the list in the middle of `area`, scrolled to the selected entry.
pub(in crate::tui) fn draw(buffer: &mut Buffer, area: Rect, app: &App, choice: ChoiceList) {
    let theme = app.theme();
    let mut lines = Vec::new();
    if choice.topic == ChoiceKind::Copy {
        let n = targets::target_items(app).len();
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
