//! Lossless JSON: parses without losing the order of members or the digits of numbers, and writes in the styles of
//! common serializers.

use std::fmt::Write as _;

/// Maximum nesting depth of a parsed document.
const DEEPEST: usize = 64;
/// Maximum number of values in a parsed document: each takes a multiple of its text size in memory.
const MAX_NODES: usize = 100_000;

/// A JSON value that keeps member order and number digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// The literal `null`, `true` or `false`.
    Word(&'static str),
    /// A number with its original digits.
    Number(String),
    /// A string with its escapes decoded.
    Text(String),
    /// An array of JSON values.
    List(Vec<Self>),
    /// Members in their original order.
    Object(Vec<(String, Self)>),
}

/// Parses a document; `None` if the bytes are not JSON, too deep or too large.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<Node> {
    let mut reader = Reader { text: std::str::from_utf8(bytes).ok()?, at: 0, n_nodes: 0 };
    let node = reader.value(0)?;
    reader.space();
    (reader.at == reader.text.len()).then_some(node)
}

/// Recursive descent parser over a text.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    n_nodes: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, token: &str) -> Option<()> {
        self.text[self.at..].starts_with(token).then(|| self.at += token.len())
    }

    fn value(&mut self, depth: usize) -> Option<Node> {
        self.space();
        self.n_nodes += 1;
        match self.peek()? {
            _ if depth > DEEPEST || self.n_nodes > MAX_NODES => None,
            b'{' => self.object(depth),
            b'[' => self.list(depth),
            b'"' => self.string().map(Node::Text),
            b'-' | b'0'..=b'9' => Some(self.number()),
            _ => ["null", "true", "false"].into_iter().find(|word| self.take(word).is_some()).map(Node::Word),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Node> {
        self.take("{")?;
        let mut members = Vec::new();
        self.space();
        if self.take("}").is_some() {
            return Some(Node::Object(members));
        }
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            self.take(":")?;
            members.push((name, self.value(depth + 1)?));
            self.space();
            if self.take(",").is_none() {
                self.take("}")?;
                return Some(Node::Object(members));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Node> {
        self.take("[")?;
        let mut items = Vec::new();
        self.space();
        if self.take("]").is_some() {
            return Some(Node::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.take(",").is_none() {
                self.take("]")?;
                return Some(Node::List(items));
            }
        }
    }

    fn number(&mut self) -> Node {
        let from = self.at;
        while matches!(self.peek(), Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) {
            self.at += 1;
        }
        Node::Number(self.text[from..self.at].to_owned())
    }

    fn string(&mut self) -> Option<String> {
        self.take("\"")?;
        let mut text = String::new();
        loop {
            let next = self.text[self.at..].chars().next()?;
            self.at += next.len_utf8();
            match next {
                '"' => return Some(text),
                '\\' => text.push(self.escaped()?),
                next => text.push(next),
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += 1;
        Some(match next {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'"' | b'\\' | b'/' => char::from(next),
            b'u' => {
                let high = self.unit()?;
                match high {
                    0xd800..=0xdbff => {
                        self.take("\\u")?;
                        let low = self.unit()?.checked_sub(0xdc00)?;
                        char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + low)?
                    }
                    _ => char::from_u32(high)?,
                }
            }
            _ => return None,
        })
    }

    fn unit(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}

/// White space between the tokens of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spacing {
    /// No white space at all.
    Compact,
    /// A space after commas and colons: `", "` and `": "`.
    Spaced,
    /// One member per line, indented by this text.
    Lines(&'static str),
}

/// Characters that are escaped although JSON does not require it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escapes {
    /// No characters beyond the required ones.
    Least,
    /// All characters beyond the ASCII range.
    Ascii,
    /// All characters beyond ASCII, and slashes.
    AsciiAndSlashes,
    /// The characters `<`, `>` and `&`, and the two Unicode line separators.
    Html,
}

/// Order of an object's members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Order in which the members were read.
    Kept,
    /// Sorted by the name of the member.
    Sorted,
    /// Order in which the platform writes them.
    Platform,
}

/// Notation of numbers in the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// Original digits of each number.
    Kept,
    /// Without a fraction of zeros: `250.00` as `250`.
    Shortest,
    /// With at least one digit in a fraction: `250.00` as `250.0`.
    Float,
    /// Amounts of money with two decimals, as the platform writes them.
    Money,
}

/// Formatting style of a JSON serializer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// White space between two tokens.
    pub spacing: Spacing,
    /// Characters escaped beyond the required ones.
    pub escapes: Escapes,
    /// Order of an object's members.
    pub order: Order,
    /// Notation of numbers in the output.
    pub numbers: Numbers,
}

impl Style {
    /// Iterates over all combinations, the plainest first.
    pub fn all() -> impl Iterator<Item = Self> {
        let spacings =
            [Spacing::Compact, Spacing::Spaced, Spacing::Lines("  "), Spacing::Lines("    "), Spacing::Lines("\t")];
        let escapes = [Escapes::Least, Escapes::Ascii, Escapes::AsciiAndSlashes, Escapes::Html];
        let orders = [Order::Kept, Order::Sorted, Order::Platform];
        let numbers = [Numbers::Kept, Numbers::Shortest, Numbers::Float, Numbers::Money];
        numbers.into_iter().flat_map(move |numbers| {
            orders.into_iter().flat_map(move |order| {
                escapes.into_iter().flat_map(move |escapes| {
                    spacings.into_iter().map(move |spacing| Self { spacing, escapes, order, numbers })
                })
            })
        })
    }

    /// Description of the style in words, naming the serializer where one is typical.
    #[must_use]
    pub fn words(self) -> String {
        let spacing = match self.spacing {
            Spacing::Compact => "compactly",
            Spacing::Spaced => "with a space after each comma and colon, like Python's json.dumps",
            Spacing::Lines("\t") => "with tab indentation",
            Spacing::Lines("  ") => "with two-space indentation",
            Spacing::Lines(_) => "with four-space indentation",
        };
        let escapes = match self.escapes {
            Escapes::Least => "",
            Escapes::Ascii => ", non-ASCII escaped",
            Escapes::AsciiAndSlashes => ", slashes and non-ASCII escaped, like PHP's json_encode",
            Escapes::Html => ", <, > and & escaped, like Go's encoding/json",
        };
        let order = match self.order {
            Order::Kept => "",
            Order::Sorted => ", keys sorted",
            Order::Platform => ", keys in the platform's order",
        };
        let numbers = match self.numbers {
            Numbers::Kept => "",
            Numbers::Shortest => ", numbers without trailing zeros",
            Numbers::Float => ", zero fractions as .0",
            Numbers::Money => ", money with two decimals",
        };
        format!("{spacing}{escapes}{order}{numbers}")
    }

    /// Writes a document in this style; `None` if the result exceeds `limit` bytes.
    #[must_use]
    pub fn write_within(self, node: &Node, limit: usize) -> Option<String> {
        let mut text = String::new();
        self.value(node, ("", 0), limit, &mut text);
        (text.len() <= limit).then_some(text)
    }

    fn value(self, node: &Node, (name, depth): (&str, usize), limit: usize, text: &mut String) {
        match node {
            Node::Word(word) => text.push_str(word),
            Node::Number(digits) => text.push_str(&self.number(digits, name)),
            Node::Text(string) => self.string(string, text),
            Node::List(items) => {
                let items = items.iter().map(|item| (None, item)).collect();
                self.group(['[', ']'], items, (depth, limit), text);
            }
            Node::Object(members) => {
                let mut members: Vec<(Option<&str>, &Node)> =
                    members.iter().map(|(name, node)| (Some(name.as_str()), node)).collect();
                match self.order {
                    Order::Kept => {}
                    Order::Sorted => members.sort_by_key(|(name, _)| *name),
                    Order::Platform => members.sort_by_key(|(name, _)| super::bodies::rank(name.unwrap_or_default())),
                }
                self.group(['{', '}'], members, (depth, limit), text);
            }
        }
    }

    fn group(
        self,
        [open, close]: [char; 2],
        items: Vec<(Option<&str>, &Node)>,
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
                Spacing::Compact | Spacing::Lines(_) => text.push(','),
                Spacing::Spaced => text.push_str(", "),
            }
            self.line(depth + 1, text);
            if let Some(name) = name {
                self.string(name, text);
                text.push_str(if self.spacing == Spacing::Compact { ":" } else { ": " });
            }
            self.value(node, (name.unwrap_or_default(), depth + 1), limit, text);
        }
        if n_items > 0 {
            self.line(depth, text);
        }
        text.push(close);
    }

    fn line(self, depth: usize, text: &mut String) {
        if let Spacing::Lines(indent) = self.spacing {
            text.push('\n');
            text.push_str(&indent.repeat(depth));
        }
    }

    fn number(self, digits: &str, name: &str) -> String {
        let is_plain = !digits.contains(['e', 'E']);
        match self.numbers {
            Numbers::Shortest if is_plain && digits.contains('.') => {
                digits.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
            Numbers::Float if is_plain && digits.contains('.') => {
                let short = digits.trim_end_matches('0');
                if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
            }
            Numbers::Money if is_plain && super::bodies::is_money(name) => {
                let (whole, cents) = digits.split_once('.').unwrap_or((digits, ""));
                format!("{whole}.{cents:0<2}")
            }
            _ => digits.to_owned(),
        }
    }

    fn string(self, string: &str, text: &mut String) {
        text.push('"');
        for character in string.chars() {
            match character {
                '"' => text.push_str("\\\""),
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                '\u{8}' => text.push_str("\\b"),
                '\u{c}' => text.push_str("\\f"),
                '/' if self.escapes == Escapes::AsciiAndSlashes => text.push_str("\\/"),
                '\0'..='\u{1f}' => unit(u16::try_from(u32::from(character)).unwrap_or(0), text),
                '\u{7f}' if self.escapes == Escapes::Ascii => text.push_str("\\u007f"),
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' if self.escapes == Escapes::Html => {
                    unit(u16::try_from(u32::from(character)).unwrap_or(0), text);
                }
                _ if !character.is_ascii() && matches!(self.escapes, Escapes::Ascii | Escapes::AsciiAndSlashes) => {
                    for code in character.encode_utf16(&mut [0; 2]) {
                        unit(*code, text);
                    }
                }
                _ => text.push(character),
            }
        }
        text.push('"');
    }
}

