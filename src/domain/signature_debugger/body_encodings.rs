//! Bodies that were decoded, encoded, escaped or cut before they were verified.

use super::signature_fault::SignatureFault;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use std::fmt::Write as _;
use std::ops::ControlFlow;

/// Maximum size of a body of which copies of several times its size are made, in bytes.
const MAX_EXPANDED_BYTES: usize = 512 * 1024;
/// Sizes in bytes at which programs cut bodies.
const CUT_SIZES: [usize; 14] =
    [128, 255, 256, 512, 1_000, 1_024, 2_048, 4_096, 8_192, 10_000, 16_384, 32_768, 65_535, 65_536];

/// Passes every encoding of the body to `add`, with the fault and a description.
pub fn for_each<B>(
    body: &[u8],
    add: &mut impl FnMut(Vec<u8>, SignatureFault, &str) -> ControlFlow<B>,
) -> ControlFlow<B> {
    for_each_cut(body, add)?;
    if body.len() > MAX_EXPANDED_BYTES {
        return ControlFlow::Continue(());
    }
    let mut encoded = |bytes: Vec<u8>, what: &str| add(bytes, SignatureFault::BodyEncoded, what);
    let text = String::from_utf8_lossy(body);
    for (bytes, what) in quoted(&text) {
        encoded(bytes, what)?;
    }
    for (bytes, what) in packed(body) {
        encoded(bytes, what)?;
    }
    for (bytes, what) in printed(body) {
        encoded(bytes, what)?;
    }
    for (bytes, what) in transcoded(body, &text) {
        encoded(bytes, what)?;
    }
    for (bytes, what) in escaped(body, &text) {
        encoded(bytes, what)?;
    }
    ControlFlow::Continue(())
}

/// Bodies that are cut at a common size, or at the number of their characters in place of that of their bytes.
fn for_each_cut<B>(
    body: &[u8],
    add: &mut impl FnMut(Vec<u8>, SignatureFault, &str) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let n_chars = std::str::from_utf8(body).map_or(body.len(), |text| text.chars().count());
    let n_units = std::str::from_utf8(body).map_or(body.len(), |text| text.encode_utf16().count());
    let what = "cut at the number of its characters, which is less than that of its bytes";
    for n in [n_chars, n_units] {
        add(body[..n.min(body.len())].to_vec(), SignatureFault::BodyMissing, what)?;
    }
    for n in CUT_SIZES.into_iter().filter(|n| *n < body.len()) {
        add(body[..n].to_vec(), SignatureFault::BodyMissing, &format!("cut after {n} bytes"))?;
    }
    let cut = &body[..body.len().saturating_sub(1)];
    add(cut.to_vec(), SignatureFault::BodyMissing, "without its last byte")?;
    add(body.get(1..).unwrap_or_default().to_vec(), SignatureFault::BodyMissing, "without its first byte")
}

type Named = (Vec<u8>, &'static str);

/// The text as a JSON text, once and twice.
fn quoted(text: &str) -> Vec<Named> {
    let least = json_text(text, |_| false);
    let ascii = json_text(text, |c| !c.is_ascii());
    let html = json_text(text, |c| matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}'));
    let slashes = ascii.replace('/', "\\/");
    let wrapped = format!("{{\"body\":{least}}}");
    vec![
        (least.clone().into_bytes(), "put through a JSON serializer once more, as a text"),
        (ascii.into_bytes(), "put through a JSON serializer once more, as a text with non-ASCII escaped"),
        (html.into_bytes(), "put through Go's json.Marshal once more, as a text"),
        (single_quoted(text).into_bytes(), "as Python prints a text, in single quotes"),
        (slashes.into_bytes(), "put through PHP's json_encode once more, as a text"),
        (json_text(&least, |_| false).into_bytes(), "put through a JSON serializer twice more, as a text"),
        (wrapped.into_bytes(), "as the member \"body\" of a JSON document"),
        (least.as_bytes()[1..least.len() - 1].to_vec(), "escaped as in a JSON text, without its quotes"),
    ]
}

fn single_quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t");
    let is_double = text.contains('\'') && !text.contains('"');
    if is_double { format!("\"{escaped}\"") } else { format!("'{}'", escaped.replace('\'', "\\'")) }
}

