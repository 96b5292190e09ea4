//! The table of open connections, and the eviction policy when there are too many.
//!
//! A new connection is always accepted; the connection of least worth is evicted to make room. Connections without a
//! credential go first, then those of keys, then those of operators. Within a class the order is: the address with the
//! most connections, then idle connections, then the longest without progress. A flood of anonymous connections
//! therefore evicts its own before those of keys and operators.

use crate::clock::{RuntimeEnv, Stopwatch};
use crate::domain::ids::{KeyId, OperatorId};
use crate::domain::token_bucket::{TokenBucket, TokenRate, caller_network};
use futures_util::task::AtomicWaker;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;

/// Maximum number of open connections.
const MAX_CONNECTIONS: usize = 2_048;
/// Maximum number of connections per peer address. Shared addresses, such as a trusted proxy's, are exempt.
const MAX_CONNECTIONS_PER_ADDRESS: usize = 512;
/// Maximum number of connections per API key.
const MAX_CONNECTIONS_PER_KEY: usize = 512;
/// Maximum number of connections per operator.
const MAX_CONNECTIONS_PER_OPERATOR: usize = 64;
/// Maximum number of open event streams on the server.
const MAX_STREAMS: usize = 512;
/// Maximum number of open event streams per operator.
pub const MAX_STREAMS_PER_OPERATOR: usize = 32;
/// Time without progress after which an event stream counts as idle.
const STREAM_STALL: Duration = Duration::from_secs(5);
/// Rate at which evictions are reported in the log.
const REPORT_RATE: TokenRate = TokenRate { burst: 1, interval: Duration::from_secs(60) };

/// Limits on the number of open connections, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Maximum number of connections of all kinds together.
    pub total: usize,
    /// Maximum number of connections of keys: half of the total, so that callers who have not shown a credential yet
    /// find room.
    keys: usize,
    /// Maximum number of connections of operators: a quarter of the total.
    operators: usize,
}

impl ConnectionLimits {
    /// Derives the limits from the process's file descriptor limit: at most half of the descriptors, since deliveries
    /// and the database need the rest.
    pub fn for_descriptors(n_descriptors: Option<u64>) -> Self {
        let half = n_descriptors.and_then(|n| usize::try_from(n / 2).ok());
        let total = half.map_or(MAX_CONNECTIONS, |half| half.clamp(16, MAX_CONNECTIONS));
        Self { total, keys: total / 2, operators: total / 4 }
    }
}

/// Credential that was last used on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialHolder {
    /// Connection on which an API key was used.
    Key(KeyId),
    /// Connection on which an operator's token was used.
    Operator(OperatorId),
}

/// Eviction order: credential class, connections of the address (reversed), busy or not, time of the last progress.
/// The smallest value is evicted first.
type EvictionRank = (u8, Reverse<usize>, bool, u64);

/// One open connection of the server.
#[derive(Debug)]
pub struct OpenConnection {
    id: u64,
    /// Address (network prefix) under which the connection is counted; none if many callers share the address.
    group: Option<IpAddr>,
    clock: Stopwatch,
    /// Time at which bytes last moved in either direction, in milliseconds of `clock`.
    progressed_ms: AtomicU64,
    state: Mutex<ConnectionState>,
    evicted: Notify,
    /// Number of times that every byte handed to the connection was written to the socket.
    n_flushes: AtomicU64,
    /// Task that waits for the next such time.
    flush_waiter: AtomicWaker,
    table: Arc<ConnectionTable>,
}

#[derive(Debug, Default)]
struct ConnectionState {
    holder: Option<CredentialHolder>,
    /// Number of requests whose response has not begun.
    n_calls: usize,
    n_streams: usize,
}

impl OpenConnection {
    fn state(&self) -> MutexGuard<'_, ConnectionState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that bytes moved in either direction.
    pub fn record_progress(&self) {
        self.progressed_ms.store(self.clock.elapsed_ms(), Ordering::Relaxed);
    }

    /// Counts a request as running until the returned guard is dropped.
    pub fn begin_call(self: &Arc<Self>) -> RunningCall {
        self.state().n_calls += 1;
        RunningCall(Arc::clone(self))
    }

