//! How much there is of everything, from numbers that are kept anyway.

use super::{Engine, Error};
use crate::domain::delivery::State;
use crate::domain::health::Tally;
use crate::store;
use std::collections::BTreeMap;
use std::time::Duration;

/// How much there is of everything.
#[derive(Debug, Clone)]
pub struct Gauges {
    /// Events ever published.
    pub n_events: u64,
    /// Deliveries ever planned.
    pub n_deliveries: u64,
    /// Attempts ever made.
    pub n_attempts: u64,
    /// Trips ever.
    pub n_trips: u64,
    /// Changes ever audited.
    pub n_changes: u64,
    /// Deliveries that wait, by state.
    pub waiting: [(State, u64); 4],
    /// Subscriptions that are enabled.
    pub n_enabled: u64,
    /// Subscriptions that are not.
    pub n_disabled: u64,
    /// Scheduled attempts of the last hour.
    pub hour: Tally,
    /// Requests since the start by method, route and status.
    pub answers: BTreeMap<(String, String, u16), u64>,
    /// Milliseconds spent on them.
    pub elapsed_ms: u64,
    /// Requests that the log could not keep up with, since the start.
    pub n_dropped: u64,
    /// Refusals beyond the rate at which they have rows in the log, since the start, by status.
    pub unlogged: BTreeMap<u16, u64>,
}

impl Engine {
    /// Everything that can be told without looking at rows.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn gauges(&self) -> Result<Gauges, Error> {
        let hour_ago = self.shared.ambient.now().minus(Duration::from_secs(3_600));
        let (counts, minutes) = self
            .shared
            .store
            .read(move |connection| {
                let counts = store::usage::counts(connection)?;
                Ok::<_, store::Error>((counts, store::health::minutes(connection, hour_ago)?))
            })
            .await?;
        let hour = minutes.iter().fold(Tally::default(), |sum, (_, minute)| Tally {
            n_ok: sum.n_ok + minute.n_ok,
            n_failed: sum.n_failed + minute.n_failed,
        });
        let seen = self.shared.log.totals();
        let given = |name: &str| counts.given.get(name).copied().unwrap_or(0);
        Ok(Gauges {
            n_events: counts.n_events,
            n_deliveries: given("deliveries"),
            n_attempts: given("attempts"),
            n_trips: given("trips"),
            n_changes: given("audit"),
            waiting: counts.waiting,
            n_enabled: counts.n_enabled,
            n_disabled: counts.n_disabled,
            hour,
            answers: seen.answers,
            elapsed_ms: seen.elapsed_ms,
            n_dropped: seen.n_dropped,
            unlogged: seen.unlogged,
        })
    }
}
