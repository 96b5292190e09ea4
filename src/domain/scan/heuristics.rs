//! Heuristics that tell credentials from text that only looks like one.

use super::decode::base64;
use super::decode::decodes_to_text;
use super::finding::CredentialShape;
use super::finding::SecretKind;
use std::ops::Range;

/// Character class of a byte. Random text changes classes often, words do not.
const fn char_class(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    }
}

/// Number of changes of the character class.
fn n_changes(text: &[u8]) -> usize {
    text.windows(2).filter(|pair| char_class(pair[0]) != char_class(pair[1])).count()
}

/// Number of characters in each class.
fn classes(text: &[u8]) -> [usize; 4] {
    let mut n = [0; 4];
    for byte in text {
        n[usize::from(char_class(*byte))] += 1;
    }
    n
}

/// Number of leading characters that suffice to tell a credential from words.
const MAX_SAMPLE_CHARS: usize = 43;

/// Returns whether a text mixes letters and digits as random text does and words do not.
pub(super) fn is_mixed(text: &[u8]) -> bool {
    let text = &text[..text.len().min(MAX_SAMPLE_CHARS)];
    let [lower, upper, digits, _] = classes(text);
    digits > 0 && lower + upper > 0 && n_changes(text) >= text.len().min(24) / 4
}

/// Returns whether a text mixes small and capital letters as random text does and names in camel case do not.
pub(super) fn is_mixed_in_case(text: &[u8]) -> bool {
    let text = &text[..text.len().min(MAX_SAMPLE_CHARS)];
    let [lower, upper, ..] = classes(text);
    4 * lower >= text.len() && 4 * upper >= text.len() && n_changes(text) >= 8
}

/// Returns whether a word mixes letters and digits as random text does: at least eight characters, and not a name
/// followed by a number.
pub(super) fn is_random_word(word: &[u8]) -> bool {
    let [lower, upper, digits, _] = classes(word);
    let n_changes = n_changes(word);
    word.len() >= 8 && (digits > 0 && lower + upper > 0 && n_changes >= 3 || lower > 1 && upper > 1 && n_changes >= 6)
}

/// Returns whether a piece is a word: only letters, of which only the first may be a capital.
pub(super) fn is_word(piece: &[u8]) -> bool {
    let [_, _, digits, others] = classes(piece);
    digits + others == 0 && piece.get(1..).is_none_or(|rest| classes(rest)[1] == 0)
}

/// Minimum length at which random digits of Base64 have small and capital letters; identifiers have one of them.
const MIN_BOTH_CASES: usize = 16;
/// Minimum length at which random digits of Base64 have other digits than hexadecimal ones.
const MIN_NOT_HEX: usize = 8;

