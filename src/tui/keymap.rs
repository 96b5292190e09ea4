//! Key map: which action a key has in which context. Dispatch, footer and help use the registry in `bindings`.

use super::bindings::BINDINGS;
use super::chord::KeyChord;
use super::overlay::form::FormPurpose;
use super::panes::Pane;

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
    /// Confirmation that wants a count typed.
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
    /// Pane 0, with the escalation bundle.
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
    /// Opens pane 0 and collects an escalation bundle.
    Escalate,
    /// Runs a playbook again, or checks the steps of a run-book.
    RunAgain,
    /// Asks the unknown checks of a playbook again.
    AskUnknownAgain,
    /// Removes the selected run from pane 9.
    ForgetRun,
    /// Moves to the next line that has an action.
    NextActionLine,
    /// Toggles whether the bundle includes the bodies of responses.
    ToggleBodies,
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

/// Key binding with the keys in force, after the operator's changes.
#[derive(Debug, Clone)]
pub struct ActiveBinding {
    /// Registered binding that the keys belong to.
    pub binding: &'static KeyBinding,
    /// Keys in force; the footer shows the first one.
    pub chords: Vec<KeyChord>,
}

impl ActiveBinding {
    /// Names of the keys, separated by spaces.
    #[must_use]
    pub fn keys(&self) -> String {
        self.chords.iter().map(|chord| chord.name()).collect::<Vec<_>>().join(" ")
    }

    /// Rank in the footer, `None` if the footer leaves it out.
    #[must_use]
    pub const fn rank(&self) -> Option<u8> {
        self.binding.footer
    }
}

/// Result of looking up a chord in a context.
#[derive(Debug, Clone, Copy)]
pub enum KeyLookup<'a> {
    /// Chord is bound in this context.
    Here(&'a ActiveBinding),
    /// Chord is bound, but not in this context.
    Elsewhere(&'a ActiveBinding),
    /// Chord is not bound in any context.
    Nothing,
}

/// All bindings with the keys in force.
#[derive(Debug, Clone)]
pub struct Keymap {
    bound: Vec<ActiveBinding>,
}

impl Default for Keymap {
    fn default() -> Self {
        let bound = BINDINGS.iter().map(|binding| ActiveBinding { binding, chords: binding.chords.to_vec() });
        Self { bound: bound.collect() }
    }
}

impl Keymap {
    /// Applies changes of keys, each given as the name of a binding and the names of its keys. Returns the key map
    /// and a line for each change that was rejected: bindings that share a context never share a key, and the keys
    /// for quitting and going back are fixed.
    #[must_use]
    pub fn with_changes(changes: &[(String, Vec<String>)]) -> (Self, Vec<String>) {
        let mut keymap = Self::default();
        let mut faults = Vec::new();
        let mut wanted = Vec::new();
        for (name, keys) in changes {
            let at = keymap.bound.iter().position(|bound| bound.binding.name == name);
            let chords: Result<Vec<KeyChord>, String> = keys.iter().map(|key| KeyChord::parse(key)).collect();
            match (at, chords) {
                (None, _) => faults.push(format!("{name} is not an action")),
                (Some(at), _) if matches!(keymap.bound[at].binding.action, KeyAction::Quit | KeyAction::Back) => {
                    faults.push(format!("{name} cannot be rebound: a way out must remain"));
                }
                (Some(_), Ok(chords)) if chords.is_empty() => faults.push(format!("{name} needs a key")),
                (Some(at), Ok(chords)) => wanted.push((at, chords)),
                (Some(_), Err(why)) => faults.push(format!("{name}: {why}")),
            }
        }
        // All changes are applied at once, so that two bindings can swap keys; conflicting changes are reverted
        // afterwards.
        let before = keymap.bound.clone();
        for (at, chords) in &wanted {
            keymap.bound[*at].chords.clone_from(chords);
        }
        while let Some((at, other, chord)) = keymap.conflict(&wanted) {
            let (name, other) = (keymap.bound[at].binding.name, keymap.bound[other].binding.name);
            faults.push(format!("{name}: {} is bound to {other}; {name} keeps its keys", chord.name()));
            keymap.bound[at].chords.clone_from(&before[at].chords);
            wanted.retain(|(wanted, _)| *wanted != at);
        }
        (keymap, faults)
    }

    /// Finds a changed binding that shares a key with another binding in a common context.
    fn conflict(&self, changed: &[(usize, Vec<KeyChord>)]) -> Option<(usize, usize, KeyChord)> {
        changed.iter().rev().find_map(|(at, chords)| {
            let mine = self.bound[*at].binding.contexts;
            let meets = |other: &ActiveBinding| other.binding.contexts.iter().any(|context| mine.contains(context));
            self.bound.iter().enumerate().filter(|(other, bound)| other != at && meets(bound)).find_map(
                |(other, bound)| {
                    chords.iter().find(|chord| bound.chords.contains(chord)).map(|chord| (*at, other, *chord))
                },
            )
        })
    }

    /// Looks up the binding of a chord in a context.
    #[must_use]
    pub fn lookup(&self, chord: KeyChord, context: KeyContext) -> KeyLookup<'_> {
        let mut bound = self.bound.iter().filter(|bound| bound.chords.contains(&chord));
        let first = bound.clone().next();
        match (bound.find(|bound| bound.binding.contexts.contains(&context)), first) {
            (Some(bound), _) => KeyLookup::Here(bound),
            (None, Some(bound)) => KeyLookup::Elsewhere(bound),
            (None, None) => KeyLookup::Nothing,
        }
    }

    /// All bindings, in the order of the registry.
    #[must_use]
    pub fn all(&self) -> &[ActiveBinding] {
        &self.bound
    }

    /// Bindings that work in a context, in the order of the registry.
    pub fn in_context(&self, context: KeyContext) -> impl Iterator<Item = &ActiveBinding> {
        self.bound.iter().filter(move |bound| bound.binding.contexts.contains(&context))
    }

    /// Name of an action's first key, for messages; empty if it has none.
    #[must_use]
    pub fn key(&self, action: KeyAction) -> String {
        let bound = self.bound.iter().find(|bound| bound.binding.action == action);
        bound.and_then(|bound| bound.chords.first()).map_or_else(String::new, |chord| chord.name())
    }
}

