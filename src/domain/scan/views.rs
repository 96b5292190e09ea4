//! Views of a text: with escapes undone, with separators removed, or with a run decoded. Each view maps its bytes back
//! to their source.

use crate::domain::text::is_terminal_control;
use std::ops::Range;

/// Consecutive bytes of a view with their source.
#[derive(Debug, Clone, Copy)]
struct ViewSegment {
    /// Offset of the segment in the view.
    view: usize,
    /// Offset of the segment in the source.
    source: usize,
    /// Number of source bytes of the whole segment; 0 for a copy byte by byte.
    n_source: usize,
}

/// A text derived from another one, with a mapping back.
#[derive(Debug, Default)]
pub(super) struct RewrittenView {
    pub(super) bytes: Vec<u8>,
    segments: Vec<ViewSegment>,
    /// Offsets in `bytes` at which something was removed.
    pub(super) joints: Vec<usize>,
}

impl RewrittenView {
    fn copy(&mut self, byte: u8, source: usize) {
        let view = self.bytes.len();
        let is_next =
            self.segments.last().is_some_and(|last| last.n_source == 0 && last.source + (view - last.view) == source);
        if !is_next {
            self.segments.push(ViewSegment { view, source, n_source: 0 });
        }
        self.bytes.push(byte);
    }

