//! Search for the fault that explains a signature: every altered key, layout and body alone, then in pairs.

use super::layouts::{self, MAX_FULL_SEARCH_BYTES, MessageLayout};
use super::parsed_signature::ParsedSignature;
use super::sample::{SearchBudget, SignatureSample};
use super::signature_fault::DetectedFault;
use super::{bodies, keys};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::ops::ControlFlow;
use subtle::ConstantTimeEq;

/// Approximate number of bytes that an HMAC hashes besides its message.
const HMAC_OVERHEAD_BYTES: usize = 256;

/// Signature that a search reproduced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchMatch {
    /// Index of the signature among the presented ones.
    pub index: usize,
    /// Faults that together yield the signature, those of its notation last; empty for a correct signature.
    pub faults: Vec<DetectedFault>,
}

/// Searches for the combination of key, layout and body that yields one of the presented HMACs, and counts the
/// combinations tried. Each combination is hashed once, however many signatures are presented.
#[must_use]
pub fn search(
    sample: &SignatureSample<'_>,
    presented: &[ParsedSignature],
    effort: &mut SearchBudget,
) -> (Option<SearchMatch>, usize) {
    let keys = keys::candidates(sample);
    let layouts = layouts::common_layouts(sample.timestamp);
    let mut tried = SignatureSearch { presented, n: 0, effort };
    let fits = tried.try_single(&keys, &layouts, sample).or_else(|| {
        // A large body has as many copies as there are styles to write it: these are tried one at a time and not in
        // pairs.
        let bodies = (sample.body.len() <= MAX_FULL_SEARCH_BYTES).then(|| bodies::candidates(sample.body))?;
        tried.try_pairs(&keys, &layouts, &bodies)
    });
    (fits, tried.n)
}

/// State of a search: the signatures to match, the number of attempts and the remaining budget.
struct SignatureSearch<'e> {
    presented: &'e [ParsedSignature],
    n: usize,
    effort: &'e mut SearchBudget,
}

impl SignatureSearch<'_> {
    /// Tries one alteration at a time, no alteration first.
    fn try_single(
        &mut self,
        keys: &[keys::KeyCandidate],
        layouts: &[MessageLayout],
        sample: &SignatureSample<'_>,
    ) -> Option<SearchMatch> {
        let (key, layout, body) = (keys.first()?, layouts.first()?, &bodies::BodyCandidate::unaltered(sample.body));
        keys.iter()
            .find_map(|key| self.try_combination(key, layout, body))
            .or_else(|| layouts.iter().skip(1).find_map(|layout| self.try_combination(key, layout, body)))
            .or_else(|| {
                bodies::find_altered(sample.body, |body| match self.try_combination(key, layout, body) {
                    Some(found) => ControlFlow::Break(Some(found)),
                    None if self.effort.spend(body.body.len()) => ControlFlow::Continue(()),
                    None => ControlFlow::Break(None),
                })
            })
            .or_else(|| {
                layouts::other_timestamps(sample).iter().find_map(|layout| self.try_combination(key, layout, body))
            })
    }

    /// Tries two alterations at once.
    fn try_pairs(
        &mut self,
        keys: &[keys::KeyCandidate],
        layouts: &[MessageLayout],
        bodies: &[bodies::BodyCandidate],
    ) -> Option<SearchMatch> {
        let (key, layout, body) = (keys.first()?, layouts.first()?, bodies.first()?);
        for other in &keys[1..] {
            for layout in &layouts[1..] {
                if let Some(found) = self.try_combination(other, layout, body) {
                    return Some(found);
                }
            }
        }
        for other in &bodies[1..] {
            for layout in &layouts[1..] {
                if let Some(found) = self.try_combination(key, layout, other) {
                    return Some(found);
                }
            }
            for key in &keys[1..] {
                if let Some(found) = self.try_combination(key, layout, other) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// Tries one combination; `None` if it matches no signature, and without budget.
    fn try_combination(
        &mut self,
        key: &keys::KeyCandidate,
        layout: &MessageLayout,
        body: &bodies::BodyCandidate,
    ) -> Option<SearchMatch> {
        if !self.effort.spend(body.body.len() + HMAC_OVERHEAD_BYTES) {
            return None;
        }
        self.n += 1;
        let mac = mac(&key.key, [&layout.before, &body.body, &layout.behind]);
        let index = self.presented.iter().position(|presented| mac.ct_eq(&presented.mac).into())?;
        let altered = [&key.found, &layout.found, &body.found].into_iter().flatten();
        Some(SearchMatch { index, faults: altered.chain(&self.presented[index].found).cloned().collect() })
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn mac(key: &[u8], parts: [&[u8]; 3]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