fn json_text(text: &str, is_escaped: fn(char) -> bool) -> String {
    let mut written = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            c if is_escaped(c) || c < ' ' => {
                for code in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(written, "\\u{code:04x}");
                }
            }
            c => written.push(c),
        }
    }
    written.push('"');
    written
}

/// Base64, hex and percent-encoding, and what these decode to.
fn packed(body: &[u8]) -> Vec<Named> {
    let base64 = STANDARD.encode(body);
    let lines_of =
        |n: usize, end: &str| base64.as_bytes().chunks(n).map(String::from_utf8_lossy).collect::<Vec<_>>().join(end);
    let lines = |end: &str| lines_of(76, end);
    let mut all = vec![
        (URL_SAFE.encode(body).into_bytes(), "in URL-safe Base64"),
        (URL_SAFE_NO_PAD.encode(body).into_bytes(), "in URL-safe Base64 without padding"),
        (STANDARD_NO_PAD.encode(body).into_bytes(), "in Base64 without padding"),
        (lines("\n").into_bytes(), "in Base64 in lines of 76"),
        (format!("{}\n", lines("\n")).into_bytes(), "in Base64 in lines of 76, as the command base64 writes it"),
        (lines("\r\n").into_bytes(), "in Base64 in lines of 76 with CRLF"),
        (format!("{}\n", lines_of(60, "\n")).into_bytes(), "in Base64 in lines of 60, as Ruby's encode64 writes it"),
        (lines_of(64, "\n").into_bytes(), "in Base64 in lines of 64"),
        (format!("{}\n", lines_of(64, "\n")).into_bytes(), "in Base64 in lines of 64, as openssl writes it"),
        (format!("\"{base64}\"").into_bytes(), "in Base64 as a JSON text, as Go marshals bytes"),
        (hex::encode(body).into_bytes(), "in hex"),
        (hex::encode_upper(body).into_bytes(), "in upper-case hex"),
        (percent(body, false).into_bytes(), "percent-encoded"),
        (percent(body, true).into_bytes(), "encoded as a form, with plus signs for spaces"),
        (strict_percent(body).into_bytes(), "percent-encoded"),
        (uri(body).into_bytes(), "percent-encoded as a whole URL, like encodeURI"),
        (net_form(body).into_bytes(), "encoded as a form in lower-case hex, like .NET's UrlEncode"),
        (format!("payload={}", percent(body, false)).into_bytes(), "as a form with the field payload"),
        (format!("payload={}", percent(body, true)).into_bytes(), "as a form with the field payload"),
        (format!("{}=", percent(body, false)).into_bytes(), "as the name of a form's field"),
        (format!("{}=", percent(body, true)).into_bytes(), "as the name of a form's field"),
    ];
    all.insert(0, (base64.into_bytes(), "in Base64, as API gateways deliver it"));
    let trimmed = body.trim_ascii();
    let engines = [&STANDARD, &URL_SAFE, &STANDARD_NO_PAD, &URL_SAFE_NO_PAD];
    all.extend(engines.into_iter().filter_map(|engine| Some((engine.decode(trimmed).ok()?, "decoded from Base64"))));
    all.extend(hex::decode(trimmed).ok().map(|bytes| (bytes, "decoded from hex")));
    if let Some(super::json::JsonNode::Text(inner)) = super::json::parse(body) {
        all.push((inner.into_bytes(), "decoded from a JSON text"));
    }
    all
}

fn percent(body: &[u8], is_form: bool) -> String {
    let mut written = String::new();
    for byte in body {
        match byte {
            b' ' if is_form => written.push('+'),
            b'-' | b'_' | b'.' => written.push(char::from(*byte)),
            b'*' if is_form => written.push('*'),
            b'~' | b'!' | b'\'' | b'(' | b')' | b'*' if !is_form => written.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => written.push(char::from(*byte)),
            byte => {
                let _ = write!(written, "%{byte:02X}");
            }
        }
    }
    written
}

/// Percent-encoding of all but letters, digits and `-_.~`.
fn strict_percent(body: &[u8]) -> String {
    let mut written = String::new();
    for byte in body {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            written.push(char::from(*byte));
        } else {
            let _ = write!(written, "%{byte:02X}");
        }
    }
    written
}

