//! Search among all actions: help groups them by purpose, the palette lists recent ones first. Both filter while the
//! operator types, run the selected action, and say why an action is not possible now.

use super::super::app::App;
use super::super::chord::KeyChord;
use super::super::format;
use super::super::keymap::{ActiveBinding, BindingGroup, CursorMotion, KeyContext, Keymap};
use super::super::paint::{self, FrameTitle};
use super::super::press::moved_row;
use super::super::text_input::{EditResult, TextInput};
use super::super::theme::StyleRole;
use super::padded;
use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget};

/// Order of the actions while nothing is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionOrder {
    /// Grouped under the headings of help.
    Grouped,
    /// Recently chosen actions first, then all others.
    Recent,
}

/// Search among the actions, with its results.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionSearch {
    /// Context in which the search was opened; actions run in this context.
    pub context: KeyContext,
    /// Order of the actions while nothing is typed.
    pub order: ActionOrder,
    entry: TextInput,
    /// Names of the bindings that were found, best match first.
    found: Vec<&'static str>,
    selected: usize,
}

impl ActionSearch {
    /// Creates a search with all actions listed, opened from the context `about`.
    #[must_use]
    pub fn new(app: &App, about: KeyContext, shelf: ActionOrder) -> Self {
        let mut finder =
            Self { context: about, order: shelf, entry: TextInput::default(), found: Vec::new(), selected: 0 };
        finder.search(&app.config.keymap, &app.view_state.recent_actions);
        finder
    }

    /// Applies an editing key to the search text.
    pub fn press(&mut self, chord: KeyChord) -> EditResult {
        self.entry.press(chord)
    }

    /// Inserts pasted text into the search.
    ///
    /// # Errors
    /// A one-line reason when the text is too long.
    pub fn paste(&mut self, text: &str) -> Result<(), String> {
        self.entry.paste(text)
    }

    /// Moves the selection among the results.
    pub fn step(&mut self, step: CursorMotion, page: usize) {
        self.selected = moved_row(step, self.selected, self.found.len(), page);
    }

    /// Selected binding, if any was found.
    #[must_use]
    pub fn selected<'a>(&self, keymap: &'a Keymap) -> Option<&'a ActiveBinding> {
        let name = self.found.get(self.selected)?;
        keymap.all().iter().find(|bound| bound.binding.name == *name)
    }

    /// Updates the results to match the search text.
    pub fn search(&mut self, keymap: &Keymap, recent: &[String]) {
        self.selected = 0;
        let text = self.entry.text().trim();
        let names = |bound: &ActiveBinding| bound.binding.name;
        if text.is_empty() {
            let group =
                |bound: &&ActiveBinding| BindingGroup::ALL.iter().position(|group| *group == bound.binding.group);
            let place = |bound: &&ActiveBinding| recent.iter().position(|name| name == bound.binding.name);
            // Actions of other contexts and cursor movements come last.
            let far = |bound: &&ActiveBinding| {
                let is_here = bound.binding.contexts.contains(&self.context);
                (!is_here, bound.binding.group == BindingGroup::Move)
            };
            let mut all: Vec<&ActiveBinding> = keymap.all().iter().collect();
            match self.order {
                ActionOrder::Grouped => all.sort_by_key(group),
                ActionOrder::Recent => all.sort_by_key(|bound| (place(bound).unwrap_or(usize::MAX), far(bound))),
            }
            self.found = all.into_iter().map(names).collect();
            return;
        }
        let mut matcher = Matcher::new(Config::DEFAULT);
        let pattern = Pattern::new(text, CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy);
        let mut scored: Vec<(u32, &'static str)> = keymap
            .all()
            .iter()
            .filter_map(|bound| {
                let hay = format!("{} {} {}", bound.binding.label, bound.keys(), bound.binding.group.title());
                let score = pattern.score(Utf32Str::new(&hay, &mut Vec::new()), &mut matcher)?;
                // A text that is the name of a key ranks that key's action first.
                let exact = bound.chords.iter().any(|chord| chord.name() == text);
                Some((score + if exact { 1_000 } else { 0 }, bound.binding.name))
            })
            .collect();
        scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        self.found = scored.into_iter().map(|(_, name)| name).collect();
    }
}

/// Line of the list: a heading, or an action with its index.
enum ActionListLine<'a> {
    Heading(&'static str),
    Action(usize, &'a ActiveBinding),
}

fn listed<'a>(app: &'a App, finder: &ActionSearch) -> Vec<ActionListLine<'a>> {
    let is_grouped = finder.order == ActionOrder::Grouped && finder.entry.text().trim().is_empty();
    let mut lines = Vec::new();
    let mut group = None;
    for (at, name) in finder.found.iter().enumerate() {
        let Some(bound) = app.config.keymap.all().iter().find(|bound| bound.binding.name == *name) else { continue };
        if is_grouped && group != Some(bound.binding.group) {
            group = Some(bound.binding.group);
            lines.push(ActionListLine::Heading(bound.binding.group.title()));
        }
        lines.push(ActionListLine::Action(at, bound));
    }
    lines
}

