//! Keys and what they mean where: dispatch, footer and help are all made from the one registry in `bindings`.

use super::bindings::BINDINGS;
use super::chord::Chord;
use super::overlay::form::Purpose;
use super::panes::Pane;

/// Where a key is pressed: on the layer that is on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// The overview or a pane.
    Panes,
    /// Details of one thing.
    Detail,
    /// The menu of actions.
    Menu,
    /// The question before an action.
    Confirm,
    /// Help.
    Help,
    /// The list of alerts.
    Alerts,
    /// The line in which a filter is written.
    Filter,
    /// The list of all actions.
    Palette,
    /// A short list to choose from.
    Choice,
    /// The line in which a note is written.
    Note,
    /// The line in which something about a receiver is said.
    Expect,
    /// A question that wants a count typed.
    Count,
    /// A form.
    Form,
    /// The replays.
    Replays,
    /// The operators.
    Operators,
    /// What is shown once.
    Once,
    /// Lists that only tell.
    Log,
    /// Acts under way.
    Run,
    /// The playbooks.
    Diagnose,
    /// The bundle.
    Escalate,
}

impl Context {
    /// Whether characters are typed into a line here.
    #[must_use]
    pub const fn takes_text(self) -> bool {
        matches!(self, Self::Help | Self::Filter | Self::Palette | Self::Note | Self::Expect | Self::Count | Self::Form)
    }
}

/// How far to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// Half a page up.
    HalfUp,
    /// Half a page down.
    HalfDown,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the first row.
    Top,
    /// To the last row.
    Bottom,
}

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Shows the overview.
    Overview,
    /// Shows a pane alone.
    Show(Pane),
    /// Shows the playbooks.
    Diagnose,
    /// Shows the playbooks that fit the selection.
    Playbooks,
    /// Collects a bundle and shows it.
    Escalate,
    /// Runs a playbook once more, or checks a run-book.
    Again,
    /// Asks again what a playbook could not learn.
    Resume,
    /// Forgets a run.
    Forget,
    /// To the next line that does something.
    NextOffer,
    /// Leaves the bodies of answers out of the bundle, or takes them in.
    Bodies,
    /// Writes the bundle as an archive.
    Archive,
    /// Asks whether the bundle is to be written.
    Write,
    /// Moves the selection, or scrolls.
    Move(Step),
    /// Gives the focus to the next pane.
    NextPane,
    /// Gives it to the one before.
    PreviousPane,
    /// Shows the focused pane alone, or the overview again.
    FullScreen,
    /// Opens what is selected.
    Open,
    /// Shows the rows of a log that belong to what is selected.
    Drill,
    /// Goes back to where the rows of a log were left for others.
    Backward,
    /// Goes forward again.
    Forward,
    /// Shows bodies in another way: JSON, text, hex.
    Shape,
    /// Folds bodies, or unfolds them.
    Fold,
    /// Lists companies, to look at one of them alone.
    Companies,
    /// Lists what can be done with what is selected.
    Menu,
    /// Asks whether to send once more what is selected: a delivery, or what a subscription missed.
    SendAgain,
    /// Opens a form.
    Fill(Purpose),
    /// Goes to the next field of a form.
    NextField,
    /// Lists replays.
    Replays,
    /// Pauses a replay, or lets it go on.
    TurnReplay,
    /// Gives a replay up.
    EndReplay,
    /// Lists operators.
    Operators,
    /// Revokes an operator.
    RevokeOperator,
    /// Confirms.
    Yes,
    /// Does not.
    No,
    /// Stops taking pictures, or resumes.
    Freeze,
    /// Keeps the newest delivery selected, or lets go.
    Follow,
    /// Lists alerts.
    Alerts,
    /// Lists keys.
    Help,
    /// One layer back; never ends the console.
    Back,
    /// Closes a layer; at the root ends the console.
    Close,
    /// Ends the console.
    Quit,
    /// Draws everything again.
    Redraw,
    /// Opens the line for a filter of the focused pane.
    Filter,
    /// Puts the selected candidate into the line.
    Complete,
    /// To the next row that the filter lets through, round the end.
    NextMatch,
    /// To the one before, round the beginning.
    PreviousMatch,
    /// To the next row in trouble.
    NextTrouble,
    /// To the one before.
    PreviousTrouble,
    /// To the next row that needs attention.
    NextWarning,
    /// To the one before.
    PreviousWarning,
    /// Marks the selected row, or takes its mark away.
    Mark,
    /// Marks all rows between the last mark and the cursor.
    MarkRange,
    /// Sorts by the next field.
    Sort,
    /// Turns the order round.
    Reverse,
    /// Chooses columns.
    Columns,
    /// Chooses how far back logs go.
    TimeWindow,
    /// Shows times as ages or as clock times.
    Times,
    /// Chooses what to copy.
    Copy,
    /// Writes a note on the selected row.
    Note,
    /// Puts what is selected or marked into the bundle.
    Collect,
    /// Lists the bundle.
    Bundle,
    /// Lists all actions.
    Palette,
    /// Lists what the console has said.
    Log,
    /// Tries again what failed.
    Retry,
    /// Gives the terminal back until the shell resumes the process.
    Suspend,
}

