//! Signature parsing: extracts the bytes of a signature from a text in any notation and reports what is unusual about
//! the notation.

use super::digests::{self, HashKind};
use super::signature_fault::{DetectedFault, SignatureFault};
use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq as _;

/// Length of an HMAC-SHA256 in bytes.
const HMAC_LENGTH: usize = 32;
/// Minimum number of bytes of a signature that was cut off.
const MIN_CUT_BYTES: usize = 8;
/// Required prefix of a signature.
const SIGNATURE_PREFIX: &str = "sha256=";
/// Maximum length of a text that is read as a signature, in bytes.
const MAX_TEXT_BYTES: usize = 1_024;
/// Maximum number of wrappings that are taken off a text.
const MAX_WRAPPINGS: usize = 6;

/// A parsed signature with the faults of its notation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedSignature {
    value: SignatureValue,
    /// Hash function that a label before the signature names.
    pub label: Option<HashKind>,
    /// Faults in the notation of the signature.
    pub found: Vec<DetectedFault>,
}

/// Value of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
enum SignatureValue {
    Bytes(Vec<u8>),
    /// Hex digits of which leading zeros are missing, of the whole number or of each byte.
    Unpadded(String),
}

impl ParsedSignature {
    /// Parses a text that is a signature of the right length in any usual notation; `None` if it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = |of: &Self| of.label.is_none_or(|hash| hash == HashKind::Sha256);
        Self::readings(text).into_iter().find(|of| of.is_full() && of.n_bytes() == HMAC_LENGTH && is_plain(of))
    }

    /// Lists every way to read a text as a signature, also as a digest of another length or one that was cut off.
    #[must_use]
    pub fn readings(text: &str) -> Vec<Self> {
        if text.len() > MAX_TEXT_BYTES {
            return Vec::new();
        }
        if let Some(bytes) = python_bytes(text.trim()) {
            let what = "the bytes of the HMAC are written with escapes, as Python prints bytes";
            let found = vec![DetectedFault::new(SignatureFault::Encoding, what)];
            return vec![Self { value: SignatureValue::Bytes(bytes), label: None, found }];
        }
        let mut unwrapped = Unwrapped { text: text.to_owned(), label: None, is_prefixed: false, found: Vec::new() };
        for _ in 0..MAX_WRAPPINGS {
            if !unwrapped.unwrap_once() {
                break;
            }
        }
        let readings = decoded(&unwrapped.text).into_iter().map(|(value, unusual)| {
            let mut found = unwrapped.found.clone();
            // A missing prefix adds nothing where the text is in another notation anyway.
            let is_other = unusual.as_ref().is_some_and(|unusual| unusual.fault == SignatureFault::Encoding);
            if !unwrapped.is_prefixed && !is_other && found.is_empty() {
                let what = format!("the prefix {SIGNATURE_PREFIX:?} is missing");
                found.push(DetectedFault::new(SignatureFault::Case, what));
            }
            found.extend(unusual);
            Self { value, label: unwrapped.label, found }
        });
        readings.collect()
    }

    /// Number of bytes of the digest, as far as it is written out.
    #[must_use]
    pub fn n_bytes(&self) -> usize {
        match &self.value {
            SignatureValue::Bytes(bytes) => bytes.len(),
            SignatureValue::Unpadded(_) => HMAC_LENGTH,
        }
    }

    /// Returns whether the text has the length of a digest, so that it can be taken for one.
    #[must_use]
    pub fn is_digest(&self) -> bool {
        self.is_full() && matches!(self.n_bytes(), 16 | 20 | 28 | 32 | 48 | 64)
    }

    fn is_full(&self) -> bool {
        matches!(self.value, SignatureValue::Bytes(_))
    }

    /// Faults of the notation for the digest that it fits.
    #[must_use]
    pub fn faults_of(&self, computed: &[u8]) -> Vec<DetectedFault> {
        let mut faults = self.found.clone();
        if self.is_full() && self.n_bytes() < computed.len() {
            let (n, all) = (self.n_bytes(), computed.len());
            let what = format!("only {n} of the {all} bytes are there; the rest is cut off");
            faults.push(DetectedFault::new(SignatureFault::Encoding, what));
        }
        faults
    }

    /// Returns whether a computed digest is the one of this signature.
    #[must_use]
    pub fn fits(&self, computed: &[u8]) -> bool {
        match &self.value {
            SignatureValue::Bytes(bytes) if bytes.len() == computed.len() => computed.ct_eq(bytes).into(),
            SignatureValue::Bytes(bytes) => {
                (MIN_CUT_BYTES..computed.len()).contains(&bytes.len()) && computed[..bytes.len()].ct_eq(bytes).into()
            }
            SignatureValue::Unpadded(text) => {
                let each = computed.iter().map(|byte| format!("{byte:x}")).collect::<String>();
                each == *text || hex::encode(computed).trim_start_matches('0') == text
            }
        }
    }
}

