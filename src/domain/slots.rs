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

use super::ids::{CompanyId, SubscriptionId};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

/// Number of attempts after which a company, host or subscription counts as never served.
const SERVED_MEMORY_LIMIT: u64 = 65_536;
/// Number of attempts between two removals of entries beyond the memory limit.
const FORGET_INTERVAL: u64 = 8_192;

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

/// A queue that waits for slots: the due deliveries of a subscription, or its resends.
#[derive(Debug, Clone)]
pub struct SlotCandidate {
    /// Company, host and subscription of the attempts.
    pub slot: AttemptSlot,
    /// Maximum number of slots for the subscription.
    pub limit: usize,
    /// Whether the queue holds resends, which come first within a company.
    pub is_resend: bool,
}

/// Number of slots held, and the sequence number of the last slot taken; 0 means never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct SlotUsage {
    n_held: usize,
    served: u64,
}

/// Slots held by companies, hosts and subscriptions, with the order in which they were served.
#[derive(Debug, Clone)]
pub struct SlotLedger {
    capacity: SlotCapacity,
    n_held: usize,
    n_served: u64,
    companies: HashMap<CompanyId, SlotUsage>,
    hosts: HashMap<(CompanyId, Arc<str>), SlotUsage>,
    subscriptions: HashMap<SubscriptionId, SlotUsage>,
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
            hosts: HashMap::new(),
            subscriptions: HashMap::new(),
        }
    }

    /// Records the start of an attempt.
    pub fn take(&mut self, slot: &AttemptSlot) {
        self.n_held += slot.n_slots;
        self.n_served += 1;
        let served = self.n_served;
        let take = |usage: &mut SlotUsage| *usage = SlotUsage { n_held: usage.n_held + slot.n_slots, served };
        take(self.companies.entry(slot.company).or_default());
        take(self.hosts.entry((slot.company, Arc::clone(&slot.host))).or_default());
        take(self.subscriptions.entry(slot.subscription).or_default());
        if served.is_multiple_of(FORGET_INTERVAL) {
            remove_stale(&mut self.companies, served);
            remove_stale(&mut self.hosts, served);
            remove_stale(&mut self.subscriptions, served);
        }
    }

    /// Records the end of an attempt.
    pub fn release(&mut self, slot: &AttemptSlot) {
        self.n_held = self.n_held.saturating_sub(slot.n_slots);
        let usages = [
            self.companies.get_mut(&slot.company),
            self.hosts.get_mut(&(slot.company, Arc::clone(&slot.host))),
            self.subscriptions.get_mut(&slot.subscription),
        ];
        for usage in usages.into_iter().flatten() {
            usage.n_held = usage.n_held.saturating_sub(slot.n_slots);
        }
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
        self.companies.get(&company).map_or(0, |usage| usage.n_held)
    }

    /// Number of slots held by a subscription.
    #[must_use]
    pub fn n_held_for(&self, subscription: SubscriptionId) -> usize {
        self.subscriptions.get(&subscription).map_or(0, |usage| usage.n_held)
    }

    /// Plans how many attempts of each candidate begin next, in order of choice: at most `room` in all, as if each
    /// candidate had enough waiting, and without any company exceeding `company_limit`.
    #[must_use]
    pub fn plan(&self, candidates: &[SlotCandidate], room: usize, company_limit: usize) -> Vec<(usize, usize)> {
        let mut draft = PlannedSlots::of(self, candidates, company_limit);
        let mut order: Vec<usize> = Vec::new();
        let mut numbers = vec![0; candidates.len()];
        for _ in 0..room.min(self.n_free()) {
            let Some(chosen) = draft.choose_next() else { break };
            if numbers[chosen] == 0 {
                order.push(chosen);
            }
            numbers[chosen] += 1;
        }
        order.into_iter().map(|chosen| (chosen, numbers[chosen])).collect()
    }
}

/// Removes entries that hold no slot and were served too long ago to matter.
fn remove_stale<K: Eq + Hash>(usages: &mut HashMap<K, SlotUsage>, now: u64) {
    usages.retain(|_, usage| usage.n_held > 0 || usage.served + SERVED_MEMORY_LIMIT > now);
}

/// Order of choice among the candidates of a company: resends first, then host and subscription, each with its row, and
/// last the candidate's position.
type CandidateTurn = (bool, (SlotUsage, usize), (SlotUsage, usize), usize);

/// Working copy of a ledger for some candidates. Usages are stored in vectors, and candidates wait in heaps: a company
/// or candidate that may not take a slot now may take none later in the plan, since slots are only taken, so it is
/// dropped for good; one whose usage has grown since it was queued is queued again.
struct PlannedSlots {
    capacity: SlotCapacity,
    company_limit: usize,
    n_held: usize,
    n_served: u64,
    companies: Vec<SlotUsage>,
    hosts: Vec<SlotUsage>,
    subscriptions: Vec<SlotUsage>,
    candidates: Vec<PlannedCandidate>,
    waiting_companies: BinaryHeap<Reverse<(SlotUsage, usize)>>,
    /// Waiting candidates of each company.
    waiting: Vec<BinaryHeap<Reverse<CandidateTurn>>>,
}

