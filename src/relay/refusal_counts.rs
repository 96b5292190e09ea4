//! Counts of refused requests by path, reason and fault. A flood costs one row of each and minute, whatever its
//! size.

use super::recorder::Recorder;
use super::records::ReceiptRecord;
use crate::clock::RuntimeEnv;
use crate::domain::ids::SubscriptionId;
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

/// What counts together: position of the route, if any, reason, and the fault of the signature.
pub(super) type RefusalKey = (Option<usize>, RefusalReason, Option<&'static str>);

/// Refusals since the last record.
#[derive(Debug, Default)]
pub(super) struct RefusalCounts(Mutex<BTreeMap<RefusalKey, RefusalCount>>);

impl RefusalCounts {
    pub(super) fn count(&self, of: RefusalKey, (at, n_bytes): (Timestamp, u64), caller: RefusedCaller) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(of).or_insert_with(|| RefusalCount {
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

    /// Records the counts and begins anew. `route` finds the path and the subscription of a route by its position.
    pub(super) fn record(
        &self,
        recorder: &Recorder<ReceiptRecord>,
        ambient: &RuntimeEnv,
        route: impl Fn(usize) -> (Option<Untrusted>, Option<SubscriptionId>),
    ) {
        let counts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for ((at, reason, fault), count) in counts {
            let (path, subscription_id) = at.map(&route).unwrap_or_default();
            recorder.record(ReceiptRecord::Refused(RefusedDeliveries {
                id: Untrusted::new(ambient.ulid()),
                since_utc: count.since,
                until_utc: count.until,
                path,
                subscription_id,
                reason,
                signature_fault: fault.map(Untrusted::new),
                n: count.n,
                n_bytes: count.n_bytes,
                address: count.caller.address,
                user_agent: count.caller.user_agent,
            }));
        }
    }
}