/// Returns whether a piece of Base64 can be a part of a split secret: not a name whose parts are words and numbers
/// (`TLS_AES_256`, `Set-Cookie`), and not an identifier of digits and letters of one case.
fn is_random_piece(piece: &[u8]) -> bool {
    let mut parts = piece.split(|byte| !byte.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let is_plain = |part: &[u8]| n_changes(part) <= 1;
    let is_identifier = |part: &[u8]| {
        let [lower, upper, ..] = classes(part);
        let is_hex = part.len() >= MIN_NOT_HEX && part.iter().all(u8::is_ascii_hexdigit);
        (is_hex || part.len() >= MIN_BOTH_CASES) && (lower == 0 || upper == 0)
    };
    let is_name = piece.iter().any(|byte| !byte.is_ascii_alphanumeric()) && parts.clone().all(is_plain);
    !is_name && !parts.any(is_identifier)
}

/// Returns whether pieces of Base64 are a split secret: random, and no piece is a word or a number.
pub(super) fn is_random(text: &[u8], pieces: &[Range<usize>]) -> bool {
    let whole = pieces[0].start..pieces[pieces.len() - 1].end;
    let [lower, upper, digits, others] = classes(&text[whole.clone()]);
    if lower < 2 || upper < 2 || digits + others == 0 || n_changes(&text[whole.clone()]) < 14 {
        return false;
    }
    // Words, numbers and dates are no parts of a secret.
    let is_part = |piece: &Range<usize>| {
        let [lower, upper, ..] = classes(&text[piece.clone()]);
        let is_number = lower + upper <= 1;
        let is_random = pieces.len() == 1 || is_random_piece(&text[piece.clone()]);
        piece.len() < 3 || is_random && !(is_word(&text[piece.clone()]) || is_number)
    };
    let longest = pieces.iter().max_by_key(|piece| piece.len()).cloned().unwrap_or_default();
    let [lower, upper, ..] = classes(&text[longest]);
    lower > 0 && upper > 0 && pieces.iter().all(is_part) && !decodes_to_text(&text[whole])
}

/// Returns whether hexadecimal digits are random: letters and digits mixed, and not a repeated pattern.
pub(super) fn is_random_hex(text: &[u8]) -> bool {
    let [lower, upper, digits, _] = classes(text);
    let half = text.len() / 2;
    digits >= 8 && lower + upper >= 8 && (lower == 0 || upper == 0) && text[..half] != text[half..]
}

/// Number of bytes before random bytes that are searched for their name.
const MAX_CONTEXT: usize = 48;
/// Names of computed values, which are no secrets.
const DIGEST_NAMES: [&[u8]; 15] = [
    b"sha256",
    b"sha-256",
    b"sha_256",
    b"sha1",
    b"digest",
    b"signature",
    b"checksum",
    b"etag",
    b"hash",
    b"integrity",
    b"v1=",
    b"hmac",
    b"computed",
    b"calculated",
    b"expected",
];
/// Names of secrets, which override the name of a digest before them.
const SECRET_WORDS: [&[u8]; 4] = [b"secret", b"password", b"token", b"key"];

/// Words that may lie between the name of a digest and its value: `signature of the body is …`.
const CONNECTING_WORDS: [&[u8]; 22] = [
    b"a",
    b"an",
    b"the",
    b"is",
    b"was",
    b"be",
    b"of",
    b"for",
    b"in",
    b"as",
    b"to",
    b"but",
    b"not",
    b"got",
    b"value",
    b"body",
    b"payload",
    b"header",
    b"received",
    b"hex",
    b"base64",
    b"v1",
];

/// Returns whether the bytes before `at` name a digest or signature, with only connecting words up to `at`.
pub(super) fn is_digest(text: &[u8], at: usize) -> bool {
    let before = text[at.saturating_sub(MAX_CONTEXT)..at].to_ascii_lowercase();
    let ends = |words: &[&[u8]]| {
        let end = |word: &&[u8]| Some(before.windows(word.len()).rposition(|part| part == *word)? + word.len());
        words.iter().filter_map(end).max()
    };
    let Some(digest) = ends(&DIGEST_NAMES) else { return false };
    let rest = before[digest..].iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(before.len() - digest);
    let mut between =
        before[digest + rest..].split(|byte| !byte.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    ends(&SECRET_WORDS).is_none_or(|secret| secret < digest) && between.all(|word| CONNECTING_WORDS.contains(&word))
}

/// Returns whether a text is a JSON Web Token: at least a header and a payload, and a header that decodes to JSON.
pub(super) fn is_web_token(text: &[u8]) -> bool {
    let mut parts = text.split(|byte| *byte == b'.');
    let (head, body) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    head.len() >= 12 && body.len() >= 8 && decodes_to_text(head) && base64(head).contains(&b':')
}

/// Maximum length of a name or password to detect.
const MAX_NAME: usize = 64;
/// Maximum length of a value to detect.
const MAX_VALUE: usize = 512;

/// Returns whether a value is a placeholder instead of a real value.
fn is_placeholder(value: &[u8]) -> bool {
    const WORDS: [&[u8]; 34] = [
        b"true",
        b"false",
        b"null",
        b"none",
        b"nil",
        b"undefined",
        b"missing",
        b"required",
        b"invalid",
        b"expired",
        b"unknown",
        b"wrong",
        b"incorrect",
        b"empty",
        b"unset",
        b"absent",
        b"present",
        b"hidden",
        b"redacted",
        b"masked",
        b"string",
        b"text",
        b"optional",
        b"secret",
        b"password",
        b"token",
        b"value",
        b"mismatch",
        b"revoked",
        b"malformed",
        b"unauthorized",
        b"forbidden",
        b"not",
        b"is",
    ];
    let is_mark = |byte: &u8| matches!(byte, b'$' | b'<' | b'{' | b'[' | b'*' | b'(' | b'.' | b'%');
    let is_same = value.windows(2).all(|pair| pair[0] == pair[1]);
    let letters = value.trim_ascii_end().to_ascii_lowercase();
    let letters = letters.strip_suffix(b".").unwrap_or(&letters);
    value.first().is_some_and(is_mark)
        || value.starts_with(b"REDACTED")
        || value.starts_with("…".as_bytes())
        || is_same
        || value.contains(&b'_') && value.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_')
        || WORDS.contains(&letters)
}

/// Detects an authentication scheme with its credentials: `Bearer …`, `Basic …`.
pub(super) fn authorization(text: &[u8], at: usize) -> Option<CredentialShape> {
    let begins = |word: &[u8]| text[at..].get(..word.len()).is_some_and(|there| there.eq_ignore_ascii_case(word));
    let scheme = [b"bearer".as_slice(), b"basic"].into_iter().find(|word| begins(word))?;
    if at > 0 && text[at - 1].is_ascii_alphanumeric() {
        return None;
    }
    let from = at + scheme.len();
    let n_between =
        text[from..].iter().take(4).take_while(|byte| matches!(byte, b' ' | b'+' | b':' | b'=' | b'"')).count();
    let from = from + n_between;
    let is_of =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'~' | b'+' | b'/' | b'=' | b'-');
    let n = text[from..].iter().take(8_192).take_while(|byte| is_of(byte)).count();
    let value = &text[from..from + n];
    let is_one = n_between > 0
        && if scheme == b"basic" {
            let digits = value.split(|byte| *byte == b'=').next().unwrap_or_default();
            digits.len() >= 6 && decodes_to_text(digits) && base64(digits).contains(&b':')
        } else {
            let [lower, upper, digits, _] = classes(value);
            digits > 0 && lower + upper > 0 && n >= 12 || n >= 20 && n_changes(value) >= 5 && digits + upper > 0
        };
    (is_one && !is_placeholder(value))
        .then_some(CredentialShape { kind: SecretKind::Authorization, range: at..from + n })
}

/// Detects a user name and password before a host: `https://user:password@host`.
pub(super) fn userinfo(text: &[u8], at: usize) -> Option<CredentialShape> {
    let rest = text[at..].strip_prefix(b"://")?;
    let n = rest.iter().take(MAX_VALUE).position(|byte| {
        matches!(byte, b'@' | b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'\\' | b'`')
            || byte.is_ascii_whitespace()
    })?;
    let user = &rest[..n];
    let password = user.iter().position(|byte| *byte == b':').map(|colon| &user[colon + 1..]);
    let is_one = match password {
        Some(password) => !password.is_empty() && !is_placeholder(password),
        None => n >= 12 && !is_placeholder(user),
    };
    (rest[n] == b'@' && is_one).then_some(CredentialShape { kind: SecretKind::UrlPassword, range: at + 3..at + 3 + n })
}

/// Detects a user name and password without a scheme, before a host with a port or path or in parentheses:
/// `user:password@db:5432`.
pub(super) fn host_login(text: &[u8], at: usize) -> Option<CredentialShape> {
    const ADDRESSES: [&[u8]; 12] =
        [b"mailto", b"email", b"e-mail", b"mail", b"to", b"from", b"cc", b"bcc", b"by", b"contact", b"sip", b"acct"];
    let ends = |byte: &&u8| {
        byte.is_ascii_graphic() && !matches!(byte, b'/' | b'@' | b'"' | b'\'' | b'<' | b'>' | b'=' | b',' | b';')
    };
    let n = text[..at].iter().rev().take(2 * MAX_NAME).take_while(ends).count();
    let before = &text[at - n..at];
    let colon = before.iter().position(|byte| *byte == b':')?;
    let (user, password) = (&before[..colon], &before[colon + 1..]);
    let host = text[at + 1..].iter().take(MAX_NAME).take_while(|byte| is_host(**byte)).count();
    let behind = &text[at + 1 + host..];
    let is_reached = match behind {
        [b':', digit, ..] => host > 0 && digit.is_ascii_digit(),
        [b'/', ..] => host > 0,
        [b'(', ..] => true,
        _ => false,
    };
    let is_address = ADDRESSES.contains(&user.to_ascii_lowercase().as_slice());
    let is_one = is_reached && !user.is_empty() && password.len() >= 3 && !is_address && !is_placeholder(password);
    is_one.then_some(CredentialShape { kind: SecretKind::UrlPassword, range: at - n..at })
}

const fn is_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

/// Names of secrets, without the separators between their words.
const SECRET_FIELD_NAMES: [&str; 17] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "accountkey",
    "signingkey",
    "sharedkey",
    "accesstoken",
    "refreshtoken",
    "authtoken",
    "token",
    "credential",
];

