//! Claims: leases due deliveries in one transaction, as many as there are free slots. [`SlotLedger`] distributes the
//! slots fairly.

use crate::domain::delivery::DeliveryState;
use crate::domain::egress_health::EgressAdmission;
use crate::domain::event::Event;
use crate::domain::flight_control::INITIAL_FLIGHT_LIMIT;
use crate::domain::flight_limits::{FlightSubject, LimitTable};
use crate::domain::ids::{CompanyId, DeliveryId, SubscriptionId};
use crate::domain::slots::{AttemptSlot, SlotCandidate, SlotLedger};
use crate::domain::time::Timestamp;
use crate::store;
use crate::store::claims::ClaimedDelivery;
use crate::store::deliveries::{Lease, LeasedDelivery};
use crate::store::delivery_counts::CountChanges;
use crate::store::subscriptions::DeliveryTarget;
use rusqlite::Connection;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use url::Url;

/// Maximum number of slots for which one claim takes deliveries, so that no transaction delays others for long.
const MAX_CLAIMED: usize = 128;

/// Parameters of a claim: lease, occupied slots and limits of the sender's back-off.
#[derive(Debug, Clone)]
pub(super) struct ClaimRequest {
    pub(super) lease: Lease,
    /// Slots of attempts in flight.
    pub(super) slots: SlotLedger,
    /// Limits of the subscriptions.
    pub(super) limits: LimitTable,
    /// Limits while the sender has a local fault.
    pub(super) backoff_admission: EgressAdmission,
}

/// Deliveries leased by one claim.
#[derive(Debug, Default)]
pub(super) struct ClaimedBatch {
    pub(super) jobs: Vec<DeliveryJob>,
    /// Time at which the next delivery becomes due. Deliveries due now but not claimed wait for a slot or for a
    /// back-off to end.
    pub(super) next_due_at: Option<Timestamp>,
}

/// Everything needed to attempt one delivery.
#[derive(Debug)]
pub(super) struct DeliveryJob {
    pub(super) claimed: LeasedDelivery,
    pub(super) slot: AttemptSlot,
    pub(super) event: Event,
    /// Target, shared by the deliveries of a claim.
    pub(super) target: Arc<DeliveryTarget>,
}

/// Leases due deliveries and requested resends, as free slots permit.
pub(super) fn claim_due(connection: &Connection, ask: ClaimRequest) -> Result<ClaimedBatch, store::Error> {
    let now = ask.lease.now;
    let mut candidates = Vec::new();
    for of in store::resends::requested_subscriptions(connection)? {
        let slot = slot_for(of.company, &of.target_url, of.subscription);
        // Resends do not depend on the adaptive limit: an operator asked for them, also while the subscription is off.
        candidates.push(SlotCandidate { slot, limit: INITIAL_FLIGHT_LIMIT as usize, is_resend: true });
    }
    let mut hand = ClaimBuilder {
        connection,
        lease: ask.lease,
        slots: ask.slots,
        jobs: Vec::new(),
        room: MAX_CLAIMED,
        dues: BTreeMap::new(),
        targets: HashMap::new(),
    };
    for of in store::deliveries::waiting_subscriptions(connection)? {
        let limit = ask.limits.limit(FlightSubject { subscription: of.subscription, changed_at: of.changed_at });
        if hand.slots.n_held_for(of.subscription) >= limit {
            // The end of one of its attempts brings the next claim.
            continue;
        }
        let Some(due_at) = store::deliveries::next_due_at(connection, of.subscription)? else { continue };
        hand.dues.insert(of.subscription, due_at);
        if due_at <= now {
            let slot = slot_for(of.company, &of.target_url, of.subscription);
            candidates.push(SlotCandidate { slot, limit, is_resend: false });
        }
    }
    match ask.backoff_admission {
        EgressAdmission::Open(limits) => {
            for candidate in &mut candidates {
                let limit = limits.get(&candidate.slot.subscription).copied().unwrap_or(usize::MAX);
                candidate.limit = candidate.limit.min(limit);
            }
            hand.claim_planned(&mut candidates, usize::MAX, usize::MAX)?;
        }
        EgressAdmission::Probing { affected, is_due } => {
            let (mut probes, mut others): (Vec<_>, Vec<_>) =
                candidates.into_iter().partition(|candidate| affected.contains(&candidate.slot.company));
            // While the sender has general trouble, unaffected companies get one attempt each; affected ones share a
            // single probe.
            hand.claim_planned(&mut others, usize::MAX, 1)?;
            if is_due && affected.iter().all(|company| hand.slots.n_held_by(*company) == 0) {
                hand.claim_planned(&mut probes, 1, 1)?;
            }
        }
    }
    let next_due_at = match hand.room {
        // There may be more for which slots are free.
        0 => Some(now),
        _ => hand.dues.into_values().filter(|due_at| *due_at > now).min(),
    };
    Ok(ClaimedBatch { jobs: hand.jobs, next_due_at })
}

