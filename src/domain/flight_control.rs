//! Adaptive limit on the attempts in flight of one subscription. Pure: results and times are arguments.
//!
//! Attempts are counted in rounds of as many as the limit, which last about as long as one answer takes. A round that
//! uses its limit and succeeds without slowing the receiver down raises the limit: it doubles below the threshold (slow
//! start), and grows by a sixteenth above it (near a knee by a thirty-second), at least by one. Three things lower it:
//!
//! - Overload (a timeout, a refused or reset connection, 429, 502, 503, 504) halves it, once in a round; so does a round
//!   of which half failed otherwise. A round without any success lowers it to 1.
//! - Slower answers: if the mean latency twice in a row exceeds the receiver's own latency by more than a tenth, and by
//!   more than its usual variation explains, the limit falls to the number at which the receiver still answered in its
//!   own time; from a sixteenth on it does not grow. The receiver's own latency is the smallest mean of the last half
//!   minute to a minute. While a slow receiver bounds the limit, half of it is given up for a moment every half minute,
//!   so that the receiver's own latency shows without the queue that the attempts themselves make. If a lower limit does
//!   not make the answers faster, the attempts are not the reason: the limit returns, and the latency is taken for the
//!   receiver's own.
//!
//!   A busy platform delays the sending and the reading of an answer alike, so a mean is compared without twice the time
//!   for which its attempts waited for a thread. The receiver's own latency is taken without that correction: the
//!   correction is an estimate, and if it is too large, the receiver seems faster than it is.
//! - Idleness: the limit halves every ten seconds without an attempt, down to the initial one.

use super::delivery::{AttemptOutcome, FailureKind};
use std::time::Duration;

/// Limit of a subscription that was just created or enabled, and of every subscription after a restart.
pub const INITIAL_FLIGHT_LIMIT: u32 = 4;
/// Highest limit of a subscription.
pub const MAX_FLIGHT_LIMIT: u32 = 512;
/// Answers are never too slow below this latency, which includes delays of the platform itself.
const MIN_LATENCY: Duration = Duration::from_millis(10);
/// Period over which the smallest mean latency is kept; the last complete one counts as well.
const LATENCY_WINDOW: Duration = Duration::from_secs(30);
/// Answers of which a mean latency is taken.
const MIN_LATENCY_SAMPLES: u32 = 8;
/// Part of the receiver's own latency by which a mean may exceed it while the limit grows.
const GROWTH_FRACTION: u64 = 16;
/// Part of the receiver's own latency by which a mean may exceed it while the limit stays.
const STAY_FRACTION: u64 = 10;
/// Mean latencies taken with half of the limit to measure the receiver's own.
const N_PROBES: u8 = 2;
/// Time without an attempt after which the limit halves.
const IDLE_STEP: Duration = Duration::from_secs(10);

/// What the outcome of an attempt says about the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlightSignal {
    /// The attempt succeeded in time.
    Succeeded,
    /// The attempt failed for a reason that fewer attempts may not change.
    Failed,
    /// The receiver cannot cope with as many attempts, or is gone.
    Overloaded,
}

impl FlightSignal {
    /// Classifies the outcome of an attempt; `None` for a local failure, which says nothing about the receiver.
    #[must_use]
    pub const fn of(outcome: &AttemptOutcome) -> Option<Self> {
        match outcome {
            AttemptOutcome::Answered { status: 200..=299, .. } => Some(Self::Succeeded),
            AttemptOutcome::Answered { status: 429 | 502 | 503 | 504, .. }
            | AttemptOutcome::Unanswered(FailureKind::Timeout | FailureKind::Refused | FailureKind::ConnectionReset) => {
                Some(Self::Overloaded)
            }
            AttemptOutcome::Unanswered(FailureKind::Local) => None,
            AttemptOutcome::Answered { .. } | AttemptOutcome::Unanswered(_) => Some(Self::Failed),
        }
    }
}

