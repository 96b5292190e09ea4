//! The platform's deliveries against a small model of them in memory: whatever happens in whatever order, both say the same after every
//! step, and in the end nothing was lost.
//!
//! `cargo test` runs a few hundred sequences; ten thousand are run by `PROPTEST_CASES=10000 cargo test --lib engine::tests`.

use super::super::caller::{Actor, Caller};
use super::super::claim::claim;
use super::super::dispatch_notices::DispatchNotices;
use super::super::dispatch_queue::DispatchQueue;
use super::super::flight_board::FlightBoard;
use super::super::partner_subscriptions::delete_with_deliveries;
use super::super::replayer::run_batch;
use super::super::replays::plan_selection;
use super::super::settle::{CompletedAttempt, SettledOutcome, settle_attempts};
use super::super::subscription_queue::WaitingJob;
use super::super::subscriptions::{MissedPolicy, disable_subscription, enable_subscription};
use super::model::{ModelDelivery, ModelOutcome, ModelReplay, ModelSubscription, PlatformModel, REPLAY_BATCH_LIMIT};
use super::{Flight, START, publish, subscribe};
use crate::clock::RuntimeEnv;
use crate::domain::audit::AuditKey;
use crate::domain::breaker::CircuitBreaker;
use crate::domain::delivery::{AttemptKind, AttemptOutcome, DeliveryState, FailureKind};
use crate::domain::ids::{CompanyId, DeliveryId, OperatorId, ReplayId, SubscriptionId};
use crate::domain::operator::{OperatorAccount, OperatorRole};
use crate::domain::replay::{REPLAYABLE_STATES, ReplaySelection, ReplayState};
use crate::domain::slots::{SlotCapacity, SlotQueue};
use crate::domain::subscription::WebhookSubscription;
use crate::domain::time::Timestamp;
use crate::store;
use crate::store::deliveries::LeasedDelivery;
use crate::store::replays::RunningReplay;
use proptest::prelude::*;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const N_SUBSCRIPTIONS: usize = 2;

/// Command of a random run. Numbers choose among the deliveries, subscriptions and replays that exist.
#[derive(Debug, Clone, Copy)]
enum ModelCommand {
    Emit,
    Claim,
    Land(usize, ModelOutcome),
    LandAll(ModelOutcome),
    /// An attempt ends that was begun before the last restart.
    LandLate(usize),
    Pass(u64),
    Enable(usize, MissedPolicy),
    Disable(usize),
    Delete(usize),
    Resend(usize),
    /// The states by their bits.
    Replay(usize, u8),
    Round,
    Turn(usize, ReplayState),
    Restart,
}

fn commands() -> impl Strategy<Value = Vec<ModelCommand>> {
    let fate = || prop_oneof![4 => Just(ModelOutcome::Arrives), 6 => Just(ModelOutcome::Fails), 1 => Just(ModelOutcome::LocalFault)];
    let of = 0..N_SUBSCRIPTIONS;
    let any = 0_usize..1_000;
    let command = prop_oneof![
        8 => Just(ModelCommand::Emit),
        12 => Just(ModelCommand::Claim),
        8 => (any.clone(), fate()).prop_map(|(n, fate)| ModelCommand::Land(n, fate)),
        6 => fate().prop_map(ModelCommand::LandAll),
        2 => any.clone().prop_map(ModelCommand::LandLate),
        6 => (0_u64..90).prop_map(ModelCommand::Pass),
        2 => (3_600_u64..40_000).prop_map(ModelCommand::Pass),
        5 => (of.clone(), prop_oneof![Just(MissedPolicy::Leave), Just(MissedPolicy::Replay)]).prop_map(|(n, m)| ModelCommand::Enable(n, m)),
        3 => of.clone().prop_map(ModelCommand::Disable),
        1 => Just(ModelCommand::Delete(1)),
        5 => any.clone().prop_map(ModelCommand::Resend),
        4 => (of, 1_u8..16).prop_map(|(n, bits)| ModelCommand::Replay(n, bits)),
        8 => Just(ModelCommand::Round),
        3 => (any, prop_oneof![Just(ReplayState::Paused), Just(ReplayState::Running), Just(ReplayState::Cancelled)])
            .prop_map(|(n, phase)| ModelCommand::Turn(n, phase)),
        2 => Just(ModelCommand::Restart),
    ];
    proptest::collection::vec(command, 1..80)
}

