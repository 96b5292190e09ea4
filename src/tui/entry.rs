//! A line in which somebody types: what keys do to it, and how it looks in the columns that there are.

use super::chord::{Chord, ctrl};
use super::format;
use super::theme::{Role, Theme};
use crate::domain::text::Untrusted;
use crossterm::event::KeyCode;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use tui_input::{Input, InputRequest};

/// Longest text that can be typed, in characters.
const LONGEST: usize = 500;

/// A line with a cursor.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    input: Input,
}

/// What a key did to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edited {
    /// The text is another one.
    Text,
    /// The cursor moved, or was where it was sent.
    Cursor,
    /// The key does nothing in a line.
    Nothing,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.text(), self.input.cursor()) == (other.text(), other.input.cursor())
    }
}

impl Entry {
    /// A line with a text, the cursor behind it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { input: Input::new(text.to_owned()) }
    }

    /// What was typed.
    #[must_use]
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// The byte before which the cursor stands.
    #[must_use]
    pub fn cursor(&self) -> usize {
        let text = self.text();
        text.char_indices().nth(self.input.cursor()).map_or(text.len(), |(at, _)| at)
    }

    /// Takes a key.
    pub fn press(&mut self, chord: Chord) -> Edited {
        let request = match chord.code() {
            _ if chord == ctrl('w') => InputRequest::DeletePrevWord,
            _ if chord == ctrl('u') => InputRequest::DeleteFromStart,
            _ if chord == ctrl('k') => InputRequest::DeleteTillEnd,
            _ if chord == ctrl('e') => InputRequest::GoToEnd,
            KeyCode::Backspace => InputRequest::DeletePrevChar,
            KeyCode::Delete => InputRequest::DeleteNextChar,
            KeyCode::Left => InputRequest::GoToPrevChar,
            KeyCode::Right => InputRequest::GoToNextChar,
            KeyCode::Home => InputRequest::GoToStart,
            KeyCode::End => InputRequest::GoToEnd,
            _ => match chord.types() {
                Some(character) => return self.insert(character),
                None => return Edited::Nothing,
            },
        };
        let before = self.text().len();
        self.input.handle(request);
        if self.text().len() == before { Edited::Cursor } else { Edited::Text }
    }

    fn insert(&mut self, character: char) -> Edited {
        if self.text().chars().count() < LONGEST && !character.is_control() {
            self.input.handle(InputRequest::InsertChar(character));
            return Edited::Text;
        }
        Edited::Cursor
    }

    /// Takes pasted text: line breaks and tabs become spaces, other controls are left out.
    pub fn paste(&mut self, text: &str) {
        for character in text.trim_end().chars() {
            let character = if character.is_whitespace() { ' ' } else { character };
            self.insert(character);
        }
    }

    /// Puts `text` in the place of what stands between the byte `from` and the cursor.
    pub fn complete(&mut self, from: usize, text: &str) {
        let cursor = self.cursor();
        let (before, after) = (self.text().get(..from).unwrap_or_default(), &self.text()[cursor..]);
        let begun = format!("{before}{text}");
        let n = begun.chars().count();
        self.input = Input::new(begun + after).with_cursor(n);
    }

    /// The columns left of the first one that is seen when there is `room`.
    fn scroll(&self, room: usize) -> usize {
        columns(self.text(), self.cursor()).saturating_sub(room.saturating_sub(2))
    }

    /// The column in which the byte `at` stands when there is `room`.
    #[must_use]
    pub fn column(&self, at: usize, room: usize) -> usize {
        columns(self.text(), at).saturating_sub(self.scroll(room))
    }

    /// The part around the cursor in `room` columns, the cursor as a reversed cell.
    #[must_use]
    pub fn line(&self, room: usize, theme: Theme) -> Line<'static> {
        let skipped = self.scroll(room);
        let (before, after) = self.text().split_at(self.cursor());
        let before = inert(before);
        let mut from = before.len();
        let mut seen = 0;
        for (at, character) in before.char_indices().rev() {
            seen += format::width(character.encode_utf8(&mut [0; 4]));
            if seen > format::width(&before) - skipped.min(format::width(&before)) {
                break;
            }
            from = at;
        }
        let after = inert(after);
        let mut rest = after.chars();
        let under = rest.next().map_or_else(|| " ".to_owned(), String::from);
        let style = theme.style(Role::Text);
        Line::from(vec![
            Span::styled(before[from..].to_owned(), style),
            Span::styled(under, style.add_modifier(Modifier::REVERSED)),
            Span::styled(rest.collect::<String>(), style),
        ])
    }
}

fn inert(text: &str) -> String {
    Untrusted::new(text).inert()
}

/// The columns that the text before the byte `at` takes.
fn columns(text: &str, at: usize) -> usize {
    format::width(&inert(text.get(..at).unwrap_or(text)))
}

#[cfg(test)]
mod tests {
    use super::super::chord::{ch, key};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_edit_and_pasted_text_is_one_line_without_controls() {
        let mut entry = Entry::new("status:500 kind:te");
        entry.complete(16, "test");
        assert_eq!((entry.text(), entry.cursor()), ("status:500 kind:test", 20));
        entry.press(ctrl('w'));
        entry.paste("a\r\nb\u{1b}[31m\tc\n");
        assert!(!entry.text().contains(char::is_control) && entry.text().ends_with("b[31m c"), "{}", entry.text());
        entry.press(ctrl('u'));
        assert_eq!(entry.press(key(KeyCode::Backspace)), Edited::Cursor);
        assert_eq!(entry.press(ch('é')), Edited::Text);
        assert_eq!(entry.press(key(KeyCode::F(5))), Edited::Nothing);
        assert_eq!(entry.text(), "é");
    }

    proptest! {
        #[test]
        fn the_cursor_is_in_sight(text in "\\PC{0,60}", left in 0_usize..60, room in 4_usize..40) {
            let mut entry = Entry::new(&text);
            for _ in 0..left {
                entry.press(key(KeyCode::Left));
            }
            let line = entry.line(room, Theme::default());
            prop_assert!(format::width(&line.spans[0].content) < room);
            prop_assert!(entry.column(entry.cursor(), room) < room);
        }
    }
}