/// Percent-encoding as of JavaScript's `encodeURI`.
fn uri(body: &[u8]) -> String {
    let mut written = String::new();
    for byte in body {
        if byte.is_ascii_alphanumeric() || b";,/?:@&=+$-_.!~*'()#".contains(byte) {
            written.push(char::from(*byte));
        } else {
            let _ = write!(written, "%{byte:02X}");
        }
    }
    written
}

/// Encoding of a form as of .NET's `HttpUtility.UrlEncode`.
fn net_form(body: &[u8]) -> String {
    let mut written = String::new();
    for byte in body {
        match byte {
            b' ' => written.push('+'),
            byte if byte.is_ascii_alphanumeric() || b"!*()-_.".contains(byte) => written.push(char::from(*byte)),
            byte => {
                let _ = write!(written, "%{byte:02x}");
            }
        }
    }
    written
}

/// Bytes as languages print them.
fn printed(body: &[u8]) -> Vec<Named> {
    let numbers = |separator: &str| body.iter().map(u8::to_string).collect::<Vec<_>>().join(separator);
    let signed = body.iter().map(|byte| i8::from_le_bytes([*byte]).to_string()).collect::<Vec<_>>().join(", ");
    let hex_pairs = body.iter().take(50).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    let more = body.len().saturating_sub(50);
    let buffer = if more == 0 {
        format!("<Buffer {hex_pairs}>")
    } else {
        format!("<Buffer {hex_pairs} ... {more} more byte{}>", if more == 1 { "" } else { "s" })
    };
    let mut python = String::from("b'");
    let quote = if body.contains(&b'\'') && !body.contains(&b'"') { '"' } else { '\'' };
    for byte in body {
        match byte {
            b'\\' => python.push_str("\\\\"),
            b'\n' => python.push_str("\\n"),
            b'\r' => python.push_str("\\r"),
            b'\t' => python.push_str("\\t"),
            b'\'' if quote == '\'' => python.push_str("\\'"),
            b' '..=b'~' => python.push(char::from(*byte)),
            byte => {
                let _ = write!(python, "\\x{byte:02x}");
            }
        }
    }
    python.push(quote);
    python.replace_range(1..2, &quote.to_string());
    vec![
        (python.into_bytes(), "as Python prints bytes: b'…'"),
        (numbers(",").into_bytes(), "as JavaScript prints bytes: a list of numbers"),
        (format!("{{\"type\":\"Buffer\",\"data\":[{}]}}", numbers(",")).into_bytes(), "as Node serializes a buffer"),
        (format!("[{}]", numbers(" ")).into_bytes(), "as Go prints bytes: a list of numbers"),
        (format!("[{}]", numbers(", ")).into_bytes(), "as Rust prints bytes: a list of numbers"),
        (format!("[{signed}]").into_bytes(), "as Java prints bytes: a list of numbers with signs"),
        (format!("[{}]", numbers(",")).into_bytes(), "as a JSON list of numbers"),
        (buffer.into_bytes(), "as Node prints a buffer"),
    ]
}

/// The text in other character sets, and read in one in which it was not written.
fn transcoded(body: &[u8], text: &str) -> Vec<Named> {
    let latin = |byte: &u8| char::from(*byte);
    let one_byte = |missing: Option<u8>| -> Vec<u8> {
        text.chars().filter_map(|c| u8::try_from(u32::from(c)).ok().or(missing)).collect()
    };
    let latin_units: Vec<u8> = text.encode_utf16().map(|unit| u8::try_from(unit).unwrap_or(b'?')).collect();
    let ascii = |missing: &str| -> Vec<u8> {
        text.chars()
            .map(|c| if c.is_ascii() { c.to_string() } else { missing.to_owned() })
            .collect::<String>()
            .into_bytes()
    };
    let units: String =
        text.chars().map(|c| if c.is_ascii() { c.to_string() } else { "?".repeat(c.len_utf16()) }).collect();
    let bytes_as = |missing: &str| -> Vec<u8> {
        body.iter()
            .map(|b| if b.is_ascii() { latin(b).to_string() } else { missing.to_owned() })
            .collect::<String>()
            .into_bytes()
    };
    let wide = |write: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(write).collect() };
    vec![
        (body.iter().map(latin).collect::<String>().into_bytes(), "read as Latin-1 and written as UTF-8"),
        (body.iter().map(windows_1252).collect::<String>().into_bytes(), "read as Windows-1252 and written as UTF-8"),
        (one_byte(Some(b'?')), "written in Latin-1"),
        (latin_units, "written in Latin-1, with ? for other characters"),
        (one_byte(None), "written in Latin-1 without other characters"),
        (
            text.encode_utf16().map(|unit| unit.to_le_bytes()[0]).collect(),
            "written with the low byte of each character",
        ),
        (ascii("?"), "written in ASCII, with ? for other characters"),
        (units.into_bytes(), "written in ASCII, with ? for other characters"),
        (ascii(""), "without characters beyond ASCII"),
        (bytes_as("\u{fffd}"), "read as ASCII, with a replacement character for each other byte"),
        (bytes_as("?"), "read as ASCII, with ? for each other byte"),
        (text.as_bytes().to_vec(), "read as UTF-8 with replacement characters"),
        (wide(u16::to_le_bytes), "in UTF-16"),
        (wide(u16::to_be_bytes), "in big-endian UTF-16"),
        ([b"\xff\xfe".to_vec(), wide(u16::to_le_bytes)].concat(), "in UTF-16 with its mark"),
        (text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(), "in UTF-32"),
    ]
}

