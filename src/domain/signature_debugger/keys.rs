//! Altered HMAC keys that receivers use by mistake instead of the text of the secret.

use super::sample::SignatureSample;
use super::signature_fault::{DetectedFault, SignatureFault};
use crate::domain::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// An HMAC key to try, with the fault that a match would show.
#[derive(Debug)]
pub struct KeyCandidate {
    /// Bytes of the HMAC key.
    pub key: Zeroizing<Vec<u8>>,
    /// Fault that a match shows; `None` for the right key.
    pub found: Option<DetectedFault>,
}

impl KeyCandidate {
    /// Creates the candidate of the right key: the text of the secret.
    #[must_use]
    pub fn right(secret: &Secret) -> Self {
        Self { key: bytes(secret.reveal().as_bytes()), found: None }
    }
}

/// Names of settings that are copied together with the secret.
const SETTING_NAMES: [&str; 14] = [
    "WEBHOOK_SECRET",
    "WLCRO_WEBHOOK_SECRET",
    "WLCRO_SECRET",
    "WLCRO_SIGNING_SECRET",
    "SIGNING_SECRET",
    "WEBHOOK_SIGNING_SECRET",
    "SECRET",
    "secret",
    "signing_secret",
    "signingSecret",
    "webhook_secret",
    "SIGNATURE_SECRET",
    "CROW_SECRET",
    "HMAC_SECRET",
];

/// Texts in place of a secret that is not configured.
const PLACEHOLDERS: [&str; 18] = [
    "undefined",
    "null",
    "None",
    "nil",
    "<nil>",
    "false",
    "NULL",
    "secret",
    "changeme",
    "test",
    "your-secret",
    "your_secret",
    "your-secret-here",
    "<secret>",
    "xxx",
    "password",
    "[object Object]",
    "********",
];

/// Lists all keys to try: the right one, those of other subscriptions, and altered ones, the commonest first.
#[must_use]
pub fn candidates(sample: &SignatureSample<'_>) -> Vec<KeyCandidate> {
    let mut keys = vec![KeyCandidate::right(sample.secret)];
    for other in sample.others {
        let found = DetectedFault::new(
            SignatureFault::WrongSecret,
            format!("the signature matches the secret of {} (fingerprint {})", other.name, fingerprint(other.secret)),
        );
        add_candidate(&mut keys, other.secret.reveal().as_bytes(), &found);
    }
    add_spaced_forms(sample.secret, &mut keys);
    add_decoded_forms(sample.secret, &mut keys);
    add_altered_forms(sample.secret, &mut keys);
    add_settings(sample.secret, &mut keys);
    keys
}

/// Fingerprint of a secret: eight hex digits for comparing secrets without showing them.
#[must_use]
pub fn fingerprint(secret: &Secret) -> String {
    let digest = Sha256::digest(format!("crow fingerprint {}", secret.reveal()));
    hex::encode(&digest[..4])
}

/// Adds the secret without and with white space, quotes and invisible characters.
fn add_spaced_forms(secret: &Secret, keys: &mut Vec<KeyCandidate>) {
    let text = secret.reveal();
    let spaces = |difference: &str| DetectedFault::new(SignatureFault::SecretSpaces, difference);
    add_candidate(
        keys,
        text.trim().as_bytes(),
        &spaces("the signature matches the secret without the white space around it"),
    );
    let unquoted = text.trim().trim_matches(['"', '\'', '`', '\u{201c}', '\u{201d}', '\u{feff}', '\u{200b}']);
    add_candidate(keys, unquoted.as_bytes(), &spaces("the signature matches the secret without the quotes around it"));
    let parts: [(&str, &str, &str); 20] = [
        ("", "\n", "a line break after it"),
        ("", "\r\n", "CR and LF after it"),
        ("", " ", "a space after it"),
        (" ", "", "a space before it"),
        ("\"", "\"", "\" around it"),
        ("'", "'", "' around it"),
        ("", "\r", "CR after it"),
        ("", "\t", "a tab after it"),
        ("\t", "", "a tab before it"),
        ("\n", "", "a line break before it"),
        ("", "\n\n", "two line breaks after it"),
        (" ", " ", "spaces around it"),
        ("`", "`", "` around it"),
        ("\u{201c}", "\u{201d}", "typographic quotes around it"),
        ("\u{feff}", "", "a byte order mark before it"),
        ("", "\u{200b}", "an invisible space after it"),
        ("", "\u{a0}", "a no-break space after it"),
        ("", "\0", "a zero byte after it"),
        ("\"", "\"\n", "\" around it and a line break after it"),
        ("'", "'\n", "' around it and a line break after it"),
    ];
    for (before, behind, what) in parts {
        let altered = Zeroizing::new(format!("{before}{text}{behind}"));
        add_candidate(keys, altered.as_bytes(), &spaces(&format!("the signature matches the secret with {what}")));
    }
}

