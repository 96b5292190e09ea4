//! Receivers that compute signatures wrongly in the habits of eight languages, and the cause that the signature debugger
//! must name. The signatures are fixed vectors: Python, Node, PHP and Go computed their own re-serialized bodies; those of
//! Ruby, .NET, Java, Rust and bash are written as their libraries write them. No vector was computed by crow.

use crow::domain::secret::Secret;
use crow::domain::signature_debugger::diagnose_signature;
use crow::domain::signature_debugger::sample::{SignatureDiagnosis, SignatureSample};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::{BTreeMap, BTreeSet};

/// Body of the vectors: something of everything that serializers disagree about.
const BODY: &[u8] = include_bytes!("body.json");
/// Lines of language, habit, causes joined by `+`, and the signature as a JSON text.
const VECTORS: &str = include_str!("vectors.tsv");
const SECRET: &str = "q83vEjRWeJ+rze8SNFZ4kKvN7xI0VniQq83vEjR/VpI=";
const TIMESTAMP: &str = "1795430410";
/// Percent of the vectors that must be named, at least.
const MIN_NAMED: usize = 95;

struct Vector {
    language: &'static str,
    habit: &'static str,
    causes: BTreeSet<&'static str>,
    computed: String,
}

fn vectors() -> Vec<Vector> {
    let parse = |line: &'static str| {
        let [language, habit, causes, computed] =
            line.split('\t').collect::<Vec<_>>().try_into().expect("four columns");
        let computed = serde_json::from_str(computed).expect("a JSON text");
        Vector { language, habit, causes: causes.split('+').collect(), computed }
    };
    VECTORS.lines().map(parse).collect()
}

