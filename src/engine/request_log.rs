//! Intake of the request log: rows that wait for the next flush, and requests that are only counted. Refusals of
//! callers without a key, and of keys over their rate limit, get rows at a bounded rate; every other request gets a
//! row while the queue has space. Counters include every request.

use crate::clock::{RuntimeEnv, Stopwatch};
use crate::domain::ids::KeyId;
use crate::domain::latency::{Histogram, bin_index};
use crate::domain::log::LoggedRequest;
use crate::domain::time::Timestamp;
use crate::domain::token_bucket::{TokenBucket, TokenRate, caller_network};
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Queue limit for requests with a key, in rows and bytes.
const MAX_PARTNER_QUEUE: QueueLimit = QueueLimit { n_rows: 20_000, n_bytes: 16 << 20 };
/// Queue limit for requests without a key, in rows and bytes.
const MAX_ANONYMOUS_QUEUE: QueueLimit = QueueLimit { n_rows: 2_000, n_bytes: 2 << 20 };
/// Maximum number of distinct counted requests between two flushes; beyond this, address and user agent are dropped.
const MAX_COUNTED_KINDS: usize = 4_096;
/// Maximum number of addresses and of keys with a token bucket of their own; the rest share one bucket.
const MAX_BUCKETS: usize = 4_096;

/// Row rates for refusals of callers without a key: of all together, and of one address.
const ANONYMOUS_ROW_RATE: TokenRate = TokenRate { burst: 500, interval: Duration::from_millis(500) };
const ADDRESS_ROW_RATE: TokenRate = TokenRate { burst: 100, interval: Duration::from_secs(1) };
/// Row rate for refusals of one key that its rate limit does not bound.
const UNADMITTED_ROW_RATE: TokenRate = TokenRate { burst: 100, interval: Duration::from_secs(1) };

/// Width of the time slots in which requests without a row are counted, that of the narrowest counter.
const COUNTER_SLOT_MS: i64 = 10_000;

/// In-memory buffer of the request log.
#[derive(Debug)]
pub(super) struct RequestLog {
    since: Stopwatch,
    intake: Mutex<RequestIntake>,
}

#[derive(Debug, Default)]
struct RequestIntake {
    waiting: PendingRequests,
    totals: RequestTotals,
    throttle: RowThrottle,
}

/// Totals since the start of the process.
#[derive(Debug, Clone, Default)]
pub(super) struct RequestTotals {
    /// Requests by method, route and status.
    pub(super) requests: BTreeMap<(String, String, u16), u64>,
    /// Durations as a histogram; `elapsed_ms` is their sum in milliseconds.
    pub(super) durations: Histogram,
    pub(super) elapsed_ms: u64,
    /// Rows dropped because the queue was full.
    pub(super) n_dropped: u64,
    /// Refusals without a row because of the row rate, by status.
    pub(super) unlogged: BTreeMap<u16, u64>,
}

/// Requests and key uses that wait for the next flush.
#[derive(Debug, Default)]
pub(super) struct PendingRequests {
    pub(super) partners: RequestQueue,
    pub(super) anonymous: RequestQueue,
    /// Requests without a row, grouped by all counted properties.
    pub(super) counted: HashMap<LoggedRequest, u64>,
    /// Last use of each key.
    pub(super) key_uses: BTreeMap<KeyId, Timestamp>,
    pub(super) n_dropped: u64,
}

impl PendingRequests {
    pub(super) fn is_empty(&self) -> bool {
        self.partners.rows.is_empty()
            && self.anonymous.rows.is_empty()
            && self.counted.is_empty()
            && self.key_uses.is_empty()
    }

    /// Iterates over every request with its count.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&LoggedRequest, u64)> {
        self.rows().map(|row| (row, 1)).chain(self.counted.iter().map(|(request, n)| (request, *n)))
    }

    /// Iterates over all queued rows.
    pub(super) fn rows(&self) -> impl Iterator<Item = &LoggedRequest> {
        self.partners.rows.iter().chain(&self.anonymous.rows)
    }

    /// Queues a row, or only counts the request when the queue is full.
    fn add(&mut self, request: LoggedRequest) {
        let (queue, most) = match request.caller {
            Some(_) => (&mut self.partners, MAX_PARTNER_QUEUE),
            None => (&mut self.anonymous, MAX_ANONYMOUS_QUEUE),
        };
        if let Some(request) = queue.add(request, most) {
            self.n_dropped += 1;
            self.count(request, 1);
        }
    }

    /// Counts a request without a row.
    fn count(&mut self, request: LoggedRequest, n: u64) {
        let is_told_apart = request.caller.is_some() && self.counted.len() < MAX_COUNTED_KINDS;
        let (address, agent) = if is_told_apart { (request.address, request.user_agent) } else { (None, None) };
        let kind = LoggedRequest {
            at: request.at.floor_to(COUNTER_SLOT_MS),
            detail: None,
            reason: None,
            rejected_key: None,
            request_id: String::new(),
            elapsed_ms: 0,
            query: None,
            answer_headers: None,
            problem_members: None,
            address,
            user_agent: agent,
            ..request
        };
        *self.counted.entry(kind).or_default() += n;
    }
}

