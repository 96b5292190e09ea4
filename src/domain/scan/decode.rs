//! Decoding of Base64 and hexadecimal runs inside a text.

use super::finding::SecretEncoding;
use std::ops::Range;

/// Encoding of a run of digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DigitKind {
    /// Base64 digits of either alphabet.
    Base64,
    /// Hexadecimal digits of either case.
    Hex,
}

/// Minimum length of a Base64 run to decode.
const MIN_BASE64_RUN: usize = 10;
/// Minimum length of a hexadecimal run to decode.
const MIN_HEX_RUN: usize = 14;
/// Minimum length of a decoded text to scan.
const MIN_TEXT_RUN: usize = 7;

/// Decoded bytes of a run, or a text within them.
#[derive(Debug)]
pub(super) struct DecodedRun {
    pub(super) bytes: Vec<u8>,
    /// Offset of the digits that encode the first byte.
    from: usize,
    digits: DigitKind,
}

impl DecodedRun {
    /// Encoding in which the bytes were written.
    pub(super) const fn encoding(&self) -> SecretEncoding {
        match self.digits {
            DigitKind::Base64 => SecretEncoding::Base64,
            DigitKind::Hex => SecretEncoding::Hex,
        }
    }

    /// Range of digits that encode a range of the decoded bytes.
    pub(super) fn source(&self, range: &Range<usize>) -> Range<usize> {
        let (start, end) = match self.digits {
            DigitKind::Hex => (range.start * 2, range.end * 2),
            // A text can begin anywhere in a group of three bytes: `from` is where the group of its first byte begins.
            DigitKind::Base64 => (range.start * 8 / 6, (range.end * 8).div_ceil(6)),
        };
        self.from + start..self.from + end
    }
}

/// Builds the table of Base64 digit values.
const fn values() -> [u8; 256] {
    let mut values = [0xff; 256];
    let mut at: u8 = 0;
    while at < 26 {
        values[(b'A' + at) as usize] = at;
        values[(b'a' + at) as usize] = at + 26;
        if at < 10 {
            values[(b'0' + at) as usize] = at + 52;
        }
        at += 1;
    }
    values[b'+' as usize] = 62;
    values[b'-' as usize] = 62;
    values[b'/' as usize] = 63;
    values[b'_' as usize] = 63;
    values
}

/// Value of each Base64 digit; 0xff for other bytes.
const BASE64_VALUES: [u8; 256] = values();

/// Returns whether a byte is a Base64 digit of either alphabet.
pub(super) const fn is_base64(byte: u8) -> bool {
    BASE64_VALUES[byte as usize] != 0xff
}

/// Finds every run of at least `shortest` bytes for which `is_of` holds.
pub(super) fn runs(text: &[u8], shortest: usize, is_of: impl Fn(u8) -> bool) -> Vec<Range<usize>> {
    let (mut runs, mut start) = (Vec::new(), None);
    for (at, byte) in text.iter().enumerate() {
        match (is_of(*byte), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                if at - from >= shortest {
                    runs.push(from..at);
                }
                start = None;
            }
            _ => {}
        }
    }
    runs.extend(start.filter(|from| text.len() - from >= shortest).map(|from| from..text.len()));
    runs
}

/// Extent of a decoded part within its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DecodedPart {
    /// All decoded bytes, text or not.
    Bytes,
    /// A text within the decoded bytes.
    Text,
}

/// Decodes every Base64 and hexadecimal run at every alignment, and passes on its bytes and every text within them.
pub(super) fn for_each_decoded(text: &[u8], mut take: impl FnMut(&DecodedRun, DecodedPart)) {
    for run in runs(text, MIN_HEX_RUN, |byte| byte.is_ascii_hexdigit()) {
        for from in run.start..run.start + 2 {
            let digits = &text[from..run.end];
            let value =
                |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok()).unwrap_or(0);
            let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| value(pair[0]) * 16 + value(pair[1])).collect();
            texts(&DecodedRun { bytes, from, digits: DigitKind::Hex }, &mut take);
        }
    }
    for run in runs(text, MIN_BASE64_RUN, is_base64) {
        for from in run.start..run.start + 4 {
            texts(&DecodedRun { bytes: base64(&text[from..run.end]), from, digits: DigitKind::Base64 }, &mut take);
        }
    }
}

/// Decodes Base64 digits; trailing bits that make no whole byte are dropped.
pub(super) fn base64(digits: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.chunks(4) {
        let joined =
            group.iter().fold(0_u32, |joined, digit| joined << 6 | u32::from(BASE64_VALUES[*digit as usize] & 63));
        let [_, first, second, third] = (joined << (6 * (4 - group.len()))).to_be_bytes();
        bytes.extend_from_slice(&[first, second, third][..group.len() * 6 / 8]);
    }
    bytes
}

/// Passes on the decoded bytes and every text within them.
fn texts(all: &DecodedRun, take: &mut impl FnMut(&DecodedRun, DecodedPart)) {
    take(all, DecodedPart::Bytes);
    let is_text = |byte: u8| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r');
    for run in runs(&all.bytes, MIN_TEXT_RUN, is_text) {
        // A Base64 digit shares bits with its neighbours, so a text starts exactly only at the beginning of its group.
        let (start, from) = match all.digits {
            DigitKind::Hex => (run.start, run.start * 2),
            DigitKind::Base64 => (run.start - run.start % 3, run.start / 3 * 4),
        };
        let mut bytes = all.bytes[start..run.end].to_vec();
        bytes[..run.start - start].fill(0);
        take(&DecodedRun { bytes, from: all.from + from, digits: all.digits }, DecodedPart::Text);
    }
}

/// Returns whether Base64 digits decode to text: then they are no random secret, and are scanned as text.
pub(super) fn decodes_to_text(digits: &[u8]) -> bool {
    let bytes = base64(digits);
    let n_text = bytes.iter().filter(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r')).count();
    n_text * 10 >= bytes.len() * 9
}