/// `sha256=` and the HMAC of a message.
fn signed(key: &[u8], message: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key");
    mac.update(message);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

fn message(timestamp: &str, body: &[u8]) -> Vec<u8> {
    [timestamp.as_bytes(), b".", body].concat()
}

/// Ids of the causes that the debugger names; `None` where it names none.
fn named(sample: &SignatureSample<'_>) -> Option<BTreeSet<&'static str>> {
    match diagnose_signature(sample) {
        SignatureDiagnosis::Explained(found) => Some(found.iter().map(|found| found.fault.id()).collect()),
        SignatureDiagnosis::Genuine => Some(BTreeSet::from(["genuine"])),
        SignatureDiagnosis::Unexplained { .. } => None,
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is there to be read")]
fn the_habits_of_eight_languages_are_named_and_none_is_taken_for_another() {
    let secret = Secret::new(SECRET.to_owned());
    let header = signed(SECRET.as_bytes(), &message(TIMESTAMP, BODY));
    let mut tally: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    let (mut wrong, mut unexplained) = (Vec::new(), Vec::new());
    for Vector { language, habit, causes, computed } in vectors() {
        let computed = [computed.as_str()];
        let sample = SignatureSample {
            signature: &header,
            timestamp: TIMESTAMP,
            body: BODY,
            secret: &secret,
            others: &[],
            computed: &computed,
            received_at: None,
        };
        let of = tally.entry(language).or_default();
        of[1] += 1;
        match named(&sample) {
            Some(found) if found == causes => of[0] += 1,
            Some(found) => wrong.push(format!("{language}: {habit}: {found:?} instead of {causes:?}")),
            None => unexplained.push(format!("{language}: {habit}: {causes:?}")),
        }
    }
    let [n_right, n] = tally.values().fold([0, 0], |sum, of| [sum[0] + of[0], sum[1] + of[1]]);
    println!("{n_right} of {n} named: {tally:?}\nunexplained:\n{}", unexplained.join("\n"));
    assert!(n >= 200 && tally.len() >= 8, "{n} vectors of {} languages", tally.len());
    assert!(wrong.is_empty(), "named wrongly:\n{}", wrong.join("\n"));
    assert!(n_right * 100 >= n * MIN_NAMED, "{n_right} of {n}:\n{}", unexplained.join("\n"));
}

/// Small generator of bytes, so that every run sees the same.
struct Bytes(u64);

impl Bytes {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, n: u64) -> usize {
        usize::try_from(self.next() % n).expect("small")
    }

    fn some(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

/// A body of any kind: bytes, texts with white space around them, JSON, nothing.
fn body(dice: &mut Bytes) -> Vec<u8> {
    let n = dice.below(300);
    match dice.below(6) {
        0 => dice.some(n),
        1 => Vec::new(),
        2 => format!("\u{feff}{{\"a\": {}}}\r\n", dice.next()).into_bytes(),
        3 => format!("\"{}\"\n", hex::encode(dice.some(n))).into_bytes(),
        4 => [b" [object Object]".as_slice(), &dice.some(3)].concat(),
        _ => {
            let (id, amount) = (dice.next(), dice.next() % 100_000);
            format!("{{\"id\":{id},\"payload\":{{\"amount\":{amount}.50,\"note\":\"é/<\"}}}}").into_bytes()
        }
    }
}

#[test]
fn ten_thousand_correct_signatures_are_not_accused() {
    let mut dice = Bytes(20_261_130);
    for round in 0..10_000 {
        let body = body(&mut dice);
        let alphabet = b"ABCXYZabcxyz0123456789+/=_-\"' $%&\\";
        let text: String =
            (0..16 + dice.below(60)).map(|_| char::from(alphabet[dice.below(36) % alphabet.len()])).collect();
        let (at, secret) = (1_000_000_000 + dice.below(1 << 31), Secret::new(text.clone()));
        let timestamp = at.to_string();
        let header = signed(text.as_bytes(), &message(&timestamp, &body));
        let received_at = i64::try_from(at).expect("a time") + i64::try_from(dice.below(601)).expect("small") - 300;
        let sample = SignatureSample {
            signature: &header,
            timestamp: &timestamp,
            body: &body,
            secret: &secret,
            others: &[],
            computed: &[],
            received_at: Some(received_at),
        };
        assert_eq!(diagnose_signature(&sample), SignatureDiagnosis::Genuine, "round {round}: {text:?}, {body:?}");
    }
}

#[test]
fn signatures_with_an_unknown_secret_are_not_explained() {
    let mut dice = Bytes(7);
    for _ in 0..6 {
        let (body, theirs, mine) = (body(&mut dice), dice.some(24), Secret::new(hex::encode(dice.some(24))));
        let header = signed(&theirs, &message(TIMESTAMP, &body));
        let sample = SignatureSample {
            signature: &header,
            timestamp: TIMESTAMP,
            body: &body,
            secret: &mine,
            others: &[],
            computed: &[],
            received_at: None,
        };
        assert_eq!(named(&sample), None, "{body:?}");
    }
}

/// Peak of the memory that this process held, in bytes.
#[cfg(target_os = "linux")]
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") * 1_024
}

/// Time that this thread was on a processor, which does not depend on what else the machine does.
#[cfg(target_os = "linux")]
fn cpu_time() -> std::time::Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    std::time::Duration::from_nanos(text.split(' ').next().and_then(|n| n.parse().ok()).expect("a number"))
}

#[test]
#[cfg(target_os = "linux")]
#[expect(clippy::print_stdout, reason = "the figures are there to be read")]
fn the_hardest_samples_are_given_up_in_bounded_time_and_memory() {
    let wide = format!("{{\"id\":1,\"payload\":[{}1.50]}}", "{\"a\":\"é/\"},".repeat(30_000));
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(60), "]".repeat(60));
    let text = "é<\"/".repeat(300_000);
    let samples = [
        BODY.to_vec(),
        wide.clone().into_bytes(),
        deep.into_bytes(),
        text.into_bytes(),
        wide.as_bytes()[..60_000].to_vec(),
    ];
    let secret = Secret::new(SECRET.to_owned());
    for body in samples {
        let header = signed(b"the secret of another platform", &message(TIMESTAMP, &body));
        let sample = SignatureSample {
            signature: &header,
            timestamp: TIMESTAMP,
            body: &body,
            secret: &secret,
            others: &[],
            computed: &[],
            received_at: None,
        };
        let before = cpu_time();
        let diagnosis = diagnose_signature(&sample);
        let (elapsed, peak) = (cpu_time().saturating_sub(before), peak_bytes());
        println!("{} bytes: {diagnosis:?} in {} ms, peak {} MiB", body.len(), elapsed.as_millis(), peak >> 20);
        assert!(matches!(diagnosis, SignatureDiagnosis::Unexplained { .. }), "{diagnosis:?}");
        // Code that is not optimized takes longer.
        assert!(elapsed.as_secs() < if cfg!(debug_assertions) { 30 } else { 1 }, "{elapsed:?}");
        assert!(peak <= 64 << 20, "{peak} bytes");
    }
}
