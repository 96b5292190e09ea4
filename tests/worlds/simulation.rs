//! Simulation of deliveries: events happen, are delivered, fail, are retried, and trip breakers, as on the platform.

use crate::dice::Dice;
use crate::plan::{Change, Plan};
use crate::receivers::{Delivered, Reply};
use crow::domain::breaker::FAILURE_THRESHOLD;
use crow::domain::delivery::{AttemptKind, DeliveryState, MAX_RETRIES};
use crow::domain::disabled_reason::DisabledReason;
use crow::domain::ids::{AttemptId, CompanyId, DeliveryId, EventId, SubscriptionId, TripId};
use crow::domain::latency::{Histogram, bin_index};
use crow::domain::text::Untrusted;
use crow::domain::time::Timestamp;
use crow::wire::attempts::AttemptRow;
use crow::wire::deliveries::{DeliveryRow, EventRow};
use crow::wire::subscriptions::{AttemptSummary, DeliveryHealth, RevisionRow, Subscription, SubscriptionRow};
use crow::wire::trips::{CauseCount, TripRow};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

/// Attempt with what its receiver saw and answered.
#[derive(Debug, Clone)]
pub(crate) struct ModelAttempt {
    pub(crate) row: AttemptRow,
    pub(crate) reply: Reply,
    pub(crate) size: u64,
    pub(crate) peer: String,
    pub(crate) is_fault: bool,
}

/// What became of the events of a world.
#[derive(Default)]
pub(crate) struct Deliveries {
    pub(crate) events: Vec<EventRow>,
    pub(crate) deliveries: Vec<DeliveryRow>,
    pub(crate) attempts: Vec<ModelAttempt>,
    pub(crate) trips: Vec<TripRow>,
    pub(crate) subscriptions: Vec<SubscriptionRow>,
    pub(crate) revisions: BTreeMap<SubscriptionId, Vec<RevisionRow>>,
    /// Due time of the most overdue delivery.
    pub(crate) oldest_due: Option<Timestamp>,
}

/// Something that happens at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Change(usize, usize),
    Event(usize),
    Attempt(usize),
}

struct Simulation<'p> {
    plan: &'p Plan,
    dice: Dice,
    out: Deliveries,
    /// State of each subscription; `None` once deleted.
    rows: Vec<Option<Subscription>>,
    notes: Vec<Option<Untrusted>>,
    queue: BinaryHeap<Reverse<(Timestamp, Happening)>>,
    /// Failed scheduled attempts in a row, as words.
    streaks: Vec<Vec<String>>,
    serials: Vec<u64>,
}

/// Plays the deliveries of a plan.
pub(crate) fn deliver(plan: &Plan, dice: Dice) -> Deliveries {
    let n = plan.subscriptions.len();
    let mut simulation = Simulation {
        plan,
        dice,
        out: Deliveries::default(),
        rows: plan.subscriptions.iter().map(|of| Some(of.row.clone())).collect(),
        notes: vec![None; n],
        queue: BinaryHeap::new(),
        streaks: vec![Vec::new(); n],
        serials: vec![0; n],
    };
    simulation.happen();
    while let Some(Reverse((at, what))) = simulation.queue.pop() {
        if at > plan.at {
            break;
        }
        match what {
            Happening::Event(n) => simulation.publish(n),
            Happening::Attempt(n) => simulation.attempt(at, n),
            Happening::Change(subscription, n) => simulation.change(at, subscription, n),
        }
    }
    simulation.finish()
}