/// Finished attempt, as far as it matters for the limit.
#[derive(Debug, Clone, Copy)]
pub struct FlightSample {
    /// What the outcome says about the receiver.
    pub signal: FlightSignal,
    /// Time from the request to the end of the answer.
    pub latency: Duration,
    /// Time for which the attempt waited for a thread of the platform before its request.
    pub queued_for: Duration,
    /// Attempts in flight of the subscription when this one ended, itself included.
    pub n_in_flight: usize,
}

/// Reason for the present limit of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FlightReason {
    /// The limit grows as far as it is used.
    Growing,
    /// The receiver answers more slowly beyond this limit.
    SlowsDown,
    /// Attempts failed or were refused.
    Failures,
    /// The limit is the highest there is.
    AtMaximum,
}

impl FlightReason {
    /// All reasons for a limit.
    pub const ALL: [Self; 4] = [Self::Growing, Self::SlowsDown, Self::Failures, Self::AtMaximum];

    /// Name of the reason in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Growing => "growing",
            Self::SlowsDown => "slows_down",
            Self::Failures => "failures",
            Self::AtMaximum => "at_maximum",
        }
    }
}

/// Attempts counted since the last decision.
#[derive(Debug, Clone, Copy, Default)]
struct FlightRound {
    /// Number of attempts after which the round is complete.
    size: u32,
    n: u32,
    n_ok: u32,
    max_in_flight: u32,
    /// Whether these attempts began under a limit that was lowered since; they neither raise it nor halve it again.
    is_aftermath: bool,
}

/// Latencies of answers since the last mean was taken, in microseconds.
#[derive(Debug, Clone, Copy, Default)]
struct LatencySums {
    n: u32,
    sum_us: u64,
    sum_of_squares: u128,
    /// Sum of the delays of the platform itself that the latencies are taken to contain.
    platform_us: u64,
}

/// What is known about the receiver's latency, in microseconds.
#[derive(Debug, Clone, Copy)]
struct LatencyMemory {
    /// Smallest means, of the present window and of the one before.
    smallest_us: [u64; 2],
    window_ends_at: Duration,
    /// Usual standard deviation of an answer; `None` before the first mean.
    deviation_us: Option<u64>,
}

impl LatencyMemory {
    const fn new(window_ends_at: Duration) -> Self {
        Self { smallest_us: [u64::MAX; 2], window_ends_at, deviation_us: None }
    }

    /// Latency of the receiver without a queue.
    fn own_us(&self) -> u64 {
        let floor_us = u64::try_from(MIN_LATENCY.as_micros()).unwrap_or(u64::MAX);
        self.smallest_us[0].min(self.smallest_us[1]).max(floor_us)
    }

    /// Means of `n` answers up to which the limit may grow, and up to which it may stay.
    fn tolerated_us(&self, n: u32) -> [u64; 2] {
        let own_us = self.own_us();
        let of_mean_us = self.deviation_us.unwrap_or_default() / u64::from(n.isqrt().max(1));
        let usual_us = own_us.saturating_add(of_mean_us.saturating_mul(3).min(own_us / 3));
        [usual_us.saturating_add(own_us / GROWTH_FRACTION), usual_us.saturating_add(own_us / STAY_FRACTION)]
    }
}

/// Adaptive limit of one subscription. Times are durations since any fixed moment, by a monotonic clock.
#[derive(Debug, Clone)]
pub struct FlightController {
    limit: u32,
    /// Limit below which a good round doubles it.
    threshold: u32,
    reason: FlightReason,
    round: FlightRound,
    latencies: LatencySums,
    memory: LatencyMemory,
    last_at: Duration,
    /// Whether an attempt succeeded since the limit was last lowered for failures.
    has_succeeded: bool,
    /// Means left of a measurement, and the limit to return to.
    probe: Option<(u8, u32)>,
    /// Limit and mean latency when the receiver was first found slow, until it is not.
    slow_since: Option<(u32, u64)>,
}

impl FlightController {
    /// Controller of a subscription that was created, enabled or met for the first time at `at`.
    #[must_use]
    pub fn new(at: Duration) -> Self {
        Self {
            limit: INITIAL_FLIGHT_LIMIT,
            threshold: MAX_FLIGHT_LIMIT,
            reason: FlightReason::Growing,
            round: FlightRound { size: INITIAL_FLIGHT_LIMIT, ..FlightRound::default() },
            latencies: LatencySums::default(),
            memory: LatencyMemory::new(at + LATENCY_WINDOW),
            last_at: at,
            has_succeeded: true,
            probe: None,
            slow_since: None,
        }
    }