/// A text from which wrappings are taken off.
struct Unwrapped {
    text: String,
    label: Option<HashKind>,
    is_prefixed: bool,
    found: Vec<DetectedFault>,
}

/// Labels of signatures besides the names of hash functions.
const LABELS: [&str; 20] = [
    "v0",
    "v1",
    "v2",
    "hmac",
    "signature",
    "sig",
    "s",
    "x-wlcro-signature",
    "hmac-sha256",
    "hmac_sha256",
    "sha-256",
    "sha2-256",
    "hmacsha256",
    "bearer",
    "digest",
    "hash",
    "hex",
    "mac",
    "x_wlcro_signature",
    "http_x_wlcro_signature",
];

impl Unwrapped {
    /// Takes off one wrapping; returns `false` if there is none.
    fn unwrap_once(&mut self) -> bool {
        self.strip_space() || self.strip_quotes() || self.strip_tool() || self.strip_prefix() || self.strip_escapes()
    }

    fn replace(&mut self, text: String, what: impl Into<String>) -> bool {
        self.text = text;
        self.found.push(DetectedFault::new(SignatureFault::Case, what));
        true
    }

    fn strip_space(&mut self) -> bool {
        let bare = self.text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\0' | '\u{feff}' | '\u{200b}'));
        if bare.len() != self.text.len() {
            return self.replace(bare.to_owned(), "the signature has white space around it");
        }
        let cut = bare.strip_suffix("\\n").or_else(|| bare.strip_suffix("\\r"));
        if let Some(cut) = cut.or_else(|| bare.strip_suffix([',', ';'])) {
            return self.replace(cut.to_owned(), "the signature has other characters after it");
        }
        // Tools wrap long lines.
        let joined: String = bare.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
        joined.len() != bare.len() && self.replace(joined, "the signature is wrapped over several lines")
    }

    fn strip_quotes(&mut self) -> bool {
        let text = self.text.as_str();
        for (before, behind, what) in [
            ("b'", "'", "the signature is written as Python prints bytes"),
            ("b\"", "\"", "the signature is written as Python prints bytes"),
            ("\\\"", "\\\"", "the signature has escaped quotes around it"),
            ("\"", "\"", "the signature has quotes around it"),
            ("'", "'", "the signature has quotes around it"),
            ("`", "`", "the signature has quotes around it"),
            ("Some(", ")", "the signature is written as Rust prints an option"),
            ("Ok(", ")", "the signature is written as Rust prints a result"),
            ("Optional[", "]", "the signature is written as Java prints an option"),
            ("<", ">", "the signature has angle brackets around it"),
            ("['", "']", "the signature is written as a list"),
            ("[\"", "\"]", "the signature is written as a list"),
            ("{", "}", "the signature has braces around it"),
        ] {
            let inner = text.strip_prefix(before).and_then(|rest| rest.strip_suffix(behind));
            if let Some(inner) = inner.filter(|inner| !inner.is_empty() && !inner.starts_with("Buffer ")) {
                return self.replace(inner.to_owned(), what);
            }
        }
        false
    }

