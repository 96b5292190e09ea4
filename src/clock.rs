//! Time and randomness, real or scripted: the only module that reads either.
//!
//! Every layer that waits, takes timestamps or draws random numbers receives an [`RuntimeEnv`]. Tests pass a scripted one
//! and advance its clock; the demo passes a real one that starts in the past and is then set to the present.

use crate::domain::delivery::UnitRandom;
use crate::domain::time::Timestamp;
use chacha20::ChaCha12Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Maximum time between two readings of the clock while waiting for a time of day.
const CLOCK_POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Starts a task like [`tokio::spawn`]. Boxed work is compiled once; work of a type of its own is compiled for each of
/// tokio's schedulers, with everything that it awaits.
pub fn spawn<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    let work: Pin<Box<dyn Future<Output = T> + Send>> = Box::pin(work);
    tokio::spawn(work)
}

/// Clock and random number generator, shared by all clones.
#[derive(Debug, Clone)]
pub struct RuntimeEnv {
    shared: Arc<EnvState>,
}

/// State shared by all clones.
#[derive(Debug)]
struct EnvState {
    rng: Mutex<ChaCha12Rng>,
    clock: watch::Sender<TimeSource>,
}

/// Source of time, real or scripted.
#[derive(Debug, Clone, Copy)]
enum TimeSource {
    /// The machine's clock, shifted by this number of milliseconds.
    Real { offset_ms: i64 },
    /// A clock that changes only when advanced or set. `passed` is the elapsed time, which setting the clock does not
    /// change.
    Scripted { now: Timestamp, passed: Duration },
}

impl TimeSource {
    fn now(self) -> Timestamp {
        match self {
            Self::Real { offset_ms } => Timestamp::from_millis(machine_millis() + offset_ms),
            Self::Scripted { now, .. } => now,
        }
    }
}

impl TimeSource {
    /// Elapsed time of a scripted clock; `None` for a real one.
    const fn elapsed(self) -> Option<Duration> {
        match self {
            Self::Real { .. } => None,
            Self::Scripted { passed, .. } => Some(passed),
        }
    }
}

