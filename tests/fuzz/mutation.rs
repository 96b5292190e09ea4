//! Changes of good inputs: bytes are flipped, cut, doubled, inserted, and spliced with other inputs.

use proptest::prelude::*;

/// One change of an input; positions are shares of its length.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Flip(f64, u8),
    Cut(f64, usize),
    Double(f64, usize),
    Insert(f64, Vec<u8>),
    Splice(f64, usize),
}

/// One to five changes.
pub(crate) fn changes() -> impl Strategy<Value = Vec<Change>> {
    let place = 0.0..1.0_f64;
    let token = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..20),
        prop::sample::select(vec![
            "\r\n",
            "\r\n\r\n",
            "\0",
            "{",
            "[[[[",
            "\"",
            "%00",
            "%ff",
            "../",
            "&limit=",
            "\u{feff}",
            "1e999",
            "null",
            "\\ud800",
            "Transfer-Encoding: chunked\r\n",
            "Content-Length: 5\r\n",
            "Expect: 100-continue\r\n",
            "Upgrade: h2c\r\n",
            "ffffffffffffffff\r\n",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    let change = prop_oneof![
        (place.clone(), any::<u8>()).prop_map(|(at, byte)| Change::Flip(at, byte)),
        (place.clone(), 1..40_usize).prop_map(|(at, n)| Change::Cut(at, n)),
        (place.clone(), 1..40_usize).prop_map(|(at, n)| Change::Double(at, n)),
        (place.clone(), token).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (place, 0..1_000_usize).prop_map(|(at, other)| Change::Splice(at, other)),
    ];
    prop::collection::vec(change, 1..6)
}

/// Applies changes to an input; parts that are spliced in come from the corpus.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a short length"
)]
pub(crate) fn changed(mut request: Vec<u8>, changes: &[Change], corpus: &[Vec<u8>]) -> Vec<u8> {
    for change in changes {
        let n = request.len();
        let at = |share: f64| (share * n as f64) as usize;
        match change {
            Change::Flip(share, byte) if n > 0 => request[at(*share)] ^= byte,
            Change::Flip(..) => {}
            Change::Cut(share, length) => drop(request.drain(at(*share)..(at(*share) + length).min(n))),
            Change::Double(share, length) => {
                let part = request[at(*share)..(at(*share) + length).min(n)].to_vec();
                request.splice(at(*share)..at(*share), part);
            }
            Change::Insert(share, bytes) => drop(request.splice(at(*share)..at(*share), bytes.iter().copied())),
            Change::Splice(share, other) => {
                request.truncate(at(*share));
                let other = &corpus[other % corpus.len()];
                request.extend_from_slice(&other[((share * other.len() as f64) as usize).min(other.len())..]);
            }
        }
    }
    request
}
