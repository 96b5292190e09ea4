//! The handle of a receiver, whatever it does with what it gets: where it listens, the secret it verifies with, and its repair.

use crate::domain::secret::Secret;
use std::sync::{Arc, OnceLock};

/// What sits behind a handle.
pub trait Desk {
    /// The place of the secret to verify with; empty until it is handed over.
    fn secret(&self) -> &OnceLock<Secret>;

    /// Removes the cause of its failures, for good.
    fn mend(&self);
}

/// A receiver; clones are the same one.
#[derive(Debug)]
pub struct Handle<D> {
    url: String,
    desk: Arc<D>,
}

impl<D> Clone for Handle<D> {
    fn clone(&self) -> Self {
        Self { url: self.url.clone(), desk: Arc::clone(&self.desk) }
    }
}

impl<D: Desk> Handle<D> {
    /// The handle of what listens at `url`.
    pub(in crate::demo) const fn new(url: String, desk: Arc<D>) -> Self {
        Self { url, desk }
    }

    /// What is behind it.
    pub(in crate::demo) const fn desk(&self) -> &Arc<D> {
        &self.desk
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Hands it the secret to verify with; the first one counts. Until then nothing verifies.
    pub fn trust(&self, secret: Secret) {
        let _ = self.desk.secret().set(secret);
    }

    /// Removes the cause of its failures.
    pub fn mend(&self) {
        self.desk.mend();
    }
}
