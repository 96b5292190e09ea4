//! Search among all actions, for help and the palette: the typed text, the bindings that match it, and the selected
//! one.

use crate::tui::keys::action::{BindingGroup, CursorMotion, KeyContext, moved_row};
use crate::tui::keys::chord::KeyChord;
use crate::tui::keys::keymap::{ActiveBinding, Keymap};
use crate::tui::widgets::text_input::{EditResult, TextInput};
use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

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
    pub(in crate::tui) entry: TextInput,
    /// Names of the bindings that were found, best match first.
    pub(in crate::tui) found: Vec<&'static str>,
    pub(in crate::tui) selected: usize,
}

impl ActionSearch {
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
