//! Altered bodies that receivers verify by mistake instead of the body that arrived.

use super::json::{self, JsonStyle};
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

impl BodyCandidate {
    /// Creates the candidate of the unaltered body.
    #[must_use]
    pub fn unaltered(body: &[u8]) -> Self {
        Self { body: body.to_vec(), found: None }
    }
}

/// Lists all bodies to try, the unaltered one first.
#[must_use]
pub fn candidates(body: &[u8]) -> Vec<BodyCandidate> {
    let mut bodies = vec![BodyCandidate::unaltered(body)];
    let _: Option<()> = find_altered(body, |candidate| {
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
        let difference = format!("the signature matches the body {what}{}", difference(body, &candidate));
        look(&BodyCandidate { body: candidate, found: Some(DetectedFault::new(flaw, difference)) })
    };
    match for_each_alteration(body, &mut add) {
        ControlFlow::Break(found) => found,
        ControlFlow::Continue(()) => None,
    }
}

/// Passes every altered body to `add`, with the fault and a description of the alteration.
fn for_each_alteration<B>(
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
    ] {
        add([body, end].concat(), SignatureFault::Newline, what)?;
        add([end, body].concat(), SignatureFault::Newline, &what.replace("after", "before"))?;
        // A body that ends in one line end may have had two before a program removed one.
        if let Some(rest) = body.strip_suffix(end) {
            add(
                rest.to_vec(),
                SignatureFault::Newline,
                &what.replace("with ", "without ").replace("after it", "at its end"),
            )?;
        }
    }
    let unix: Vec<u8> = replaced(body, b"\r\n", b"\n");
    add(replaced(&unix, b"\n", b"\r\n"), SignatureFault::Newline, "with CRLF line breaks")?;
    add(unix, SignatureFault::Newline, "with LF line breaks")?;
    if let Some(node) = json::parse(body.strip_prefix(BOM).unwrap_or(body)) {
        for style in JsonStyle::all() {
            // A style that makes the body far longer is not what a receiver signs.
            if let Some(written) = style.write_within(&node, 4 * body.len() + 4_096) {
                add(
                    written.into_bytes(),
                    SignatureFault::Reserialised,
                    &format!("re-serialized {}", style.description()),
                )?;
            }
        }
    }
    ControlFlow::Continue(())
}

fn replaced(body: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
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

/// Describes where two bodies differ: `; 120 bytes instead of 124, first at byte 17: "…" instead of "…"`.
#[must_use]
pub fn difference(given: &[u8], other: &[u8]) -> String {
    let at = given.iter().zip(other).take_while(|(a, b)| a == b).count();
    let excerpt = |bytes: &[u8]| {
        let part = &bytes[at.min(bytes.len())..(at + 12).min(bytes.len())];
        if part.is_empty() { "the end".to_owned() } else { format!("{:?}", shown(part)) }
    };
    format!(
        "; {} bytes instead of {}, first at byte {at}: {} instead of {}",
        other.len(),
        given.len(),
        excerpt(other),
        excerpt(given)
    )
}

fn shown(bytes: &[u8]) -> String {
    Untrusted::new(String::from_utf8_lossy(bytes)).sanitized()
}
