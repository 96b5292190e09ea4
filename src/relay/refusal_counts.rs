//! Counts of refused requests by path and reason. A flood costs one row per path and reason and minute, whatever its
//! size.

use super::recorder::Recorder;
use super::records::ReceiptRecord;
use crate::clock::RuntimeEnv;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::wire::receipts::{RefusalReason, RefusedDeliveries};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Caller of a refused request.
#[derive(Debug, Clone, Default)]
pub(super) struct RefusedCaller {
    pub(super) address: Option<Untrusted>,
    pub(super) user_agent: Option<Untrusted>,
}

/// Refusals of one reason at one path since the last record.
#[derive(Debug)]
struct RefusalCount {
    since: Timestamp,
    until: Timestamp,
    n: u64,
    n_bytes: u64,
    /// Last caller that was refused.
    caller: RefusedCaller,
}

/// Refusals since the last record: position of the route, if any, and reason.
#[derive(Debug, Default)]
pub(super) struct RefusalCounts(Mutex<BTreeMap<(Option<usize>, RefusalReason), RefusalCount>>);

impl RefusalCounts {
    pub(super) fn count(
        &self,
        (route, reason): (Option<usize>, RefusalReason),
        (at, n_bytes): (Timestamp, u64),
        caller: RefusedCaller,
    ) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry((route, reason)).or_insert_with(|| RefusalCount {
            since: at,
            until: at,
            n: 0,
            n_bytes: 0,
            caller: RefusedCaller::default(),
        });
        count.until = count.until.max(at);
        count.n += 1;
        count.n_bytes += n_bytes;
        count.caller = caller;
    }

    /// Records the counts and begins anew. `path` names a route by its position.
    pub(super) fn record(
        &self,
        recorder: &Recorder<ReceiptRecord>,
        ambient: &RuntimeEnv,
        path: impl Fn(usize) -> Option<Untrusted>,
    ) {
        let counts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for ((route, reason), count) in counts {
            recorder.record(ReceiptRecord::Refused(RefusedDeliveries {
                id: Untrusted::new(ambient.ulid()),
                since_utc: count.since,
                until_utc: count.until,
                path: route.and_then(&path),
                reason,
                n: count.n,
                n_bytes: count.n_bytes,
                address: count.caller.address,
                user_agent: count.caller.user_agent,
            }));
        }
    }
}
