//! JSON that is safe to print on a terminal: control, hiding and reordering characters are written as escapes, which
//! programs read as the original text.

use crate::domain::text::is_terminal_control;
use serde::Serialize;
use std::fmt::Write as _;

/// Serialises a value as indented JSON that is safe to print.
///
/// # Errors
/// [`serde_json::Error`] when the value cannot be serialised.
pub fn to_safe_pretty(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(value).map(|text| escape_active(&text))
}

/// Serialises a value as JSON on one line that is safe to print.
///
/// # Errors
/// [`serde_json::Error`] when the value cannot be serialised.
pub fn to_safe_line(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string(value).map(|text| escape_active(&text))
}

/// Escapes the terminal control characters of a JSON text; line ends are kept. In JSON such characters occur only
/// within strings, where an escape has the same meaning.
#[must_use]
pub fn escape_active(text: &str) -> String {
    if text.chars().all(|c| c == '\n' || !is_terminal_control(c)) {
        return text.to_owned();
    }
    let mut escaped = String::with_capacity(text.len() + 64);
    for character in text.chars() {
        if character != '\n' && is_terminal_control(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    proptest! {
        #[test]
        fn nothing_active_is_left_and_the_text_is_the_same(text in "\\PC*|.*|[\\x00-\\x{a0}\\u{200b}-\\u{206f}\\u{300}-\\u{310}\\u{e0000}-\\u{e007f}]*") {
            let value = json!({ "text": text });
            for written in [to_safe_pretty(&value), to_safe_line(&value)] {
                let written = written.expect("plain data");
                prop_assert!(!written.chars().any(|c| c != '\n' && is_terminal_control(c)));
                prop_assert_eq!(&serde_json::from_str::<Value>(&written).expect("JSON"), &value);
            }
        }
    }
}
