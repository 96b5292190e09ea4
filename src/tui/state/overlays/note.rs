//! Note that is being typed for a row.

use crate::tui::ids::RowId;
use crate::tui::widgets::text_input::TextInput;

/// Note being written by the operator.
#[derive(Debug, Clone, PartialEq)]
pub struct NoteInput {
    /// Item that the note is about.
    pub item: RowId,
    /// Input with the text of the note.
    pub entry: TextInput,
}
