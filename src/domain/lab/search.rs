//! Search for the fault that explains a signature: every altered key, layout and body alone, then in pairs.

use super::flaw::Found;
use super::layouts::{self, LARGE, Layout};
use super::presented::Presented;
use super::{Effort, Finding, Sample, bodies, keys};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::ops::ControlFlow;
use subtle::ConstantTimeEq;

/// Approximate number of bytes that an HMAC hashes besides its message.
const HMAC_BYTES: usize = 256;

/// Searches for the combination of key, layout and body that yields the presented HMAC.
#[must_use]
pub fn search(sample: &Sample<'_>, presented: &Presented, effort: &mut Effort) -> Finding {
    let keys = keys::candidates(sample);
    let layouts = layouts::usual(sample.timestamp);
    let mut tried = Tried { mac: presented.mac, n: 0, effort };
    let fits = tried.alone(&keys, &layouts, sample).or_else(|| {
        // A large body has as many copies as there are styles to write it: these are tried one at a time and not in
        // pairs.
        let bodies = (sample.body.len() <= LARGE).then(|| bodies::candidates(sample.body))?;
        tried.paired(&keys, &layouts, &bodies)
    });
    match fits {
        None => Finding::Unexplained { n_tried: tried.n },
        Some(found) if found.is_empty() && presented.found.is_empty() => Finding::Genuine,
        Some(found) => Finding::Explained(found.into_iter().chain(presented.found.iter().cloned()).collect()),
    }
}

/// State of a search: the HMAC to match, the number of attempts and the remaining budget.
struct Tried<'e> {
    mac: [u8; 32],
    n: usize,
    effort: &'e mut Effort,
}

impl Tried<'_> {
    /// Tries one alteration at a time, no alteration first.
    fn alone(&mut self, keys: &[keys::Candidate], layouts: &[Layout], sample: &Sample<'_>) -> Option<Vec<Found>> {
        let (key, layout, body) = (keys.first()?, layouts.first()?, &bodies::Candidate::right(sample.body));
        keys.iter()
            .find_map(|key| self.fit(key, layout, body))
            .or_else(|| layouts.iter().skip(1).find_map(|layout| self.fit(key, layout, body)))
            .or_else(|| {
                bodies::find(sample.body, |body| match self.fit(key, layout, body) {
                    Some(found) => ControlFlow::Break(Some(found)),
                    None if self.effort.spend(body.body.len()) => ControlFlow::Continue(()),
                    None => ControlFlow::Break(None),
                })
            })
            .or_else(|| layouts::other_timestamps(sample).iter().find_map(|layout| self.fit(key, layout, body)))
    }

    /// Tries two alterations at once.
    fn paired(
        &mut self,
        keys: &[keys::Candidate],
        layouts: &[Layout],
        bodies: &[bodies::Candidate],
    ) -> Option<Vec<Found>> {
        let (key, layout, body) = (keys.first()?, layouts.first()?, bodies.first()?);
        for other in &keys[1..] {
            for layout in &layouts[1..] {
                if let Some(found) = self.fit(other, layout, body) {
                    return Some(found);
                }
            }
        }
        for other in &bodies[1..] {
            for layout in &layouts[1..] {
                if let Some(found) = self.fit(key, layout, other) {
                    return Some(found);
                }
            }
            for key in &keys[1..] {
                if let Some(found) = self.fit(key, layout, other) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// Tries one combination; returns its faults if the HMAC matches, `None` otherwise or without budget.
    fn fit(&mut self, key: &keys::Candidate, layout: &Layout, body: &bodies::Candidate) -> Option<Vec<Found>> {
        if !self.effort.spend(body.body.len() + HMAC_BYTES) {
            return None;
        }
        self.n += 1;
        let mac = mac(&key.key, [&layout.before, &body.body, &layout.behind]);
        let fits: bool = mac.ct_eq(&self.mac).into();
        fits.then(|| [&key.found, &layout.found, &body.found].into_iter().flatten().cloned().collect())
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
