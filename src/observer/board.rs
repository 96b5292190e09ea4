//! Board on which the poller publishes the newest overview; it wakes the streams that wait for a change.

use crate::wire::overview::PlatformOverview;
use std::sync::Arc;
use tokio::sync::{Notify, watch};

/// Newest overview of an observed platform, with a counter of its changes.
#[derive(Debug)]
pub struct OverviewBoard {
    overview: watch::Sender<Arc<PlatformOverview>>,
    changes: watch::Sender<u64>,
    refresh: Notify,
}

impl OverviewBoard {
    /// Creates a board with the overview that is shown until the first is published.
    #[must_use]
    pub fn new(first: PlatformOverview) -> Self {
        let overview = watch::Sender::new(Arc::new(first));
        Self { overview, changes: watch::Sender::new(0), refresh: Notify::new() }
    }

    /// Returns the newest overview, with all rows of every list.
    #[must_use]
    pub fn overview(&self) -> Arc<PlatformOverview> {
        Arc::clone(&self.overview.borrow())
    }

    /// Publishes an overview. It gets the next number as its cursor, and wakes the followers, if anything in it changed.
    pub fn publish(&self, mut overview: PlatformOverview) {
        let before = self.overview();
        let is_same = before.cursor > 0 && before.displays_like(&overview) && is_same_source(&before, &overview);
        let is_same = is_same && before.limits == overview.limits;
        overview.cursor = if is_same { before.cursor } else { before.cursor + 1 };
        let cursor = overview.cursor;
        self.overview.send_replace(Arc::new(overview));
        self.changes.send_if_modified(|last| std::mem::replace(last, cursor) != cursor);
    }

    /// Subscribes to the counter of changes.
    #[must_use]
    pub fn subscribe_changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Asks the poller to read the history again at once.
    pub fn request_refresh(&self) {
        self.refresh.notify_one();
    }

    /// Waits until the history is to be read again at once.
    pub async fn wait_for_refresh(&self) {
        self.refresh.notified().await;
    }
}

/// Whether both overviews describe the same state of the platform, whatever the time.
fn is_same_source(one: &PlatformOverview, other: &PlatformOverview) -> bool {
    let state = |of: &PlatformOverview| {
        let source = of.coverage.as_ref().and_then(|coverage| coverage.source.clone());
        source.map(|source| (source.heard_utc, source.poll_interval_ms, source.failure))
    };
    state(one) == state(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use crate::wire::overview::PipelineCounts;

    #[test]
    fn only_a_change_moves_the_cursor_and_wakes_followers() {
        let board = OverviewBoard::new(PlatformOverview::default());
        let mut changes = board.subscribe_changes();
        let overview = |at, n| PlatformOverview {
            server_utc: Timestamp::from_millis(at),
            pipeline: PipelineCounts { n_trips_24h: Some(n), ..PipelineCounts::default() },
            ..PlatformOverview::default()
        };
        board.publish(overview(1, 0));
        assert_eq!((*changes.borrow_and_update(), board.overview().cursor), (1, 1), "the first is a change");
        board.publish(overview(2, 0));
        assert!(!changes.has_changed().expect("open"));
        assert_eq!((board.overview().cursor, board.overview().server_utc), (1, Timestamp::from_millis(2)));
        board.publish(overview(3, 1));
        assert_eq!((*changes.borrow_and_update(), board.overview().cursor), (2, 2));
    }
}
