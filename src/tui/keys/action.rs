//! Key actions with the contexts in which they apply, and the motions of a cursor.

use crate::tui::ids::{FormPurpose, Pane};
use crate::tui::keys::chord::KeyChord;

/// Context in which a key is pressed, given by the front overlay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyContext {
    /// Overview or a single pane, without an overlay.
    Panes,
    /// Detail view of one item.
    Detail,
    /// Menu of actions on an item.
    Menu,
    /// Confirmation that is answered with y or n.
    Confirm,
    /// Help: all actions, grouped, with a search.
    Help,
    /// List of the active alerts.
    Alerts,
    /// Text input for a filter.
    Filter,
    /// Command palette: all actions, with a search.
    Palette,
    /// Short list to choose from, and the list of companies.
    Choice,
    /// Text input for a note.
    Note,
    /// Input for what a receiver computed, or for its secret.
    SignatureInput,
    /// Confirmation by typing a count.
    Count,
    /// Form with the details of a change.
    Form,
    /// List of replays with their progress.
    Replays,
    /// List of operators and their roles.
    Operators,
    /// Secret that is shown once.
    SecretReveal,
    /// Read-only text list, such as the message log.
    TextList,
    /// Progress of a bulk run of changes.
    BulkRun,
    /// Pane 9, with playbooks and results.
    Diagnose,
    /// Pane 0, with the ticket.
    Escalate,
}

impl KeyContext {
    /// Whether characters are typed into a text input in this context.
    #[must_use]
    pub const fn takes_text(self) -> bool {
        matches!(
            self,
            Self::Help | Self::Filter | Self::Palette | Self::Note | Self::SignatureInput | Self::Count | Self::Form
        )
    }
}

/// Motion of a cursor or of a scroll position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CursorMotion {
    /// One row or line up.
    Up,
    /// One row or line down.
    Down,
    /// Half a page towards the top.
    HalfUp,
    /// Half a page towards the bottom.
    HalfDown,
    /// One full page towards the top.
    PageUp,
    /// One full page towards the bottom.
    PageDown,
    /// To the first row or line.
    Top,
    /// To the last row or line.
    Bottom,
}

/// Action that a key can be bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAction {
    /// Shows the overview with the dashboard.
    Overview,
    /// Shows a pane alone, on the whole body.
    Show(Pane),
    /// Opens pane 9 for the chosen company or for all.
    Diagnose,
    /// Opens pane 9 with the playbooks that fit the selected item.
    Playbooks,
    /// Opens pane 0 and collects a ticket.
    Escalate,
    /// Runs a playbook again, or checks the steps of a runbook.
    RunAgain,
    /// Asks the unknown checks of a playbook again.
    AskUnknownAgain,
    /// Removes the selected run from pane 9.
    ForgetRun,
    /// Moves to the next line that has an action.
    NextActionLine,
    /// Toggles whether the bundle includes the bodies of responses.
    ToggleBodies,
    /// Collects the bundle again, for the other reader.
    ToggleReader,
    /// Opens the form with the reporter's words again.
    EditReport,
    /// Asks whether to release a passage that the secret gate masked or held back.
    Release,
    /// Confirms writing the bundle, as an archive.
    Archive,
    /// Asks whether to write the bundle.
    Write,
    /// Moves the cursor or scrolls, by this motion.
    Move(CursorMotion),
    /// Moves the focus to the next pane.
    NextPane,
    /// Moves the focus to the previous pane.
    PreviousPane,
    /// Toggles between the focused pane alone and the overview.
    FullScreen,
    /// Opens or performs what is selected.
    Open,
    /// Shows the log rows that belong to the selected item.
    DrillDown,
    /// Goes back in the drill-down history.
    Backward,
    /// Goes forward in the drill-down history.
    Forward,
    /// Switches the format of bodies: JSON, text, hex.
    NextBodyFormat,
    /// Folds all bodies of a detail view, or unfolds them.
    FoldAll,
    /// Lists the companies, to restrict all panes to one.
    Companies,
    /// Lists the actions available on the selected item.
    Menu,
    /// Asks whether to send again: a delivery, or what a subscription missed.
    SendAgain,
    /// Opens the form of this purpose.
    OpenForm(FormPurpose),
    /// Moves to the next field of a form.
    NextField,
    /// Lists replays with their progress.
    Replays,
    /// Pauses the selected replay, or resumes it.
    PauseOrResumeReplay,
    /// Cancels the selected replay for good.
    CancelReplay,
    /// Lists the operators of the platform.
    Operators,
    /// Revokes the selected operator for good.
    RevokeOperator,
    /// Confirms the question on the screen.
    Yes,
    /// Declines the question on the screen.
    No,
    /// Sends a test to the subscription that is about to be enabled, and leaves the question open.
    TestFirst,
    /// Freezes the screen at the present snapshot, or resumes.
    Freeze,
    /// Toggles whether the newest row of a log stays selected.
    Follow,
    /// Lists the active alerts, worst first.
    Alerts,
    /// Lists all keys with their actions.
    Help,
    /// Closes the front overlay or goes one step back; never ends the console.
    Back,
    /// Closes the front overlay; ends the console where there is none.
    Close,
    /// Ends the console, from any overlay.
    Quit,
    /// Draws every cell of the screen again.
    Redraw,
    /// Opens the filter input of the focused pane.
    Filter,
    /// Inserts the selected completion into the filter input.
    Complete,
    /// Moves to the next row that matches the filter, wrapping around the end.
    NextMatch,
    /// Moves to the previous row that matches the filter, wrapping around the start.
    PreviousMatch,
    /// Moves to the next row that is failing or tripped.
    NextTrouble,
    /// Moves to the previous row that is failing or tripped.
    PreviousTrouble,
    /// Moves to the next row with a warning.
    NextWarning,
    /// Moves to the previous row with a warning.
    PreviousWarning,
    /// Marks the selected row, or removes its mark.
    Mark,
    /// Marks all rows between the last mark and the cursor.
    MarkRange,
    /// Sorts the pane by its next field.
    Sort,
    /// Reverses the sort order of the pane.
    Reverse,
    /// Opens the choice of visible columns.
    Columns,
    /// Opens the choice of the logs' time window.
    TimeWindow,
    /// Toggles between ages and clock times.
    Times,
    /// Opens the choice of copy formats.
    Copy,
    /// Opens the note input for the selected row.
    Note,
    /// Adds the selected or marked rows to the bundle, or removes them.
    Collect,
    /// Lists the items in the bundle.
    Bundle,
    /// Opens the command palette with all actions.
    Palette,
    /// Lists the messages the console has shown.
    Log,
    /// Runs the failed changes of a bulk run again.
    Retry,
    /// Suspends the process until the shell resumes it.
    Suspend,
}

