//! Common handle of simulated receivers: URL, signing secret and repair.

use crate::domain::secret::Secret;
use std::sync::{Arc, OnceLock};

/// State of a receiver behind a handle.
pub trait RepairableReceiver {
    /// Signing secret to verify with; empty until set.
    fn secret(&self) -> &OnceLock<Secret>;

    /// Repairs the receiver, for good.
    fn repair(&self);
}

/// Handle of a receiver; clones share one state.
#[derive(Debug)]
pub struct ReceiverHandle<D> {
    url: String,
    state: Arc<D>,
}

impl<D> Clone for ReceiverHandle<D> {
    fn clone(&self) -> Self {
        Self { url: self.url.clone(), state: Arc::clone(&self.state) }
    }
}

impl<D: RepairableReceiver> ReceiverHandle<D> {
    /// Creates the handle of a receiver that listens at `url`.
    pub(in crate::demo) const fn new(url: String, desk: Arc<D>) -> Self {
        Self { url, state: desk }
    }

    /// State of the receiver behind the handle.
    pub(in crate::demo) const fn state(&self) -> &Arc<D> {
        &self.state
    }

    /// URL that the receiver listens at.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sets the signing secret; only the first call counts. Before that, no request verifies.
    pub fn set_secret(&self, secret: Secret) {
        let _ = self.state.secret().set(secret);
    }

    /// Repairs the receiver, for good.
    pub fn repair(&self) {
        self.state.repair();
    }
}
