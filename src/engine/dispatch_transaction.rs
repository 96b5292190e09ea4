//! Transaction of the dispatcher: finished attempts are committed and due deliveries are claimed in their place.
//! Outcomes that arrive during a commit form the next batch, so that many outcomes cost little more than one.

use super::claim::{ClaimRequest, ClaimedBatch, claim_due};
use super::error::Error;
use super::handle::Engine;
use super::settle::{CompletedAttempt, FaultDomain, settle_attempts};
use crate::domain::delivery::AttemptKind;
use crate::domain::time::Timestamp;
use crate::store;
use rusqlite::Connection;
use std::sync::Arc;

/// Work of one dispatcher transaction. Nothing is claimed unless the outcomes could be written.
#[derive(Debug, Clone)]
pub(super) struct DispatchTransaction {
    pub(super) attempts: Vec<Arc<CompletedAttempt>>,
    /// Claim to make, or `None` where nothing may start.
    pub(super) claim: Option<ClaimRequest>,
    pub(super) now: Timestamp,
}

/// Result of one dispatcher transaction.
#[derive(Debug)]
struct CommittedBatch {
    /// Per attempt, whether the outcome was accepted.
    accepted: Vec<bool>,
    claims: ClaimedBatch,
}

impl DispatchTransaction {
    fn execute(self, connection: &Connection) -> Result<CommittedBatch, store::Error> {
        let believed = settle_attempts(connection, &self.attempts, self.now)?;
        let claims = self.claim.map_or_else(|| Ok(ClaimedBatch::default()), |ask| claim_due(connection, ask))?;
        Ok(CommittedBatch { accepted: believed, claims })
    }
}

impl Engine {
    /// Runs a dispatcher transaction and returns the claimed deliveries. If the transaction fails for another reason
    /// than storage, each outcome is committed on its own, so that one cannot block the others, and nothing is
    /// claimed.
    ///
    /// # Errors
    /// [`Error::StorageFull`], [`Error::DescriptorsExhausted`] or [`Error::Contended`] when nothing was written: the caller
    /// must retry with the same outcomes, since forgetting them would send webhooks again. After any other error the
    /// outcomes are committed or left to their leases.
    pub(super) async fn commit_batch(&self, turn: DispatchTransaction) -> Result<ClaimedBatch, Error> {
        let mut failed = None;
        let written = match self.run_transaction(turn.clone()).await {
            Ok(written) => written,
            Err(error) if error.is_storage_unavailable() => return Err(error),
            Err(error) => {
                let believed = self.settle_individually(&turn).await?;
                failed = Some(error);
                CommittedBatch { accepted: believed, claims: ClaimedBatch::default() }
            }
        };
        for (flight, is_believed) in turn.attempts.iter().zip(&written.accepted) {
            if !is_believed && flight.fault_domain() == FaultDomain::Remote {
                tracing::warn!("an outcome arrived after its lease was lost and was discarded");
            }
        }
        self.mark_changed();
        if turn.attempts.iter().any(|flight| flight.claimed.kind == AttemptKind::Replay) {
            self.notify_replayer();
        }
        failed.map_or(Ok(written.claims), Err)
    }

    async fn run_transaction(&self, turn: DispatchTransaction) -> Result<CommittedBatch, Error> {
        let store = &self.shared.store;
        // Outcomes of requests already sent may use the disk reserve; new claims may not.
        let written = if turn.attempts.is_empty() {
            store.write_queued(move |connection| turn.execute(connection)).await
        } else {
            store.write_critical(move |connection| turn.execute(connection)).await
        };
        Ok(written?)
    }

    /// Commits each outcome in a transaction of its own. The lease of an outcome that fails expires.
    async fn settle_individually(&self, turn: &DispatchTransaction) -> Result<Vec<bool>, Error> {
        let mut believed = Vec::with_capacity(turn.attempts.len());
        for flight in &turn.attempts {
            let alone = DispatchTransaction { attempts: vec![Arc::clone(flight)], claim: None, now: turn.now };
            match self.run_transaction(alone).await {
                Ok(written) => believed.extend(written.accepted),
                Err(error) if error.is_storage_unavailable() => return Err(error),
                Err(error) => {
                    tracing::error!(%error, "an attempt could not be stored; its lease expires");
                    believed.push(true);
                }
            }
        }
        Ok(believed)
    }
}