/// Slot that an attempt for a subscription occupies. Stored targets are valid URLs.
fn slot_for(company: CompanyId, target_url: &str, subscription: SubscriptionId) -> AttemptSlot {
    let url = Url::parse(target_url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or(target_url);
    AttemptSlot { company, host: Arc::from(host), subscription, n_slots: 1 }
}

/// Number of slots that the attempts of claimed deliveries occupy.
fn n_slots_of(claimed: &[ClaimedDelivery]) -> usize {
    claimed.iter().map(ClaimedDelivery::n_slots).sum()
}

/// Intermediate state of a claim.
struct ClaimBuilder<'a> {
    connection: &'a Connection,
    lease: Lease,
    slots: SlotLedger,
    jobs: Vec<DeliveryJob>,
    /// Number of slots for which deliveries may still be claimed.
    room: usize,
    /// Time at which the first unleased delivery of each subscription is or was due, as far as it is known.
    dues: BTreeMap<SubscriptionId, Timestamp>,
    /// Target and sealed secret of each subscription, read once per claim.
    targets: HashMap<SubscriptionId, Option<Arc<DeliveryTarget>>>,
}

impl ClaimBuilder<'_> {
    /// Claims deliveries of the candidates until no slot is free or nothing is due, for at most `room` slots.
    fn claim_planned(
        &mut self,
        candidates: &mut [SlotCandidate],
        room: usize,
        company_limit: usize,
    ) -> Result<(), store::Error> {
        let mut room = room;
        loop {
            let plan = self.slots.plan(candidates, room.min(self.room), company_limit);
            if plan.is_empty() {
                return Ok(());
            }
            for (place, n) in plan {
                let SlotCandidate { slot, limit, is_resend } = &mut candidates[place];
                let claimed = if *is_resend {
                    store::resends::claim(self.connection, slot.subscription, n, &self.lease)?
                } else {
                    self.claim_due_of(slot.subscription, n)?
                };
                let n_slots = n_slots_of(&claimed);
                if n_slots < n {
                    // Fewer than planned were due: this candidate is exhausted, so the next plan leaves it out.
                    *limit = 0;
                }
                room = room.saturating_sub(n_slots);
                self.room = self.room.saturating_sub(n_slots);
                for claimed in claimed {
                    self.add_job(claimed, slot)?;
                }
            }
        }
    }

    /// Claims due deliveries of a subscription for `n` slots, and remembers when its next one is due if fewer were due.
    fn claim_due_of(&mut self, of: SubscriptionId, n: usize) -> Result<Vec<ClaimedDelivery>, store::Error> {
        let first_due_at = self.dues.get(&of).copied().unwrap_or_default();
        let claimed = store::claims::claim(self.connection, of, (first_due_at, n), &self.lease)?;
        if n_slots_of(&claimed) < n {
            match store::deliveries::next_due_at(self.connection, of)? {
                Some(due_at) => self.dues.insert(of, due_at),
                None => self.dues.remove(&of),
            };
        }
        Ok(claimed)
    }

    /// Builds the job of a claimed delivery. An unreadable delivery is given up, so that it does not block the
    /// others.
    fn add_job(&mut self, claimed: ClaimedDelivery, slot: &AttemptSlot) -> Result<(), store::Error> {
        let LeasedDelivery { id, subscription, n_attempts, .. } = claimed.delivery;
        match self.load_job(claimed, slot) {
            Ok(Some(job)) => {
                self.slots.take(&job.slot);
                self.jobs.push(job);
                Ok(())
            }
            Ok(None) | Err(store::Error::Unreadable(_)) => self.give_up((id, subscription), n_attempts),
            Err(error) => Err(error),
        }
    }

    fn load_job(&mut self, claimed: ClaimedDelivery, slot: &AttemptSlot) -> Result<Option<DeliveryJob>, store::Error> {
        let slot = AttemptSlot { n_slots: claimed.n_slots(), ..slot.clone() };
        let ClaimedDelivery { delivery: claimed, event } = claimed;
        let (connection, id) = (self.connection, claimed.subscription);
        let known = match self.targets.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(store::subscriptions::target(connection, id)?.map(Arc::new)),
        };
        let Some(target) = known.clone() else { return Ok(None) };
        Ok(Some(DeliveryJob { claimed, slot, event: event?, target }))
    }

    fn give_up(&self, (id, of): (DeliveryId, SubscriptionId), n_attempts: u32) -> Result<(), store::Error> {
        tracing::error!(%id, "a delivery's event or subscription cannot be read; the delivery was given up");
        store::resends::remove(self.connection, id)?;
        let mut counts = CountChanges::default();
        let (token, state) = (&self.lease.token, DeliveryState::Exhausted);
        if let Some(change) = store::deliveries::complete(self.connection, (id, of), token, state, n_attempts, None)? {
            counts.record(&change);
        }
        counts.commit(self.connection)
    }
}
