//! Housekeeping: flushes buffered rate windows and request-log rows, releases expired leases, writes pending
//! revocations, and signals a change when the minute rolls over.

use super::claim::LEASE_DURATION;
use super::handle::Engine;
use super::idempotency::IDEMPOTENCY_TTL;
use super::request_log::PendingRequests;
use crate::clock::Stopwatch;
use crate::domain::alert::AlertSubject;
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::store;
use crate::store::windows::WindowUsage;
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Flush interval of buffered rows.
const FLUSH_INTERVAL: Duration = Duration::from_millis(200);

/// Delay before the next round after storage failed.
const STORAGE_RETRY_DELAY: Duration = Duration::from_secs(2);
/// Successful rounds in a row before expired leases are released.
const MIN_HEALTHY_ROUNDS: u32 = 10;
/// Deviation between clock and elapsed time that counts as a clock step or a suspended machine.
const MIN_CLOCK_STEP: Duration = Duration::from_secs(5);

pub(super) async fn run(engine: Engine, mut stop: watch::Receiver<bool>) {
    let ambient = engine.shared.ambient.clone();
    let mut clerk = Housekeeper {
        n_healthy_rounds: 0,
        previous_round_at: ambient.now(),
        stopwatch: ambient.stopwatch(),
        had_activity: false,
        alerting: Vec::new(),
        storage_alarm: StorageAlarm::None,
        write_fault: None,
    };
    while !*stop.borrow() {
        clerk.run_round(&engine).await;
        let is_faulty = clerk.storage_alarm == StorageAlarm::Reported || engine.shared.store.write_fault().is_some();
        let nap = if is_faulty { STORAGE_RETRY_DELAY } else { FLUSH_INTERVAL };
        tokio::select! {
            () = ambient.sleep(nap) => {}
            _ = stop.changed() => {}
        }
    }
    clerk.run_round(&engine).await;
}

/// State carried from one housekeeping round to the next.
struct Housekeeper {
    /// Successful rounds in a row.
    n_healthy_rounds: u32,
    previous_round_at: Timestamp,
    stopwatch: Stopwatch,
    had_activity: bool,
    /// Subjects of the conditions that needed attention at the last full minute.
    alerting: Vec<AlertSubject>,
    storage_alarm: StorageAlarm,
    /// Write fault seen in the previous round.
    write_fault: Option<String>,
}

/// Whether storage fails, so that the failure is logged once.
#[derive(PartialEq, Eq)]
enum StorageAlarm {
    None,
    Reported,
}

/// Step of the clock since the previous round: ahead, back, or both zero.
#[derive(Debug, Clone, Copy)]
struct ClockStep {
    ahead: Duration,
    back: Duration,
}

/// Buffered rows to write in one round.
struct PendingWrites {
    windows: Vec<WindowUsage>,
    requests: PendingRequests,
}

impl Housekeeper {
    async fn run_round(&mut self, engine: &Engine) {
        let shared = &engine.shared;
        // After a failed write, only this probe restores the disk reserve and finds out when storage accepts writes.
        shared.store.probe_writes().await;
        engine.write_pending_revocations().await;
        let now = shared.ambient.now();
        let expected = self.previous_round_at.plus(self.stopwatch.elapsed());
        let set = ClockStep { ahead: now.since(expected), back: expected.since(now) };
        let notes = Arc::new(PendingWrites {
            windows: shared.rate_limiter.take_dirty(),
            requests: shared.request_log.take_pending(),
        });
        if notes.requests.n_dropped > 0 {
            tracing::warn!(
                n = notes.requests.n_dropped,
                "the request log cannot keep up; these requests are only counted"
            );
        }
        let has_notes = !notes.windows.is_empty() || !notes.requests.is_empty();
        // After a storage failure, outcomes in the dispatcher's memory are written before their leases may expire.
        let expired_before = (self.n_healthy_rounds >= MIN_HEALTHY_ROUNDS).then_some(now);
        let written = shared.store.write_queued({
            let notes = Arc::clone(&notes);
            move |connection| flush(connection, &notes, (now, set), expired_before)
        });
        match written.await {
            Ok(n_released) => {
                if n_released > 0 {
                    tracing::warn!(n_released, "deliveries with expired leases were returned to the queue");
                }
                // Tasks that sleep until a time of day computed that time with the old clock.
                if n_released > 0 || set.ahead > MIN_CLOCK_STEP || set.back > MIN_CLOCK_STEP {
                    shared.dispatch_notices.add_all();
                }
                self.storage_alarm = StorageAlarm::None;
                self.n_healthy_rounds = self.n_healthy_rounds.saturating_add(1);
            }
            Err(error) => {
                shared.rate_limiter.restore(&notes.windows);
                shared.request_log.restore(&notes.requests);
                if self.storage_alarm == StorageAlarm::None {
                    tracing::error!(%error, "rate windows and requests cannot be stored; they are kept and retried");
                }
                self.storage_alarm = StorageAlarm::Reported;
                self.n_healthy_rounds = 0;
            }
        }
        let write_fault = shared.store.write_fault().map(|fault| fault.to_string());
        if write_fault != self.write_fault {
            self.write_fault = write_fault;
            engine.mark_changed();
            // The dispatcher pauses while writes fail, and resumes when they succeed.
            shared.dispatch_notices.wake();
        }
        let turned = now.floor_to(MINUTE_MS) != self.previous_round_at.floor_to(MINUTE_MS);
        let alerts_changed = turned && self.refresh_conditions(engine).await;
        if has_notes || alerts_changed || (turned && self.had_activity) {
            engine.mark_changed();
        }
        self.had_activity = has_notes || (self.had_activity && !turned);
        (self.previous_round_at, self.stopwatch) = (now, shared.ambient.stopwatch());
    }
}

impl Housekeeper {
    /// Whether the subjects of conditions that need attention changed. Nothing announces the passing of a limit in
    /// time, so the conditions are polled.
    async fn refresh_conditions(&mut self, engine: &Engine) -> bool {
        let Ok(conditions) = engine.conditions().await else { return false };
        let alerting = conditions.iter().map(|condition| condition.subject).collect();
        let before = std::mem::replace(&mut self.alerting, alerting);
        before != self.alerting
    }
}

/// Writes all buffered rows and adjusts leases to a clock step. Returns the number of released leases.
fn flush(
    connection: &Connection,
    notes: &PendingWrites,
    (now, set): (Timestamp, ClockStep),
    expired_before: Option<Timestamp>,
) -> Result<usize, store::Error> {
    for used in &notes.windows {
        store::windows::flush(connection, used)?;
    }
    for (key, at) in &notes.requests.key_uses {
        store::keys::set_last_used(connection, *key, *at)?;
    }
    store::requests::insert(connection, notes.requests.rows())?;
    store::requests::add_to_counters(connection, notes.requests.counts())?;
    store::idempotency_keys::delete_until(connection, now.minus(IDEMPOTENCY_TTL))?;
    // A clock set ahead would expire leases of attempts still in flight; one set back would delay retries beyond
    // their plan.
    if set.ahead > MIN_CLOCK_STEP {
        store::deliveries::shift_leases(connection, set.ahead)?;
    }
    if set.back > MIN_CLOCK_STEP {
        store::deliveries::shift_due(connection, set.back)?;
    }
    store::deliveries::clamp_leases(connection, now.plus(LEASE_DURATION * 2))?;
    expired_before.map_or(Ok(0), |now| store::deliveries::release_expired(connection, now))
}
