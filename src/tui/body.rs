//! Bodies of requests and answers: JSON broken into lines for reading, anything else line by line, always inert.

use super::format;
use super::theme::{Role, Theme};
use crate::api::attempts::Body;
use crate::domain::text::Untrusted;
use ratatui::text::Line;
use serde::de::IgnoredAny;

/// What stands above a body: how long it is, whether all of it is there, and how it is shown.
#[must_use]
pub fn heading(name: &str, body: &Body) -> String {
    let size = format!("{name}, {}", format::plural(body.n_bytes, "byte"));
    let cut = if body.truncated { ", cut: some are missing" } else { "" };
    let view = match &body.text {
        Some(text) if is_json(text.raw()) => "  (a view: line breaks added, nothing else changed)",
        Some(_) => "",
        None => "  (not UTF-8: Base64)",
    };
    format!("{size}{cut}{view}")
}

/// The body in lines of at most `room` columns.
#[must_use]
pub fn lines(body: &Body, room: usize, theme: Theme) -> Vec<Line<'static>> {
    let style = theme.style(Role::Text);
    let text = match &body.text {
        Some(text) if text.raw().is_empty() => return vec![Line::styled("empty", theme.style(Role::Dim))],
        Some(text) if is_json(text.raw()) => broken(text.raw()),
        Some(text) => text.raw().to_owned(),
        None => body.base64.clone(),
    };
    text.split('\n').flat_map(|line| format::wrap(&inert(line), room)).map(|line| Line::styled(line, style)).collect()
}

/// Inert, with the indent kept.
fn inert(line: &str) -> String {
    Untrusted::new(line).inert()
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Valid JSON with a line per member; every token stays as it was sent, numbers and escapes too.
fn broken(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut characters = json.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                out.push('"');
                while let Some(inside) = characters.next() {
                    out.push(inside);
                    match inside {
                        '\\' => out.extend(characters.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '{' | '[' => {
                out.push(character);
                while characters.next_if(char::is_ascii_whitespace).is_some() {}
                match characters.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => out.push(end),
                    None => {
                        depth += 1;
                        line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(character);
            }
            ',' => {
                out.push(',');
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            space if space.is_ascii_whitespace() => {}
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_of_json_stays_as_it_was_sent() {
        let json = r#"{"amount":10.50, "n":1e3,"text":"a:\"{,}\u00e9","list":[1,2],"none":{}, "empty":[ ]}"#;
        let view = broken(json);
        let lines: Vec<&str> = view.lines().collect();
        assert_eq!(
            lines,
            [
                "{",
                "  \"amount\": 10.50,",
                "  \"n\": 1e3,",
                "  \"text\": \"a:\\\"{,}\\u00e9\",",
                "  \"list\": [",
                "    1,",
                "    2",
                "  ],",
                "  \"none\": {},",
                "  \"empty\": []",
                "}",
            ]
        );
    }
}
