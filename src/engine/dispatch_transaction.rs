//! Transaction of the dispatcher: finished attempts are committed, and due deliveries are claimed. Outcomes that arrive
//! during a commit form the next batch, so that many outcomes cost little more than one.

use super::claim::{ClaimRequest, ClaimedBatch, claim};
use super::error::Error;
use super::handle::Engine;
use super::settle::{CompletedAttempt, FaultDomain, SettledOutcome, settle_attempts};
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
pub(super) struct CommittedBatch {
    /// What became of each outcome.
    pub(super) settled: Vec<SettledOutcome>,
    /// What was claimed; the error with which nothing could be.
    pub(super) claimed: Result<ClaimedBatch, Error>,
}

impl DispatchTransaction {
    fn execute(self, connection: &Connection) -> Result<(Vec<SettledOutcome>, ClaimedBatch), store::Error> {
        let settled = settle_attempts(connection, &self.attempts, self.now)?;
        let claimed = self.claim.map_or_else(|| Ok(ClaimedBatch::default()), |ask| claim(connection, ask))?;
        Ok((settled, claimed))
    }
}

impl Engine {
    /// Runs a dispatcher transaction. If the transaction fails for another reason than storage, each outcome is committed
    /// on its own, so that one cannot block the others, and nothing is claimed.
    ///
    /// # Errors
    /// [`Error::StorageFull`], [`Error::DescriptorsExhausted`] or [`Error::Contended`] when nothing was written: the caller
    /// must retry with the same outcomes, since forgetting them would send webhooks again. After any other error the
    /// outcomes are committed or left to their leases.
    pub(super) async fn commit_batch(&self, turn: DispatchTransaction) -> Result<CommittedBatch, Error> {
        let written = match self.run_transaction(turn.clone()).await {
            Ok((settled, claimed)) => CommittedBatch { settled, claimed: Ok(claimed) },
            Err(error) if error.is_storage_unavailable() => return Err(error),
            Err(error) => CommittedBatch { settled: self.settle_individually(&turn).await?, claimed: Err(error) },
        };
        for (flight, settled) in turn.attempts.iter().zip(&written.settled) {
            if *settled == SettledOutcome::Discarded && flight.fault_domain() == FaultDomain::Remote {
                tracing::warn!("an outcome arrived after its lease was lost and was discarded");
            }
        }
        self.mark_changed();
        if turn.attempts.iter().any(|flight| flight.claimed.kind == AttemptKind::Replay) {
            self.notify_replayer();
        }
        Ok(written)
    }

    async fn run_transaction(&self, turn: DispatchTransaction) -> Result<(Vec<SettledOutcome>, ClaimedBatch), Error> {
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
    async fn settle_individually(&self, turn: &DispatchTransaction) -> Result<Vec<SettledOutcome>, Error> {
        let mut settled = Vec::with_capacity(turn.attempts.len());
        for flight in &turn.attempts {
            let alone = DispatchTransaction { attempts: vec![Arc::clone(flight)], claim: None, now: turn.now };
            match self.run_transaction(alone).await {
                Ok((of_one, _)) => settled.extend(of_one),
                Err(error) if error.is_storage_unavailable() => return Err(error),
                Err(error) => {
                    tracing::error!(%error, "an attempt could not be stored; its lease expires");
                    settled.push(SettledOutcome::Requeued);
                }
            }
        }
        Ok(settled)
    }
}
