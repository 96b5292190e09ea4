//! Commit of attempt outcomes: attempts, failures in a row, breaker trips, next due times and counters, in one
//! transaction. Rows of the same kind are written together.

use crate::domain::attempt::{AttemptPhase, AttemptResult};
use crate::domain::breaker::{BreakerTransition, FAILURE_THRESHOLD};
use crate::domain::delivery::{AttemptKind, DeliveryState, NextStep, UnitRandom, next_step};
use crate::domain::disabled_reason::DisabledReason;
use crate::domain::event::EventType;
use crate::domain::flight_limits::FlightSubject;
use crate::domain::ids::{DeliveryId, SubscriptionId};
use crate::domain::latency;
use crate::domain::slots::AttemptSlot;
use crate::domain::subscription::WebhookSubscription;
use crate::domain::success_rate::SuccessCounts;
use crate::domain::time::Timestamp;
use crate::store;
use crate::store::attempts::{EncodedExchange, NewAttempt};
use crate::store::deliveries::LeasedDelivery;
use crate::store::delivery_counts::CountChanges;
use crate::store::log_quota::LogGrowth;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

/// Side that an attempt's outcome says something about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultDomain {
    /// The receiver, which answered or was unreachable.
    Remote,
    /// Only this platform, whose own network failed.
    Local,
}

/// Finished attempt with the claim it was made under.
#[derive(Debug)]
pub(super) struct CompletedAttempt {
    pub(super) claimed: LeasedDelivery,
    /// Slot that the attempt occupied.
    pub(super) slot: AttemptSlot,
    pub(super) lease_token: Arc<str>,
    pub(super) target_url: Arc<str>,
    pub(super) event_type: EventType,
    /// Time of the last change of the subscription before the attempt.
    pub(super) changed_at: Timestamp,
    /// Time from the take-off until a thread of this platform was free for the attempt.
    pub(super) queued_for: Duration,
    pub(super) started_at: Timestamp,
    pub(super) result: AttemptResult,
    pub(super) exchange: EncodedExchange,
    /// Jitter of the next retry, drawn in advance.
    pub(super) jitter: UnitRandom,
}

impl CompletedAttempt {
    /// Side that the outcome says something about.
    pub(super) const fn fault_domain(&self) -> FaultDomain {
        if self.result.outcome.is_about_receiver() { FaultDomain::Remote } else { FaultDomain::Local }
    }

    /// Subscription of the attempt, as it was configured.
    pub(super) const fn subject(&self) -> FlightSubject {
        FlightSubject { subscription: self.claimed.subscription, changed_at: self.changed_at }
    }

    /// Time from the request to the end of the answer, without establishing a connection.
    pub(super) fn latency(&self) -> Duration {
        let us = [AttemptPhase::Head, AttemptPhase::Body].map(|phase| self.exchange.phase_us(phase).unwrap_or(0));
        Duration::from_micros(us.into_iter().fold(0, u64::saturating_add))
    }

    /// The attempt as the delivery log stores it.
    fn row(&self) -> NewAttempt<'_> {
        let LeasedDelivery { id, event, subscription, company, kind, n_attempts, .. } = self.claimed;
        NewAttempt {
            company,
            subscription,
            target_url: &self.target_url,
            delivery: Some((id, event)),
            event_type: self.event_type,
            kind,
            number: n_attempts + 1,
            started_at: self.started_at,
            result: &self.result,
            exchange: &self.exchange,
            body: None,
        }
    }
}

/// What became of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SettledOutcome {
    /// The lease was lost, and nothing was written: a later claim may own the delivery.
    Discarded,
    /// The outcome is stored.
    Stored {
        /// Time of the next attempt, if there is one.
        retry_at: Option<Timestamp>,
        /// Whether the outcome tripped the breaker.
        has_tripped: bool,
    },
    /// The platform's own network failed: the delivery waits as if it had not been tried.
    Requeued,
}

impl SettledOutcome {
    const ENDED: Self = Self::Stored { retry_at: None, has_tripped: false };
}

