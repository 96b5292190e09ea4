//! Search among all actions: help groups them by purpose, the palette lists recent ones first. Both filter while the
//! operator types, run the selected action, and say why an action is not possible now.

use super::super::app::App;
use super::super::chord::Chord;
use super::super::entry::{Edited, Entry};
use super::super::format;
use super::super::keymap::{Bound, Context, Group, Keymap, Step};
use super::super::paint::{self, Title};
use super::super::press::stepped;
use super::super::theme::Role;
use super::padded;
use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget};

/// Order of the actions while nothing is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shelf {
    /// Grouped under the headings of help.
    Grouped,
    /// Recently chosen actions first, then all others.
    Recent,
}

/// Search among the actions, with its results.
#[derive(Debug, Clone, PartialEq)]
pub struct Finder {
    /// Context in which the search was opened; actions run in this context.
    pub about: Context,
    /// Order of the actions while nothing is typed.
    pub shelf: Shelf,
    entry: Entry,
    /// Names of the bindings that were found, best match first.
    found: Vec<&'static str>,
    selected: usize,
}

impl Finder {
    /// Creates a search with all actions listed, opened from the context `about`.
    #[must_use]
    pub fn new(app: &App, about: Context, shelf: Shelf) -> Self {
        let mut finder = Self { about, shelf, entry: Entry::default(), found: Vec::new(), selected: 0 };
        finder.search(&app.setting.keymap, &app.desk.recent);
        finder
    }

