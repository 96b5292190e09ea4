//! Secret text: a type that cannot be displayed, serialized or cloned, with one accessor.

use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret text, such as an API key, a signing secret or an operator token, wiped from memory when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text as a secret.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Returns the secret text. Search for `reveal` to audit every use.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Last four characters of the secret, by which operators tell secrets apart.
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
