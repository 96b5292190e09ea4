//! The clerk: writes down what the hot paths only noted, returns expired leases, and says when a minute's turn changes what is shown.

use super::Engine;
use super::dispatcher::LEASE;
use super::once::REMEMBERED;
use super::request_log::Waiting;
use crate::ambient::Stopwatch;
use crate::domain::ids::CompanyId;
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::store;
use crate::store::windows::Used;
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long a note may wait.
const ROUND: Duration = Duration::from_millis(200);

/// The wait after storage failed.
const REST: Duration = Duration::from_secs(2);
/// Rounds in a row that must have been written down before claims are taken for left.
const CALM: u32 = 10;
/// A clock that moves this much more than time passes was set, or the machine slept.
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

/// What the clerk remembers from one round to the next.
struct Clerk {
    /// Rounds in a row that were written down.
    n_calm: u32,
    round_at: Timestamp,
    watch: Stopwatch,
    was_used: bool,
    /// Companies whose events stayed away at the last minute's turn.
    silent: Vec<CompanyId>,
    trouble: Trouble,
    /// Why writes failed when it was last looked at.
    write_fault: Option<String>,
}

/// Whether storage fails, which is said once.
#[derive(PartialEq, Eq)]
enum Trouble {
    None,
    Told,
}

/// How far the clock was set since it was looked at: one way or the other, or not at all.
#[derive(Debug, Clone, Copy)]
struct Set {
    ahead: Duration,
    back: Duration,
}

/// What waits to be written down.
struct Notes {
    windows: Vec<Used>,
    waiting: Waiting,
}

impl Clerk {
    async fn work(&mut self, engine: &Engine) {
        let shared = &engine.shared;
        // Writes may be refused until there is room again for what is under way; here is the one place that looks for it.
        shared.store.probe().await;
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
        // After trouble with storage, outcomes that wait to be written down come before claims that seem to have been left.
        let expired_before = (self.n_calm >= CALM).then_some(now);
        let written = shared.store.write_patiently({
            let notes = Arc::clone(&notes);
            move |connection| write(connection, &notes, (now, set), expired_before)
        });
        match written.await {
            Ok(n_released) => {
                if n_released > 0 {
                    tracing::warn!(n_released, "deliveries whose lease ended were returned");
                }
                // Whoever sleeps until a time of day slept by another clock.
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
                    tracing::error!(%error, "windows and requests cannot be written down; they are kept and tried again");
                }
                self.trouble = Trouble::Told;
                self.n_calm = 0;
            }
        }
        let write_fault = shared.store.write_fault().map(|fault| fault.to_string());
        if write_fault != self.write_fault {
            self.write_fault = write_fault;
            engine.changed();
            // Dispatch is paused for as long as writes fail.
            shared.bell.notify_one();
        }
        let turned = now.slot(MINUTE_MS) != self.round_at.slot(MINUTE_MS);
        let fell_silent = turned && self.listen(engine).await;
        if has_notes || fell_silent || (turned && self.was_used) {
            engine.changed();
        }
        self.was_used = has_notes || (self.was_used && !turned);
        (self.round_at, self.watch) = (now, shared.ambient.stopwatch());
    }
}

impl Clerk {
    /// Whether other companies are silent now than when it was last asked: nothing happens when somebody falls silent, so it must be looked for.
    async fn listen(&mut self, engine: &Engine) -> bool {
        let Ok(silences) = engine.silences().await else { return false };
        let silent = silences.iter().map(|(company, _)| company.id).collect();
        let before = std::mem::replace(&mut self.silent, silent);
        before != self.silent
    }
}

/// Writes everything down. The number of claims that were returned.
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
        store::keys::used(connection, *key, *at)?;
    }
    store::requests::insert(connection, notes.waiting.rows())?;
    store::requests::count(connection, notes.waiting.counts())?;
    store::repeats::forget(connection, now.minus(REMEMBERED))?;
    if set.ahead > JUMP {
        store::deliveries::shift_leases(connection, set.ahead)?;
    }
    if set.back > JUMP {
        store::deliveries::bring_forward(connection, set.back)?;
    }
    store::deliveries::clamp_leases(connection, now.plus(LEASE * 2))?;
    expired_before.map_or(Ok(0), |now| store::deliveries::release_expired(connection, now))
}