/// Limit of a queue in rows and bytes.
#[derive(Debug, Clone, Copy)]
struct QueueLimit {
    n_rows: usize,
    n_bytes: usize,
}

/// Queue of rows in arrival order.
#[derive(Debug, Default)]
pub(super) struct RequestQueue {
    rows: Vec<LoggedRequest>,
    n_bytes: usize,
}

impl RequestQueue {
    /// Adds a row, or returns it when the queue is full.
    fn add(&mut self, row: LoggedRequest, most: QueueLimit) -> Option<LoggedRequest> {
        let n_bytes = self.n_bytes + size_of::<LoggedRequest>() + row.n_text_bytes();
        if self.rows.len() >= most.n_rows || n_bytes > most.n_bytes {
            return Some(row);
        }
        self.n_bytes = n_bytes;
        self.rows.push(row);
        None
    }
}

/// Token buckets that bound the rows of refusals.
#[derive(Debug, Default)]
struct RowThrottle {
    anonymous: TokenBucket,
    addresses: KeyedBuckets<IpAddr>,
    keys: KeyedBuckets<KeyId>,
}

impl RowThrottle {
    /// Whether a request gets a row. A request of a key within its rate limit always does: the rate limit bounds
    /// their number. Calls of a method that no route takes are in no rate window.
    fn admits(&mut self, request: &LoggedRequest, now: Duration) -> bool {
        match request.caller {
            Some((key, _)) => !matches!(request.status, 405 | 429) || self.keys.take(key, UNADMITTED_ROW_RATE, now),
            None => {
                let address = request.address.as_ref().and_then(|text| text.parse().ok());
                let network = caller_network(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
                self.addresses.take(network, ADDRESS_ROW_RATE, now) && self.anonymous.take(ANONYMOUS_ROW_RATE, now)
            }
        }
    }
}

/// Token buckets by address or key. Full buckets are evicted when there are too many.
#[derive(Debug)]
struct KeyedBuckets<K> {
    known: HashMap<K, TokenBucket>,
    overflow: TokenBucket,
}

impl<K> Default for KeyedBuckets<K> {
    fn default() -> Self {
        Self { known: HashMap::new(), overflow: TokenBucket::default() }
    }
}

impl<K: Hash + Eq> KeyedBuckets<K> {
    fn take(&mut self, name: K, rate: TokenRate, now: Duration) -> bool {
        if self.known.len() >= MAX_BUCKETS && !self.known.contains_key(&name) {
            self.known.retain(|_, bucket| !bucket.is_full(now));
            if self.known.len() >= MAX_BUCKETS {
                return self.overflow.take(rate, now);
            }
        }
        self.known.entry(name).or_default().take(rate, now)
    }
}

impl RequestLog {
    pub(super) fn new(ambient: &RuntimeEnv) -> Self {
        Self { since: ambient.stopwatch(), intake: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, RequestIntake> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn record_key_use(&self, key: KeyId, at: Timestamp) {
        self.lock().waiting.key_uses.insert(key, at);
    }

    pub(super) fn take_pending(&self) -> PendingRequests {
        std::mem::take(&mut self.lock().waiting)
    }

    pub(super) fn totals(&self) -> RequestTotals {
        self.lock().totals.clone()
    }

    /// Takes back a flush that failed. Rows that no longer fit are only counted.
    pub(super) fn restore(&self, notes: &PendingRequests) {
        let intake = &mut *self.lock();
        for (key, at) in &notes.key_uses {
            intake.waiting.key_uses.entry(*key).or_insert(*at);
        }
        for (request, n) in &notes.counted {
            intake.waiting.count(request.clone(), *n);
        }
        let newer = std::mem::take(&mut intake.waiting.partners.rows);
        let newer = newer.into_iter().chain(std::mem::take(&mut intake.waiting.anonymous.rows));
        (intake.waiting.partners, intake.waiting.anonymous) = (RequestQueue::default(), RequestQueue::default());
        let before = intake.waiting.n_dropped;
        // Re-queued oldest first: beyond the limit the newest rows are dropped.
        for row in notes.rows().cloned().chain(newer) {
            intake.waiting.add(row);
        }
        intake.totals.n_dropped += intake.waiting.n_dropped - before;
    }

    /// Counts a request, and queues a row if the row rate permits one.
    pub(super) fn record(&self, request: LoggedRequest) {
        let now = self.since.elapsed();
        let RequestIntake { waiting, totals, throttle } = &mut *self.lock();
        totals.elapsed_ms += request.elapsed_ms;
        totals.durations.add(bin_index(request.elapsed_ms), 1);
        *totals.requests.entry((request.method.clone(), request.route.clone(), request.status)).or_default() += 1;
        if throttle.admits(&request, now) {
            let before = waiting.n_dropped;
            waiting.add(request);
            totals.n_dropped += waiting.n_dropped - before;
        } else {
            *totals.unlogged.entry(request.status).or_default() += 1;
            waiting.count(request, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::CompanyId;

    const KEY: KeyId = KeyId(7);

    fn log() -> (RuntimeEnv, RequestLog) {
        let ambient = RuntimeEnv::scripted(Timestamp::from_millis(0), 1);
        let log = RequestLog::new(&ambient);
        (ambient, log)
    }

    fn request(caller: Option<KeyId>, status: u16, address: &str) -> LoggedRequest {
        LoggedRequest {
            at: Timestamp::from_millis(0),
            caller: caller.map(|key| (key, CompanyId(1))),
            method: "GET".to_owned(),
            route: "(none)".to_owned(),
            status,
            code: None,
            detail: Some("x".repeat(1_000)),
            reason: None,
            rejected_key: None,
            request_id: "r".repeat(64),
            elapsed_ms: 1,
            query: None,
            address: Some(address.to_owned()),
            user_agent: None,
            answer_headers: None,
            problem_members: None,
        }
    }

    #[test]
    fn a_flood_has_few_rows_and_exact_counters_and_takes_no_place_from_partners() {
        let (ambient, log) = log();
        let flood = |n: u64| {
            for turn in 0..n {
                let address = format!("2001:db8:{:x}:{:x}::{turn:x}", turn % 64, turn % 256);
                log.record(request(None, 404, &address));
                log.record(request(Some(KEY), if turn % 2 == 0 { 200 } else { 429 }, "192.0.2.1"));
            }
        };
        flood(10_000);
        ambient.advance(Duration::from_secs(60));
        flood(2_000);
        let (waiting, totals) = (log.take_pending(), log.totals());
        let of = |caller: bool, status: u16| {
            waiting.rows().filter(|row| (row.caller.is_some(), row.status) == (caller, status)).count()
        };
        assert_eq!(of(true, 200), 6_000, "each call within a window has its row");
        assert_eq!(of(true, 429), 160, "what a key is refused does not flood the log either");
        assert_eq!(of(false, 404), 620);
        let counted = |status: u16| -> u64 {
            waiting.counts().filter(|(request, _)| request.status == status).map(|(_, n)| n).sum()
        };
        assert_eq!((counted(404), counted(200), counted(429)), (12_000, 6_000, 6_000));
        assert_eq!((totals.unlogged[&404], totals.unlogged[&429], totals.n_dropped), (12_000 - 620, 6_000 - 160, 0));
        assert!(waiting.counted.len() < 10, "counted by kind, not one by one");
    }

    #[test]
    fn one_address_has_its_own_rate_and_addresses_without_end_share_one() {
        let (_, log) = log();
        (0..1_000).for_each(|_| log.record(request(None, 401, "192.0.2.1")));
        log.record(request(None, 401, "192.0.2.2"));
        assert_eq!(log.take_pending().rows().count(), 101);
        for host in 0..100_000_u32 {
            log.record(request(None, 401, &Ipv4Addr::from_bits(host).to_string()));
        }
        let intake = log.lock();
        assert!(intake.throttle.addresses.known.len() <= MAX_BUCKETS);
        assert_eq!(intake.waiting.rows().count(), 399, "all of them together have their rate");
    }

    #[test]
    fn the_queue_ends_at_its_bytes_and_what_finds_no_place_is_counted() {
        let (_, log) = log();
        let n = 30_000_u64;
        (0..n).for_each(|_| log.record(request(Some(KEY), 200, "192.0.2.1")));
        let notes = log.take_pending();
        assert!(notes.partners.n_bytes <= MAX_PARTNER_QUEUE.n_bytes && notes.partners.rows.len() > 10_000);
        assert_eq!(notes.counts().map(|(_, n)| n).sum::<u64>(), n);
        assert_eq!(log.totals().n_dropped, n - notes.partners.rows.len() as u64);
        // Storage fails: everything comes back, and what came meanwhile stands behind it.
        (0..n).for_each(|_| log.record(request(Some(KEY), 500, "192.0.2.1")));
        log.restore(&notes);
        let again = log.take_pending();
        assert_eq!(again.counts().map(|(_, n)| n).sum::<u64>(), 2 * n);
        assert!(again.partners.n_bytes <= MAX_PARTNER_QUEUE.n_bytes);
        assert_eq!(again.rows().next().map(|row| row.status), Some(200));
    }
}