/// Adds the secret decoded, encoded and hashed.
fn add_decoded_forms(secret: &Secret, keys: &mut Vec<KeyCandidate>) {
    let text = secret.reveal();
    let decoded = |what: &str| {
        DetectedFault::new(SignatureFault::DecodedSecret, format!("the signature matches the secret {what}"))
    };
    for engine in [&STANDARD, &URL_SAFE, &STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        if let Ok(key) = engine.decode(text).map(Zeroizing::new) {
            add_candidate(keys, &key, &decoded("decoded from Base64"));
            add_candidate(keys, hex::encode(&*key).as_bytes(), &decoded("decoded from Base64 and put into hex"));
            let upper = Zeroizing::new(hex::encode_upper(&*key));
            add_candidate(keys, upper.as_bytes(), &decoded("decoded from Base64 and put into upper-case hex"));
            let lossy = Zeroizing::new(String::from_utf8_lossy(&key).into_owned());
            add_candidate(keys, lossy.as_bytes(), &decoded("decoded from Base64 and read as UTF-8"));
            let latin = Zeroizing::new(key.iter().map(|byte| char::from(*byte)).collect::<String>());
            add_candidate(keys, latin.as_bytes(), &decoded("decoded from Base64 and read as Latin-1"));
        }
    }
    if let Ok(key) = hex::decode(text).map(Zeroizing::new) {
        add_candidate(keys, &key, &decoded("decoded from hex"));
        add_candidate(keys, STANDARD.encode(&*key).as_bytes(), &decoded("decoded from hex and put into Base64"));
    }
    let lenient = lenient_hex(text);
    if !lenient.is_empty() {
        add_candidate(keys, &lenient, &decoded("decoded from hex up to the first other character"));
    }
    add_candidate(keys, STANDARD.encode(text).as_bytes(), &decoded("put into Base64 once more"));
    add_candidate(keys, URL_SAFE_NO_PAD.encode(text).as_bytes(), &decoded("put into URL-safe Base64 once more"));
    add_candidate(keys, hex::encode(text).as_bytes(), &decoded("put into hex"));
    add_candidate(keys, hex::encode_upper(text).as_bytes(), &decoded("put into upper-case hex"));
    let digest = Zeroizing::new(Sha256::digest(text).to_vec());
    add_candidate(keys, &digest, &decoded("hashed by SHA-256"));
    add_candidate(keys, hex::encode(&*digest).as_bytes(), &decoded("hashed by SHA-256, in hex"));
    add_candidate(keys, STANDARD.encode(&*digest).as_bytes(), &decoded("hashed by SHA-256, in Base64"));
    let md5 = hex::encode(<md5::Md5 as md5::Digest>::digest(text));
    add_candidate(keys, md5.as_bytes(), &decoded("hashed by MD5, in hex"));
    let units = |write: fn(u16) -> [u8; 2]| Zeroizing::new(text.encode_utf16().flat_map(write).collect::<Vec<u8>>());
    add_candidate(keys, &units(u16::to_le_bytes), &decoded("in UTF-16"));
    add_candidate(keys, &units(u16::to_be_bytes), &decoded("in big-endian UTF-16"));
    let marked = |mark: &[u8], write| Zeroizing::new([mark, units(write).as_slice()].concat());
    add_candidate(keys, &marked(b"\xff\xfe", u16::to_le_bytes), &decoded("in UTF-16 with its mark"));
    add_candidate(keys, &marked(b"\xfe\xff", u16::to_be_bytes), &decoded("in big-endian UTF-16 with its mark"));
    add_candidate(keys, encoded(text, true).as_bytes(), &decoded("percent-encoded"));
    add_candidate(keys, encoded(text, false).as_bytes(), &decoded("percent-encoded in lower case"));
    add_candidate(keys, text.replace('+', " ").as_bytes(), &decoded("read as a form, with spaces for plus signs"));
    add_candidate(keys, &percent_decoded(text), &decoded("percent-decoded"));
    let swapped = text.replace('+', "-").replace('/', "_");
    if swapped != text {
        add_candidate(keys, swapped.as_bytes(), &decoded("with the characters of URL-safe Base64"));
        add_candidate(keys, swapped.trim_end_matches('=').as_bytes(), &decoded("as URL-safe Base64 without padding"));
    }
    add_candidate(keys, text.replace('-', "+").replace('_', "/").as_bytes(), &decoded("with the characters of Base64"));
    add_candidate(keys, text.replace('/', "\\/").as_bytes(), &decoded("escaped as in JSON"));
    add_candidate(keys, text.replace('+', "\\u002B").as_bytes(), &decoded("escaped as in .NET's JSON"));
    add_candidate(keys, text.replace('=', "\\u003d").as_bytes(), &decoded("escaped as in Gson's JSON"));
    add_candidate(keys, format!("b'{text}'").as_bytes(), &decoded("with b and quotes, as Python prints bytes"));
}