/// Candidate with the vector indexes of its usages.
#[derive(Debug, Clone, Copy)]
struct PlannedCandidate {
    company: usize,
    host: usize,
    subscription: usize,
    limit: usize,
    is_resend: bool,
}

impl PlannedSlots {
    fn of(ledger: &SlotLedger, candidates: &[SlotCandidate], company_limit: usize) -> Self {
        let (mut companies, mut hosts, mut subscriptions) = (UsageTable::new(), UsageTable::new(), UsageTable::new());
        let places = candidates.iter().map(|SlotCandidate { slot, limit, is_resend }| PlannedCandidate {
            company: companies.row_of(slot.company, &ledger.companies),
            host: hosts.row_of((slot.company, Arc::clone(&slot.host)), &ledger.hosts),
            subscription: subscriptions.row_of(slot.subscription, &ledger.subscriptions),
            limit: *limit,
            is_resend: *is_resend,
        });
        let places: Vec<PlannedCandidate> = places.collect();
        let UsageTable { usages: companies, .. } = companies;
        let (hosts, subscriptions) = (hosts.usages, subscriptions.usages);
        let waiting_companies = companies.iter().enumerate().map(|(row, usage)| Reverse((*usage, row))).collect();
        let mut waiting = vec![BinaryHeap::new(); companies.len()];
        let mut draft = Self {
            capacity: ledger.capacity,
            company_limit,
            n_held: ledger.n_held,
            n_served: ledger.n_served,
            companies,
            hosts,
            subscriptions,
            candidates: places,
            waiting_companies,
            waiting: Vec::new(),
        };
        for (n, of) in draft.candidates.iter().enumerate() {
            waiting[of.company].push(Reverse(draft.turn_of(n)));
        }
        draft.waiting = waiting;
        draft
    }

    fn turn_of(&self, candidate: usize) -> CandidateTurn {
        let of = self.candidates[candidate];
        let (host, subscription) = (self.hosts[of.host], self.subscriptions[of.subscription]);
        (!of.is_resend, (host, of.host), (subscription, of.subscription), candidate)
    }

    /// Chooses the candidate to serve next and gives it one more slot.
    fn choose_next(&mut self) -> Option<usize> {
        loop {
            let Reverse((queued, company)) = self.waiting_companies.pop()?;
            let usage = self.companies[company];
            if usage != queued {
                self.waiting_companies.push(Reverse((usage, company)));
            } else if let Some(chosen) = self.choose_of(company) {
                self.take(chosen);
                self.waiting_companies.push(Reverse((self.companies[company], company)));
                return Some(chosen);
            }
        }
    }

    /// Chooses the next candidate of a company; `None` if none of its candidates may take a slot.
    fn choose_of(&mut self, company: usize) -> Option<usize> {
        loop {
            let Reverse(queued) = self.waiting[company].pop()?;
            let candidate = queued.3;
            if !self.may_take(self.candidates[candidate]) {
                continue;
            }
            let turn = self.turn_of(candidate);
            self.waiting[company].push(Reverse(turn));
            if turn == queued {
                return Some(candidate);
            }
        }
    }

    fn take(&mut self, candidate: usize) {
        let of = self.candidates[candidate];
        self.n_held += 1;
        self.n_served += 1;
        let usages =
            [&mut self.companies[of.company], &mut self.hosts[of.host], &mut self.subscriptions[of.subscription]];
        for usage in usages {
            *usage = SlotUsage { n_held: usage.n_held + 1, served: self.n_served };
        }
    }

    /// Returns whether a candidate may take one more slot under every limit.
    fn may_take(&self, of: PlannedCandidate) -> bool {
        let company = self.companies[of.company].n_held;
        let host = self.hosts[of.host].n_held;
        let subscription = self.subscriptions[of.subscription].n_held;
        let allowance = self.capacity.max_company_slots(self.n_held - company);
        let host_allowance = three_quarters(allowance.saturating_sub(company - host));
        let share = |of: usize| if subscription == 0 { of } else { seven_eighths(of) };
        // The share limits do not apply to a company or host without an attempt in flight.
        subscription < of.limit
            && company < self.company_limit
            && (company == 0 || company < share(allowance))
            && (host == 0 || host < share(host_allowance))
    }
}

/// Usages by key, stored in a vector.
struct UsageTable<K> {
    rows: HashMap<K, usize>,
    usages: Vec<SlotUsage>,
}

impl<K: Eq + Hash> UsageTable<K> {
    fn new() -> Self {
        Self { rows: HashMap::new(), usages: Vec::new() }
    }

