//! Phase timer of an attempt. The timer outlives an attempt that is cancelled by its deadline.

use crate::clock::{RuntimeEnv, Stopwatch};
use crate::domain::attempt::{AttemptPhase, PhaseTimings};

/// Measures the phases of one attempt.
#[derive(Debug)]
pub(super) struct PhaseTimer<'a> {
    ambient: &'a RuntimeEnv,
    phases: PhaseTimings,
    current: Option<(AttemptPhase, Stopwatch)>,
}

impl<'a> PhaseTimer<'a> {
    pub(super) fn new(ambient: &'a RuntimeEnv) -> Self {
        Self { ambient, phases: PhaseTimings::default(), current: None }
    }

    pub(super) const fn ambient(&self) -> &'a RuntimeEnv {
        self.ambient
    }

    /// Enters a phase and ends the previous one; entering the current phase again changes nothing.
    pub(super) fn enter(&mut self, phase: AttemptPhase) {
        if self.current.as_ref().is_none_or(|(current, _)| *current != phase) {
            self.finish_phase();
            self.current = Some((phase, self.ambient.stopwatch()));
        }
    }

    /// Discards all measurements, for a second try.
    pub(super) fn restart(&mut self) {
        (self.phases, self.current) = (PhaseTimings::default(), None);
    }

    /// Stops the timer; returns the phases and the phase that was running.
    pub(super) fn end(mut self) -> (PhaseTimings, Option<AttemptPhase>) {
        let last = self.current.as_ref().map(|(phase, _)| *phase);
        self.finish_phase();
        (self.phases, last)
    }

    fn finish_phase(&mut self) {
        if let Some((phase, watch)) = self.current.take() {
            self.phases.set(phase, Some(watch.elapsed().as_micros().try_into().unwrap_or(u64::MAX)));
        }
    }
}
