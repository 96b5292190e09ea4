//! Housekeeping: flushes buffered rate windows and request-log rows, releases expired leases, writes pending
//! revocations, and signals a change when the minute rolls over.

use super::Engine;
use super::dispatcher::LEASE;
use super::once::REMEMBERED;
use super::request_log::Waiting;
use crate::ambient::Stopwatch;
use crate::domain::ids::CompanyId;
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::store;
use crate::store::windows::WindowUsage;
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Flush interval of buffered rows.
const ROUND: Duration = Duration::from_millis(200);

/// Delay before the next round after storage failed.
const REST: Duration = Duration::from_secs(2);
/// Successful rounds in a row before expired leases are released.
const CALM: u32 = 10;
/// Deviation between clock and elapsed time that counts as a clock step or a suspended machine.
const JUMP: Duration = Duration::from_secs(5);

pub(super) async fn run(engine: Engine, mut stop: watch::Receiver<bool>) {
    let ambient = engine.shared.ambient.clone();
    let mut clerk = Clerk {
        n_calm: 0,
        round_at: ambient.now(),
        watch: ambient.stopwatch(),
        was_used: false,
        silent: Vec::new(),
        trouble: Trouble::None,
        write_fault: None,
    };
    while !*stop.borrow() {
        clerk.work(&engine).await;
        let is_faulty = clerk.trouble == Trouble::Told || engine.shared.store.write_fault().is_some();
        let nap = if is_faulty { REST } else { ROUND };
        tokio::select! {
            () = ambient.sleep(nap) => {}
            _ = stop.changed() => {}
        }
    }
    clerk.work(&engine).await;
}

/// State carried from one housekeeping round to the next.
struct Clerk {
    /// Successful rounds in a row.
    n_calm: u32,
    round_at: Timestamp,
    watch: Stopwatch,
    was_used: bool,
    /// Companies with missing events at the last full minute.
    silent: Vec<CompanyId>,
    trouble: Trouble,
    /// Write fault seen in the previous round.
    write_fault: Option<String>,
}

/// Whether storage fails, so that the failure is logged once.
#[derive(PartialEq, Eq)]
enum Trouble {
    None,
    Told,
}

/// Step of the clock since the previous round: ahead, back, or both zero.
#[derive(Debug, Clone, Copy)]
struct Set {
    ahead: Duration,
    back: Duration,
}

/// Buffered rows to write in one round.
struct Notes {
    windows: Vec<WindowUsage>,
    waiting: Waiting,
}

impl Clerk {
    async fn work(&mut self, engine: &Engine) {
        let shared = &engine.shared;
        // After a failed write, only this probe restores the disk reserve and finds out when storage accepts writes.
        shared.store.probe_writes().await;
        engine.write_pending_revocations().await;
        let now = shared.ambient.now();
        let expected = self.round_at.plus(self.watch.elapsed());
        let set = Set { ahead: now.since(expected), back: expected.since(now) };
        let notes = Arc::new(Notes { windows: shared.windows.take_unwritten(), waiting: shared.log.take() });
        if notes.waiting.n_dropped > 0 {
            tracing::warn!(
                n = notes.waiting.n_dropped,
                "the request log cannot keep up; these requests are only counted"
            );
        }
        let has_notes = !notes.windows.is_empty() || !notes.waiting.is_empty();
        // After a storage failure, outcomes in the dispatcher's memory are written before their leases may expire.
        let expired_before = (self.n_calm >= CALM).then_some(now);
        let written = shared.store.write_queued({
            let notes = Arc::clone(&notes);
            move |connection| write(connection, &notes, (now, set), expired_before)
        });
        match written.await {
            Ok(n_released) => {
                if n_released > 0 {
                    tracing::warn!(n_released, "deliveries with expired leases were returned to the queue");
                }
                // Tasks that sleep until a time of day computed that time with the old clock.
                if n_released > 0 || set.ahead > JUMP || set.back > JUMP {
                    shared.bell.notify_one();
                }
                self.trouble = Trouble::None;
                self.n_calm = self.n_calm.saturating_add(1);
            }
            Err(error) => {
                shared.windows.give_back(&notes.windows);
                shared.log.give_back(&notes.waiting);
                if self.trouble == Trouble::None {
                    tracing::error!(%error, "rate windows and requests cannot be stored; they are kept and retried");
                }
                self.trouble = Trouble::Told;
                self.n_calm = 0;
            }
        }
        let write_fault = shared.store.write_fault().map(|fault| fault.to_string());
        if write_fault != self.write_fault {
            self.write_fault = write_fault;
            engine.changed();
            // The dispatcher pauses while writes fail, and resumes when they succeed.
            shared.bell.notify_one();
        }
        let turned = now.floor_to(MINUTE_MS) != self.round_at.floor_to(MINUTE_MS);
        let fell_silent = turned && self.listen(engine).await;
        if has_notes || fell_silent || (turned && self.was_used) {
            engine.changed();
        }
        self.was_used = has_notes || (self.was_used && !turned);
        (self.round_at, self.watch) = (now, shared.ambient.stopwatch());
    }
}

impl Clerk {
    /// Whether the set of companies with missing events changed. No event announces silence, so it is polled.
    async fn listen(&mut self, engine: &Engine) -> bool {
        let Ok(silences) = engine.silences().await else { return false };
        let silent = silences.iter().map(|(company, _)| company.id).collect();
        let before = std::mem::replace(&mut self.silent, silent);
        before != self.silent
    }
}

/// Writes all buffered rows and adjusts leases to a clock step. Returns the number of released leases.
fn write(
    connection: &Connection,
    notes: &Notes,
    (now, set): (Timestamp, Set),
    expired_before: Option<Timestamp>,
) -> Result<usize, store::Error> {
    for used in &notes.windows {
        store::windows::flush(connection, used)?;
    }
    for (key, at) in &notes.waiting.uses {
        store::keys::set_last_used(connection, *key, *at)?;
    }
    store::requests::insert(connection, notes.waiting.rows())?;
    store::requests::add_to_counters(connection, notes.waiting.counts())?;
    store::idempotency_keys::delete_until(connection, now.minus(REMEMBERED))?;
    // A clock set ahead would expire leases of attempts still in flight; one set back would delay retries beyond
    // their plan.
    if set.ahead > JUMP {
        store::deliveries::shift_leases(connection, set.ahead)?;
    }
    if set.back > JUMP {
        store::deliveries::shift_due(connection, set.back)?;
    }
    store::deliveries::clamp_leases(connection, now.plus(LEASE * 2))?;
    expired_before.map_or(Ok(0), |now| store::deliveries::release_expired(connection, now))
}
