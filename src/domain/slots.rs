//! Slots: attempts in flight, shared fairly over companies, then over each company's hosts, then over each host's
//! subscriptions.
//!
//! A slot goes to the company that holds the fewest and, among equals, to the one served longest ago; within the
//! company resends come first, then hosts and subscriptions by the same rule. An attempt that hangs keeps its slot
//! until the timeout and cannot be interrupted, so slots are reserved: a company holds at most three quarters of what
//! the others leave, a host at most three quarters of what its company may hold, and the last [`NEWCOMER_SLOTS`] go
//! only to companies without an attempt in flight. As long as at most that many other companies are active, the first
//! attempt of one more company begins at once.

use super::delivery::MAX_IN_FLIGHT;
use super::ids::{CompanyId, SubscriptionId};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Slots reserved for companies without an attempt in flight.
pub const NEWCOMER_SLOTS: usize = 24;
/// Number of attempts after which a company, host or subscription counts as never served.
const SERVED_MEMORY_LIMIT: u64 = 65_536;
/// Number of attempts between two removals of entries beyond the memory limit.
const FORGET_INTERVAL: u64 = 8_192;

/// Company, host and subscription that one attempt occupies a slot of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptSlot {
    /// Company that owns the subscription.
    pub company: CompanyId,
    /// Host name of the target.
    pub host: Arc<str>,
    /// Subscription to which the attempt is sent.
    pub subscription: SubscriptionId,
}

/// A queue that waits for slots: the due deliveries of a subscription, or its resends.
#[derive(Debug, Clone)]
pub struct SlotCandidate {
    /// Company, host and subscription of the attempts.
    pub slot: AttemptSlot,
    /// Maximum number of attempts in flight for the subscription.
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
#[derive(Debug, Clone, Default)]
pub struct SlotLedger {
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

/// Maximum number of slots for a company while others hold `n_others`.
const fn max_company_slots(n_others: usize) -> usize {
    three_quarters((MAX_IN_FLIGHT - NEWCOMER_SLOTS).saturating_sub(n_others))
}

impl SlotLedger {
    /// Records the start of an attempt.
    pub fn take(&mut self, slot: &AttemptSlot) {
        self.n_held += 1;
        self.n_served += 1;
        let served = self.n_served;
        let take = |usage: &mut SlotUsage| *usage = SlotUsage { n_held: usage.n_held + 1, served };
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
        self.n_held = self.n_held.saturating_sub(1);
        let usages = [
            self.companies.get_mut(&slot.company),
            self.hosts.get_mut(&(slot.company, Arc::clone(&slot.host))),
            self.subscriptions.get_mut(&slot.subscription),
        ];
        for usage in usages.into_iter().flatten() {
            usage.n_held = usage.n_held.saturating_sub(1);
        }
    }

    /// Number of attempts in flight on the platform.
    #[must_use]
    pub const fn n_held(&self) -> usize {
        self.n_held
    }

    /// Number of attempts in flight of a company.
    #[must_use]
    pub fn n_held_by(&self, company: CompanyId) -> usize {
        self.companies.get(&company).map_or(0, |usage| usage.n_held)
    }

    /// Number of attempts in flight of a subscription.
    #[must_use]
    pub fn n_held_for(&self, subscription: SubscriptionId) -> usize {
        self.subscriptions.get(&subscription).map_or(0, |usage| usage.n_held)
    }

    /// Plans how many attempts of each candidate begin next, in order of choice: at most `room` in all, as if each
    /// candidate had enough waiting, and without any company exceeding `company_limit`.
    #[must_use]
    pub fn plan(&self, candidates: &[SlotCandidate], room: usize, company_limit: usize) -> Vec<(usize, usize)> {
        let mut draft = PlannedSlots::of(self, candidates);
        let mut plan: Vec<(usize, usize)> = Vec::new();
        for _ in 0..room.min(MAX_IN_FLIGHT.saturating_sub(self.n_held)) {
            let Some(chosen) = draft.choose_next(candidates, company_limit) else { break };
            match plan.iter_mut().find(|(candidate, _)| *candidate == chosen) {
                Some((_, n)) => *n += 1,
                None => plan.push((chosen, 1)),
            }
        }
        plan
    }
}

/// Removes entries that hold no slot and were served too long ago to matter.
fn remove_stale<K: Eq + Hash>(usages: &mut HashMap<K, SlotUsage>, now: u64) {
    usages.retain(|_, usage| usage.n_held > 0 || usage.served + SERVED_MEMORY_LIMIT > now);
}

/// Working copy of a ledger for some candidates. Usages are stored in vectors, so that each choice needs no lookup.
struct PlannedSlots {
    n_held: usize,
    n_served: u64,
    companies: Vec<SlotUsage>,
    hosts: Vec<SlotUsage>,
    subscriptions: Vec<SlotUsage>,
    /// Vector indexes of each candidate: company, host, subscription.
    rows: Vec<[usize; 3]>,
}

impl PlannedSlots {
    fn of(ledger: &SlotLedger, candidates: &[SlotCandidate]) -> Self {
        let (mut companies, mut hosts, mut subscriptions) = (UsageTable::new(), UsageTable::new(), UsageTable::new());
        let places = candidates.iter().map(|SlotCandidate { slot, .. }| {
            [
                companies.row_of(slot.company, &ledger.companies),
                hosts.row_of((slot.company, Arc::clone(&slot.host)), &ledger.hosts),
                subscriptions.row_of(slot.subscription, &ledger.subscriptions),
            ]
        });
        let places = places.collect();
        let UsageTable { usages: companies, .. } = companies;
        let (hosts, subscriptions) = (hosts.usages, subscriptions.usages);
        Self { n_held: ledger.n_held, n_served: ledger.n_served, companies, hosts, subscriptions, rows: places }
    }

