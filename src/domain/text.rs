//! Text from outside is hostile: it stays [`Untrusted`] until [`Untrusted::sanitized`] has made it safe for a terminal.

use std::fmt::Write as _;
use unicode_width::UnicodeWidthChar;

/// Text written by an outside party: names, URLs, payloads, bodies, headers and error texts. Untrusted text has no
/// `Display`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Untrusted(String);

/// Maximum number of combining marks after one character; further marks are cut.
const MAX_COMBINING_MARKS: usize = 2;

/// Escapes a text for HTML, so that nothing in it is markup.
#[must_use]
pub fn escape_html(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    for character in raw.chars() {
        match character {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&#39;"),
            _ => text.push(character),
        }
    }
    text
}

impl Untrusted {
    /// Wraps a text as received.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text as received, for comparing, hashing and forwarding. Never print it to a terminal.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// Sanitizes the text to one line that cannot control a terminal: control characters become their Unicode pictures,
    /// and characters that hide, reorder or join others become visible marks. The result is as wide as it looks.
    #[must_use]
    pub fn sanitized(&self) -> String {
        let mut line = String::with_capacity(self.0.len());
        let mut marks = 0;
        for character in self.0.chars() {
            match character {
                '\t' => line.push(' '),
                '\0'..='\u{1f}' => line.push(char::from_u32(0x2400 + u32::from(character)).unwrap_or('?')),
                '\u{7f}' => line.push('\u{2421}'),
                _ if is_hidden(character) => {
                    let _ = write!(line, "<U+{:04X}>", u32::from(character));
                }
                _ if character.width() == Some(0) => {
                    marks += 1;
                    match marks {
                        1..=MAX_COMBINING_MARKS if !line.is_empty() => line.push(character),
                        1..=MAX_COMBINING_MARKS => {
                            let _ = write!(line, "<U+{:04X}>", u32::from(character));
                        }
                        3 => line.push('\u{2026}'),
                        _ => {}
                    }
                    continue;
                }
                _ => line.push(character),
            }
            marks = 0;
        }
        line
    }
}

/// Quotes and escapes the text by Rust's own rules.
impl std::fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl<T: Into<String>> From<T> for Untrusted {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

/// Returns whether a character controls a terminal instead of being shown: control characters and characters that hide,
/// reorder or join others.
#[must_use]
pub const fn is_terminal_control(character: char) -> bool {
    matches!(character, '\0'..='\u{1f}' | '\u{7f}') || is_hidden(character)
}

/// Returns whether a character is a C1 control or an invisible formatting, reordering or joining character.
const fn is_hidden(character: char) -> bool {
    matches!(character,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{8e2}'
        | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn escapes_bidi_and_floods_become_visible() {
        let cases = [
            ("plain text", "plain text"),
            ("\x1b]0;owned\x07", "␛]0;owned␇"),
            ("a\r\nb\tc\x7f", "a␍␊b c␡"),
            ("\u{9b}31m", "<U+009B>31m"),
            ("pay\u{202e}gpj.exe", "pay<U+202E>gpj.exe"),
            ("zero\u{200b}width\u{feff}", "zero<U+200B>width<U+FEFF>"),
            ("tag\u{e0041}", "tag<U+E0041>"),
            ("e\u{301}", "e\u{301}"),
            ("e\u{301}\u{301}\u{301}\u{301}\u{301}x", "e\u{301}\u{301}…x"),
            ("\u{301}", "<U+0301>"),
            ("Größe 日本", "Größe 日本"),
        ];
        for (text, shown) in cases {
            assert_eq!(Untrusted::new(text).sanitized(), shown);
        }
    }

    proptest! {
        #[test]
        fn nothing_active_is_left_and_widths_add_up(text in "\\PC*|.*|[\\x00-\\x{a0}\\u{200b}-\\u{206f}\\u{300}-\\u{310}]*") {
            let shown = Untrusted::new(text).sanitized();
            prop_assert!(!shown.chars().any(|c| c.is_control() || is_hidden(c)));
            let sum: usize = shown.chars().map(|c| c.width().unwrap_or(0)).sum();
            prop_assert!(shown.width() <= sum);
        }
    }
}
