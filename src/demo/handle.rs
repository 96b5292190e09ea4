//! Common handle of simulated receivers: URL, signing secret and repair.

use crate::domain::secret::Secret;
use std::sync::{Arc, OnceLock};

/// State of a receiver behind a handle.
pub trait Desk {
    /// Signing secret to verify with; empty until set.
    fn secret(&self) -> &OnceLock<Secret>;

    /// Repairs the receiver, for good.
    fn mend(&self);
}

/// Handle of a receiver; clones share one state.
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
    /// Creates the handle of a receiver that listens at `url`.
    pub(in crate::demo) const fn new(url: String, desk: Arc<D>) -> Self {
        Self { url, desk }
    }

    /// State of the receiver behind the handle.
    pub(in crate::demo) const fn desk(&self) -> &Arc<D> {
        &self.desk
    }

    /// URL that the receiver listens at.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sets the signing secret; only the first call counts. Before that, no request verifies.
    pub fn trust(&self, secret: Secret) {
        let _ = self.desk.secret().set(secret);
    }

    /// Repairs the receiver, for good.
    pub fn mend(&self) {
        self.desk.mend();
    }
}
