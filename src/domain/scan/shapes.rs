//! Shapes of credentials: issuers' prefixes, headers, URLs, assignments and random bytes of common lengths.

use super::decode::{is_base64, runs};
use super::finding::CredentialShape;
use super::finding::SecretKind;
use super::heuristics;
use std::ops::Range;

/// A text to scan, with the offsets at which it was joined.
#[derive(Debug, Clone, Copy)]
pub(super) struct JoinedText<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) joints: &'a [usize],
}

/// Format of a credential with a fixed prefix.
struct CredentialPrefix {
    text: &'static [u8],
    kind: SecretKind,
    /// Predicate of the characters after the prefix.
    is_of: fn(u8) -> bool,
    /// Minimum and maximum number of characters after the prefix.
    lengths: (usize, usize),
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

const fn is_letter_or_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

const fn is_upper_or_digit(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

const fn is_dotted(byte: u8) -> bool {
    is_word(byte) || byte == b'.'
}

const fn is_token(byte: u8) -> bool {
    is_base64(byte) || matches!(byte, b'.' | b'~' | b'=')
}

const fn credential(
    text: &'static [u8],
    kind: SecretKind,
    is_of: fn(u8) -> bool,
    lengths: (usize, usize),
) -> CredentialPrefix {
    CredentialPrefix { text, kind, is_of, lengths }
}

/// Maximum length of a credential after a prefix without a fixed length.
const MAX_TAIL_CHARS: usize = 512;

/// Known credential prefixes with their formats.
const PREFIXES: [CredentialPrefix; 37] = [
    credential(b"wlcro_", SecretKind::ApiKey, is_word, (16, 69)),
    credential(b"wlop_", SecretKind::OperatorToken, is_word, (16, 43)),
    credential(b"whsec_", SecretKind::SigningSecret, is_token, (16, 128)),
    credential(b"eyJ", SecretKind::JsonWebToken, is_dotted, (20, 8_192)),
    credential(b"AKIA", SecretKind::CloudKey, is_upper_or_digit, (16, 16)),
    credential(b"ASIA", SecretKind::CloudKey, is_upper_or_digit, (16, 16)),
    credential(b"ABIA", SecretKind::CloudKey, is_upper_or_digit, (16, 16)),
    credential(b"ACCA", SecretKind::CloudKey, is_upper_or_digit, (16, 16)),
    credential(b"AIza", SecretKind::CloudKey, is_word, (35, 35)),
    credential(b"ya29.", SecretKind::CloudKey, is_dotted, (20, MAX_TAIL_CHARS)),
    credential(b"GOCSPX-", SecretKind::CloudKey, is_word, (20, 28)),
    credential(b"dop_v1_", SecretKind::CloudKey, is_letter_or_digit, (64, 64)),
    credential(b"ghp_", SecretKind::ServiceToken, is_letter_or_digit, (36, 251)),
    credential(b"gho_", SecretKind::ServiceToken, is_letter_or_digit, (36, 251)),
    credential(b"ghu_", SecretKind::ServiceToken, is_letter_or_digit, (36, 251)),
    credential(b"ghs_", SecretKind::ServiceToken, is_letter_or_digit, (36, 251)),
    credential(b"ghr_", SecretKind::ServiceToken, is_letter_or_digit, (36, 251)),
    credential(b"github_pat_", SecretKind::ServiceToken, is_word, (22, 82)),
    credential(b"glpat-", SecretKind::ServiceToken, is_word, (20, 64)),
    credential(b"xoxb-", SecretKind::ServiceToken, is_word, (10, 255)),
    credential(b"xoxa-", SecretKind::ServiceToken, is_word, (10, 255)),
    credential(b"xoxp-", SecretKind::ServiceToken, is_word, (10, 255)),
    credential(b"xoxr-", SecretKind::ServiceToken, is_word, (10, 255)),
    credential(b"xoxs-", SecretKind::ServiceToken, is_word, (10, 255)),
    credential(b"xoxe-", SecretKind::ServiceToken, is_word, (10, 255)),
    credential(b"xapp-", SecretKind::ServiceToken, is_word, (10, 255)),
    credential(b"sk_live_", SecretKind::ServiceToken, is_letter_or_digit, (16, 247)),
    credential(b"sk_test_", SecretKind::ServiceToken, is_letter_or_digit, (16, 247)),
    credential(b"rk_live_", SecretKind::ServiceToken, is_letter_or_digit, (16, 247)),
    credential(b"rk_test_", SecretKind::ServiceToken, is_letter_or_digit, (16, 247)),
    credential(b"sk-", SecretKind::ServiceToken, is_word, (24, 255)),
    credential(b"SG.", SecretKind::ServiceToken, is_dotted, (32, 96)),
    credential(b"npm_", SecretKind::ServiceToken, is_letter_or_digit, (36, 36)),
    credential(b"pypi-", SecretKind::ServiceToken, is_word, (32, MAX_TAIL_CHARS)),
    credential(b"hf_", SecretKind::ServiceToken, is_letter_or_digit, (30, 64)),
    credential(b"shpat_", SecretKind::ServiceToken, is_letter_or_digit, (32, 32)),
    credential(b"shpss_", SecretKind::ServiceToken, is_letter_or_digit, (32, 32)),
];

/// Builds the bit set of two-character beginnings of all prefixes.
const fn pairs() -> [u64; 1024] {
    let mut pairs = [0; 1024];
    let mut at = 0;
    while at < PREFIXES.len() {
        let pair = (PREFIXES[at].text[0] as usize) << 8 | PREFIXES[at].text[1] as usize;
        pairs[pair >> 6] |= 1 << (pair & 63);
        at += 1;
    }
    pairs
}

/// Bit set of two-character beginnings, to rule out most offsets with one lookup.
static PREFIX_PAIRS: [u64; 1024] = pairs();

/// Shapes to look for in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShapeFilter {
    /// All known shapes of credentials.
    All,
    /// Only shapes that do not depend on white space, for a text from which it was removed.
    Unspaced,
}

/// Finds every shape of a credential in a text.
pub(super) fn find(text: JoinedText<'_>, wanted: ShapeFilter) -> Vec<CredentialShape> {
    let mut found = Vec::new();
    for (at, two) in text.bytes.windows(2).enumerate() {
        let pair = usize::from(two[0]) << 8 | usize::from(two[1]);
        if PREFIX_PAIRS[pair >> 6] >> (pair & 63) & 1 == 1 {
            let mut of = PREFIXES.iter().filter(|of| of.text.starts_with(two));
            found.extend(of.find_map(|of| match_prefix(text, at, of, wanted)));
        }
        found.extend(match two {
            b"--" => private_key(text.bytes, at),
            b":/" => heuristics::userinfo(text.bytes, at),
            _ => None,
        });
        if wanted == ShapeFilter::All {
            found.extend(match two[0] {
                b'B' | b'b' if matches!(two[1], b'e' | b'E' | b'a' | b'A') => heuristics::authorization(text.bytes, at),
                b':' | b'=' => heuristics::assignment(text.bytes, at),
                b'@' => heuristics::host_login(text.bytes, at),
                _ => None,
            });
        }
    }
    find_random(text, &mut found);
    found
}

fn match_prefix(
    text: JoinedText<'_>,
    at: usize,
    of: &CredentialPrefix,
    wanted: ShapeFilter,
) -> Option<CredentialShape> {
    let tail = text.bytes[at..].strip_prefix(of.text)?;
    let is_joint = |place: usize| text.joints.binary_search(&place).is_ok();
    if at > 0 && text.bytes[at - 1].is_ascii_alphanumeric() && !is_joint(at) {
        return None;
    }
    let n = tail.iter().take(of.lengths.1).take_while(|byte| (of.is_of)(**byte)).count();
    if n < of.lengths.0 {
        return None;
    }
    let from = at + of.text.len();
    let n = length_before_prose(text, from, n, of.lengths.0);
    let tail = &tail[..n];
    let is_whole = match of.text {
        b"eyJ" => heuristics::is_web_token(&text.bytes[at..from + n]),
        // Prose without its spaces, and names with the same beginning, are no credentials.
        b"whsec_" | b"sk-" | b"hf_" | b"SG." | b"pypi-" => {
            heuristics::is_mixed(tail) || heuristics::is_mixed_in_case(tail)
        }
        _ => wanted == ShapeFilter::All || heuristics::is_mixed(tail),
    };
    is_whole.then_some(CredentialShape { kind: of.kind, range: at..from + n })
}

/// Length of a tail of `n` bytes without trailing words that were attached when spaces were removed; at least `least`.
fn length_before_prose(text: JoinedText<'_>, from: usize, n: usize, least: usize) -> usize {
    let first = text.joints.partition_point(|joint| *joint < from + least);
    let within = text.joints[first..].iter().take_while(|joint| **joint < from + n);
    let is_word = |joint: &usize| {
        let next = text
            .joints
            .get(text.joints.partition_point(|next| next <= joint))
            .copied()
            .unwrap_or(from + n)
            .min(from + n);
        heuristics::is_word(&text.bytes[*joint..next])
    };
    within.copied().find(is_word).map_or(n, |joint| joint - from)
}

/// Maximum length of a private key in bytes.
const MAX_PRIVATE_KEY_BYTES: usize = 16 * 1024;
/// Maximum length of the first or last line of a PEM block.
const MAX_PEM_LINE_BYTES: usize = 64;

/// Detects a private key in PEM format, up to its last line or to the end of the text.
fn private_key(text: &[u8], at: usize) -> Option<CredentialShape> {
    let rest = &text[at..text.len().min(at + MAX_PRIVATE_KEY_BYTES)];
    let label = rest.strip_prefix(b"-----BEGIN")?;
    let position = |text: &[u8], word: &[u8]| text.windows(word.len()).position(|part| part == word);
    let fence = &label[..label.len().min(MAX_PEM_LINE_BYTES)];
    position(fence, b"PRIVATE").filter(|private| position(fence, b"-----").is_some_and(|end| end > *private))?;
    let end = position(label, b"-----END").map_or(rest.len(), |end| {
        let from = 10 + end + 8;
        let last = &rest[from..rest.len().min(from + MAX_PEM_LINE_BYTES)];
        position(last, b"-----").map_or(from, |dashes| from + dashes + 5)
    });
    Some(CredentialShape { kind: SecretKind::PrivateKey, range: at..end + at })
}

/// Lengths of random secrets in Base64 digits: 43 for 32 bytes without padding, 40 for 30 bytes; in hexadecimal 64 for
/// 32 bytes.
const BASE64_LENGTHS: [usize; 2] = [43, 40];
const HEX_LENGTH: usize = 64;
/// Maximum number of pieces into which a Base64 secret is split.
const MAX_PIECES: usize = 3;
/// Maximum number of pieces of a hexadecimal secret: a dump has one byte in each.
const MAX_HEX_PIECES: usize = 32;

/// Finds random bytes of common lengths, also when split.
fn find_random(text: JoinedText<'_>, found: &mut Vec<CredentialShape>) {
    for run in runs(text.bytes, BASE64_LENGTHS[1], is_base64) {
        // A secret in at most MAX_PIECES pieces has at least one long piece.
        let is_start = |piece: &Range<usize>| piece.len() >= BASE64_LENGTHS[1] / MAX_PIECES;
        for_each_sum(&split(&run, text.joints), MAX_PIECES, &BASE64_LENGTHS, is_start, |of| {
            if heuristics::is_random(text.bytes, of) && !heuristics::is_digest(text.bytes, of[0].start) {
                let end = of[of.len() - 1].end;
                let end = end + usize::from(text.bytes.get(end) == Some(&b'='));
                found.push(CredentialShape { kind: SecretKind::RandomBytes, range: of[0].start..end });
            }
        });
    }
    for run in runs(text.bytes, HEX_LENGTH, |byte| byte.is_ascii_hexdigit()) {
        for_each_sum(
            &split(&run, text.joints),
            MAX_HEX_PIECES,
            &[HEX_LENGTH],
            |_| true,
            |of| {
                let range = of[0].start..of[of.len() - 1].end;
                if heuristics::is_random_hex(&text.bytes[range.clone()])
                    && !heuristics::is_digest(text.bytes, range.start)
                {
                    found.push(CredentialShape { kind: SecretKind::RandomBytes, range });
                }
            },
        );
    }
}

/// Splits a run at its joints.
fn split(run: &Range<usize>, joints: &[usize]) -> Vec<Range<usize>> {
    let first = joints.partition_point(|joint| *joint <= run.start);
    let within = joints[first..].iter().take_while(|joint| **joint < run.end);
    let mut pieces = Vec::new();
    let mut from = run.start;
    for joint in within {
        pieces.push(from..*joint);
        from = *joint;
    }
    pieces.push(from..run.end);
    pieces
}

/// Passes on every sequence of adjacent pieces whose total length is one of `lengths` and that has a piece for which
/// `is_needed` holds.
fn for_each_sum(
    pieces: &[Range<usize>],
    most: usize,
    lengths: &[usize],
    is_needed: impl Fn(&Range<usize>) -> bool,
    mut take: impl FnMut(&[Range<usize>]),
) {
    let longest = lengths.iter().copied().max().unwrap_or(0);
    for first in 0..pieces.len() {
        let row = &pieces[first..pieces.len().min(first + most)];
        let mut sum = 0;
        for (n, piece) in row.iter().enumerate() {
            sum += piece.len();
            if sum > longest {
                break;
            }
            if lengths.contains(&sum) && row[..=n].iter().any(&is_needed) {
                take(&row[..=n]);
            }
        }
    }
}