fn unit(code: u16, text: &mut String) {
    let _ = write!(text, "\\u{code:04x}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_written_again_byte_by_byte() {
        let text = r#"{"id":1,"type":"x","list":[],"none":{},"n":-1.50e3,"s":"a\"\\\n","deep":[1,[2,{"a":null}]]}"#;
        let style =
            Style { spacing: Spacing::Compact, escapes: Escapes::Least, order: Order::Kept, numbers: Numbers::Kept };
        assert_eq!(style.write_within(&parse(text.as_bytes()).expect("JSON"), text.len()).as_deref(), Some(text));
    }

    #[test]
    fn styles_are_those_of_the_programs_they_are_named_after() {
        let node = parse(r#"{"b":250.00,"a":"Zoë/<😀>"}"#.as_bytes()).expect("JSON");
        let style = |spacing, escapes, order, numbers| {
            Style { spacing, escapes, order, numbers }.write_within(&node, 1_000).expect("short")
        };
        assert_eq!(
            style(Spacing::Spaced, Escapes::Ascii, Order::Kept, Numbers::Float),
            r#"{"b": 250.0, "a": "Zo\u00eb/<\ud83d\ude00>"}"#
        );
        assert_eq!(
            style(Spacing::Compact, Escapes::AsciiAndSlashes, Order::Sorted, Numbers::Shortest),
            r#"{"a":"Zo\u00eb\/<\ud83d\ude00>","b":250}"#
        );
        assert_eq!(
            style(Spacing::Lines("  "), Escapes::Html, Order::Kept, Numbers::Kept),
            "{\n  \"b\": 250.00,\n  \"a\": \"Zoë/\\u003c😀\\u003e\"\n}"
        );
    }

    #[test]
    fn a_document_that_becomes_far_longer_or_has_far_too_many_values_is_not_written() {
        let deep = format!("{}{}1{}", "[".repeat(60), "1,".repeat(10_000), "]".repeat(60));
        let node = parse(deep.as_bytes()).expect("JSON");
        let style = |spacing| Style { spacing, escapes: Escapes::Least, order: Order::Kept, numbers: Numbers::Kept };
        assert!(style(Spacing::Compact).write_within(&node, deep.len()).is_some());
        assert_eq!(style(Spacing::Lines("    ")).write_within(&node, 4 * deep.len()), None);
        assert_eq!(parse(format!("[{}1]", "1,".repeat(MAX_NODES)).as_bytes()), None);
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for text in ["", "{", "{\"a\"}", "[1,]", "\"\\ud800\"", "tru", "{} x", &"[".repeat(200)] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