    /// Maximum number of attempts in flight at the given time.
    #[must_use]
    pub fn limit(&self, at: Duration) -> usize {
        self.limit_after_rest(at) as usize
    }

    /// Reason for the limit.
    #[must_use]
    pub const fn reason(&self) -> FlightReason {
        self.reason
    }

    /// Time of the last attempt, or of the creation.
    #[must_use]
    pub const fn last_at(&self) -> Duration {
        self.last_at
    }

    fn limit_after_rest(&self, at: Duration) -> u32 {
        let n_steps = at.saturating_sub(self.last_at).as_secs() / IDLE_STEP.as_secs();
        let rested = self.limit.checked_shr(u32::try_from(n_steps).unwrap_or(u32::MAX)).unwrap_or(0);
        rested.max(self.limit.min(INITIAL_FLIGHT_LIMIT))
    }

    /// Takes a finished attempt into account.
    pub fn record(&mut self, sample: FlightSample, at: Duration) {
        self.rest_until(at);
        let n_in_flight = u32::try_from(sample.n_in_flight).unwrap_or(u32::MAX);
        let n_left = n_in_flight.saturating_sub(1);
        self.round.n += 1;
        self.round.max_in_flight = self.round.max_in_flight.max(n_in_flight);
        match sample.signal {
            FlightSignal::Succeeded => {
                self.round.n_ok += 1;
                self.has_succeeded = true;
                if !self.round.is_aftermath {
                    self.add_latency(&sample);
                }
            }
            FlightSignal::Overloaded if !self.round.is_aftermath => {
                self.lower_for_failures(self.limit / 2, n_left);
                return;
            }
            FlightSignal::Overloaded | FlightSignal::Failed => {}
        }
        if self.round.n >= self.round.size {
            self.end_round(n_left);
        }
    }

    fn add_latency(&mut self, sample: &FlightSample) {
        let [latency_us, queued_us] =
            [sample.latency, sample.queued_for].map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        self.latencies.n += 1;
        let platform_us = queued_us.saturating_mul(2).min(latency_us);
        self.latencies.platform_us = self.latencies.platform_us.saturating_add(platform_us);
        self.latencies.sum_us = self.latencies.sum_us.saturating_add(latency_us);
        self.latencies.sum_of_squares += u128::from(latency_us).pow(2);
    }

    /// Applies the time that has passed: idleness, and the windows of the smallest latency.
    fn rest_until(&mut self, at: Duration) {
        let rested = self.limit_after_rest(at);
        if rested < self.limit {
            (self.limit, self.probe, self.slow_since) = (rested, None, None);
            self.reason = FlightReason::Growing;
            self.begin_round();
        }
        self.last_at = at;
        if at < self.memory.window_ends_at {
            return;
        }
        let is_over_twice = at >= self.memory.window_ends_at + LATENCY_WINDOW;
        self.memory.smallest_us = [u64::MAX, if is_over_twice { u64::MAX } else { self.memory.smallest_us[0] }];
        self.memory.window_ends_at = at + LATENCY_WINDOW;
        if self.reason == FlightReason::SlowsDown && self.probe.is_none() {
            self.probe = Some((N_PROBES, self.limit));
            let n_left = self.round.max_in_flight;
            self.lower(self.limit / 2, n_left);
        }
    }

    /// Begins a round of attempts under the present limit.
    fn begin_round(&mut self) {
        self.round = FlightRound { size: self.limit, ..FlightRound::default() };
    }

    /// Lowers the limit while `n_left` attempts are still in flight.
    fn lower(&mut self, limit: u32, n_left: u32) {
        self.limit = limit.max(1);
        self.begin_round();
        if n_left > 0 {
            self.round = FlightRound { size: n_left, is_aftermath: true, ..FlightRound::default() };
        }
        self.latencies = LatencySums::default();
    }