    /// Chooses the candidate to serve next and gives it one more slot.
    fn choose_next(&mut self, candidates: &[SlotCandidate], company_limit: usize) -> Option<usize> {
        let places = self.rows.iter().zip(candidates).enumerate();
        let eligible = places.filter(|(_, (place, candidate))| self.may_take(**place, candidate.limit, company_limit));
        // The tuple's order is the priority: the company with the fewest slots and longest unserved, its resends first,
        // then host and subscription by the same rule.
        let turns = eligible.map(|(n, (&[company, host, subscription], candidate))| {
            let of_company = (self.companies[company], company, !candidate.is_resend);
            (of_company, (self.hosts[host], host, self.subscriptions[subscription], subscription), n)
        });
        let (_, _, chosen) = turns.min()?;
        let [company, host, subscription] = self.rows[chosen];
        self.n_held += 1;
        self.n_served += 1;
        for usage in [&mut self.companies[company], &mut self.hosts[host], &mut self.subscriptions[subscription]] {
            *usage = SlotUsage { n_held: usage.n_held + 1, served: self.n_served };
        }
        Some(chosen)
    }

    /// Returns whether a candidate may take one more slot under every limit.
    fn may_take(&self, [company, host, subscription]: [usize; 3], limit: usize, company_limit: usize) -> bool {
        let company = self.companies[company].n_held;
        let host = self.hosts[host].n_held;
        let allowance = max_company_slots(self.n_held - company);
        // The share limits do not apply to a company or host without an attempt in flight.
        self.subscriptions[subscription].n_held < limit
            && company < company_limit
            && (company == 0 || company < allowance)
            && (host == 0 || host < three_quarters(allowance.saturating_sub(company - host)))
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

    fn slot(company: i64, host: i64, subscription: i64) -> AttemptSlot {
        let subscription = SubscriptionId(company * 1_000_000 + host * 1_000 + subscription);
        AttemptSlot { company: CompanyId(company), host: Arc::from(format!("host-{host}").as_str()), subscription }
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
        let plan = ledger.plan(candidates, MAX_IN_FLIGHT, usize::MAX);
        let begun = plan.into_iter().flat_map(|(place, n)| vec![candidates[place].slot.clone(); n]);
        begun.inspect(|slot| ledger.take(slot)).collect()
    }

    #[test]
    fn f1_a_company_alone_leaves_room_for_others_and_its_hosts_for_one_another() {
        let mut ledger = SlotLedger::default();
        fill(&mut ledger, &greedy(1, 190, 1));
        assert_eq!(ledger.n_held_by(CompanyId(1)), 90);
        fill(&mut ledger, &greedy(2, 1, 1));
        assert_eq!(ledger.n_held_by(CompanyId(2)), 4, "as much as its one subscription may");

        let mut ledger = SlotLedger::default();
        fill(&mut ledger, &greedy(1, 1, 190));
        assert_eq!(ledger.n_held_by(CompanyId(1)), 68);
        let mut both = greedy(1, 1, 190);
        both.push(waiting(slot(1, 7, 0)));
        assert!(fill(&mut ledger, &both).contains(&slot(1, 7, 0)), "another host of the same company");
    }

    #[test]
    fn a_resend_goes_before_what_else_its_company_has_and_not_before_another_company() {
        let mut ledger = SlotLedger::default();
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
        let ledger = SlotLedger::default();
        let plan = ledger.plan(&[greedy(1, 3, 3), greedy(2, 3, 3)].concat(), MAX_IN_FLIGHT, 1);
        assert_eq!(plan.iter().map(|(_, n)| n).sum::<usize>(), 2);
    }

    #[test]
    fn what_was_served_long_ago_is_forgotten_and_what_is_held_is_not() {
        let mut ledger = SlotLedger::default();
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
            let three_quarters =
                |all: usize| (0..=all).find(|part| part * 4 >= all * 3).expect("the whole at the latest");
            let left = 120_usize.saturating_sub(self.under_way.len() - n_of_company);
            let of_hosts = three_quarters(left).saturating_sub(n_of_company - n_of_host);
            if n_of_subscription >= 4 {
                Some("its subscription has four under way")
            } else if n_of_company > 0 && n_of_company >= three_quarters(left) {
                Some("its company has three quarters of what others leave of the 120 that are not kept for newcomers")
            } else if n_of_host > 0 && n_of_host >= three_quarters(of_hosts) {
                Some("its host has three quarters of what its company may have beside its other hosts")
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
        let mut ledger = SlotLedger::default();
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
            let mut planned = ledger.plan(&candidates, MAX_IN_FLIGHT, usize::MAX);
            let mut draft = PlannedSlots::of(&ledger, &candidates);
            // The plan in its order, which it does not tell.
            for _ in 0..planned.iter().map(|(_, n)| n).sum::<usize>() {
                let place = draft.choose_next(&candidates, usize::MAX).expect("as many as were planned");
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
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn f1_whatever_others_do_the_first_attempt_of_one_more_company_begins_at_once(
            tenants in tenants(NEWCOMER_SLOTS), arrival in 0_usize..12,
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
            let mut ledger = SlotLedger::default();
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