    fn decoded(&mut self, bytes: &[u8], source: usize, n_source: usize) {
        if !bytes.is_empty() {
            self.segments.push(ViewSegment { view: self.bytes.len(), source, n_source });
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn joint(&mut self) {
        if self.joints.last() != Some(&self.bytes.len()) {
            self.joints.push(self.bytes.len());
        }
    }

    /// Offsets in the view of sorted offsets in its source.
    pub(super) fn places(&self, sources: &[usize]) -> Vec<usize> {
        let place = |source: &usize| {
            let next = self.segments.partition_point(|segment| segment.source <= *source);
            let end = self.segments.get(next).map_or(self.bytes.len(), |segment| segment.view);
            let within = next.checked_sub(1).and_then(|last| self.segments.get(last));
            within.map_or(0, |of| match of.n_source {
                0 => end.min(of.view + (source - of.source)),
                _ if *source == of.source => of.view,
                _ => end,
            })
        };
        let mut places: Vec<usize> = sources.iter().map(place).collect();
        places.dedup();
        places
    }

    /// Source range of a range of the view.
    pub(super) fn source(&self, range: &Range<usize>) -> Range<usize> {
        let of = |at: usize| {
            let index = self.segments.partition_point(|segment| segment.view <= at).saturating_sub(1);
            self.segments.get(index).map_or(0..0, |of| match of.n_source {
                0 => of.source + (at - of.view)..of.source + (at - of.view) + 1,
                n => of.source..of.source + n,
            })
        };
        of(range.start).start..of(range.end.saturating_sub(1)).end
    }
}

/// Named HTML character references for characters that occur in secrets.
const NAMED_REFERENCES: [(&[u8], u8); 30] = [
    (b"amp", b'&'),
    (b"lt", b'<'),
    (b"gt", b'>'),
    (b"quot", b'"'),
    (b"apos", b'\''),
    (b"lowbar", b'_'),
    (b"UnderBar", b'_'),
    (b"hyphen", b'-'),
    (b"dash", b'-'),
    (b"plus", b'+'),
    (b"equals", b'='),
    (b"sol", b'/'),
    (b"bsol", b'\\'),
    (b"colon", b':'),
    (b"semi", b';'),
    (b"commat", b'@'),
    (b"period", b'.'),
    (b"comma", b','),
    (b"num", b'#'),
    (b"percnt", b'%'),
    (b"dollar", b'$'),
    (b"excl", b'!'),
    (b"quest", b'?'),
    (b"lpar", b'('),
    (b"rpar", b')'),
    (b"ast", b'*'),
    (b"vert", b'|'),
    (b"nbsp", b' '),
    (b"Tab", b'\t'),
    (b"NewLine", b'\n'),
];

/// Maximum length of an escape in bytes.
const MAX_ESCAPE_BYTES: usize = 16;

/// Undoes one layer of escapes of JSON, programming languages, URLs, HTML and Markdown, turns the pictures of line ends
/// into line ends, and removes invisible characters, their marks and other control pictures. `None` if nothing changes.
pub(super) fn unescaped(text: &[u8]) -> Option<RewrittenView> {
    let is_special = |byte: &u8| matches!(byte, b'\\' | b'%' | b'&' | b'<') || begins_invisible(*byte);
    text.iter().position(is_special)?;
    let (mut view, mut at, mut is_changed) = (RewrittenView::default(), 0, false);
    view.bytes.reserve(text.len());
    let mut buffer = [0; 4];
    while let Some(&byte) = text.get(at) {
        let rest = &text[at..text.len().min(at + MAX_ESCAPE_BYTES)];
        let found = match byte {
            b'\\' => decode_backslash(rest),
            b'%' => hex_byte(rest.get(1..3)).map(|byte| (DecodedEscape::Byte(byte), 3)),
            b'&' => decode_html_reference(rest),
            b'<' => hidden_mark_len(rest).map(|n| (DecodedEscape::Nothing, n)),
            byte if begins_invisible(byte) => pictured(rest)
                .map(|byte| (DecodedEscape::Byte(byte), PICTURE))
                .or_else(|| invisible_char_len(rest).map(|n| (DecodedEscape::Nothing, n))),
            _ => None,
        };
        match found {
            None => view.copy(byte, at),
            Some((DecodedEscape::Nothing, _)) => {}
            Some((DecodedEscape::Byte(byte), n)) => view.decoded(&[byte], at, n),
            Some((DecodedEscape::Character(character), n)) => {
                view.decoded(character.encode_utf8(&mut buffer).as_bytes(), at, n);
            }
        }
        is_changed |= found.is_some();
        at += found.map_or(1, |(_, n)| n);
    }
    is_changed.then_some(view)
}

/// Replacement of one decoded escape.
#[derive(Debug, Clone, Copy)]
enum DecodedEscape {
    Nothing,
    Byte(u8),
    Character(char),
}

fn hex_byte(digits: Option<&[u8]>) -> Option<u8> {
    match digits? {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    }
}

fn digit(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(16)
}

/// Parses a number of `radix` at the beginning of `text`, with at most `longest` digits; returns the value and its
/// length.
fn number(text: &[u8], radix: u32, longest: usize) -> Option<(u32, usize)> {
    let digits = text.iter().take(longest).map_while(|byte| char::from(*byte).to_digit(radix));
    let (value, n) = digits.fold((0_u32, 0), |(value, n), digit| (value.saturating_mul(radix) + digit, n + 1));
    (n > 0).then_some((value, n))
}

fn decode_backslash(rest: &[u8]) -> Option<(DecodedEscape, usize)> {
    let character =
        |code: u32, n: usize| char::from_u32(code).map(|character| (DecodedEscape::Character(character), n));
    match *rest.get(1)? {
        b'u' if rest.get(2) == Some(&b'{') => {
            let (code, n) = number(&rest[3..], 16, 6)?;
            (rest.get(3 + n) == Some(&b'}')).then(|| character(code, 4 + n))?
        }
        b'u' => number(rest.get(2..)?, 16, 4).filter(|(_, n)| *n == 4).and_then(|(code, n)| character(code, 2 + n)),
        b'x' => hex_byte(rest.get(2..4)).map(|byte| (DecodedEscape::Byte(byte), 4)),
        b'n' => Some((DecodedEscape::Byte(b'\n'), 2)),
        b'r' => Some((DecodedEscape::Byte(b'\r'), 2)),
        b't' => Some((DecodedEscape::Byte(b'\t'), 2)),
        b'0'..=b'3' => number(&rest[1..], 8, 3).filter(|(_, n)| *n == 3).and_then(|(code, n)| character(code, 1 + n)),
        byte if byte.is_ascii_punctuation() => Some((DecodedEscape::Byte(byte), 2)),
        // A backslash at the end of a line continues the line.
        b'\n' | b'\r' => Some((DecodedEscape::Nothing, 1)),
        _ => None,
    }
}

fn decode_html_reference(rest: &[u8]) -> Option<(DecodedEscape, usize)> {
    let of = |code: u32, n: usize| {
        let n = n + usize::from(rest.get(n) == Some(&b';'));
        char::from_u32(code).map(|character| (DecodedEscape::Character(character), n))
    };
    match (rest.get(1)?, rest.get(2)) {
        (b'#', Some(b'x' | b'X')) => number(&rest[3..], 16, 7).and_then(|(code, n)| of(code, 3 + n)),
        (b'#', Some(_)) => number(&rest[2..], 10, 8).and_then(|(code, n)| of(code, 2 + n)),
        (b'A'..=b'Z' | b'a'..=b'z', _) => {
            let end = rest.iter().position(|byte| *byte == b';')?;
            let name = &rest[1..end];
            NAMED_REFERENCES.iter().find(|(of, _)| *of == name).map(|(_, byte)| (DecodedEscape::Byte(*byte), end + 1))
        }
        _ => None,
    }
}

/// Length of the mark of a hidden character: `<U+200B>`.
fn hidden_mark_len(rest: &[u8]) -> Option<usize> {
    let digits = rest.strip_prefix(b"<U+")?;
    let (_, n) = number(digits, 16, 6)?;
    (digits.get(n) == Some(&b'>')).then_some(n + 4)
}

/// Length of a control picture in bytes.
const PICTURE: usize = 3;

/// Line end of which a text begins with the control picture, as one line of untrusted text has it.
fn pictured(rest: &[u8]) -> Option<u8> {
    match rest {
        [0xe2, 0x90, 0x8a, ..] => Some(b'\n'),
        [0xe2, 0x90, 0x8d, ..] => Some(b'\r'),
        _ => None,
    }
}

/// Whether a byte begins an invisible character or a control picture.
const fn begins_invisible(byte: u8) -> bool {
    matches!(byte, 0xc2 | 0xcd | 0xd8 | 0xdb | 0xdc | 0xe0..=0xe3 | 0xef | 0xf0 | 0xf3)
}

/// Length of an invisible character or of a control picture.
fn invisible_char_len(rest: &[u8]) -> Option<usize> {
    let n = match rest.first()? {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    };
    let character = std::str::from_utf8(rest.get(..n)?).ok()?.chars().next()?;
    (is_terminal_control(character) || matches!(character, '\u{2400}'..='\u{2421}')).then_some(n)
}

/// Maximum length in bytes of a soft line break: its two ends in six layers of JSON escapes have 32 backslashes each.
const MAX_SOFT_BREAK: usize = 72;

/// Length of the soft line break of quoted-printable at the beginning of a text: `=` with a line end as it is, as
/// control pictures or as escapes of JSON in any number of layers; 0 if there is none.
fn soft_break(text: &[u8]) -> usize {
    let rest = &text[1..text.len().min(MAX_SOFT_BREAK)];
    let end = |rest: &[u8], byte: u8, letter: u8| {
        let n = rest.iter().take_while(|byte| **byte == b'\\').count();
        match rest {
            [first, ..] if *first == byte => 1,
            _ if pictured(rest) == Some(byte) => PICTURE,
            _ if n > 0 && rest.get(n) == Some(&letter) => n + 1,
            _ => 0,
        }
    };
    let n = end(rest, b'\r', b'r');
    let n = n + end(&rest[n..], b'\n', b'n');
    if n == 0 { 0 } else { n + 1 }
}

/// Decodes quoted-printable: `=5F`, and `=` at the end of a line. `None` if there is none.
pub(super) fn decode_quoted_printable(text: &[u8]) -> Option<RewrittenView> {
    text.iter().position(|byte| *byte == b'=')?;
    let (mut view, mut at, mut is_changed) = (RewrittenView::default(), 0, false);
    while let Some(&byte) = text.get(at) {
        let n = match &text[at..] {
            rest @ [b'=', b'\r' | b'\n' | b'\\' | 0xe2, ..] => soft_break(rest),
            [b'=', high, low, ..] => match hex_byte(Some(&[*high, *low])) {
                Some(byte) => {
                    view.decoded(&[byte], at, 3);
                    3
                }
                None => 0,
            },
            _ => 0,
        };
        if n == 0 {
            view.copy(byte, at);
        }
        is_changed |= n > 0;
        at += n.max(1);
    }
    is_changed.then_some(view)
}

/// Separators that are removed to join a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SplitKind {
    /// Line ends, seams between adjacent quoted strings, tags and emphasis.
    Lines,
    /// All white space as well.
    Spaces,
}

/// Maximum length of a separator: the part between two quotation marks, or a tag.
const MAX_JOINT_BYTES: usize = 64;

/// Joins a text by removing separators. `None` if there are none.
pub(super) fn joined(text: &[u8], splits: SplitKind) -> Option<RewrittenView> {
    let (mut view, mut at) = (RewrittenView::default(), 0);
    view.bytes.reserve(text.len());
    while let Some(&byte) = text.get(at) {
        let n = joint_len(&text[at..], splits);
        if n == 0 {
            view.copy(byte, at);
        } else {
            view.joint();
        }
        at += n.max(1);
    }
    (!view.joints.is_empty()).then_some(view)
}

/// Length of the separator at the beginning of a text; 0 if there is none.
fn joint_len(text: &[u8], splits: SplitKind) -> usize {
    match text[0] {
        b'\n' | b'\r' => line_end_len(text),
        b' ' | b'\t' => {
            let n = text.iter().take(MAX_JOINT_BYTES).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            match text.get(n) {
                Some(b'\n' | b'\r') => n + line_end_len(&text[n..]),
                _ if splits == SplitKind::Spaces => n,
                _ => 0,
            }
        }
        b'*' | b'~' => 1,
        b'"' | b'\'' | b'`' => quote_seam_len(text, splits),
        b'<' => tag_len(text),
        _ => 0,
    }
}

/// Length of a line end with the beginning of the next line: white space, and marks of quotations and comments.
fn line_end_len(text: &[u8]) -> usize {
    text.iter()
        .take(MAX_JOINT_BYTES)
        .take_while(|byte| matches!(byte, b'\n' | b'\r' | b' ' | b'\t' | b'>' | b'|' | b'#'))
        .count()
}

/// Length of the seam between two adjacent quoted strings: `" + "`, `' . '`, `""`; `", "` where white space is removed
/// too.
fn quote_seam_len(text: &[u8], splits: SplitKind) -> usize {
    let between = text[1..].iter().take(MAX_JOINT_BYTES).take_while(|byte| match byte {
        b' ' | b'\t' | b'\n' | b'\r' | b'+' | b'.' | b'&' | b'|' | b'-' | b'>' => true,
        b',' => splits == SplitKind::Spaces,
        _ => false,
    });
    let n = 1 + between.count();
    if text.get(n) != text.first() || is_name(&text[n..]) { 0 } else { n + 1 }
}

/// Returns whether a quoted string is the name of a member, so that the string before it had ended.
fn is_name(text: &[u8]) -> bool {
    let name = text[1..].iter().take(MAX_JOINT_BYTES).take_while(|byte| **byte != text[0]).count();
    text.get(name + 2) == Some(&b':')
}

fn tag_len(text: &[u8]) -> usize {
    let name = text.get(1 + usize::from(text.get(1) == Some(&b'/')));
    if !name.is_some_and(u8::is_ascii_alphabetic) {
        return 0;
    }
    let inside = text[1..].iter().take(MAX_JOINT_BYTES).take_while(|byte| !matches!(byte, b'<' | b'>')).count();
    if text.get(1 + inside) == Some(&b'>') { inside + 2 } else { 0 }
}
