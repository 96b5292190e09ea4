//! Commit of attempt outcomes: attempts, failures in a row, breaker trips, next due times and counters, in one
//! transaction.

use super::sender::SendResult;
use crate::domain::attempt::{Attempt, AttemptPhase, AttemptSubject};
use crate::domain::breaker::{BreakerTransition, FAILURE_THRESHOLD};
use crate::domain::delivery::{AttemptKind, DeliveryState, NextStep, UnitRandom, next_step};
use crate::domain::disabled_reason::DisabledReason;
use crate::domain::event::EventType;
use crate::domain::flight_limits::FlightSubject;
use crate::domain::ids::{AttemptId, SubscriptionId};
use crate::domain::latency;
use crate::domain::slots::AttemptSlot;
use crate::domain::subscription::WebhookSubscription;
use crate::domain::success_rate::SuccessCounts;
use crate::domain::time::Timestamp;
use crate::store;
use crate::store::deliveries::LeasedDelivery;
use crate::store::delivery_counts::CountChanges;
use crate::store::log_quota::{LogGrowth, LoggedAttempt};
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
    pub(super) lease_token: String,
    pub(super) target_url: String,
    pub(super) event_type: EventType,
    /// Time of the last change of the subscription before the attempt.
    pub(super) changed_at: Timestamp,
    /// Time from the take-off until a thread of this platform was free for the attempt.
    pub(super) queued_for: Duration,
    pub(super) send_result: SendResult,
    /// Jitter of the next retry, drawn in advance.
    pub(super) jitter: UnitRandom,
}

impl CompletedAttempt {
    /// Side that the outcome says something about.
    pub(super) const fn fault_domain(&self) -> FaultDomain {
        if self.send_result.result.outcome.is_about_receiver() { FaultDomain::Remote } else { FaultDomain::Local }
    }

    /// Subscription of the attempt, as it was configured.
    pub(super) const fn subject(&self) -> FlightSubject {
        FlightSubject { subscription: self.claimed.subscription, changed_at: self.changed_at }
    }

    /// Time from the request to the end of the answer, without establishing a connection, and without the time for which
    /// sending and reading waited for a thread: both about as long as the attempt had waited.
    pub(super) fn latency(&self) -> Duration {
        let phases = &self.send_result.exchange.phases;
        let us = [AttemptPhase::Head, AttemptPhase::Body].map(|phase| phases.get(phase).unwrap_or(0));
        Duration::from_micros(us.into_iter().fold(0, u64::saturating_add)).saturating_sub(self.queued_for * 2)
    }
}

/// Commits attempts in order, and writes rows they share once. Returns, per attempt, whether it was accepted. An
/// outcome whose lease was lost is rejected, since a later claim may own the delivery. An outcome of a local fault is
/// not written: the delivery is released as if it had not been tried.
pub(super) fn settle_attempts(
    connection: &Connection,
    flights: &[Arc<CompletedAttempt>],
    now: Timestamp,
) -> Result<Vec<bool>, store::Error> {
    let mut books = SettleBatch {
        connection,
        now,
        subscriptions: BTreeMap::new(),
        rollups: BTreeMap::new(),
        growth: LogGrowth::default(),
        counts: CountChanges::default(),
    };
    let believed = flights.iter().map(|flight| books.settle_attempt(flight)).collect::<Result<_, _>>()?;
    books.flush()?;
    Ok(believed)
}

/// Subscription with the changes of the attempts so far.
struct SubscriptionUpdate {
    subscription: WebhookSubscription,
    is_deleted: bool,
    /// Whether the change is not yet written.
    is_dirty: bool,
}

/// Batch in progress: subscriptions and counters are written once, after all attempts.
struct SettleBatch<'a> {
    connection: &'a Connection,
    now: Timestamp,
    /// Subscriptions loaded so far; `None` for one that does not exist.
    subscriptions: BTreeMap<SubscriptionId, Option<SubscriptionUpdate>>,
    /// Counts of scheduled attempts by subscription and latency bin.
    rollups: BTreeMap<(SubscriptionId, usize), SuccessCounts>,
    /// Bytes added to the logs of companies.
    growth: LogGrowth,
    /// Changed states of deliveries.
    counts: CountChanges,
}

