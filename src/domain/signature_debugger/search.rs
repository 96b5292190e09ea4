//! Search for the faults that explain a signature: a product of layers, searched by the number of alterations. Each
//! layer alone comes first, then pairs, then common triples, until the budget is spent.

use super::bodies::BodyCandidate;
use super::digests::{self, DigestCandidate};
use super::layouts::{self, MAX_FULL_SEARCH_BYTES, MessageLayout};
use super::parsed_signature::ParsedSignature;
use super::sample::{SearchBudget, SignatureSample};
use super::signature_fault::{DetectedFault, SignatureFault};
use super::{bodies, keys};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::ops::ControlFlow;

/// Approximate number of bytes that an HMAC hashes besides its message.
const HMAC_OVERHEAD_BYTES: usize = 256;
/// Number of keys, layouts and bodies that are combined with every candidate of another layer, and in triples.
const N_COMMON: [usize; 3] = [30, 30, 100];

/// Number of keys, besides those of other subscriptions, and of layouts that are tried before a large body is altered.
const N_FIRST: usize = 12;

/// Signature that a search reproduced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchMatch {
    /// Index of the signature among the presented ones.
    pub index: usize,
    /// Faults that together yield the signature, those of its notation last; empty for a correct signature.
    pub faults: Vec<DetectedFault>,
}

impl SearchMatch {
    /// Adds to the first fault that another explanation fits as well.
    fn or_else_says(mut self, other: Option<String>) -> Self {
        if let (Some(first), Some(other)) = (self.faults.first_mut(), other) {
            first.difference.push_str(&format!("; the body {other} matches as well"));
        }
        self
    }
}

/// Searches for the combination of key, layout, algorithm and body that yields one of the presented signatures, and
/// counts the combinations tried. Each combination is hashed once, however many signatures are presented.
#[must_use]
pub fn search(
    sample: &SignatureSample<'_>,
    presented: &[(usize, ParsedSignature)],
    effort: &mut SearchBudget,
) -> (Option<SearchMatch>, usize) {
    let mut tried = SignatureSearch { presented, n: 0, effort };
    let right = Layers::right(sample);
    let found = tried.try_right(&right).or_else(|| tried.try_altered(sample, &right));
    (found, tried.n)
}

/// The unaltered candidate of each layer.
struct Layers {
    key: HmacKey,
    layout: MessageLayout,
    body: BodyCandidate,
}

impl Layers {
    fn right(sample: &SignatureSample<'_>) -> Self {
        Self {
            key: HmacKey::new(keys::KeyCandidate::right(sample.secret)),
            layout: MessageLayout {
                before: format!("{}.", sample.timestamp).into_bytes(),
                behind: Vec::new(),
                found: Vec::new(),
            },
            body: BodyCandidate::unaltered(sample.body),
        }
    }
}

/// A key that is ready to sign.
struct HmacKey {
    candidate: keys::KeyCandidate,
    state: Hmac<Sha256>,
}

impl HmacKey {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    fn new(candidate: keys::KeyCandidate) -> Self {
        let state = Hmac::new_from_slice(&candidate.key).expect("HMAC takes keys of every length");
        Self { candidate, state }
    }

    fn sign(&self, message: [&[u8]; 3]) -> [u8; 32] {
        let mut mac = self.state.clone();
        for part in message {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// State of a search: the signatures to match, the number of attempts and the remaining budget.
struct SignatureSearch<'e> {
    presented: &'e [(usize, ParsedSignature)],
    n: usize,
    effort: &'e mut SearchBudget,
}

/// Altered candidates of three layers, the commonest of each first.
struct AlteredLayers {
    keys: Vec<HmacKey>,
    layouts: Vec<MessageLayout>,
    digests: Vec<DigestCandidate>,
}

/// One candidate of each layer; `None` for HMAC-SHA256.
#[derive(Clone, Copy)]
struct Combination<'c>(Option<&'c DigestCandidate>, &'c HmacKey, &'c MessageLayout, &'c BodyCandidate);

impl SignatureSearch<'_> {
    /// Tries combinations in order until one matches or the budget is spent.
    fn first<'c>(&mut self, mut combinations: impl Iterator<Item = Combination<'c>>) -> Option<SearchMatch> {
        let tried = combinations.try_for_each(|combination| match self.try_one(combination) {
            ControlFlow::Continue(()) => ControlFlow::Continue(()),
            ControlFlow::Break(found) => ControlFlow::Break(found),
        });
        tried.break_value().flatten()
    }