#[cfg(test)]
mod tests {
    use super::super::bindings::ALL_CONTEXTS;
    use super::super::chord::ctrl;
    use super::*;

    #[test]
    fn no_two_bindings_of_a_context_share_a_key_and_none_share_a_name() {
        let keymap = Keymap::default();
        for context in ALL_CONTEXTS {
            let mut seen: Vec<KeyChord> = Vec::new();
            for chord in keymap.in_context(*context).flat_map(|bound| bound.chords.clone()) {
                assert!(!seen.contains(&chord), "{} is bound twice in {context:?}", chord.name());
                seen.push(chord);
            }
        }
        let names: std::collections::BTreeSet<&str> = BINDINGS.iter().map(|binding| binding.name).collect();
        assert_eq!(names.len(), BINDINGS.len());
    }

    #[test]
    fn every_binding_can_be_reached_and_the_way_out_is_everywhere() {
        assert!(BINDINGS.iter().all(|binding| !binding.contexts.is_empty() && !binding.chords.is_empty()));
        let keymap = Keymap::default();
        for context in ALL_CONTEXTS {
            for action in [KeyAction::Back, KeyAction::Quit, KeyAction::Redraw] {
                assert!(
                    keymap.in_context(*context).any(|bound| bound.binding.action == action),
                    "{action:?} in {context:?}"
                );
            }
            let has = |action| keymap.in_context(*context).any(|bound| bound.binding.action == action);
            assert!(context.takes_text() || (has(KeyAction::Close) && has(KeyAction::Help)), "{context:?}");
        }
    }

    #[test]
    fn terminals_own_keys_are_left_alone() {
        let keymap = Keymap::default();
        for taken in "sqabg".chars() {
            assert!(matches!(keymap.lookup(ctrl(taken), KeyContext::Panes), KeyLookup::Nothing));
        }
    }

    #[test]
    fn keys_can_be_changed_and_what_cannot_be_is_said() {
        let change = |name: &str, key: &str| (name.to_owned(), vec![key.to_owned()]);
        let (keymap, faults) = Keymap::with_changes(&[change("freeze", "Ctrl-F"), change("alerts", "p")]);
        assert_eq!(faults, Vec::<String>::new());
        assert_eq!([keymap.key(KeyAction::Freeze), keymap.key(KeyAction::Alerts)], ["Ctrl-F", "p"]);
        let (keymap, faults) = Keymap::with_changes(&[
            change("freeze", "a"),
            change("nothing", "x"),
            change("alerts", "Ctrl-S"),
            change("quit-at-once", "Z"),
            ("full".to_owned(), Vec::new()),
        ]);
        assert_eq!(keymap.key(KeyAction::Freeze), "p");
        assert_eq!(
            faults,
            [
                "nothing is not an action",
                "alerts: Ctrl-S is reserved by terminals and multiplexers",
                "quit-at-once cannot be rebound: a way out must remain",
                "full needs a key",
                "freeze: a is bound to alerts; freeze keeps its keys",
            ]
        );
    }
}
