//! Slots: attempts in flight, shared fairly over companies, then over each company's hosts, then over each host's
//! subscriptions.
//!
//! A slot goes to the company that holds the fewest and, among equals, to the one served longest ago; within the
//! company resends come first, then hosts and subscriptions by the same rule. An attempt that hangs keeps its slot
//! until the timeout and cannot be interrupted, so slots are reserved: a company holds at most three quarters of what
//! the others leave, a host at most three quarters of what its company may hold, and the newcomers' slots go only to
//! companies without an attempt in flight. As long as at most that many other companies are active, the first attempt
//! of one more company begins at once. Within a company the last eighth of its slots, and of each host's, goes only to
//! subscriptions without an attempt in flight, so that receivers that hang delay no neighbour.
//!
//! Queues that wait are kept in the order of choice, so that a choice costs the same however many wait. That works
//! because both shares grow by less than what is held: if the company, host or subscription that holds the fewest may
//! take no slot, neither may one of its kind that holds more.

use super::ids::{CompanyId, SubscriptionId};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Number of attempts after which a company, host or subscription counts as never served.
const SERVED_MEMORY_LIMIT: u64 = 65_536;
/// Number of attempts between two removals of entries beyond the memory limit.
const FORGET_INTERVAL: u64 = 8_192;
/// Companies with free room that are passed over in one choice, because their hosts have none: only a full platform has
/// so many.
const MAX_PASSED_OVER: usize = 64;

/// Number of slots of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotCapacity {
    /// Maximum number of attempts in flight on the whole platform.
    pub n_slots: usize,
    /// Slots reserved for companies without an attempt in flight.
    pub n_for_newcomers: usize,
}

impl SlotCapacity {
    /// Capacity of a platform that may open connections without limit.
    pub const FULL: Self = Self { n_slots: 4_096, n_for_newcomers: 256 };
    /// Fewest slots, whatever the limit on file descriptors.
    const MIN_SLOTS: usize = 64;

    /// Capacity of a process that may open `n_descriptors` files: an attempt in flight needs one, and three of eight
    /// descriptors are left to them. Callers may have half.
    #[must_use]
    pub fn for_descriptors(n_descriptors: Option<u64>) -> Self {
        let share = n_descriptors.and_then(|n| usize::try_from(n.saturating_mul(3) / 8).ok()).unwrap_or(usize::MAX);
        let n_slots = share.clamp(Self::MIN_SLOTS, Self::FULL.n_slots);
        Self { n_slots, n_for_newcomers: n_slots / 16 }
    }

    /// Maximum number of slots for a company while others hold `n_others`.
    const fn max_company_slots(self, n_others: usize) -> usize {
        three_quarters((self.n_slots - self.n_for_newcomers).saturating_sub(n_others))
    }
}

/// Company, host and subscription that one attempt occupies a slot of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptSlot {
    /// Company that owns the subscription.
    pub company: CompanyId,
    /// Host name of the target.
    pub host: Arc<str>,
    /// Subscription to which the attempt is sent.
    pub subscription: SubscriptionId,
    /// Number of slots that the attempt occupies, by the size of its body.
    pub n_slots: usize,
}

/// Bytes of a body for which an attempt occupies one slot.
const SLOT_BYTES: usize = 16 * 1024;

/// Number of slots that an attempt with a body of `n_bytes` occupies: one for each 16 KiB begun, so that slots bound the
/// memory of attempts in flight.
#[must_use]
pub const fn slots_of_body(n_bytes: usize) -> usize {
    n_bytes / SLOT_BYTES + 1
}

/// Kind of a queue that waits for slots. Within a company resends come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SlotQueue {
    /// Resends of a subscription that an operator requested.
    Resends,
    /// Due deliveries of a subscription.
    Due,
}

/// Number of slots held, and the sequence number of the last slot taken; 0 means never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct SlotUsage {
    n_held: usize,
    served: u64,
}

impl SlotUsage {
    fn is_forgettable(self, now: u64) -> bool {
        self.n_held == 0 && self.served + SERVED_MEMORY_LIMIT <= now
    }
}