    /// Records the credential that a request used.
    ///
    /// # Errors
    /// [`TooManyCalls`] when the credential, or its kind, has reached its connection limit and each of its connections
    /// is running a request: none is cut off for another.
    pub fn set_holder(&self, holder: CredentialHolder) -> Result<(), TooManyCalls> {
        if self.state().holder.replace(holder) == Some(holder) {
            return Ok(());
        }
        self.table.make_room_for(self, holder).inspect_err(|_| self.state().holder = None)
    }

    /// Records that every byte handed to the connection was written to the socket.
    pub(super) fn record_flush(&self) {
        self.n_flushes.fetch_add(1, Ordering::Release);
        self.flush_waiter.wake();
    }

    /// Number of times that every byte handed to the connection was written to the socket.
    pub(super) fn n_flushes(&self) -> u64 {
        self.n_flushes.load(Ordering::Acquire)
    }

    /// Polls until there were more flushes than `n_flushes`.
    pub(super) fn poll_flushed_after(&self, n_flushes: u64, context: &Context<'_>) -> Poll<()> {
        self.flush_waiter.register(context.waker());
        if self.n_flushes() > n_flushes { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Waits until the connection is evicted.
    pub async fn wait_evicted(&self) {
        self.evicted.notified().await;
    }

    fn eviction_rank(&self, now_ms: u64, n_of_address: usize) -> EvictionRank {
        let state = self.state();
        let rank = match state.holder {
            None => 0,
            Some(CredentialHolder::Key(_)) => 1,
            Some(CredentialHolder::Operator(_)) => 2,
        };
        let progressed_ms = self.progressed_ms.load(Ordering::Relaxed);
        let is_streaming =
            state.n_streams > 0 && u128::from(now_ms.saturating_sub(progressed_ms)) < STREAM_STALL.as_millis();
        (rank, Reverse(n_of_address), state.n_calls > 0 || is_streaming, progressed_ms)
    }
}

/// Guard of a running request, which is counted until the guard is dropped.
#[derive(Debug)]
pub struct RunningCall(Arc<OpenConnection>);

impl Drop for RunningCall {
    fn drop(&mut self) {
        self.0.state().n_calls -= 1;
    }
}

/// Registration of a connection in the table, removed when dropped.
#[derive(Debug)]
pub struct ConnectionRegistration(Arc<OpenConnection>);

impl ConnectionRegistration {
    pub fn connection(&self) -> &Arc<OpenConnection> {
        &self.0
    }
}

impl Drop for ConnectionRegistration {
    fn drop(&mut self) {
        self.0.table.lock().remove(&self.0);
    }
}

/// Registration of an open event stream, removed when dropped.
#[derive(Debug)]
pub struct OpenStream {
    connection: Arc<OpenConnection>,
    operator: OperatorId,
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.connection.state().n_streams -= 1;
        let mut open = self.connection.table.lock();
        open.n_streams -= 1;
        if let Some(n) = open.streams.get_mut(&self.operator) {
            *n -= 1;
            if *n == 0 {
                open.streams.remove(&self.operator);
            }
        }
    }
}

/// Reason why an event stream is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamRefusal {
    /// The operator has reached the limit of open streams.
    OperatorLimit,
    /// The server has reached the limit of open streams.
    Full,
}

/// Refusal of a request because every connection of its credential or kind is running one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyCalls;

/// Table of all open connections of a server.
#[derive(Debug)]
pub struct ConnectionTable {
    limits: ConnectionLimits,
    clock: Stopwatch,
    open: Mutex<ConnectionTableState>,
}

#[derive(Debug, Default)]
struct ConnectionTableState {
    last_id: u64,
    connections: HashMap<u64, Arc<OpenConnection>>,
    addresses: HashMap<IpAddr, usize>,
    streams: HashMap<OperatorId, usize>,
    n_streams: usize,
    report_bucket: TokenBucket,
    /// Number of evictions that have not been reported in the log yet.
    n_evicted: u64,
}

