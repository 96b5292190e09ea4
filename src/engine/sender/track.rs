//! The track: which phase an attempt is in, and how long each one took. It outlives an attempt that runs out of time.

use crate::ambient::{Ambient, Stopwatch};
use crate::domain::attempt::{Phase, Phases};

/// Measures the phases of one attempt.
#[derive(Debug)]
pub(super) struct Track<'a> {
    ambient: &'a Ambient,
    phases: Phases,
    current: Option<(Phase, Stopwatch)>,
}

impl<'a> Track<'a> {
    pub(super) fn new(ambient: &'a Ambient) -> Self {
        Self { ambient, phases: Phases::default(), current: None }
    }

    pub(super) const fn ambient(&self) -> &'a Ambient {
        self.ambient
    }

    /// A phase begins, and with it the one before ends. The same phase again goes on.
    pub(super) fn enter(&mut self, phase: Phase) {
        if self.current.as_ref().is_none_or(|(current, _)| *current != phase) {
            self.leave();
            self.current = Some((phase, self.ambient.stopwatch()));
        }
    }

    /// Everything begins anew.
    pub(super) fn restart(&mut self) {
        (self.phases, self.current) = (Phases::default(), None);
    }

    /// Ends the attempt: its phases, and the one it ended in.
    pub(super) fn end(mut self) -> (Phases, Option<Phase>) {
        let last = self.current.as_ref().map(|(phase, _)| *phase);
        self.leave();
        (self.phases, last)
    }

    fn leave(&mut self) {
        if let Some((phase, watch)) = self.current.take() {
            self.phases.set(phase, Some(watch.elapsed().as_micros().try_into().unwrap_or(u64::MAX)));
        }
    }
}
