//! Styles in which common serializers write JSON, and in which programs print what they parsed.

use super::json::JsonNode;
use super::platform_order::{is_money, platform_rank};
use std::fmt::Write as _;

/// White space between the tokens of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonSpacing {
    /// No white space at all.
    Compact,
    /// A space after commas and colons: `", "` and `": "`.
    Spaced,
    /// A space after colons only.
    ColonSpaced,
    /// A space after commas only.
    CommaSpaced,
    /// One member per line, indented by this text.
    Lines(&'static str),
    /// One member per line, with spaces on both sides of the colon.
    WideLines,
}

/// Characters that are escaped although JSON does not require it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonEscapes {
    /// No characters beyond the required ones.
    Least,
    /// All characters beyond the ASCII range.
    Ascii,
    /// All characters beyond ASCII, and slashes.
    AsciiAndSlashes,
    /// The characters `<`, `>` and `&`, and the two Unicode line separators.
    Html,
    /// Slashes and no others.
    Slashes,
    /// Slashes behind `<`, as in closing tags.
    ClosingTags,
    /// All characters beyond ASCII and those that HTML or JavaScript read, in upper-case hex: .NET.
    DotNet,
    /// The characters `<`, `>`, `&`, `=` and `'`: Gson.
    Gson,
    /// All characters beyond ASCII, in upper-case hex: Jackson.
    AsciiUpper,
}

/// Order of an object's members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberOrder {
    /// Order in which the members were read.
    Kept,
    /// Sorted by the name of the member.
    Sorted,
    /// Order in which the platform writes them.
    Platform,
}

/// Notation of numbers in the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberNotation {
    /// Original digits of each number.
    Kept,
    /// Without a fraction of zeros: `250.00` as `250`.
    Shortest,
    /// With at least one digit in a fraction: `250.00` as `250.0`.
    Float,
    /// Amounts of money with two decimals, as the platform writes them.
    Money,
    /// All numbers through a 64-bit float, as JavaScript: integers beyond 2^53 are rounded.
    Double,
    /// All numbers as floats in Java's notation: `1` as `1.0`, `12345678` as `1.2345678E7`.
    JavaDouble,
}

/// Change of the document before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonShape {
    /// The document as it was read.
    Kept,
    /// Without members that are null.
    WithoutNulls,
    /// With empty objects as empty lists, as PHP's arrays.
    EmptyAsLists,
    /// With names that begin with a capital letter, as the properties of C#.
    Pascal,
    /// The member `payload` alone.
    PayloadOnly,
}

/// Line ends of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonEnd {
    /// LF between lines, and none behind the document.
    Plain,
    /// A line end behind the document.
    Newline,
    /// CR and LF between lines.
    CrLf,
}

/// Formatting style of a JSON serializer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonStyle {
    /// White space between two tokens.
    pub spacing: JsonSpacing,
    /// Characters escaped beyond the required ones.
    pub escapes: JsonEscapes,
    /// Order of an object's members.
    pub order: MemberOrder,
    /// Notation of numbers in the output.
    pub numbers: NumberNotation,
    /// Change of the document before it is written.
    pub shape: JsonShape,
    /// Line ends of the output.
    pub end: JsonEnd,
}