/// Queue, and whether its subscription holds no slot: such queues may take the last eighth of the slots.
type WaitClass = usize;
const N_CLASSES: usize = 4;

const fn wait_class(queue: SlotQueue, is_idle: bool) -> WaitClass {
    queue as usize * 2 + is_idle as usize
}

const fn is_idle_class(class: WaitClass) -> bool {
    class % 2 == 1
}

/// Slots of a company: what it holds, its hosts, and those with queues that wait.
#[derive(Debug, Clone, Default)]
struct CompanySlots {
    usage: SlotUsage,
    hosts: HashMap<Arc<str>, HostSlots>,
    waiting: [BTreeSet<(SlotUsage, Arc<str>)>; N_CLASSES],
}

/// Slots of a host: what it holds, and its subscriptions with queues that wait.
#[derive(Debug, Clone, Default)]
struct HostSlots {
    usage: SlotUsage,
    waiting: [BTreeSet<(SlotUsage, SubscriptionId)>; N_CLASSES],
}

/// Slots of a subscription: what it holds, and where its queues wait.
#[derive(Debug, Clone, Default)]
struct SubscriptionSlots {
    usage: SlotUsage,
    /// Place and limit of each queue that waits.
    queues: [Option<WaitingQueue>; 2],
}

#[derive(Debug, Clone)]
struct WaitingQueue {
    company: CompanyId,
    host: Arc<str>,
    limit: usize,
    /// Set that the queue is in; `None` while its subscription holds as many slots as it may.
    class: Option<WaitClass>,
}

/// Slots held by companies, hosts and subscriptions, the order in which they were served, and the queues that wait.
#[derive(Debug, Clone)]
pub struct SlotLedger {
    capacity: SlotCapacity,
    n_held: usize,
    n_served: u64,
    companies: HashMap<CompanyId, CompanySlots>,
    subscriptions: HashMap<SubscriptionId, SubscriptionSlots>,
    /// Companies with queues that wait, in the order of choice.
    waiting: BTreeSet<(SlotUsage, CompanyId)>,
}

/// Three quarters of a number, rounded up.
const fn three_quarters(of: usize) -> usize {
    (of * 3).div_ceil(4)
}

/// Seven eighths of a number, rounded up.
const fn seven_eighths(of: usize) -> usize {
    (of * 7).div_ceil(8)
}

impl SlotLedger {
    /// Creates a ledger without any slot held.
    #[must_use]
    pub fn new(capacity: SlotCapacity) -> Self {
        Self {
            capacity,
            n_held: 0,
            n_served: 0,
            companies: HashMap::new(),
            subscriptions: HashMap::new(),
            waiting: BTreeSet::new(),
        }
    }

    /// Records that a slot is taken.
    pub fn take(&mut self, slot: &AttemptSlot) {
        self.n_held += slot.n_slots;
        self.n_served += 1;
        let served = self.n_served;
        self.change(slot, |usage| SlotUsage { n_held: usage.n_held + slot.n_slots, served });
        if served.is_multiple_of(FORGET_INTERVAL) {
            self.forget();
        }
    }

    /// Records that a slot is given back.
    pub fn release(&mut self, slot: &AttemptSlot) {
        self.n_held = self.n_held.saturating_sub(slot.n_slots);
        self.change(slot, |usage| SlotUsage { n_held: usage.n_held.saturating_sub(slot.n_slots), ..usage });
    }

    /// Number of slots held on the platform.
    #[must_use]
    pub const fn n_held(&self) -> usize {
        self.n_held
    }

    /// Number of slots that are free.
    #[must_use]
    pub const fn n_free(&self) -> usize {
        self.capacity.n_slots.saturating_sub(self.n_held)
    }

    /// Number of slots held by a company.
    #[must_use]
    pub fn n_held_by(&self, company: CompanyId) -> usize {
        self.companies.get(&company).map_or(0, |company| company.usage.n_held)
    }

