//! Search for known secrets in a text.

use super::decode::{base64, is_base64};
use super::finding::HeldSecrets;
use crate::domain::secret::Secret;
use std::collections::HashMap;
use std::ops::Range;
use zeroize::Zeroizing;

/// Minimum length of a pattern; shorter ones would match by accident.
const MIN_PATTERN_BYTES: usize = 8;

/// Known secrets as patterns: the text, the part after a public prefix, and the bytes if the text is Base64.
#[derive(Default)]
pub struct KnownSecrets {
    patterns: Vec<(Zeroizing<Vec<u8>>, usize)>,
    /// Patterns by their first [`MIN_PATTERN_BYTES`] bytes.
    by_head: HashMap<u64, Vec<usize>>,
    /// Hashes of the existing heads; most positions of a text are ruled out with one lookup.
    heads: Vec<bool>,
    n: usize,
}

impl std::fmt::Debug for KnownSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KnownSecrets({})", self.n)
    }
}

impl KnownSecrets {
    /// Creates a search for these secrets, numbered in order.
    pub fn new<'s>(secrets: impl IntoIterator<Item = &'s Secret>) -> Self {
        let mut known = Self { heads: vec![false; 1 << 16], ..Self::default() };
        secrets.into_iter().for_each(|secret| known.add(secret));
        known
    }

    fn add(&mut self, secret: &Secret) {
        let (text, number) = (secret.reveal().as_bytes(), self.n);
        self.n += 1;
        self.add_pattern(text, number);
        let is_joint = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'*' | b'~');
        if text.iter().any(is_joint) {
            self.add_pattern(&text.iter().copied().filter(|byte| !is_joint(byte)).collect::<Vec<u8>>(), number);
        }
        // The secret part of a key or token, without prefix and company, is a secret too.
        if let Some(tail) = text.strip_prefix(b"wlcro_").or_else(|| text.strip_prefix(b"wlop_")) {
            let tail = tail.strip_prefix(b"live_").unwrap_or(tail);
            let n_company = tail.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let tail = tail[n_company..].strip_prefix(b"_").filter(|_| n_company > 0).unwrap_or(tail);
            self.add_pattern(tail, number);
        }
        let digits = text.split(|byte| *byte == b'=').next().unwrap_or_default();
        if digits.len() >= 22 && digits.iter().all(|byte| is_base64(*byte)) {
            self.add_pattern(&base64(digits), number);
        }
    }

    fn add_pattern(&mut self, text: &[u8], number: usize) {
        let Some(head) = text.first_chunk().map(|head| u64::from_be_bytes(*head)) else { return };
        self.heads[slot(head)] = true;
        self.by_head.entry(head).or_default().push(self.patterns.len());
        self.patterns.push((Zeroizing::new(text.to_vec()), number));
    }
}

fn slot(head: u64) -> usize {
    usize::from((head.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as u16)
}

impl HeldSecrets for KnownSecrets {
    fn find(&self, text: &[u8], _: &[usize]) -> Vec<(Range<usize>, usize)> {
        let mut found = Vec::new();
        if self.patterns.is_empty() {
            return found;
        }
        let mut head = 0;
        for (end, byte) in text.iter().enumerate() {
            head = head << 8 | u64::from(*byte);
            if end + 1 < MIN_PATTERN_BYTES || !self.heads[slot(head)] {
                continue;
            }
            let at = end + 1 - MIN_PATTERN_BYTES;
            for (pattern, number) in self.by_head.get(&head).into_iter().flatten().map(|of| &self.patterns[*of]) {
                if text[at..].starts_with(pattern) {
                    found.push((at..at + pattern.len(), *number));
                }
            }
        }
        found
    }
}