    fn row_of(&mut self, key: K, known: &HashMap<K, SlotUsage>) -> usize {
        let usage = known.get(&key).copied().unwrap_or_default();
        *self.rows.entry(key).or_insert_with(|| {
            self.usages.push(usage);
            self.usages.len() - 1
        })
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

    fn waiting(slot: AttemptSlot) -> SlotCandidate {
        SlotCandidate { slot, limit: 4, is_resend: false }
    }

    /// Everything of a company waits: so many hosts with so many subscriptions each.
    fn greedy(company: i64, n_hosts: i64, n_subscriptions: i64) -> Vec<SlotCandidate> {
        let hosts = (0..n_hosts).flat_map(|host| (0..n_subscriptions).map(move |of| (host, of)));
        hosts.map(|(host, of)| waiting(slot(company, host, of))).collect()
    }

    /// Takes the slots that the ledger plans.
    fn fill(ledger: &mut SlotLedger, candidates: &[SlotCandidate]) -> Vec<AttemptSlot> {
        let plan = ledger.plan(candidates, usize::MAX, usize::MAX);
        let begun = plan.into_iter().flat_map(|(place, n)| vec![candidates[place].slot.clone(); n]);
        begun.inspect(|slot| ledger.take(slot)).collect()
    }

    #[test]
    fn f1_a_company_alone_leaves_room_for_others_and_its_hosts_for_one_another() {
        let mut ledger = SlotLedger::new(SMALL);
        fill(&mut ledger, &greedy(1, 190, 1));
        assert_eq!(ledger.n_held_by(CompanyId(1)), 90);
        fill(&mut ledger, &greedy(2, 1, 1));
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
        let hanging: Vec<SlotCandidate> =
            (0..40).map(|n| SlotCandidate { slot: slot(1, 1, n), limit: 512, is_resend: false }).collect();
        fill(&mut ledger, &hanging);
        let held = ledger.n_held_by(CompanyId(1));
        assert!((1_800..2_200).contains(&held), "{held}");
        for neighbour in [slot(1, 1, 40), slot(1, 2, 0)] {
            let waiting = SlotCandidate { slot: neighbour.clone(), limit: 4, is_resend: false };
            assert!(fill(&mut ledger, &[hanging.as_slice(), &[waiting]].concat()).contains(&neighbour));
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
        let resends = SlotCandidate { slot: slot(1, 3, 5), limit: 4, is_resend: true };
        let mut candidates = greedy(1, 2, 4);
        candidates.push(resends);
        candidates.extend(greedy(2, 1, 1));
        let plan = ledger.plan(&candidates, 3, usize::MAX);
        assert_eq!(plan, [(8, 2), (9, 1)], "the resend, the other company, and the resend once more");
        ledger.take(&slot(1, 3, 5));
        assert_eq!(ledger.plan(&candidates, 1, usize::MAX), [(9, 1)]);
    }

    #[test]
    fn a_company_that_may_only_probe_gets_one() {
        let ledger = SlotLedger::new(SMALL);
        let plan = ledger.plan(&[greedy(1, 3, 3), greedy(2, 3, 3)].concat(), SMALL.n_slots, 1);
        assert_eq!(plan.iter().map(|(_, n)| n).sum::<usize>(), 2);
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
        assert!(ledger.subscriptions.len() <= most && ledger.hosts.len() <= most);
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
        Idle(&'a [SlotCandidate]),
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
            let mut candidates: Vec<SlotCandidate> = Vec::new();
            for (n, (n_hosts, n_subscriptions, _)) in (1..).zip(tenants) {
                candidates.extend(greedy(n, *n_hosts, *n_subscriptions));
            }
            if round >= arrival {
                candidates.extend(greedy(0, 1, 1));
            }
            let mut planned = ledger.plan(&candidates, SMALL.n_slots, usize::MAX);
            let mut draft = PlannedSlots::of(&ledger, &candidates, usize::MAX);
            // The plan in its order, which it does not tell.
            for _ in 0..planned.iter().map(|(_, n)| n).sum::<usize>() {
                let place = draft.choose_next().expect("as many as were planned");
                let slot = &candidates[place].slot;
                ledger.take(slot);
                tell(round, Event::Begun(slot));
                planned.iter_mut().find(|(of, n)| *of == place && *n > 0).expect("it was planned").1 -= 1;
                let lasts = match usize::try_from(slot.company.0) {
                    Ok(n) if n > 0 => tenants[n - 1].2,
                    _ => 1,
                };
                ends.entry(round + lasts).or_default().push(slot.clone());
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
            let candidates: Vec<SlotCandidate> = (1..).zip(&sizes).flat_map(|(n, (hosts, of))| greedy(n, *hosts, *of)).collect();
            let mut served: BTreeMap<CompanyId, usize> = BTreeMap::new();
            let mut of_first: BTreeMap<SubscriptionId, usize> = BTreeMap::new();
            let n_of_first = usize::try_from(sizes[0].0 * sizes[0].1).expect("few");
            // One slot at a time: so many rounds that each subscription of the first company has had its turn twice.
            for _ in 0..2 * n_of_first * sizes.len() {
                let plan = ledger.plan(&candidates, 1, usize::MAX);
                let slot = &candidates[plan[0].0].slot;
                ledger.take(slot);
                ledger.release(slot);
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
