//! Lines of a detail view, some of which have actions or can be folded.

use crate::diagnose::remedy::RemediationAction;
use crate::domain::ids::AttemptId;
use crate::sync::platform_change::PlatformChange;
use crate::tui::ids::{DrillDown, RowId};
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::theme::Theme;
use ratatui::text::Line;

/// Action of Enter on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineAction {
    /// Opens the detail view of another item.
    Open(RowId),
    /// Shows the log rows that belong to an item.
    Drill(DrillDown),
    /// Asks for confirmation of a change.
    Ask(PlatformChange),
    /// Folds or unfolds the object or array that starts here.
    Fold(FoldPoint),
    /// Starts a remediation, after a confirmation where it changes something.
    Remediate(RemediationAction),
    /// Opens the input for what the receiver of an attempt computed.
    AskComputedSignature(AttemptId),
    /// Opens the input for the secret that the receiver of an attempt holds.
    AskReceiverSecret(AttemptId),
    /// Collects the ticket about the open subject.
    Escalate,
    /// Copies a text to the clipboard.
    Copy(String),
}

/// Start of an object or array in a body that can be folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoldPoint {
    /// Body that contains the object or array.
    pub part: BodySide,
    /// Byte offset of its start in that body.
    pub byte_offset: usize,
}

/// Body of a detail view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BodySide {
    /// Request body, or the envelope of an event.
    Sent,
    /// Response body, as far as it was kept.
    Received,
}

/// Line of a detail view with its action.
#[derive(Debug, Clone, PartialEq)]
pub struct DetailLine {
    /// Styled text of the line.
    pub line: Line<'static>,
    /// Action of Enter on the line; `None` if there is none.
    pub action: Option<LineAction>,
}

impl From<Line<'static>> for DetailLine {
    fn from(line: Line<'static>) -> Self {
        Self { line, action: None }
    }
}

/// All lines of a detail view.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DetailLines(pub Vec<DetailLine>);

impl DetailLines {
    /// Adds lines without an action.
    pub fn add(&mut self, lines: impl IntoIterator<Item = Line<'static>>) {
        self.0.extend(lines.into_iter().map(DetailLine::from));
    }

    /// Adds a line with an action.
    pub fn link(&mut self, line: Line<'static>, does: LineAction) {
        self.0.push(DetailLine { line, action: Some(does) });
    }

    /// Adds an empty line and a heading.
    pub fn head(&mut self, text: impl Into<String>, theme: Theme) {
        self.add([Line::default(), Line::styled(text.into(), theme.style(StyleRole::Strong))]);
    }

    /// Adds a dim line that says that there is nothing.
    pub fn none(&mut self, text: impl Into<String>, theme: Theme) {
        self.add([Line::styled(text.into(), theme.style(StyleRole::Dim))]);
    }
}
