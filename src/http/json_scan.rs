//! Strict scan of a JSON body before it is deserialised: well-formed UTF-8 JSON, nested no deeper than the limit, no
//! repeated name within an object. Numbers are scanned but not converted, so none is too large.

use std::collections::HashSet;

/// Maximum nesting depth of arrays and objects.
const MAX_JSON_DEPTH: usize = 64;

/// Reason why a body is refused, with the byte offset.
#[derive(Debug, PartialEq, Eq)]
pub struct JsonFault {
    pub offset: usize,
    pub text: &'static str,
}

/// Members of the top-level object of a body.
#[derive(Debug, PartialEq, Eq, Default)]
pub struct BodyMembers {
    /// Names of the members, in order.
    pub names: Vec<String>,
    /// Members whose value is an empty text, with the byte offset of the value; in order.
    pub blanks: Vec<(String, usize)>,
}

/// Scans a whole body and returns its top-level members.
///
/// # Errors
/// [`JsonFault`] for the first violation.
pub fn scan_body(bytes: &[u8]) -> Result<BodyMembers, JsonFault> {
    if let Err(error) = std::str::from_utf8(bytes) {
        return Err(JsonFault { offset: error.valid_up_to(), text: "not UTF-8" });
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(JsonFault { offset: 0, text: "begins with a byte order mark; save as UTF-8 without one" });
    }
    let mut scan = JsonScanner { bytes, at: 0, depth: 0, members: BodyMembers::default() };
    scan.skip_space();
    scan.value()?;
    scan.skip_space();
    if scan.at < bytes.len() {
        return Err(scan.fault("unexpected text after the end"));
    }
    Ok(scan.members)
}

struct JsonScanner<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    members: BodyMembers,
}