    fn lower_for_failures(&mut self, limit: u32, n_left: u32) {
        // Only the first decrease after a success sets the threshold: a receiver that returns after a longer failure
        // soon gets half of what it could take before.
        if self.has_succeeded {
            self.threshold = (self.limit / 2).max(2);
        }
        (self.has_succeeded, self.probe, self.slow_since) = (false, None, None);
        self.reason = FlightReason::Failures;
        self.lower(limit, n_left);
    }

    /// Decides after a complete round, with `n_left` attempts still in flight.
    fn end_round(&mut self, n_left: u32) {
        let round = self.round;
        if round.n_ok == 0 {
            self.lower_for_failures(1, n_left);
        } else if round.is_aftermath {
            self.begin_round();
        } else if round.n_ok * 2 <= round.n {
            self.lower_for_failures(self.limit / 2, n_left);
        } else if !self.is_slow(n_left) {
            self.follow_use(round);
        }
    }

    /// Takes the mean latency, if there are enough answers, and acts on it. Returns whether that decided the round.
    fn is_slow(&mut self, n_left: u32) -> bool {
        let LatencySums { n, sum_us, sum_of_squares, platform_us } = self.latencies;
        if n < MIN_LATENCY_SAMPLES {
            return false;
        }
        self.latencies = LatencySums::default();
        let whole_mean_us = sum_us / u64::from(n);
        self.memory.smallest_us[0] = self.memory.smallest_us[0].min(whole_mean_us);
        let mean_us = sum_us.saturating_sub(platform_us) / u64::from(n);
        if let Some((n_left, limit)) = self.probe {
            self.probe = (n_left > 1).then_some((n_left - 1, limit));
            if self.probe.is_none() {
                self.limit = limit;
            }
            self.begin_round();
            return true;
        }
        let [growing_us, staying_us] = self.memory.tolerated_us(n);
        if mean_us <= staying_us {
            self.slow_since = None;
            if mean_us > growing_us {
                self.reason = FlightReason::SlowsDown;
                self.begin_round();
                return true;
            }
            if mean_us > self.memory.own_us().saturating_add(self.memory.own_us() / GROWTH_FRACTION) {
                return false;
            }
            let variance = (sum_of_squares / u128::from(n)).saturating_sub(u128::from(whole_mean_us).pow(2));
            let deviation_us = u64::try_from(variance.isqrt()).unwrap_or(u64::MAX);
            let usual_us = self.memory.deviation_us.unwrap_or(deviation_us);
            self.memory.deviation_us = Some(usual_us - usual_us / 4 + deviation_us / 4);
            return false;
        }
        self.follow_latency(mean_us, n_left);
        true
    }

    /// Lowers the limit to what the receiver answered in its own time: at the second slow mean in a row, since a pause
    /// of the platform or of the network slows all answers once, and unless an earlier decrease made no difference.
    fn follow_latency(&mut self, mean_us: u64, n_left: u32) {
        self.reason = FlightReason::SlowsDown;
        let Some((limit, before_us)) = self.slow_since else {
            self.slow_since = Some((self.limit, mean_us));
            self.begin_round();
            return;
        };
        if self.limit <= limit / 2 && mean_us >= before_us - before_us / 10 {
            (self.limit, self.threshold, self.slow_since) = (limit, limit, None);
            self.memory.smallest_us = [mean_us, u64::MAX];
            self.reason = FlightReason::Growing;
            self.begin_round();
            return;
        }
        let knee = u64::from(self.limit).saturating_mul(self.memory.own_us()) / mean_us;
        let knee = u32::try_from(knee).unwrap_or(u32::MAX).max(self.limit / 2).max(1);
        self.threshold = knee;
        self.lower(knee, n_left);
    }

