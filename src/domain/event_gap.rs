//! Missing events: whether a company's events have been absent for longer than usual.

use super::time::Timestamp;
use std::time::Duration;

/// Number of gaps between events that establish what is usual; with fewer, absence is never reported.
pub const GAP_SAMPLE_COUNT: usize = 20;
/// Factor of the usual gap from which absence is reported.
pub const GAP_MULTIPLIER: u32 = 3;
/// Minimum absence that is reported, however frequent events were before.
pub const MIN_EVENT_GAP: Duration = Duration::from_secs(600);

/// Absence of a company's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventGap {
    /// Time of the last event.
    pub last_at: Timestamp,
    /// Longest of the last [`GAP_SAMPLE_COUNT`] gaps, so that ordinary quiet hours count as usual.
    pub usual_gap: Duration,
}

impl EventGap {
    /// Detects absence after these event times, newest first; `None` if there is none at `now`.
    #[must_use]
    pub fn detect(events: &[Timestamp], now: Timestamp) -> Option<Self> {
        let last_at = *events.first()?;
        if events.len() <= GAP_SAMPLE_COUNT {
            return None;
        }
        let usual_gap = events.windows(2).take(GAP_SAMPLE_COUNT).map(|pair| pair[0].since(pair[1])).max()?;
        let silence = Self { last_at, usual_gap };
        (now >= silence.began_at()).then_some(silence)
    }

    /// Time from which the absence is reported.
    #[must_use]
    pub fn began_at(&self) -> Timestamp {
        self.last_at.plus((self.usual_gap * GAP_MULTIPLIER).max(MIN_EVENT_GAP))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The latest events, newest first, with these gaps in seconds between them.
    fn events(gaps: &[u64]) -> Vec<Timestamp> {
        let mut at = Timestamp::from_millis(1_000_000_000);
        let mut events = vec![at];
        for gap in gaps {
            at = at.minus(Duration::from_secs(*gap));
            events.push(at);
        }
        events
    }

    #[test]
    fn three_times_the_longest_of_the_last_gaps_is_a_silence() {
        let mut gaps = [60; GAP_SAMPLE_COUNT + 1];
        gaps[4] = 500;
        // One that is older than what counts.
        gaps[GAP_SAMPLE_COUNT] = 90_000;
        let events = events(&gaps);
        let after = |seconds: u64| EventGap::detect(&events, events[0].plus(Duration::from_secs(seconds)));
        assert_eq!(after(1_499), None);
        let silence = after(1_500).unwrap();
        assert_eq!((silence.last_at, silence.usual_gap), (events[0], Duration::from_secs(500)));
        assert_eq!(silence.began_at(), events[0].plus(Duration::from_secs(1_500)));
    }

    #[test]
    fn a_short_pause_after_a_burst_is_none_and_few_events_tell_nothing() {
        let burst = events(&[1; GAP_SAMPLE_COUNT]);
        assert_eq!(EventGap::detect(&burst, burst[0].plus(Duration::from_secs(599))), None);
        assert!(EventGap::detect(&burst, burst[0].plus(MIN_EVENT_GAP)).is_some());
        let few = events(&[60; GAP_SAMPLE_COUNT - 1]);
        assert_eq!(EventGap::detect(&few, few[0].plus(Duration::from_secs(86_400 * 30))), None);
        assert_eq!(EventGap::detect(&[], Timestamp::from_millis(0)), None);
    }
}
