//! Adaptive limits of all subscriptions: written by the dispatcher, read by claims and metrics.

use super::settle::CompletedAttempt;
use crate::clock::{RuntimeEnv, Stopwatch};
use crate::domain::flight_control::{FlightReason, FlightSample, FlightSignal};
use crate::domain::flight_limits::{FlightLimits, FlightSubject};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Limits on attempts in flight, by the monotonic clock of the platform.
#[derive(Debug)]
pub(super) struct FlightBoard {
    limits: Mutex<FlightLimits>,
    stopwatch: Stopwatch,
}

/// Limits of the subscriptions that were attempted lately.
#[derive(Debug, Clone, Copy)]
pub struct FlightTotals {
    /// Number of subscriptions by the reason for their limit.
    pub by_reason: [(FlightReason, u64); FlightReason::ALL.len()],
    /// Sum of their limits.
    pub sum_of_limits: u64,
}

impl FlightBoard {
    pub(super) fn new(ambient: &RuntimeEnv) -> Self {
        Self { limits: Mutex::default(), stopwatch: ambient.stopwatch() }
    }

    /// Time since the platform started, which setting the clock does not change.
    pub(super) fn elapsed(&self) -> Duration {
        self.stopwatch.elapsed()
    }

    /// Records the end of an attempt while `n_in_flight` attempts of its subscription were in flight, this one included.
    /// Local failures are ignored.
    pub(super) fn record(&self, attempt: &CompletedAttempt, n_in_flight: usize) {
        let Some(signal) = FlightSignal::of(&attempt.result.outcome) else { return };
        let sample = FlightSample { signal, latency: attempt.latency(), queued_for: attempt.queued_for, n_in_flight };
        self.lock().record(attempt.subject(), sample, self.elapsed());
    }

    /// Present limit of a subscription.
    pub(super) fn limit(&self, of: FlightSubject) -> usize {
        self.lock().limit(of, self.elapsed())
    }

    /// Totals of the present limits.
    pub(super) fn totals(&self) -> FlightTotals {
        let (by_reason, sum_of_limits) = self.lock().totals(self.elapsed());
        FlightTotals { by_reason, sum_of_limits }
    }

    fn lock(&self) -> MutexGuard<'_, FlightLimits> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