    /// Raises the limit if it was used, and lowers it if it was not.
    fn follow_use(&mut self, round: FlightRound) {
        let used = round.max_in_flight.saturating_mul(4);
        if used < self.limit {
            self.limit = (self.limit - (self.limit / 8).max(1)).max(self.limit.min(INITIAL_FLIGHT_LIMIT));
        } else if used >= self.limit.saturating_mul(3) && self.limit < MAX_FLIGHT_LIMIT {
            if self.limit < self.threshold {
                self.limit = self.limit.saturating_mul(2).min(self.threshold);
            } else {
                // Near the knee in small steps.
                let fraction = if self.reason == FlightReason::SlowsDown { 32 } else { 16 };
                self.limit += (self.limit / fraction).max(1);
                // A receiver that turned out to take more than it was found slow at is not bounded by that any more.
                if self.limit > self.threshold.saturating_add(self.threshold / 2) {
                    (self.threshold, self.reason) = (MAX_FLIGHT_LIMIT, FlightReason::Growing);
                }
            }
            self.limit = self.limit.min(MAX_FLIGHT_LIMIT);
        }
        if self.limit == MAX_FLIGHT_LIMIT {
            self.reason = FlightReason::AtMaximum;
        } else if self.reason == FlightReason::AtMaximum {
            self.reason = FlightReason::Growing;
        }
        self.begin_round();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    /// A receiver with workers that take turns, each for the same time per request and a part that varies.
    #[derive(Debug, Clone, Copy)]
    struct SimulatedReceiver {
        n_workers: usize,
        service_us: u64,
        /// Largest addition to the time of a request.
        jitter_us: u64,
        signal: FlightSignal,
    }

    const HEALTHY: SimulatedReceiver =
        SimulatedReceiver { n_workers: 32, service_us: 50_000, jitter_us: 0, signal: FlightSignal::Succeeded };

    /// A controller that always has something to send, and the receiver's state.
    struct Simulation {
        controller: FlightController,
        now_us: u64,
        /// Ends of the attempts in flight, with their begin.
        in_flight: BinaryHeap<Reverse<(u64, u64)>>,
        /// When each worker is free.
        workers: BinaryHeap<Reverse<u64>>,
        dice: u64,
        /// Longest wait of an attempt for a thread of the platform, and the part of the answers, in percent, that the
        /// platform delays by as much again.
        busy: (u64, u64),
        /// Limits after each attempt.
        limits: Vec<usize>,
    }

    impl Simulation {
        fn new() -> Self {
            Self {
                controller: FlightController::new(Duration::ZERO),
                now_us: 0,
                in_flight: BinaryHeap::new(),
                workers: BinaryHeap::new(),
                dice: 1,
                busy: (0, 0),
                limits: Vec::new(),
            }
        }

        fn limit(&self) -> usize {
            self.controller.limit(Duration::from_micros(self.now_us))
        }

        /// Sends at full speed for so long; returns the number of successes.
        fn run(&mut self, receiver: SimulatedReceiver, seconds: u64) -> usize {
            let until = self.now_us + seconds * 1_000_000;
            self.workers = (0..receiver.n_workers).map(|_| Reverse(self.now_us)).collect();
            let mut n_ok = 0;
            while self.now_us < until {
                while self.in_flight.len() < self.limit() {
                    self.begin(receiver);
                }
                let Some(Reverse((end, begin))) = self.in_flight.pop() else { break };
                self.now_us = end;
                let (longest_us, percent) = self.busy;
                let queued_for = Duration::from_micros(self.draw(longest_us));
                let delay = if self.draw(99) < percent { queued_for * 2 } else { Duration::ZERO };
                let latency = Duration::from_micros(end - begin) + delay;
                let n_in_flight = self.in_flight.len() + 1;
                let sample = FlightSample { signal: receiver.signal, latency, queued_for, n_in_flight };
                n_ok += usize::from(receiver.signal == FlightSignal::Succeeded);
                self.controller.record(sample, Duration::from_micros(end));
                self.limits.push(self.limit());
                assert!((1..=MAX_FLIGHT_LIMIT as usize).contains(&self.limit()));
            }
            n_ok
        }

        /// A number from 0 to `most`.
        fn draw(&mut self, most: u64) -> u64 {
            self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.dice >> 33) % (most + 1)
        }

        fn begin(&mut self, receiver: SimulatedReceiver) {
            let jitter = self.draw(receiver.jitter_us);
            let Reverse(free_at) = self.workers.pop().unwrap_or(Reverse(self.now_us));
            let end = free_at.max(self.now_us) + receiver.service_us + jitter;
            self.workers.push(Reverse(end));
            self.in_flight.push(Reverse((end, self.now_us)));
        }
    }

