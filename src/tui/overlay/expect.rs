//! The line in which somebody says what the receiver of an attempt computed, or what it holds as its secret.

use super::super::app::App;
use super::super::chord::{Chord, ctrl};
use super::super::entry::{Edited, Entry};
use super::super::format;
use super::super::once::Issued;
use super::super::theme::Role;
use super::dialog;
use crate::api::report::Subject;
use crate::domain::ids::AttemptId;
use crate::domain::secret::Secret;
use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use zeroize::Zeroizing;

/// Longest secret that can be typed, in bytes.
const LONGEST: usize = 512;

/// A secret being typed: nothing shows it, and this memory of it is wiped.
#[derive(Clone, PartialEq)]
pub struct Typed(Zeroizing<String>);

impl Default for Typed {
    fn default() -> Self {
        // It never grows, so that nothing of it is left behind elsewhere.
        Self(Zeroizing::new(String::with_capacity(LONGEST)))
    }
}

impl std::fmt::Debug for Typed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Typed(…)")
    }
}

impl Typed {
    fn add(&mut self, text: &str) {
        let known = text.chars().filter(|character| !character.is_control());
        for character in known {
            if self.0.len() + character.len_utf8() <= LONGEST {
                self.0.push(character);
            }
        }
    }

    /// Takes a key.
    pub fn press(&mut self, chord: Chord) -> Edited {
        match chord.types() {
            Some(character) => self.add(character.encode_utf8(&mut [0; 4])),
            None if chord.code() == KeyCode::Backspace => drop(self.0.pop()),
            None if chord == ctrl('u') => self.0.clear(),
            None => return Edited::Nothing,
        }
        Edited::Text
    }

    /// Takes pasted text, all of it or nothing.
    ///
    /// # Errors
    /// Says that it is too long.
    pub fn paste(&mut self, text: &str) -> Result<(), String> {
        if self.0.len() + text.len() > LONGEST {
            return Err(format!("a secret has at most {LONGEST} bytes; nothing was taken"));
        }
        self.add(text);
        Ok(())
    }

    /// What was typed, for whoever computes with it.
    #[must_use]
    pub fn secret(&self, attempt: AttemptId) -> Option<Issued> {
        let name = format!("what the receiver of attempt {attempt} holds");
        (!self.0.is_empty()).then(|| Issued::new(name, Secret::new(self.0.to_string())))
    }
}

/// What is being written.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// The signature that was computed.
    Computed(Entry),
    /// The secret that is held.
    Held(Typed),
}

/// Something about a receiver being written.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectLine {
    /// Of which attempt.
    pub attempt: AttemptId,
    /// Over what the lab was opened.
    pub subject: Subject,
    /// What is typed.
    pub wanted: Wanted,
}

impl ExpectLine {
    /// Takes a key.
    pub fn press(&mut self, chord: Chord) -> Edited {
        match &mut self.wanted {
            Wanted::Computed(entry) => entry.press(chord),
            Wanted::Held(typed) => typed.press(chord),
        }
    }

    /// Takes pasted text.
    ///
    /// # Errors
    /// Says why it is not taken.
    pub fn paste(&mut self, text: &str) -> Result<(), String> {
        match &mut self.wanted {
            Wanted::Computed(entry) => entry.paste(text),
            Wanted::Held(typed) => typed.paste(text),
        }
    }
}

/// Draws the line in the middle of `area`.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, line: &ExpectLine) {
    const WIDE: usize = 76;
    let theme = app.theme();
    let room = usize::from(area.width.saturating_sub(6)).min(WIDE);
    let (mut written, title, hint) = match &line.wanted {
        Wanted::Computed(entry) => (
            entry.line(room, theme),
            format!("What the receiver of attempt {} computed", line.attempt),
            "The signature as the receiver computed it: sha256=… or hex or Base64. Enter compares, Esc leaves it.",
        ),
        Wanted::Held(typed) => {
            let n = typed.0.chars().count();
            let shown =
                format!("{} {}", "*".repeat(n.min(room.saturating_sub(18))), format::plural(n as u64, "character"));
            (
                Line::from(Span::styled(shown, theme.style(Role::Text))),
                format!("The secret that the receiver of attempt {} holds", line.attempt),
                "Typed or pasted, never shown; it stays in this process: no more than a signature made with it is asked about. Enter compares, Ctrl-U empties, Esc leaves it.",
            )
        }
    };
    let fill = room.saturating_sub(written.width());
    written.push_span(" ".repeat(fill));
    let mut lines = vec![written, Line::default()];
    let flowed = format::flow(hint, room);
    lines.extend(flowed.into_iter().map(|text| Line::styled(text, theme.style(Role::Dim))));
    dialog(buffer, area, app, &title, &lines);
}
