//! Faulty signature methods of receivers, each with one typical mistake.

use super::receiver_faults::SignatureMistake;
use super::script::ScenarioBehaviour;
use crate::domain::secret::Secret;
use crate::domain::signature;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

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
        ScenarioBehaviour::Signing(mistake) => compute_mistaken(mistake, secret.reveal(), timestamp, body),
        _ => timestamp.parse().map_or_else(|_| String::new(), |at| signature::sign(secret, at, body)),
    }
}

/// Computes the signature with the mistake of a generated scenario.
fn compute_mistaken(mistake: SignatureMistake, secret: &str, timestamp: &str, body: &[u8]) -> String {
    let (key, stamp) = (secret.as_bytes(), timestamp.as_bytes());
    let keyed = |key: &[u8]| sign_raw(key, &[stamp, b".", body].concat());
    let signed = |message: &[&[u8]]| sign_raw(key, &message.concat());
    let own_second = timestamp.parse::<i64>().unwrap_or(0).saturating_add(2).to_string();
    let right = keyed(key);
    let digits = right.trim_start_matches("sha256=");
    match mistake {
        SignatureMistake::Colon => signed(&[stamp, b":", body]),
        SignatureMistake::BodyAlone => signed(&[body]),
        SignatureMistake::Milliseconds => signed(&[stamp, b"000.", body]),
        SignatureMistake::OwnSecond => signed(&[own_second.as_bytes(), b".", body]),
        SignatureMistake::UndefinedTimestamp => signed(&[b"undefined.", body]),
        SignatureMistake::BodyFirst => signed(&[body, b".", stamp]),
        SignatureMistake::ByteOrderMark => signed(&[stamp, b".\xef\xbb\xbf", body]),
        SignatureMistake::CrLf => signed(&[stamp, b".", body, b"\r\n"]),
        SignatureMistake::Pretty => {
            let value: Result<serde_json::Value, _> = serde_json::from_slice(body);
            let again = value.and_then(|value| serde_json::to_vec_pretty(&value)).unwrap_or_default();
            signed(&[stamp, b".", &again])
        }
        SignatureMistake::EmptyBody => signed(&[stamp, b"."]),
        SignatureMistake::ObjectObject => signed(&[stamp, b".[object Object]"]),
        SignatureMistake::BodyInBase64 => signed(&[stamp, b".", STANDARD.encode(body).as_bytes()]),
        SignatureMistake::Stringified => {
            let again = serde_json::to_vec(&String::from_utf8_lossy(body)).unwrap_or_default();
            signed(&[stamp, b".", &again])
        }
        SignatureMistake::SecretLineEnd => keyed(format!("{secret}\n").as_bytes()),
        SignatureMistake::QuotedSecret => keyed(format!("\"{secret}\"").as_bytes()),
        SignatureMistake::UnpaddedSecret => keyed(secret.trim_end_matches('=').as_bytes()),
        SignatureMistake::UnsetSecret => keyed(b""),
        SignatureMistake::SettingLine => keyed(format!("WEBHOOK_SECRET={secret}").as_bytes()),
        SignatureMistake::HexSecret => keyed(hex::encode(secret).as_bytes()),
        SignatureMistake::Swapped => sign_raw(&[stamp, b".", body].concat(), key),
        SignatureMistake::PlainHash => {
            format!("sha256={}", hex::encode(Sha256::digest([stamp, b".", body].concat())))
        }
        SignatureMistake::InBase64 => {
            hex::decode(digits).map_or_else(|_| String::new(), |bytes| STANDARD.encode(bytes))
        }
        SignatureMistake::UpperCase => format!("sha256={}", digits.to_uppercase()),
        SignatureMistake::NoPrefix => digits.to_owned(),
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn sign_raw(key: &[u8], message: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(message);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::super::receiver_faults::SIGNATURE_MISTAKES;
    use super::*;
    use crate::domain::signature_debugger::diagnose_signature_within;
    use crate::domain::signature_debugger::sample::{SearchBudget, SignatureDiagnosis, SignatureSample};

    #[test]
    fn every_mistake_is_the_one_that_it_is_called() {
        let secret = Secret::new(STANDARD.encode([0xb7; 32]));
        let body = br#"{"id":7,"type":"invoice.created","payload":{"amount":1250.00,"client_name":"Zo\u00eb"}}"#;
        let header = signature::sign(&secret, 1_795_430_410, body);
        for (mistake, name, cause, _) in SIGNATURE_MISTAKES {
            let computed = compute_signature(ScenarioBehaviour::Signing(mistake), &secret, "1795430410", body);
            let sample = SignatureSample {
                signature: &header,
                timestamp: "1795430410",
                body,
                secret: &secret,
                others: &[],
                computed: &[&computed],
                received_at: None,
            };
            let mut effort = SearchBudget::QUICK;
            let found = match diagnose_signature_within(&sample, &mut effort).0 {
                SignatureDiagnosis::Explained(found) => found.iter().map(|found| found.fault.id()).collect(),
                other => vec![if other == SignatureDiagnosis::Genuine { "genuine" } else { "unexplained" }],
            };
            assert_eq!(found, [cause], "{name}: {computed}");
        }
    }
}