/// Commits attempts in order, and writes rows they share once. Returns what became of each.
pub(super) fn settle_attempts(
    connection: &Connection,
    flights: &[Arc<CompletedAttempt>],
    now: Timestamp,
) -> Result<Vec<SettledOutcome>, store::Error> {
    let mut batch = SettleBatch {
        connection,
        now,
        subscriptions: BTreeMap::new(),
        succeeded: Vec::new(),
        attempts: Vec::new(),
        rollups: BTreeMap::new(),
        growth: LogGrowth::default(),
        counts: CountChanges::default(),
    };
    let held = release_leases(connection, flights)?;
    let mut settled = Vec::with_capacity(flights.len());
    for (flight, is_held) in flights.iter().zip(held) {
        settled.push(if is_held { batch.settle_attempt(flight)? } else { SettledOutcome::Discarded });
    }
    batch.write()?;
    Ok(settled)
}

/// Releases the leases of finished attempts. Returns for each whether its lease was still held.
fn release_leases(connection: &Connection, flights: &[Arc<CompletedAttempt>]) -> Result<Vec<bool>, store::Error> {
    let mut by_token: BTreeMap<&str, Vec<DeliveryId>> = BTreeMap::new();
    for flight in flights {
        by_token.entry(&flight.lease_token).or_default().push(flight.claimed.id);
    }
    let mut held = BTreeMap::new();
    for (token, ids) in by_token {
        held.insert(token, store::deliveries::release(connection, token, &ids)?);
    }
    let is_held = |flight: &Arc<CompletedAttempt>| {
        held.get(&*flight.lease_token).is_some_and(|held| held.contains(&flight.claimed.id))
    };
    Ok(flights.iter().map(is_held).collect())
}

/// Subscription with the changes of the attempts so far.
struct SubscriptionUpdate {
    subscription: WebhookSubscription,
    is_deleted: bool,
    /// Whether the change is not yet written.
    is_dirty: bool,
}

/// Batch in progress: rows of the same kind are written together, subscriptions and counters once, after all attempts.
struct SettleBatch<'a> {
    connection: &'a Connection,
    now: Timestamp,
    /// Subscriptions loaded so far; `None` for one that does not exist.
    subscriptions: BTreeMap<SubscriptionId, Option<SubscriptionUpdate>>,
    /// Deliveries that succeeded and are not yet written.
    succeeded: Vec<(DeliveryId, SubscriptionId)>,
    /// Attempts that are not yet written.
    attempts: Vec<NewAttempt<'a>>,
    /// Counts of scheduled attempts by subscription and latency bin.
    rollups: BTreeMap<(SubscriptionId, usize), SuccessCounts>,
    /// Bytes added to the logs of companies.
    growth: LogGrowth,
    /// Changed states of deliveries.
    counts: CountChanges,
}

