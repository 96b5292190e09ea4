//! What a claim, its outcomes and a publication cost while 10, 1,000 and 10,000 deliveries wait: the same. The cost is
//! counted in checks of SQLite's virtual machine, which come at least once for every row that a statement looks at.

use super::super::claim::{ClaimRequest, ClaimedBatch, QueueClaim, claim};
use super::super::settle::{CompletedAttempt, settle_attempts};
use super::super::subscription_queue::attempt_slot;
use super::{Flight, START, TARGET, publish, subscribe};
use crate::domain::delivery::AttemptOutcome;
use crate::domain::ids::{CompanyId, SubscriptionId};
use crate::domain::slots::SlotQueue;
use crate::store;
use crate::store::deliveries::{Lease, QueuePosition};
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Subscription whose deliveries are claimed; it belongs to company 1.
const CLAIMED: SubscriptionId = SubscriptionId(1);
/// Deliveries that one claim takes.
const N_CLAIMED: usize = 8;

/// Deliveries that wait, and whether they wait at one subscription or each at another.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    n: usize,
    is_spread: bool,
}

/// Number of checks by operation.
#[derive(Debug, Clone, Copy)]
struct Cost {
    publish: u64,
    claim: u64,
    settle: u64,
    sweep: u64,
}

/// A database in which deliveries of company 2 wait, and enough for one claim of company 1.
fn database(waiting: Waiting) -> Connection {
    let connection = store::open_in_memory().expect("a database in memory");
    store::companies::insert(&connection, "Beta", START).expect("a company");
    subscribe(&connection, CompanyId(1));
    publish(&connection, CompanyId(1), N_CLAIMED * 2, START);
    let (n_subscriptions, n_events) = if waiting.is_spread { (waiting.n, 1) } else { (1, waiting.n) };
    for _ in 0..n_subscriptions {
        subscribe(&connection, CompanyId(2));
    }
    publish(&connection, CompanyId(2), n_events, START);
    connection
}

/// Counts the checks of `work`.
fn counted<T>(connection: &Connection, work: impl FnOnce(&Connection) -> T) -> (T, u64) {
    let n = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&n);
    let is_interrupted = move || {
        counter.fetch_add(1, Ordering::Relaxed);
        false
    };
    connection.progress_handler(1, Some(is_interrupted)).expect("a counter");
    let done = work(connection);
    connection.progress_handler(0, None::<fn() -> bool>).expect("no counter");
    (done, n.load(Ordering::Relaxed))
}

fn request(claims: Vec<QueueClaim>, unread: Vec<SubscriptionId>, sweep_after: Option<SubscriptionId>) -> ClaimRequest {
    let lease = Lease { token: Arc::from("a"), until: START.plus(Duration::from_secs(30)) };
    ClaimRequest { lease, now: START, returned: Vec::new(), unread, sweep_after, claims }
}

fn succeeded(batch: ClaimedBatch) -> Vec<Arc<CompletedAttempt>> {
    let jobs = batch.queues.into_iter().flat_map(|queue| queue.jobs);
    let answered = AttemptOutcome::Answered { status: 200, retry_after: None };
    jobs.map(|job| Arc::new(Flight::new(job, Arc::from("a")).end(answered, START))).collect()
}

fn measure(waiting: Waiting) -> Cost {
    let connection = database(waiting);
    let claims = || {
        let slot = attempt_slot(CompanyId(1), TARGET, CLAIMED);
        vec![QueueClaim { slot, queue: SlotQueue::Due, after: QueuePosition::START, n_slots: N_CLAIMED }]
    };
    // Once without counting, so that statements are prepared and rows that are made once exist.
    let first = claim(&connection, request(claims(), vec![CLAIMED], Some(SubscriptionId(0)))).expect("claimed");
    settle_attempts(&connection, &succeeded(first), START).expect("settled");
    publish(&connection, CompanyId(1), 1, START);
    let (_, publish) = counted(&connection, |connection| publish(connection, CompanyId(1), 1, START));
    let (batch, claimed) =
        counted(&connection, |connection| claim(connection, request(claims(), vec![CLAIMED], None)).expect("claimed"));
    let outcomes = succeeded(batch);
    assert_eq!(outcomes.len(), N_CLAIMED);
    let (_, settle) =
        counted(&connection, |connection| settle_attempts(connection, &outcomes, START).expect("settled"));
    let (_, sweep) = counted(&connection, |connection| {
        claim(connection, request(Vec::new(), Vec::new(), Some(SubscriptionId(0)))).expect("read")
    });
    Cost { publish, claim: claimed, settle, sweep }
}

#[test]
fn what_waits_adds_nothing_to_the_cost_of_a_publication_a_claim_and_its_outcomes() {
    for is_spread in [false, true] {
        let [few, more, many] = [10, 1_000, 10_000].map(|n| measure(Waiting { n, is_spread }));
        let is_equal = |few: u64, many: u64| few > 0 && many <= few + few / 10;
        for cost in [more, many] {
            assert!(is_equal(few.publish, cost.publish), "spread: {is_spread}: {few:?}, {cost:?}");
            assert!(is_equal(few.claim, cost.claim), "spread: {is_spread}: {few:?}, {cost:?}");
            assert!(is_equal(few.settle, cost.settle), "spread: {is_spread}: {few:?}, {cost:?}");
        }
        // A pass over all queues reads a limited number of them in one transaction, however long they are.
        let fewer = if is_spread { more } else { few };
        assert!(is_equal(fewer.sweep, many.sweep), "spread: {is_spread}: {fewer:?}, {many:?}");
    }
}
