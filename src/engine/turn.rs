//! Transaction of the dispatcher: finished attempts are committed and due deliveries are claimed in their place.
//! Outcomes that arrive during a commit form the next batch, so that many outcomes cost little more than one.

use super::claim::{Ask, Claims, claim};
use super::settle::{Flight, Told, settle};
use super::{Engine, Error};
use crate::domain::delivery::AttemptKind;
use crate::domain::time::Timestamp;
use crate::store;
use rusqlite::Connection;
use std::sync::Arc;

/// Work of one dispatcher transaction. Nothing is claimed unless the outcomes could be written.
#[derive(Debug, Clone)]
pub(super) struct Turn {
    pub(super) flights: Vec<Arc<Flight>>,
    /// Claim to make, or `None` where nothing may start.
    pub(super) ask: Option<Ask>,
    pub(super) now: Timestamp,
}

/// Result of one dispatcher transaction.
#[derive(Debug)]
struct Written {
    /// Per attempt, whether the outcome was accepted.
    believed: Vec<bool>,
    claims: Claims,
}

impl Turn {
    fn write(self, connection: &Connection) -> Result<Written, store::Error> {
        let believed = settle(connection, &self.flights, self.now)?;
        let claims = self.ask.map_or_else(|| Ok(Claims::default()), |ask| claim(connection, ask))?;
        Ok(Written { believed, claims })
    }
}

impl Engine {
    /// Runs a dispatcher transaction and returns the claimed deliveries. If the transaction fails for another reason
    /// than storage, each outcome is committed on its own, so that one cannot block the others, and nothing is
    /// claimed.
    ///
    /// # Errors
    /// [`Error::StorageFull`], [`Error::OutOfDescriptors`] or [`Error::Contended`] when nothing was written: the caller
    /// must retry with the same outcomes, since forgetting them would send webhooks again. After any other error the
    /// outcomes are committed or left to their leases.
    pub(super) async fn take_turn(&self, turn: Turn) -> Result<Claims, Error> {
        let mut failed = None;
        let written = match self.write_turn(turn.clone()).await {
            Ok(written) => written,
            Err(error) if error.is_of_storage() => return Err(error),
            Err(error) => {
                let believed = self.settle_each(&turn).await?;
                failed = Some(error);
                Written { believed, claims: Claims::default() }
            }
        };
        for (flight, is_believed) in turn.flights.iter().zip(&written.believed) {
            if !is_believed && flight.told() == Told::Theirs {
                tracing::warn!("an outcome arrived after its lease was lost and was discarded");
            }
        }
        self.changed();
        if turn.flights.iter().any(|flight| flight.claimed.kind == AttemptKind::Replay) {
            self.replan();
        }
        failed.map_or(Ok(written.claims), Err)
    }

    async fn write_turn(&self, turn: Turn) -> Result<Written, Error> {
        let store = &self.shared.store;
        // Outcomes of requests already sent may use the disk reserve; new claims may not.
        let written = if turn.flights.is_empty() {
            store.write_queued(move |connection| turn.write(connection)).await
        } else {
            store.write_critical(move |connection| turn.write(connection)).await
        };
        Ok(written?)
    }

    /// Commits each outcome in a transaction of its own. The lease of an outcome that fails expires.
    async fn settle_each(&self, turn: &Turn) -> Result<Vec<bool>, Error> {
        let mut believed = Vec::with_capacity(turn.flights.len());
        for flight in &turn.flights {
            let alone = Turn { flights: vec![Arc::clone(flight)], ask: None, now: turn.now };
            match self.write_turn(alone).await {
                Ok(written) => believed.extend(written.believed),
                Err(error) if error.is_of_storage() => return Err(error),
                Err(error) => {
                    tracing::error!(%error, "an attempt could not be stored; its lease expires");
                    believed.push(true);
                }
            }
        }
        Ok(believed)
    }
}