/// Under which heading help lists a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Moving about.
    Move,
    /// Panes and layers.
    Look,
    /// What acts on the platform.
    Act,
    /// The console itself.
    Console,
}

impl Group {
    /// All of them, in the order of help.
    pub const ALL: [Self; 4] = [Self::Move, Self::Look, Self::Act, Self::Console];

    /// Its heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Move => "Moving",
            Self::Look => "Looking",
            Self::Act => "Acting",
            Self::Console => "Console",
        }
    }
}

/// A binding as the registry has it.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// Its name in the configuration; one word, no two are alike.
    pub name: &'static str,
    /// Its keys unless they are changed; the first one stands in the footer.
    pub chords: &'static [Chord],
    /// What they do.
    pub action: Action,
    /// Where.
    pub contexts: &'static [Context],
    /// In a word or two, for footer, palette and help.
    pub label: &'static str,
    /// Its place in help.
    pub group: Group,
    /// Its place in the footer, if it stands there: the greatest goes first when there is no room.
    pub footer: Option<u8>,
}

/// A binding with the keys that it has here.
#[derive(Debug, Clone)]
pub struct Bound {
    /// What it is.
    pub binding: &'static Binding,
    /// Its keys.
    pub chords: Vec<Chord>,
}

impl Bound {
    /// The names of its keys, the first one first.
    #[must_use]
    pub fn keys(&self) -> String {
        self.chords.iter().map(|chord| chord.name()).collect::<Vec<_>>().join(" ")
    }

    /// Its place in the footer, if it stands there.
    #[must_use]
    pub const fn rank(&self) -> Option<u8> {
        self.binding.footer
    }
}