/// Detects a secret's name with its value: `password=…`, `"client_secret": "…"`.
pub(super) fn assignment(text: &[u8], at: usize) -> Option<CredentialShape> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'\\' | b'`' | b']');
    let n_blank = text[..at].iter().rev().take(6).take_while(|byte| is_blank(byte)).count();
    let name_end = at - n_blank;
    // Every name ends in one of these letters: a cheap test before the name is read.
    if !name_end.checked_sub(1).is_some_and(|last| b"dteynls".contains(&text[last].to_ascii_lowercase())) {
        return None;
    }
    let n_name = text[..name_end].iter().rev().take(MAX_NAME).take_while(|byte| is_host(**byte)).count();
    let name: String = text[name_end - n_name..name_end]
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect();
    if !SECRET_FIELD_NAMES
        .iter()
        .any(|of| name.ends_with(of) || name.strip_suffix('s').is_some_and(|one| one.ends_with(of)))
    {
        return None;
    }
    let rest = &text[at + 1..text.len().min(at + 1 + MAX_VALUE)];
    let n_blank = rest
        .iter()
        .take(6)
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'\\' | b'`' | b'=' | b'>' | b':'))
        .count();
    let quote = rest[..n_blank].iter().rev().find(|byte| matches!(byte, b'"' | b'\'' | b'`')).copied();
    let ends = |byte: &u8| match quote {
        Some(quote) => *byte == quote || matches!(byte, b'\\' | b'\n' | b'\r'),
        None => {
            byte.is_ascii_whitespace()
                || matches!(byte, b'&' | b',' | b';' | b'"' | b'\'' | b'<' | b'>' | b')' | b'}' | b']' | b'`' | b'\\')
        }
    };
    let n = rest[n_blank..].iter().take_while(|byte| !ends(byte)).count();
    let value = &rest[n_blank..n_blank + n];
    let [lower, upper, digits, _] = classes(value);
    let is_word = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_' | b'.' | b'/' | b'\'' | 0x80..);
    let is_one = match (text[at], quote) {
        (b'=', _) => n >= 3,
        (_, Some(_)) => n >= 5 && !value.contains(&b' '),
        // After a colon in prose follows a word, which is no secret.
        (_, None) => n >= 6 && lower + upper > 0 && (digits > 0 || !value.iter().all(is_word)),
    };
    let from = at + 1 + n_blank;
    (is_one && !is_placeholder(value))
        .then_some(CredentialShape { kind: SecretKind::Assignment, range: from..from + n })
}
