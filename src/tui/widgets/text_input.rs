//! Single-line text input: editing keys, pasting, and the visible part around the cursor.

use crate::domain::text::Untrusted;
use crate::text;
use crate::tui::keys::chord::{KeyChord, ctrl};
use crate::tui::widgets::format;
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::theme::Theme;
use crossterm::event::KeyCode;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use tui_input::{Input, InputRequest};

/// Maximum length of a text input, in characters.
const MAX_INPUT_CHARS: usize = 500;

/// Message shown when a text input is full.
pub const INPUT_FULL: &str = "the limit is 500 characters";

/// Single line of text with a cursor.
#[derive(Debug, Clone, Default)]
pub struct TextInput {
    input: Input,
}

/// Effect of a key on a text input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EditResult {
    /// Text of the input changed.
    Text,
    /// Cursor moved, or was already where the key sends it; the text is unchanged.
    Cursor,
    /// Input is full and takes no more characters.
    Full,
    /// Key has no meaning in a text input.
    Nothing,
}

impl PartialEq for TextInput {
    fn eq(&self, other: &Self) -> bool {
        (self.text(), self.input.cursor()) == (other.text(), other.input.cursor())
    }
}

impl TextInput {
    /// Creates an input with a text and the cursor behind it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { input: Input::new(text.to_owned()) }
    }

    /// Text that was typed so far.
    #[must_use]
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// Byte offset of the cursor in the text.
    #[must_use]
    pub fn cursor(&self) -> usize {
        let text = self.text();
        text.char_indices().nth(self.input.cursor()).map_or(text.len(), |(at, _)| at)
    }

    /// Applies an editing key to the input.
    pub fn press(&mut self, chord: KeyChord) -> EditResult {
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
            _ => match chord.printable() {
                Some(character) => return self.insert(character),
                None => return EditResult::Nothing,
            },
        };
        let before = self.text().len();
        self.input.handle(request);
        if self.text().len() == before { EditResult::Cursor } else { EditResult::Text }
    }

    fn insert(&mut self, character: char) -> EditResult {
        if character.is_control() {
            return EditResult::Cursor;
        }
        if self.text().chars().count() >= MAX_INPUT_CHARS {
            return EditResult::Full;
        }
        self.input.handle(InputRequest::InsertChar(character));
        EditResult::Text
    }

    /// Inserts pasted text completely or not at all. Line breaks and tabs become spaces, other control characters are
    /// removed.
    ///
    /// # Errors
    /// A one-line reason when the text would be longer than the input allows.
    pub fn paste(&mut self, text: &str) -> Result<(), String> {
        let spaced = text.trim_end().chars().map(|character| if character.is_whitespace() { ' ' } else { character });
        let taken: Vec<char> = spaced.filter(|character| !character.is_control()).collect();
        if self.text().chars().count() + taken.len() > MAX_INPUT_CHARS {
            let n = text::count(taken.len(), "character");
            return Err(format!("not pasted: {n} do not fit, {INPUT_FULL}"));
        }
        for character in taken {
            self.insert(character);
        }
        Ok(())
    }

    /// Replaces the text between the byte `from` and the cursor with `text`, for a completion.
    pub fn complete(&mut self, from: usize, text: &str) {
        let cursor = self.cursor();
        let (before, after) = (self.text().get(..from).unwrap_or_default(), &self.text()[cursor..]);
        let begun = format!("{before}{text}");
        let n = begun.chars().count();
        self.input = Input::new(begun + after).with_cursor(n);
    }

    /// Number of columns scrolled out on the left when `room` columns are visible.
    fn scroll(&self, room: usize) -> usize {
        columns(self.text(), self.cursor()).saturating_sub(room.saturating_sub(2))
    }

    /// Column at which the byte `at` is shown when `room` columns are visible.
    #[must_use]
    pub fn column(&self, at: usize, room: usize) -> usize {
        columns(self.text(), at).saturating_sub(self.scroll(room))
    }

    /// Visible part of the text in `room` columns, with the cursor as a reversed cell.
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
        let style = theme.style(StyleRole::Text);
        Line::from(vec![
            Span::styled(before[from..].to_owned(), style),
            Span::styled(under, style.add_modifier(Modifier::REVERSED)),
            Span::styled(rest.collect::<String>(), style),
        ])
    }
}