    fn try_right(&mut self, right: &Layers) -> Option<SearchMatch> {
        self.first(std::iter::once(Combination(None, &right.key, &right.layout, &right.body)))
    }

    /// Tries the layers alone, then in pairs, then in triples.
    fn try_altered(&mut self, sample: &SignatureSample<'_>, right: &Layers) -> Option<SearchMatch> {
        let lengths: Vec<usize> = self.presented.iter().map(|(_, presented)| presented.n_bytes()).collect();
        let altered = AlteredLayers {
            keys: keys::candidates(sample).into_iter().skip(1).map(HmacKey::new).collect(),
            layouts: layouts::single_layouts(sample),
            digests: digests::candidates(&lengths),
        };
        self.try_single(sample, right, &altered).or_else(|| {
            // A large body has as many copies as there are styles to write it: these are tried one at a time and not
            // in pairs.
            let is_worth = sample.body.len() <= MAX_FULL_SEARCH_BYTES && !self.effort.is_spent();
            let bodies = is_worth.then(|| bodies::candidates(sample.body))?;
            self.try_pairs(sample, right, &altered, &bodies).or_else(|| self.try_triples(right, &altered, &bodies))
        })
    }

    /// Tries one alteration at a time.
    fn try_single(
        &mut self,
        sample: &SignatureSample<'_>,
        Layers { key, layout, body }: &Layers,
        altered: &AlteredLayers,
    ) -> Option<SearchMatch> {
        let times = layouts::other_timestamps(sample);
        let is_large = sample.body.len() > MAX_FULL_SEARCH_BYTES;
        let n_first = if is_large { N_FIRST } else { usize::MAX };
        let n_keys = n_first.saturating_add(sample.others.len()).min(altered.keys.len());
        let (first_keys, keys) = altered.keys.split_at(n_keys);
        let (first_layouts, layouts) = altered.layouts.split_at(n_first.min(altered.layouts.len()));
        self.first(first_keys.iter().map(|key| Combination(None, key, layout, body)))
            .or_else(|| self.first(first_layouts.iter().map(|layout| Combination(None, key, layout, body))))
            .or_else(|| self.first(altered.digests.iter().map(|digest| Combination(Some(digest), key, layout, body))))
            .or_else(|| self.try_bodies(sample, (key, layout)))
            .or_else(|| self.first(keys.iter().map(|key| Combination(None, key, layout, body))))
            .or_else(|| self.first(layouts.iter().map(|layout| Combination(None, key, layout, body))))
            .or_else(|| self.first(times.iter().map(|layout| Combination(None, key, layout, body))))
    }

    /// Tries the altered bodies alone, one in memory at a time.
    fn try_bodies(
        &mut self,
        sample: &SignatureSample<'_>,
        (key, layout): (&HmacKey, &MessageLayout),
    ) -> Option<SearchMatch> {
        let is_small = sample.body.len() <= MAX_FULL_SEARCH_BYTES;
        bodies::find_altered(sample.body, |body| {
            // It was written and compared with the others before.
            self.effort.spend(body.body.len().saturating_mul(4));
            self.try_one(Combination(None, key, layout, body)).map_break(|found| {
                // Removed white space may as well be JSON that was written again: then both are said.
                found.map(|found| match is_small {
                    true => found.or_else_says(bodies::alternative(sample.body, body)),
                    false => found,
                })
            })
        })
    }

