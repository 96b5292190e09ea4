//! Altered HMAC keys that receivers use by mistake instead of the text of the secret.

use super::Sample;
use super::flaw::{Flaw, Found};
use crate::domain::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// An HMAC key to try, with the fault that a match would show.
#[derive(Debug)]
pub struct Candidate {
    /// Bytes of the HMAC key.
    pub key: Zeroizing<Vec<u8>>,
    /// Fault that a match shows; `None` for the right key.
    pub found: Option<Found>,
}

/// Lists all keys to try, the right one first.
#[must_use]
pub fn candidates(sample: &Sample<'_>) -> Vec<Candidate> {
    let mut keys = vec![Candidate { key: bytes(sample.secret.reveal().as_bytes()), found: None }];
    forms(sample.secret, &mut keys);
    for other in sample.others {
        let found = Found::new(
            Flaw::WrongSecret,
            format!("it fits the secret of {} (fingerprint {})", other.name, fingerprint(other.secret)),
        );
        add(&mut keys, other.secret.reveal().as_bytes(), &found);
    }
    keys
}

/// Fingerprint of a secret: eight hex digits for comparing secrets without showing them.
#[must_use]
pub fn fingerprint(secret: &Secret) -> String {
    use sha2::{Digest as _, Sha256};
    let digest = Sha256::digest(format!("crow fingerprint {}", secret.reveal()));
    hex::encode(&digest[..4])
}

/// Adds the altered forms of the secret: trimmed, quoted, decoded and encoded.
fn forms(secret: &Secret, keys: &mut Vec<Candidate>) {
    let text = secret.reveal();
    let spaces = |difference: &str| Found::new(Flaw::SecretSpaces, difference);
    add(keys, text.trim().as_bytes(), &spaces("it fits the secret without the white space around it"));
    let unquoted = text.trim().trim_matches(['"', '\'']);
    add(keys, unquoted.as_bytes(), &spaces("it fits the secret without the quotes around it"));
    for (end, name) in [("\n", "a line end"), ("\r\n", "CR and LF"), (" ", "a space")] {
        add(keys, format!("{text}{end}").as_bytes(), &spaces(&format!("it fits the secret with {name} behind it")));
    }
    for quote in ['"', '\''] {
        let quoted = Zeroizing::new(format!("{quote}{text}{quote}"));
        add(keys, quoted.as_bytes(), &spaces(&format!("it fits the secret with {quote} around it")));
    }
    let decoded = |what: &str| Found::new(Flaw::DecodedSecret, format!("it fits the secret {what}"));
    for engine in [&STANDARD, &URL_SAFE, &STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        if let Ok(key) = engine.decode(text).map(Zeroizing::new) {
            add(keys, &key, &decoded("decoded from Base64"));
        }
    }
    if let Ok(key) = hex::decode(text).map(Zeroizing::new) {
        add(keys, &key, &decoded("decoded from hex"));
    }
    add(keys, STANDARD.encode(text).as_bytes(), &decoded("put into Base64 once more"));
    add(keys, hex::encode(text).as_bytes(), &decoded("put into hex"));
    if let Ok(lower) = std::str::from_utf8(text.as_bytes()).map(str::to_lowercase) {
        add(keys, lower.as_bytes(), &Found::new(Flaw::WrongSecret, "it fits the secret in lower case"));
    }
}

fn bytes(key: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(key.to_vec())
}

/// Adds a key unless the list contains it.
fn add(keys: &mut Vec<Candidate>, key: &[u8], found: &Found) {
    if !keys.iter().any(|there| there.key.as_slice() == key) {
        keys.push(Candidate { key: bytes(key), found: Some(found.clone()) });
    }
}
