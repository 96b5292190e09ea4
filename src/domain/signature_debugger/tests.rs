//! Receivers that go wrong in every known way, over random bodies and secrets, written independently of the lab.

use super::sample::OtherSecret;
use super::sample::SignatureDiagnosis;
use super::sample::SignatureSample;
use super::*;
use crate::domain::secret::Secret;
use crate::domain::signature;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use serde_json::Value;
use sha2::Sha256;

const SENT: i64 = 1_795_430_410;

fn hmac(key: &[u8], message: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key");
    mac.update(message);
    hex::encode(mac.finalize().into_bytes())
}

fn message(body: &[u8]) -> Vec<u8> {
    [format!("{SENT}.").as_bytes(), body].concat()
}

/// An envelope as the platform writes it, with something of everything that serialisers disagree about.
fn envelope() -> impl Strategy<Value = String> {
    ("[a-zë/<]{1,12}", 0_u32..100_000, 0_u32..100, any::<u64>(), "[a-z0-9]{0,8}").prop_map(
        |(name, whole, cents, id, note)| {
            format!(
                r#"{{"id":{id},"type":"invoice.created","createdUtc":"2026-11-24T15:00:10Z","companyId":92,"payload":{{"invoice_id":7,"client_id":3,"amount":{whole}.{cents:02},"description":{},"invoice_status":"Unpaid"}},"metadata":{{"note":"{note}"}}}}"#,
                Value::String(format!("ë/<{name}")),
            )
        },
    )
}

fn secret_text() -> impl Strategy<Value = String> {
    any::<[u8; 32]>().prop_map(|bytes| STANDARD.encode(bytes))
}

/// A name, what it computes from a body and a secret, and what is wrong with that.
type Receiver = (&'static str, fn(&str, &str) -> String, SignatureFault);

/// Each way to go wrong: what the receiver computes from a body and a secret, and the flaw that the lab must name.
fn receivers() -> Vec<Receiver> {
    vec![
        ("no dot", |b, s| hmac(s.as_bytes(), format!("{SENT}{b}").as_bytes()), SignatureFault::NoDot),
        ("colon", |b, s| hmac(s.as_bytes(), format!("{SENT}:{b}").as_bytes()), SignatureFault::NoDot),
        ("body alone", |b, s| hmac(s.as_bytes(), b.as_bytes()), SignatureFault::Timestamp),
        ("milliseconds", |b, s| hmac(s.as_bytes(), format!("{SENT}000.{b}").as_bytes()), SignatureFault::Timestamp),
        (
            "a minute later",
            |b, s| hmac(s.as_bytes(), format!("{}.{b}", SENT + 60).as_bytes()),
            SignatureFault::Timestamp,
        ),
        (
            "created",
            |b, s| hmac(s.as_bytes(), format!("2026-11-24T15:00:10Z.{b}").as_bytes()),
            SignatureFault::Timestamp,
        ),
        ("swapped", |b, s| hmac(s.as_bytes(), format!("{b}.{SENT}").as_bytes()), SignatureFault::Order),
        ("newline", |b, s| hmac(s.as_bytes(), &message(format!("{b}\n").as_bytes())), SignatureFault::Newline),
        ("CR LF", |b, s| hmac(s.as_bytes(), &message(format!("{b}\r\n").as_bytes())), SignatureFault::Newline),
        ("BOM", |b, s| hmac(s.as_bytes(), &message(format!("\u{feff}{b}").as_bytes())), SignatureFault::Bom),
        ("python", |b, s| hmac(s.as_bytes(), &message(python(b).as_bytes())), SignatureFault::Reserialised),
        ("pretty", |b, s| hmac(s.as_bytes(), &message(pretty(b).as_bytes())), SignatureFault::Reserialised),
        ("sorted", |b, s| hmac(s.as_bytes(), &message(sorted(b).as_bytes())), SignatureFault::Reserialised),
        ("javascript", |b, s| hmac(s.as_bytes(), &message(javascript(b).as_bytes())), SignatureFault::Reserialised),
        ("php", |b, s| hmac(s.as_bytes(), &message(php(b).as_bytes())), SignatureFault::Reserialised),
        (
            "decoded",
            |b, s| hmac(&STANDARD.decode(s).expect("Base64"), &message(b.as_bytes())),
            SignatureFault::DecodedSecret,
        ),
        ("encoded", |b, s| hmac(STANDARD.encode(s).as_bytes(), &message(b.as_bytes())), SignatureFault::DecodedSecret),
        (
            "secret's line break",
            |b, s| hmac(format!("{s}\n").as_bytes(), &message(b.as_bytes())),
            SignatureFault::SecretSpaces,
        ),
        (
            "upper case",
            |b, s| format!("sha256={}", hmac(s.as_bytes(), &message(b.as_bytes())).to_uppercase()),
            SignatureFault::Case,
        ),
        (
            "no prefix",
            |b, s| format!("{} ", hmac(s.as_bytes(), &message(b.as_bytes()))).trim().to_owned(),
            SignatureFault::Case,
        ),
        (
            "Base64",
            |b, s| STANDARD.encode(hex::decode(hmac(s.as_bytes(), &message(b.as_bytes()))).expect("hex")),
            SignatureFault::Encoding,
        ),
        ("Base64 of hex", |b, s| STANDARD.encode(hmac(s.as_bytes(), &message(b.as_bytes()))), SignatureFault::Encoding),
        ("other", |b, _| hmac(OTHER.as_bytes(), &message(b.as_bytes())), SignatureFault::WrongSecret),
        (
            "comparison",
            |b, s| format!("sha256={}", hmac(s.as_bytes(), &message(b.as_bytes()))),
            SignatureFault::Comparison,
        ),
    ]
}

const OTHER: &str = "the-secret-of-another-subscription";

/// `json.dumps(json.loads(body))`.
fn python(body: &str) -> String {
    let mut text = String::new();
    let mut is_text = false;
    let mut before = ' ';
    let body = body.replace("\"amount\":", "\"amount\":\u{1}");
    for character in body.chars() {
        match character {
            '"' if before != '\\' => {
                is_text = !is_text;
                text.push('"');
            }
            ',' | ':' if !is_text => {
                text.push(character);
                text.push(' ');
            }
            c if !c.is_ascii() => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => text.push(c),
        }
        before = character;
    }
    // Python's floats have no trailing zeros but one.
    let at = text.find('\u{1}').expect("an amount");
    let end = at + text[at..].find(',').expect("more members");
    let amount: f64 = text[at + 1..end].trim().parse().expect("a number");
    format!("{}{amount:?}{}", &text[..at], &text[end..])
}

/// `JSON.stringify(JSON.parse(body))`: only numbers change.
fn javascript(body: &str) -> String {
    let from = body.find("\"amount\":").expect("an amount") + 9;
    let end = from + body[from..].find(',').expect("more members");
    let amount: f64 = body[from..end].parse().expect("a number");
    format!("{}{amount}{}", &body[..from], &body[end..])
}

fn php(body: &str) -> String {
    let mut text = String::new();
    for character in body.chars() {
        match character {
            '/' => text.push_str("\\/"),
            c if !c.is_ascii() => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text
}

fn pretty(body: &str) -> String {
    // Through the lab's own writer this would prove nothing: serde_json writes it, with sorted members.
    let value: Value = serde_json::from_str(body).expect("JSON");
    serde_json::to_string_pretty(&value).expect("plain data")
}

fn sorted(body: &str) -> String {
    let value: Value = serde_json::from_str(body).expect("JSON");
    value.to_string()
}

fn sample<'a>(body: &'a [u8], header: &'a str, secret: &'a Secret, computed: &'a [&'a str]) -> SignatureSample<'a> {
    let timestamp = "1795430410";
    SignatureSample { signature: header, timestamp, body, secret, others: &[], computed, received_at: None }
}

