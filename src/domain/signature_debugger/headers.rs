//! Tolerant header parsing: raw HTTP, `curl -v` output, JSON or dictionary dumps, CGI variables, in any common text
//! encoding.

/// Decodes a text file as UTF-16 or UTF-8, each with or without a byte order mark; invalid sequences are replaced.
#[must_use]
pub fn decode(bytes: &[u8]) -> String {
    let pairs = |from: &[u8], read: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = from.chunks_exact(2).map(|pair| read([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => pairs(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => pairs(rest, u16::from_be_bytes),
        [_, 0, _, 0, ..] => pairs(bytes, u16::from_le_bytes),
        [0, _, 0, _, ..] => pairs(bytes, u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).into_owned(),
    }
}

/// Splits a text into its non-empty lines, at CR or LF.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\r', '\n']).filter(|line| !line.trim().is_empty())
}

/// Lists the distinct values that a text gives a header, in order of appearance. The name is written with dashes; case
/// does not matter, and the CGI form `HTTP_X_NAME` matches too.
#[must_use]
pub fn header_values(text: &str, name: &str) -> Vec<String> {
    // JSON in a log line is often quoted once more.
    let text = text.replace("\\\"", "\"");
    let found = name_positions(&text, name).into_iter().filter_map(|(from, to)| header_value(&text, from, to));
    found.fold(Vec::new(), |mut values, value| {
        if !values.contains(&value) {
            values.push(value);
        }
        values
    })
}

/// Folds a text for comparing header names: lower case, dashes for underscores. Byte offsets are unchanged.
fn folded(text: &str) -> String {
    text.to_ascii_lowercase().replace('_', "-")
}

/// Returns whether a header name can begin at a byte offset, alone or after the CGI prefix `HTTP_`.
fn is_name_start(folded: &str, at: usize) -> bool {
    let before = &folded[..at];
    let before = before.strip_suffix("http-").unwrap_or(before);
    !before.ends_with(|last: char| last.is_ascii_alphanumeric() || last == '-')
}

/// Byte ranges at which the header name appears.
fn name_positions(text: &str, name: &str) -> Vec<(usize, usize)> {
    let (text, name) = (folded(text), folded(name));
    let ends = |at: usize| !text[at..].starts_with(|next: char| next.is_ascii_alphanumeric() || next == '-');
    let all = text.match_indices(&name).map(|(at, name)| (at, at + name.len()));
    all.filter(|(from, to)| is_name_start(&text, *from) && ends(*to)).collect()
}

/// Quotation marks that can enclose names and values.
const QUOTES: [char; 3] = ['"', '\'', '`'];

/// Value that follows a header name at the given byte range; `None` if no value follows.
fn header_value(text: &str, from: usize, to: usize) -> Option<String> {
    let before = text[..from].strip_suffix("HTTP_").unwrap_or(&text[..from]);
    let opened = before.chars().next_back().filter(|quote| QUOTES.contains(quote));
    let rest = &text[to..];
    // A quote that closes after the name encloses the name alone, as in JSON; otherwise the quote encloses the whole
    // line, as in a shell command.
    let (is_quoted, rest) = match opened.and_then(|quote| rest.strip_prefix(quote)) {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let rest = rest.strip_prefix(']').unwrap_or(rest);
    let blank = |text: &str| text.len() - text.trim_start_matches([' ', '\t']).len();
    let rest = match &rest[blank(rest)..] {
        behind if behind.starts_with("=>") => &behind[2..],
        behind if behind.starts_with([':', '=']) => &behind[1..],
        // Lists of names and values, and `{"name": …, "value": …}`.
        behind if is_quoted && behind.starts_with(',') => behind[1..].trim_start().trim_start_matches("\"value\":"),
        behind if rest.starts_with('\t') => behind,
        _ => return None,
    };
    let rest = rest[blank(rest)..].trim_start_matches('[');
    let rest = &rest[blank(rest)..];
    // Obsolete line folding puts a long value on the next line.
    let rest = match rest.trim_start_matches(['\r', '\n']) {
        next if next.len() < rest.len() && next.starts_with([' ', '\t']) => next.trim_start(),
        _ => rest,
    };
    let rest = if is_quoted { rest.trim_start() } else { rest };
    // PHP dumps a value as `string(2) "17"`.
    let rest = rest.strip_prefix("string(").and_then(|rest| rest.split_once(") ")).map_or(rest, |(_, text)| text);
    let found = match rest.chars().next().filter(|quote| QUOTES.contains(quote)) {
        Some(quote) => rest[1..].split(quote).next(),
        None if is_quoted => rest.split(['\r', '\n', ',', '}', ']', ')']).next(),
        None => rest.split(|end| matches!(end, '\r' | '\n' | ']') || Some(end) == opened).next(),
    };
    found.map(|value| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNATURE: &str = "sha256=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    /// The forms, with `@` for the signature.
    const FORMS: [(&str, &str); 29] = [
        ("as it was sent", "POST / HTTP/1.1\r\nHost: a\r\nX-Wlcro-Timestamp: 17\r\nX-Wlcro-Signature: @\r\n\r\n"),
        ("lower case, no space", "x-wlcro-timestamp:17\nx-wlcro-signature:@\n"),
        ("curl -v", "> POST / HTTP/1.1\n> X-Wlcro-Timestamp: 17\n> X-Wlcro-Signature: @\n>\n< HTTP/1.1 401\n"),
        ("only line breaks of old", "X-Wlcro-Timestamp: 17\rX-Wlcro-Signature: @\r"),
        ("JSON on one line", r#"{"host":"a","x-wlcro-timestamp":"17","x-wlcro-signature":"@","accept":"*/*"}"#),
        ("JSON with a number", r#"{"x-wlcro-timestamp":17,"x-wlcro-signature":"@"}"#),
        ("JSON on lines", "{\n  \"x-wlcro-timestamp\": \"17\",\n  \"x-wlcro-signature\": \"@\"\n}\n"),
        ("JSON with lists", r#"{"X-Wlcro-Timestamp":["17"],"X-Wlcro-Signature":["@"]}"#),
        ("JSON in a log line", r#"info: "{\"x-wlcro-timestamp\":\"17\",\"x-wlcro-signature\":\"@\"}""#),
        (
            "JSON in a body of its own",
            r#"{"headers":{"X-Wlcro-Signature":"@","X-Wlcro-Timestamp":"17"},"isBase64Encoded":false}"#,
        ),
        ("a Python dictionary", "{'Host': 'a', 'X-Wlcro-Timestamp': '17', 'X-Wlcro-Signature': '@'}"),
        ("Python tuples", "[('X-Wlcro-Timestamp', '17'), ('X-Wlcro-Signature', '@')]"),
        ("Node's raw headers", r#"["Host","a","X-Wlcro-Timestamp","17","X-Wlcro-Signature","@"]"#),
        ("HAR", r#"[{"name": "X-Wlcro-Timestamp", "value": "17"}, {"name": "X-Wlcro-Signature", "value": "@"}]"#),
        ("Node's print", "{ host: 'a', 'x-wlcro-timestamp': '17', 'x-wlcro-signature': '@' }"),
        ("Go's print", "map[Host:[a] X-Wlcro-Signature:[@] X-Wlcro-Timestamp:[17]]"),
        ("Ruby's print", r#"{"HTTP_X_WLCRO_TIMESTAMP"=>"17", "HTTP_X_WLCRO_SIGNATURE"=>"@"}"#),
        ("CGI", "HTTP_X_WLCRO_TIMESTAMP=17\nHTTP_X_WLCRO_SIGNATURE=@\n"),
        ("PHP's print", "Array\n(\n    [HTTP_X_WLCRO_TIMESTAMP] => 17\n    [HTTP_X_WLCRO_SIGNATURE] => @\n)\n"),
        (
            "PHP's dump",
            "  [\"HTTP_X_WLCRO_TIMESTAMP\"]=>\n  string(2) \"17\"\n  [\"HTTP_X_WLCRO_SIGNATURE\"]=>\n  string(71) \"@\"\n",
        ),
        ("quoted values", "X-Wlcro-Timestamp: \"17\"\nX-Wlcro-Signature: \"@\"\n"),
        ("assignments", "X-Wlcro-Timestamp=\"17\" X-Wlcro-Signature=\"@\""),
        ("a command", "curl -H 'X-Wlcro-Timestamp: 17' -H 'X-Wlcro-Signature: @' http://a"),
        ("tabs", "X-Wlcro-Timestamp\t17\nX-Wlcro-Signature\t@\n"),
        ("folded", "X-Wlcro-Timestamp: 17\r\nX-Wlcro-Signature:\r\n @\r\n"),
        ("a space before the colon", "X-Wlcro-Timestamp : 17\nX-Wlcro-Signature : @\n"),
        ("twice the same", "X-Wlcro-Timestamp: 17\nX-Wlcro-Signature: @\nX-Wlcro-Signature: @\n"),
        ("YAML", "headers:\n  x-wlcro-timestamp: '17'\n  x-wlcro-signature: @\n"),
        ("the first line", "X-Wlcro-Signature: @\nX-Wlcro-Timestamp: 17"),
    ];

    type Encode = fn(&str) -> Vec<u8>;

    const ENCODINGS: [(&str, Encode); 6] = [
        ("UTF-8", |text| text.as_bytes().to_vec()),
        ("UTF-8 with its mark", |text| [b"\xef\xbb\xbf", text.as_bytes()].concat()),
        ("UTF-16 little-endian with its mark", |text| [vec![0xff, 0xfe], utf16(text, u16::to_le_bytes)].concat()),
        ("UTF-16 big-endian with its mark", |text| [vec![0xfe, 0xff], utf16(text, u16::to_be_bytes)].concat()),
        ("UTF-16 little-endian", |text| utf16(text, u16::to_le_bytes)),
        ("UTF-16 big-endian", |text| utf16(text, u16::to_be_bytes)),
    ];

    fn utf16(text: &str, write: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(write).collect()
    }

    #[test]
    fn headers_are_read_in_every_form_and_encoding() {
        for (form, text) in FORMS {
            for (encoding, encode) in ENCODINGS {
                let text = decode(&encode(&text.replace('@', SIGNATURE)));
                assert_eq!(header_values(&text, "x-wlcro-timestamp"), ["17"], "{form} in {encoding}:\n{text}");
                assert_eq!(header_values(&text, "x-wlcro-signature"), [SIGNATURE], "{form} in {encoding}:\n{text}");
            }
        }
    }

    #[test]
    fn what_is_no_such_header_gives_no_value() {
        for text in [
            "",
            "My-X-Wlcro-Signature: a",
            "X-Wlcro-Signature-Old: a",
            "the header X-Wlcro-Signature",
            "NOTHTTP_X_WLCRO_SIGNATURE=a",
        ] {
            assert_eq!(header_values(text, "x-wlcro-signature"), [""; 0], "{text}");
        }
        assert_eq!(header_values("X-Wlcro-Signature: a\nX-Wlcro-Signature: b", "x-wlcro-signature"), ["a", "b"]);
        assert_eq!(lines("a\r\n\r\nb\rc\n").collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_stumble(bytes: Vec<u8>, text in "([xX]-?[wW]lcro-[sS]ignature|[\"':=>,\\[\\]{} \r\n\t]|é|sha){0,30}") {
            let _ = header_values(&decode(&bytes), "x-wlcro-signature");
            let _ = header_values(&text, "x-wlcro-signature");
        }
    }
}
