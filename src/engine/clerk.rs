//! The clerk: writes down what the hot paths only noted, returns expired leases, and says when a minute's turn changes what is shown.

use super::Engine;
use super::dispatcher::LEASE;
use super::once::REMEMBERED;
use super::requests::Waiting;
use crate::ambient::Stopwatch;
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
/// A clock that moves this much more than time passes was set, or the machine slept.
const JUMP: Duration = Duration::from_secs(5);

pub(super) async fn run(engine: Engine, mut stop: watch::Receiver<bool>) {
    let ambient = engine.shared.ambient.clone();
    let mut clerk =
        Clerk { round_at: ambient.now(), watch: ambient.stopwatch(), was_used: false, trouble: Trouble::None };
    while !*stop.borrow() {
        clerk.work(&engine).await;
        let nap = if clerk.trouble == Trouble::Told { REST } else { ROUND };
        tokio::select! {
            () = ambient.sleep(nap) => {}
            _ = stop.changed() => {}
        }
    }
    clerk.work(&engine).await;
}

/// What the clerk remembers from one round to the next.
struct Clerk {
    round_at: Timestamp,
    watch: Stopwatch,
    was_used: bool,
    trouble: Trouble,
}

/// Whether storage fails, which is said once.
#[derive(PartialEq, Eq)]
enum Trouble {
    None,
    Told,
}

/// What waits to be written down.
struct Notes {
    windows: Vec<Used>,
    waiting: Waiting,
}

impl Clerk {
    async fn work(&mut self, engine: &Engine) {
        let shared = &engine.shared;
        let now = shared.ambient.now();
        let jump = now.since(self.round_at.plus(self.watch.elapsed()));
        let notes = Arc::new(Notes { windows: shared.windows.take_unwritten(), waiting: shared.log.take() });
        if notes.waiting.n_dropped > 0 {
            tracing::warn!(n = notes.waiting.n_dropped, "the request log could not keep up; entries were dropped");
        }
        let has_notes =
            !notes.windows.is_empty() || !notes.waiting.requests.is_empty() || !notes.waiting.uses.is_empty();
        let written = shared.store.write_patiently({
            let notes = Arc::clone(&notes);
            move |connection| write(connection, &notes, now, jump)
        });
        match written.await {
            Ok(n_released) => {
                if n_released > 0 {
                    tracing::warn!(n_released, "deliveries whose lease ended were returned");
                    shared.bell.notify_one();
                }
                self.trouble = Trouble::None;
            }
            Err(error) => {
                shared.windows.give_back(&notes.windows);
                shared.log.give_back(&notes.waiting);
                if self.trouble == Trouble::None {
                    tracing::error!(%error, "windows and requests cannot be written down; they are kept and tried again");
                }
                self.trouble = Trouble::Told;
            }
        }
        let turned = now.slot(MINUTE_MS) != self.round_at.slot(MINUTE_MS);
        if has_notes || (turned && self.was_used) {
            engine.changed();
        }
        self.was_used = has_notes || (self.was_used && !turned);
        (self.round_at, self.watch) = (now, shared.ambient.stopwatch());
    }
}

/// Writes everything down. The number of claims that were returned.
fn write(connection: &Connection, notes: &Notes, now: Timestamp, jump: Duration) -> Result<usize, store::Error> {
    for used in &notes.windows {
        store::windows::flush(connection, used)?;
    }
    for (key, at) in &notes.waiting.uses {
        store::keys::used(connection, *key, *at)?;
    }
    store::requests::insert(connection, &notes.waiting.requests)?;
    store::repeats::forget(connection, now.minus(REMEMBERED))?;
    if jump > JUMP {
        store::deliveries::shift_leases(connection, jump)?;
    }
    store::deliveries::clamp_leases(connection, now.plus(LEASE * 2))?;
    store::deliveries::release_expired(connection, now)
}