    /// Number of slots held by a subscription.
    #[must_use]
    pub fn n_held_for(&self, subscription: SubscriptionId) -> usize {
        self.subscriptions.get(&subscription).map_or(0, |subscription| subscription.usage.n_held)
    }

    /// Lets a queue of a subscription wait for slots, of which the subscription holds at most `limit`; or no longer wait,
    /// without a limit.
    pub fn set_waiting(&mut self, slot: &AttemptSlot, queue: SlotQueue, limit: Option<usize>) {
        let AttemptSlot { company, subscription, .. } = *slot;
        let known = self.subscriptions.get(&subscription).and_then(|known| known.queues[queue as usize].as_ref());
        let is_unchanged = match (known, limit) {
            (None, None) => true,
            (Some(known), Some(limit)) => known.limit == limit && known.company == company && known.host == slot.host,
            _ => false,
        };
        if is_unchanged {
            return;
        }
        self.leave(subscription, queue);
        self.subscriptions.entry(subscription).or_default().queues[queue as usize] =
            limit.map(|limit| WaitingQueue { company, host: Arc::clone(&slot.host), limit, class: None });
        self.enter(subscription, queue);
    }

    /// Chooses the queue that gets the next slot, as if it had enough waiting; `None` if no queue that waits may take
    /// one. Only admitted companies that hold fewer than `company_limit` are served.
    #[must_use]
    pub fn choose(
        &self,
        company_limit: usize,
        is_admitted: impl Fn(CompanyId) -> bool,
    ) -> Option<(SubscriptionId, SlotQueue)> {
        if self.n_free() == 0 {
            return None;
        }
        let mut n_passed_over = 0;
        for (SlotUsage { n_held, .. }, company) in &self.waiting {
            let allowance = self.capacity.max_company_slots(self.n_held.saturating_sub(*n_held));
            if *n_held >= company_limit || (*n_held > 0 && *n_held >= allowance) || n_passed_over > MAX_PASSED_OVER {
                return None;
            }
            if is_admitted(*company) {
                let chosen = self.companies.get(company).and_then(|company| company.choose(allowance));
                if chosen.is_some() {
                    return chosen;
                }
                n_passed_over += 1;
            }
        }
        None
    }

    /// Changes the usages of a slot's company, host and subscription, and moves what waits to its new place.
    fn change(&mut self, slot: &AttemptSlot, changed: impl Fn(SlotUsage) -> SlotUsage) {
        for queue in [SlotQueue::Resends, SlotQueue::Due] {
            self.leave(slot.subscription, queue);
        }
        let company = self.companies.entry(slot.company).or_default();
        let before = company.usage;
        company.usage = changed(before);
        if self.waiting.remove(&(before, slot.company)) {
            self.waiting.insert((company.usage, slot.company));
        }
        let host = company.hosts.entry(Arc::clone(&slot.host)).or_default();
        let before = host.usage;
        host.usage = changed(before);
        for (hosts, _) in company.waiting.iter_mut().zip(&host.waiting).filter(|(_, of_host)| !of_host.is_empty()) {
            hosts.remove(&(before, Arc::clone(&slot.host)));
            hosts.insert((host.usage, Arc::clone(&slot.host)));
        }
        let subscription = self.subscriptions.entry(slot.subscription).or_default();
        subscription.usage = changed(subscription.usage);
        for queue in [SlotQueue::Resends, SlotQueue::Due] {
            self.enter(slot.subscription, queue);
        }
    }

    /// Takes a queue out of the order of choice.
    fn leave(&mut self, id: SubscriptionId, queue: SlotQueue) {
        let Some(subscription) = self.subscriptions.get_mut(&id) else { return };
        let Some(place) = &mut subscription.queues[queue as usize] else { return };
        let Some(class) = place.class.take() else { return };
        let Some(company) = self.companies.get_mut(&place.company) else { return };
        let Some(host) = company.hosts.get_mut(&place.host) else { return };
        host.waiting[class].remove(&(subscription.usage, id));
        if host.waiting[class].is_empty() {
            company.waiting[class].remove(&(host.usage, Arc::clone(&place.host)));
            if !company.is_waiting() {
                self.waiting.remove(&(company.usage, place.company));
            }
        }
    }

