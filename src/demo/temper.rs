//! Receiver behaviours: status and latency of the answer to a correctly signed request. Pure functions of time and
//! random numbers.

use crate::demo::plan::between;
use crate::domain::delivery::UnitRandom;
use crate::domain::time::Timestamp;
use std::time::Duration;

/// Behaviour of a simulated receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Temper {
    /// Answers 200 within 80 ms.
    Prompt,
    /// Answers 503 to about one request in six.
    Flaky,
    /// Answers after 1.2 to 3 s; one answer in 120 exceeds the platform's timeout.
    Slow,
    /// Answers 200 for [`WELL`] after its first request, then 500 until repaired.
    Failing,
}

/// Time for which a failing receiver answers 200 at first.
pub const WELL: Duration = Duration::from_secs(20);
/// Maximum number of refusals in a row of a flaky receiver.
pub const MOST_IN_A_ROW: u32 = 3;
/// Delay that exceeds the platform's timeout of 10 s.
const TOO_LONG: Duration = Duration::from_secs(11);

/// Answer of a simulated receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// Delay before the answer is sent.
    pub after: Duration,
    /// HTTP status of the answer.
    pub status: u16,
    /// JSON body of the answer.
    pub body: &'static str,
}

/// Behaviour of a receiver with the state that it depends on.
#[derive(Debug, Clone, Copy)]
pub struct Mood {
    temper: Temper,
    first_at: Option<Timestamp>,
    mended_at: Option<Timestamp>,
    n_refused_in_a_row: u32,
}

const fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl Mood {
    /// State of a receiver before its first request.
    #[must_use]
    pub const fn new(temper: Temper) -> Self {
        Self { temper, first_at: None, mended_at: None, n_refused_in_a_row: 0 }
    }

    /// Repairs the receiver, for good.
    pub fn mend(&mut self, now: Timestamp) {
        self.mended_at = self.mended_at.or(Some(now));
    }

    /// Decides the answer to a request at `now`; `luck` selects the outcome and `time` the delay.
    pub fn reply(&mut self, now: Timestamp, luck: UnitRandom, time: UnitRandom) -> Reply {
        let first_at = *self.first_at.get_or_insert(now);
        let accepted = |low, high| Reply {
            after: between(millis(low), millis(high), time),
            status: 200,
            body: r#"{"received":true}"#,
        };
        match self.temper {
            Temper::Prompt => accepted(20, 80),
            Temper::Flaky if luck.0 < 1.0 / 6.0 && self.n_refused_in_a_row < MOST_IN_A_ROW => {
                self.n_refused_in_a_row += 1;
                let body = r#"{"error":"upstream restarting, try again"}"#;
                Reply { after: between(millis(10), millis(40), time), status: 503, body }
            }
            Temper::Flaky => {
                self.n_refused_in_a_row = 0;
                accepted(30, 140)
            }
            Temper::Slow if luck.0 < 1.0 / 120.0 => Reply { after: TOO_LONG, ..accepted(0, 0) },
            Temper::Slow => accepted(1_200, 3_000),
            Temper::Failing if self.mended_at.is_none() && now.since(first_at) >= WELL => {
                let body = r#"{"error":"could not open connection to database erp_prod"}"#;
                Reply { after: between(millis(15), millis(60), time), status: 500, body }
            }
            Temper::Failing => accepted(25, 90),
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
        let mut mood = Mood::new(Temper::Failing);
        let status_after = |mood: &mut Mood, after: u64| mood.reply(NOW.plus(millis(after)), LUCKY, LUCKY).status;
        assert_eq!(status_after(&mut mood, 0), 200);
        assert_eq!(status_after(&mut mood, 19_999), 200);
        assert_eq!(status_after(&mut mood, 20_000), 500);
        assert_eq!(status_after(&mut mood, 3_600_000), 500);
        mood.mend(NOW);
        assert_eq!(status_after(&mut mood, 3_600_001), 200);
    }

    #[test]
    fn even_the_worst_luck_never_lets_a_flaky_receiver_blow_its_fuse() {
        let mut mood = Mood::new(Temper::Flaky);
        let statuses: Vec<u16> = (0..8).map(|_| mood.reply(NOW, UNLUCKY, LUCKY).status).collect();
        assert_eq!(statuses, [503, 503, 503, 200, 503, 503, 503, 200]);
        assert_eq!(mood.reply(NOW, UnitRandom(0.17), LUCKY).status, 200);
    }

    #[test]
    fn a_slow_receiver_takes_seconds_and_rarely_too_many() {
        let mut mood = Mood::new(Temper::Slow);
        let mut after = |luck, time| mood.reply(NOW, luck, time).after;
        assert_eq!(after(LUCKY, UnitRandom(0.0)), millis(1_200));
        assert!(after(LUCKY, LUCKY) < crate::domain::delivery::ATTEMPT_TIMEOUT);
        assert!(after(UNLUCKY, LUCKY) > crate::domain::delivery::ATTEMPT_TIMEOUT);
    }

    #[test]
    fn a_prompt_receiver_answers_within_80_ms() {
        let mut mood = Mood::new(Temper::Prompt);
        for roll in [UnitRandom(0.0), LUCKY] {
            let reply = mood.reply(NOW, UNLUCKY, roll);
            assert_eq!(reply.status, 200);
            assert!((millis(20)..=millis(80)).contains(&reply.after));
        }
    }
}
