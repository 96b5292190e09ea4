//! Altered bodies that receivers verify by mistake instead of the body that arrived.

use super::body_encodings::{self, replaced};
use super::json;
use super::json_style::JsonStyle;
use super::printed_json;
use super::signature_fault::{DetectedFault, SignatureFault};
use crate::domain::text::Untrusted;
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::ops::ControlFlow;

/// An altered body to try, with the fault that a match would show.
#[derive(Debug, Clone)]
pub struct BodyCandidate {
    /// Bytes of the altered body.
    pub body: Vec<u8>,
    /// Fault that a match shows; `None` for the unaltered body.
    pub found: Option<DetectedFault>,
}

/// UTF-8 byte order mark, as three bytes.
const BOM: &[u8] = b"\xef\xbb\xbf";
/// Maximum number of altered bodies that are held for combinations.
const MAX_HELD: usize = 1_500;
/// Maximum number of bytes of altered bodies that are held for combinations.
const MAX_HELD_BYTES: usize = 8 << 20;

impl BodyCandidate {
    /// Creates the candidate of the unaltered body.
    #[must_use]
    pub fn unaltered(body: &[u8]) -> Self {
        Self { body: body.to_vec(), found: None }
    }
}

/// Lists the bodies to combine with other alterations, the unaltered one first.
#[must_use]
pub fn candidates(body: &[u8]) -> Vec<BodyCandidate> {
    let mut bodies = vec![BodyCandidate::unaltered(body)];
    let mut n_bytes = body.len();
    let _: Option<()> = find_altered(body, |candidate| {
        n_bytes += candidate.body.len();
        if n_bytes > MAX_HELD_BYTES || bodies.len() == MAX_HELD {
            return ControlFlow::Break(None);
        }
        bodies.push(candidate.clone());
        ControlFlow::Continue(())
    });
    bodies
}

/// Calls `look` with each altered body until it breaks, and returns the value it broke with. Each distinct body is
/// tried once, and only one is in memory at a time.
pub fn find_altered<T>(body: &[u8], mut look: impl FnMut(&BodyCandidate) -> ControlFlow<Option<T>>) -> Option<T> {
    let mut seen = HashSet::from([Sha256::digest(body)]);
    let mut add = |candidate: Vec<u8>, flaw: SignatureFault, what: &str| {
        if !seen.insert(Sha256::digest(&candidate)) {
            return ControlFlow::Continue(());
        }
        let (where_at, excerpt) = difference(body, &candidate);
        let found = DetectedFault::new(flaw, format!("the signature matches the body {what}; {where_at}"));
        look(&BodyCandidate { body: candidate, found: Some(DetectedFault { excerpt: Some(excerpt), ..found }) })
    };
    match for_each_alteration(body, &mut add) {
        ControlFlow::Break(found) => found,
        ControlFlow::Continue(()) => None,
    }
}

/// Maximum number of altered bodies among which another explanation of a match is looked for.
const MAX_ALTERNATIVES: usize = 400;

/// Description of another kind of alteration that yields the same body as a match; `None` if no other does.
#[must_use]
pub fn alternative(body: &[u8], matched: &BodyCandidate) -> Option<String> {
    let kind = matched.found.as_ref()?.fault;
    let mut n = 0;
    let found = for_each_alteration(body, &mut |candidate: Vec<u8>, fault: SignatureFault, what: &str| {
        n += 1;
        match candidate == matched.body && fault != kind {
            true => ControlFlow::Break(Some(what.to_owned())),
            false if n == MAX_ALTERNATIVES => ControlFlow::Break(None),
            false => ControlFlow::Continue(()),
        }
    });
    found.break_value().flatten()
}

/// Passes every altered body to `add`, with the fault and a description of the alteration, the commonest first.
fn for_each_alteration<B>(
    body: &[u8],
    add: &mut impl FnMut(Vec<u8>, SignatureFault, &str) -> ControlFlow<B>,
) -> ControlFlow<B> {
    for_each_space(body, add)?;
    for (text, what) in PLACEHOLDERS {
        add(text.as_bytes().to_vec(), SignatureFault::BodyMissing, what)?;
    }
    let node = json::parse(body.strip_prefix(BOM).unwrap_or(body));
    let mut styles = JsonStyle::all();
    if let Some(node) = &node {
        for_each_style(node, body.len(), styles.by_ref().take(N_COMMON_STYLES), add)?;
    }
    for_each_collapse(body, add)?;
    body_encodings::for_each(body, add)?;
    if let Some(node) = &node {
        printed_json::for_each(node, body.len(), add)?;
        for_each_style(node, body.len(), styles, add)?;
    }
    ControlFlow::Continue(())
}

/// Number of styles that come before other alterations of the body.
const N_COMMON_STYLES: usize = 260;