/// The platform's tables, what the dispatcher has in hand, and the model beside them.
struct ModelWorld {
    connection: Connection,
    ambient: RuntimeEnv,
    caller: Caller,
    notices: DispatchNotices,
    queue: DispatchQueue,
    flights: Vec<Flight>,
    late: Vec<Flight>,
    n_claims: u32,
    model: PlatformModel,
}

fn id(of: usize) -> SubscriptionId {
    SubscriptionId(i64::try_from(of).expect("few") + 1)
}

fn queue(ambient: &RuntimeEnv) -> DispatchQueue {
    DispatchQueue::new(Arc::new(FlightBoard::new(ambient)), SlotCapacity::FULL)
}

fn place(of: DeliveryId) -> usize {
    usize::try_from(of.0).expect("few") - 1
}

impl ModelWorld {
    fn new() -> Self {
        let connection = store::open_in_memory().expect("a database in memory");
        let mut model = PlatformModel::default();
        for _ in 0..N_SUBSCRIPTIONS {
            let id = subscribe(&connection, CompanyId(1));
            // Not far from its fuse's end, so that short sequences see it trip.
            let new = store::subscriptions::get(&connection, id).expect("read").expect("it is there");
            let burnt = WebhookSubscription { breaker: CircuitBreaker { failures_in_a_row: 15 }, ..new };
            store::subscriptions::update_after_attempt(&connection, &burnt).expect("written");
            model.subscribers.push(ModelSubscription {
                is_off: false,
                is_deleted: false,
                breaker: CircuitBreaker { failures_in_a_row: 15 },
                missed_after: 0,
                n_missed: 0,
            });
        }
        let operator = OperatorAccount { id: OperatorId(0), name: "model".to_owned(), role: OperatorRole::Admin };
        let ambient = RuntimeEnv::scripted(START, 1);
        Self {
            connection,
            notices: DispatchNotices::default(),
            queue: queue(&ambient),
            ambient,
            caller: Caller::new(Actor::Operator(operator), "model".to_owned(), AuditKey::new([0; 32])),
            flights: Vec::new(),
            late: Vec::new(),
            n_claims: 0,
            model,
        }
    }

    fn now(&self) -> Timestamp {
        self.ambient.now()
    }

    fn perform(&mut self, command: ModelCommand) {
        let now = self.now();
        match command {
            ModelCommand::Emit => self.emit(),
            ModelCommand::Claim => self.claim(),
            ModelCommand::Land(n, fate) if !self.flights.is_empty() => {
                let flight = self.flights.swap_remove(n % self.flights.len());
                self.land(flight, fate);
            }
            ModelCommand::LandAll(fate) => {
                while let Some(flight) = self.flights.pop() {
                    self.land(flight, fate);
                }
            }
            ModelCommand::LandLate(n) if !self.late.is_empty() => {
                let late = self.late.swap_remove(n % self.late.len());
                let late = Arc::new(self.completed(late, ModelOutcome::Arrives));
                assert_eq!(self.settle(&late), SettledOutcome::Discarded, "its lease was lost");
            }
            ModelCommand::Pass(seconds) => self.ambient.advance(Duration::from_secs(seconds)),
            ModelCommand::Enable(of, missed) => self.enable(of, missed),
            ModelCommand::Disable(of) => {
                if let Some(before) = store::subscriptions::get(&self.connection, id(of)).expect("read") {
                    let by = (&self.caller, &self.ambient);
                    disable_subscription(&self.connection, by, &before, None).expect("off");
                    if before.disabled.is_none() {
                        self.model.turn_off(of);
                    }
                    self.notices.add_changed(id(of));
                }
            }
            ModelCommand::Delete(of) => self.delete(of),
            ModelCommand::Resend(n) if !self.model.deliveries.is_empty() => {
                let n = n % self.model.deliveries.len();
                if !self.model.subscribers[self.model.deliveries[n].of].is_deleted {
                    let delivery = DeliveryId(i64::try_from(n).expect("few") + 1);
                    store::resends::request(&self.connection, delivery, now).expect("asked");
                    self.notices.add_unread(id(self.model.deliveries[n].of));
                    self.model.resends.insert(n);
                }
            }
            ModelCommand::Replay(of, bits) => self.replay(of, bits),
            ModelCommand::Round => self.round(),
            ModelCommand::Turn(n, wanted) if !self.model.plans.is_empty() => {
                let n = n % self.model.plans.len();
                let before = self.model.plans[n].phase;
                let after = before.transition(wanted);
                if after != before {
                    let replay = ReplayId(i64::try_from(n).expect("few") + 1);
                    store::replays::set_state(&self.connection, replay, after, now).expect("turned");
                    self.model.plans[n].phase = after;
                    if after == ReplayState::Cancelled {
                        self.model.plans[n].picks.clear();
                    }
                }
            }
            ModelCommand::Restart => {
                store::deliveries::release_all(&self.connection).expect("released");
                store::deliveries::clamp_due(&self.connection, now).expect("clamped");
                self.model.deliveries.iter_mut().for_each(|delivery| delivery.is_held = false);
                self.late.append(&mut self.flights);
                self.queue = queue(&self.ambient);
            }
            ModelCommand::Land(..) | ModelCommand::LandLate(_) | ModelCommand::Resend(_) | ModelCommand::Turn(..) => {}
        }
        self.compare();
    }