    fn gone(signal: FlightSignal) -> SimulatedReceiver {
        SimulatedReceiver { n_workers: 4_096, service_us: 10_000_000, signal, ..HEALTHY }
    }

    #[test]
    fn f2_the_limit_begins_at_four_and_doubles_to_the_maximum_while_nothing_slows_down() {
        let mut simulation = Simulation::new();
        assert_eq!(simulation.limit(), 4);
        simulation.run(SimulatedReceiver { n_workers: 4_096, ..HEALTHY }, 1);
        assert_eq!((simulation.limit(), simulation.controller.reason()), (512, FlightReason::AtMaximum));
    }

    #[test]
    fn f2_a_receiver_that_degrades_above_32_is_held_at_its_knee_for_ten_minutes() {
        // Attempts wait for a thread of the platform for up to a millisecond, and so do all or half of the answers.
        for busy in [(0, 0), (1_000, 100), (1_000, 50)] {
            let mut simulation = Simulation { busy, ..Simulation::new() };
            simulation.run(HEALTHY, 10);
            simulation.limits.clear();
            let n_ok = simulation.run(HEALTHY, 600);
            let mean = simulation.limits.iter().sum::<usize>() as f64 / simulation.limits.len() as f64;
            let most = simulation.limits.iter().max().copied().unwrap_or_default();
            assert!(n_ok >= 640 * 600 * 9 / 10, "{busy:?}: {n_ok}");
            assert!((24.0..=36.0).contains(&mean) && most <= 42, "{busy:?}: {mean} and at most {most}");
            assert_eq!(simulation.controller.reason(), FlightReason::SlowsDown);
        }
    }

    #[test]
    fn f2_a_busy_platform_does_not_pass_for_a_slow_receiver() {
        let wide = SimulatedReceiver { n_workers: 4_096, ..HEALTHY };
        for percent in [0, 20, 50, 100] {
            let mut simulation = Simulation::new();
            for _ in 0..20 {
                simulation.busy = (10_000, percent);
                simulation.run(wide, 2);
                simulation.busy = (200, 100);
                simulation.run(wide, 4);
                assert!(simulation.limit() >= 256, "{percent} %: {}", simulation.limit());
            }
        }
    }

    #[test]
    fn f2_a_receiver_that_hangs_or_refuses_gets_one_attempt_at_a_time() {
        for signal in [FlightSignal::Overloaded, FlightSignal::Failed] {
            let mut simulation = Simulation::new();
            simulation.run(SimulatedReceiver { n_workers: 4_096, ..HEALTHY }, 5);
            simulation.run(gone(signal), 21);
            assert_eq!((simulation.limit(), simulation.controller.reason()), (1, FlightReason::Failures), "{signal:?}");
        }
    }

    #[test]
    fn f2_slower_answers_that_fewer_attempts_do_not_hasten_are_taken_for_the_receivers_own() {
        let wide = SimulatedReceiver { n_workers: 4_096, ..HEALTHY };
        let mut simulation = Simulation::new();
        simulation.run(wide, 10);
        simulation.run(SimulatedReceiver { service_us: 150_000, ..wide }, 10);
        assert!(simulation.limit() >= 200, "{}", simulation.limit());
    }

    #[test]
    fn f2_an_idle_subscription_returns_to_the_initial_limit() {
        let mut simulation = Simulation::new();
        simulation.run(SimulatedReceiver { n_workers: 4_096, ..HEALTHY }, 5);
        let controller = &simulation.controller;
        let limit = |seconds| controller.limit(controller.last_at() + Duration::from_secs(seconds));
        assert_eq!([0, 9, 10, 20, 70, 700_000].map(limit), [512, 512, 256, 128, 4, 4]);
        simulation.run(gone(FlightSignal::Failed), 21);
        assert_eq!(simulation.controller.limit(Duration::from_secs(1_000)), 1, "what failed does not grow by waiting");
    }