const SPACINGS: [JsonSpacing; 9] = [
    JsonSpacing::Compact,
    JsonSpacing::Spaced,
    JsonSpacing::Lines("  "),
    JsonSpacing::Lines("    "),
    JsonSpacing::Lines("\t"),
    JsonSpacing::Lines(" "),
    JsonSpacing::WideLines,
    JsonSpacing::ColonSpaced,
    JsonSpacing::CommaSpaced,
];
const ESCAPES: [JsonEscapes; 9] = [
    JsonEscapes::Least,
    JsonEscapes::Ascii,
    JsonEscapes::AsciiAndSlashes,
    JsonEscapes::Html,
    JsonEscapes::DotNet,
    JsonEscapes::Slashes,
    JsonEscapes::Gson,
    JsonEscapes::AsciiUpper,
    JsonEscapes::ClosingTags,
];
const ORDERS: [MemberOrder; 3] = [MemberOrder::Kept, MemberOrder::Sorted, MemberOrder::Platform];
const NUMBERS: [NumberNotation; 6] = [
    NumberNotation::Kept,
    NumberNotation::Shortest,
    NumberNotation::Float,
    NumberNotation::Double,
    NumberNotation::Money,
    NumberNotation::JavaDouble,
];
const SHAPES: [JsonShape; 5] =
    [JsonShape::Kept, JsonShape::WithoutNulls, JsonShape::EmptyAsLists, JsonShape::Pascal, JsonShape::PayloadOnly];
const ENDS: [JsonEnd; 3] = [JsonEnd::Plain, JsonEnd::Newline, JsonEnd::CrLf];
/// Maximum number of options of a style that differ from the plainest one.
const MAX_UNUSUAL: usize = 4;

