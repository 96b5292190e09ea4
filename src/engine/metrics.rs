//! Metrics snapshot, read from maintained counters; no table is scanned.

use super::alert_counts::{StoredJudgements, read_judgements};
use super::error::Error;
use super::flight_board::FlightTotals;
use super::handle::Engine;
use crate::domain::alert_rule::AlertRule;
use crate::domain::delivery::DeliveryState;
use crate::domain::health_status::{DORMANT_DAYS, headroom_percent};
use crate::domain::ids::{CompanyId, SubscriptionId};
use crate::domain::latency::Histogram;
use crate::domain::poll_watch::StuckPoller;
use crate::domain::success_rate::SuccessCounts;
use crate::domain::time::Timestamp;
use crate::store;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::time::Duration;

/// Maximum number of tripped subscriptions listed by name.
pub const MAX_TRIPPED_NAMED: usize = 50;

/// Counters and gauges of the platform at one point in time.
#[derive(Debug, Clone)]
pub struct MetricsSnapshot {
    /// Events published since the platform exists.
    pub n_events: u64,
    /// Deliveries created since the platform exists.
    pub n_deliveries: u64,
    /// Attempts made since the platform exists.
    pub n_attempts: u64,
    /// Breaker trips since the platform exists.
    pub n_trips: u64,
    /// Rows written to the audit trail since the platform exists.
    pub n_changes: u64,
    /// Number of unfinished deliveries by state.
    pub n_unfinished: [(DeliveryState, u64); 4],
    /// Limits on attempts in flight.
    pub flights: FlightTotals,
    /// Number of subscriptions that are enabled.
    pub n_enabled: u64,
    /// Number of subscriptions disabled manually.
    pub n_disabled: u64,
    /// Number of subscriptions disabled by the breaker.
    pub n_tripped: u64,
    /// Tripped subscriptions, at most [`MAX_TRIPPED_NAMED`].
    pub tripped: Vec<(SubscriptionId, CompanyId)>,
    /// Highest number of failures in a row over the enabled subscriptions.
    pub max_failures_in_a_row: u64,
    /// Age of the oldest due delivery; zero if none is due.
    pub oldest_due: Duration,
    /// Deliveries of the last 24 hours that were missed, and that were exhausted.
    pub missed: (u64, u64),
    /// Active keys unused for [`DORMANT_DAYS`] days or more.
    pub n_dormant_keys: u64,
    /// Remaining calls of the fullest rate window, in percent; 100 without any window.
    pub headroom: u64,
    /// Number of subjects that need attention now, by rule.
    pub alerts: BTreeMap<AlertRule, u64>,
    /// Successes and failures of scheduled attempts in the last hour.
    pub last_hour: SuccessCounts,
    /// Requests since the start of the process, by method, route and status.
    pub requests: BTreeMap<(String, String, u16), u64>,
    /// Durations of these requests as a histogram.
    pub durations: Histogram,
    /// Sum of the durations of these requests.
    pub elapsed: Duration,
    /// Requests since the start without a row, because the queue of the request log was full.
    pub n_dropped: u64,
    /// Rate-limited refusals since the start without a row in the request log, by status.
    pub unlogged: BTreeMap<u16, u64>,
}

/// Values read from the database in one transaction.
struct MetricsReading {
    counts: store::usage::DatabaseCounts,
    tripped: Vec<(SubscriptionId, CompanyId)>,
    missed: (u64, u64),
    oldest_due_at: Option<Timestamp>,
    minutes: Vec<(Timestamp, SuccessCounts)>,
    judgements: StoredJudgements,
}

fn read_metrics(
    connection: &Connection,
    now: Timestamp,
    pollers: &[StuckPoller],
) -> Result<MetricsReading, store::Error> {
    Ok(MetricsReading {
        judgements: read_judgements(connection, now, pollers)?,
        counts: store::usage::counts(connection)?,
        tripped: store::usage::tripped(connection, MAX_TRIPPED_NAMED)?,
        missed: store::usage::count_missed(connection, now.minus(Duration::from_secs(86_400)))?,
        oldest_due_at: store::deliveries::oldest_due(connection)?,
        minutes: store::attempt_rollups::per_minute(connection, now.minus(Duration::from_secs(3_600)))?,
    })
}

impl Engine {
    /// Takes a metrics snapshot from counters and in-memory state.
    ///
    /// # Errors
    /// [`Error`] when the database cannot be read.
    pub async fn metrics_snapshot(&self) -> Result<MetricsSnapshot, Error> {
        let now = self.shared.ambient.now();
        let pollers = self.stuck_pollers(now);
        let MetricsReading { counts, tripped, missed, oldest_due_at, minutes, judgements } =
            self.shared.store.read(move |connection| read_metrics(connection, now, &pollers)).await?;
        let oldest_due = oldest_due_at.map_or(Duration::ZERO, |due| now.since(due));
        let hour = minutes.iter().fold(SuccessCounts::default(), |sum, (_, minute)| SuccessCounts {
            n_ok: sum.n_ok + minute.n_ok,
            n_failed: sum.n_failed + minute.n_failed,
        });
        let seen = self.shared.request_log.totals();
        let given = |name: &str| counts.last_ids.get(name).copied().unwrap_or(0);
        Ok(MetricsSnapshot {
            n_events: counts.n_events,
            n_deliveries: given("deliveries"),
            n_attempts: given("attempts"),
            n_trips: given("trips"),
            n_changes: given("audit"),
            n_unfinished: counts.waiting,
            flights: self.shared.flight_board.totals(),
            n_enabled: counts.n_enabled,
            n_disabled: counts.n_off,
            n_tripped: counts.n_tripped,
            tripped,
            max_failures_in_a_row: counts.max_failures_in_a_row,
            oldest_due,
            alerts: self.count_alerts(judgements, oldest_due, now),
            missed,
            n_dormant_keys: self.n_dormant_keys(now),
            headroom: self.least_headroom(now),
            last_hour: hour,
            requests: seen.requests,
            durations: seen.durations,
            elapsed: Duration::from_millis(seen.elapsed_ms),
            n_dropped: seen.n_dropped,
            unlogged: seen.unlogged,
        })
    }

    fn n_dormant_keys(&self, now: Timestamp) -> u64 {
        let limit = Duration::from_secs(DORMANT_DAYS * 86_400);
        let keys = self.shared.api_keys.all();
        let dormant = keys
            .iter()
            .filter(|key| key.revoked_at.is_none() && now.since(key.last_used_at.unwrap_or(key.created_at)) >= limit);
        dormant.count() as u64
    }

    /// Smallest share of remaining calls over all rate windows, in percent; 100 without any window.
    fn least_headroom(&self, now: Timestamp) -> u64 {
        let windows = self.sorted_windows(&[], now);
        let left = windows.iter().map(|(_, of)| headroom_percent(of.key.limits.for_bucket(of.bucket), of.window.used));
        left.min().unwrap_or(100)
    }
}
