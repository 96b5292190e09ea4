//! Signature parsing: extracts the HMAC bytes from a signature in any notation and reports what is unusual about the
//! notation.

use super::signature_fault::{DetectedFault, SignatureFault};
use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// Length of an HMAC-SHA256 in bytes.
const HMAC_LENGTH: usize = 32;
/// Required prefix of a signature.
const SIGNATURE_PREFIX: &str = "sha256=";

/// A parsed signature with the faults of its notation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedSignature {
    /// Bytes of the received HMAC.
    pub mac: [u8; HMAC_LENGTH],
    /// Faults in the notation of the signature.
    pub found: Vec<DetectedFault>,
}

impl ParsedSignature {
    /// Parses a signature in any usual notation; `None` if the text is no signature.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut found = Vec::new();
        let bare = text.trim();
        if bare != text {
            found.push(DetectedFault::new(SignatureFault::Case, "the signature has white space around it"));
        }
        let digits = match bare.get(..SIGNATURE_PREFIX.len()) {
            Some(SIGNATURE_PREFIX) => &bare[SIGNATURE_PREFIX.len()..],
            Some(prefix) if prefix.eq_ignore_ascii_case(SIGNATURE_PREFIX) || prefix.eq_ignore_ascii_case("sha256:") => {
                found.push(DetectedFault::new(
                    SignatureFault::Case,
                    format!("the prefix is {prefix:?} instead of {SIGNATURE_PREFIX:?}"),
                ));
                &bare[SIGNATURE_PREFIX.len()..]
            }
            _ => {
                found.push(DetectedFault::new(
                    SignatureFault::Case,
                    format!("the prefix {SIGNATURE_PREFIX:?} is missing"),
                ));
                bare
            }
        };
        let (mac, unusual) = decoded(digits)?;
        // A missing prefix adds nothing where the whole text is in another encoding.
        if unusual.as_ref().is_some_and(|unusual| unusual.fault == SignatureFault::Encoding) {
            found.retain(|found| !found.difference.contains("missing"));
        }
        found.extend(unusual);
        Some(Self { mac, found })
    }
}

/// Decodes the digits of a signature from hex or Base64, with the fault of an unusual notation.
fn decoded(digits: &str) -> Option<([u8; HMAC_LENGTH], Option<DetectedFault>)> {
    if digits.len() == HMAC_LENGTH * 2 {
        let bytes = hex::decode(digits).ok()?;
        let is_lower = !digits.bytes().any(|byte| byte.is_ascii_uppercase());
        let upper = DetectedFault::new(SignatureFault::Case, "the hex digits are upper-case");
        return Some((bytes.try_into().ok()?, (!is_lower).then_some(upper)));
    }
    let engines: [(&GeneralPurpose, &str); 4] = [
        (&STANDARD, "Base64"),
        (&URL_SAFE, "URL-safe Base64"),
        (&STANDARD_NO_PAD, "Base64 without padding"),
        (&URL_SAFE_NO_PAD, "URL-safe Base64 without padding"),
    ];
    engines.into_iter().find_map(|(engine, name)| {
        let bytes = engine.decode(digits).ok()?;
        if let Ok(mac) = <[u8; HMAC_LENGTH]>::try_from(bytes.as_slice()) {
            return Some((
                mac,
                Some(DetectedFault::new(SignatureFault::Encoding, format!("the HMAC is in {name} instead of hex"))),
            ));
        }
        let mac = hex::decode(&bytes).ok()?.try_into().ok()?;
        Some((
            mac,
            Some(DetectedFault::new(SignatureFault::Encoding, format!("the hex digits were encoded in {name} again"))),
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_is_read_and_named() {
        let mac: [u8; HMAC_LENGTH] = std::array::from_fn(|n| u8::try_from(n * 7 + 160).unwrap_or(251));
        let hex = hex::encode(mac);
        let cases: [(String, &[SignatureFault]); 9] = [
            (format!("sha256={hex}"), &[]),
            (hex.clone(), &[SignatureFault::Case]),
            (format!("SHA256={hex}"), &[SignatureFault::Case]),
            (format!("sha256={}", hex.to_uppercase()), &[SignatureFault::Case]),
            (format!(" sha256={hex}\n"), &[SignatureFault::Case]),
            (STANDARD.encode(mac), &[SignatureFault::Encoding]),
            (format!("sha256={}", URL_SAFE_NO_PAD.encode(mac)), &[SignatureFault::Encoding]),
            (STANDARD.encode(&hex), &[SignatureFault::Encoding]),
            (hex.to_uppercase(), &[SignatureFault::Case, SignatureFault::Case]),
        ];
        for (text, flaws) in cases {
            let read = ParsedSignature::parse(&text).expect("a signature");
            assert_eq!(read.mac, mac, "{text}");
            assert_eq!(read.found.iter().map(|found| found.fault).collect::<Vec<_>>(), flaws, "{text}");
        }
    }

    #[test]
    fn what_is_none_is_not_taken_for_one() {
        for text in ["", "sha256=", "sha256=abc", "sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709", "Bearer x"] {
            assert_eq!(ParsedSignature::parse(text), None, "{text}");
        }
    }
}
