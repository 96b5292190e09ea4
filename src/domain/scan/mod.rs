//! Secret scan: finds known secrets and everything shaped like a credential, in clear text and through the encodings in
//! which text travels: up to six layers of escapes of JSON, URLs, HTML and Markdown, quoted-printable, Base64 and
//! hexadecimal, up to three nested, and split over lines, strings and markup. Time is linear in the length of the text;
//! memory is bounded by [`CHUNK_BYTES`].

mod decode;
pub mod finding;
mod heuristics;
mod known;
mod shapes;
mod views;

use super::scan::finding::HeldSecrets;
use super::scan::finding::SecretEncoding;
use super::scan::finding::SecretFinding;
use super::scan::finding::SecretFingerprint;
use super::scan::finding::SecretKind;
pub use known::KnownSecrets;

use decode::DecodedPart;
use shapes::{JoinedText, ShapeFilter};
use std::ops::Range;
use views::{RewrittenView, SplitKind};

/// Extent of a scan for secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanScope {
    /// Known secrets and shapes of credentials.
    Everything,
    /// Known secrets and nothing more.
    KnownOnly,
}

/// Error of a scan that was stopped before the end of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the search took too long")]
pub struct ScanInterrupted;

/// Number of bytes scanned at once.
pub const CHUNK_BYTES: usize = 256 * 1024;
/// Overlap of two chunks in bytes: longer than any secret to detect, encoded twice.
const OVERLAP_BYTES: usize = 48 * 1024;
/// Maximum number of nested encodings that are decoded.
const MAX_NESTED_ENCODINGS: usize = 3;
/// Maximum number of escape layers that are undone within one encoding.
const MAX_ESCAPE_LAYERS: usize = 6;

/// Scans a text for secrets. Overlapping findings are merged; findings are in text order.
#[must_use]
pub fn find(text: &[u8], held: &dyn HeldSecrets) -> Vec<SecretFinding> {
    search(text, held, ScanScope::Everything, &|| true).unwrap_or_default()
}

/// Scans a text as long as `goes_on` returns true; it is called before every [`CHUNK_BYTES`].
///
/// # Errors
/// [`ScanInterrupted`] when `goes_on` returned false.
pub fn search(
    text: &[u8],
    held: &dyn HeldSecrets,
    scope: ScanScope,
    goes_on: &dyn Fn() -> bool,
) -> Result<Vec<SecretFinding>, ScanInterrupted> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if !goes_on() {
            return Err(ScanInterrupted);
        }
        let end = text.len().min(at + CHUNK_BYTES + OVERLAP_BYTES);
        let mut search = SecretSearch { held, scope, found: Vec::new() };
        search.scan_level(&text[at..end], 0, SecretEncoding::Clear, &ViewChain { step: ViewStep::Root, parent: None });
        found.extend(
            search.found.into_iter().map(|of| SecretFinding { range: at + of.range.start..at + of.range.end, ..of }),
        );
        at += CHUNK_BYTES;
    }
    Ok(merge_overlapping(found))
}