impl ConnectionTableState {
    fn remove(&mut self, connection: &OpenConnection) {
        if self.connections.remove(&connection.id).is_none() {
            return;
        }
        let Some(group) = connection.group else { return };
        if let Some(n) = self.addresses.get_mut(&group) {
            *n -= 1;
            if *n == 0 {
                self.addresses.remove(&group);
            }
        }
    }

    /// Evicts the connection of least worth among those that `is_candidate` accepts; returns false if there is none.
    fn evict(&mut self, now: Duration, is_candidate: impl Fn(&OpenConnection) -> bool) -> bool {
        let now_ms = now.as_millis().try_into().unwrap_or(u64::MAX);
        let n_of_address =
            |of: &OpenConnection| of.group.and_then(|group| self.addresses.get(&group)).copied().unwrap_or(0);
        let candidates = self.connections.values().filter(|connection| is_candidate(connection));
        let worst = candidates.min_by_key(|of| (of.eviction_rank(now_ms, n_of_address(of)), of.id)).cloned();
        let Some(worst) = worst else { return false };
        self.remove(&worst);
        worst.evicted.notify_one();
        self.n_evicted += 1;
        if self.report_bucket.take(REPORT_RATE, now) {
            let n_open = self.connections.len();
            tracing::warn!(n_closed = self.n_evicted, n_open, "connections were closed to make room for others");
            self.n_evicted = 0;
        }
        true
    }

    fn count_held(&self, is_counted: impl Fn(CredentialHolder) -> bool) -> usize {
        self.connections.values().filter(|of| of.state().holder.is_some_and(&is_counted)).count()
    }
}

