//! Text input for a filter: the rows follow while the operator types, and Esc restores the previous filter.

use super::super::app::App;
use super::super::chord::KeyChord;
use super::super::format;
use super::super::keymap::CursorMotion;
use super::super::paint::{self, FrameTitle};
use super::super::panes::Pane;
use super::super::press::moved_row;
use super::super::text_input::{EditResult, TextInput};
use super::super::theme::{StyleRole, Theme};
use super::super::view_state::{PaneFilter, fields};
use super::padded;
use crate::domain::query::complete::{CompletionItem, QueryCompletion, complete};
use crate::domain::query::field::Field;
use crate::domain::query::matching::{FieldValue, QueryableRow};
use crate::domain::query::parse::QueryError;
use crate::domain::text::Untrusted;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget};

/// Maximum number of visible completion candidates.
const MAX_VISIBLE_CANDIDATES: usize = 6;
/// Maximum number of field values offered as completions.
const MAX_OFFERED_VALUES: usize = 30;
/// Prompt in front of the text.
const FILTER_PROMPT: &str = "/ ";

/// Filter being typed for a pane.
#[derive(Debug, Clone, PartialEq)]
pub struct FilterInput {
    /// Pane that the filter is for.
    pub pane: Pane,
    /// Input with the text of the filter.
    pub entry: TextInput,
    /// Filter in force before, which Esc restores.
    pub before: Option<PaneFilter>,
    /// Parse error of the text, if there is one.
    fault: Option<QueryError>,
    /// Completion candidates at the cursor.
    completion: QueryCompletion,
    /// Index of the selected completion candidate.
    chosen: usize,
}

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

    /// Applies an editing key to the input.
    pub fn press(&mut self, chord: KeyChord) -> EditResult {
        self.entry.press(chord)
    }

    /// Inserts the selected completion candidate.
    pub fn complete(&mut self) {
        if let Some(candidate) = self.completion.candidates.get(self.chosen) {
            self.entry.complete(self.completion.from, &candidate.text);
        }
    }

    /// Moves the selection among the completion candidates.
    pub fn step(&mut self, step: CursorMotion) {
        let n = self.completion.candidates.len();
        self.chosen = moved_row(step, self.chosen, n, MAX_VISIBLE_CANDIDATES);
    }

    /// Parses the text; an error is also kept and shown beneath the input.
    ///
    /// # Errors
    /// [`QueryError`] with the position and the reason when the text cannot be parsed.
    pub fn read(&mut self) -> Result<Option<PaneFilter>, QueryError> {
        let read = PaneFilter::parse(self.entry.text(), self.pane);
        self.fault = read.as_ref().err().cloned();
        read
    }

    /// Filter to apply while the operator types: the whole text, or the part before a parse error or before a word
    /// that may become a field name.
    #[must_use]
    pub fn filter_so_far(&mut self) -> Option<PaneFilter> {
        let text = self.entry.text();
        let whole = |end: usize| text[..end].rfind(char::is_whitespace).map_or("", |space| &text[..space]);
        let last = &text[whole(text.len()).len()..];
        let begun = last.trim_start().trim_start_matches('!');
        let may_be_field = !begun.is_empty() && fields(self.pane).iter().any(|field| field.name().starts_with(begun));
        let part = match PaneFilter::parse(text, self.pane) {
            Err(fault) => whole(fault.at).to_owned(),
            Ok(_) if may_be_field => whole(text.len()).to_owned(),
            Ok(_) => text.to_owned(),
        };
        self.fault = PaneFilter::parse(text, self.pane).err();
        PaneFilter::parse(&part, self.pane).ok().flatten()
    }

    /// Recomputes the completion candidates at the cursor.
    pub fn update_completion(&mut self, app: &App) {
        let seen = |field: Field| known_values(app, self.pane, field);
        self.completion = complete(self.entry.text(), self.entry.cursor(), fields(self.pane), &seen);
        self.chosen = 0;
    }
}

/// Distinct values that rows of a pane have for a field, at most [`MAX_OFFERED_VALUES`].
fn known_values(app: &App, pane: Pane, field: Field) -> Vec<String> {
    let Some(view) = app.view() else { return Vec::new() };
    let mut values: Vec<String> = Vec::new();
    view.for_each_row(pane, &mut |row: &dyn QueryableRow| {
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
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, line: &FilterInput) {
    let theme = app.theme();
    let shown = window(&line.completion.candidates, line.chosen);
    let height = u16::try_from(4 + shown.len()).unwrap_or(u16::MAX).min(area.height);
    let place = Rect { y: area.y + area.height - height, height, ..area };
    Clear.render(place, buffer);
    let name = format!("Filter {}", line.pane.title());
    let remark = app.view().map_or_else(String::new, |view| {
        let (n, total) = (view.order(line.pane).items.len(), view.n_rows(line.pane));
        format!("{} of {}", format::number(n), format::plural(total as u64, "row"))
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