/// What a chord means somewhere.
#[derive(Debug, Clone, Copy)]
pub enum Meaning<'a> {
    /// It does this.
    Here(&'a Bound),
    /// It does something, but not here.
    Elsewhere(&'a Bound),
    /// Nothing.
    Nothing,
}

/// All bindings with the keys that they have here.
#[derive(Debug, Clone)]
pub struct Keymap {
    bound: Vec<Bound>,
}

impl Default for Keymap {
    fn default() -> Self {
        let bound = BINDINGS.iter().map(|binding| Bound { binding, chords: binding.chords.to_vec() });
        Self { bound: bound.collect() }
    }
}

impl Keymap {
    /// The registry with changes: for the name of a binding the names of its keys. A change that cannot be made is left out and named in a
    /// line of the answer: two bindings of one place never share a key, and the ways out cannot be taken away.
    #[must_use]
    pub fn changed(changes: &[(String, Vec<String>)]) -> (Self, Vec<String>) {
        let mut keymap = Self::default();
        let mut faults = Vec::new();
        let mut wanted = Vec::new();
        for (name, keys) in changes {
            let at = keymap.bound.iter().position(|bound| bound.binding.name == name);
            let chords: Result<Vec<Chord>, String> = keys.iter().map(|key| Chord::named(key)).collect();
            match (at, chords) {
                (None, _) => faults.push(format!("{name} is no action")),
                (Some(at), _) if matches!(keymap.bound[at].binding.action, Action::Quit | Action::Back) => {
                    faults.push(format!("{name} cannot be changed: a way out must remain"));
                }
                (Some(_), Ok(chords)) if chords.is_empty() => faults.push(format!("{name} needs a key")),
                (Some(at), Ok(chords)) => wanted.push((at, chords)),
                (Some(_), Err(why)) => faults.push(format!("{name}: {why}")),
            }
        }
        // All at once, so that two bindings can change places; then those that got in each other's way go back.
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

    /// A changed binding and another one of the same place with the same key.
    fn conflict(&self, changed: &[(usize, Vec<Chord>)]) -> Option<(usize, usize, Chord)> {
        changed.iter().rev().find_map(|(at, chords)| {
            let mine = self.bound[*at].binding.contexts;
            let meets = |other: &Bound| other.binding.contexts.iter().any(|context| mine.contains(context));
            self.bound.iter().enumerate().filter(|(other, bound)| other != at && meets(bound)).find_map(
                |(other, bound)| {
                    chords.iter().find(|chord| bound.chords.contains(chord)).map(|chord| (*at, other, *chord))
                },
            )
        })
    }

    /// Looks a chord up.
    #[must_use]
    pub fn meaning(&self, chord: Chord, context: Context) -> Meaning<'_> {
        let mut bound = self.bound.iter().filter(|bound| bound.chords.contains(&chord));
        let first = bound.clone().next();
        match (bound.find(|bound| bound.binding.contexts.contains(&context)), first) {
            (Some(bound), _) => Meaning::Here(bound),
            (None, Some(bound)) => Meaning::Elsewhere(bound),
            (None, None) => Meaning::Nothing,
        }
    }

    /// All bindings, in the registry's order.
    #[must_use]
    pub fn all(&self) -> &[Bound] {
        &self.bound
    }

    /// The bindings of a context.
    pub fn of(&self, context: Context) -> impl Iterator<Item = &Bound> {
        self.bound.iter().filter(move |bound| bound.binding.contexts.contains(&context))
    }

    /// The first key of an action, for texts that name it.
    #[must_use]
    pub fn key(&self, action: Action) -> String {
        let bound = self.bound.iter().find(|bound| bound.binding.action == action);
        bound.and_then(|bound| bound.chords.first()).map_or_else(String::new, |chord| chord.name())
    }
}

#[cfg(test)]
mod tests {
    use super::super::bindings::ANYWHERE;
    use super::super::chord::ctrl;
    use super::*;

    #[test]
    fn no_two_bindings_of_a_context_share_a_key_and_none_share_a_name() {
        let keymap = Keymap::default();
        for context in ANYWHERE {
            let mut seen: Vec<Chord> = Vec::new();
            for chord in keymap.of(*context).flat_map(|bound| bound.chords.clone()) {
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
        for context in ANYWHERE {
            for action in [Action::Back, Action::Quit, Action::Redraw] {
                assert!(keymap.of(*context).any(|bound| bound.binding.action == action), "{action:?} in {context:?}");
            }
            let has = |action| keymap.of(*context).any(|bound| bound.binding.action == action);
            assert!(context.takes_text() || (has(Action::Close) && has(Action::Help)), "{context:?}");
        }
    }

    #[test]
    fn terminals_own_keys_are_left_alone() {
        let keymap = Keymap::default();
        for taken in "sqabg".chars() {
            assert!(matches!(keymap.meaning(ctrl(taken), Context::Panes), Meaning::Nothing));
        }
    }

    #[test]
    fn keys_can_be_changed_and_what_cannot_be_is_said() {
        let change = |name: &str, key: &str| (name.to_owned(), vec![key.to_owned()]);
        let (keymap, faults) = Keymap::changed(&[change("freeze", "Ctrl-F"), change("alerts", "p")]);
        assert_eq!(faults, Vec::<String>::new());
        assert_eq!([keymap.key(Action::Freeze), keymap.key(Action::Alerts)], ["Ctrl-F", "p"]);
        let (keymap, faults) = Keymap::changed(&[
            change("freeze", "a"),
            change("nothing", "x"),
            change("alerts", "Ctrl-S"),
            change("quit-at-once", "Z"),
            ("full".to_owned(), Vec::new()),
        ]);
        assert_eq!(keymap.key(Action::Freeze), "p");
        assert_eq!(
            faults,
            [
                "nothing is no action",
                "alerts: Ctrl-S belongs to terminals and multiplexers",
                "quit-at-once cannot be changed: a way out must remain",
                "full needs a key",
                "freeze: a is bound to alerts; freeze keeps its keys",
            ]
        );
    }
}