impl ConnectionTable {
    pub fn new(ambient: &RuntimeEnv, limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self { limits, clock: ambient.stopwatch(), open: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, ConnectionTableState> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a new connection, evicting another where a limit is exceeded. A shared address is never a reason to
    /// evict.
    pub fn register(self: &Arc<Self>, peer: IpAddr, is_shared: bool) -> ConnectionRegistration {
        let now = self.clock.elapsed();
        let group = (!is_shared).then(|| caller_network(peer));
        let mut open = self.lock();
        open.last_id += 1;
        let connection = Arc::new(OpenConnection {
            id: open.last_id,
            group,
            clock: self.clock.clone(),
            progressed_ms: AtomicU64::new(self.clock.elapsed_ms()),
            state: Mutex::default(),
            evicted: Notify::new(),
            n_flushes: AtomicU64::new(0),
            flush_waiter: AtomicWaker::new(),
            table: Arc::clone(self),
        });
        if let Some(group) = group {
            let n = *open.addresses.entry(group).and_modify(|n| *n += 1).or_insert(1);
            if n > MAX_CONNECTIONS_PER_ADDRESS {
                open.evict(now, |of| of.group == Some(group));
            }
        }
        if open.connections.len() >= self.limits.total {
            open.evict(now, |_| true);
        }
        open.connections.insert(connection.id, Arc::clone(&connection));
        ConnectionRegistration(connection)
    }

    /// Evicts one connection, for when the process is out of file descriptors.
    pub fn evict_one(&self) {
        self.lock().evict(self.clock.elapsed(), |_| true);
    }

    /// Evicts an idle connection of the credential or its kind where their limit is exceeded; never `newest`, and
    /// never one that is running a request.
    fn make_room_for(&self, newest: &OpenConnection, holder: CredentialHolder) -> Result<(), TooManyCalls> {
        let now = self.clock.elapsed();
        let (of_kind, of_holder): (fn(CredentialHolder) -> bool, usize) = match holder {
            CredentialHolder::Key(_) => (|of| matches!(of, CredentialHolder::Key(_)), MAX_CONNECTIONS_PER_KEY),
            CredentialHolder::Operator(_) => {
                (|of| matches!(of, CredentialHolder::Operator(_)), MAX_CONNECTIONS_PER_OPERATOR)
            }
        };
        let kind_limit =
            if matches!(holder, CredentialHolder::Key(_)) { self.limits.keys } else { self.limits.operators };
        let is = |of: &OpenConnection, wanted: &dyn Fn(CredentialHolder) -> bool| {
            let state = of.state();
            // Cutting off a running request for a new one would let a partner's own burst break its earlier calls.
            of.id != newest.id && state.n_calls == 0 && state.holder.is_some_and(wanted)
        };
        let mut open = self.lock();
        let has_room = (open.count_held(|of| of == holder) <= of_holder
            || open.evict(now, |of| is(of, &|of| of == holder)))
            && (open.count_held(of_kind) <= kind_limit || open.evict(now, |of| is(of, &of_kind)));
        if has_room { Ok(()) } else { Err(TooManyCalls) }
    }

    /// Registers an event stream of an operator.
    pub fn open_stream(connection: &Arc<OpenConnection>, operator: OperatorId) -> Result<OpenStream, StreamRefusal> {
        let mut open = connection.table.lock();
        if open.streams.get(&operator).is_some_and(|n| *n >= MAX_STREAMS_PER_OPERATOR) {
            return Err(StreamRefusal::OperatorLimit);
        }
        if open.n_streams >= MAX_STREAMS {
            return Err(StreamRefusal::Full);
        }
        open.n_streams += 1;
        *open.streams.entry(operator).or_default() += 1;
        drop(open);
        connection.state().n_streams += 1;
        Ok(OpenStream { connection: Arc::clone(connection), operator })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use proptest::prelude::*;

    fn table(total: usize) -> (RuntimeEnv, Arc<ConnectionTable>) {
        let ambient = RuntimeEnv::scripted(Timestamp::from_millis(0), 1);
        let limits = ConnectionLimits { total, keys: total / 2, operators: total / 4 };
        let table = ConnectionTable::new(&ambient, limits);
        (ambient, table)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn is_open(table: &ConnectionTable, place: &ConnectionRegistration) -> bool {
        table.lock().connections.contains_key(&place.0.id)
    }

    #[test]
    fn a_flood_of_silent_peers_ends_silent_peers() {
        let (ambient, table) = table(64);
        let operator = table.register(ip("198.51.100.1"), false);
        operator.connection().set_holder(CredentialHolder::Operator(OperatorId(1))).expect("room");
        let partner = table.register(ip("198.51.100.2"), false);
        partner.connection().set_holder(CredentialHolder::Key(KeyId(1))).expect("room");
        let small = table.register(ip("198.51.100.3"), false);
        ambient.advance(Duration::from_secs(1));
        let flood: Vec<ConnectionRegistration> = (0..2_000).map(|_| table.register(ip("203.0.113.1"), false)).collect();
        assert!([&operator, &partner, &small].iter().all(|place| is_open(&table, place)));
        assert_eq!(flood.iter().filter(|place| is_open(&table, place)).count(), 61);
        assert!(is_open(&table, &flood[1_999]), "the newest finds a place");
        drop(flood);
        let open = table.lock();
        assert_eq!((open.connections.len(), open.addresses.len()), (3, 3));
    }

    #[test]
    fn what_stands_still_for_longest_ends_first_and_what_works_last() {
        let (ambient, table) = table(16);
        let places: Vec<ConnectionRegistration> = (0..16).map(|_| table.register(ip("127.0.0.1"), true)).collect();
        let call = places[0].connection().begin_call();
        ambient.advance(Duration::from_secs(1));
        places[1].connection().record_progress();
        let more: Vec<ConnectionRegistration> = (0..14).map(|_| table.register(ip("127.0.0.1"), true)).collect();
        let left: Vec<usize> = (0..16).filter(|n| is_open(&table, &places[*n])).collect();
        assert_eq!(left, [0, 1]);
        drop(call);
        let newest = table.register(ip("127.0.0.1"), true);
        assert!(!is_open(&table, &places[0]) && is_open(&table, &newest) && is_open(&table, &more[0]));
    }

    #[test]
    fn a_call_under_way_is_not_cut_off_for_another_of_the_same_key() {
        let (_, table) = table(MAX_CONNECTIONS);
        let holder = CredentialHolder::Key(KeyId(1));
        let hold = |place: &ConnectionRegistration| place.connection().set_holder(holder);
        let places: Vec<ConnectionRegistration> =
            (0..=MAX_CONNECTIONS_PER_KEY).map(|_| table.register(ip("127.0.0.1"), true)).collect();
        let (last, others) = places.split_last().expect("some");
        let mut calls: Vec<RunningCall> = others.iter().map(|place| place.connection().begin_call()).collect();
        assert!(others.iter().all(|place| hold(place).is_ok()));
        assert_eq!(hold(last), Err(TooManyCalls));
        assert!(places.iter().all(|place| is_open(&table, place)));
        calls.pop();
        assert_eq!(hold(last), Ok(()));
        assert_eq!(places.iter().filter(|place| is_open(&table, place)).count(), MAX_CONNECTIONS_PER_KEY);
    }

    #[test]
    fn one_operator_opens_so_many_streams_and_all_together_so_many() {
        let (_, table) = table(2_048);
        let place = table.register(ip("127.0.0.1"), true);
        let open = |operator: i64| ConnectionTable::open_stream(place.connection(), OperatorId(operator));
        let mut streams: Vec<OpenStream> = (0..MAX_STREAMS_PER_OPERATOR).map(|_| open(1).expect("a stream")).collect();
        assert_eq!(open(1).expect_err("too many"), StreamRefusal::OperatorLimit);
        streams.pop();
        streams.push(open(1).expect("one was closed"));
        for operator in 2..=16 {
            streams.extend((0..MAX_STREAMS_PER_OPERATOR).map(|_| open(operator).expect("a stream")));
        }
        assert_eq!(open(17).expect_err("too many"), StreamRefusal::Full);
        drop(streams);
        let open = table.lock();
        assert_eq!((open.n_streams, open.streams.len(), place.0.state().n_streams), (0, 0, 0));
    }

    #[test]
    fn half_of_the_descriptors_are_left_to_deliveries() {
        let total = |n| ConnectionLimits::for_descriptors(n).total;
        assert_eq!([total(None), total(Some(1_024)), total(Some(1 << 20)), total(Some(8))], [2_048, 512, 2_048, 16]);
    }

    proptest! {
        #[test]
        fn whatever_comes_the_limits_hold_and_an_operator_gets_in(
            steps in prop::collection::vec((0_u8..6, 0_i64..4, 0_u64..3), 1..400)
        ) {
            let (ambient, table) = table(32);
            let mut places: Vec<ConnectionRegistration> = Vec::new();
            for (what, who, wait) in steps {
                ambient.advance(Duration::from_secs(wait));
                let place = table.register(ip(&format!("203.0.113.{who}")), false);
                prop_assert!(is_open(&table, &place));
                match what {
                    0 => {}
                    1 | 2 => place.connection().set_holder(CredentialHolder::Key(KeyId(who))).expect("room"),
                    3 => place.connection().set_holder(CredentialHolder::Operator(OperatorId(who))).expect("room"),
                    4 => drop(places.pop()),
                    _ => places.iter().for_each(|place| place.connection().record_progress()),
                }
                prop_assert!(is_open(&table, &place), "a credential never costs its own connection");
                places.push(place);
                let open = table.lock();
                prop_assert!(open.connections.len() <= 32);
                prop_assert!(open.count_held(|of| matches!(of, CredentialHolder::Key(_))) <= 16);
                prop_assert!(open.count_held(|of| matches!(of, CredentialHolder::Operator(_))) <= 8);
                prop_assert_eq!(open.addresses.values().sum::<usize>(), open.connections.len());
            }
            let operator = table.register(ip("198.51.100.9"), false);
            operator.connection().set_holder(CredentialHolder::Operator(OperatorId(9))).expect("room");
            let flood: Vec<ConnectionRegistration> = (0..100).map(|n| table.register(ip(&format!("192.0.2.{n}")), false)).collect();
            prop_assert!(is_open(&table, &operator));
            drop((flood, places));
            prop_assert_eq!(table.lock().connections.len(), 1);
        }
    }
}