    /// Takes off what command-line tools and schemes of other services write around a signature.
    fn strip_tool(&mut self) -> bool {
        if let Some(bare) = self.text.strip_suffix("  -").or_else(|| self.text.strip_suffix(" *-")) {
            return self
                .replace(bare.to_owned(), "the signature is the whole line of sha256sum, with the dash after it");
        }
        if let Some((_, digits)) = self.text.split_once("(stdin)= ") {
            return self
                .replace(digits.to_owned(), "the signature is the whole line of openssl, with (stdin)= before it");
        }
        let parts: Vec<(&str, &str)> =
            self.text.split([',', ';']).filter_map(|part| part.trim().split_once('=')).collect();
        let signature = parts.iter().find(|(name, _)| matches!(*name, "v1" | "v0" | "signature" | "sig" | "s"));
        if let (true, Some((name, value))) = (parts.len() > 1, signature) {
            let what = format!("the signature is a list with {name}=, as in the scheme of another service");
            return self.replace((*value).to_owned(), what);
        }
        false
    }

    fn strip_prefix(&mut self) -> bool {
        if let Some(digits) = self.text.strip_prefix(SIGNATURE_PREFIX) {
            let is_twice = std::mem::replace(&mut self.is_prefixed, true);
            self.text = digits.to_owned();
            if is_twice {
                let what = format!("the prefix {SIGNATURE_PREFIX:?} is there twice");
                self.found.push(DetectedFault::new(SignatureFault::Case, what));
            }
            return true;
        }
        if let Some(digits) = self.text.strip_prefix("0x").or_else(|| self.text.strip_prefix("0X")) {
            return self.replace(digits.to_owned(), "0x is before the hex digits");
        }
        if let Some(digits) = self.text.strip_prefix("\\x") {
            return self.replace(digits.to_owned(), "\\x is before the hex digits");
        }
        let Some((at, behind)) = self.text.char_indices().find(|(_, c)| matches!(c, '=' | ':' | ' ')) else {
            return false;
        };
        let label = self.text[..at].to_owned();
        let hash = digests::labelled(&label);
        let is_known = hash.is_some() || LABELS.contains(&label.to_ascii_lowercase().as_str());
        let digits = self.text[at + behind.len_utf8()..].trim_start().to_owned();
        if !is_known || digits.len() < 2 * MIN_CUT_BYTES {
            return false;
        }
        self.label = self.label.or(hash);
        self.is_prefixed = true;
        let prefix = &self.text[..self.text.len() - digits.len()];
        let what = format!("the prefix is {prefix:?} instead of {SIGNATURE_PREFIX:?}");
        self.replace(digits, what)
    }

    fn strip_escapes(&mut self) -> bool {
        let escapes = [
            ("%3D", "="),
            ("%3d", "="),
            ("%2B", "+"),
            ("%2b", "+"),
            ("%2F", "/"),
            ("%2f", "/"),
            ("\\u003d", "="),
            ("\\/", "/"),
        ];
        let text = escapes.iter().fold(self.text.clone(), |text, (from, to)| text.replace(from, to));
        text != self.text && self.replace(text, "the signature is escaped")
    }
}

/// Decodes the digits of a signature, with the fault of an unusual notation: every reading that is possible.
fn decoded(digits: &str) -> Vec<(SignatureValue, Option<DetectedFault>)> {
    let encoding = |what: &str| Some(DetectedFault::new(SignatureFault::Encoding, what));
    if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let readings = from_hex(digits);
        if !readings.is_empty() {
            return readings;
        }
    }
    if let Some(bytes) = decimal(digits) {
        return vec![(SignatureValue::Bytes(bytes), encoding("the HMAC is written as one decimal number"))];
    }
    let mut readings: Vec<(SignatureValue, Option<DetectedFault>)> =
        separated(digits).into_iter().map(|(bytes, what)| (SignatureValue::Bytes(bytes), encoding(what))).collect();
    if !readings.is_empty() {
        return readings;
    }
    let engines: [(&GeneralPurpose, &str); 4] = [
        (&STANDARD, "Base64"),
        (&URL_SAFE, "URL-safe Base64"),
        (&STANDARD_NO_PAD, "Base64 without padding"),
        (&URL_SAFE_NO_PAD, "URL-safe Base64 without padding"),
    ];
    for (engine, name) in engines {
        let Ok(bytes) = engine.decode(digits) else { continue };
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        let again = text.strip_prefix(SIGNATURE_PREFIX).unwrap_or(text).trim();
        let hex = hex::decode(again).ok().filter(|bytes| bytes.len() >= MIN_CUT_BYTES);
        let reading = match hex {
            Some(bytes) => (bytes, format!("the hex digits were encoded in {name} again")),
            None if matches!(bytes.len(), 16 | 20 | 28 | 32 | 48 | 64) => {
                (bytes, format!("the HMAC is in {name} instead of hex"))
            }
            None => continue,
        };
        readings.push((SignatureValue::Bytes(reading.0), encoding(&reading.1)));
        break;
    }
    readings
}

