//! The one registry of keys: dispatch, footer and help are all made from it.

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

const fn key(code: KeyCode) -> Chord {
    Chord { code, control: Control::Up }
}

const fn ch(character: char) -> Chord {
    key(KeyCode::Char(character))
}

const fn ctrl(character: char) -> Chord {
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

use Context::{Alerts, Confirm, Detail, Help, Menu, Panes};

const SCROLLING: &[Context] = &[Panes, Detail, Menu, Help, Alerts];
const ANYWHERE: &[Context] = &[Panes, Detail, Menu, Confirm, Help, Alerts];
const LAYERS: &[Context] = &[Detail, Menu, Confirm, Help, Alerts];
const PANES: &[Context] = &[Panes];

const fn moving(chords: &'static [Chord], step: Step, label: &'static str) -> Binding {
    Binding { chords, action: Action::Move(step), contexts: SCROLLING, label, group: Group::Move, footer: None }
}

const fn showing(chords: &'static [Chord], action: Action, label: &'static str) -> Binding {
    Binding { chords, action, contexts: PANES, label, group: Group::Look, footer: None }
}

/// All bindings.
pub const BINDINGS: &[Binding] = &[
    moving(&[key(KeyCode::Up), ch('k')], Step::Up, "up"),
    moving(&[key(KeyCode::Down), ch('j')], Step::Down, "down"),
    moving(&[ctrl('u')], Step::HalfUp, "half a page up"),
    moving(&[ctrl('d')], Step::HalfDown, "half a page down"),
    moving(&[key(KeyCode::PageUp)], Step::PageUp, "page up"),
    moving(&[key(KeyCode::PageDown)], Step::PageDown, "page down"),
    moving(&[key(KeyCode::Home), ch('g')], Step::Top, "first"),
    moving(&[key(KeyCode::End), ch('G')], Step::Bottom, "last"),
    Binding {
        chords: &[key(KeyCode::Enter)],
        action: Action::Open,
        contexts: &[Panes, Alerts],
        label: "open",
        group: Group::Look,
        footer: Some(1),
    },
    Binding {
        chords: &[key(KeyCode::Enter)],
        action: Action::Open,
        contexts: &[Menu],
        label: "choose",
        group: Group::Act,
        footer: Some(1),
    },
    showing(&[ch('1')], Action::Overview, "Overview"),
    showing(&[ch('2')], Action::Show(Pane::Keys), "Keys"),
    showing(&[ch('3')], Action::Show(Pane::Subscriptions), "Subscriptions"),
    showing(&[ch('4')], Action::Show(Pane::Deliveries), "Deliveries"),
    showing(&[ch('5')], Action::Absent("Events"), "Events"),
    showing(&[ch('6')], Action::Show(Pane::Limits), "Limits"),
    showing(&[ch('7')], Action::Show(Pane::Trips), "Trips"),
    showing(&[ch('8')], Action::Absent("Requests"), "Requests"),
    showing(&[ch('9')], Action::Absent("Diagnose"), "Diagnose"),
    showing(&[ch('0')], Action::Absent("Escalate"), "Escalate"),
    Binding {
        chords: &[key(KeyCode::Tab), key(KeyCode::Right), ch('l')],
        action: Action::NextPane,
        contexts: PANES,
        label: "next pane",
        group: Group::Look,
        footer: Some(3),
    },
    showing(&[key(KeyCode::BackTab), key(KeyCode::Left), ch('h')], Action::PreviousPane, "previous pane"),
    Binding { footer: Some(6), ..showing(&[ch('f')], Action::FullScreen, "full") },
    Binding { footer: Some(4), ..showing(&[ch('a')], Action::Alerts, "alerts") },
    Binding { footer: Some(7), ..showing(&[ch('F')], Action::Follow, "follow") },
    Binding {
        chords: &[ch('x')],
        action: Action::Menu,
        contexts: &[Panes, Detail],
        label: "actions",
        group: Group::Act,
        footer: Some(2),
    },
    Binding {
        chords: &[ch('y')],
        action: Action::Yes,
        contexts: &[Confirm],
        label: "yes, do it",
        group: Group::Act,
        footer: Some(2),
    },
    Binding {
        chords: &[ch('n'), key(KeyCode::Enter)],
        action: Action::No,
        contexts: &[Confirm],
        label: "no",
        group: Group::Act,
        footer: Some(1),
    },
    Binding {
        chords: &[ch('p')],
        action: Action::Freeze,
        contexts: &[Panes, Detail],
        label: "freeze",
        group: Group::Console,
        footer: Some(5),
    },
    Binding {
        chords: &[key(KeyCode::Esc)],
        action: Action::Back,
        contexts: ANYWHERE,
        label: "back",
        group: Group::Look,
        footer: Some(0),
    },
    Binding {
        chords: &[ctrl('l')],
        action: Action::Redraw,
        contexts: ANYWHERE,
        label: "draw again",
        group: Group::Console,
        footer: None,
    },
    Binding {
        chords: &[ch('?')],
        action: Action::Help,
        contexts: ANYWHERE,
        label: "help",
        group: Group::Console,
        footer: None,
    },
    Binding {
        chords: &[ch('q')],
        action: Action::Close,
        contexts: PANES,
        label: "quit",
        group: Group::Console,
        footer: None,
    },
    Binding {
        chords: &[ch('q')],
        action: Action::Close,
        contexts: LAYERS,
        label: "close",
        group: Group::Console,
        footer: None,
    },
    Binding {
        chords: &[ctrl('c')],
        action: Action::Quit,
        contexts: ANYWHERE,
        label: "quit at once",
        group: Group::Console,
        footer: None,
    },
];

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
            assert!(matches!(meaning(ctrl(taken), Panes), Meaning::Nothing));
        }
    }
}
