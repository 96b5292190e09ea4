//! Input of a filter: completion candidates from the values that the panes know, and the drawing with hints and errors.

use crate::domain::query::complete::{CompletionItem, QueryCompletion, complete};
use crate::domain::query::field::Field;
use crate::domain::query::matching::{FieldValue, QueryableRow};
use crate::domain::text::Untrusted;
use crate::text;
use crate::tui::ids::Pane;
use crate::tui::overlays::frame::padded;
use crate::tui::panes::rows_of;
use crate::tui::state::app::App;
use crate::tui::state::overlays::filter::{FilterInput, MAX_VISIBLE_CANDIDATES};
use crate::tui::widgets::format;
use crate::tui::widgets::paint::{self, FrameTitle};
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::text_input::TextInput;
use crate::tui::widgets::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget};

/// Maximum number of field values offered as completions.
const MAX_OFFERED_VALUES: usize = 30;

/// Prompt in front of the text.
const FILTER_PROMPT: &str = "/ ";

impl FilterInput {
    /// Creates the input for a pane, with the text of the pane's filter.
    #[must_use]
    pub fn new(app: &App, pane: Pane) -> Self {
        let before = app.view_state.pane(pane).filter.clone();
        // A trailing space makes the text typed next a term of its own.
        let text = before.as_ref().map_or_else(String::new, |filter| format!("{} ", filter.text));
        let completion = QueryCompletion { from: 0, candidates: Vec::new() };
        let mut line = Self { pane, entry: TextInput::new(&text), before, fault: None, completion, chosen: 0 };
        line.update_completion(app);
        line
    }

    /// Recomputes the completion candidates at the cursor.
    pub fn update_completion(&mut self, app: &App) {
        let seen = |field: Field| known_values(app, self.pane, field);
        let view = app.view();
        let may_know =
            |field: &Field| !view.as_ref().is_some_and(|view| rows_of(self.pane).is_never_known(view, *field));
        let fields: Vec<Field> = rows_of(self.pane).fields().iter().copied().filter(may_know).collect();
        self.completion = complete(self.entry.text(), self.entry.cursor(), &fields, &seen);
        self.chosen = 0;
    }
}

/// Distinct values that rows of a pane have for a field, at most [`MAX_OFFERED_VALUES`].
fn known_values(app: &App, pane: Pane, field: Field) -> Vec<String> {
    let Some(view) = app.view() else { return Vec::new() };
    let mut values: Vec<String> = Vec::new();
    rows_of(pane).for_each_row(&view, &mut |row: &dyn QueryableRow| {
        for value in row.values(field, view.now) {
            let text = match value {
                FieldValue::Number(number) => number.to_string(),
                FieldValue::Text(text) => text.into_owned(),
            };
            if values.len() < MAX_OFFERED_VALUES && !values.contains(&text) {
                values.push(text);
            }
        }
    });
    values
}

/// Draws the input at the foot of `area`.
pub(in crate::tui) fn draw(buffer: &mut Buffer, area: Rect, app: &App, line: &FilterInput) {
    let theme = app.theme();
    let shown = window(&line.completion.candidates, line.chosen);
    let height = u16::try_from(4 + shown.len()).unwrap_or(u16::MAX).min(area.height);
    let place = Rect { y: area.y + area.height - height, height, ..area };
    Clear.render(place, buffer);
    let name = format!("Filter {}", line.pane.title());
    let remark = app.view().map_or_else(String::new, |view| {
        let (n, total) = (rows_of(line.pane).order(&view).items.len(), rows_of(line.pane).n_rows(&view));
        format!("{} of {}", text::number(n), text::count(total, "row"))
    });
    let title = FrameTitle { name: &name, remark: &remark, edge: StyleRole::Accent };
    let inner = padded(paint::frame(buffer, place, &title, theme));
    let room = usize::from(inner.width).saturating_sub(FILTER_PROMPT.len());
    let mut written = Line::from(Span::styled(FILTER_PROMPT, theme.style(StyleRole::Accent)));
    written.spans.extend(line.entry.line(room, theme).spans);
    let mut lines = vec![written, hint_line(line, room, theme)];
    for (at, candidate) in shown {
        lines.push(listed(candidate, at == line.chosen, theme));
    }
    paint::lines(buffer, inner, &lines);
}

/// Line beneath the text: the parse error under its position, or a hint about the keys.
fn hint_line(line: &FilterInput, room: usize, theme: Theme) -> Line<'static> {
    let Some(fault) = &line.fault else {
        let hint = "  Tab completes, Enter saves, Esc restores the previous filter";
        return Line::styled(format::clip(hint, room + FILTER_PROMPT.len()), theme.style(StyleRole::Dim));
    };
    let column = FILTER_PROMPT.len() + line.entry.column(fault.at, room);
    let text = Untrusted::new(fault.to_string()).sanitized();
    // Where the error does not fit to the right of its position, it is drawn to the left.
    let wide = format::width(&text) + 2;
    let line = if column + wide <= room + FILTER_PROMPT.len() {
        format!("{}^ {text}", " ".repeat(column))
    } else if wide <= column {
        format!("{}{text} ^", " ".repeat(column - wide + 1))
    } else {
        let text = format::clip(&text, (room + FILTER_PROMPT.len()).saturating_sub(column + 2));
        format!("{}^ {text}", " ".repeat(column))
    };
    Line::styled(line, theme.style(StyleRole::Trouble))
}

/// Visible candidates with their indices; the selected one is among them.
fn window(candidates: &[CompletionItem], chosen: usize) -> Vec<(usize, &CompletionItem)> {
    let first = chosen.saturating_sub(MAX_VISIBLE_CANDIDATES - 1);
    candidates.iter().enumerate().skip(first).take(MAX_VISIBLE_CANDIDATES).collect()
}

fn listed(candidate: &CompletionItem, is_chosen: bool, theme: Theme) -> Line<'static> {
    let gutter = if is_chosen { "> " } else { "  " };
    let text = Untrusted::new(candidate.text.as_str()).sanitized();
    let mut line = Line::from(vec![
        Span::styled(gutter, theme.style(StyleRole::Accent)),
        Span::styled(format!("{text:<24}"), theme.style(StyleRole::Text)),
        Span::styled(candidate.meaning, theme.style(StyleRole::Dim)),
    ]);
    if is_chosen {
        for span in &mut line.spans {
            span.style = span.style.patch(theme.style(StyleRole::Selected));
        }
    }
    line
}