impl SettleBatch<'_> {
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

    fn settle_attempt(&mut self, flight: &CompletedAttempt) -> Result<bool, store::Error> {
        let (connection, now) = (self.connection, self.now);
        let claimed = &flight.claimed;
        let Some(standing) = self.subscription_update(claimed.subscription)? else { return Ok(false) };
        let outcome = &flight.send_result.result.outcome;
        if claimed.kind == AttemptKind::Resend && outcome.is_about_receiver() {
            let logged = standing.settle_resend(connection, flight, now)?;
            return Ok(logged.map(|logged| self.growth.add(&logged)).is_some());
        }
        let number = claimed.n_attempts + 1;
        // Attempts such as resends are numbered but use up no retry.
        let verdict = next_step(outcome, number - claimed.n_without_retry, &claimed.retry_policy, now, flight.jitter);
        let (succeeded, counts) = (outcome.is_success(), claimed.kind == AttemptKind::Scheduled);
        let before = &standing.subscription;
        let (after, effect) = after_attempt(before, (succeeded, counts), now);
        // Only the transition trips: outcomes of attempts started before the trip must not record a second one.
        let trips = effect == BreakerTransition::Trip && before.disabled.is_none() && !standing.is_deleted;
        let is_off = before.disabled.is_some() || trips;
        let (state, due) = match verdict {
            NextStep::Delivered => (DeliveryState::Succeeded, None),
            NextStep::Exhausted => (DeliveryState::Exhausted, None),
            NextStep::RetryAt(_) if standing.is_deleted => (DeliveryState::Cancelled, None),
            NextStep::RetryAt(_) if is_off => (DeliveryState::OnHold, None),
            NextStep::RetryAt(at) => (DeliveryState::Pending, Some(at)),
            NextStep::Requeued => return store::deliveries::release(connection, claimed.id, &flight.lease_token),
        };
        // The lease token guards the write: an outcome that lost its lease changes nothing.
        let Some(change) = store::deliveries::complete(
            connection,
            (claimed.id, claimed.subscription),
            &flight.lease_token,
            state,
            number,
            due,
        )?
        else {
            return Ok(false);
        };
        let attempt = attempt_row(flight, number);
        let logged = store::attempts::insert(connection, &attempt, &flight.send_result.exchange, None)?;
        if claimed.kind == AttemptKind::Replay && matches!(state, DeliveryState::Succeeded | DeliveryState::Exhausted) {
            store::replays::count_outcome(connection, claimed.id, state)?;
        }
        if trips {
            trip_breaker(connection, &standing.subscription, now)?;
        }
        standing.replace(after);
        if trips {
            standing.subscription.disabled = Some((DisabledReason::Breaker, now));
        }
        self.growth.add(&logged);
        self.counts.record(&change);
        if counts {
            let bin = latency::bin_index(flight.send_result.result.elapsed_ms);
            let tally = self.rollups.entry((claimed.subscription, bin)).or_default();
            tally.n_ok += u64::from(succeeded);
            tally.n_failed += u64::from(!succeeded);
        }
        Ok(true)
    }

    /// Writes the collected subscriptions and counters.
    fn flush(self) -> Result<(), store::Error> {
        for standing in self.subscriptions.into_values().flatten().filter(|standing| standing.is_dirty) {
            store::subscriptions::update_after_attempt(self.connection, &standing.subscription)?;
        }
        self.growth.commit(self.connection)?;
        self.counts.commit(self.connection)?;
        store::attempt_rollups::add(self.connection, self.now, &self.rollups)
    }
}

impl SubscriptionUpdate {
    fn replace(&mut self, subscription: WebhookSubscription) {
        self.subscription = subscription;
        self.is_dirty = true;
    }

    /// Commits a resend, which counts for nothing: a success finishes the delivery, a failure leaves it unchanged.
    /// Returns `None` if the lease was lost.
    fn settle_resend(
        &mut self,
        connection: &Connection,
        flight: &CompletedAttempt,
        now: Timestamp,
    ) -> Result<Option<LoggedAttempt>, store::Error> {
        let has_succeeded = flight.send_result.result.outcome.is_success();
        if !store::resends::complete(connection, flight.claimed.id, &flight.lease_token, has_succeeded)? {
            return Ok(None);
        }
        let attempt = attempt_row(flight, flight.claimed.n_attempts + 1);
        let logged = store::attempts::insert(connection, &attempt, &flight.send_result.exchange, None)?;
        let (after, _) = after_attempt(&self.subscription, (has_succeeded, false), now);
        self.replace(after);
        Ok(Some(logged))
    }
}

/// Trips the breaker: disables the subscription, records the trip with recent causes, and holds its due deliveries.
fn trip_breaker(connection: &Connection, of: &WebhookSubscription, now: Timestamp) -> Result<(), store::Error> {
    let causes = store::attempts::outcome_counts(connection, of.id, FAILURE_THRESHOLD)?;
    store::subscriptions::disable(connection, of.id, (DisabledReason::Breaker, None), now)?;
    store::trips::insert(connection, of, &causes, now)?;
    store::deliveries::hold(connection, of.id)?;
    Ok(())
}

/// Computes the subscription after one more attempt.
fn after_attempt(
    before: &WebhookSubscription,
    (succeeded, counts): (bool, bool),
    now: Timestamp,
) -> (WebhookSubscription, BreakerTransition) {
    let mut after = before.clone();
    after.last_attempt_at = Some(now);
    if succeeded {
        after.last_success_at = Some(now);
    }
    if !counts {
        return (after, BreakerTransition::Unchanged);
    }
    let (breaker, effect) = before.breaker.after_attempt(succeeded);
    after.breaker = breaker;
    after.streak =
        if breaker.failures_in_a_row == 0 { None } else { Some((before.streak.map_or(now, |streak| streak.0), now)) };
    (after, effect)
}

fn attempt_row(flight: &CompletedAttempt, number: u32) -> Attempt {
    let claimed = &flight.claimed;
    Attempt {
        id: AttemptId(0),
        subject: AttemptSubject {
            company: claimed.company,
            subscription: claimed.subscription,
            target_url: flight.target_url.clone(),
            delivery: Some((claimed.id, claimed.event)),
            event_type: flight.event_type,
        },
        kind: claimed.kind,
        number,
        started_at: flight.send_result.started_at,
        result: flight.send_result.result.clone(),
    }
}
