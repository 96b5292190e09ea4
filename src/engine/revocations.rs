//! Revocation of keys and operators: effective in memory at once, then written, using the disk reserve if necessary.
//! A failed write is retried until it succeeds.

use super::error::Error;
use super::handle::Engine;
use super::pending_revocations::Revocation;

/// Result of revoking a key or operator.
#[derive(Debug, Clone)]
pub struct RevokeResult<T> {
    /// Key or operator after the revocation.
    pub row: T,
    /// Reason why the revocation is not on disk yet; `None` once it is written.
    pub pending_reason: Option<String>,
}

impl Engine {
    /// Writes a revocation in force. Returns why it is not on disk yet, if the write failed and will be retried.
    pub(super) async fn write_revocation(&self, revocation: Revocation) -> Option<String> {
        let subject = revocation.subject;
        // Registered before the first try, because the calling request may be cancelled while it waits.
        self.shared.pending_revocations.add(revocation.clone());
        let error = self.try_revocation(revocation).await.err()?;
        tracing::error!(%error, "the revocation of {subject} is in effect but not on disk; retrying");
        Some(format!(
            "the revocation is in effect but not on disk yet: {error}; crow retries until it is stored, and a restart before that would undo it"
        ))
    }

    /// Retries the writes of pending revocations.
    pub(super) async fn write_pending_revocations(&self) {
        for revocation in self.shared.pending_revocations.all() {
            let subject = revocation.subject;
            if self.try_revocation(revocation).await.is_err() {
                return;
            }
            tracing::warn!("the revocation of {subject} is now on disk");
        }
    }

    async fn try_revocation(&self, revocation: Revocation) -> Result<(), Error> {
        let (subject, ambient) = (revocation.subject, self.shared.ambient.clone());
        self.shared.store.write_critical(move |connection| revocation.write(connection, &ambient)).await?;
        self.shared.pending_revocations.remove(subject);
        Ok(())
    }
}
