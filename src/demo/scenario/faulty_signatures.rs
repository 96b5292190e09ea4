//! Faulty signature methods of receivers, each with one typical mistake.

use super::script::ScenarioBehaviour;
use crate::domain::secret::Secret;
use crate::domain::signature;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Computes the signature of a body at a timestamp, with the mistake of a receiver behaviour.
#[must_use]
pub fn compute_signature(manner: ScenarioBehaviour, secret: &Secret, timestamp: &str, body: &[u8]) -> String {
    let dotted = |body: &[u8]| [timestamp.as_bytes(), b".", body].concat();
    match manner {
        ScenarioBehaviour::Reserialising => {
            let value: Result<serde_json::Value, _> = serde_json::from_slice(body);
            let again = value.map_or_else(|_| body.to_vec(), |value| value.to_string().into_bytes());
            sign_raw(secret.reveal().as_bytes(), &dotted(&again))
        }
        ScenarioBehaviour::AddingLineEnd => sign_raw(secret.reveal().as_bytes(), &dotted(&[body, b"\n"].concat())),
        ScenarioBehaviour::WithoutDot => sign_raw(secret.reveal().as_bytes(), &[timestamp.as_bytes(), body].concat()),
        ScenarioBehaviour::DecodingSecret => match STANDARD.decode(secret.reveal()) {
            Ok(key) => sign_raw(&key, &dotted(body)),
            Err(_) => sign_raw(b"", &dotted(body)),
        },
        _ => timestamp.parse().map_or_else(|_| String::new(), |at| signature::sign(secret, at, body)),
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn sign_raw(key: &[u8], message: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(message);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}