    fn emit(&mut self) {
        let now = self.now();
        self.notices.add_due(&publish(&self.connection, CompanyId(1), 1, now));
        for of in 0..N_SUBSCRIPTIONS {
            let subscriber = &mut self.model.subscribers[of];
            if subscriber.is_deleted {
                continue;
            }
            let (state, due_at) =
                if subscriber.is_off { (DeliveryState::Missed, None) } else { (DeliveryState::Pending, Some(now)) };
            subscriber.n_missed += u64::from(subscriber.is_off);
            self.model.deliveries.push(ModelDelivery {
                of,
                state,
                kind: AttemptKind::Scheduled,
                n_attempts: 0,
                n_beside: 0,
                due_at,
                is_held: false,
                replay: None,
            });
        }
    }

    /// Claims deliveries until no more may be claimed. The platform chooses which; the model checks that each may be
    /// claimed, and that none is left that could be.
    fn claim(&mut self) {
        let now = self.now();
        if let Some(inbox) = self.notices.take() {
            self.queue.read_notices(inbox);
        }
        self.n_claims += 1;
        let token = Arc::from(format!("lease-{}", self.n_claims));
        for n in 0.. {
            assert!(n < 100, "it comes to rest");
            let Some(ask) = self.queue.begin_claim(&token, now) else { break };
            for returned in &ask.returned {
                self.model.deliveries[place(returned.delivery)].is_held = false;
            }
            let batch = claim(&self.connection, ask).expect("claimed");
            batch.queues.iter().flat_map(|queue| &queue.jobs).for_each(|job| self.hold(&job.claimed));
            self.queue.end_claim(Some(batch));
            self.begin_ready();
        }
        for (n, delivery) in self.model.deliveries.iter().enumerate().filter(|_| !self.queue.is_paused()) {
            let n_held = self.model.deliveries.iter().filter(|other| other.is_held && other.of == delivery.of).count();
            let is_full = |which| n_held >= self.queue.claim_limit(id(delivery.of), which);
            let is_due = delivery.seen() == DeliveryState::Pending && delivery.due_at.is_some_and(|at| at <= now);
            assert!(!is_due || is_full(SlotQueue::Due), "delivery {n} is due and there is room");
            let is_asked = self.model.resends.contains(&n) && !delivery.is_held;
            assert!(!is_asked || is_full(SlotQueue::Resends), "delivery {n} is to be resent");
        }
    }

    /// Checks that a delivery may be claimed.
    fn hold(&mut self, claimed: &LeasedDelivery) {
        let now = self.now();
        let n = place(claimed.id);
        let delivery = &mut self.model.deliveries[n];
        assert!(!delivery.is_held, "never two at once");
        if claimed.kind == AttemptKind::Resend {
            assert!(self.model.resends.contains(&n), "a resend was requested");
        } else {
            let is_off = self.model.subscribers[delivery.of].is_off;
            assert_eq!((delivery.state, is_off), (DeliveryState::Pending, false));
            assert!(delivery.due_at.is_some_and(|at| at <= now), "none early");
            assert_eq!(delivery.kind, claimed.kind);
        }
        delivery.is_held = true;
    }

    /// Begins the attempts that the queue lets begin.
    fn begin_ready(&mut self) {
        if let Some(inbox) = self.notices.take() {
            self.queue.read_notices(inbox);
        }
        while let Some(WaitingJob { job, token, .. }) = self.queue.next_ready() {
            let subscriber = self.model.subscribers[self.model.deliveries[place(job.claimed.id)].of];
            assert!(!subscriber.is_deleted, "nothing is sent to a deleted subscription");
            assert!(job.claimed.kind == AttemptKind::Resend || !subscriber.is_off, "nor to one that is off");
            self.flights.push(Flight::new(job, token));
        }
    }

