//! Settling: an attempt's outcome, the streak, the breaker, the next due time and the counters are written in one transaction.

use super::sender::Landed;
use super::{Engine, Error};
use crate::domain::attempt::{About, Attempt};
use crate::domain::breaker::{Effect, FUSE};
use crate::domain::delivery::{Kind, Roll, State, Verdict, judge};
use crate::domain::event::EventType;
use crate::domain::health::Tally;
use crate::domain::ids::AttemptId;
use crate::domain::standing::Disabled;
use crate::domain::subscription::Subscription;
use crate::domain::time::Timestamp;
use crate::store;
use crate::store::deliveries::Claimed;
use rusqlite::Connection;
use std::sync::Arc;

/// What an attempt told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Something about the receiver.
    Theirs,
    /// Only that the sender itself is in trouble.
    Ours,
}

/// An attempt that is over, and the claim it was made under.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) claimed: Claimed,
    pub(super) lease: String,
    pub(super) target_url: String,
    pub(super) event_type: EventType,
    pub(super) landed: Landed,
}

impl Engine {
    /// Writes an attempt down. An outcome that comes after its lease was lost is not believed: somebody else has the delivery. One that tells
    /// only of our own trouble is not written down: the delivery is as if it had not been tried.
    ///
    /// # Errors
    /// Those of storage.
    pub(super) async fn settle(&self, flight: Arc<Flight>) -> Result<Told, Error> {
        let now = self.shared.ambient.now();
        let roll = self.shared.ambient.roll();
        let told = if flight.landed.result.outcome.is_counted() { Told::Theirs } else { Told::Ours };
        let is_replay = flight.claimed.kind == Kind::Replay;
        let believed = self
            .shared
            .store
            .write_patiently(move |connection| settle(connection, &flight, now, roll))
            .await
            .map_err(Error::from)?;
        if told == Told::Theirs && !believed {
            tracing::warn!("an outcome came after its lease was lost and was not believed");
        }
        self.changed();
        if is_replay {
            self.replan();
        }
        Ok(told)
    }
}

pub(super) fn settle(
    connection: &Connection,
    flight: &Flight,
    now: Timestamp,
    roll: Roll,
) -> Result<bool, store::Error> {
    let claimed = &flight.claimed;
    let Some((before, deleted_at)) = store::subscriptions::even_deleted(connection, claimed.subscription)? else {
        return Ok(false);
    };
    let outcome = &flight.landed.result.outcome;
    let number = claimed.n_attempts + 1;
    if claimed.kind == Kind::Resend && outcome.is_counted() {
        return settle_resend(connection, flight, &before, now);
    }
    let verdict = judge(outcome, number - claimed.n_beside, &claimed.schedule, now, roll);
    let counts = claimed.kind == Kind::Scheduled;
    let (after, effect) = next(&before, claimed.kind, (outcome.is_success(), counts), now);
    let trips = effect == Effect::Trips && before.off.is_none() && deleted_at.is_none();
    let is_off = before.off.is_some() || trips;
    let (state, due) = match verdict {
        Verdict::Delivered => (State::Succeeded, None),
        Verdict::Exhausted => (State::Exhausted, None),
        Verdict::RetryAt(_) if deleted_at.is_some() => (State::Cancelled, None),
        Verdict::RetryAt(_) if is_off => (State::Parked, None),
        Verdict::RetryAt(at) => (State::Pending, Some(at)),
        Verdict::Postponed => return store::deliveries::give_back(connection, claimed.id, &flight.lease, now),
    };
    if !store::deliveries::settle(connection, claimed.id, &flight.lease, state, number, due)? {
        return Ok(false);
    }
    store::attempts::insert(connection, &attempt(flight, number), &flight.landed.exchange, None)?;
    store::subscriptions::attempted(connection, &after)?;
    if claimed.kind == Kind::Replay && matches!(state, State::Succeeded | State::Exhausted) {
        store::replays::ended(connection, claimed.id, state)?;
    }
    if counts {
        let ok = outcome.is_success();
        let tally = Tally { n_ok: u64::from(ok), n_failed: u64::from(!ok) };
        store::health::count_attempt(connection, claimed.subscription, now, flight.landed.result.elapsed_ms, tally)?;
    }
    if trips {
        let causes = store::attempts::causes(connection, claimed.subscription, FUSE)?;
        store::subscriptions::disable(connection, claimed.subscription, Disabled::Breaker, now)?;
        store::trips::insert(connection, &before, &causes, now)?;
        store::deliveries::park(connection, claimed.subscription)?;
    }
    Ok(true)
}

/// A resend counts for nothing: it only succeeds or leaves the delivery as it was.
fn settle_resend(
    connection: &Connection,
    flight: &Flight,
    before: &Subscription,
    now: Timestamp,
) -> Result<bool, store::Error> {
    let has_succeeded = flight.landed.result.outcome.is_success();
    if !store::resends::settle(connection, flight.claimed.id, &flight.lease, has_succeeded, now)? {
        return Ok(false);
    }
    let number = flight.claimed.n_attempts + 1;
    store::attempts::insert(connection, &attempt(flight, number), &flight.landed.exchange, None)?;
    let (after, _) = next(before, Kind::Resend, (has_succeeded, false), now);
    store::subscriptions::attempted(connection, &after)?;
    Ok(true)
}

/// The subscription after one more attempt.
fn next(
    before: &Subscription,
    claimed: Kind,
    (succeeded, counts): (bool, bool),
    now: Timestamp,
) -> (Subscription, Effect) {
    let mut after = before.clone();
    after.last_attempt_at = Some(now);
    if succeeded {
        after.last_success_at = Some(now);
    }
    if claimed != Kind::Resend {
        after.ramp = before.ramp.after(succeeded);
    }
    if !counts {
        return (after, Effect::Holds);
    }
    let (breaker, effect) = before.breaker.after(succeeded);
    after.breaker = breaker;
    after.streak = if breaker.streak == 0 { None } else { Some((before.streak.map_or(now, |streak| streak.0), now)) };
    (after, effect)
}

fn attempt(flight: &Flight, number: u32) -> Attempt {
    let claimed = &flight.claimed;
    Attempt {
        id: AttemptId(0),
        about: About {
            company: claimed.company,
            subscription: claimed.subscription,
            target_url: flight.target_url.clone(),
            delivery: Some((claimed.id, claimed.event)),
            event_type: flight.event_type,
        },
        kind: claimed.kind,
        number,
        started_at: flight.landed.started_at,
        result: flight.landed.result.clone(),
    }
}
