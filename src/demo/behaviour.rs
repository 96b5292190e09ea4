//! Receiver behaviours: status and latency of the answer to a correctly signed request. Pure functions of time and
//! random numbers.

use crate::demo::schedule::interpolate;
use crate::domain::delivery::UnitRandom;
use crate::domain::time::Timestamp;
use std::time::Duration;

/// Behaviour of a simulated receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiverBehaviour {
    /// Answers 200 within 80 ms.
    Prompt,
    /// Answers 503 to about one request in six.
    Flaky,
    /// Answers after 1.2 to 3 s; one answer in 120 exceeds the platform's timeout.
    Slow,
    /// Answers 200 for [`HEALTHY_PERIOD`] after its first request, then 500 until repaired.
    Failing,
}

/// Time for which a failing receiver answers 200 at first.
pub const HEALTHY_PERIOD: Duration = Duration::from_secs(20);
/// Maximum number of refusals in a row of a flaky receiver.
pub const MAX_REFUSALS_IN_A_ROW: u32 = 3;
/// Delay that exceeds the platform's timeout of 10 s.
const OVERLONG_DELAY: Duration = Duration::from_secs(11);

/// Answer of a simulated receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiverReply {
    /// Delay before the answer is sent.
    pub after: Duration,
    /// HTTP status of the answer.
    pub status: u16,
    /// JSON body of the answer.
    pub body: &'static str,
}

/// Behaviour of a receiver with the state that it depends on.
#[derive(Debug, Clone, Copy)]
pub struct BehaviourState {
    behaviour: ReceiverBehaviour,
    first_at: Option<Timestamp>,
    repaired_at: Option<Timestamp>,
    n_refused_in_a_row: u32,
}

const fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl BehaviourState {
    /// State of a receiver before its first request.
    #[must_use]
    pub const fn new(temper: ReceiverBehaviour) -> Self {
        Self { behaviour: temper, first_at: None, repaired_at: None, n_refused_in_a_row: 0 }
    }

    /// Repairs the receiver, for good.
    pub fn repair(&mut self, now: Timestamp) {
        self.repaired_at = self.repaired_at.or(Some(now));
    }

    /// Decides the answer to a request at `now`; `luck` selects the outcome and `time` the delay.
    pub fn reply(&mut self, now: Timestamp, luck: UnitRandom, time: UnitRandom) -> ReceiverReply {
        let first_at = *self.first_at.get_or_insert(now);
        let accepted = |low, high| ReceiverReply {
            after: interpolate(millis(low), millis(high), time),
            status: 200,
            body: r#"{"received":true}"#,
        };
        match self.behaviour {
            ReceiverBehaviour::Prompt => accepted(20, 80),
            ReceiverBehaviour::Flaky if luck.0 < 1.0 / 6.0 && self.n_refused_in_a_row < MAX_REFUSALS_IN_A_ROW => {
                self.n_refused_in_a_row += 1;
                let body = r#"{"error":"upstream restarting, try again"}"#;
                ReceiverReply { after: interpolate(millis(10), millis(40), time), status: 503, body }
            }
            ReceiverBehaviour::Flaky => {
                self.n_refused_in_a_row = 0;
                accepted(30, 140)
            }
            ReceiverBehaviour::Slow if luck.0 < 1.0 / 120.0 => {
                ReceiverReply { after: OVERLONG_DELAY, ..accepted(0, 0) }
            }
            ReceiverBehaviour::Slow => accepted(1_200, 3_000),
            ReceiverBehaviour::Failing if self.repaired_at.is_none() && now.since(first_at) >= HEALTHY_PERIOD => {
                let body = r#"{"error":"could not open connection to database erp_prod"}"#;
                ReceiverReply { after: interpolate(millis(15), millis(60), time), status: 500, body }
            }
            ReceiverBehaviour::Failing => accepted(25, 90),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);
    const UNLUCKY: UnitRandom = UnitRandom(0.0);
    const LUCKY: UnitRandom = UnitRandom(0.99);

    #[test]
    fn a_failing_receiver_is_well_at_first_and_again_once_mended() {
        let mut mood = BehaviourState::new(ReceiverBehaviour::Failing);
        let status_after =
            |mood: &mut BehaviourState, after: u64| mood.reply(NOW.plus(millis(after)), LUCKY, LUCKY).status;
        assert_eq!(status_after(&mut mood, 0), 200);
        assert_eq!(status_after(&mut mood, 19_999), 200);
        assert_eq!(status_after(&mut mood, 20_000), 500);
        assert_eq!(status_after(&mut mood, 3_600_000), 500);
        mood.repair(NOW);
        assert_eq!(status_after(&mut mood, 3_600_001), 200);
    }

    #[test]
    fn even_the_worst_luck_never_lets_a_flaky_receiver_blow_its_fuse() {
        let mut mood = BehaviourState::new(ReceiverBehaviour::Flaky);
        let statuses: Vec<u16> = (0..8).map(|_| mood.reply(NOW, UNLUCKY, LUCKY).status).collect();
        assert_eq!(statuses, [503, 503, 503, 200, 503, 503, 503, 200]);
        assert_eq!(mood.reply(NOW, UnitRandom(0.17), LUCKY).status, 200);
    }

    #[test]
    fn a_slow_receiver_takes_seconds_and_rarely_too_many() {
        let mut mood = BehaviourState::new(ReceiverBehaviour::Slow);
        let mut after = |luck, time| mood.reply(NOW, luck, time).after;
        assert_eq!(after(LUCKY, UnitRandom(0.0)), millis(1_200));
        assert!(after(LUCKY, LUCKY) < crate::domain::delivery::ATTEMPT_TIMEOUT);
        assert!(after(UNLUCKY, LUCKY) > crate::domain::delivery::ATTEMPT_TIMEOUT);
    }

    #[test]
    fn a_prompt_receiver_answers_within_80_ms() {
        let mut mood = BehaviourState::new(ReceiverBehaviour::Prompt);
        for roll in [UnitRandom(0.0), LUCKY] {
            let reply = mood.reply(NOW, UNLUCKY, roll);
            assert_eq!(reply.status, 200);
            assert!((millis(20)..=millis(80)).contains(&reply.after));
        }
    }
}