    fn completed(&self, flight: Flight, fate: ModelOutcome) -> CompletedAttempt {
        let outcome = match fate {
            ModelOutcome::Arrives => AttemptOutcome::Answered { status: 200, retry_after: None },
            ModelOutcome::Fails => AttemptOutcome::Answered { status: 500, retry_after: None },
            ModelOutcome::LocalFault => AttemptOutcome::Unanswered(FailureKind::Local),
        };
        flight.end(outcome, self.now())
    }

    fn settle(&self, attempt: &Arc<CompletedAttempt>) -> SettledOutcome {
        settle_attempts(&self.connection, &[Arc::clone(attempt)], self.now()).expect("settled")[0]
    }

    fn land(&mut self, flight: Flight, fate: ModelOutcome) {
        let (n, kind) = (place(flight.claimed.id), flight.claimed.kind);
        let attempt = Arc::new(self.completed(flight, fate));
        self.queue.record_end(&attempt);
        let settled = self.settle(&attempt);
        assert_ne!(settled, SettledOutcome::Discarded, "its lease is its own");
        self.queue.record_settled(&attempt, settled);
        let now = self.now();
        self.model.land(n, kind, fate, now);
        self.begin_ready();
    }

    fn enable(&mut self, of: usize, missed: MissedPolicy) {
        let Some(before) = store::subscriptions::get(&self.connection, id(of)).expect("read") else { return };
        enable_subscription(&self.connection, (&self.caller, &self.ambient), &before, missed).expect("on");
        self.notices.add_changed(id(of));
        let now = self.now();
        if before.disabled.is_none() {
            return;
        }
        let subscriber = self.model.subscribers[of];
        if missed == MissedPolicy::Replay && subscriber.n_missed > 0 {
            let deliveries = self.model.deliveries.iter().enumerate().skip(subscriber.missed_after);
            let picks = deliveries.filter(|(_, d)| d.of == of && d.state == DeliveryState::Missed);
            self.model.add_plan(of, picks.map(|(n, d)| (n, d.state)).collect());
        }
        let after = ModelSubscription { is_off: false, breaker: CircuitBreaker::default(), n_missed: 0, ..subscriber };
        self.model.subscribers[of] = after;
        for delivery in self.model.deliveries.iter_mut().filter(|d| d.of == of && d.state == DeliveryState::OnHold) {
            (delivery.state, delivery.due_at) = (DeliveryState::Pending, Some(now));
        }
    }

    fn delete(&mut self, of: usize) {
        let Some(before) = store::subscriptions::get(&self.connection, id(of)).expect("read") else { return };
        delete_with_deliveries(&self.connection, (&self.caller, &self.ambient), &before).expect("deleted");
        self.notices.add_changed(id(of));
        self.model.subscribers[of].is_deleted = true;
        self.model.resends.retain(|n| self.model.deliveries[*n].of != of);
        for delivery in self.model.deliveries.iter_mut().filter(|d| d.of == of) {
            if matches!(delivery.state, DeliveryState::Pending | DeliveryState::OnHold) {
                (delivery.state, delivery.due_at) = (DeliveryState::Cancelled, None);
            }
        }
        let is_open =
            |plan: &&mut ModelReplay| plan.of == of && matches!(plan.phase, ReplayState::Running | ReplayState::Paused);
        for plan in self.model.plans.iter_mut().filter(is_open) {
            plan.phase = ReplayState::Cancelled;
            plan.picks.clear();
        }
    }

    fn replay(&mut self, of: usize, bits: u8) {
        let Some(subscription) = store::subscriptions::get(&self.connection, id(of)).expect("read") else { return };
        let mut states: Vec<DeliveryState> = REPLAYABLE_STATES
            .into_iter()
            .enumerate()
            .filter(|(n, _)| bits & (1 << n) != 0)
            .map(|(_, state)| state)
            .collect();
        states.sort_unstable();
        let until = self.now().plus(Duration::from_secs(1));
        let choice = ReplaySelection { since: Timestamp::from_millis(0), until, states: states.clone() };
        plan_selection(&self.connection, (&self.caller, &self.ambient), &subscription, choice, 20).expect("planned");
        let deliveries = self.model.deliveries.iter().enumerate();
        let picks = deliveries.filter(|(_, d)| d.of == of && states.contains(&d.state));
        self.model.add_plan(of, picks.map(|(n, d)| (n, d.state)).collect());
    }

