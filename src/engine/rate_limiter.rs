//! Rate limiter: the rate windows of all keys in memory, flushed by housekeeping.

use crate::domain::ids::KeyId;
use crate::domain::time::Timestamp;
use crate::domain::window::{RateBucket, RateLimitDecision, RateLimitOutcome, RateWindow};
use crate::store::windows::WindowUsage;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// Rate windows by key and bucket, with the windows to flush.
#[derive(Debug, Default)]
pub(super) struct RateLimiter(Mutex<RateLimiterState>);

#[derive(Debug, Default)]
struct RateLimiterState {
    live: HashMap<(KeyId, RateBucket), WindowUsage>,
    dirty: HashSet<(KeyId, RateBucket)>,
    /// Windows that ended before they were flushed.
    ended: Vec<WindowUsage>,
}

impl RateLimiter {
    pub(super) fn load(used: Vec<WindowUsage>) -> Self {
        let live = used.into_iter().map(|used| ((used.key, used.bucket), used)).collect();
        Self(Mutex::new(RateLimiterState { live, ..RateLimiterState::default() }))
    }

    pub(super) fn admit(&self, key: KeyId, bucket: RateBucket, limit: u32, now: Timestamp) -> RateLimitOutcome {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (key, bucket);
        let before = state.live.get(&place).copied().unwrap_or(WindowUsage {
            key,
            bucket,
            window: RateWindow::current_empty(now),
            n_refused: 0,
        });
        let (window, admission) = before.window.check_and_count(bucket, limit, now);
        let is_new = window.start > before.window.start;
        // A window that ends before its flush is kept apart, or its last calls would be lost.
        if is_new && state.dirty.contains(&place) {
            state.ended.push(before);
        }
        let carried = if is_new { 0 } else { before.n_refused };
        let n_refused = carried + u64::from(admission.decision == RateLimitDecision::Refused);
        state.live.insert(place, WindowUsage { key, bucket, window, n_refused });
        state.dirty.insert(place);
        admission
    }

    /// Reads the rate window of a key at `now`.
    pub(super) fn window_at(&self, key: KeyId, bucket: RateBucket, now: Timestamp) -> WindowUsage {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.live.get(&(key, bucket)) {
            Some(used) if used.window.start >= RateWindow::current_empty(now).start => {
                WindowUsage { window: used.window.at(now), ..*used }
            }
            _ => WindowUsage { key, bucket, window: RateWindow::current_empty(now), n_refused: 0 },
        }
    }

    /// Takes back windows whose flush failed.
    pub(super) fn restore(&self, used: &[WindowUsage]) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for used in used {
            let place = (used.key, used.bucket);
            match state.live.get(&place) {
                Some(live) if live.window.start == used.window.start => {
                    state.dirty.insert(place);
                }
                _ => state.ended.push(*used),
            }
        }
    }

    /// Takes the windows changed since the last flush.
    pub(super) fn take_dirty(&self) -> Vec<WindowUsage> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut used = std::mem::take(&mut state.ended);
        let places = std::mem::take(&mut state.dirty);
        used.extend(places.iter().filter_map(|place| state.live.get(place)));
        used
    }
}