/// Milliseconds since the Unix epoch by the machine's clock.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
fn machine_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl RuntimeEnv {
    /// Creates the machine's clock with a generator seeded by the operating system.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        clippy::expect_used,
        reason = "the one place that asks for randomness; nothing can be signed without it"
    )]
    pub fn real() -> Self {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the operating system has no randomness to give");
        Self::with(TimeSource::Real { offset_ms: 0 }, ChaCha12Rng::from_seed(seed))
    }

    /// Creates the machine's clock with a generator that repeats for the same `seed`: for demonstrations, never for
    /// real secrets.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::with(TimeSource::Real { offset_ms: 0 }, ChaCha12Rng::seed_from_u64(seed))
    }

    /// Creates a clock that stays at `start` until advanced, with a generator that repeats for the same `seed`.
    #[must_use]
    pub fn scripted(start: Timestamp, seed: u64) -> Self {
        Self::with(TimeSource::Scripted { now: start, passed: Duration::ZERO }, ChaCha12Rng::seed_from_u64(seed))
    }

    fn with(clock: TimeSource, dice: ChaCha12Rng) -> Self {
        Self { shared: Arc::new(EnvState { rng: Mutex::new(dice), clock: watch::Sender::new(clock) }) }
    }

    /// Current time of this clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.clock.borrow().now()
    }

    /// Advances a scripted clock by `step`, or shifts a real one ahead of the machine by as much. Wakes every sleeper
    /// to check the time.
    pub fn advance(&self, step: Duration) {
        let millis = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
        self.shared.clock.send_modify(|clock| match clock {
            TimeSource::Real { offset_ms } => *offset_ms += millis,
            TimeSource::Scripted { now, passed } => {
                *now = now.plus(step);
                *passed += step;
            }
        });
    }

    /// Sets the clock to `time`, forward or back. No time elapses: waits for a duration and running stopwatches are not
    /// affected.
    pub fn set_time(&self, time: Timestamp) {
        self.shared.clock.send_modify(|clock| match clock {
            TimeSource::Real { offset_ms } => *offset_ms = time.millis() - machine_millis(),
            TimeSource::Scripted { now, .. } => *now = time,
        });
    }

    /// Resets a real clock to the machine's; a scripted one is unchanged.
    pub fn reset_time(&self) {
        self.shared.clock.send_modify(|clock| {
            if let TimeSource::Real { offset_ms } = clock {
                *offset_ms = 0;
            }
        });
    }

    /// Waits for `duration`. Setting a real clock does not affect the wait, which uses the machine's monotonic clock.
    #[expect(clippy::disallowed_methods, reason = "the one place that waits for time")]
    pub async fn sleep(&self, duration: Duration) {
        let clock = *self.shared.clock.borrow();
        match clock {
            TimeSource::Real { .. } => tokio::time::sleep(duration).await,
            TimeSource::Scripted { passed, .. } => {
                let mut moved = self.shared.clock.subscribe();
                let is_over = |clock: &TimeSource| clock.elapsed().is_none_or(|now| now >= passed + duration);
                let _ = moved.wait_for(is_over).await;
            }
        }
    }

    /// Waits until this clock shows `time`. A real clock is read again every few seconds, because it may be set.
    #[expect(clippy::disallowed_methods, reason = "the one place that waits for time")]
    pub async fn sleep_until(&self, time: Timestamp) {
        let mut moved = self.shared.clock.subscribe();
        loop {
            let clock = *moved.borrow_and_update();
            let left = time.since(clock.now());
            if left.is_zero() {
                return;
            }
            match clock {
                // The timer rounds up to its own millisecond, so that the clock has reached `time` when it fires.
                TimeSource::Real { .. } => tokio::select! {
                    () = tokio::time::sleep(left.min(CLOCK_POLL_INTERVAL)) => {}
                    _ = moved.changed() => {}
                },
                TimeSource::Scripted { .. } => {
                    let _ = moved.changed().await;
                }
            }
        }
    }

    /// Lets `duration` elapse: waits on a real clock, advances a scripted one.
    pub async fn advance_or_sleep(&self, duration: Duration) {
        let clock = *self.shared.clock.borrow();
        match clock {
            TimeSource::Real { .. } => self.sleep(duration).await,
            TimeSource::Scripted { .. } => {
                self.advance(duration);
                tokio::task::yield_now().await;
            }
        }
    }

    /// Runs `work` for at most `limit`, measured like [`RuntimeEnv::sleep`]; `None` if the limit is exceeded.
    pub async fn timeout<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            // Polls `work` first, so that work which is done already wins over the limit.
            biased;
            done = work => Some(done),
            () = self.sleep(limit) => None,
        }
    }

    /// Starts a stopwatch, which setting the clock does not affect.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn stopwatch(&self) -> Stopwatch {
        let clock = *self.shared.clock.borrow();
        match clock {
            TimeSource::Real { .. } => Stopwatch::Real(Instant::now()),
            TimeSource::Scripted { passed, .. } => Stopwatch::Scripted { began: passed, ambient: self.clone() },
        }
    }

    /// Draws a random number in `[0, 1)`.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub fn random_unit(&self) -> UnitRandom {
        UnitRandom((self.with_rng(Rng::next_u64) >> 11) as f64 / (1_u64 << 53) as f64)
    }

    /// Draws a random number below `n`; 0 if `n` is 0.
    #[must_use]
    pub fn random_below(&self, n: usize) -> usize {
        let n = n.max(1) as u64;
        usize::try_from(self.with_rng(Rng::next_u64) % n).unwrap_or(0)
    }

    /// Draws `N` random bytes from the generator.
    #[must_use]
    pub fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.with_rng(|dice| dice.fill_bytes(&mut bytes));
        bytes
    }

    /// Creates a ULID: sortable by time, unique by its random part.
    #[must_use]
    pub fn ulid(&self) -> String {
        let millis = u128::from(u64::try_from(self.now().millis()).unwrap_or(0));
        ulid(millis, u128::from_be_bytes(self.random_bytes()))
    }

    /// Runs `work` with the generator, under its lock.
    fn with_rng<T>(&self, work: impl FnOnce(&mut ChaCha12Rng) -> T) -> T {
        work(&mut self.shared.rng.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Formats a ULID: 26 digits in base 32, of which the first ten are the time and the others 80 bits of `random`.
fn ulid(millis: u128, random: u128) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let value = millis << 80 | random & ((1 << 80) - 1);
    let digit = |place: u32| usize::try_from(value >> (5 * place) & 31).unwrap_or(0);
    (0..26).rev().map(|place| char::from(DIGITS[digit(place)])).collect()
}

/// Stopwatch that measures elapsed time.
#[derive(Debug, Clone)]
pub enum Stopwatch {
    /// Measures by the machine's monotonic clock.
    Real(Instant),
    /// Measures by a scripted clock.
    Scripted {
        /// Elapsed time of the clock at the start.
        began: Duration,
        /// Clock that is measured by.
        ambient: RuntimeEnv,
    },
}

impl Stopwatch {
    /// Time since the stopwatch was started.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        match self {
            Self::Real(began) => began.elapsed(),
            Self::Scripted { began, ambient } => {
                let passed = ambient.shared.clock.borrow().elapsed();
                passed.unwrap_or_default().saturating_sub(*began)
            }
        }
    }

    /// Time since the stopwatch was started, in whole milliseconds.
    #[must_use]
    pub fn elapsed_ms(&self) -> u64 {
        self.elapsed().as_millis().try_into().unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ulid_has_its_time_in_front_and_80_random_bits() {
        assert_eq!(ulid(1_469_918_176_385, 0xffff_0123_4567_89ab_cdef_0123), "01ARYZ6S4104HMASW9NF6YY093");
        assert_eq!(ulid((1 << 48) - 1, u128::MAX), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
    }

    fn scripted() -> RuntimeEnv {
        RuntimeEnv::scripted(Timestamp::from_millis(1_000), 7)
    }

    #[tokio::test]
    async fn a_scripted_sleep_ends_when_the_clock_is_moved_far_enough() {
        let ambient = scripted();
        let sleeper = tokio::spawn({
            let ambient = ambient.clone();
            async move { ambient.sleep_until(Timestamp::from_millis(3_000)).await }
        });
        ambient.advance(Duration::from_millis(1_999));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        ambient.advance(Duration::from_millis(1));
        sleeper.await.expect("no panic");
    }

    #[tokio::test]
    async fn within_gives_up_by_the_scripted_clock() {
        let ambient = scripted();
        let hopeless = tokio::spawn({
            let ambient = ambient.clone();
            async move { ambient.timeout(Duration::from_secs(10), std::future::pending::<()>()).await }
        });
        tokio::task::yield_now().await;
        ambient.advance(Duration::from_secs(10));
        assert_eq!(hopeless.await.expect("no panic"), None);
        assert_eq!(ambient.timeout(Duration::from_secs(10), async { 7 }).await, Some(7));
    }

    #[tokio::test]
    async fn a_scripted_clock_that_is_set_makes_no_time_pass() {
        let ambient = scripted();
        let watch = ambient.stopwatch();
        let sleeper = tokio::spawn({
            let ambient = ambient.clone();
            async move { ambient.sleep(Duration::from_secs(1)).await }
        });
        tokio::task::yield_now().await;
        ambient.set_time(Timestamp::from_millis(0));
        ambient.set_time(Timestamp::from_millis(1_000_000));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        assert_eq!(watch.elapsed(), Duration::ZERO);
        ambient.advance(Duration::from_secs(1));
        sleeper.await.expect("no panic");
        assert_eq!((watch.elapsed_ms(), ambient.now()), (1_000, Timestamp::from_millis(1_001_000)));
    }

    #[test]
    fn the_same_seed_rolls_the_same() {
        let rolls = |ambient: RuntimeEnv| {
            (ambient.random_unit(), ambient.random_below(1_000), ambient.random_bytes::<4>(), ambient.ulid())
        };
        assert_eq!(rolls(scripted()), rolls(scripted()));
        assert_ne!(rolls(scripted()), rolls(RuntimeEnv::scripted(Timestamp::from_millis(1_000), 8)));
    }

    #[test]
    fn a_real_clock_can_begin_in_the_past_and_come_back() {
        let ambient = RuntimeEnv::real();
        let present = ambient.now();
        ambient.set_time(Timestamp::from_millis(0));
        assert!(ambient.now() < Timestamp::from_millis(60_000));
        ambient.reset_time();
        assert!(ambient.now() >= present);
    }
}