impl<'a> SettleBatch<'a> {
    fn subscription_update(&mut self, id: SubscriptionId) -> Result<Option<&mut SubscriptionUpdate>, store::Error> {
        let standing = match self.subscriptions.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let found = store::subscriptions::get_including_deleted(self.connection, id)?;
                place.insert(found.map(|(subscription, deleted_at)| SubscriptionUpdate {
                    subscription,
                    is_deleted: deleted_at.is_some(),
                    is_dirty: false,
                }))
            }
        };
        Ok(standing.as_mut())
    }

    /// Commits the outcome of an attempt whose lease was held, and is released.
    fn settle_attempt(&mut self, flight: &'a CompletedAttempt) -> Result<SettledOutcome, store::Error> {
        let (connection, now) = (self.connection, self.now);
        let (claimed, outcome) = (&flight.claimed, &flight.result.outcome);
        if !outcome.is_about_receiver() {
            return Ok(SettledOutcome::Requeued);
        }
        let Some(standing) = self.subscription_update(claimed.subscription)? else {
            return Ok(SettledOutcome::Discarded);
        };
        let (succeeded, counts) = (outcome.is_success(), claimed.kind == AttemptKind::Scheduled);
        let was_disabled = standing.subscription.disabled.is_some();
        let effect = standing.record_attempt((succeeded, counts), now);
        if claimed.kind == AttemptKind::Resend {
            // A resend counts for nothing: a success finishes the delivery, a failure leaves it unchanged.
            store::resends::complete(connection, claimed.id, succeeded)?;
            self.attempts.push(flight.row());
            return Ok(SettledOutcome::ENDED);
        }
        // Attempts such as resends are numbered but use up no retry.
        let number = claimed.n_attempts + 1;
        let verdict = next_step(outcome, number - claimed.n_without_retry, &claimed.retry_policy, now, flight.jitter);
        // Only the transition trips: outcomes of attempts started before the trip must not record a second one.
        let has_tripped = effect == BreakerTransition::Trip && !was_disabled && !standing.is_deleted;
        let is_off = was_disabled || has_tripped;
        let (state, retry_at) = match verdict {
            NextStep::Delivered => (DeliveryState::Succeeded, None),
            NextStep::Exhausted => (DeliveryState::Exhausted, None),
            NextStep::RetryAt(_) if standing.is_deleted => (DeliveryState::Cancelled, None),
            NextStep::RetryAt(_) if is_off => (DeliveryState::OnHold, None),
            NextStep::RetryAt(at) => (DeliveryState::Pending, Some(at)),
            NextStep::Requeued => return Ok(SettledOutcome::Requeued),
        };
        self.attempts.push(flight.row());
        if state == DeliveryState::Succeeded {
            self.succeeded.push((claimed.id, claimed.subscription));
        } else if let Some(change) = store::deliveries::complete(connection, claimed.id, (state, retry_at), 1)? {
            self.counts.record(&change);
        }
        if claimed.kind == AttemptKind::Replay && matches!(state, DeliveryState::Succeeded | DeliveryState::Exhausted) {
            store::replays::count_outcome(connection, claimed.id, state)?;
        }
        if counts {
            let bin = latency::bin_index(flight.result.elapsed_ms);
            let tally = self.rollups.entry((claimed.subscription, bin)).or_default();
            tally.n_ok += u64::from(succeeded);
            tally.n_failed += u64::from(!succeeded);
        }
        if has_tripped {
            self.trip_breaker(claimed.subscription)?;
        }
        Ok(SettledOutcome::Stored { retry_at, has_tripped })
    }

    /// Trips the breaker: disables the subscription, records the trip with recent causes, and holds its due deliveries.
    fn trip_breaker(&mut self, id: SubscriptionId) -> Result<(), store::Error> {
        // The causes are read from the log, and what succeeded is not put on hold.
        self.write_attempts()?;
        let (connection, now) = (self.connection, self.now);
        let Some(SubscriptionUpdate { subscription, .. }) = self.subscription_update(id)? else { return Ok(()) };
        let causes = store::attempts::outcome_counts(connection, id, FAILURE_THRESHOLD)?;
        store::subscriptions::disable(connection, id, (DisabledReason::Breaker, None), now)?;
        // As it was before the trip.
        store::trips::insert(connection, subscription, &causes, now)?;
        subscription.disabled = Some((DisabledReason::Breaker, now));
        store::deliveries::hold(connection, id)?;
        Ok(())
    }

    /// Writes the attempts and successes collected so far.
    fn write_attempts(&mut self) -> Result<(), store::Error> {
        store::attempts::insert(self.connection, &std::mem::take(&mut self.attempts), &mut self.growth)?;
        let succeeded = std::mem::take(&mut self.succeeded);
        store::deliveries::complete_succeeded(self.connection, &succeeded, &mut self.counts)
    }

    /// Writes what was collected.
    fn write(mut self) -> Result<(), store::Error> {
        self.write_attempts()?;
        for standing in self.subscriptions.into_values().flatten().filter(|standing| standing.is_dirty) {
            store::subscriptions::update_after_attempt(self.connection, &standing.subscription)?;
        }
        self.growth.commit(self.connection)?;
        self.counts.commit(self.connection)?;
        store::attempt_rollups::add(self.connection, self.now, &self.rollups)
    }
}

impl SubscriptionUpdate {
    /// Records one more attempt.
    fn record_attempt(&mut self, (succeeded, counts): (bool, bool), now: Timestamp) -> BreakerTransition {
        self.is_dirty = true;
        let of = &mut self.subscription;
        of.last_attempt_at = Some(now);
        if succeeded {
            of.last_success_at = Some(now);
        }
        if !counts {
            return BreakerTransition::Unchanged;
        }
        let (breaker, effect) = of.breaker.after_attempt(succeeded);
        of.breaker = breaker;
        of.streak = (breaker.failures_in_a_row > 0).then(|| (of.streak.map_or(now, |streak| streak.0), now));
        effect
    }
}
