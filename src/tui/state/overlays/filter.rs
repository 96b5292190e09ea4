//! Filter that is being typed for a pane: the text, its parse error, the completion candidates, and the filter that Esc
//! restores.

use crate::domain::query::complete::QueryCompletion;
use crate::domain::query::parse::QueryError;
use crate::tui::ids::Pane;
use crate::tui::keys::action::{CursorMotion, moved_row};
use crate::tui::keys::chord::KeyChord;
use crate::tui::panes::rows_of;
use crate::tui::state::view_state::PaneFilter;
use crate::tui::widgets::text_input::{EditResult, TextInput};

/// Maximum number of visible completion candidates.
pub(in crate::tui) const MAX_VISIBLE_CANDIDATES: usize = 6;

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
    pub(in crate::tui) fault: Option<QueryError>,
    /// Completion candidates at the cursor.
    pub(in crate::tui) completion: QueryCompletion,
    /// Index of the selected completion candidate.
    pub(in crate::tui) chosen: usize,
}

impl FilterInput {
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
        let read = PaneFilter::parse(self.entry.text(), rows_of(self.pane).fields());
        self.fault = read.as_ref().err().cloned();
        read
    }

    /// Filter to apply while the operator types: the whole text, or the part before a parse error or before a word
    /// that may become a field name.
    #[must_use]
    pub fn filter_so_far(&mut self) -> Option<PaneFilter> {
        let (text, fields) = (self.entry.text(), rows_of(self.pane).fields());
        let whole = |end: usize| text[..end].rfind(char::is_whitespace).map_or("", |space| &text[..space]);
        let last = &text[whole(text.len()).len()..];
        let begun = last.trim_start().trim_start_matches('!');
        let may_be_field = !begun.is_empty() && fields.iter().any(|field| field.name().starts_with(begun));
        let part = match PaneFilter::parse(text, fields) {
            Err(fault) => whole(fault.at).to_owned(),
            Ok(_) if may_be_field => whole(text.len()).to_owned(),
            Ok(_) => text.to_owned(),
        };
        self.fault = PaneFilter::parse(text, fields).err();
        PaneFilter::parse(&part, fields).ok().flatten()
    }
}