    /// Tries two alterations at once.
    fn try_pairs(
        &mut self,
        sample: &SignatureSample<'_>,
        right: &Layers,
        altered: &AlteredLayers,
        bodies: &[BodyCandidate],
    ) -> Option<SearchMatch> {
        let Layers { key, layout, body } = right;
        let AlteredLayers { keys, layouts, digests } = altered;
        let [n_keys, n_layouts, n_bodies] = N_COMMON;
        let (few_keys, few_layouts, few_bodies) =
            (common(keys, n_keys), common(layouts, n_layouts), common(bodies, n_bodies));
        let of_digests = digests.iter().flat_map(|digest| {
            let of_layouts = layouts.iter().map(move |layout| Combination(Some(digest), key, layout, body));
            let of_bodies = few_bodies.iter().map(move |body| Combination(Some(digest), key, layout, body));
            of_layouts.chain(keys.iter().map(move |key| Combination(Some(digest), key, layout, body))).chain(of_bodies)
        });
        let of_keys =
            keys.iter().flat_map(|key| layouts.iter().map(move |layout| Combination(None, key, layout, body)));
        self.first(of_keys)
            .or_else(|| self.first(of_digests))
            .or_else(|| self.first(product(None, std::slice::from_ref(key), few_layouts, bodies)))
            .or_else(|| self.first(product(None, std::slice::from_ref(key), layouts, few_bodies)))
            .or_else(|| self.first(product(None, few_keys, std::slice::from_ref(layout), bodies)))
            .or_else(|| self.first(product(None, keys, std::slice::from_ref(layout), few_bodies)))
            .or_else(|| {
                layouts::combined_layouts(sample)
                    .find_map(|layout| self.first(std::iter::once(Combination(None, key, &layout, body))))
            })
    }

    /// Tries three alterations at once, the common ones of each layer.
    fn try_triples(
        &mut self,
        right: &Layers,
        altered: &AlteredLayers,
        bodies: &[BodyCandidate],
    ) -> Option<SearchMatch> {
        let [n_keys, n_layouts, n_bodies] = N_COMMON;
        let keys = common(&altered.keys, n_keys);
        let layouts = common(&altered.layouts, n_layouts);
        let body = std::slice::from_ref(&right.body);
        let of_digests = altered.digests.iter().flat_map(|digest| product(Some(digest), keys, layouts, body));
        self.first(of_digests).or_else(|| self.first(product(None, keys, layouts, common(bodies, n_bodies))))
    }

    /// Tries one combination: breaks with the match, or without one when the budget is spent.
    fn try_one(&mut self, Combination(digest, key, layout, body): Combination<'_>) -> ControlFlow<Option<SearchMatch>> {
        if !self.effort.spend(body.body.len() + HMAC_OVERHEAD_BYTES) {
            return ControlFlow::Break(None);
        }
        self.n += 1;
        let message: [&[u8]; 3] = [&layout.before, &body.body, &layout.behind];
        let computed = match digest {
            None => key.sign(message).to_vec(),
            Some(digest) => digest.compute(&key.candidate.key, message),
        };
        let Some((index, presented)) = self.presented.iter().find(|(_, presented)| presented.fits(&computed)) else {
            return ControlFlow::Continue(());
        };
        let altered = key.candidate.found.iter().chain(&layout.found).chain(&body.found);
        let altered = altered.chain(digest.map(|digest| &digest.found)).cloned();
        // Prefix and case add nothing where the whole algorithm is another one.
        let is_shown = |found: &DetectedFault| digest.is_none() || found.fault != SignatureFault::Case;
        let notation = presented.faults_of(&computed).into_iter().filter(is_shown);
        ControlFlow::Break(Some(SearchMatch { index: *index, faults: altered.chain(notation).collect() }))
    }
}

/// First candidates of a layer, which are the common ones.
fn common<T>(candidates: &[T], n: usize) -> &[T] {
    &candidates[..candidates.len().min(n)]
}

/// All combinations of the candidates of three layers.
fn product<'c>(
    digest: Option<&'c DigestCandidate>,
    keys: &'c [HmacKey],
    layouts: &'c [MessageLayout],
    bodies: &'c [BodyCandidate],
) -> impl Iterator<Item = Combination<'c>> {
    bodies.iter().flat_map(move |body| {
        keys.iter().flat_map(move |key| layouts.iter().map(move |layout| Combination(digest, key, layout, body)))
    })
}