/// Texts in place of a body that was not read, or read before.
const PLACEHOLDERS: [(&str, &str); 18] = [
    ("", "that is empty: the stream was read before, or not at all"),
    ("[object Object]", "as JavaScript prints an object: \"[object Object]\""),
    ("undefined", "as \"undefined\""),
    ("null", "as \"null\""),
    ("{}", "as an empty object"),
    ("None", "as \"None\""),
    ("nil", "as \"nil\""),
    ("<nil>", "as \"<nil>\""),
    ("Array", "as PHP prints an array: \"Array\""),
    ("[]", "as an empty list"),
    ("\"\"", "as an empty JSON text"),
    ("false", "as \"false\""),
    ("b''", "as Python prints no bytes"),
    ("[object Promise]", "as JavaScript prints a promise that was not awaited"),
    ("[object ReadableStream]", "as JavaScript prints a stream"),
    ("[object ArrayBuffer]", "as JavaScript prints a buffer"),
    ("System.Byte[]", "as .NET prints bytes"),
    ("System.IO.MemoryStream", "as .NET prints a stream"),
];

/// Passes the body in each style of JSON.
fn for_each_style<B>(
    node: &json::JsonNode,
    n_bytes: usize,
    styles: impl Iterator<Item = JsonStyle>,
    add: &mut impl FnMut(Vec<u8>, SignatureFault, &str) -> ControlFlow<B>,
) -> ControlFlow<B> {
    for style in styles {
        // A style that makes the body far longer is not what a receiver signs.
        if let Some(written) = style.write_within(node, 4 * n_bytes + 4_096) {
            let what = format!("re-serialized {}", style.description());
            add(written.into_bytes(), SignatureFault::Reserialised, &what)?;
        }
    }
    ControlFlow::Continue(())
}

/// Passes the body with byte order marks, white space and line ends added or removed.
fn for_each_space<B>(
    body: &[u8],
    add: &mut impl FnMut(Vec<u8>, SignatureFault, &str) -> ControlFlow<B>,
) -> ControlFlow<B> {
    if let Some(rest) = body.strip_prefix(BOM) {
        add(rest.to_vec(), SignatureFault::Bom, "without its byte order mark")?;
    }
    add([BOM, body].concat(), SignatureFault::Bom, "with a byte order mark before it")?;
    add(body.trim_ascii_end().to_vec(), SignatureFault::Newline, "without the white space at its end")?;
    add(body.trim_ascii_start().to_vec(), SignatureFault::Newline, "without the white space at its beginning")?;
    add(body.trim_ascii().to_vec(), SignatureFault::Newline, "without the white space around it")?;
    for (end, what) in [
        (&b"\n"[..], "with a line break after it"),
        (b"\r\n", "with CRLF after it"),
        (b" ", "with a space after it"),
        (b"\t", "with a tab after it"),
        (b"\n\n", "with two line breaks after it"),
        (b"\r", "with CR after it"),
        (b"\0", "with a zero byte after it"),
        (b"\r\n\r\n", "with an empty line after it"),
        (b"\\n", "with a backslash and an n after it"),
    ] {
        add([body, end].concat(), SignatureFault::Newline, what)?;
        add([end, body].concat(), SignatureFault::Newline, &what.replace("after", "before"))?;
        // A body that ends in one line end may have had two before a program removed one.
        if let Some(rest) = body.strip_suffix(end) {
            let what = what.replace("with ", "without ").replace("after it", "at its end");
            add(rest.to_vec(), SignatureFault::Newline, &what)?;
        }
    }
    let unix: Vec<u8> = replaced(body, b"\r\n", b"\n");
    add(replaced(&unix, b"\n", b"\r\n"), SignatureFault::Newline, "with CRLF line breaks")?;
    add(unix, SignatureFault::Newline, "with LF line breaks")
}

/// Passes the body with white space inside it removed or collapsed, as shells do.
fn for_each_collapse<B>(
    body: &[u8],
    add: &mut impl FnMut(Vec<u8>, SignatureFault, &str) -> ControlFlow<B>,
) -> ControlFlow<B> {
    add(
        body.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect(),
        SignatureFault::Newline,
        "without line breaks",
    )?;
    let spaced: Vec<&[u8]> = body.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
    add(spaced.join(&b' '), SignatureFault::Newline, "with one space in place of each run of white space")?;
    add([spaced.join(&b' '), b"\n".to_vec()].concat(), SignatureFault::Newline, "through an unquoted echo")?;
    add(spaced.concat(), SignatureFault::Newline, "without any white space")
}

/// Describes where two bodies differ, `120 bytes instead of 124, first different at offset 17`, and the content of both
/// there, `"…" instead of "…"`.
#[must_use]
pub fn difference(given: &[u8], other: &[u8]) -> (String, String) {
    let at = given.iter().zip(other).take_while(|(a, b)| a == b).count();
    let excerpt = |bytes: &[u8]| {
        let part = &bytes[at.min(bytes.len())..(at + 12).min(bytes.len())];
        if part.is_empty() { "the end".to_owned() } else { format!("{:?}", shown(part)) }
    };
    let length = if other.len() == given.len() {
        "same length".to_owned()
    } else {
        format!("{} bytes instead of {}", other.len(), given.len())
    };
    (format!("{length}, first different at offset {at}"), format!("{} instead of {}", excerpt(other), excerpt(given)))
}

fn shown(bytes: &[u8]) -> String {
    Untrusted::new(String::from_utf8_lossy(bytes)).sanitized()
}
