//! Lossless JSON: parses without losing the order of members or the digits of numbers, and writes in the styles of
//! common serializers.

use std::fmt::Write as _;

/// Maximum nesting depth of a parsed document.
const MAX_DEPTH: usize = 64;
/// Maximum number of values in a parsed document: each takes a multiple of its text size in memory.
const MAX_NODES: usize = 100_000;

/// A JSON value that keeps member order and number digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonNode {
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
pub fn parse(bytes: &[u8]) -> Option<JsonNode> {
    let mut reader = JsonReader { text: std::str::from_utf8(bytes).ok()?, at: 0, n_nodes: 0 };
    let node = reader.value(0)?;
    reader.skip_space();
    (reader.at == reader.text.len()).then_some(node)
}

/// Recursive descent parser over a text.
struct JsonReader<'a> {
    text: &'a str,
    at: usize,
    n_nodes: usize,
}

impl JsonReader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, token: &str) -> Option<()> {
        self.text[self.at..].starts_with(token).then(|| self.at += token.len())
    }

    fn value(&mut self, depth: usize) -> Option<JsonNode> {
        self.skip_space();
        self.n_nodes += 1;
        match self.peek()? {
            _ if depth > MAX_DEPTH || self.n_nodes > MAX_NODES => None,
            b'{' => self.object(depth),
            b'[' => self.list(depth),
            b'"' => self.string().map(JsonNode::Text),
            b'-' | b'0'..=b'9' => Some(self.number()),
            _ => ["null", "true", "false"].into_iter().find(|word| self.take(word).is_some()).map(JsonNode::Word),
        }
    }

    fn object(&mut self, depth: usize) -> Option<JsonNode> {
        self.take("{")?;
        let mut members = Vec::new();
        self.skip_space();
        if self.take("}").is_some() {
            return Some(JsonNode::Object(members));
        }
        loop {
            self.skip_space();
            let name = self.string()?;
            self.skip_space();
            self.take(":")?;
            members.push((name, self.value(depth + 1)?));
            self.skip_space();
            if self.take(",").is_none() {
                self.take("}")?;
                return Some(JsonNode::Object(members));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<JsonNode> {
        self.take("[")?;
        let mut items = Vec::new();
        self.skip_space();
        if self.take("]").is_some() {
            return Some(JsonNode::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_space();
            if self.take(",").is_none() {
                self.take("]")?;
                return Some(JsonNode::List(items));
            }
        }
    }

    fn number(&mut self) -> JsonNode {
        let from = self.at;
        while matches!(self.peek(), Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) {
            self.at += 1;
        }
        JsonNode::Number(self.text[from..self.at].to_owned())
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
                let high = self.hex_unit()?;
                match high {
                    0xd800..=0xdbff => {
                        self.take("\\u")?;
                        let low = self.hex_unit()?.checked_sub(0xdc00)?;
                        char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + low)?
                    }
                    _ => char::from_u32(high)?,
                }
            }
            _ => return None,
        })
    }

    fn hex_unit(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}

/// White space between the tokens of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonSpacing {
    /// No white space at all.
    Compact,
    /// A space after commas and colons: `", "` and `": "`.
    Spaced,
    /// One member per line, indented by this text.
    Lines(&'static str),
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
}

