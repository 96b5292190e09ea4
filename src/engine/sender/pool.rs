//! Pool of idle connections, by origin.

use super::connection::ReceiverConnection;
use crate::clock::{RuntimeEnv, Stopwatch};
use crate::domain::delivery::MAX_IN_FLIGHT;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use url::Origin;

/// Idle timeout of a connection when the receiver announces none.
const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Safety margin subtracted from an announced idle timeout.
const IDLE_TIMEOUT_MARGIN: Duration = Duration::from_secs(1);
/// Maximum number of idle connections.
const MAX_IDLE_CONNECTIONS: usize = 256;

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

/// Idle connections by origin. An origin may keep as many as there are attempts in flight, since many subscriptions
/// may share it.
#[derive(Debug, Default)]
pub(super) struct ConnectionPool {
    idle: Mutex<HashMap<Origin, Vec<IdleConnection>>>,
}

impl ConnectionPool {
    /// Takes the most recently used connection to an origin, if one is ready.
    pub(super) fn take(&self, origin: &Origin) -> Option<ReceiverConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = idle.get_mut(origin)?;
        // Connections are ordered by last use, so expired ones are at the front.
        let n_bad = lines.iter().take_while(|idle| !idle.is_usable()).count();
        lines.drain(..n_bad);
        let ready = lines.iter().rposition(|idle| idle.connection.requests.is_ready() && idle.is_usable());
        let line = ready.map(|position| lines.remove(position).connection);
        if lines.is_empty() {
            idle.remove(origin);
        }
        if let Some(line) = &line {
            line.write_guard.arm();
        }
        line
    }

    /// Keeps a connection for the announced idle timeout, at most one minute.
    pub(super) fn put(
        &self,
        origin: Origin,
        line: ReceiverConnection,
        announced: Option<Duration>,
        ambient: &RuntimeEnv,
    ) {
        let kept_for = announced.map_or(DEFAULT_IDLE_TIMEOUT, |announced| {
            announced.saturating_sub(IDLE_TIMEOUT_MARGIN).min(DEFAULT_IDLE_TIMEOUT)
        });
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.values().map(Vec::len).sum::<usize>() >= MAX_IDLE_CONNECTIONS {
            idle.retain(|_, lines| {
                lines.retain(IdleConnection::is_usable);
                !lines.is_empty()
            });
            if idle.values().map(Vec::len).sum::<usize>() >= MAX_IDLE_CONNECTIONS {
                return;
            }
        }
        let lines = idle.entry(origin).or_default();
        if lines.len() < MAX_IN_FLIGHT {
            lines.push(IdleConnection { connection: line, since: ambient.stopwatch(), idle_timeout: kept_for });
        }
    }
}
