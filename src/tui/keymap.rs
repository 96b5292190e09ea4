//! Keys and what they mean where: dispatch, footer and help are all made from the one registry in `bindings`.

use super::bindings::BINDINGS;
use super::panes::Pane;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

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
    /// A pane that this version does not have.
    Absent(&'static str),
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
    /// Lists what can be done with what is selected.
    Menu,
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

/// A key with its modifiers; Shift is part of the character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chord {
    code: KeyCode,
    control: Control,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Control {
    Up,
    Held,
}

/// A key without Ctrl.
#[must_use]
pub(super) const fn key(code: KeyCode) -> Chord {
    Chord { code, control: Control::Up }
}

/// A character's key.
#[must_use]
pub(super) const fn ch(character: char) -> Chord {
    key(KeyCode::Char(character))
}

/// A character's key with Ctrl.
#[must_use]
pub(super) const fn ctrl(character: char) -> Chord {
    Chord { code: KeyCode::Char(character), control: Control::Held }
}

impl Chord {
    /// The chord of a key press; `None` with modifiers that no binding has.
    #[must_use]
    pub fn of(event: &KeyEvent) -> Option<Self> {
        let rest = event.modifiers.difference(KeyModifiers::SHIFT);
        match rest {
            KeyModifiers::NONE => Some(key(event.code)),
            KeyModifiers::CONTROL => match event.code {
                KeyCode::Char(character) => Some(ctrl(character.to_ascii_lowercase())),
                _ => None,
            },
            _ => None,
        }
    }

    /// What it is called: `Ctrl-D`, `Enter`, `x`.
    #[must_use]
    pub fn name(self) -> String {
        let name = match self.code {
            KeyCode::Char(' ') => "Space".to_owned(),
            KeyCode::Char(character) if self.control == Control::Held => character.to_ascii_uppercase().to_string(),
            KeyCode::Char(character) => character.to_string(),
            KeyCode::PageUp => "PgUp".to_owned(),
            KeyCode::PageDown => "PgDn".to_owned(),
            KeyCode::BackTab => "Shift-Tab".to_owned(),
            code => format!("{code:?}"),
        };
        match self.control {
            Control::Held => format!("Ctrl-{name}"),
            Control::Up => name,
        }
    }
}

/// A binding.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// Its keys; the first one stands in the footer.
    pub chords: &'static [Chord],
    /// What they do.
    pub action: Action,
    /// Where.
    pub contexts: &'static [Context],
    /// In a word or two, for footer and help.
    pub label: &'static str,
    /// Its place in help.
    pub group: Group,
    /// Its place in the footer, if it stands there: the greatest goes first when there is no room.
    pub footer: Option<u8>,
}

/// What a chord means somewhere.
#[derive(Debug, Clone, Copy)]
pub enum Meaning {
    /// It does this.
    Here(&'static Binding),
    /// It does something, but not here.
    Elsewhere(&'static Binding),
    /// Nothing.
    Nothing,
}

/// Looks a chord up.
#[must_use]
pub fn meaning(chord: Chord, context: Context) -> Meaning {
    let mut bound = BINDINGS.iter().filter(|binding| binding.chords.contains(&chord));
    let first = bound.clone().next();
    match (bound.find(|binding| binding.contexts.contains(&context)), first) {
        (Some(binding), _) => Meaning::Here(binding),
        (None, Some(binding)) => Meaning::Elsewhere(binding),
        (None, None) => Meaning::Nothing,
    }
}

/// The bindings of a context.
pub fn of(context: Context) -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(move |binding| binding.contexts.contains(&context))
}

#[cfg(test)]
mod tests {
    use super::super::bindings::ANYWHERE;
    use super::*;

    #[test]
    fn no_two_bindings_of_a_context_share_a_key() {
        for context in ANYWHERE {
            let mut seen: Vec<Chord> = Vec::new();
            for chord in of(*context).flat_map(|binding| binding.chords) {
                assert!(!seen.contains(chord), "{} is bound twice in {context:?}", chord.name());
                seen.push(*chord);
            }
        }
    }

    #[test]
    fn every_binding_can_be_reached_and_the_way_out_is_everywhere() {
        assert!(BINDINGS.iter().all(|binding| !binding.contexts.is_empty() && !binding.chords.is_empty()));
        for context in ANYWHERE {
            for action in [Action::Back, Action::Close, Action::Quit, Action::Help, Action::Redraw] {
                assert!(of(*context).any(|binding| binding.action == action), "{action:?} in {context:?}");
            }
        }
    }

    #[test]
    fn terminals_own_keys_are_left_alone() {
        for taken in "sqabg".chars() {
            assert!(matches!(meaning(ctrl(taken), Context::Panes), Meaning::Nothing));
        }
    }
}
