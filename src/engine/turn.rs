//! A turn of the dispatcher: what landed is written down, and what is due is claimed in its place, in one transaction. While one is being
//! written the next outcomes gather, so that many that land at once cost little more than one.

use super::claim::{Ask, Claims, claim};
use super::settle::{Flight, Told, settle};
use super::{Engine, Error};
use crate::domain::delivery::Kind;
use crate::domain::time::Timestamp;
use crate::store;
use rusqlite::Connection;
use std::sync::Arc;

/// What is to be written. Nothing is claimed unless what landed before could be written down.
#[derive(Debug, Clone)]
pub(super) struct Turn {
    pub(super) flights: Vec<Arc<Flight>>,
    /// None where nothing may be begun.
    pub(super) ask: Option<Ask>,
    pub(super) now: Timestamp,
}

/// What was written.
#[derive(Debug)]
struct Written {
    /// Of each flight, whether it was believed.
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
    /// Takes a turn, and answers with what was claimed. Where that does not work for another reason than storage, each outcome is written
    /// down for itself, so that none holds up the others, and nothing is claimed.
    ///
    /// # Errors
    /// [`Error::StorageFull`] and [`Error::Contended`]: nothing was written, and the outcomes must be handed in again; forgetting them would
    /// mean sending once more. After any other error they are dealt with.
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
                tracing::warn!("an outcome came after its lease was lost and was not believed");
            }
        }
        self.changed();
        if turn.flights.iter().any(|flight| flight.claimed.kind == Kind::Replay) {
            self.replan();
        }
        failed.map_or(Ok(written.claims), Err)
    }

    async fn write_turn(&self, turn: Turn) -> Result<Written, Error> {
        let store = &self.shared.store;
        // What happened must be written down, whatever room there is; what is only wished needs room.
        let written = if turn.flights.is_empty() {
            store.write_patiently(move |connection| turn.write(connection)).await
        } else {
            store.record(move |connection| turn.write(connection)).await
        };
        Ok(written?)
    }

    /// One that cannot be written down is left to its lease, which ends by itself.
    async fn settle_each(&self, turn: &Turn) -> Result<Vec<bool>, Error> {
        let mut believed = Vec::with_capacity(turn.flights.len());
        for flight in &turn.flights {
            let alone = Turn { flights: vec![Arc::clone(flight)], ask: None, now: turn.now };
            match self.write_turn(alone).await {
                Ok(written) => believed.extend(written.believed),
                Err(error) if error.is_of_storage() => return Err(error),
                Err(error) => {
                    tracing::error!(%error, "an attempt could not be written down; its lease ends by itself");
                    believed.push(true);
                }
            }
        }
        Ok(believed)
    }
}