    /// Applies an editing key to the search text.
    pub fn press(&mut self, chord: Chord) -> Edited {
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
    pub fn step(&mut self, step: Step, page: usize) {
        self.selected = stepped(step, self.selected, self.found.len(), page);
    }

    /// Selected binding, if any was found.
    #[must_use]
    pub fn selected<'a>(&self, keymap: &'a Keymap) -> Option<&'a Bound> {
        let name = self.found.get(self.selected)?;
        keymap.all().iter().find(|bound| bound.binding.name == *name)
    }

    /// Updates the results to match the search text.
    pub fn search(&mut self, keymap: &Keymap, recent: &[String]) {
        self.selected = 0;
        let text = self.entry.text().trim();
        let names = |bound: &Bound| bound.binding.name;
        if text.is_empty() {
            let group = |bound: &&Bound| Group::ALL.iter().position(|group| *group == bound.binding.group);
            let place = |bound: &&Bound| recent.iter().position(|name| name == bound.binding.name);
            // Actions of other contexts and cursor movements come last.
            let far = |bound: &&Bound| {
                let is_here = bound.binding.contexts.contains(&self.about);
                (!is_here, bound.binding.group == Group::Move)
            };
            let mut all: Vec<&Bound> = keymap.all().iter().collect();
            match self.shelf {
                Shelf::Grouped => all.sort_by_key(group),
                Shelf::Recent => all.sort_by_key(|bound| (place(bound).unwrap_or(usize::MAX), far(bound))),
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
enum Listed<'a> {
    Heading(&'static str),
    Action(usize, &'a Bound),
}

fn listed<'a>(app: &'a App, finder: &Finder) -> Vec<Listed<'a>> {
    let is_grouped = finder.shelf == Shelf::Grouped && finder.entry.text().trim().is_empty();
    let mut lines = Vec::new();
    let mut group = None;
    for (at, name) in finder.found.iter().enumerate() {
        let Some(bound) = app.setting.keymap.all().iter().find(|bound| bound.binding.name == *name) else { continue };
        if is_grouped && group != Some(bound.binding.group) {
            group = Some(bound.binding.group);
            lines.push(Listed::Heading(bound.binding.group.title()));
        }
        lines.push(Listed::Action(at, bound));
    }
    lines
}

/// Draws the search and its results over `area`.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, finder: &Finder) {
    Clear.render(area, buffer);
    let theme = app.theme();
    let name = match finder.shelf {
        Shelf::Grouped => "Help",
        Shelf::Recent => "Actions",
    };
    let remark = format!("{} of {}", finder.found.len(), app.setting.keymap.all().len());
    let title = Title { name, remark: &remark, edge: Role::Accent };
    let inner = padded(paint::frame(buffer, area, &title, theme));
    let mut prompt = Line::from(Span::styled("search ", theme.style(Role::Dim)));
    prompt.spans.extend(finder.entry.line(usize::from(inner.width).saturating_sub(7), theme).spans);
    paint::line(buffer, inner, 0, &prompt);
    let list = Rect { y: inner.y + 1.min(inner.height), height: inner.height.saturating_sub(1), ..inner };
    let lines = listed(app, finder);
    if lines.is_empty() {
        let text = "No matching action. Ctrl-U clears the search. Actions on a row, such as disabling a subscription, are in its menu (x).";
        let lines = format::flow(text, usize::from(list.width)).into_iter();
        let lines: Vec<Line<'_>> = lines.map(|line| Line::styled(line, theme.style(Role::Dim))).collect();
        return paint::lines(buffer, list, &lines);
    }
    let list = reason_below(buffer, list, app, finder);
    let height = usize::from(list.height);
    let at = lines.iter().position(|line| matches!(line, Listed::Action(at, _) if *at == finder.selected)).unwrap_or(0);
    let first = at.saturating_sub(height / 2).min(lines.len().saturating_sub(height));
    for (y, line) in (0..list.height).zip(&lines[first..]) {
        match line {
            Listed::Heading(title) => {
                paint::line(buffer, list, y, &Line::styled(*title, theme.style(Role::Strong)));
            }
            Listed::Action(at, bound) => {
                paint::line(buffer, list, y, &action(app, finder, bound, usize::from(list.width)));
                if *at == finder.selected {
                    buffer.set_style(Rect { y: list.y + y, height: 1, ..list }, theme.style(Role::Selected));
                }
            }
        }
    }
}

/// Width of the column with an action's keys; the labels and the reason follow.
const KEYS: usize = 16;
const LABEL: usize = 30;
const BEFORE: usize = 2 + KEYS + 1 + LABEL + 2;

/// Writes the reason of the selected action beneath the list if it does not fit on the action's line. Returns the
/// area left for the list.
fn reason_below(buffer: &mut Buffer, list: Rect, app: &App, finder: &Finder) -> Rect {
    let Some(why) =
        finder.selected(&app.setting.keymap).and_then(|bound| app.reason(bound.binding, finder.about).err())
    else {
        return list;
    };
    let room = usize::from(list.width);
    if format::width(&why) <= room.saturating_sub(BEFORE) || list.height < 6 {
        return list;
    }
    let lines = format::flow(&why, room.saturating_sub(2));
    let n = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(list.height / 2);
    let below = Rect { y: list.bottom() - n, height: n, ..list };
    for (y, line) in (0..n).zip(lines) {
        paint::line(buffer, below, y, &Line::styled(format!("  {line}"), app.theme().style(Role::Dim)));
    }
    Rect { height: list.height - n, ..list }
}

fn action(app: &App, finder: &Finder, bound: &Bound, room: usize) -> Line<'static> {
    let theme = app.theme();
    let why = app.reason(bound.binding, finder.about).err();
    let (keys_role, role) = if why.is_none() { (Role::Accent, Role::Text) } else { (Role::Dim, Role::Dim) };
    let keys = format::clip(&bound.keys(), KEYS);
    let mut line = Line::from(vec![
        Span::styled(format!("  {keys:<KEYS$} "), theme.style(keys_role)),
        Span::styled(format!("{:<LABEL_WIDTH$}", format::clip(bound.binding.label, LABEL)), theme.style(role)),
    ]);
    if let Some(why) = why {
        let why = format::clip(&why, room.saturating_sub(BEFORE));
        line.push_span(Span::styled(format!("  {why}"), theme.style(Role::Dim)));
    }
    line
}

/// Names of the contexts in which an action works, separated by commas.
#[must_use]
pub fn places(contexts: &[Context]) -> String {
    let names = contexts.iter().map(|context| match context {
        Context::Panes => "panes",
        Context::Detail => "details",
        Context::Menu => "the action menu",
        Context::Confirm | Context::Count => "confirmations",
        Context::Help => "help",
        Context::Palette => "the palette",
        Context::Alerts => "alerts",
        Context::Filter => "the filter",
        Context::Choice => "choice lists",
        Context::Note => "notes",
        Context::Expect => "the signature debugger",
        Context::Form => "forms",
        Context::Replays => "replays",
        Context::Operators => "operators",
        Context::Once => "new secrets",
        Context::Log => "text views",
        Context::Run => "progress",
        Context::Diagnose => "Diagnose",
        Context::Escalate => "Escalate",
    });
    let mut told: Vec<&str> = Vec::new();
    for name in names {
        if !told.contains(&name) {
            told.push(name);
        }
    }
    told.join(", ")
}
