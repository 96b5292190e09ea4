//! The line in which a filter is written: the list beneath follows what is typed, Esc restores what was before.

use super::super::app::App;
use super::super::chord::Chord;
use super::super::desk::{Filter, fields};
use super::super::entry::{Edited, Entry};
use super::super::format;
use super::super::keymap::Step;
use super::super::paint::{self, Title};
use super::super::panes::Pane;
use super::super::press::stepped;
use super::super::theme::{Role, Theme};
use super::padded;
use crate::domain::query::complete::{Candidate, Completion, complete};
use crate::domain::query::field::Field;
use crate::domain::query::parse::Fault;
use crate::domain::query::sift::{Row, Value};
use crate::domain::text::Untrusted;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget};

/// Candidates in sight at most.
const MOST: usize = 6;
/// Values of rows that completion offers at most.
const SEEN: usize = 30;
/// What stands before the text.
const PROMPT: &str = "/ ";

/// A filter being written.
#[derive(Debug, Clone, PartialEq)]
pub struct FilterLine {
    /// Of which pane.
    pub pane: Pane,
    /// What is typed.
    pub entry: Entry,
    /// What was there before.
    pub before: Option<Filter>,
    /// What is wrong with it.
    fault: Option<Fault>,
    /// What could come next.
    completion: Completion,
    /// Which candidate is selected.
    chosen: usize,
}

impl FilterLine {
    /// The line for a pane, with the filter that it has.
    #[must_use]
    pub fn new(app: &App, pane: Pane) -> Self {
        let before = app.desk.of(pane).filter.clone();
        // A space behind what is there: what is typed next is a term of its own.
        let text = before.as_ref().map_or_else(String::new, |filter| format!("{} ", filter.text));
        let completion = Completion { from: 0, candidates: Vec::new() };
        let mut line = Self { pane, entry: Entry::new(&text), before, fault: None, completion, chosen: 0 };
        line.think(app);
        line
    }

    /// Takes a key that edits.
    pub fn press(&mut self, chord: Chord) -> Edited {
        self.entry.press(chord)
    }

    /// Puts the selected candidate into the line.
    pub fn complete(&mut self) {
        if let Some(candidate) = self.completion.candidates.get(self.chosen) {
            self.entry.complete(self.completion.from, &candidate.text);
        }
    }

    /// Moves the selection among the candidates.
    pub fn step(&mut self, step: Step) {
        let n = self.completion.candidates.len();
        self.chosen = stepped(step, self.chosen, n, MOST);
    }

    /// The filter as it is written; a fault is kept and shown.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn read(&mut self) -> Result<Option<Filter>, Fault> {
        let read = Filter::read(self.entry.text(), self.pane);
        self.fault = read.as_ref().err().cloned();
        read
    }

    /// What rows are sifted by while one types: all of it, or what stands before a fault, or before a word that may become a field's name.
    #[must_use]
    pub fn live(&mut self) -> Option<Filter> {
        let text = self.entry.text();
        let whole = |end: usize| text[..end].rfind(char::is_whitespace).map_or("", |space| &text[..space]);
        let last = &text[whole(text.len()).len()..];
        let begun = last.trim_start().trim_start_matches('!');
        let may_be_field = !begun.is_empty() && fields(self.pane).iter().any(|field| field.name().starts_with(begun));
        let part = match Filter::read(text, self.pane) {
            Err(fault) => whole(fault.at).to_owned(),
            Ok(_) if may_be_field => whole(text.len()).to_owned(),
            Ok(_) => text.to_owned(),
        };
        self.fault = Filter::read(text, self.pane).err();
        Filter::read(&part, self.pane).ok().flatten()
    }

    /// Looks for what could come next.
    pub fn think(&mut self, app: &App) {
        let seen = |field: Field| seen(app, self.pane, field);
        self.completion = complete(self.entry.text(), self.entry.cursor(), fields(self.pane), &seen);
        self.chosen = 0;
    }
}

/// Values that rows of a pane have for a field, without repeats.
fn seen(app: &App, pane: Pane, field: Field) -> Vec<String> {
    let Some(view) = app.view() else { return Vec::new() };
    let mut values: Vec<String> = Vec::new();
    view.each(pane, &mut |row: &dyn Row| {
        for value in row.values(field, view.now) {
            let text = match value {
                Value::Number(number) => number.to_string(),
                Value::Text(text) => text.into_owned(),
            };
            if values.len() < SEEN && !values.contains(&text) {
                values.push(text);
            }
        }
    });
    values
}

/// Draws the line at the foot of `area`.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, line: &FilterLine) {
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
    let title = Title { name: &name, remark: &remark, edge: Role::Accent };
    let inner = padded(paint::frame(buffer, place, &title, theme));
    let room = usize::from(inner.width).saturating_sub(PROMPT.len());
    let mut written = Line::from(Span::styled(PROMPT, theme.style(Role::Accent)));
    written.spans.extend(line.entry.line(room, theme).spans);
    let mut lines = vec![written, beneath(line, room, theme)];
    for (at, candidate) in shown {
        lines.push(listed(candidate, at == line.chosen, theme));
    }
    paint::lines(buffer, inner, &lines);
}

/// What stands under the text: the fault under its character, else how the keys go on.
fn beneath(line: &FilterLine, room: usize, theme: Theme) -> Line<'static> {
    let Some(fault) = &line.fault else {
        let hint = "  Tab completes, Enter keeps, Esc restores";
        return Line::styled(format::clip(hint, room + PROMPT.len()), theme.style(Role::Dim));
    };
    let column = PROMPT.len() + line.entry.column(fault.at, room);
    let text = Untrusted::new(fault.to_string()).inert();
    // Where there is no room behind the character, the text stands before it.
    let wide = format::width(&text) + 2;
    let line = if column + wide <= room + PROMPT.len() {
        format!("{}^ {text}", " ".repeat(column))
    } else if wide <= column {
        format!("{}{text} ^", " ".repeat(column - wide + 1))
    } else {
        let text = format::clip(&text, (room + PROMPT.len()).saturating_sub(column + 2));
        format!("{}^ {text}", " ".repeat(column))
    };
    Line::styled(line, theme.style(Role::Trouble))
}

/// The candidates in sight: the selected one is among them.
fn window(candidates: &[Candidate], chosen: usize) -> Vec<(usize, &Candidate)> {
    let first = chosen.saturating_sub(MOST - 1);
    candidates.iter().enumerate().skip(first).take(MOST).collect()
}

fn listed(candidate: &Candidate, is_chosen: bool, theme: Theme) -> Line<'static> {
    let gutter = if is_chosen { "> " } else { "  " };
    let text = Untrusted::new(candidate.text.as_str()).inert();
    let mut line = Line::from(vec![
        Span::styled(gutter, theme.style(Role::Accent)),
        Span::styled(format!("{text:<24}"), theme.style(Role::Text)),
        Span::styled(candidate.meaning, theme.style(Role::Dim)),
    ]);
    if is_chosen {
        for span in &mut line.spans {
            span.style = span.style.patch(theme.style(Role::Selected));
        }
    }
    line
}