impl JsonStyle {
    /// Iterates over the combinations that differ from the plainest style in few options, the plainest first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=MAX_UNUSUAL)
            .flat_map(|weight| Self::every().filter(move |(unusual, _)| *unusual == weight))
            .map(|(_, style)| style)
    }

    /// Every combination with the number of its unusual options.
    fn every() -> impl Iterator<Item = (usize, Self)> {
        let unusual = |position: usize| usize::from(position > 0);
        SHAPES.into_iter().enumerate().flat_map(move |(of_shape, shape)| {
            ENDS.into_iter().enumerate().flat_map(move |(of_end, end)| {
                NUMBERS.into_iter().enumerate().flat_map(move |(of_number, numbers)| {
                    ORDERS.into_iter().enumerate().flat_map(move |(of_order, order)| {
                        ESCAPES.into_iter().enumerate().flat_map(move |(of_escape, escapes)| {
                            SPACINGS.into_iter().enumerate().map(move |(of_spacing, spacing)| {
                                let unusual =
                                    [of_shape, of_end, of_number, of_order, of_escape, of_spacing].map(unusual);
                                (unusual.iter().sum(), Self { spacing, escapes, order, numbers, shape, end })
                            })
                        })
                    })
                })
            })
        })
    }

    /// Description of the style in words, naming the serializer where one is typical.
    #[must_use]
    pub fn description(self) -> String {
        let spacing = match self.spacing {
            JsonSpacing::Compact => "compactly",
            JsonSpacing::Spaced => "with a space after each comma and colon, like Python's json.dumps",
            JsonSpacing::Lines("\t") => "with tab indentation",
            JsonSpacing::Lines("  ") => "with two-space indentation",
            JsonSpacing::Lines(" ") => "with one-space indentation",
            JsonSpacing::Lines(_) => "with four-space indentation",
            JsonSpacing::WideLines => "with two-space indentation and spaces around colons, like Jackson",
            JsonSpacing::ColonSpaced => "with a space after each colon",
            JsonSpacing::CommaSpaced => "with a space after each comma",
        };
        let escapes = match self.escapes {
            JsonEscapes::Least => "",
            JsonEscapes::Ascii => ", non-ASCII escaped",
            JsonEscapes::AsciiAndSlashes => ", slashes and non-ASCII escaped, like PHP's json_encode",
            JsonEscapes::Html => ", <, > and & escaped, like Go's encoding/json",
            JsonEscapes::Slashes => ", slashes escaped",
            JsonEscapes::ClosingTags => ", </ escaped, like Java's org.json",
            JsonEscapes::DotNet => ", escaped like .NET's System.Text.Json",
            JsonEscapes::Gson => ", <, >, &, = and ' escaped, like Gson",
            JsonEscapes::AsciiUpper => ", non-ASCII escaped in upper-case hex, like Jackson",
        };
        let order = match self.order {
            MemberOrder::Kept => "",
            MemberOrder::Sorted => ", keys sorted",
            MemberOrder::Platform => ", keys in the platform's order",
        };
        let numbers = match self.numbers {
            NumberNotation::Kept => "",
            NumberNotation::Shortest => ", numbers without trailing zeros",
            NumberNotation::Float => ", zero fractions as .0",
            NumberNotation::Money => ", money with two decimals",
            NumberNotation::Double => ", numbers through a 64-bit float, like JavaScript",
            NumberNotation::JavaDouble => ", all numbers as floats, like Gson",
        };
        let shape = match self.shape {
            JsonShape::Kept => "",
            JsonShape::WithoutNulls => ", without null members",
            JsonShape::EmptyAsLists => ", empty objects as lists, like PHP",
            JsonShape::Pascal => ", names with a capital letter, like C#",
            JsonShape::PayloadOnly => ", the member payload alone",
        };
        let end = match self.end {
            JsonEnd::Plain => "",
            JsonEnd::Newline => ", a line break after it",
            JsonEnd::CrLf => ", with CRLF line breaks",
        };
        format!("{spacing}{escapes}{order}{numbers}{shape}{end}")
    }

    /// Writes a document in this style; `None` if the result exceeds `limit` bytes.
    #[must_use]
    pub fn write_within(self, node: &JsonNode, limit: usize) -> Option<String> {
        let mut text = String::new();
        match (self.shape, node) {
            (JsonShape::PayloadOnly, JsonNode::Object(members)) => {
                let (_, payload) = members.iter().find(|(name, _)| name == "payload")?;
                self.value(payload, ("", 0), limit, &mut text);
            }
            (JsonShape::PayloadOnly, _) => return None,
            _ => self.value(node, ("", 0), limit, &mut text),
        }
        match self.end {
            JsonEnd::Plain => {}
            JsonEnd::Newline => text.push('\n'),
            JsonEnd::CrLf => text = text.replace('\n', "\r\n"),
        }
        (text.len() <= limit).then_some(text)
    }

    fn value(self, node: &JsonNode, (name, depth): (&str, usize), limit: usize, text: &mut String) {
        match node {
            JsonNode::Word(word) => text.push_str(word),
            JsonNode::Number(digits) => text.push_str(&self.number(digits, name)),
            JsonNode::Text(string) => self.string(string, text),
            JsonNode::List(items) => {
                let items = items.iter().map(|item| (None, item)).collect();
                self.group(['[', ']'], items, (depth, limit), text);
            }
            JsonNode::Object(members) if members.is_empty() && self.shape == JsonShape::EmptyAsLists => {
                text.push_str("[]");
            }
            JsonNode::Object(members) => {
                let is_kept =
                    |node: &JsonNode| self.shape != JsonShape::WithoutNulls || *node != JsonNode::Word("null");
                let mut members: Vec<(Option<&str>, &JsonNode)> = members
                    .iter()
                    .filter(|(_, node)| is_kept(node))
                    .map(|(name, node)| (Some(name.as_str()), node))
                    .collect();
                match self.order {
                    MemberOrder::Kept => {}
                    MemberOrder::Sorted => members.sort_by_key(|(name, _)| *name),
                    MemberOrder::Platform => {
                        members.sort_by_key(|(name, _)| platform_rank(name.unwrap_or_default()));
                    }
                }
                self.group(['{', '}'], members, (depth, limit), text);
            }
        }
    }

    fn group(
        self,
        [open, close]: [char; 2],
        items: Vec<(Option<&str>, &JsonNode)>,
        (depth, limit): (usize, usize),
        text: &mut String,
    ) {
        text.push(open);
        let n_items = items.len();
        for (position, (name, node)) in items.into_iter().enumerate() {
            if text.len() > limit {
                return;
            }
            match self.spacing {
                _ if position == 0 => {}
                JsonSpacing::Spaced | JsonSpacing::CommaSpaced => text.push_str(", "),
                _ => text.push(','),
            }
            self.line(depth + 1, text);
            if let Some(name) = name {
                match self.shape {
                    JsonShape::Pascal => self.string(&capitalized(name), text),
                    _ => self.string(name, text),
                }
                text.push_str(match self.spacing {
                    JsonSpacing::Compact | JsonSpacing::CommaSpaced => ":",
                    JsonSpacing::WideLines => " : ",
                    _ => ": ",
                });
            }
            self.value(node, (name.unwrap_or_default(), depth + 1), limit, text);
        }
        if n_items > 0 {
            self.line(depth, text);
        }
        text.push(close);
    }

    fn line(self, depth: usize, text: &mut String) {
        let indent = match self.spacing {
            JsonSpacing::Lines(indent) => indent,
            JsonSpacing::WideLines => "  ",
            _ => return,
        };
        text.push('\n');
        text.push_str(&indent.repeat(depth));
    }

    fn number(self, digits: &str, name: &str) -> String {
        let is_plain = !digits.contains(['e', 'E']);
        match self.numbers {
            NumberNotation::Shortest if is_plain && digits.contains('.') => {
                digits.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
            NumberNotation::Float if is_plain && digits.contains('.') => {
                let short = digits.trim_end_matches('0');
                if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
            }
            NumberNotation::Double => double(digits),
            NumberNotation::JavaDouble => java_double(digits),
            NumberNotation::Money if is_plain && is_money(name) => {
                let (whole, cents) = digits.split_once('.').unwrap_or((digits, ""));
                format!("{whole}.{cents:0<2}")
            }
            _ => digits.to_owned(),
        }
    }

    fn string(self, string: &str, text: &mut String) {
        text.push('"');
        for character in string.chars() {
            if self.is_escaped(character) {
                for code in character.encode_utf16(&mut [0; 2]) {
                    let _ = match self.escapes {
                        JsonEscapes::DotNet | JsonEscapes::AsciiUpper => write!(text, "\\u{code:04X}"),
                        _ => write!(text, "\\u{code:04x}"),
                    };
                }
                continue;
            }
            match character {
                '"' => text.push_str("\\\""),
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                '\u{8}' => text.push_str("\\b"),
                '\u{c}' => text.push_str("\\f"),
                '/' if matches!(self.escapes, JsonEscapes::AsciiAndSlashes | JsonEscapes::Slashes) => {
                    text.push_str("\\/");
                }
                '/' if self.escapes == JsonEscapes::ClosingTags && text.ends_with('<') => text.push_str("\\/"),
                _ => text.push(character),
            }
        }
        text.push('"');
    }

    /// Returns whether a character is written as `\uXXXX`.
    fn is_escaped(self, character: char) -> bool {
        let is_ascii_only = matches!(
            self.escapes,
            JsonEscapes::Ascii | JsonEscapes::AsciiAndSlashes | JsonEscapes::DotNet | JsonEscapes::AsciiUpper
        );
        match character {
            '\u{8}' | '\u{c}' | '\n' | '\r' | '\t' => false,
            '\0'..='\u{1f}' => true,
            '\u{7f}' => matches!(self.escapes, JsonEscapes::Ascii | JsonEscapes::DotNet),
            '<' | '>' | '&' => matches!(self.escapes, JsonEscapes::Html | JsonEscapes::Gson | JsonEscapes::DotNet),
            '\u{2028}' | '\u{2029}' => {
                !matches!(self.escapes, JsonEscapes::Least | JsonEscapes::Slashes | JsonEscapes::ClosingTags)
            }
            '\'' => matches!(self.escapes, JsonEscapes::Gson | JsonEscapes::DotNet),
            '=' => self.escapes == JsonEscapes::Gson,
            '"' | '+' | '`' => self.escapes == JsonEscapes::DotNet,
            _ => is_ascii_only && !character.is_ascii(),
        }
    }
}