impl JsonScanner<'_> {
    const fn fault(&self, text: &'static str) -> JsonFault {
        JsonFault { offset: self.at, text }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Consumes the next byte if it equals `byte`.
    fn consume(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Result<(), JsonFault> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            Some(_) => Err(self.fault("expected a value")),
            None => Err(self.fault("unexpected end")),
        }
    }

    fn nested(&mut self, inside: fn(&mut Self) -> Result<(), JsonFault>) -> Result<(), JsonFault> {
        if self.depth == MAX_JSON_DEPTH {
            return Err(self.fault("nested deeper than 64 levels"));
        }
        self.depth += 1;
        self.at += 1;
        self.skip_space();
        inside(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn array(&mut self) -> Result<(), JsonFault> {
        if self.consume(b']').is_some() {
            return Ok(());
        }
        loop {
            self.value()?;
            self.skip_space();
            if self.consume(b']').is_some() {
                return Ok(());
            }
            self.consume(b',').ok_or_else(|| self.fault("expected a comma or ]"))?;
            self.skip_space();
        }
    }

    fn object(&mut self) -> Result<(), JsonFault> {
        if self.consume(b'}').is_some() {
            return Ok(());
        }
        let mut names = HashSet::new();
        loop {
            let start = self.at;
            let name = self.name()?;
            if self.depth == 1 {
                self.members.names.push(name.clone());
            }
            if !names.insert(name.clone()) {
                return Err(JsonFault { offset: start, text: "duplicate name in an object" });
            }
            self.skip_space();
            self.consume(b':').ok_or_else(|| self.fault("expected a colon"))?;
            self.skip_space();
            let begin = self.at;
            self.value()?;
            if self.depth == 1 && &self.bytes[begin..self.at] == b"\"\"" {
                self.members.blanks.push((name, begin));
            }
            self.skip_space();
            if self.consume(b'}').is_some() {
                return Ok(());
            }
            self.consume(b',').ok_or_else(|| self.fault("expected a comma or }"))?;
            self.skip_space();
        }
    }

    /// Scans a name and returns it unescaped, so that two spellings of one name compare equal.
    fn name(&mut self) -> Result<String, JsonFault> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.fault("expected a name in double quotes"));
        }
        self.string()?;
        let unreadable = JsonFault { offset: start, text: "name is not valid text" };
        serde_json::from_slice(&self.bytes[start..self.at]).map_err(|_| unreadable)
    }

    fn string(&mut self) -> Result<(), JsonFault> {
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(0..=0x1f) => return Err(self.fault("control characters in text must be escaped")),
                Some(_) => self.at += 1,
                None => return Err(self.fault("unexpected end inside a text")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonFault> {
        let digits = match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 0,
            Some(b'u') => 4,
            _ => return Err(self.fault("invalid escape")),
        };
        let tail = self.bytes.get(self.at + 2..self.at + 2 + digits).unwrap_or_default();
        if tail.len() < digits || !tail.iter().all(u8::is_ascii_hexdigit) {
            return Err(self.fault("invalid escape"));
        }
        self.at += 2 + digits;
        Ok(())
    }

    fn number(&mut self) -> Result<(), JsonFault> {
        let _ = self.consume(b'-');
        if self.consume(b'0').is_none() {
            self.digits()?;
        }
        if self.consume(b'.').is_some() {
            self.digits()?;
        }
        if self.consume(b'e').or_else(|| self.consume(b'E')).is_some() {
            let _ = self.consume(b'+').or_else(|| self.consume(b'-'));
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonFault> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.fault("expected a digit")) } else { Ok(()) }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), JsonFault> {
        if !self.bytes[self.at..].starts_with(word) {
            return Err(self.fault("expected a value"));
        }
        self.at += word.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn faults_are_found_where_they_are() {
        let cases: [(&[u8], usize); 14] = [
            (b"", 0),
            (b"{\"a\":1,\"a\":2}", 7),
            (b"{\"a\":1,\"\\u0061\":2}", 7),
            (b"{\"x\":{\"b\":1,\"b\":1}}", 12),
            (b"{\"a\":\"\xff\"}", 6),
            (b"\xef\xbb\xbf{}", 0),
            (b"{} {}", 3),
            (b"{\"a\":01}", 6),
            (b"{\"a\":1.}", 7),
            (b"{\"a\":NaN}", 5),
            (b"[1,]", 3),
            (b"{'a':1}", 1),
            (b"{\"a\":\"\n\"}", 6),
            (b"{\"a\":\"\\x\"}", 6),
        ];
        for (body, offset) in cases {
            let found = scan_body(body).expect_err("a fault");
            assert_eq!(found.offset, offset, "{}: {}", String::from_utf8_lossy(body), found.text);
        }
    }

    #[test]
    fn sixty_four_levels_are_deep_enough() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(scan_body(nested(64).as_bytes()), Ok(BodyMembers::default()));
        assert_eq!(scan_body(nested(65).as_bytes()).expect_err("too deep").offset, 64);
        assert_eq!(scan_body("[".repeat(1 << 20).as_bytes()).expect_err("too deep").offset, 64);
    }

    #[test]
    fn numbers_may_be_of_any_size_and_names_of_the_top_level_are_told() {
        let body = br#" { "a" : 1e999, "b": {"c": 123456789012345678901234567890.000}, "d": [true, null, -0.5E-3] } "#;
        let names = vec!["a".to_owned(), "b".to_owned(), "d".to_owned()];
        assert_eq!(scan_body(body), Ok(BodyMembers { names, blanks: Vec::new() }));
    }

    #[test]
    fn empty_texts_of_the_top_level_are_found_where_they_are() {
        let body = br#"{"a":"", "b":{"c":""}, "d":[""], "\u0065":  "" ,"f":"x"}"#;
        let blanks = scan_body(body).expect("JSON").blanks;
        assert_eq!(blanks, [("a".to_owned(), 5), ("e".to_owned(), 44)]);
    }

    proptest! {
        #[test]
        fn what_it_takes_is_json_and_what_it_refuses_is_not_or_repeats_a_name(text in "[\\[\\]{}:,\"\\\\a0-2.eE+ tru-]{0,24}") {
            let is_json = serde_json::from_str::<Box<serde_json::value::RawValue>>(&text).is_ok();
            match scan_body(text.as_bytes()) {
                Ok(_) => prop_assert!(is_json, "{text}"),
                Err(fault) => prop_assert!(!is_json || fault.text.contains("twice") || fault.text.contains("not text"), "{text}"),
            }
        }
    }
}
