//! How much there is of everything, from numbers that are kept anyway.

use super::{Engine, Error};
use crate::domain::delivery::State;
use crate::domain::health::Tally;
use crate::domain::ids::{CompanyId, SubscriptionId};
use crate::domain::latency::Histogram;
use crate::domain::standing::{DORMANT_DAYS, headroom};
use crate::domain::time::Timestamp;
use crate::store;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::time::Duration;

/// Tripped subscriptions that are named.
pub const MAX_TRIPPED_NAMED: usize = 50;

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
    /// Subscriptions that were switched off by hand.
    pub n_off: u64,
    /// Subscriptions that the breaker switched off.
    pub n_tripped: u64,
    /// The first [`MAX_TRIPPED_NAMED`] of these.
    pub tripped: Vec<(SubscriptionId, CompanyId)>,
    /// The most failures in a row of an enabled subscription.
    pub most_failures: u64,
    /// How long the oldest delivery is due.
    pub oldest_due: Duration,
    /// Events of the last day that were skipped, and that were given up.
    pub missed: (u64, u64),
    /// Active keys that were not used for [`DORMANT_DAYS`] days.
    pub n_dormant_keys: u64,
    /// What is left of the fullest rate window, in percent.
    pub headroom: u64,
    /// Scheduled attempts of the last hour.
    pub hour: Tally,
    /// Requests since the start by method, route and status.
    pub answers: BTreeMap<(String, String, u16), u64>,
    /// How long they took.
    pub durations: Histogram,
    /// The sum of that.
    pub elapsed: Duration,
    /// Requests that the log could not keep up with, since the start.
    pub n_dropped: u64,
    /// Refusals beyond the rate at which they have rows in the log, since the start, by status.
    pub unlogged: BTreeMap<u16, u64>,
}

/// What is read from the database in one go.
struct Reading {
    counts: store::usage::Counts,
    tripped: Vec<(SubscriptionId, CompanyId)>,
    missed: (u64, u64),
    oldest_due_at: Option<Timestamp>,
    minutes: Vec<(Timestamp, Tally)>,
}

fn read(connection: &Connection, now: Timestamp) -> Result<Reading, store::Error> {
    Ok(Reading {
        counts: store::usage::counts(connection)?,
        tripped: store::usage::tripped(connection, MAX_TRIPPED_NAMED)?,
        missed: store::usage::missed(connection, now.minus(Duration::from_secs(86_400)))?,
        oldest_due_at: store::deliveries::oldest_due(connection)?,
        minutes: store::health::minutes(connection, now.minus(Duration::from_secs(3_600)))?,
    })
}

impl Engine {
    /// Everything that can be told without looking at rows.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn gauges(&self) -> Result<Gauges, Error> {
        let now = self.shared.ambient.now();
        let Reading { counts, tripped, missed, oldest_due_at, minutes } =
            self.shared.store.read(move |connection| read(connection, now)).await?;
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
            n_off: counts.n_off,
            n_tripped: counts.n_tripped,
            tripped,
            most_failures: counts.most_failures,
            oldest_due: oldest_due_at.map_or(Duration::ZERO, |due| now.since(due)),
            missed,
            n_dormant_keys: self.n_dormant_keys(now),
            headroom: self.least_headroom(now),
            hour,
            answers: seen.answers,
            durations: seen.durations,
            elapsed: Duration::from_millis(seen.elapsed_ms),
            n_dropped: seen.n_dropped,
            unlogged: seen.unlogged,
        })
    }

    fn n_dormant_keys(&self, now: Timestamp) -> u64 {
        let limit = Duration::from_secs(DORMANT_DAYS * 86_400);
        let keys = self.shared.keyring.all();
        let dormant = keys
            .iter()
            .filter(|key| key.revoked_at.is_none() && now.since(key.last_used_at.unwrap_or(key.created_at)) >= limit);
        dormant.count() as u64
    }

    /// In percent; all of it where no key has a window.
    fn least_headroom(&self, now: Timestamp) -> u64 {
        let windows = self.windows_in_order(&[], now);
        let left = windows.iter().map(|(_, of)| headroom(of.key.limits.of(of.bucket), of.window.used));
        left.min().unwrap_or(100)
    }
}