/// Draws the search and its results over `area`.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, finder: &ActionSearch) {
    Clear.render(area, buffer);
    let theme = app.theme();
    let name = match finder.order {
        ActionOrder::Grouped => "Help",
        ActionOrder::Recent => "Actions",
    };
    let remark = format!("{} of {}", finder.found.len(), app.config.keymap.all().len());
    let title = FrameTitle { name, remark: &remark, edge: StyleRole::Accent };
    let inner = padded(paint::frame(buffer, area, &title, theme));
    let mut prompt = Line::from(Span::styled("search ", theme.style(StyleRole::Dim)));
    prompt.spans.extend(finder.entry.line(usize::from(inner.width).saturating_sub(7), theme).spans);
    paint::line(buffer, inner, 0, &prompt);
    let list = Rect { y: inner.y + 1.min(inner.height), height: inner.height.saturating_sub(1), ..inner };
    let lines = listed(app, finder);
    if lines.is_empty() {
        let text = "No matching action. Ctrl-U clears the search. Actions on a row, such as disabling a subscription, are in its menu (x).";
        let lines = format::wrap_words(text, usize::from(list.width)).into_iter();
        let lines: Vec<Line<'_>> = lines.map(|line| Line::styled(line, theme.style(StyleRole::Dim))).collect();
        return paint::lines(buffer, list, &lines);
    }
    let list = reason_below(buffer, list, app, finder);
    let height = usize::from(list.height);
    let at = lines
        .iter()
        .position(|line| matches!(line, ActionListLine::Action(at, _) if *at == finder.selected))
        .unwrap_or(0);
    let first = at.saturating_sub(height / 2).min(lines.len().saturating_sub(height));
    for (y, line) in (0..list.height).zip(&lines[first..]) {
        match line {
            ActionListLine::Heading(title) => {
                paint::line(buffer, list, y, &Line::styled(*title, theme.style(StyleRole::Strong)));
            }
            ActionListLine::Action(at, bound) => {
                paint::line(buffer, list, y, &action(app, finder, bound, usize::from(list.width)));
                if *at == finder.selected {
                    buffer.set_style(Rect { y: list.y + y, height: 1, ..list }, theme.style(StyleRole::Selected));
                }
            }
        }
    }
}

/// Width of the column with an action's keys; the labels and the reason follow.
const KEYS_WIDTH: usize = 16;
const LABEL_WIDTH: usize = 30;
const REASON_INDENT: usize = 2 + KEYS_WIDTH + 1 + LABEL_WIDTH + 2;

/// Writes the reason of the selected action beneath the list if it does not fit on the action's line. Returns the
/// area left for the list.
fn reason_below(buffer: &mut Buffer, list: Rect, app: &App, finder: &ActionSearch) -> Rect {
    let Some(why) =
        finder.selected(&app.config.keymap).and_then(|bound| app.check_enabled_in(bound.binding, finder.context).err())
    else {
        return list;
    };
    let room = usize::from(list.width);
    if format::width(&why) <= room.saturating_sub(REASON_INDENT) || list.height < 6 {
        return list;
    }
    let lines = format::wrap_words(&why, room.saturating_sub(2));
    let n = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(list.height / 2);
    let below = Rect { y: list.bottom() - n, height: n, ..list };
    for (y, line) in (0..n).zip(lines) {
        paint::line(buffer, below, y, &Line::styled(format!("  {line}"), app.theme().style(StyleRole::Dim)));
    }
    Rect { height: list.height - n, ..list }
}

fn action(app: &App, finder: &ActionSearch, bound: &ActiveBinding, room: usize) -> Line<'static> {
    let theme = app.theme();
    let why = app.check_enabled_in(bound.binding, finder.context).err();
    let (keys_role, role) =
        if why.is_none() { (StyleRole::Accent, StyleRole::Text) } else { (StyleRole::Dim, StyleRole::Dim) };
    let keys = format::clip(&bound.keys(), KEYS_WIDTH);
    let mut line = Line::from(vec![
        Span::styled(format!("  {keys:<KEYS_WIDTH$} "), theme.style(keys_role)),
        Span::styled(format!("{:<LABEL_WIDTH$}", format::clip(bound.binding.label, LABEL_WIDTH)), theme.style(role)),
    ]);
    if let Some(why) = why {
        let why = format::clip(&why, room.saturating_sub(REASON_INDENT));
        line.push_span(Span::styled(format!("  {why}"), theme.style(StyleRole::Dim)));
    }
    line
}

/// Names of the contexts in which an action works, separated by commas.
#[must_use]
pub fn context_names(contexts: &[KeyContext]) -> String {
    let names = contexts.iter().map(|context| match context {
        KeyContext::Panes => "panes",
        KeyContext::Detail => "details",
        KeyContext::Menu => "the action menu",
        KeyContext::Confirm | KeyContext::Count => "confirmations",
        KeyContext::Help => "help",
        KeyContext::Palette => "the palette",
        KeyContext::Alerts => "alerts",
        KeyContext::Filter => "the filter",
        KeyContext::Choice => "choice lists",
        KeyContext::Note => "notes",
        KeyContext::SignatureInput => "the signature debugger",
        KeyContext::Form => "forms",
        KeyContext::Replays => "replays",
        KeyContext::Operators => "operators",
        KeyContext::SecretReveal => "new secrets",
        KeyContext::TextList => "text views",
        KeyContext::BulkRun => "progress",
        KeyContext::Diagnose => "Diagnose",
        KeyContext::Escalate => "Escalate",
    });
    let mut told: Vec<&str> = Vec::new();
    for name in names {
        if !told.contains(&name) {
            told.push(name);
        }
    }
    told.join(", ")
}
