//! JSON that was parsed and printed by a language's own notation for maps instead of a serializer.

use super::json::JsonNode;
use super::signature_fault::SignatureFault;
use std::ops::ControlFlow;

/// Notation in which a language prints maps and lists.
#[derive(Debug, Clone, Copy)]
struct Notation {
    what: &'static str,
    map: [&'static str; 2],
    list: [&'static str; 2],
    pair: &'static str,
    between: &'static str,
    list_between: &'static str,
    /// Texts of `null`, `true` and `false`.
    words: [&'static str; 3],
    /// Quotation mark of texts; none where they are printed bare.
    quote: &'static str,
    is_sorted: bool,
}

/// Notation from which the others differ.
const PYTHON: Notation = Notation {
    what: "as Python prints a dict, with single quotes",
    map: ["{", "}"],
    list: ["[", "]"],
    pair: ": ",
    between: ", ",
    list_between: ", ",
    words: ["None", "True", "False"],
    quote: "'",
    is_sorted: false,
};
const RUBY: Notation = Notation {
    what: "as Ruby prints a hash, with =>",
    pair: "=>",
    words: ["nil", "true", "false"],
    quote: "\"",
    ..PYTHON
};
const JAVA: Notation = Notation {
    what: "as Java prints a map, with = and no quotes",
    pair: "=",
    words: ["null", "true", "false"],
    quote: "",
    ..PYTHON
};
const NOTATIONS: [Notation; 6] = [
    PYTHON,
    RUBY,
    Notation { pair: " => ", ..RUBY },
    JAVA,
    Notation {
        what: "as Go prints a map: map[…]",
        map: ["map[", "]"],
        pair: ":",
        between: " ",
        list_between: " ",
        words: ["<nil>", "true", "false"],
        is_sorted: true,
        ..JAVA
    },
    Notation { what: "as Java prints a sorted map, with = and no quotes", is_sorted: true, ..JAVA },
];

/// Notations of numbers in printed maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PrintedNumbers {
    Kept,
    /// Fractions without trailing zeros but one.
    Float,
    /// Every number as Go prints a float64 in a map.
    Go,
}

/// Passes the document in the notation of each language.
pub fn for_each<B>(
    node: &JsonNode,
    n_bytes: usize,
    add: &mut impl FnMut(Vec<u8>, SignatureFault, &str) -> ControlFlow<B>,
) -> ControlFlow<B> {
    for notation in NOTATIONS {
        for numbers in [PrintedNumbers::Kept, PrintedNumbers::Float, PrintedNumbers::Go] {
            let mut text = String::new();
            notation.write(node, numbers, 4 * n_bytes + 4_096, &mut text);
            add(text.into_bytes(), SignatureFault::Reserialised, &format!("parsed and printed {}", notation.what))?;
        }
    }
    ControlFlow::Continue(())
}

impl Notation {
    fn write(self, node: &JsonNode, numbers: PrintedNumbers, limit: usize, text: &mut String) {
        if text.len() > limit {
            return;
        }
        match node {
            JsonNode::Word("null") => text.push_str(self.words[0]),
            JsonNode::Word("true") => text.push_str(self.words[1]),
            JsonNode::Word(_) => text.push_str(self.words[2]),
            JsonNode::Number(digits) => text.push_str(&printed_number(digits, numbers)),
            JsonNode::Text(string) => self.string(string, text),
            JsonNode::List(items) => {
                text.push_str(self.list[0]);
                for (position, item) in items.iter().enumerate() {
                    text.push_str(if position > 0 { self.list_between } else { "" });
                    self.write(item, numbers, limit, text);
                }
                text.push_str(self.list[1]);
            }
            JsonNode::Object(members) => {
                let mut members: Vec<&(String, JsonNode)> = members.iter().collect();
                if self.is_sorted {
                    members.sort_by_key(|(name, _)| name.as_str());
                }
                text.push_str(self.map[0]);
                for (position, (name, node)) in members.into_iter().enumerate() {
                    text.push_str(if position > 0 { self.between } else { "" });
                    self.string(name, text);
                    text.push_str(self.pair);
                    self.write(node, numbers, limit, text);
                }
                text.push_str(self.map[1]);
            }
        }
    }

    fn string(self, string: &str, text: &mut String) {
        // Python quotes a text with an apostrophe in the other way.
        let is_other = self.quote == "'" && string.contains('\'') && !string.contains('"');
        let quote = if is_other { "\"" } else { self.quote };
        text.push_str(quote);
        for character in string.chars() {
            match character {
                c if self.quote.is_empty() => text.push(c),
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '\t' => text.push_str("\\t"),
                '\r' => text.push_str("\\r"),
                c if quote.contains(c) => {
                    text.push('\\');
                    text.push(c);
                }
                c => text.push(c),
            }
        }
        text.push_str(quote);
    }
}

fn printed_number(digits: &str, numbers: PrintedNumbers) -> String {
    match numbers {
        PrintedNumbers::Float if digits.contains('.') && !digits.contains(['e', 'E']) => {
            let short = digits.trim_end_matches('0');
            if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
        }
        PrintedNumbers::Go => match digits.parse::<f64>() {
            Ok(number) if (1e-4..1e21).contains(&number.abs()) || number == 0.0 => go_float(number),
            Ok(number) => format!("{number:e}"),
            Err(_) => digits.to_owned(),
        },
        _ => digits.to_owned(),
    }
}

/// A number as Go's `%v` prints it: with an exponent from a million on.
fn go_float(number: f64) -> String {
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) { format!("{number}") } else { format!("{mantissa}e+{exponent:02}") }
}