    /// Puts a queue into the order of choice, if its subscription may hold more slots.
    fn enter(&mut self, id: SubscriptionId, queue: SlotQueue) {
        let Some(subscription) = self.subscriptions.get_mut(&id) else { return };
        let usage = subscription.usage;
        let Some(place) = &mut subscription.queues[queue as usize] else { return };
        if usage.n_held >= place.limit {
            return;
        }
        let class = wait_class(queue, usage.n_held == 0);
        place.class = Some(class);
        let company = self.companies.entry(place.company).or_default();
        let host = company.hosts.entry(Arc::clone(&place.host)).or_default();
        host.waiting[class].insert((usage, id));
        company.waiting[class].insert((host.usage, Arc::clone(&place.host)));
        self.waiting.insert((company.usage, place.company));
    }

    /// Removes entries that hold no slot, for which nothing waits, and that were served too long ago to matter.
    fn forget(&mut self) {
        let now = self.n_served;
        self.subscriptions.retain(|_, subscription| {
            subscription.queues.iter().any(Option::is_some) || !subscription.usage.is_forgettable(now)
        });
        self.companies.retain(|_, company| {
            let is_waiting = |host: &HostSlots| host.waiting.iter().any(|waiting| !waiting.is_empty());
            company.hosts.retain(|_, host| is_waiting(host) || !host.usage.is_forgettable(now));
            !company.hosts.is_empty() || !company.usage.is_forgettable(now)
        });
    }
}

impl CompanySlots {
    fn is_waiting(&self) -> bool {
        self.waiting.iter().any(|hosts| !hosts.is_empty())
    }

    /// Chooses the next queue of a company that may hold `allowance` slots.
    fn choose(&self, allowance: usize) -> Option<(SubscriptionId, SlotQueue)> {
        let of_queue = |queue| {
            let first =
                [true, false].into_iter().filter_map(|is_idle| self.first(wait_class(queue, is_idle), allowance));
            first.min().map(|(_, _, (_, subscription))| (subscription, queue))
        };
        of_queue(SlotQueue::Resends).or_else(|| of_queue(SlotQueue::Due))
    }

