//! Verifying a webhook in Rust, for any server that hands over the raw body. Crates: hmac, sha2, hex, subtle.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The signature of `body`, the raw bytes as they arrived, at `timestamp`, the header's text as it arrived.
pub fn expected(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// Whether a webhook is genuine; `now` is the receiver's clock in Unix seconds.
pub fn is_genuine(secret: &str, timestamp: &str, signature: &str, body: &[u8], now: i64) -> bool {
    let is_fresh = timestamp.parse::<i64>().is_ok_and(|sent| now.abs_diff(sent) <= 300);
    is_fresh && expected(secret, timestamp, body).as_bytes().ct_eq(signature.as_bytes()).into()
}

#[test]
fn the_vector_fits() {
    let vector = "sha256=25b2c4e04256107ce5aa02a8567dd81362807fa1f0d80a9250084846bd2d40b3";
    assert_eq!(expected("whsec_test_secret_0123456789", "1700000000", br#"{"id":1}"#), vector);
    assert!(is_genuine("whsec_test_secret_0123456789", "1700000000", vector, br#"{"id":1}"#, 1_700_000_300));
    assert!(!is_genuine("whsec_test_secret_0123456789", "1700000000", vector, br#"{"id":1}"#, 1_700_000_301));
}