/// Adds the secret cut, extended, in another case, and what stands for one that is missing.
fn add_altered_forms(secret: &Secret, keys: &mut Vec<KeyCandidate>) {
    let text = secret.reveal();
    let altered =
        |what: &str| DetectedFault::new(SignatureFault::AlteredSecret, format!("the signature matches {what}"));
    add_candidate(keys, b"", &altered("an empty secret: it is not set, or decoding it gave nothing"));
    add_candidate(keys, text.trim_end_matches('=').as_bytes(), &altered("the secret without = at its end"));
    add_candidate(keys, format!("{text}=").as_bytes(), &altered("the secret with one more = at its end"));
    for prefix in ["whsec_", "sha256=", "Bearer ", "sk_", "secret_", "base64:", "hex:"] {
        add_candidate(
            keys,
            format!("{prefix}{text}").as_bytes(),
            &altered(&format!("the secret with {prefix:?} before it")),
        );
        if let Some(rest) = text.strip_prefix(prefix) {
            add_candidate(keys, rest.as_bytes(), &altered(&format!("the secret without {prefix:?}")));
            if let Ok(key) = STANDARD.decode(rest).map(Zeroizing::new) {
                add_candidate(keys, &key, &altered(&format!("the secret without {prefix:?}, decoded from Base64")));
            }
        }
    }
    if let Some((_, rest)) = text.rsplit_once('_') {
        add_candidate(keys, rest.as_bytes(), &altered("the secret without its prefix"));
    }
    for (at, what) in text.char_indices().filter(|(_, c)| !c.is_ascii_alphanumeric()).take(8) {
        add_candidate(keys, &text.as_bytes()[..at], &altered(&format!("the secret cut at its first {what:?}")));
        add_candidate(
            keys,
            &text.as_bytes()[at + what.len_utf8()..],
            &altered(&format!("the secret after its first {what:?}")),
        );
    }
    let mut chars = text.chars();
    chars.next();
    add_candidate(keys, chars.as_str().as_bytes(), &altered("the secret without its first character"));
    let mut chars = text.chars();
    chars.next_back();
    add_candidate(keys, chars.as_str().as_bytes(), &altered("the secret without its last character"));
    for n in [8, 16, 24, 32, 40, 64] {
        if let Some(cut) = text.get(..n) {
            add_candidate(keys, cut.as_bytes(), &altered(&format!("the first {n} characters of the secret")));
        }
    }
    add_candidate(keys, format!("{text}{text}").as_bytes(), &altered("the secret twice, as pasted twice"));
    add_candidate(keys, format!("{text}\n{text}").as_bytes(), &altered("the secret twice, as pasted twice"));
    let reversed = Zeroizing::new(text.chars().rev().collect::<String>());
    add_candidate(keys, reversed.as_bytes(), &altered("the secret from back to front"));
    add_candidate(keys, text.to_lowercase().as_bytes(), &altered("the secret in lower case"));
    add_candidate(keys, text.to_uppercase().as_bytes(), &altered("the secret in upper case"));
    for placeholder in PLACEHOLDERS {
        add_candidate(keys, placeholder.as_bytes(), &altered(&format!("{placeholder:?} in place of the secret")));
    }
}

