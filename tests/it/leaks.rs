//! The secret gate against credentials as they are issued, in every encoding that text travels in, and against texts that have none.

use crate::support::credentials::{Credential, Dice, ENCODINGS, Encoding, credentials, innocent};
use crow::domain::outbound::{RedactionCounts, SecretGate};
use crow::domain::scan::{self, KnownSecrets};
use crow::domain::secret::Secret;
use crow::domain::text::Untrusted;

/// Seeds that every kind and encoding is tried with.
const SEEDS: u64 = 8;

/// Every kind in every encoding, within a sentence.
fn corpus() -> impl Iterator<Item = (Credential, Encoding, String)> {
    (0..SEEDS).flat_map(|seed| credentials(&mut Dice(seed))).flat_map(|credential| {
        ENCODINGS.into_iter().map(move |encoding| {
            let text = format!("upstream said {} at the end", (encoding.encode)(&credential.text));
            (credential.clone(), encoding, text)
        })
    })
}

/// Characters of joints, and digits that a secret shares with its neighbours, that a mask may leave.
fn slack(encoding: Encoding) -> usize {
    match encoding.name {
        "base64 within more" => 32,
        name if name.contains("lines") || name == "two texts" || name == "marks" => 16,
        _ => 6,
    }
}

#[test]
fn x1_every_kind_of_credential_is_found_whole_in_every_encoding() {
    let mut passed = Vec::new();
    let mut n = 0;
    for (credential, encoding, text) in corpus() {
        let found = scan::find(text.as_bytes(), &KnownSecrets::default());
        let n_found: usize = found.iter().map(|of| of.range.len()).sum();
        if n_found + slack(encoding) < (encoding.encode)(&credential.secret).len() {
            passed.push(format!("{} / {}: {text}", credential.name, encoding.name));
        }
        n += 1;
    }
    assert!(n >= 15 * 12 * SEEDS, "{n}");
    assert!(passed.is_empty(), "{} of {n} pass:\n{}", passed.len(), passed.join("\n"));
}

#[test]
fn x1_redacted_text_has_no_part_of_a_credential_and_keeps_the_text_around() {
    let gate = SecretGate::default();
    for (credential, encoding, text) in corpus() {
        let mut redactions = RedactionCounts::default();
        let what = format!("{} / {}", credential.name, encoding.name);
        let out =
            gate.redact_and_release(&text, &mut redactions).unwrap_or_else(|held| panic!("{what}: {held}: {text}"));
        let out = out.as_str();
        assert!(out.starts_with("upstream sa") && out.ends_with("the end"), "{what}: {out}");
        assert!(redactions.total() > 0, "{what}: {out}");
        let secret = credential.secret.as_bytes();
        for part in secret.windows(12.min(secret.len())) {
            assert!(!out.as_bytes().windows(part.len()).any(|window| window == part), "{what}: {out}");
        }
    }
}

#[test]
fn x1_a_known_secret_without_any_shape_is_found_in_every_encoding_and_so_is_its_last_part_alone() {
    let key = Secret::new("wlcro_live_92_correct-horse-battery-staple-and-more".to_owned());
    let plain = Secret::new("correct/horse:battery+staple".to_owned());
    let gate = SecretGate::new([&key, &plain]);
    for encoding in ENCODINGS {
        for text in ["correct/horse:battery+staple", "correct-horse-battery-staple-and-more"] {
            let text = format!("upstream said {} at the end", (encoding.encode)(text));
            let found = gate.find(&text);
            assert!(found.iter().any(|of| of.known.is_some()), "{}: {text}", encoding.name);
        }
    }
    // The bytes that a secret in Base64 says, as some libraries take them.
    let bytes = Dice(5).bytes(32);
    let encoded = Secret::new(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &bytes));
    let gate = SecretGate::new([&encoded]);
    assert!(!gate.find(&format!("key id {} x", hex::encode(&bytes).to_uppercase())).is_empty());
}

#[test]
fn texts_without_secrets_are_unchanged() {
    let texts: Vec<String> = (0..1_000).map(|seed| innocent(&mut Dice(seed))).collect();
    let gate = SecretGate::default();
    let touched: Vec<&String> = texts.iter().filter(|text| !gate.find(text).is_empty()).collect();
    assert!(touched.len() <= 10, "{}: {touched:#?}", touched.len());
}

#[test]
fn x1_a_secret_over_lines_is_found_after_the_lines_became_one() {
    let gate = SecretGate::default();
    for (credential, encoding, text) in corpus().filter(|(_, encoding, _)| encoding.name.contains("lines")) {
        let json = serde_json::to_string(&text).expect("JSON");
        let nested = serde_json::to_string(&json).expect("JSON");
        for line in [Untrusted::new(text).sanitized(), json, nested] {
            assert!(!gate.find(&line).is_empty(), "{} / {}: {line}", credential.name, encoding.name);
        }
    }
}

#[test]
fn names_and_identifiers_that_lines_bring_together_are_no_secret() {
    let gate = SecretGate::default();
    let texts = [
        "TLSv1.3 TLS_AES_256_GCM_SHA384\nX-Wlcro-Signature: sha256=",
        "id req_01JT504S9SXNP9B0CTTHZ4616\n2026-11-12T10:15:01Z",
        "id req_01JWT1CRE4FDGSBEKDA25E7G1T\nSet-Cookie: region=eu-1",
        "id req_01J10ZC6A5REVBHG8R647A4ZPE\nSet-Cookie: a=%41",
        "id 6cb112ff-b8c6-4d96-a4ee-ba2616fb78fa\nETag: 1",
    ];
    for text in texts {
        for text in [text.to_owned(), Untrusted::new(text).sanitized(), serde_json::to_string(text).expect("JSON")] {
            assert_eq!(gate.find(&text), [], "{text}");
        }
    }
}

#[test]
fn a_secret_across_two_chunks_is_found_and_a_long_text_is_searched_within_its_time() {
    let key = credentials(&mut Dice(1)).swap_remove(0).text;
    for before in [scan::CHUNK_BYTES - 20, scan::CHUNK_BYTES, scan::CHUNK_BYTES + 20] {
        let text = format!("{} {key} {}", "words ".repeat(before / 6), "words ".repeat(20_000));
        let found = scan::find(text.as_bytes(), &KnownSecrets::default());
        assert_eq!(found.iter().map(|of| &text[of.range.clone()]).collect::<Vec<_>>(), [key.as_str()]);
    }
}
