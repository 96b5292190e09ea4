//! Sheets: the lines of a detail, some of which lead somewhere or fold.

use super::effect::Act;
use super::places::Item;
use super::theme::{Role, Theme};
use super::trail::Drill;
use crate::api::remedy::Remedy;
use crate::domain::ids::AttemptId;
use ratatui::text::Line;

/// What Enter does on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Does {
    /// Opens another thing.
    Open(Item),
    /// Shows the rows of a log that belong to a thing.
    Drill(Drill),
    /// Asks whether something is to be done.
    Ask(Act),
    /// Folds or unfolds what begins there.
    Fold(Node),
    /// Does something about a cause, after a question where it changes something.
    Remedy(Remedy),
    /// Asks what the receiver of an attempt computed.
    Expect(AttemptId),
    /// Ask what the receiver of an attempt holds as its secret.
    Hold(AttemptId),
    /// Collects the bundle about what is looked at.
    Escalate,
    /// Copies a text.
    Copy(String),
}

/// A place in a body at which something begins that can be folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// In which body.
    pub part: Part,
    /// At which byte of it.
    pub at: usize,
}

/// The bodies of a detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// What was sent, or an event's envelope.
    Sent,
    /// What came back.
    Received,
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What stands there.
    pub line: Line<'static>,
    /// What Enter does there.
    pub does: Option<Does>,
}

impl From<Line<'static>> for Entry {
    fn from(line: Line<'static>) -> Self {
        Self { line, does: None }
    }
}

/// The lines of a detail.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sheet(pub Vec<Entry>);

impl Sheet {
    /// Adds lines that do nothing.
    pub fn add(&mut self, lines: impl IntoIterator<Item = Line<'static>>) {
        self.0.extend(lines.into_iter().map(Entry::from));
    }

    /// Adds a line that does something.
    pub fn link(&mut self, line: Line<'static>, does: Does) {
        self.0.push(Entry { line, does: Some(does) });
    }

    /// Adds an empty line and a heading.
    pub fn head(&mut self, text: impl Into<String>, theme: Theme) {
        self.add([Line::default(), Line::styled(text.into(), theme.style(Role::Strong))]);
    }

    /// Adds a line that says that there is nothing.
    pub fn none(&mut self, text: &'static str, theme: Theme) {
        self.add([Line::styled(text, theme.style(Role::Dim))]);
    }
}