fn inert(text: &str) -> String {
    Untrusted::new(text).sanitized()
}

/// Width of the text before the byte `at`, in columns.
fn columns(text: &str, at: usize) -> usize {
    format::width(&inert(text.get(..at).unwrap_or(text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::keys::chord::{ch, key};
    use proptest::prelude::*;

    #[test]
    fn keys_edit_and_pasted_text_is_one_line_without_controls() {
        let mut entry = TextInput::new("status:500 kind:te");
        entry.complete(16, "test");
        assert_eq!((entry.text(), entry.cursor()), ("status:500 kind:test", 20));
        entry.press(ctrl('w'));
        entry.paste("a\r\nb\u{1b}[31m\tc\n").expect("it is short");
        assert!(!entry.text().contains(char::is_control) && entry.text().ends_with("b[31m c"), "{}", entry.text());
        entry.press(ctrl('u'));
        assert_eq!(entry.press(key(KeyCode::Backspace)), EditResult::Cursor);
        assert_eq!(entry.press(ch('é')), EditResult::Text);
        assert_eq!(entry.press(key(KeyCode::F(5))), EditResult::Nothing);
        assert_eq!(entry.text(), "é");
    }

    #[test]
    fn what_is_seen_as_one_character_goes_as_one() {
        for one in [
            "\u{1f1e9}\u{1f1ea}",
            "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
            "e\u{301}",
            "\u{2764}\u{fe0f}",
            "\u{1f44b}\u{1f3fd}",
            "\u{1112}\u{1161}\u{11ab}",
            "x",
        ] {
            let mut entry = TextInput::new(&format!("a{one}"));
            assert_eq!(entry.press(key(KeyCode::Backspace)), EditResult::Text);
            assert_eq!(entry.text(), "a", "{one}");
            let mut entry = TextInput::new(&format!("a{one}b"));
            entry.press(key(KeyCode::Left));
            entry.press(key(KeyCode::Left));
            assert_eq!(entry.cursor(), 1, "{one}");
            entry.press(key(KeyCode::Right));
            assert_eq!(entry.cursor(), 1 + one.len(), "{one}");
            entry.press(key(KeyCode::Left));
            entry.press(key(KeyCode::Delete));
            assert_eq!(entry.text(), "ab", "{one}");
        }
    }

    #[test]
    fn a_full_line_refuses_what_is_typed_and_pasted_and_says_so() {
        let mut entry = TextInput::default();
        entry.paste(&"x".repeat(MAX_INPUT_CHARS - 1)).expect("it fits");
        let said = entry.paste("yz").expect_err("it does not fit");
        assert!(said.contains("2 characters do not fit") && said.contains(&MAX_INPUT_CHARS.to_string()), "{said}");
        assert_eq!(entry.text().len(), MAX_INPUT_CHARS - 1, "not a part of it");
        assert_eq!((entry.press(ch('y')), entry.press(ch('z'))), (EditResult::Text, EditResult::Full));
        assert!(entry.paste(&"x".repeat(5_000_000)).is_err());
        assert_eq!(entry.press(key(KeyCode::Backspace)), EditResult::Text);
    }

    proptest! {
        #[test]
        fn the_cursor_is_in_sight(text in "\\PC{0,60}", left in 0_usize..60, room in 4_usize..40) {
            let mut entry = TextInput::new(&text);
            for _ in 0..left {
                entry.press(key(KeyCode::Left));
            }
            let line = entry.line(room, Theme::default());
            prop_assert!(format::width(&line.spans[0].content) < room);
            prop_assert!(entry.column(entry.cursor(), room) < room);
        }
    }
}
