//! The pool: lines that are kept for the next request to the same origin.

use super::line::Line;
use crate::ambient::{Ambient, Stopwatch};
use crate::domain::delivery::FLIGHTS;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use url::Origin;

/// How long a line is kept if the receiver does not say.
const KEPT_FOR: Duration = Duration::from_secs(60);
/// How much earlier than the receiver says it is given up.
const MARGIN: Duration = Duration::from_secs(1);
/// Lines kept in all.
const KEPT: usize = 256;

/// A line that waits for a request.
#[derive(Debug)]
struct Idle {
    line: Line,
    since: Stopwatch,
    kept_for: Duration,
}

impl Idle {
    fn is_good(&self) -> bool {
        !self.line.requests.is_closed() && self.since.elapsed() < self.kept_for
    }
}

/// Lines by origin, as many for each as can be used at once: many subscriptions may share one.
#[derive(Debug, Default)]
pub(super) struct Pool {
    idle: Mutex<HashMap<Origin, Vec<Idle>>>,
}

impl Pool {
    /// The line to an origin that was used last, if one is ready.
    pub(super) fn take(&self, origin: &Origin) -> Option<Line> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = idle.get_mut(origin)?;
        // Those used last stand last; what went bad is met first or not at all.
        let n_bad = lines.iter().take_while(|idle| !idle.is_good()).count();
        lines.drain(..n_bad);
        let ready = lines.iter().rposition(|idle| idle.line.requests.is_ready() && idle.is_good());
        let line = ready.map(|position| lines.remove(position).line);
        if lines.is_empty() {
            idle.remove(origin);
        }
        if let Some(line) = &line {
            line.gauge.arm();
        }
        line
    }

    /// Keeps a line for as long as the receiver said it would, or a minute.
    pub(super) fn put(&self, origin: Origin, line: Line, announced: Option<Duration>, ambient: &Ambient) {
        let kept_for = announced.map_or(KEPT_FOR, |announced| announced.saturating_sub(MARGIN).min(KEPT_FOR));
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.values().map(Vec::len).sum::<usize>() >= KEPT {
            idle.retain(|_, lines| {
                lines.retain(Idle::is_good);
                !lines.is_empty()
            });
            if idle.values().map(Vec::len).sum::<usize>() >= KEPT {
                return;
            }
        }
        let lines = idle.entry(origin).or_default();
        if lines.len() < FLIGHTS {
            lines.push(Idle { line, since: ambient.stopwatch(), kept_for });
        }
    }
}
