//! Altered HMAC keys that receivers use by mistake instead of the text of the secret.

use super::sample::SignatureSample;
use super::signature_fault::{DetectedFault, SignatureFault};
use crate::domain::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// An HMAC key to try, with the fault that a match would show.
#[derive(Debug)]
pub struct KeyCandidate {
    /// Bytes of the HMAC key.
    pub key: Zeroizing<Vec<u8>>,
    /// Fault that a match shows; `None` for the right key.
    pub found: Option<DetectedFault>,
}

/// Lists all keys to try, the right one first.
#[must_use]
pub fn candidates(sample: &SignatureSample<'_>) -> Vec<KeyCandidate> {
    let mut keys = vec![KeyCandidate { key: bytes(sample.secret.reveal().as_bytes()), found: None }];
    add_altered_forms(sample.secret, &mut keys);
    for other in sample.others {
        let found = DetectedFault::new(
            SignatureFault::WrongSecret,
            format!("it fits the secret of {} (fingerprint {})", other.name, fingerprint(other.secret)),
        );
        add_candidate(&mut keys, other.secret.reveal().as_bytes(), &found);
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
fn add_altered_forms(secret: &Secret, keys: &mut Vec<KeyCandidate>) {
    let text = secret.reveal();
    let spaces = |difference: &str| DetectedFault::new(SignatureFault::SecretSpaces, difference);
    add_candidate(keys, text.trim().as_bytes(), &spaces("it fits the secret without the white space around it"));
    let unquoted = text.trim().trim_matches(['"', '\'']);
    add_candidate(keys, unquoted.as_bytes(), &spaces("it fits the secret without the quotes around it"));
    for (end, name) in [("\n", "a line end"), ("\r\n", "CR and LF"), (" ", "a space")] {
        add_candidate(
            keys,
            format!("{text}{end}").as_bytes(),
            &spaces(&format!("it fits the secret with {name} behind it")),
        );
    }
    for quote in ['"', '\''] {
        let quoted = Zeroizing::new(format!("{quote}{text}{quote}"));
        add_candidate(keys, quoted.as_bytes(), &spaces(&format!("it fits the secret with {quote} around it")));
    }
    let decoded = |what: &str| DetectedFault::new(SignatureFault::DecodedSecret, format!("it fits the secret {what}"));
    for engine in [&STANDARD, &URL_SAFE, &STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        if let Ok(key) = engine.decode(text).map(Zeroizing::new) {
            add_candidate(keys, &key, &decoded("decoded from Base64"));
        }
    }
    if let Ok(key) = hex::decode(text).map(Zeroizing::new) {
        add_candidate(keys, &key, &decoded("decoded from hex"));
    }
    add_candidate(keys, STANDARD.encode(text).as_bytes(), &decoded("put into Base64 once more"));
    add_candidate(keys, hex::encode(text).as_bytes(), &decoded("put into hex"));
    if let Ok(lower) = std::str::from_utf8(text.as_bytes()).map(str::to_lowercase) {
        add_candidate(
            keys,
            lower.as_bytes(),
            &DetectedFault::new(SignatureFault::WrongSecret, "it fits the secret in lower case"),
        );
    }
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
