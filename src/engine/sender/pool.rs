//! Pool of idle connections, by origin.

use super::connection::ReceiverConnection;
use crate::clock::{RuntimeEnv, Stopwatch};
use crate::domain::flight_control::MAX_FLIGHT_LIMIT;
use crate::domain::slots::SlotCapacity;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use url::Origin;

/// Idle timeout of a connection when the receiver announces none.
const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Safety margin subtracted from an announced idle timeout.
const IDLE_TIMEOUT_MARGIN: Duration = Duration::from_secs(1);
/// Maximum number of idle connections to one origin: as many as the attempts in flight of one subscription.
const MAX_IDLE_PER_ORIGIN: usize = MAX_FLIGHT_LIMIT as usize;
/// Shortest time between two searches for expired connections.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Idle connection with its expiry.
#[derive(Debug)]
struct IdleConnection {
    connection: ReceiverConnection,
    since: Stopwatch,
    idle_timeout: Duration,
}

impl IdleConnection {
    fn is_usable(&self) -> bool {
        !self.connection.requests.is_closed() && self.since.elapsed() < self.idle_timeout
    }
}

/// Idle connections by origin, each in the order of last use.
#[derive(Debug, Default)]
struct IdleConnections {
    origins: HashMap<Origin, Vec<IdleConnection>>,
    n: usize,
    last_sweep: Option<Stopwatch>,
}

/// Keeps connections to receivers open between attempts: a quarter as many as there may be attempts in flight.
#[derive(Debug)]
pub(super) struct ConnectionPool {
    idle: Mutex<IdleConnections>,
    max_idle: usize,
}

impl IdleConnections {
    /// Closes expired connections, unless that was done a moment ago.
    fn sweep(&mut self, ambient: &RuntimeEnv) {
        if self.last_sweep.as_ref().is_some_and(|last| last.elapsed() < SWEEP_INTERVAL) {
            return;
        }
        self.last_sweep = Some(ambient.stopwatch());
        self.origins.retain(|_, lines| {
            lines.retain(IdleConnection::is_usable);
            !lines.is_empty()
        });
        self.n = self.origins.values().map(Vec::len).sum();
    }
}

impl ConnectionPool {
    pub(super) fn new(capacity: SlotCapacity) -> Self {
        Self { idle: Mutex::default(), max_idle: capacity.n_slots / 4 }
    }

    /// Takes the most recently used connection to an origin, if one is ready.
    pub(super) fn take(&self, origin: &Origin) -> Option<ReceiverConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = idle.origins.get_mut(origin)?;
        let n_before = lines.len();
        // Connections are ordered by last use, so expired ones are at the front.
        let n_bad = lines.iter().take_while(|idle| !idle.is_usable()).count();
        lines.drain(..n_bad);
        let ready = lines.iter().rposition(|idle| idle.connection.requests.is_ready() && idle.is_usable());
        let line = ready.map(|position| lines.remove(position).connection);
        let n_gone = n_before - lines.len();
        if lines.is_empty() {
            idle.origins.remove(origin);
        }
        idle.n -= n_gone;
        if let Some(line) = &line {
            line.write_guard.arm();
        }
        line
    }

    /// Keeps a connection for the announced idle timeout, at most one minute. Beyond the maximum it is closed.
    pub(super) fn put(
        &self,
        origin: &Origin,
        line: ReceiverConnection,
        announced: Option<Duration>,
        ambient: &RuntimeEnv,
    ) {
        let kept_for = announced.map_or(DEFAULT_IDLE_TIMEOUT, |announced| {
            announced.saturating_sub(IDLE_TIMEOUT_MARGIN).min(DEFAULT_IDLE_TIMEOUT)
        });
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.sweep(ambient);
        if idle.n >= self.max_idle {
            return;
        }
        if !idle.origins.contains_key(origin) {
            idle.origins.insert(origin.clone(), Vec::new());
        }
        let Some(lines) = idle.origins.get_mut(origin).filter(|lines| lines.len() < MAX_IDLE_PER_ORIGIN) else {
            return;
        };
        lines.push(IdleConnection { connection: line, since: ambient.stopwatch(), idle_timeout: kept_for });
        idle.n += 1;
    }
}