impl Simulation<'_> {
    /// Lists everything that happens whatever becomes of it.
    fn happen(&mut self) {
        let mut events: Vec<(Timestamp, CompanyId, &'static str, u64)> = Vec::new();
        for company in &self.plan.companies {
            let gap_ms = 3_600_000 / company.per_hour;
            let mut at = self.plan.since;
            loop {
                at = at.plus(Duration::from_millis(self.dice.between(gap_ms / 4, gap_ms * 7 / 4).unsigned_abs()));
                if at >= self.plan.at {
                    break;
                }
                if company.quiet.is_some_and(|(from, until)| at >= from && at < until) {
                    continue;
                }
                let kind = *self.dice.pick(&company.kinds);
                let size =
                    if self.dice.chance(10) { self.dice.between(8_000, 60_000) } else { self.dice.between(280, 900) };
                events.push((at, company.row.id, kind, size.unsigned_abs()));
            }
        }
        events.sort_unstable();
        for (n, (at, company_id, kind, n_bytes)) in events.into_iter().enumerate() {
            let id = EventId(n as i64 + 1);
            self.out.events.push(EventRow {
                id,
                company_id,
                kind: kind.into(),
                created_utc: at,
                n_bytes,
                n_deliveries: Some(0),
            });
            self.queue.push(Reverse((at, Happening::Event(n))));
        }
        for (n, of) in self.plan.subscriptions.iter().enumerate() {
            let first = revision(&of.row, 1, of.row.created_utc.expect("a time"));
            self.out.revisions.insert(of.row.id, vec![first]);
            for (change, (at, _)) in of.changes.iter().enumerate() {
                self.queue.push(Reverse((*at, Happening::Change(n, change))));
            }
        }
    }

    fn publish(&mut self, n: usize) {
        let event = self.out.events[n].clone();
        for position in 0..self.rows.len() {
            let Some(row) = &self.rows[position] else { continue };
            if row.company_id != event.company_id || !row.event_types.contains(&event.kind) {
                continue;
            }
            if row.created_utc > Some(event.created_utc) {
                continue;
            }
            let is_missed = !row.is_enabled;
            let id = DeliveryId(self.out.deliveries.len() as i64 + 1);
            let due = event.created_utc.plus(Duration::from_millis(50));
            self.out.deliveries.push(DeliveryRow {
                id,
                event_id: event.id,
                event_type: event.kind.clone(),
                subscription_id: row.id,
                company_id: row.company_id,
                kind: AttemptKind::Scheduled,
                state: if is_missed { DeliveryState::Missed } else { DeliveryState::Pending },
                n_attempts: 0,
                due_utc: (!is_missed).then_some(due),
                created_utc: event.created_utc,
            });
            if !is_missed {
                self.queue.push(Reverse((due, Happening::Attempt(self.out.deliveries.len() - 1))));
            }
        }
    }

    fn position(&self, id: SubscriptionId) -> usize {
        self.plan.subscriptions.iter().position(|of| of.row.id == id).expect("planned")
    }

    fn attempt(&mut self, at: Timestamp, n: usize) {
        if self.plan.paused.is_some_and(|(from, _)| at >= from) {
            return;
        }
        let delivery = self.out.deliveries[n].clone();
        if delivery.state != DeliveryState::Pending {
            return;
        }
        let position = self.position(delivery.subscription_id);
        let Some(row) = self.rows[position].clone() else {
            self.out.deliveries[n].state = DeliveryState::Cancelled;
            return;
        };
        if !row.is_enabled {
            self.out.deliveries[n].state = DeliveryState::OnHold;
            return;
        }
        let number = delivery.n_attempts + 1;
        let event = self.out.events[usize::try_from(delivery.event_id.0 - 1).expect("an index")].clone();
        let reply =
            self.post(at, position, Some(&delivery), (&event.kind, event.n_bytes), (AttemptKind::Scheduled, number));
        let row = self.rows[position].as_mut().expect("not deleted");
        let state = &mut self.out.deliveries[n];
        state.n_attempts = number;
        if reply.is_success() {
            row.consecutive_failures = Some(0);
            self.streaks[position].clear();
            state.state = DeliveryState::Succeeded;
            state.due_utc = None;
            return;
        }
        row.consecutive_failures = row.consecutive_failures.map(|n| n + 1);
        self.streaks[position].push(word(&reply));
        if number > MAX_RETRIES {
            state.state = DeliveryState::Exhausted;
            state.due_utc = None;
        } else {
            let base = 30_000_i64 << (number - 1).min(9);
            let wait = self.dice.between(base * 8 / 10, base * 12 / 10).min(14_400_000);
            let due = at.plus(Duration::from_millis(wait.unsigned_abs()));
            state.due_utc = Some(due);
            self.queue.push(Reverse((due, Happening::Attempt(n))));
        }
        if self.streaks[position].len() >= FAILURE_THRESHOLD as usize {
            self.trip(at, position);
        }
    }

    fn trip(&mut self, at: Timestamp, position: usize) {
        let row = self.rows[position].as_mut().expect("not deleted");
        row.is_enabled = false;
        row.disabled_reason = Some(DisabledReason::Breaker);
        row.disabled_utc = Some(at.whole_second());
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for word in self.streaks[position].drain(..) {
            *counts.entry(word).or_default() += 1;
        }
        let mut causes: Vec<CauseCount> =
            counts.into_iter().map(|(cause, n)| CauseCount { cause: cause.into(), n }).collect();
        causes.sort_by_key(|cause| Reverse(cause.n));
        self.out.trips.push(TripRow {
            id: TripId(self.out.trips.len() as i64 + 1),
            subscription_id: row.id,
            company_id: row.company_id,
            target_url: row.target_url.clone(),
            tripped_utc: at,
            causes: Some(causes),
            enabled_utc: None,
            enabled_by: None,
            n_missed: Some(0),
        });
        self.hold(position);
    }

    /// Puts the pending deliveries of a subscription on hold.
    fn hold(&mut self, position: usize) {
        let id = self.plan.subscriptions[position].row.id;
        for delivery in self.out.deliveries.iter_mut().filter(|of| of.subscription_id == id) {
            if delivery.state == DeliveryState::Pending {
                delivery.state = DeliveryState::OnHold;
                delivery.due_utc = None;
            }
        }
    }

    fn change(&mut self, at: Timestamp, position: usize, n: usize) {
        let change = self.plan.subscriptions[position].changes[n].1.clone();
        let Some(row) = self.rows[position].as_mut() else { return };
        let id = row.id;
        match change {
            Change::Disable(reason) => {
                row.is_enabled = false;
                row.disabled_reason = Some(DisabledReason::Manual);
                row.disabled_utc = Some(at.whole_second());
                self.notes[position] = reason.map(Into::into);
                self.hold(position);
            }
            Change::Enable { replay } => self.enable(at, position, replay),
            Change::Target(url) => {
                row.target_url = url.into();
                self.revise(at, position);
            }
            Change::Types(kinds) => {
                row.event_types = kinds.into_iter().map(Into::into).collect();
                self.revise(at, position);
            }
            Change::Delete => {
                self.rows[position] = None;
                for delivery in self.out.deliveries.iter_mut().filter(|of| of.subscription_id == id) {
                    if matches!(delivery.state, DeliveryState::Pending | DeliveryState::OnHold) {
                        delivery.state = DeliveryState::Cancelled;
                    }
                }
            }
            Change::Test => {
                let kind: Untrusted = row.event_types.first().cloned().unwrap_or_else(|| "lead.created".into());
                self.post(at, position, None, (&kind, 300), (AttemptKind::Test, 1));
            }
        }
    }

    fn enable(&mut self, at: Timestamp, position: usize, replay: bool) {
        let row = self.rows[position].as_mut().expect("checked");
        row.is_enabled = true;
        row.consecutive_failures = Some(0);
        (row.disabled_reason, row.disabled_utc) = (None, None);
        let id = row.id;
        self.notes[position] = None;
        self.streaks[position].clear();
        let mut n_missed = 0;
        for (n, delivery) in self.out.deliveries.iter_mut().enumerate().filter(|(_, of)| of.subscription_id == id) {
            n_missed += u64::from(delivery.state == DeliveryState::Missed);
            let resumes = delivery.state == DeliveryState::OnHold || replay && delivery.state == DeliveryState::Missed;
            if resumes {
                delivery.state = DeliveryState::Pending;
                let due = at.plus(Duration::from_millis(100));
                delivery.due_utc = Some(due);
                self.queue.push(Reverse((due, Happening::Attempt(n))));
            }
        }
        for trip in self.out.trips.iter_mut().filter(|trip| trip.subscription_id == id && trip.enabled_utc.is_none()) {
            trip.enabled_utc = Some(at);
            trip.enabled_by = Some("operator 1 (dana)".into());
            trip.n_missed = Some(n_missed);
        }
    }

    fn revise(&mut self, at: Timestamp, position: usize) {
        let row = self.rows[position].as_mut().expect("checked");
        row.updated_utc = Some(at.whole_second());
        let revisions = self.out.revisions.entry(row.id).or_default();
        revisions.push(revision(row, u32::try_from(revisions.len()).expect("few") + 1, at));
    }

    fn post(
        &mut self,
        at: Timestamp,
        position: usize,
        delivery: Option<&DeliveryRow>,
        (kind, size): (&Untrusted, u64),
        (attempt, number): (AttemptKind, u32),
    ) -> Reply {
        let row = self.rows[position].as_ref().expect("checked").clone();
        if attempt == AttemptKind::Scheduled && number == 1 {
            self.serials[position] += 1;
        }
        let node = self.dice.below(3);
        let to = Delivered {
            at,
            kind: kind.raw(),
            size,
            event: delivery.map(|of| of.event_id),
            number,
            node,
            serial: self.serials[position],
            luck: self.dice.below(1_000),
        };
        let (mut reply, is_fault) = self.plan.subscriptions[position].receiver.answer(&to);
        if let Some(ahead) = reply.date.or(self.plan.subscriptions[position].receiver.date) {
            let true_time = at.seconds() - self.plan.platform_ahead + ahead;
            let date = Timestamp::from_millis(true_time * 1_000).format("%a, %d %b %Y %H:%M:%S GMT");
            reply.headers.push(("date", date));
        }
        let id = AttemptId(self.out.attempts.len() as i64 + 1);
        self.out.attempts.push(ModelAttempt {
            row: AttemptRow {
                id,
                started_utc: at,
                company_id: Some(row.company_id),
                subscription_id: Some(row.id),
                target_url: Some(row.target_url.clone()),
                delivery_id: delivery.map(|of| of.id),
                event_id: delivery.map(|of| of.event_id),
                event_type: kind.clone(),
                kind: Some(attempt),
                number: Some(number),
                of: Some(if attempt == AttemptKind::Test { 1 } else { MAX_RETRIES + 1 }),
                elapsed_ms: reply.elapsed_ms,
                status_code: reply.status,
                cause: reply.cause.map(Into::into),
                error: reply.error.map(Into::into),
            },
            size,
            peer: format!("203.0.113.{}:443", 10 + node),
            is_fault,
            reply: reply.clone(),
        });
        let row = self.rows[position].as_mut().expect("checked");
        row.last_attempt_utc = Some(at.whole_second());
        if reply.is_success() {
            row.last_success_utc = Some(at.whole_second());
        }
        reply
    }

    fn finish(mut self) -> Deliveries {
        let pending = self.out.deliveries.iter().filter(|of| of.state == DeliveryState::Pending);
        self.out.oldest_due = pending.filter_map(|of| of.due_utc).filter(|due| *due < self.plan.at).min();
        for position in 0..self.rows.len() {
            let Some(row) = self.rows[position].clone() else { continue };
            let health = self.health(&row);
            self.out.subscriptions.push(SubscriptionRow {
                subscription: row,
                health: Some(health),
                disabled_after_utc: None,
                disabled_note: self.notes[position].clone(),
            });
        }
        self.out
    }

    fn health(&self, row: &Subscription) -> DeliveryHealth {
        let mine: Vec<&ModelAttempt> = self
            .out
            .attempts
            .iter()
            .filter(|of| of.row.subscription_id == Some(row.id) && of.row.kind == Some(AttemptKind::Scheduled))
            .collect();
        let window = |seconds: i64| {
            let since = self.plan.ago(seconds);
            let (mut n_succeeded, mut n_failed, mut histogram) = (0, 0, Histogram::default());
            for of in mine.iter().filter(|of| of.row.started_utc >= since) {
                if of.reply.is_success() {
                    n_succeeded += 1;
                } else {
                    n_failed += 1;
                }
                histogram.add(bin_index(of.row.elapsed_ms), 1);
            }
            AttemptSummary {
                n_succeeded,
                n_failed,
                p50_ms: histogram.percentile(0.5),
                p95_ms: histogram.percentile(0.95),
                p99_ms: histogram.percentile(0.99),
            }
        };
        let streak: Vec<&&ModelAttempt> =
            mine.iter().rev().take(row.consecutive_failures.unwrap_or(0) as usize).collect();
        let off = row.disabled_utc;
        let of_state =
            |state| self.out.deliveries.iter().filter(move |of| of.subscription_id == row.id && of.state == state);
        DeliveryHealth {
            last_5m: window(300),
            last_1h: window(3_600),
            last_24h: window(86_400),
            streak_began_utc: streak.last().map(|of| of.row.started_utc),
            streak_latest_utc: streak.first().map(|of| of.row.started_utc),
            next_due_utc: of_state(DeliveryState::Pending).filter_map(|of| of.due_utc).min(),
            n_backlog: Some(of_state(DeliveryState::Pending).count() as u64),
            n_skipped: Some(
                of_state(DeliveryState::Missed).filter(|of| off.is_some_and(|off| of.created_utc >= off)).count()
                    as u64,
            ),
            n_parked: Some(of_state(DeliveryState::OnHold).count() as u64),
        }
    }
}

fn word(reply: &Reply) -> String {
    reply.status.map_or_else(|| reply.cause.unwrap_or("broken").to_owned(), |status| status.to_string())
}

fn revision(row: &Subscription, revision: u32, since_utc: Timestamp) -> RevisionRow {
    RevisionRow {
        revision,
        since_utc,
        target_url: row.target_url.clone(),
        event_types: row.event_types.clone(),
        description: row.description.clone(),
        managed_by: row.managed_by.clone(),
    }
}
