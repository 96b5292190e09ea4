//! Layout of a JSON text in lines, one per member. Every token stays as it was sent, including numbers and escapes.

use serde::de::IgnoredAny;
use std::ops::Range;

/// Kind of a JSON token, for colouring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonTokenKind {
    /// Name of an object member.
    Name,
    /// String that is a value.
    Text,
    /// Number, `true`, `false` or `null`.
    Value,
    /// Bracket, brace, comma or colon.
    Mark,
}

/// One line of laid-out JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonLine {
    /// Nesting depth, 0 for the outermost value.
    pub depth: usize,
    /// Tokens of the line, as kind and byte range in the text.
    pub tokens: Vec<(JsonTokenKind, Range<usize>)>,
    /// Byte offset in the text at which the line begins.
    pub start_byte: usize,
    /// Index of the line with the closing bracket, if this line opens an object or array that spans lines.
    pub closing_line: Option<usize>,
}

/// Whether `text` is a complete JSON object or array.
#[must_use]
pub fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Lays out valid JSON in lines, one per member. The text must have passed [`is_json`].
#[must_use]
pub fn lines(text: &str) -> Vec<JsonLine> {
    let mut lines = vec![JsonLine { depth: 0, tokens: Vec::new(), start_byte: 0, closing_line: None }];
    let mut open: Vec<usize> = Vec::new();
    let mut tokens = tokens(text).into_iter().peekable();
    while let Some((kind, range)) = tokens.next() {
        let token = &text[range.clone()];
        let closes = |token: &str| matches!(token, "}" | "]");
        match token {
            "{" | "[" => {
                push(&mut lines, kind, range);
                match tokens.next_if(|(_, next)| closes(&text[next.clone()])) {
                    Some((kind, range)) => push(&mut lines, kind, range),
                    None => {
                        open.push(lines.len() - 1);
                        begin(&mut lines, open.len());
                    }
                }
            }
            "}" | "]" => {
                let opened = open.pop();
                begin(&mut lines, open.len());
                push(&mut lines, kind, range);
                let last = lines.len() - 1;
                if let Some(line) = opened.and_then(|line| lines.get_mut(line)) {
                    line.closing_line = Some(last);
                }
            }
            "," => {
                push(&mut lines, kind, range);
                begin(&mut lines, open.len());
            }
            _ => push(&mut lines, kind, range),
        }
    }
    lines
}

fn push(lines: &mut [JsonLine], kind: JsonTokenKind, range: Range<usize>) {
    if let Some(line) = lines.last_mut() {
        if line.tokens.is_empty() {
            line.start_byte = range.start;
        }
        line.tokens.push((kind, range));
    }
}

fn begin(lines: &mut Vec<JsonLine>, depth: usize) {
    lines.push(JsonLine { depth, tokens: Vec::new(), start_byte: 0, closing_line: None });
}

fn tokens(text: &str) -> Vec<(JsonTokenKind, Range<usize>)> {
    let bytes = text.as_bytes();
    let mut tokens: Vec<(JsonTokenKind, Range<usize>)> = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let start = at;
        at += 1;
        let kind = match byte {
            b' ' | b'\n' | b'\r' | b'\t' => continue,
            b'"' => {
                while let Some(inside) = bytes.get(at) {
                    at += if *inside == b'\\' { 2 } else { 1 };
                    if *inside == b'"' {
                        break;
                    }
                }
                JsonTokenKind::Text
            }
            b'{' | b'}' | b'[' | b']' | b',' => JsonTokenKind::Mark,
            b':' => {
                if let Some((kind, _)) = tokens.last_mut() {
                    *kind = JsonTokenKind::Name;
                }
                JsonTokenKind::Mark
            }
            _ => {
                let is_inside = |byte: &u8| !byte.is_ascii_whitespace() && !b"{}[],:\"".contains(byte);
                at += bytes[at..].iter().take_while(|byte| is_inside(byte)).count();
                JsonTokenKind::Value
            }
        };
        tokens.push((kind, start..at.min(text.len())));
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_of_json_stays_as_it_was_sent() {
        let json = r#"{"amount":10.50, "n":1e3,"text":"a:\"{,}\u00e9","list":[1,2],"none":{}, "empty":[ ]}"#;
        let shown: Vec<String> = lines(json)
            .iter()
            .map(|line| {
                let tokens: Vec<&str> = line.tokens.iter().map(|(_, range)| &json[range.clone()]).collect();
                "  ".repeat(line.depth) + &tokens.concat()
            })
            .collect();
        assert_eq!(
            shown,
            [
                "{",
                "  \"amount\":10.50,",
                "  \"n\":1e3,",
                "  \"text\":\"a:\\\"{,}\\u00e9\",",
                "  \"list\":[",
                "    1,",
                "    2",
                "  ],",
                "  \"none\":{},",
                "  \"empty\":[]",
                "}",
            ]
        );
        let ends: Vec<_> = lines(json).iter().map(|line| line.closing_line).collect();
        assert_eq!((ends[0], ends[4], ends[8]), (Some(10), Some(7), None));
    }
}
