//! Pool of idle connections, by origin.

use super::line::Line;
use crate::ambient::{RuntimeEnv, Stopwatch};
use crate::domain::delivery::MAX_IN_FLIGHT;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use url::Origin;

/// Idle timeout of a connection when the receiver announces none.
const KEPT_FOR: Duration = Duration::from_secs(60);
/// Safety margin subtracted from an announced idle timeout.
const MARGIN: Duration = Duration::from_secs(1);
/// Maximum number of idle connections.
const KEPT: usize = 256;

/// Idle connection with its expiry.
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

/// Idle connections by origin. An origin may keep as many as there are attempts in flight, since many subscriptions
/// may share it.
#[derive(Debug, Default)]
pub(super) struct Pool {
    idle: Mutex<HashMap<Origin, Vec<Idle>>>,
}

impl Pool {
    /// Takes the most recently used connection to an origin, if one is ready.
    pub(super) fn take(&self, origin: &Origin) -> Option<Line> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = idle.get_mut(origin)?;
        // Connections are ordered by last use, so expired ones are at the front.
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

    /// Keeps a connection for the announced idle timeout, at most one minute.
    pub(super) fn put(&self, origin: Origin, line: Line, announced: Option<Duration>, ambient: &RuntimeEnv) {
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
        if lines.len() < MAX_IN_FLIGHT {
            lines.push(Idle { line, since: ambient.stopwatch(), kept_for });
        }
    }
}