impl JsonStyle {
    /// Iterates over all combinations, the plainest first.
    pub fn all() -> impl Iterator<Item = Self> {
        let spacings = [
            JsonSpacing::Compact,
            JsonSpacing::Spaced,
            JsonSpacing::Lines("  "),
            JsonSpacing::Lines("    "),
            JsonSpacing::Lines("\t"),
        ];
        let escapes = [JsonEscapes::Least, JsonEscapes::Ascii, JsonEscapes::AsciiAndSlashes, JsonEscapes::Html];
        let orders = [MemberOrder::Kept, MemberOrder::Sorted, MemberOrder::Platform];
        let numbers = [NumberNotation::Kept, NumberNotation::Shortest, NumberNotation::Float, NumberNotation::Money];
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
    pub fn description(self) -> String {
        let spacing = match self.spacing {
            JsonSpacing::Compact => "compactly",
            JsonSpacing::Spaced => "with a space after each comma and colon, like Python's json.dumps",
            JsonSpacing::Lines("\t") => "with tab indentation",
            JsonSpacing::Lines("  ") => "with two-space indentation",
            JsonSpacing::Lines(_) => "with four-space indentation",
        };
        let escapes = match self.escapes {
            JsonEscapes::Least => "",
            JsonEscapes::Ascii => ", non-ASCII escaped",
            JsonEscapes::AsciiAndSlashes => ", slashes and non-ASCII escaped, like PHP's json_encode",
            JsonEscapes::Html => ", <, > and & escaped, like Go's encoding/json",
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
        };
        format!("{spacing}{escapes}{order}{numbers}")
    }

    /// Writes a document in this style; `None` if the result exceeds `limit` bytes.
    #[must_use]
    pub fn write_within(self, node: &JsonNode, limit: usize) -> Option<String> {
        let mut text = String::new();
        self.value(node, ("", 0), limit, &mut text);
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
            JsonNode::Object(members) => {
                let mut members: Vec<(Option<&str>, &JsonNode)> =
                    members.iter().map(|(name, node)| (Some(name.as_str()), node)).collect();
                match self.order {
                    MemberOrder::Kept => {}
                    MemberOrder::Sorted => members.sort_by_key(|(name, _)| *name),
                    MemberOrder::Platform => {
                        members.sort_by_key(|(name, _)| {
                            crate::domain::signature_debugger::json::platform_rank(name.unwrap_or_default())
                        });
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
                JsonSpacing::Compact | JsonSpacing::Lines(_) => text.push(','),
                JsonSpacing::Spaced => text.push_str(", "),
            }
            self.line(depth + 1, text);
            if let Some(name) = name {
                self.string(name, text);
                text.push_str(if self.spacing == JsonSpacing::Compact { ":" } else { ": " });
            }
            self.value(node, (name.unwrap_or_default(), depth + 1), limit, text);
        }
        if n_items > 0 {
            self.line(depth, text);
        }
        text.push(close);
    }

    fn line(self, depth: usize, text: &mut String) {
        if let JsonSpacing::Lines(indent) = self.spacing {
            text.push('\n');
            text.push_str(&indent.repeat(depth));
        }
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
            NumberNotation::Money if is_plain && crate::domain::signature_debugger::json::is_money(name) => {
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
                '/' if self.escapes == JsonEscapes::AsciiAndSlashes => text.push_str("\\/"),
                '\0'..='\u{1f}' => push_unicode_escape(u16::try_from(u32::from(character)).unwrap_or(0), text),
                '\u{7f}' if self.escapes == JsonEscapes::Ascii => text.push_str("\\u007f"),
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' if self.escapes == JsonEscapes::Html => {
                    push_unicode_escape(u16::try_from(u32::from(character)).unwrap_or(0), text);
                }
                _ if !character.is_ascii()
                    && matches!(self.escapes, JsonEscapes::Ascii | JsonEscapes::AsciiAndSlashes) =>
                {
                    for code in character.encode_utf16(&mut [0; 2]) {
                        push_unicode_escape(*code, text);
                    }
                }
                _ => text.push(character),
            }
        }
        text.push('"');
    }
}

fn push_unicode_escape(code: u16, text: &mut String) {
    let _ = write!(text, "\\u{code:04x}");
}

/// Members of envelopes and payloads in the order in which the platform writes them.
const PLATFORM_MEMBER_ORDER: [&str; 44] = [
    "id",
    "type",
    "createdUtc",
    "companyId",
    "payload",
    "metadata",
    "payment_id",
    "document_id",
    "agreement_id",
    "invoice_id",
    "client_id",
    "employee_id",
    "first_name",
    "last_name",
    "full_name",
    "email",
    "phone",
    "status",
    "status_id",
    "source",
    "employee_name",
    "affiliate_id",
    "is_approved_affiliate",
    "previous_status",
    "new_status",
    "changed_date",
    "changed_by_employee_id",
    "status_note",
    "amount",
    "due_date",
    "description",
    "invoice_status",
    "total_paid",
    "balance",
    "payment_amount",
    "payment_method",
    "date_paid",
    "transaction_id",
    "amount_attempted",
    "failure_reason",
    "file_name",
    "document_type",
    "agreement_name",
    "created_date",
];

/// Position of a member in the platform's order; unknown members come last.
#[must_use]
pub fn platform_rank(name: &str) -> usize {
    PLATFORM_MEMBER_ORDER.iter().position(|member| *member == name).unwrap_or(PLATFORM_MEMBER_ORDER.len())
}

/// Returns whether a member is an amount of money, which the platform writes with two decimals.
#[must_use]
pub fn is_money(name: &str) -> bool {
    matches!(name, "amount" | "total_paid" | "balance" | "payment_amount" | "amount_attempted")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_written_again_byte_by_byte() {
        let text = r#"{"id":1,"type":"x","list":[],"none":{},"n":-1.50e3,"s":"a\"\\\n","deep":[1,[2,{"a":null}]]}"#;
        let style = JsonStyle {
            spacing: JsonSpacing::Compact,
            escapes: JsonEscapes::Least,
            order: MemberOrder::Kept,
            numbers: NumberNotation::Kept,
        };
        assert_eq!(style.write_within(&parse(text.as_bytes()).expect("JSON"), text.len()).as_deref(), Some(text));
    }

    #[test]
    fn styles_are_those_of_the_programs_they_are_named_after() {
        let node = parse(r#"{"b":250.00,"a":"Zoë/<😀>"}"#.as_bytes()).expect("JSON");
        let style = |spacing, escapes, order, numbers| {
            JsonStyle { spacing, escapes, order, numbers }.write_within(&node, 1_000).expect("short")
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
        };
        assert!(style(JsonSpacing::Compact).write_within(&node, deep.len()).is_some());
        assert_eq!(style(JsonSpacing::Lines("    ")).write_within(&node, 4 * deep.len()), None);
        assert_eq!(parse(format!("[{}1]", "1,".repeat(MAX_NODES)).as_bytes()), None);
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for text in ["", "{", "{\"a\"}", "[1,]", "\"\\ud800\"", "tru", "{} x", &"[".repeat(200)] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
