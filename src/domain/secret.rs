//! Secrets have a type of their own: it does not print, serialise or copy itself, and has one door.

use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret text: an API key, a signing secret or an operator token, as its owner holds it.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Takes a text into custody.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The only way to the text. Search for `reveal` to audit every use.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The last four characters, by which people tell secrets apart.
    #[must_use]
    pub fn last4(&self) -> String {
        let mut tail: Vec<char> = self.0.chars().rev().take(4).collect();
        tail.reverse();
        tail.into_iter().collect()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