    fn round(&mut self) {
        let now = self.now();
        for running in store::replays::running(&self.connection).expect("read") {
            let RunningReplay { id, subscription, .. } = running;
            self.notices.add_unread(subscription);
            assert_eq!(run_batch(&self.connection, running, REPLAY_BATCH_LIMIT, now).expect("a round").replay, id);
        }
        self.model.round(now);
    }

    /// Both say the same.
    fn compare(&self) {
        let [counters, scanned] = store::delivery_counts::tests::counters_and_scan(&self.connection);
        assert_eq!(counters, scanned);
        let mut counts: BTreeMap<(usize, DeliveryState), u64> = BTreeMap::new();
        for (n, model) in self.model.deliveries.iter().enumerate() {
            *counts.entry((model.of, model.seen())).or_default() += 1;
            let id = DeliveryId(i64::try_from(n).expect("few") + 1);
            let real = store::delivery_log::delivery(&self.connection, id).expect("read").expect("it is there");
            assert_eq!(
                (real.state, real.kind, real.n_attempts, real.due_at),
                (model.seen(), model.kind, model.n_attempts, model.due_at),
                "delivery {n}"
            );
        }
        for of in 0..N_SUBSCRIPTIONS {
            let kept = store::deliveries::backlog(&self.connection, id(of)).expect("read");
            let count = |state| counts.get(&(of, state)).copied().unwrap_or(0);
            assert_eq!(
                (kept.n_pending, kept.n_in_flight, kept.n_on_hold),
                (count(DeliveryState::Pending), count(DeliveryState::InFlight), count(DeliveryState::OnHold)),
                "what is kept of subscription {of} is true"
            );
        }
        for (of, model) in self.model.subscribers.iter().enumerate() {
            let found = store::subscriptions::get_including_deleted(&self.connection, id(of))
                .expect("read")
                .expect("it is there");
            let (real, deleted_at) = found;
            assert_eq!(
                (real.disabled.is_some(), deleted_at.is_some(), real.breaker, real.n_missed),
                (model.is_off, model.is_deleted, model.breaker, model.n_missed),
                "subscription {of}"
            );
        }
        for (n, model) in self.model.plans.iter().enumerate() {
            let replay = ReplayId(i64::try_from(n).expect("few") + 1);
            let real = store::replays::get(&self.connection, replay).expect("read").expect("it is there");
            let p = real.progress;
            assert_eq!(
                (real.state, p.n_selected, p.n_enqueued, p.n_skipped, p.n_succeeded, p.n_exhausted),
                (model.phase, model.n_selected, model.n_taken, model.n_passed, model.n_succeeded, model.n_exhausted),
                "replay {n}"
            );
        }
    }

    /// All is switched on, resumed and answered with success until nothing is left to do.
    fn come_to_rest(&mut self) {
        for of in 0..N_SUBSCRIPTIONS {
            self.perform(ModelCommand::Enable(of, MissedPolicy::Leave));
        }
        for n in 0..self.model.plans.len() {
            self.perform(ModelCommand::Turn(n, ReplayState::Running));
        }
        for _ in 0..2_000 {
            let is_idle = self.model.deliveries.iter().all(|d| !d.is_held && d.state != DeliveryState::Pending)
                && self.model.plans.iter().all(|plan| plan.picks.is_empty())
                && self.model.resends.is_empty();
            if is_idle {
                break;
            }
            for command in [
                ModelCommand::Round,
                ModelCommand::Claim,
                ModelCommand::LandAll(ModelOutcome::Arrives),
                ModelCommand::Pass(20_000),
            ] {
                self.perform(command);
            }
        }
        for (n, delivery) in self.model.deliveries.iter().enumerate() {
            let is_deleted = self.model.subscribers[delivery.of].is_deleted;
            assert!(
                is_deleted
                    || matches!(
                        delivery.state,
                        DeliveryState::Succeeded | DeliveryState::Exhausted | DeliveryState::Missed
                    ),
                "delivery {n} is lost: {delivery:?}"
            );
        }
        for plan in self.model.plans.iter().filter(|plan| plan.phase == ReplayState::Finished) {
            assert_eq!(plan.n_taken + plan.n_passed, plan.n_selected, "each has had its turn once");
        }
        assert!(self.model.resends.is_empty());
    }
}

proptest! {
    #[test]
    fn b4_the_platform_and_its_model_never_differ_and_nothing_is_lost(commands in commands()) {
        let mut world = ModelWorld::new();
        for command in commands {
            world.perform(command);
        }
        world.come_to_rest();
    }
}