/// A name with a capital letter first.
fn capitalized(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A number as JavaScript prints a 64-bit float.
fn double(digits: &str) -> String {
    let Ok(number) = digits.parse::<f64>() else { return digits.to_owned() };
    if number == 0.0 {
        return "0".to_owned();
    }
    if (1e-6..1e21).contains(&number.abs()) {
        return format!("{number}");
    }
    let text = format!("{number:e}");
    if text.contains("e-") { text } else { text.replace('e', "e+") }
}

/// A number as Java prints a double: with a fraction, and with an exponent from ten millions.
fn java_double(digits: &str) -> String {
    let Ok(number) = digits.parse::<f64>() else { return digits.to_owned() };
    if number == 0.0 || (1e-3..1e7).contains(&number.abs()) {
        return format!("{number:?}");
    }
    let text = format!("{number:E}");
    let (mantissa, exponent) = text.split_once('E').unwrap_or((&text, "0"));
    let point = if mantissa.contains('.') { "" } else { ".0" };
    format!("{mantissa}{point}E{exponent}")
}

#[cfg(test)]
mod tests {
    use super::super::json::parse;
    use super::*;

    #[test]
    fn what_was_read_is_written_again_byte_by_byte() {
        let text = r#"{"id":1,"type":"x","list":[],"none":{},"n":-1.50e3,"s":"a\"\\\n","deep":[1,[2,{"a":null}]]}"#;
        let style = JsonStyle {
            spacing: JsonSpacing::Compact,
            escapes: JsonEscapes::Least,
            order: MemberOrder::Kept,
            numbers: NumberNotation::Kept,
            shape: JsonShape::Kept,
            end: JsonEnd::Plain,
        };
        assert_eq!(style.write_within(&parse(text.as_bytes()).expect("JSON"), text.len()).as_deref(), Some(text));
    }

    #[test]
    fn styles_are_those_of_the_programs_they_are_named_after() {
        let node = parse(r#"{"b":250.00,"a":"Zoë/<😀>"}"#.as_bytes()).expect("JSON");
        let style = |spacing, escapes, order, numbers| {
            JsonStyle { spacing, escapes, order, numbers, shape: JsonShape::Kept, end: JsonEnd::Plain }
                .write_within(&node, 1_000)
                .expect("short")
        };
        assert_eq!(
            style(JsonSpacing::Spaced, JsonEscapes::Ascii, MemberOrder::Kept, NumberNotation::Float),
            r#"{"b": 250.0, "a": "Zo\u00eb/<\ud83d\ude00>"}"#
        );
        assert_eq!(
            style(JsonSpacing::Compact, JsonEscapes::AsciiAndSlashes, MemberOrder::Sorted, NumberNotation::Shortest),
            r#"{"a":"Zo\u00eb\/<\ud83d\ude00>","b":250}"#
        );
        assert_eq!(
            style(JsonSpacing::Lines("  "), JsonEscapes::Html, MemberOrder::Kept, NumberNotation::Kept),
            "{\n  \"b\": 250.00,\n  \"a\": \"Zoë/\\u003c😀\\u003e\"\n}"
        );
    }

    #[test]
    fn a_document_that_becomes_far_longer_or_has_far_too_many_values_is_not_written() {
        let deep = format!("{}{}1{}", "[".repeat(60), "1,".repeat(10_000), "]".repeat(60));
        let node = parse(deep.as_bytes()).expect("JSON");
        let style = |spacing| JsonStyle {
            spacing,
            escapes: JsonEscapes::Least,
            order: MemberOrder::Kept,
            numbers: NumberNotation::Kept,
            shape: JsonShape::Kept,
            end: JsonEnd::Plain,
        };
        assert!(style(JsonSpacing::Compact).write_within(&node, deep.len()).is_some());
        assert_eq!(style(JsonSpacing::Lines("    ")).write_within(&node, 4 * deep.len()), None);
    }
}