    /// First queue of a class, with its host, if it may take a slot.
    fn first(&self, class: WaitClass, allowance: usize) -> Option<(SlotUsage, &str, (SlotUsage, SubscriptionId))> {
        let share = |of: usize| if is_idle_class(class) { of } else { seven_eighths(of) };
        // The limits do not apply to a company or host without an attempt in flight.
        let has_room = |n_held: usize, allowance: usize| n_held == 0 || n_held < share(allowance);
        let (host, name) = self.waiting[class].first()?;
        let host_allowance = three_quarters(allowance.saturating_sub(self.usage.n_held.saturating_sub(host.n_held)));
        if !has_room(self.usage.n_held, allowance) || !has_room(host.n_held, host_allowance) {
            return None;
        }
        Some((*host, name, *self.hosts.get(name)?.waiting[class].first()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// A small platform, so that random worlds fill it.
    const SMALL: SlotCapacity = SlotCapacity { n_slots: 144, n_for_newcomers: 24 };

    fn slot(company: i64, host: i64, subscription: i64) -> AttemptSlot {
        let subscription = SubscriptionId(company * 1_000_000 + host * 1_000 + subscription);
        AttemptSlot {
            company: CompanyId(company),
            host: Arc::from(format!("host-{host}").as_str()),
            subscription,
            n_slots: 1,
        }
    }

    /// A queue that waits, always with enough in it.
    #[derive(Debug, Clone)]
    struct Candidate {
        slot: AttemptSlot,
        queue: SlotQueue,
        limit: usize,
    }

    fn waiting(slot: AttemptSlot) -> Candidate {
        Candidate { slot, queue: SlotQueue::Due, limit: 4 }
    }

    /// Everything of a company waits: so many hosts with so many subscriptions each.
    fn greedy(company: i64, n_hosts: i64, n_subscriptions: i64) -> Vec<Candidate> {
        let hosts = (0..n_hosts).flat_map(|host| (0..n_subscriptions).map(move |of| (host, of)));
        hosts.map(|(host, of)| waiting(slot(company, host, of))).collect()
    }

    fn wait(ledger: &mut SlotLedger, candidates: &[Candidate]) {
        for Candidate { slot, queue, limit } in candidates {
            ledger.set_waiting(slot, *queue, Some(*limit));
        }
    }

    /// Takes the slot of the next choice among the candidates that wait.
    fn take_next(ledger: &mut SlotLedger, candidates: &[Candidate], company_limit: usize) -> Option<AttemptSlot> {
        let (subscription, queue) = ledger.choose(company_limit, |_| true)?;
        let of = |candidate: &&Candidate| candidate.slot.subscription == subscription && candidate.queue == queue;
        let slot = candidates.iter().find(of).expect("a candidate").slot.clone();
        ledger.take(&slot);
        Some(slot)
    }

    /// Takes the slots that the candidates may take.
    fn fill(ledger: &mut SlotLedger, candidates: &[Candidate]) -> Vec<AttemptSlot> {
        wait(ledger, candidates);
        std::iter::from_fn(|| take_next(ledger, candidates, usize::MAX)).collect()
    }

    #[test]
    fn f1_a_company_alone_leaves_room_for_others_and_its_hosts_for_one_another() {
        let mut ledger = SlotLedger::new(SMALL);
        fill(&mut ledger, &greedy(1, 190, 1));
        assert_eq!(ledger.n_held_by(CompanyId(1)), 90);
        let both = [greedy(1, 190, 1), greedy(2, 1, 1)].concat();
        fill(&mut ledger, &both);
        assert_eq!(ledger.n_held_by(CompanyId(2)), 4, "as much as its one subscription may");

        let mut ledger = SlotLedger::new(SMALL);
        fill(&mut ledger, &greedy(1, 1, 190));
        assert_eq!(ledger.n_held_by(CompanyId(1)), 68);
        let mut both = greedy(1, 1, 190);
        both.push(waiting(slot(1, 7, 0)));
        assert!(fill(&mut ledger, &both).contains(&slot(1, 7, 0)), "another host of the same company");
    }

    #[test]
    fn f1_endpoints_that_fill_a_companys_share_leave_places_for_its_other_endpoints() {
        let mut ledger = SlotLedger::new(SlotCapacity::FULL);
        let hanging: Vec<Candidate> = (0..40).map(|n| Candidate { limit: 512, ..waiting(slot(1, 1, n)) }).collect();
        fill(&mut ledger, &hanging);
        let held = ledger.n_held_by(CompanyId(1));
        assert!((1_800..2_200).contains(&held), "{held}");
        for neighbour in [slot(1, 1, 40), slot(1, 2, 0)] {
            let all = [hanging.as_slice(), &[waiting(neighbour.clone())]].concat();
            assert!(fill(&mut ledger, &all).contains(&neighbour));
        }
    }

    #[test]
    fn f1_a_process_with_few_descriptors_has_fewer_slots() {
        let slots = |n| SlotCapacity::for_descriptors(n).n_slots;
        assert_eq!([Some(100), Some(1_024), Some(1 << 20), None].map(slots), [64, 384, 4_096, 4_096]);
        assert_eq!(SlotCapacity::for_descriptors(None), SlotCapacity::FULL);
    }

    #[test]
    fn large_bodies_hold_as_many_slots_as_they_take_memory() {
        assert_eq!([0, 16_383, 16_384, 1 << 20].map(slots_of_body), [1, 1, 2, 65]);
        let mut ledger = SlotLedger::new(SMALL);
        let large = AttemptSlot { n_slots: slots_of_body(1 << 20), ..slot(1, 1, 1) };
        ledger.take(&large);
        ledger.take(&slot(1, 1, 1));
        let held = [ledger.n_held(), ledger.n_held_by(CompanyId(1)), ledger.n_held_for(large.subscription)];
        assert_eq!((held, ledger.n_free()), ([66; 3], 78));
        ledger.release(&large);
        assert_eq!(ledger.n_held(), 1);
    }

    #[test]
    fn a_resend_goes_before_what_else_its_company_has_and_not_before_another_company() {
        let mut ledger = SlotLedger::new(SMALL);
        let mut candidates = greedy(1, 2, 4);
        let resends = Candidate { queue: SlotQueue::Resends, ..waiting(slot(1, 3, 5)) };
        candidates.extend([resends, waiting(slot(2, 1, 1))]);
        wait(&mut ledger, &candidates);
        let begun: Vec<i64> =
            (0..3).map(|_| take_next(&mut ledger, &candidates, usize::MAX).expect("a slot").company.0).collect();
        assert_eq!(begun, [1, 2, 1]);
        assert_eq!((ledger.n_held_for(slot(1, 3, 5).subscription), ledger.n_held_by(CompanyId(2))), (2, 1));
        assert_eq!(ledger.choose(usize::MAX, |_| true).expect("a choice").0, slot(2, 1, 1).subscription);
    }

    #[test]
    fn a_company_that_may_only_probe_gets_one() {
        let mut ledger = SlotLedger::new(SMALL);
        let candidates = [greedy(1, 3, 3), greedy(2, 3, 3)].concat();
        wait(&mut ledger, &candidates);
        let begun: Vec<i64> =
            std::iter::from_fn(|| take_next(&mut ledger, &candidates, 1)).map(|slot| slot.company.0).collect();
        assert_eq!(begun, [1, 2]);
        assert_eq!(ledger.choose(2, |company| company == CompanyId(2)).expect("admitted").0.0 / 1_000_000, 2);
    }

    #[test]
    fn a_queue_that_no_longer_waits_or_may_take_no_more_is_not_chosen() {
        let mut ledger = SlotLedger::new(SMALL);
        let (first, second) = (slot(1, 1, 1), slot(1, 1, 2));
        ledger.set_waiting(&first, SlotQueue::Due, Some(1));
        ledger.take(&first);
        assert_eq!(ledger.choose(usize::MAX, |_| true), None, "it holds what it may");
        ledger.set_waiting(&first, SlotQueue::Due, Some(2));
        assert_eq!(ledger.choose(usize::MAX, |_| true), Some((first.subscription, SlotQueue::Due)));
        // Its target is on another host now; the attempt in flight is still at the earlier one.
        let moved = AttemptSlot { host: Arc::from("elsewhere"), ..first.clone() };
        ledger.set_waiting(&moved, SlotQueue::Due, Some(2));
        ledger.set_waiting(&second, SlotQueue::Due, Some(2));
        assert_eq!(ledger.choose(usize::MAX, |_| true), Some((first.subscription, SlotQueue::Due)), "an idle host");
        ledger.set_waiting(&moved, SlotQueue::Due, None);
        assert_eq!(ledger.choose(usize::MAX, |_| true), Some((second.subscription, SlotQueue::Due)));
        ledger.set_waiting(&second, SlotQueue::Due, None);
        ledger.release(&first);
        assert_eq!((ledger.choose(usize::MAX, |_| true), ledger.n_held()), (None, 0));
    }

    #[test]
    fn what_was_served_long_ago_is_forgotten_and_what_is_held_is_not() {
        let mut ledger = SlotLedger::new(SMALL);
        ledger.take(&slot(1, 1, 1));
        for n in 0..i64::try_from(2 * SERVED_MEMORY_LIMIT).expect("few") {
            let slot = slot(2, n % 100_000, 0);
            ledger.take(&slot);
            ledger.release(&slot);
        }
        assert_eq!((ledger.n_held(), ledger.n_held_by(CompanyId(1))), (1, 1));
        let most = usize::try_from(SERVED_MEMORY_LIMIT + FORGET_INTERVAL).expect("few");
        let n_hosts: usize = ledger.companies.values().map(|company| company.hosts.len()).sum();
        assert!(ledger.subscriptions.len() <= most && n_hosts <= most, "{n_hosts}");
    }

    /// Second implementation of the rules in the module's head, over a list of the attempts in flight.
    #[derive(Default)]
    struct Oracle {
        under_way: Vec<AttemptSlot>,
    }

    impl Oracle {
        fn begin(&mut self, slot: &AttemptSlot) {
            self.under_way.push(slot.clone());
        }

        fn end(&mut self, slot: &AttemptSlot) {
            let place = self.under_way.iter().position(|of| of == slot).expect("it had begun");
            self.under_way.remove(place);
        }

        /// The rule that keeps one more attempt from beginning.
        fn bound(&self, of: &AttemptSlot) -> Option<&'static str> {
            if self.under_way.len() >= 144 {
                return Some("no slot is free");
            }
            let (mut n_of_company, mut n_of_host, mut n_of_subscription) = (0, 0, 0);
            for slot in self.under_way.iter().filter(|slot| slot.company == of.company) {
                n_of_company += 1;
                n_of_host += usize::from(slot.host == of.host);
                n_of_subscription += usize::from(slot.subscription == of.subscription);
            }
            // Rounded up.
            let at_least = |of: usize, all: usize, n: usize| {
                (0..=all).find(|part| part * n >= all * of).expect("the whole at the latest")
            };
            let three_quarters = |all: usize| at_least(3, all, 4);
            let for_all = |all: usize| if n_of_subscription == 0 { all } else { at_least(7, all, 8) };
            let left = 120_usize.saturating_sub(self.under_way.len() - n_of_company);
            let of_hosts = three_quarters(left).saturating_sub(n_of_company - n_of_host);
            if n_of_subscription >= 4 {
                Some("its subscription has four under way")
            } else if n_of_company > 0 && n_of_company >= for_all(three_quarters(left)) {
                Some(
                    "its company has its part of three quarters of what others leave of the 120 not kept for newcomers",
                )
            } else if n_of_host > 0 && n_of_host >= for_all(three_quarters(of_hosts)) {
                Some("its host has its part of three quarters of what its company may have beside its other hosts")
            } else {
                None
            }
        }
    }

    /// Event of a random run.
    enum Event<'a> {
        Ended(&'a AttemptSlot),
        Begun(&'a AttemptSlot),
        /// Nothing more begins, though these wait.
        Idle(&'a [Candidate]),
    }

    /// A company of a random world: hosts, subscriptions of each, and how many rounds its attempts last.
    type Tenant = (i64, i64, usize);

    /// Runs rounds in which everything waits all the time, with a newcomer from `arrival` on, and tells of everything that happens, one by one.
    fn run(tenants: &[Tenant], arrival: usize, n_rounds: usize, mut tell: impl FnMut(usize, Event<'_>)) {
        let mut ledger = SlotLedger::new(SMALL);
        let mut ends: BTreeMap<usize, Vec<AttemptSlot>> = BTreeMap::new();
        for round in 0..n_rounds {
            for slot in ends.remove(&round).unwrap_or_default() {
                ledger.release(&slot);
                tell(round, Event::Ended(&slot));
            }
            let mut candidates: Vec<Candidate> = Vec::new();
            for (n, (n_hosts, n_subscriptions, _)) in (1..).zip(tenants) {
                candidates.extend(greedy(n, *n_hosts, *n_subscriptions));
            }
            if round >= arrival {
                candidates.extend(greedy(0, 1, 1));
            }
            wait(&mut ledger, &candidates);
            while let Some(slot) = take_next(&mut ledger, &candidates, usize::MAX) {
                tell(round, Event::Begun(&slot));
                let lasts = match usize::try_from(slot.company.0) {
                    Ok(n) if n > 0 => tenants[n - 1].2,
                    _ => 1,
                };
                ends.entry(round + lasts).or_default().push(slot);
            }
            tell(round, Event::Idle(&candidates));
        }
    }

    fn tenants(most: usize) -> impl Strategy<Value = Vec<Tenant>> {
        proptest::collection::vec((1_i64..12, 1_i64..12, prop_oneof![Just(1_usize), Just(3), Just(1_000)]), 1..=most)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn f1_in_ten_thousand_random_worlds_no_subscription_starves(
            tenants in proptest::collection::vec((1_i64..4, 1_i64..3, prop_oneof![Just(1_usize), Just(2), Just(1_000)]), 1..6),
        ) {
            let mut served: BTreeMap<(CompanyId, SubscriptionId), usize> = BTreeMap::new();
            run(&tenants, 0, 4, |round, event| if let Event::Begun(of) = event {
                served.entry((of.company, of.subscription)).or_insert(round);
            });
            let n_subscriptions: i64 = tenants.iter().map(|(hosts, of, _)| hosts * of).sum();
            prop_assert_eq!(i64::try_from(served.len()).expect("few"), n_subscriptions + 1, "{:?}", served);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn f1_whatever_others_do_the_first_attempt_of_one_more_company_begins_at_once(
            tenants in tenants(SMALL.n_for_newcomers), arrival in 0_usize..12,
        ) {
            let mut begun_in = Vec::new();
            run(&tenants, arrival, arrival + 6, |round, event| match event {
                Event::Begun(of) if *of == slot(0, 0, 0) => begun_in.push(round),
                _ => {}
            });
            begun_in.dedup();
            assert_eq!(begun_in, (arrival..arrival + 6).collect::<Vec<_>>());
        }

        #[test]
        fn f1_no_bound_is_exceeded_and_no_room_is_left_to_a_company_that_may_have_it(tenants in tenants(20), arrival in 0_usize..12) {
            let mut oracle = Oracle::default();
            run(&tenants, arrival, 30, |_, event| match event {
                Event::Ended(slot) => oracle.end(slot),
                Event::Begun(slot) => {
                    let bound = oracle.bound(slot);
                    assert_eq!(bound, None, "{slot:?} begins beside {:?}", oracle.under_way);
                    oracle.begin(slot);
                }
                Event::Idle(candidates) => {
                    for candidate in candidates {
                        assert!(oracle.bound(&candidate.slot).is_some(), "{candidate:?} might begin and does not");
                    }
                }
            });
        }

        #[test]
        fn f1_where_all_that_is_begun_ends_at_once_every_company_and_every_subscription_is_served_in_its_round(
            sizes in proptest::collection::vec((1_i64..4, 1_i64..4), 1..9),
        ) {
            let mut ledger = SlotLedger::new(SMALL);
            let candidates: Vec<Candidate> = (1..).zip(&sizes).flat_map(|(n, (hosts, of))| greedy(n, *hosts, *of)).collect();
            let mut served: BTreeMap<CompanyId, usize> = BTreeMap::new();
            let mut of_first: BTreeMap<SubscriptionId, usize> = BTreeMap::new();
            let n_of_first = usize::try_from(sizes[0].0 * sizes[0].1).expect("few");
            wait(&mut ledger, &candidates);
            // One slot at a time: so many rounds that each subscription of the first company has had its turn twice.
            for _ in 0..2 * n_of_first * sizes.len() {
                let slot = take_next(&mut ledger, &candidates, usize::MAX).expect("all slots are free");
                ledger.release(&slot);
                *served.entry(slot.company).or_default() += 1;
                if slot.company == CompanyId(1) {
                    *of_first.entry(slot.subscription).or_default() += 1;
                }
                let (least, most) = (served.values().min(), served.values().max());
                prop_assert!(served.len() < sizes.len() || most.zip(least).is_some_and(|(most, least)| most - least <= 1));
            }
            prop_assert_eq!(served.len(), sizes.len());
            prop_assert!(of_first.len() == n_of_first && of_first.values().all(|n| *n == 2), "{:?}", of_first);
        }
    }
}
