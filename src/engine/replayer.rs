//! The replayer: enqueues the deliveries selected by running replays, at each replay's rate, while the subscription
//! is enabled. An item is enqueued and removed from the plan in one transaction, so that a crash neither repeats nor
//! loses one. Only the rate limit is kept in memory.

use super::handle::Engine;
use crate::clock::Stopwatch;
use crate::domain::ids::{ReplayId, SubscriptionId};
use crate::domain::replay::{MAX_DUE_BEFORE_REPLAY, ReplayDecision, ReplayTokenBucket, decide};
use crate::domain::time::Timestamp;
use crate::store;
use crate::store::replays::RunningReplay;
use rusqlite::Connection;
use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::watch;

/// Longest sleep without a wake-up; limits the cost of a lost notification.
const MAX_IDLE_INTERVAL: Duration = Duration::from_secs(30);
/// Delay while a subscription has enough due deliveries, or after storage failed.
const RETRY_DELAY: Duration = Duration::from_secs(1);

pub(super) async fn run(engine: Engine, mut stop: watch::Receiver<bool>) {
    let shared = &engine.shared;
    let mut replayer = Replayer { token_buckets: HashMap::new() };
    while !*stop.borrow() {
        // Register for notifications before querying, so that a notification that arrives during the query is not
        // missed.
        let mut rung = pin!(shared.replayer_wakeup.notified());
        rung.as_mut().enable();
        let nap = replayer.tick(&engine).await;
        tokio::select! {
            () = rung => {}
            () = shared.ambient.sleep(nap) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Token bucket of each running replay, with the time since its last refill.
struct Replayer {
    token_buckets: HashMap<ReplayId, (ReplayTokenBucket, Stopwatch)>,
}

impl Replayer {
    /// Runs one batch over all running replays. Returns the time until the next batch.
    async fn tick(&mut self, engine: &Engine) -> Duration {
        let shared = &engine.shared;
        let Ok(running) = shared.store.read(store::replays::running).await else { return RETRY_DELAY };
        self.token_buckets.retain(|id, _| running.iter().any(|replay| replay.id == *id));
        let mut asks = Vec::new();
        for replay in running {
            let (purse, watch) = self
                .token_buckets
                .entry(replay.id)
                .or_insert_with(|| (ReplayTokenBucket::full(replay.per_second), shared.ambient.stopwatch()));
            purse.refill(watch.elapsed());
            *watch = shared.ambient.stopwatch();
            asks.push((replay, purse.available()));
        }
        if asks.is_empty() {
            return MAX_IDLE_INTERVAL;
        }
        let now = shared.ambient.now();
        let rounds = shared.store.write_queued(move |connection| {
            asks.into_iter()
                .map(|(replay, limit)| run_batch(connection, replay, limit, now))
                .collect::<Result<Vec<_>, _>>()
        });
        let Ok(rounds) = rounds.await else { return RETRY_DELAY };
        let mut nap = RETRY_DELAY;
        for ReplayBatch { replay: of, subscription, n_enqueued: n_taken, n_passed_over: n_passed } in &rounds {
            if let Some((purse, _)) = self.token_buckets.get_mut(of) {
                purse.take(*n_taken);
                nap = nap.min(purse.time_until_next().max(Duration::from_millis(1)));
            }
            if n_taken + n_passed > 0 {
                engine.notify_queue_changed(*subscription);
            }
        }
        // Items held back by due deliveries wait for an attempt to finish, which wakes the replayer.
        if rounds.iter().all(|round| round.n_enqueued + round.n_passed_over == 0) { RETRY_DELAY } else { nap }
    }
}

/// Result of one batch of one replay.
#[derive(Debug)]
pub(super) struct ReplayBatch {
    pub(super) replay: ReplayId,
    subscription: SubscriptionId,
    n_enqueued: u32,
    n_passed_over: u32,
}

/// Enqueues at most `limit` selected deliveries, fewer when the subscription has enough due deliveries.
pub(super) fn run_batch(
    connection: &Connection,
    replay: RunningReplay,
    limit: u32,
    now: Timestamp,
) -> Result<ReplayBatch, store::Error> {
    let n_due = store::deliveries::n_due(connection, replay.subscription, MAX_DUE_BEFORE_REPLAY, now)?;
    let (mut n_taken, mut n_passed) = (0, 0);
    for pick in
        store::replays::next_items(connection, replay.id, limit.min(MAX_DUE_BEFORE_REPLAY.saturating_sub(n_due)))?
    {
        match decide(pick.selected, pick.now) {
            ReplayDecision::Enqueue => {
                store::replays::enqueue(connection, replay.id, pick.delivery, now)?;
                n_taken += 1;
            }
            ReplayDecision::Skip => n_passed += 1,
            // The item keeps its place in the plan and is decided again in a later batch.
            ReplayDecision::Wait => continue,
        }
        store::replays::remove_item(connection, replay.id, pick.delivery)?;
    }
    store::replays::add_progress(connection, replay.id, (n_taken, n_passed), now)?;
    Ok(ReplayBatch {
        replay: replay.id,
        subscription: replay.subscription,
        n_enqueued: n_taken,
        n_passed_over: n_passed,
    })
}
