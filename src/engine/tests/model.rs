//! Model of deliveries, replays and the breaker in memory: the behaviour that the platform must have, in few words.

use crate::domain::breaker::{BreakerTransition, CircuitBreaker};
use crate::domain::delivery::{AttemptKind, DeliveryState, RetryPolicy, UnitRandom};
use crate::domain::replay::{MAX_DUE_BEFORE_REPLAY, ReplayDecision, ReplayState, decide};
use crate::domain::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Outcome of an attempt in the model.
#[derive(Debug, Clone, Copy)]
pub(super) enum ModelOutcome {
    Arrives,
    Fails,
    /// The sender has a local fault.
    LocalFault,
}

/// Deliveries that a replay gives their turn in one round.
pub(super) const REPLAY_BATCH_LIMIT: u32 = 3;

/// A delivery of the model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ModelDelivery {
    pub(super) of: usize,
    pub(super) state: DeliveryState,
    pub(super) kind: AttemptKind,
    pub(super) n_attempts: u32,
    pub(super) n_beside: u32,
    pub(super) due_at: Option<Timestamp>,
    /// Whether an attempt of the delivery is in flight, which leaves `state` unchanged.
    pub(super) is_held: bool,
    pub(super) replay: Option<usize>,
}

impl ModelDelivery {
    /// State that the platform reports of the delivery.
    pub(super) const fn seen(&self) -> DeliveryState {
        if self.is_held { DeliveryState::InFlight } else { self.state }
    }
}

/// A subscription of the model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ModelSubscription {
    pub(super) is_off: bool,
    pub(super) is_deleted: bool,
    pub(super) breaker: CircuitBreaker,
    pub(super) missed_after: usize,
    pub(super) n_missed: u64,
}

/// A replay of the model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ModelReplay {
    pub(super) of: usize,
    pub(super) phase: ReplayState,
    pub(super) picks: BTreeMap<usize, DeliveryState>,
    pub(super) n_selected: u64,
    pub(super) n_taken: u64,
    pub(super) n_passed: u64,
    pub(super) n_succeeded: u64,
    pub(super) n_exhausted: u64,
}

/// The model: what the platform ought to be.
#[derive(Debug, Clone, Default)]
pub(super) struct PlatformModel {
    pub(super) deliveries: Vec<ModelDelivery>,
    pub(super) subscribers: Vec<ModelSubscription>,
    pub(super) plans: Vec<ModelReplay>,
    pub(super) resends: BTreeSet<usize>,
}

impl PlatformModel {
    pub(super) fn turn_off(&mut self, of: usize) {
        self.subscribers[of].is_off = true;
        self.subscribers[of].missed_after = self.deliveries.len();
        for delivery in self.deliveries.iter_mut().filter(|d| d.of == of && d.state == DeliveryState::Pending) {
            (delivery.state, delivery.due_at) = (DeliveryState::OnHold, None);
        }
    }

    pub(super) fn add_plan(&mut self, of: usize, picks: BTreeMap<usize, DeliveryState>) {
        let phase = if picks.is_empty() { ReplayState::Finished } else { ReplayState::Running };
        let n_selected = picks.len() as u64;
        let plan =
            ModelReplay { of, phase, picks, n_selected, n_taken: 0, n_passed: 0, n_succeeded: 0, n_exhausted: 0 };
        self.plans.push(plan);
    }

    /// Applies the outcome of an attempt.
    pub(super) fn land(&mut self, n: usize, kind: AttemptKind, fate: ModelOutcome, now: Timestamp) {
        self.deliveries[n].is_held = false;
        if matches!(fate, ModelOutcome::LocalFault) {
            return;
        }
        let has_arrived = matches!(fate, ModelOutcome::Arrives);
        self.deliveries[n].n_attempts += 1;
        if kind == AttemptKind::Resend {
            self.deliveries[n].n_beside += 1;
            self.resends.remove(&n);
            if has_arrived {
                let delivery = &mut self.deliveries[n];
                (delivery.state, delivery.due_at) = (DeliveryState::Succeeded, None);
            }
            return;
        }
        let of = self.deliveries[n].of;
        let subscriber = &mut self.subscribers[of];
        let mut effect = BreakerTransition::Unchanged;
        if kind == AttemptKind::Scheduled {
            (subscriber.breaker, effect) = subscriber.breaker.after_attempt(has_arrived);
        }
        let trips = effect == BreakerTransition::Trip && !subscriber.is_off && !subscriber.is_deleted;
        let delivery = &mut self.deliveries[n];
        let wait = RetryPolicy::default().delay_after(delivery.n_attempts - delivery.n_beside, None, UnitRandom(0.5));
        (delivery.state, delivery.due_at) = match wait {
            _ if has_arrived => (DeliveryState::Succeeded, None),
            None => (DeliveryState::Exhausted, None),
            Some(_) if subscriber.is_deleted => (DeliveryState::Cancelled, None),
            Some(_) if subscriber.is_off || trips => (DeliveryState::OnHold, None),
            Some(wait) => (DeliveryState::Pending, Some(now.plus(wait))),
        };
        if kind == AttemptKind::Replay
            && let Some(plan) = delivery.replay
        {
            match delivery.state {
                DeliveryState::Succeeded => self.plans[plan].n_succeeded += 1,
                DeliveryState::Exhausted => self.plans[plan].n_exhausted += 1,
                _ => {}
            }
        }
        if trips {
            self.turn_off(of);
        }
    }

    /// Every running replay gives some of its deliveries their turn.
    pub(super) fn round(&mut self, now: Timestamp) {
        for number in 0..self.plans.len() {
            let of = self.plans[number].of;
            let subscriber = self.subscribers[of];
            if self.plans[number].phase != ReplayState::Running || subscriber.is_off || subscriber.is_deleted {
                continue;
            }
            let is_due = |d: &&ModelDelivery| {
                d.of == of && d.seen() == DeliveryState::Pending && d.due_at.is_some_and(|at| at <= now)
            };
            let n_due = u32::try_from(self.deliveries.iter().filter(is_due).count()).expect("few");
            let limit = REPLAY_BATCH_LIMIT.min(MAX_DUE_BEFORE_REPLAY.saturating_sub(n_due)) as usize;
            let is_free = |n: &usize| !self.deliveries[*n].is_held;
            let turns: Vec<usize> = self.plans[number].picks.keys().copied().filter(is_free).take(limit).collect();
            for n in turns {
                let selected = self.plans[number].picks.remove(&n).expect("picked");
                let delivery = &mut self.deliveries[n];
                if decide(selected, Some(delivery.state)) == ReplayDecision::Enqueue {
                    (delivery.state, delivery.kind, delivery.due_at) =
                        (DeliveryState::Pending, AttemptKind::Replay, Some(now));
                    (delivery.n_beside, delivery.replay) = (delivery.n_attempts, Some(number));
                    self.plans[number].n_taken += 1;
                } else {
                    self.plans[number].n_passed += 1;
                }
            }
            if self.plans[number].picks.is_empty() {
                self.plans[number].phase = ReplayState::Finished;
            }
        }
    }
}
