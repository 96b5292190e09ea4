//! Notices to the dispatcher about what other operations committed: new deliveries, changed subscriptions, and queues
//! that are to be read again. Without a notice a change is found when all queues are read again.

use crate::domain::ids::SubscriptionId;
use crate::domain::time::Timestamp;
use crate::store::publication_rows::DueDelivery;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;

/// New deliveries of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NewDeliveries {
    pub(super) n: usize,
    /// Due time of the first.
    pub(super) due_at: Timestamp,
}

/// Notices that the dispatcher has not yet read.
#[derive(Debug, Default)]
pub(super) struct NoticeInbox {
    /// New deliveries by subscription.
    pub(super) due: HashMap<SubscriptionId, NewDeliveries>,
    /// Subscriptions whose queues are to be read again.
    pub(super) unread: BTreeSet<SubscriptionId>,
    /// Subscriptions that were changed, disabled or deleted: what was claimed for them is no longer sent.
    pub(super) changed: BTreeSet<SubscriptionId>,
    /// Whether all queues are to be read again.
    pub(super) is_all: bool,
}

/// Notices to the dispatcher.
#[derive(Debug, Default)]
pub(super) struct DispatchNotices {
    inbox: Mutex<NoticeInbox>,
    /// Whether the inbox has a notice, so that looking costs nothing.
    has_notices: AtomicBool,
    wakeup: Notify,
}

impl DispatchNotices {
    /// Waits for the next wake-up.
    pub(super) async fn awaited(&self) {
        self.wakeup.notified().await;
    }

    /// Wakes the dispatcher without a notice.
    pub(super) fn wake(&self) {
        self.wakeup.notify_one();
    }

    /// Takes the notices; `None` if there are none.
    pub(super) fn take(&self) -> Option<NoticeInbox> {
        if !self.has_notices.load(Ordering::Acquire) {
            return None;
        }
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        self.has_notices.store(false, Ordering::Release);
        Some(std::mem::take(&mut *inbox))
    }

    /// Notes deliveries that became due.
    pub(super) fn add_due(&self, deliveries: &[DueDelivery]) {
        if deliveries.is_empty() {
            return;
        }
        self.add(|inbox| {
            for DueDelivery { subscription, due_at } in deliveries {
                let new = inbox.due.entry(*subscription).or_insert(NewDeliveries { n: 0, due_at: *due_at });
                *new = NewDeliveries { n: new.n + 1, due_at: new.due_at.min(*due_at) };
            }
        });
    }

    /// Notes that the queue of a subscription changed.
    pub(super) fn add_unread(&self, of: SubscriptionId) {
        self.add(|inbox| inbox.unread.extend([of]));
    }

    /// Notes that a subscription was changed, disabled or deleted.
    pub(super) fn add_changed(&self, of: SubscriptionId) {
        self.add(|inbox| inbox.changed.extend([of]));
    }

    /// Notes that any queue may have changed.
    pub(super) fn add_all(&self) {
        self.add(|inbox| inbox.is_all = true);
    }

    fn add(&self, add: impl FnOnce(&mut NoticeInbox)) {
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        add(&mut inbox);
        self.has_notices.store(true, Ordering::Release);
        drop(inbox);
        self.wake();
    }
}
