//! Webhook signatures: `sha256=` and the lowercase hex HMAC-SHA256 of `{timestamp}.{raw body}`, keyed with the secret's
//! text as shown. See `docs/internals/contract.md`.

use super::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use subtle::ConstantTimeEq;

/// Secret that is ready to sign: many bodies cost the preparation once.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

impl SigningKey {
    /// Prepares HMAC-SHA256 keyed with the text of the secret.
    #[must_use]
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    pub fn new(secret: &Secret) -> Self {
        Self(Hmac::new_from_slice(secret.reveal().as_bytes()).expect("HMAC takes keys of every length"))
    }

    /// Signs `body` as sent at `timestamp` (Unix seconds) and returns the header value.
    #[must_use]
    pub fn sign(&self, timestamp: i64, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(timestamp.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
    }
}

/// Signs one body; see [`SigningKey::sign`].
#[must_use]
pub fn sign(secret: &Secret, timestamp: i64, body: &[u8]) -> String {
    SigningKey::new(secret).sign(timestamp, body)
}

/// Verifies that `header` is the signature of `body` at `timestamp`, comparing in constant time.
#[must_use]
pub fn verify(secret: &Secret, timestamp: i64, body: &[u8], header: &str) -> bool {
    sign(secret, timestamp, body).as_bytes().ct_eq(header.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn matches_a_vector_computed_with_openssl() {
        // printf '%s' '1700000000.{"id":1}' | openssl dgst -sha256 -hmac whsec_test_secret_0123456789
        let secret = Secret::new("whsec_test_secret_0123456789".to_owned());
        assert_eq!(sign(&secret, 1_700_000_000, br#"{"id":1}"#), VECTOR);
    }

    const VECTOR: &str = "sha256=25b2c4e04256107ce5aa02a8567dd81362807fa1f0d80a9250084846bd2d40b3";

    proptest! {
        #[test]
        fn what_was_signed_verifies_and_nothing_else(body: Vec<u8>, timestamp in 0_i64..4_000_000_000, flip in 0_usize..64) {
            let secret = Secret::new("0123456789abcdef01234567".to_owned());
            let header = sign(&secret, timestamp, &body);
            prop_assert!(verify(&secret, timestamp, &body, &header));
            prop_assert!(!verify(&secret, timestamp + 1, &body, &header));
            let mut other = body.clone();
            other.push(b'\n');
            prop_assert!(!verify(&secret, timestamp, &other, &header));
            let mut bent = header.into_bytes();
            bent[7 + flip] ^= 1;
            prop_assert!(!verify(&secret, timestamp, &body, &String::from_utf8_lossy(&bent)));
        }
    }
}
