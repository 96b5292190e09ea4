//! Lines of a detail view, some of which have actions or can be folded.

use super::effect::Act;
use super::places::Item;
use super::theme::{Role, Theme};
use super::trail::Drill;
use crate::api::remedy::RemediationAction;
use crate::domain::ids::AttemptId;
use ratatui::text::Line;

/// Action of Enter on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Does {
    /// Opens the detail view of another item.
    Open(Item),
    /// Shows the log rows that belong to an item.
    Drill(Drill),
    /// Asks for confirmation of a change.
    Ask(Act),
    /// Folds or unfolds the object or array that starts here.
    Fold(Node),
    /// Starts a remediation, after a confirmation where it changes something.
    Remedy(RemediationAction),
    /// Opens the input for what the receiver of an attempt computed.
    Expect(AttemptId),
    /// Opens the input for the secret that the receiver of an attempt holds.
    Hold(AttemptId),
    /// Collects the escalation bundle about the open subject.
    Escalate,
    /// Copies a text to the clipboard.
    Copy(String),
}

/// Start of an object or array in a body that can be folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// Body that contains the object or array.
    pub part: Part,
    /// Byte offset of its start in that body.
    pub at: usize,
}

/// Body of a detail view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Request body, or the envelope of an event.
    Sent,
    /// Response body, as far as it was kept.
    Received,
}

/// Line of a detail view with its action.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Styled text of the line.
    pub line: Line<'static>,
    /// Action of Enter on the line; `None` if there is none.
    pub does: Option<Does>,
}

impl From<Line<'static>> for Entry {
    fn from(line: Line<'static>) -> Self {
        Self { line, does: None }
    }
}

/// All lines of a detail view.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sheet(pub Vec<Entry>);

impl Sheet {
    /// Adds lines without an action.
    pub fn add(&mut self, lines: impl IntoIterator<Item = Line<'static>>) {
        self.0.extend(lines.into_iter().map(Entry::from));
    }

    /// Adds a line with an action.
    pub fn link(&mut self, line: Line<'static>, does: Does) {
        self.0.push(Entry { line, does: Some(does) });
    }

    /// Adds an empty line and a heading.
    pub fn head(&mut self, text: impl Into<String>, theme: Theme) {
        self.add([Line::default(), Line::styled(text.into(), theme.style(Role::Strong))]);
    }

    /// Adds a dim line that says that there is nothing.
    pub fn none(&mut self, text: &'static str, theme: Theme) {
        self.add([Line::styled(text, theme.style(Role::Dim))]);
    }
}