/// Finds runs of letters, digits, `_` and `-` that are at least `shortest` long.
#[must_use]
pub fn word_runs(text: &[u8], shortest: usize) -> Vec<Range<usize>> {
    decode::runs(text, shortest, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Returns whether a word mixes letters and digits as random text does: at least eight characters, and not a name
/// followed by a number.
#[must_use]
pub fn is_random_word(word: &[u8]) -> bool {
    heuristics::is_random_word(word)
}

/// Merges overlapping findings into one of the most specific kind.
fn merge_overlapping(mut found: Vec<SecretFinding>) -> Vec<SecretFinding> {
    found.sort_by_key(|of| (of.range.start, of.kind, of.range.end));
    let mut merged: Vec<SecretFinding> = Vec::new();
    for next in found {
        match merged.last_mut().filter(|last| next.range.start < last.range.end) {
            Some(last) => {
                let range = last.range.start..last.range.end.max(next.range.end);
                if (next.kind, next.encoding) < (last.kind, last.encoding) {
                    *last = next;
                }
                last.range = range;
            }
            None => merged.push(next),
        }
    }
    merged
}

/// Transformation by which a view was made from its parent.
#[derive(Clone, Copy)]
enum ViewStep<'a> {
    Root,
    Rewritten(&'a RewrittenView),
    Decoded(&'a decode::DecodedRun),
}

/// Transformations from the original text to a view, to map ranges back.
#[derive(Clone, Copy)]
struct ViewChain<'a> {
    step: ViewStep<'a>,
    parent: Option<&'a ViewChain<'a>>,
}

impl<'a> ViewChain<'a> {
    const fn then(&'a self, step: ViewStep<'a>) -> Self {
        ViewChain { step, parent: Some(self) }
    }

    /// Maps a range of the view back to the original text.
    fn root(&self, range: Range<usize>) -> Range<usize> {
        let range = match self.step {
            ViewStep::Root => range,
            ViewStep::Rewritten(view) => view.source(&range),
            ViewStep::Decoded(run) => run.source(&range),
        };
        self.parent.map_or(range.clone(), |parent| parent.root(range))
    }
}

/// State of a scan over one chunk.
struct SecretSearch<'a> {
    held: &'a dyn HeldSecrets,
    scope: ScanScope,
    found: Vec<SecretFinding>,
}

impl SecretSearch<'_> {
    /// Scans a text, its quoted-printable decoding, and everything encoded in either.
    fn scan_level(&mut self, text: &[u8], depth: usize, encoding: SecretEncoding, chain: &ViewChain<'_>) {
        self.scan_text(text, depth, encoding, chain);
        if let Some(view) = views::decode_quoted_printable(text) {
            let chain = chain.then(ViewStep::Rewritten(&view));
            self.scan_text(&view.bytes, depth, encoding.max(SecretEncoding::Escaped), &chain);
        }
    }

    /// Scans a text, its unescaped form, the joined lines of both, and their encoded runs.
    fn scan_text(&mut self, text: &[u8], depth: usize, encoding: SecretEncoding, chain: &ViewChain<'_>) {
        self.scan_view(text, &[], ShapeFilter::All, encoding, chain);
        self.scan_joined_lines(text, encoding, chain);
        self.scan_unescaped(text, MAX_ESCAPE_LAYERS, depth, encoding, chain);
    }

    fn scan_unescaped(
        &mut self,
        text: &[u8],
        layers: usize,
        depth: usize,
        encoding: SecretEncoding,
        chain: &ViewChain<'_>,
    ) {
        if let Some(view) = views::unescaped(text).filter(|_| layers > 0) {
            let (chain, encoding) = (chain.then(ViewStep::Rewritten(&view)), encoding.max(SecretEncoding::Escaped));
            self.scan_view(&view.bytes, &[], ShapeFilter::All, encoding, &chain);
            self.scan_joined_lines(&view.bytes, encoding, &chain);
            return self.scan_unescaped(&view.bytes, layers - 1, depth, encoding, &chain);
        }
        match views::joined(text, SplitKind::Spaces) {
            Some(view) => {
                let (chain, encoding) = (chain.then(ViewStep::Rewritten(&view)), encoding.max(SecretEncoding::Split));
                self.scan_view(&view.bytes, &view.joints, ShapeFilter::Unspaced, encoding, &chain);
                self.scan_decoded(&view.bytes, depth, &chain);
            }
            None => self.scan_decoded(text, depth, chain),
        }
    }

    /// Scans a text with its lines joined, and then without the escapes that were split.
    fn scan_joined_lines(&mut self, text: &[u8], encoding: SecretEncoding, chain: &ViewChain<'_>) {
        let Some(view) = views::joined(text, SplitKind::Lines) else { return };
        let (chain, encoding) = (chain.then(ViewStep::Rewritten(&view)), encoding.max(SecretEncoding::Split));
        self.scan_view(&view.bytes, &view.joints, ShapeFilter::All, encoding, &chain);
        if let Some(undone) = views::unescaped(&view.bytes) {
            let joints = undone.places(&view.joints);
            self.scan_view(
                &undone.bytes,
                &joints,
                ShapeFilter::All,
                encoding,
                &chain.then(ViewStep::Rewritten(&undone)),
            );
        }
    }

    fn scan_decoded(&mut self, text: &[u8], depth: usize, chain: &ViewChain<'_>) {
        if depth >= MAX_NESTED_ENCODINGS {
            return;
        }
        decode::for_each_decoded(text, |run, part| {
            let chain = chain.then(ViewStep::Decoded(run));
            match part {
                DecodedPart::Bytes => self.scan_for_known(&run.bytes, &[], run.encoding(), &chain),
                DecodedPart::Text => self.scan_level(&run.bytes, depth + 1, run.encoding(), &chain),
            }
        });
    }

    fn scan_view(
        &mut self,
        text: &[u8],
        joints: &[usize],
        wanted: ShapeFilter,
        encoding: SecretEncoding,
        chain: &ViewChain<'_>,
    ) {
        self.scan_for_known(text, joints, encoding, chain);
        if self.scope == ScanScope::Everything {
            for shape in shapes::find(JoinedText { bytes: text, joints }, wanted) {
                self.record(shape.kind, None, (text, shape.range), encoding, chain);
            }
        }
    }

    fn scan_for_known(&mut self, text: &[u8], joints: &[usize], encoding: SecretEncoding, chain: &ViewChain<'_>) {
        for (range, number) in self.held.find(text, joints) {
            self.record(SecretKind::Known, Some(number), (text, range), encoding, chain);
        }
    }

    fn record(
        &mut self,
        kind: SecretKind,
        held: Option<usize>,
        (text, range): (&[u8], Range<usize>),
        encoding: SecretEncoding,
        chain: &ViewChain<'_>,
    ) {
        let root = chain.root(range.clone());
        // A finding inside the previous one of an equal or more specific kind adds nothing.
        if self.found.last().is_some_and(|last| {
            last.kind <= kind && last.known == held && last.range.start <= root.start && root.end <= last.range.end
        }) {
            return;
        }
        let fingerprint = SecretFingerprint::of(&text[range]);
        self.found.push(SecretFinding { kind, encoding, range: root, fingerprint, known: held });
    }
}
