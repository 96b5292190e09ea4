//! Lossless JSON: parses without losing the order of members or the digits of numbers.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_document_is_refused() {
        for text in ["", "{", "{\"a\"}", "[1,]", "\"\\ud800\"", "tru", "{} x", &"[".repeat(200)] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(format!("[{}1]", "1,".repeat(MAX_NODES)).as_bytes()), None);
    }
}
