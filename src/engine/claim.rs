//! A claim: what is due and there is room for, taken in one transaction. Resends come first, then round-robin over the subscriptions for which
//! something waits, so that none starves another.

use crate::domain::delivery::State;
use crate::domain::event::Event;
use crate::domain::ids::{DeliveryId, SubscriptionId};
use crate::domain::ramp::Ramp;
use crate::domain::time::Timestamp;
use crate::store;
use crate::store::deliveries::{Claimed, Lease, Waiting};
use rusqlite::Connection;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

/// What a claim is made with.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) lease: Lease,
    /// Attempts that may be begun.
    pub(super) room: usize,
    /// The subscription that was served last.
    pub(super) last: SubscriptionId,
    /// Attempts under way.
    pub(super) under_way: HashMap<SubscriptionId, usize>,
    /// Attempts of single subscriptions that may be under way at once, where that is less than usual.
    pub(super) limits: BTreeMap<SubscriptionId, usize>,
}

/// What was claimed.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub(super) jobs: Vec<Job>,
    /// When the next delivery that there is room for is due.
    pub(super) next_due_at: Option<Timestamp>,
    /// The subscription that was served last; none if none was.
    pub(super) last: Option<SubscriptionId>,
}

/// What is needed to make an attempt.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) claimed: Claimed,
    pub(super) event: Event,
    pub(super) target_url: String,
    pub(super) sealed: Vec<u8>,
}

/// Claims what is due.
pub(super) fn claim(connection: &Connection, ask: Ask) -> Result<Claims, store::Error> {
    let mut hand = Hand { connection, ask, jobs: Vec::new(), known: HashMap::new() };
    for (id, subscription) in store::resends::waiting(connection)? {
        if hand.room_of(subscription, Ramp::default()) > 0
            && let Some(claimed) = store::resends::claim(connection, id, &hand.ask.lease)?
        {
            hand.take(claimed)?;
        }
    }
    let now = hand.ask.lease.now;
    let mut waiting = store::deliveries::next_due(connection)?;
    let first = waiting.partition_point(|of| of.subscription <= hand.ask.last);
    waiting.rotate_left(first);
    let mut due: Vec<Waiting> = waiting.into_iter().filter(|of| of.due_at <= now).collect();
    while !due.is_empty() && hand.room() > 0 {
        let share = (hand.room() / due.len()).max(1);
        let mut again = Vec::new();
        for of in due {
            let id = of.subscription;
            let n = share.min(hand.room_of(id, of.ramp));
            if n == 0 {
                continue;
            }
            let claimed = store::deliveries::claim(connection, id, n, &hand.ask.lease)?;
            if claimed.len() == n {
                again.push(of);
            }
            for claimed in claimed {
                hand.ask.last = id;
                hand.take(claimed)?;
            }
        }
        due = again;
    }
    let next_due_at = match hand.room() {
        0 => None,
        _ => store::deliveries::next_due(connection)?
            .into_iter()
            .filter(|of| hand.room_of(of.subscription, of.ramp) > 0)
            .map(|of| of.due_at)
            .min(),
    };
    Ok(Claims { jobs: hand.jobs, next_due_at, last: Some(hand.ask.last) })
}

/// What a claim has in hand while it is made.
struct Hand<'a> {
    connection: &'a Connection,
    ask: Ask,
    jobs: Vec<Job>,
    /// Targets with their sealed secrets, read once for all their deliveries.
    known: HashMap<SubscriptionId, Option<(String, Vec<u8>)>>,
}

impl Hand<'_> {
    /// How many more attempts may be begun.
    fn room(&self) -> usize {
        self.ask.room.saturating_sub(self.jobs.len())
    }

    /// How many more of one subscription.
    fn room_of(&self, id: SubscriptionId, ramp: Ramp) -> usize {
        let n = self.ask.under_way.get(&id).copied().unwrap_or(0);
        let limit = self.ask.limits.get(&id).copied().unwrap_or(usize::MAX);
        (ramp.room() as usize).min(limit).saturating_sub(n).min(self.room())
    }

    /// Makes a job of what was claimed, or gives it up if it cannot be read: it must not hold up the others.
    fn take(&mut self, claimed: Claimed) -> Result<(), store::Error> {
        let (id, n_attempts) = (claimed.id, claimed.n_attempts);
        match self.job(claimed) {
            Ok(Some(job)) => {
                *self.ask.under_way.entry(job.claimed.subscription).or_default() += 1;
                self.jobs.push(job);
                Ok(())
            }
            Ok(None) | Err(store::Error::Unreadable(_)) => self.give_up(id, n_attempts),
            Err(error) => Err(error),
        }
    }

    fn job(&mut self, claimed: Claimed) -> Result<Option<Job>, store::Error> {
        let connection = self.connection;
        let id = claimed.subscription;
        let known = match self.known.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(store::subscriptions::target(connection, id)?),
        };
        let (Some((target_url, sealed)), Some(event)) = (known.clone(), store::events::get(connection, claimed.event)?)
        else {
            return Ok(None);
        };
        Ok(Some(Job { claimed, event, target_url, sealed }))
    }

    fn give_up(&self, id: DeliveryId, n_attempts: u32) -> Result<(), store::Error> {
        tracing::error!(%id, "a delivery's event or subscription cannot be read; it was given up");
        store::resends::forget(self.connection, id)?;
        store::deliveries::settle(self.connection, id, &self.ask.lease.token, State::Exhausted, n_attempts, None)?;
        Ok(())
    }
}
