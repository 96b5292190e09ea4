//! Rate limiter: the rate windows of all keys in memory, flushed by housekeeping.

use crate::domain::ids::KeyId;
use crate::domain::time::Timestamp;
use crate::domain::window::{Admission, Answer, Bucket, Window};
use crate::store::windows::Used;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// Rate windows by key and bucket, with the windows to flush.
#[derive(Debug, Default)]
pub(super) struct Windows(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    live: HashMap<(KeyId, Bucket), Used>,
    unwritten: HashSet<(KeyId, Bucket)>,
    /// Windows that ended before they were flushed.
    ended: Vec<Used>,
}

impl Windows {
    pub(super) fn load(used: Vec<Used>) -> Self {
        let live = used.into_iter().map(|used| ((used.key, used.bucket), used)).collect();
        Self(Mutex::new(State { live, ..State::default() }))
    }

    pub(super) fn admit(&self, key: KeyId, bucket: Bucket, limit: u32, now: Timestamp) -> Admission {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (key, bucket);
        let before =
            state.live.get(&place).copied().unwrap_or(Used { key, bucket, window: Window::opening(now), n_refused: 0 });
        let (window, admission) = before.window.admit(bucket, limit, now);
        let is_new = window.start > before.window.start;
        // A window that ends before its flush is kept apart, or its last calls would be lost.
        if is_new && state.unwritten.contains(&place) {
            state.ended.push(before);
        }
        let carried = if is_new { 0 } else { before.n_refused };
        let n_refused = carried + u64::from(admission.answer == Answer::Refused);
        state.live.insert(place, Used { key, bucket, window, n_refused });
        state.unwritten.insert(place);
        admission
    }

    /// Reads the rate window of a key at `now`.
    pub(super) fn at(&self, key: KeyId, bucket: Bucket, now: Timestamp) -> Used {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.live.get(&(key, bucket)) {
            Some(used) if used.window.start >= Window::opening(now).start => {
                Used { window: used.window.at(now), ..*used }
            }
            _ => Used { key, bucket, window: Window::opening(now), n_refused: 0 },
        }
    }

    /// Takes back windows whose flush failed.
    pub(super) fn give_back(&self, used: &[Used]) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for used in used {
            let place = (used.key, used.bucket);
            match state.live.get(&place) {
                Some(live) if live.window.start == used.window.start => {
                    state.unwritten.insert(place);
                }
                _ => state.ended.push(*used),
            }
        }
    }

    /// Takes the windows changed since the last flush.
    pub(super) fn take_unwritten(&self) -> Vec<Used> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut used = std::mem::take(&mut state.ended);
        let places = std::mem::take(&mut state.unwritten);
        used.extend(places.iter().filter_map(|place| state.live.get(place)));
        used
    }
}