    #[test]
    fn f2_a_limit_that_is_not_used_does_not_grow_and_shrinks() {
        let mut controller = FlightController::new(Duration::ZERO);
        let mut use_it = |n_in_flight, n: u64, from: u64| {
            for step in 0..n {
                let latency = Duration::from_millis(20);
                let sample =
                    FlightSample { signal: FlightSignal::Succeeded, latency, queued_for: Duration::ZERO, n_in_flight };
                controller.record(sample, Duration::from_millis(from + step));
            }
            controller.limit(Duration::from_millis(from + n))
        };
        assert_eq!(use_it(1, 1_000, 0), 4);
        assert_eq!(use_it(400, 5_000, 1_000), 512);
        assert!(use_it(1, 20_000, 6_000) <= 4);
    }

    #[test]
    fn f2_outcomes_say_who_is_overloaded() {
        let answered = |status| FlightSignal::of(&AttemptOutcome::Answered { status, retry_after: None });
        let unanswered = |cause| FlightSignal::of(&AttemptOutcome::Unanswered(cause));
        assert_eq!([200, 204, 299].map(answered), [Some(FlightSignal::Succeeded); 3]);
        assert_eq!([429, 502, 503, 504].map(answered), [Some(FlightSignal::Overloaded); 4]);
        assert_eq!([302, 400, 404, 410, 500].map(answered), [Some(FlightSignal::Failed); 5]);
        assert_eq!(unanswered(FailureKind::Timeout), Some(FlightSignal::Overloaded));
        assert_eq!((unanswered(FailureKind::Tls), unanswered(FailureKind::Local)), (Some(FlightSignal::Failed), None));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn f2_the_limit_comes_to_the_knee_within_ten_seconds_and_returns_to_it_after_a_failure(
            n_workers in 4_usize..400, service_ms in 10_u64..200, percent in 0_u64..40, is_overload in proptest::bool::ANY,
        ) {
            let jitter_us = service_ms * 10 * percent;
            let receiver =
                SimulatedReceiver { n_workers, service_us: service_ms * 1_000, jitter_us, signal: FlightSignal::Succeeded };
            let best = n_workers as f64 * 1e6 / (receiver.service_us as f64 + jitter_us as f64 / 2.0);
            let mut simulation = Simulation::new();
            simulation.run(receiver, 10);
            let n_ok = simulation.run(receiver, 10);
            prop_assert!(n_ok as f64 >= best * 10.0 * 0.75, "{} of {}", n_ok, best * 10.0);
            prop_assert!(simulation.limit() <= n_workers * 3 / 2 + 8, "{} over {}", simulation.limit(), n_workers);
            let signal = if is_overload { FlightSignal::Overloaded } else { FlightSignal::Failed };
            simulation.run(SimulatedReceiver { signal, ..receiver }, 5);
            prop_assert!(simulation.limit() <= 2);
            simulation.run(receiver, 10);
            let n_ok = simulation.run(receiver, 10);
            prop_assert!(n_ok as f64 >= best * 10.0 * 0.75, "after the failure {} of {}", n_ok, best * 10.0);
        }

        #[test]
        fn f2_no_series_of_outcomes_leaves_the_bounds(
            samples in proptest::collection::vec((0_u8..3, 0_u64..20_000_000, 0_usize..5_000, 0_u64..40_000), 0..600),
            queued_us in 0_u64..20_000_000,
        ) {
            let mut controller = FlightController::new(Duration::ZERO);
            let mut at = Duration::ZERO;
            for (signal, latency_us, n_in_flight, wait_ms) in samples {
                at += Duration::from_millis(wait_ms);
                let before = controller.limit(at);
                let signal = [FlightSignal::Succeeded, FlightSignal::Failed, FlightSignal::Overloaded][signal as usize];
                let latency = Duration::from_micros(latency_us);
                let queued_for = Duration::from_micros(queued_us);
                controller.record(FlightSample { signal, latency, queued_for, n_in_flight }, at);
                let after = controller.limit(at);
                prop_assert!((1..=MAX_FLIGHT_LIMIT as usize).contains(&after));
                prop_assert!(signal == FlightSignal::Succeeded || after <= before.max(4) * 2);
            }
        }
    }
}