/// Hex digits in lower or upper case, put into hex twice, cut off, or without leading zeros.
fn from_hex(digits: &str) -> Vec<(SignatureValue, Option<DetectedFault>)> {
    let encoding = |what: &str| Some(DetectedFault::new(SignatureFault::Encoding, what));
    let mut readings = Vec::new();
    if digits.len() == 4 * HMAC_LENGTH {
        let twice = hex::decode(digits).ok().and_then(|bytes| hex::decode(&bytes).ok());
        if let Some(bytes) = twice.filter(|bytes| bytes.len() == HMAC_LENGTH) {
            readings.push((SignatureValue::Bytes(bytes), encoding("the hex digits were put into hex again")));
        }
    }
    if let Some(bytes) = hex::decode(digits).ok().filter(|bytes| bytes.len() >= MIN_CUT_BYTES) {
        let is_digest = matches!(bytes.len(), 16 | 20 | 28 | 32 | 48 | 64);
        let is_upper = digits.bytes().any(|byte| byte.is_ascii_uppercase());
        let unusual = match (is_digest, is_upper) {
            (true, true) => Some(DetectedFault::new(SignatureFault::Case, "the hex digits are upper-case")),
            (true, false) | (false, _) => None,
        };
        readings.push((SignatureValue::Bytes(bytes), unusual));
    }
    if (2 * HMAC_LENGTH - 16..2 * HMAC_LENGTH).contains(&digits.len()) {
        let what = "leading zeros of the hex digits are missing, of the number or of single bytes";
        readings.push((SignatureValue::Unpadded(digits.to_ascii_lowercase()), encoding(what)));
    }
    readings
}

/// The bytes of a decimal number of the size of an HMAC.
fn decimal(digits: &str) -> Option<Vec<u8>> {
    let is_number = (70..=78).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let mut bytes = is_number.then_some([0_u8; HMAC_LENGTH])?;
    for digit in digits.bytes() {
        let mut carry = u16::from(digit - b'0');
        for byte in bytes.iter_mut().rev() {
            let [low, high] = (u16::from(*byte) * 10 + carry).to_le_bytes();
            (*byte, carry) = (low, u16::from(high));
        }
    }
    Some(bytes.to_vec())
}

/// Bytes that are written apart: in hex with dashes, colons or spaces, or as numbers with or without a sign.
fn separated(text: &str) -> Option<(Vec<u8>, &'static str)> {
    let text = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).unwrap_or(text);
    let inner = text.strip_prefix("Buffer ").unwrap_or(text);
    let inner = inner.trim_matches(['[', ']', '(', ')', '{', '}']);
    let parts: Vec<&str> = inner.split([' ', ',', '-', ':', '\t']).filter(|part| !part.is_empty()).collect();
    let is_length = matches!(parts.len(), 16 | 20 | 28 | 32 | 48 | 64);
    let is_hex = |part: &&str| (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_dashed = inner.contains('-') || inner.contains(':') || text.starts_with("Buffer ");
    let signed: Vec<&str> = inner.split([' ', ',']).filter(|part| !part.is_empty()).collect();
    let numbers: Option<Vec<i16>> = signed.iter().map(|part| part.parse().ok()).collect();
    let numbers = numbers.filter(|all| all.len() == HMAC_LENGTH && all.iter().all(|n| (-128..=255).contains(n)));
    if let Some(numbers) = numbers.filter(|_| !text.starts_with("Buffer ")) {
        let bytes = numbers.iter().map(|n| n.to_le_bytes()[0]).collect();
        return Some((bytes, "the bytes of the HMAC are written as a list of numbers"));
    }
    if is_length && parts.iter().all(is_hex) {
        let bytes = parts.iter().map(|part| u8::from_str_radix(part, 16)).collect::<Result<Vec<u8>, _>>().ok()?;
        let what = if is_dashed {
            "the hex digits are written with characters between the bytes"
        } else {
            "the bytes of the HMAC are written apart"
        };
        return Some((bytes, what));
    }
    None
}

