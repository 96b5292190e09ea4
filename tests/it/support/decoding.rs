//! A reader of what left, for secrets that should not have: it undoes escapes and encodings by their definitions. Nothing here is taken from the
//! secret scan.

use std::collections::HashMap;

/// Number of letters and digits of a secret that, in a row, prove that it leaked.
const WINDOW: usize = 12;
/// Escapes within escapes that are undone.
const MAX_ESCAPES: usize = 6;
/// Encodings within encodings that are undone.
const MAX_DEPTH: usize = 3;
/// Minimum length of Base64 digits, and of the decoded characters, that is searched.
const MIN_RUN: usize = 16;

/// Parts of secrets, and whose they are.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    of: HashMap<Vec<u8>, String>,
    lengths: Vec<usize>,
    /// A bit for every pair of bytes that a trace begins with.
    pairs: Vec<u64>,
}

fn letters(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(u8::is_ascii_alphanumeric).collect()
}

fn pair(bytes: &[u8]) -> (usize, u64) {
    let pair = usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
    (pair >> 6, 1 << (pair & 63))
}

impl Traces {
    /// Looks for this secret too.
    pub(crate) fn add(&mut self, secret: &str, whose: &str) {
        let letters = letters(secret.as_bytes());
        let n = letters.len().min(WINDOW);
        assert!(n >= 8, "{secret}");
        self.pairs.resize(1024, 0);
        for window in letters.windows(n) {
            let (at, bit) = pair(window);
            self.pairs[at] |= bit;
            self.of.insert(window.to_vec(), whose.to_owned());
        }
        if !self.lengths.contains(&n) {
            self.lengths.push(n);
        }
    }

    /// Returns the owner of a secret that is readable in a text in any encoding.
    pub(crate) fn read(&self, text: &str) -> Option<&str> {
        let mut view = text.as_bytes().to_vec();
        for _ in 0..=MAX_ESCAPES {
            if let Some(whose) = self.level(&view, 0) {
                return Some(whose);
            }
            let next = unescaped(&view);
            if next == view {
                return None;
            }
            view = next;
        }
        None
    }

    fn level(&self, view: &[u8], depth: usize) -> Option<&str> {
        self.plain(view).or_else(|| self.decoded(view, depth)).or_else(|| self.decoded(&joined(view), depth))
    }

    fn plain(&self, view: &[u8]) -> Option<&str> {
        let letters = letters(view);
        for (at, two) in letters.windows(2).enumerate() {
            let (place, bit) = pair(two);
            if self.pairs.get(place).is_none_or(|bits| bits & bit == 0) {
                continue;
            }
            let parts = self.lengths.iter().filter_map(|n| letters.get(at..at + n));
            if let Some(whose) = parts.filter_map(|part| self.of.get(part)).next() {
                return Some(whose);
            }
        }
        None
    }

    fn decoded(&self, view: &[u8], depth: usize) -> Option<&str> {
        if depth == MAX_DEPTH {
            return None;
        }
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte);
        for run in view.split(|byte| !is_base64(*byte)).filter(|run| run.len() >= MIN_RUN) {
            let is_hex = run.iter().filter(|byte| byte.is_ascii_hexdigit()).count() >= 2 * MIN_RUN;
            let of_hex = (0..2).filter(|_| is_hex).flat_map(|from| hexes(&run[from..]));
            for bytes in (0..4).map(|from| base64(&run[from..])).chain(of_hex) {
                for part in bytes.split(|byte| !matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t')) {
                    if part.len() < 8 {
                        continue;
                    }
                    let found = self.plain(part).or_else(|| {
                        let is_long = part.len() >= MIN_RUN;
                        is_long.then(|| self.level(&unescaped(part), depth + 1)).flatten()
                    });
                    if found.is_some() {
                        return found;
                    }
                }
            }
        }
        None
    }
}