/// A byte in Windows-1252.
fn windows_1252(byte: &u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => HIGH[usize::from(*byte - 0x80)],
        byte => char::from(*byte),
    }
}

/// The text escaped as HTML, with the numbers of some characters; .NET leaves out those between U+0080 and U+009F, which
/// texts do not have.
fn numeric_html(text: &str, is_numbered: fn(char) -> bool) -> Vec<u8> {
    let mut written = String::new();
    for character in text.chars() {
        match character {
            c if is_numbered(c) => {
                let _ = write!(written, "&#{};", u32::from(c));
            }
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '"' => written.push_str("&quot;"),
            c => written.push(c),
        }
    }
    written.into_bytes()
}

/// The text with characters escaped or their escapes removed.
fn escaped(body: &[u8], text: &str) -> Vec<Named> {
    let html = |apostrophe: &str| {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        text.replace('\'', apostrophe).into_bytes()
    };
    let slashed = text.replace('\\', "\\\\").replace('\'', "\\'").replace('"', "\\\"");
    vec![
        (html("&#039;"), "escaped as HTML, like PHP's htmlspecialchars"),
        (html("&#39;"), "escaped as HTML"),
        (html("&#x27;"), "escaped as HTML"),
        (html("'"), "escaped as HTML but for apostrophes"),
        (numeric_html(text, |c| matches!(c, '"' | '\'')), "escaped as HTML, like Go's html.EscapeString"),
        (numeric_html(text, |c| c == '\'' || !c.is_ascii()), "escaped as HTML, like .NET's HtmlEncode"),
        (text.chars().rev().collect::<String>().into_bytes(), "from back to front"),
        (slashed.into_bytes(), "with backslashes before quotes, like PHP's addslashes"),
        (replaced(body, b"\\", b""), "without backslashes, as by the shell or PHP's stripslashes"),
        (replaced(body, b"\\\"", b"\""), "without the backslashes before quotes"),
        (replaced(body, b"\"", b""), "without quotes, as by the shell"),
        (replaced(body, b"+", b" "), "decoded as a form, with spaces for plus signs"),
        (replaced(body, b"\\n", b"\n"), "with line breaks for \\n, as by echo -e"),
        (replaced(body, b"%", b"%%"), "with two percent signs for each"),
        (replaced(body, b"\\/", b"/"), "without the backslashes before slashes"),
        (text.to_lowercase().into_bytes(), "in lower case"),
        (text.to_uppercase().into_bytes(), "in upper case"),
        ([b"'", body, b"'"].concat(), "with single quotes around it"),
        ([b"\"", body, b"\""].concat(), "with quotes around it"),
        ([b"[", body, b"]"].concat(), "as the one item of a list"),
        ([body, body].concat(), "twice"),
    ]
}

/// Replaces every occurrence of some bytes.
#[must_use]
pub fn replaced(body: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len());
    let mut rest = body;
    while !rest.is_empty() {
        match rest.strip_prefix(from) {
            Some(after) => {
                bytes.extend_from_slice(to);
                rest = after;
            }
            None => {
                bytes.push(rest[0]);
                rest = &rest[1..];
            }
        }
    }
    bytes
}