/// The bytes of an HMAC as Python prints them: `b'…'` with `\xNN` and the usual escapes.
fn python_bytes(text: &str) -> Option<Vec<u8>> {
    let quoted = text.strip_prefix('b').filter(|text| text.contains('\\'))?;
    let inner = |quote: char| quoted.strip_prefix(quote)?.strip_suffix(quote);
    let mut bytes = Vec::new();
    let mut rest = inner('\'').or_else(|| inner('"'))?.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let (byte, n) = match (first, tail) {
            (b'\\', [b'x', digits @ ..]) => (hex::decode(digits.get(..2)?).ok()?[0], 3),
            (b'\\', [b'n', ..]) => (b'\n', 1),
            (b'\\', [b'r', ..]) => (b'\r', 1),
            (b'\\', [b't', ..]) => (b'\t', 1),
            (b'\\', [other, ..]) => (*other, 1),
            (first, _) => (*first, 0),
        };
        bytes.push(byte);
        rest = tail.get(n..)?;
    }
    (bytes.len() == HMAC_LENGTH).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_is_read_and_named() {
        let mac: [u8; HMAC_LENGTH] = std::array::from_fn(|n| u8::try_from(n * 7 + 160).unwrap_or(251));
        let hex = hex::encode(mac);
        let upper = hex.to_uppercase();
        let dashed = upper.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).into_owned());
        let cases: [(String, &[SignatureFault]); 15] = [
            (format!("sha256={hex}"), &[]),
            (hex.clone(), &[SignatureFault::Case]),
            (format!("SHA256={hex}"), &[SignatureFault::Case]),
            (format!("sha256={}", hex.to_uppercase()), &[SignatureFault::Case]),
            (format!(" sha256={hex}\n"), &[SignatureFault::Case]),
            (STANDARD.encode(mac), &[SignatureFault::Encoding]),
            (format!("sha256={}", URL_SAFE_NO_PAD.encode(mac)), &[SignatureFault::Encoding]),
            (STANDARD.encode(&hex), &[SignatureFault::Encoding]),
            (hex.to_uppercase(), &[SignatureFault::Case, SignatureFault::Case]),
            (format!("\"sha256={hex}\""), &[SignatureFault::Case]),
            (format!("b'{hex}'"), &[SignatureFault::Case]),
            (format!("v1={hex}"), &[SignatureFault::Case]),
            (format!("t=1700000000,v1={hex}"), &[SignatureFault::Case]),
            (format!("0x{hex}"), &[SignatureFault::Case]),
            (dashed.collect::<Vec<_>>().join("-"), &[SignatureFault::Encoding]),
        ];
        for (text, flaws) in cases {
            let read = ParsedSignature::parse(&text).unwrap_or_else(|| panic!("{text} is a signature"));
            assert!(read.fits(&mac), "{text}");
            assert_eq!(read.found.iter().map(|found| found.fault).collect::<Vec<_>>(), flaws, "{text}");
        }
    }

    #[test]
    fn what_is_none_is_not_taken_for_one() {
        for text in ["", "sha256=", "sha256=abc", "sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709", "Bearer x"] {
            assert_eq!(ParsedSignature::parse(text), None, "{text}");
        }
    }

    #[test]
    fn other_lengths_are_read_but_are_no_signature_of_the_right_length() {
        let read = ParsedSignature::readings("sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709");
        assert_eq!(read.iter().map(|of| (of.n_bytes(), of.label)).collect::<Vec<_>>(), [(20, Some(HashKind::Sha1))]);
        assert!(ParsedSignature::readings("deadbeef").is_empty());
        let mut mac = [0xab; HMAC_LENGTH];
        mac[0] = 0x0c;
        let cut = hex::encode(mac)[1..].to_owned();
        assert!(ParsedSignature::readings(&cut).iter().any(|of| of.fits(&mac)), "{cut}");
    }
}