/// Group under which help lists a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindingGroup {
    /// Movement of cursor, focus and scroll position.
    Move,
    /// Panes, overlays and what they show.
    Look,
    /// Actions on items and on the platform.
    Act,
    /// Control of the console itself.
    Console,
}

impl BindingGroup {
    /// All groups, in the order of help.
    pub const ALL: [Self; 4] = [Self::Move, Self::Look, Self::Act, Self::Console];

    /// Heading of the group in help.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Move => "Navigation",
            Self::Look => "View",
            Self::Act => "Actions",
            Self::Console => "Console",
        }
    }
}

/// Key binding as registered, with its default keys.
#[derive(Debug, Clone, Copy)]
pub struct KeyBinding {
    /// Unique name of the binding in the configuration.
    pub name: &'static str,
    /// Default keys; the footer shows the first one.
    pub chords: &'static [KeyChord],
    /// Action that the keys perform.
    pub action: KeyAction,
    /// Contexts in which the keys work.
    pub contexts: &'static [KeyContext],
    /// Label of a few words for footer, palette and help.
    pub label: &'static str,
    /// Group under which help lists the binding.
    pub group: BindingGroup,
    /// Rank in the footer, `None` if the footer leaves it out. The greatest rank is dropped first when there is no
    /// room.
    pub footer: Option<u8>,
}

/// Index after a motion from row `at` of `n` rows, clamped to the rows.
#[must_use]
pub fn moved_row(step: CursorMotion, at: usize, n: usize, page: usize) -> usize {
    let last = n.saturating_sub(1);
    let by = match step {
        CursorMotion::Up | CursorMotion::Down => 1,
        CursorMotion::HalfUp | CursorMotion::HalfDown => page.div_ceil(2),
        CursorMotion::PageUp | CursorMotion::PageDown => page,
        CursorMotion::Top => return 0,
        CursorMotion::Bottom => return last,
    };
    match step {
        CursorMotion::Up | CursorMotion::HalfUp | CursorMotion::PageUp => at.saturating_sub(by),
        _ => at.saturating_add(by).min(last),
    }
}

/// First visible line after a motion through `n` lines in a view `height` lines high.
pub(in crate::tui) fn moved_scroll(step: CursorMotion, top: usize, n: usize, height: usize) -> usize {
    moved_row(step, top, n.saturating_sub(height) + 1, height)
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