fn flaws(finding: &SignatureDiagnosis) -> Vec<SignatureFault> {
    match finding {
        SignatureDiagnosis::Explained(found) => found.iter().map(|found| found.fault).collect(),
        SignatureDiagnosis::Genuine | SignatureDiagnosis::Unexplained { .. } => Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_right_flaw_is_named_for_every_way_to_compute(body in envelope(), secret in secret_text()) {
        let held = Secret::new(secret.clone());
        let other = Secret::new(OTHER.to_owned());
        let others = [OtherSecret { name: "subscription 12", secret: &other }];
        let header = signature::sign(&held, SENT, body.as_bytes());
        for (name, compute, flaw) in receivers() {
            let bare = compute(&body, &secret);
            let is_written = matches!(flaw, SignatureFault::Case | SignatureFault::Encoding | SignatureFault::Comparison);
            let computed = if is_written { bare.clone() } else { format!("sha256={bare}") };
            if computed == header && flaw != SignatureFault::Comparison {
                // A body that this serialiser leaves as it is.
                continue;
            }
            let computed = [computed.as_str()];
            let asked = SignatureSample { others: &others, ..sample(body.as_bytes(), &header, &held, &computed) };
            prop_assert_eq!(flaws(&diagnose_signature(&asked)), vec![flaw], "{}", name);
        }
    }

    #[test]
    fn a_body_that_was_changed_on_its_way_is_traced_back(body in envelope(), secret in secret_text()) {
        let held = Secret::new(secret);
        let header = signature::sign(&held, SENT, body.as_bytes());
        let changed = [
            (format!("{body}\n"), SignatureFault::Newline),
            (format!("{body}\r\n"), SignatureFault::Newline),
            (format!(" {body}"), SignatureFault::Newline),
            (format!("\u{feff}{body}"), SignatureFault::Bom),
            (php(&body), SignatureFault::Reserialised),
        ];
        for (changed, flaw) in changed {
            prop_assert_eq!(flaws(&diagnose_signature(&sample(changed.as_bytes(), &header, &held, &[]))), vec![flaw], "{}", changed);
        }
        // Python's and JavaScript's numbers lose a zero, which only money's two decimals bring back.
        for changed in [python(&body), javascript(&body)] {
            if changed != body {
                let found = flaws(&diagnose_signature(&sample(changed.as_bytes(), &header, &held, &[])));
                prop_assert_eq!(found, vec![SignatureFault::Reserialised], "{}", changed);
            }
        }
    }

    #[test]
    fn a_secret_that_nobody_knows_is_named_by_no_wrong_flaw(body in envelope(), secret in secret_text(), mine in secret_text()) {
        prop_assume!(secret != mine);
        let header = signature::sign(&Secret::new(secret), SENT, body.as_bytes());
        let held = Secret::new(mine);
        let mut effort = SearchBudget::bytes(3 << 20);
        let finding = diagnose_signature_within(&sample(body.as_bytes(), &header, &held, &[]), &mut effort).0;
        let is_unexplained = matches!(finding, SignatureDiagnosis::Unexplained { n_tried } if n_tried > 1_000);
        prop_assert!(is_unexplained);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn a_correct_signature_is_never_explained_away(body: Vec<u8>, secret in "[!-~]{24,64}", timestamp in 0_i64..4_000_000_000) {
        let held = Secret::new(secret);
        let header = signature::sign(&held, timestamp, &body);
        let said = timestamp.to_string();
        let asked = SignatureSample { timestamp: &said, received_at: Some(timestamp + 299), ..sample(&body, &header, &held, &[]) };
        prop_assert_eq!(diagnose_signature(&asked), SignatureDiagnosis::Genuine);
    }
}

#[test]
fn two_flaws_at_once_are_both_named() {
    let body = r#"{"id":1,"amount":2}"#;
    let held = Secret::new(STANDARD.encode([7; 32]));
    let header = signature::sign(&held, SENT, body.as_bytes());
    let computed = hmac(&[7; 32], format!("{SENT}{body}").as_bytes()).to_uppercase();
    let found = diagnose_signature(&sample(body.as_bytes(), &header, &held, &[&format!("sha256={computed}")]));
    assert_eq!(flaws(&found), [SignatureFault::DecodedSecret, SignatureFault::NoDot, SignatureFault::Case]);
}

#[test]
fn a_clock_that_is_off_is_measured() {
    let held = Secret::new("0123456789abcdef01234567".to_owned());
    let header = signature::sign(&held, SENT, b"{}");
    let asked = |received_at| SignatureSample { received_at: Some(received_at), ..sample(b"{}", &header, &held, &[]) };
    let late = SignatureSample { computed: &[&header], ..asked(SENT + 900) };
    assert_eq!(flaws(&diagnose_signature(&late)), [SignatureFault::StaleClock], "the comparison is not to blame");
    let SignatureDiagnosis::Explained(found) = diagnose_signature(&asked(SENT - 412)) else {
        panic!("the clock is off")
    };
    assert_eq!(found[0].fault, SignatureFault::StaleClock);
    assert!(found[0].difference.contains("412 s behind"), "{}", found[0].difference);
    assert_eq!(diagnose_signature(&asked(SENT + 300)), SignatureDiagnosis::Genuine);
}

#[test]
fn the_difference_is_exact() {
    let held = Secret::new("0123456789abcdef01234567".to_owned());
    let body = br#"{"id": 1}"#;
    let header = signature::sign(&held, SENT, br#"{"id":1}"#);
    let SignatureDiagnosis::Explained(found) = diagnose_signature(&sample(body, &header, &held, &[])) else {
        panic!("explained")
    };
    assert_eq!(
        found[0].difference,
        "the signature matches the body re-serialized compactly; 8 bytes instead of 9, first different at offset 6; the body without any white space matches as well"
    );
    assert_eq!(found[0].excerpt.as_deref(), Some("\"1}\" instead of \" 1}\""));
    // A trailing line break that was removed may as well be JSON that was written again.
    let SignatureDiagnosis::Explained(found) = diagnose_signature(&sample(b"{\"id\":1}\n", &header, &held, &[])) else {
        panic!("explained")
    };
    assert_eq!(found[0].fault, SignatureFault::Newline);
    assert!(
        found[0].difference.ends_with("; the body re-serialized compactly matches as well"),
        "{}",
        found[0].difference
    );
    let gone = diagnose_signature(&sample(body, "", &held, &[]));
    assert_eq!(flaws(&gone), [SignatureFault::NoSignature]);
    for flaw in SignatureFault::ALL {
        assert_eq!(SignatureFault::from_id(flaw.id()), Some(flaw));
    }
}

#[test]
fn a_large_body_is_looked_at_in_bounded_time() {
    let held = Secret::new("0123456789abcdef01234567".to_owned());
    let body = format!("{{\"a\":\"{}\"}}", "x".repeat(1_000_000));
    let header = signature::sign(&Secret::new("another one, long enough".to_owned()), SENT, body.as_bytes());
    let finding = diagnose_signature(&sample(body.as_bytes(), &header, &held, &[]));
    assert!(matches!(finding, SignatureDiagnosis::Unexplained { n_tried } if n_tried < 500), "{finding:?}");
    // What is common is found in a large body as well.
    let header = signature::sign(&held, SENT, format!("{body}\n").as_bytes());
    assert_eq!(flaws(&diagnose_signature(&sample(body.as_bytes(), &header, &held, &[]))), [SignatureFault::Newline]);
}
