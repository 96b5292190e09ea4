//! Key chords: a key with its modifiers, its printable name, and parsing of that name.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Key with its modifiers. Shift is part of the character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyChord {
    code: KeyCode,
    control: CtrlState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CtrlState {
    Up,
    Held,
}

/// Chord of a key without Ctrl.
#[must_use]
pub(in crate::tui) const fn key(code: KeyCode) -> KeyChord {
    KeyChord { code, control: CtrlState::Up }
}

/// Chord of a character's key without Ctrl.
#[must_use]
pub(in crate::tui) const fn ch(character: char) -> KeyChord {
    key(KeyCode::Char(character))
}

/// Chord of a character's key with Ctrl.
#[must_use]
pub(in crate::tui) const fn ctrl(character: char) -> KeyChord {
    KeyChord { code: KeyCode::Char(character), control: CtrlState::Held }
}

/// Letters that terminals, shells and multiplexers reserve in combination with Ctrl.
const RESERVED_CTRL_LETTERS: &str = "sqabg";

/// Keys with a name of their own, and that name.
const NAMED_KEYS: [(&str, KeyCode); 16] = [
    ("Space", KeyCode::Char(' ')),
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("Shift-Tab", KeyCode::BackTab),
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("PgUp", KeyCode::PageUp),
    ("PgDn", KeyCode::PageDown),
    ("Backspace", KeyCode::Backspace),
    ("Delete", KeyCode::Delete),
    ("Insert", KeyCode::Insert),
];

impl KeyChord {
    /// Chord of a key press; `None` with modifiers that no binding uses.
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

    /// Character that the chord types into a text input, if there is one.
    #[must_use]
    pub const fn printable(self) -> Option<char> {
        match (self.code, self.control) {
            (KeyCode::Char(character), CtrlState::Up) => Some(character),
            _ => None,
        }
    }

    /// Key of the chord without its modifiers.
    #[must_use]
    pub const fn code(self) -> KeyCode {
        self.code
    }

    /// Printable name of the chord: `Ctrl-D`, `Enter`, `x`.
    #[must_use]
    pub fn name(self) -> String {
        let known = NAMED_KEYS.iter().find(|(_, code)| *code == self.code);
        let name = match self.code {
            _ if known.is_some() => known.map_or("", |(name, _)| name).to_owned(),
            KeyCode::Char(character) if self.control == CtrlState::Held => character.to_ascii_uppercase().to_string(),
            KeyCode::Char(character) => character.to_string(),
            code => format!("{code:?}"),
        };
        match self.control {
            CtrlState::Held => format!("Ctrl-{name}"),
            CtrlState::Up => name,
        }
    }

    /// Parses the name of a chord that can be bound.
    ///
    /// # Errors
    /// A one-line reason when the name is unknown or the chord is reserved.
    pub fn parse(name: &str) -> Result<Self, String> {
        if let Some((_, code)) = NAMED_KEYS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            return Ok(key(*code));
        }
        let (control, rest) = match name.strip_prefix("Ctrl-").or_else(|| name.strip_prefix("ctrl-")) {
            Some(rest) => (CtrlState::Held, rest),
            None => (CtrlState::Up, name),
        };
        let mut characters = rest.chars();
        match (characters.next(), characters.next(), control) {
            (Some(letter), None, CtrlState::Held) if letter.is_ascii_alphabetic() => {
                let letter = letter.to_ascii_lowercase();
                if RESERVED_CTRL_LETTERS.contains(letter) {
                    return Err(format!("{name} is reserved by terminals and multiplexers"));
                }
                Ok(ctrl(letter))
            }
            (Some(character), None, CtrlState::Up) if !character.is_control() => Ok(ch(character)),
            _ => Err(format!("{name} is not a key; use x, X, Ctrl-X, Enter, PgDn")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for chord in [ch('x'), ch('X'), ch(' '), ctrl('d'), key(KeyCode::BackTab), key(KeyCode::PageDown)] {
            assert_eq!(KeyChord::parse(&chord.name()), Ok(chord));
        }
        assert_eq!(KeyChord::parse("pgdn"), Ok(key(KeyCode::PageDown)));
        for taken in ["Ctrl-S", "Ctrl-a", "Alt-x", "F5", "", "xx", "Ctrl-\u{1b}", "\u{1b}"] {
            assert!(KeyChord::parse(taken).is_err(), "{taken}");
        }
    }
}