/// Adds whole lines of settings, and names of settings that were not replaced by their values.
fn add_settings(secret: &Secret, keys: &mut Vec<KeyCandidate>) {
    let text = secret.reveal();
    let altered =
        |what: String| DetectedFault::new(SignatureFault::AlteredSecret, format!("the signature matches {what}"));
    for name in SETTING_NAMES {
        for between in ["=", ": ", ":", " = "] {
            let line = Zeroizing::new(format!("{name}{between}{text}"));
            add_candidate(
                keys,
                line.as_bytes(),
                &altered(format!("the whole line {name}{between}… in place of the secret")),
            );
        }
        for (before, behind) in [("=\"", "\""), ("='", "'")] {
            let line = Zeroizing::new(format!("{name}{before}{text}{behind}"));
            add_candidate(
                keys,
                line.as_bytes(),
                &altered(format!("the whole line {name}={behind}…{behind} in place of the secret")),
            );
        }
        let exported = Zeroizing::new(format!("export {name}={text}"));
        add_candidate(
            keys,
            exported.as_bytes(),
            &altered(format!("the whole line export {name}=… in place of the secret")),
        );
        let document = Zeroizing::new(format!("{{\"{name}\":\"{text}\"}}"));
        add_candidate(
            keys,
            document.as_bytes(),
            &altered(format!("the JSON document with {name:?} in place of the secret")),
        );
    }
    for name in SETTING_NAMES {
        for unresolved in [
            name.to_owned(),
            format!("${name}"),
            format!("${{{name}}}"),
            format!("%{name}%"),
            format!("{{{{{name}}}}}"),
            format!("process.env.{name}"),
        ] {
            let what = format!("{unresolved:?}, a name that was not replaced by its value");
            add_candidate(keys, unresolved.as_bytes(), &altered(what));
        }
    }
}

/// Decodes hex as Node's `Buffer.from` does: up to the first pair that is none.
fn lenient_hex(text: &str) -> Zeroizing<Vec<u8>> {
    let pairs = text.as_bytes().chunks_exact(2);
    Zeroizing::new(pairs.map_while(|pair| hex::decode(pair).ok()).flatten().collect())
}

/// Percent-encodes a text as a query value, in upper- or lower-case hex.
fn encoded(text: &str, is_upper: bool) -> Zeroizing<String> {
    let mut written = Zeroizing::new(String::new());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            written.push(char::from(byte));
        } else if is_upper {
            written.push_str(&format!("%{byte:02X}"));
        } else {
            written.push_str(&format!("%{byte:02x}"));
        }
    }
    written
}

/// Decodes `%XX` in a text.
fn percent_decoded(text: &str) -> Zeroizing<Vec<u8>> {
    let mut decoded = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let byte = (*first == b'%').then(|| tail.get(..2).and_then(|pair| hex::decode(pair).ok())).flatten();
        match byte {
            Some(byte) => {
                decoded.extend(byte);
                rest = &tail[2..];
            }
            None => {
                decoded.push(*first);
                rest = tail;
            }
        }
    }
    decoded
}

fn bytes(key: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(key.to_vec())
}

/// Adds a key unless the list contains it.
fn add_candidate(keys: &mut Vec<KeyCandidate>, key: &[u8], found: &DetectedFault) {
    if !keys.iter().any(|there| there.key.as_slice() == key) {
        keys.push(KeyCandidate { key: bytes(key), found: Some(found.clone()) });
    }
}