/// The text without what splits secrets over lines, texts and marks.
fn joined(view: &[u8]) -> Vec<u8> {
    let text =
        String::from_utf8_lossy(view).replace("<U+200B>", "").replace("=\r\n", "").replace("=\u{240d}\u{240a}", "");
    text.bytes().filter(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte)).collect()
}

fn hexes(run: &[u8]) -> Vec<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = run.split(|byte| !byte.is_ascii_hexdigit()).filter(|run| run.len() >= 2 * MIN_RUN - 2);
    pairs
        .map(|run| {
            let bytes = run.chunks_exact(2).filter_map(|two| u8::try_from(digit(two[0])? * 16 + digit(two[1])?).ok());
            bytes.collect()
        })
        .collect()
}

/// The bytes that digits of Base64 say, of either alphabet.
fn base64(run: &[u8]) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        _ => 63,
    };
    let mut bytes = Vec::with_capacity(run.len());
    let (mut bits, mut n) = (0_u32, 0);
    for byte in run {
        bits = (bits << 6 | u32::from(value(*byte))) & 0xffff;
        n += 6;
        if n >= 8 {
            n -= 8;
            bytes.push(u8::try_from(bits >> n & 0xff).expect("a byte"));
        }
    }
    bytes
}

/// Characters that references of HTML name.
const NAMES: [(&str, u8); 17] = [
    ("amp", b'&'),
    ("lt", b'<'),
    ("gt", b'>'),
    ("quot", b'"'),
    ("lowbar", b'_'),
    ("hyphen", b'-'),
    ("plus", b'+'),
    ("equals", b'='),
    ("sol", b'/'),
    ("colon", b':'),
    ("commat", b'@'),
    ("period", b'.'),
    ("excl", b'!'),
    ("semi", b';'),
    ("NewLine", b'\n'),
    ("apos", b'\''),
    ("num", b'#'),
];

/// One layer of the escapes of JSON, Markdown, URLs, quoted-printable and HTML undone.
fn unescaped(view: &[u8]) -> Vec<u8> {
    let (mut told, mut at) = (Vec::with_capacity(view.len()), 0);
    while let Some(&byte) = view.get(at) {
        let (undone, n) = match byte {
            b'\\' | b'%' | b'=' | b'&' => escape(byte, &view[at + 1..view.len().min(at + 12)]),
            _ => (Some(byte), 1),
        };
        told.extend(undone);
        at += n;
    }
    told
}

fn escape(first: u8, rest: &[u8]) -> (Option<u8>, usize) {
    let number = |digits: &[u8], radix: u32| {
        let digits =
            std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        u32::from_str_radix(digits, radix).ok().and_then(|code| u8::try_from(code).ok())
    };
    let kept = (Some(first), 1);
    match (first, rest) {
        (b'\\', [b'u', digits @ ..]) if digits.len() >= 4 => {
            number(&digits[..4], 16).map_or(kept, |byte| (Some(byte), 6))
        }
        (b'\\', [b'n' | b'r' | b't', ..]) => (Some(b'\n'), 2),
        (b'\\', [other, ..]) if !other.is_ascii_alphanumeric() => (Some(*other), 2),
        (b'=', [b'\r', b'\n', ..]) => (None, 3),
        (b'%' | b'=', [high, low, ..]) => number(&[*high, *low], 16).map_or(kept, |byte| (Some(byte), 3)),
        (b'&', rest) => {
            let Some(end) = rest.iter().position(|byte| *byte == b';') else { return kept };
            let name = &rest[..end];
            let byte = match name {
                [b'#', b'x' | b'X', digits @ ..] => number(digits, 16),
                [b'#', digits @ ..] => number(digits, 10),
                _ => NAMES.iter().find(|(of, _)| of.as_bytes() == name).map(|(_, byte)| *byte),
            };
            byte.map_or(kept, |byte| (Some(byte), end + 2))
        }
        _ => kept,
    }
}
