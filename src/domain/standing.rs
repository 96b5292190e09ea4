//! Health statuses of the console and the rules that assign one to a key, a subscription or a rate limit window.

use super::breaker::FUSE;
use super::health::{ENOUGH, Tally};
use super::time::Timestamp;
use std::time::Duration;

/// Health status of a subject, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// The breaker disabled the subscription.
    Tripped,
    /// Calls or deliveries are failing now.
    Failing,
    /// An operator will have to act soon.
    Attention,
    /// Too little is known to assess the subject.
    Unknown,
    /// The subject works as expected.
    Healthy,
    /// Disabled or revoked by hand.
    Off,
}

impl Standing {
    /// All six statuses, worst first.
    pub const ALL: [Self; 6] = [Self::Tripped, Self::Failing, Self::Attention, Self::Unknown, Self::Healthy, Self::Off];

    /// Looks up a status by its code.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.word() == word)
    }

    /// Returns whether an operator needs to act.
    #[must_use]
    pub const fn is_alarming(self) -> bool {
        matches!(self, Self::Tripped | Self::Failing | Self::Attention)
    }

    /// Code of the status on the wire and in queries: the console's label in lower case.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tripped => "trp",
            Self::Failing => "err",
            Self::Attention => "wrn",
            Self::Unknown => "unk",
            Self::Healthy => "ok",
            Self::Off => "off",
        }
    }
}

/// Health status with its reason in one line: rule, value, limit and window. A healthy status says what was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Health status that was assigned.
    pub standing: Standing,
    /// Reason for the status, in one line.
    pub why: String,
}

/// Builds an assessment from a status and a reason.
fn stands(standing: Standing, why: impl Into<String>) -> Judgement {
    Judgement { standing, why: why.into() }
}

/// Days without use after which a key is dormant.
pub const DORMANT_DAYS: u64 = 30;
/// Days without use after which revoking a dormant key is suggested.
pub const ABANDONED_DAYS: u64 = 90;
/// Failures in a row from which a subscription needs attention, and from which it is failing.
pub const STREAKS: (u32, u32) = (10, 14);
/// Hourly success rates in percent below which a subscription needs attention, and below which it is failing.
pub const SUCCESS: (u64, u64) = (95, 50);
/// Headroom in percent below which a rate limit window needs attention.
pub const HEADROOM: u32 = 10;

/// Remaining share of a rate limit in percent; 0 for a limit of zero.
#[must_use]
pub fn headroom(limit: u32, used: u32) -> u64 {
    (u64::from(limit.saturating_sub(used)) * 100).checked_div(u64::from(limit)).unwrap_or(0)
}

/// Facts that determine the health of a key.
#[derive(Debug, Clone, Copy)]
pub struct KeyFacts {
    /// Creation time of the key.
    pub created_at: Timestamp,
    /// Time of the last authenticated call.
    pub last_used_at: Option<Timestamp>,
    /// Time of revocation; `None` while active.
    pub revoked_at: Option<Timestamp>,
    /// Calls of the last minute rejected by the rate limit.
    pub n_limited: u64,
    /// Calls of the last minute answered with 5xx.
    pub n_broken: u64,
}

/// Assesses the health of a key.
#[must_use]
pub fn judge_key(key: &KeyFacts, now: Timestamp) -> Judgement {
    if let Some(revoked) = key.revoked_at {
        return stands(Standing::Off, format!("revoked {}", revoked.format("%Y-%m-%d %H:%M UTC")));
    }
    if key.n_broken > 0 {
        return stands(Standing::Failing, format!("{} calls answered 5xx in the last minute (limit 0)", key.n_broken));
    }
    if key.n_limited > 0 {
        return stands(
            Standing::Attention,
            format!("{} calls answered 429 in the last minute (limit 0)", key.n_limited),
        );
    }
    let idle_since = key.last_used_at.unwrap_or(key.created_at);
    let days = now.since(idle_since).as_secs() / 86_400;
    let what = if key.last_used_at.is_some() { "not used" } else { "never used, created" };
    if days >= ABANDONED_DAYS {
        return stands(
            Standing::Attention,
            format!("dormant: {what} for {days} d (limit {ABANDONED_DAYS} d): revoke it?"),
        );
    }
    if days >= DORMANT_DAYS {
        return stands(Standing::Attention, format!("dormant: {what} for {days} d (limit {DORMANT_DAYS} d)"));
    }
    match key.last_used_at {
        Some(_) => stands(Standing::Healthy, "in use, no 429 or 5xx in the last minute"),
        None => stands(Standing::Unknown, "never used since it was created"),
    }
}

/// Reason for which a subscription is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disabled {
    /// Disabled by an operator or partner.
    Manual,
    /// Disabled by the breaker after repeated failures.
    Breaker,
}

impl Disabled {
    /// Both reasons for a disabled subscription.
    pub const ALL: [Self; 2] = [Self::Manual, Self::Breaker];

    /// Name of the reason on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Breaker => "circuit_breaker",
        }
    }

    /// Looks up a reason by its wire name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// Facts that determine the health of a subscription.
#[derive(Debug, Clone, Copy)]
pub struct SubscriptionFacts {
    /// Reason for which the subscription is disabled; `None` while enabled.
    pub disabled: Option<Disabled>,
    /// Time at which the subscription was disabled.
    pub disabled_at: Option<Timestamp>,
    /// Whether a reason was given for disabling the subscription by hand.
    pub is_intended: bool,
    /// Number of failures in a row.
    pub streak: u32,
    /// Scheduled attempts of the last hour.
    pub hour: Tally,
    /// Time of the last attempt; `None` if never attempted.
    pub last_attempt_at: Option<Timestamp>,
}

/// Assesses the health of a subscription.
#[must_use]
pub fn judge_subscription(facts: &SubscriptionFacts) -> Judgement {
    let since = facts.disabled_at.map_or_else(String::new, |at| format!(" since {}", at.format("%H:%M:%S UTC")));
    match facts.disabled {
        Some(Disabled::Breaker) => {
            return stands(Standing::Tripped, format!("breaker tripped, {FUSE} of {FUSE} failures; off{since}"));
        }
        Some(Disabled::Manual) if facts.is_intended => {
            return stands(Standing::Off, format!("off by hand{since}, as intended"));
        }
        Some(Disabled::Manual) => {
            return stands(Standing::Attention, format!("off by hand{since}, and nobody said why"));
        }
        None => {}
    }
    let Tally { n_ok, .. } = facts.hour;
    let total = facts.hour.total();
    let rate = facts.hour.judged_percent();
    if facts.streak >= STREAKS.1 {
        return stands(
            Standing::Failing,
            format!("{} consecutive failures (limit {}); trips at {FUSE}", facts.streak, STREAKS.1),
        );
    }
    if rate.is_some_and(|rate| rate < SUCCESS.1) {
        return stands(Standing::Failing, format!("success {n_ok} of {total} in 1 h (limit {} %)", SUCCESS.1));
    }
    if facts.streak >= STREAKS.0 {
        return stands(
            Standing::Attention,
            format!("{} consecutive failures (limit {}); trips at {FUSE}", facts.streak, STREAKS.0),
        );
    }
    if rate.is_some_and(|rate| rate < SUCCESS.0) {
        return stands(Standing::Attention, format!("success {n_ok} of {total} in 1 h (limit {} %)", SUCCESS.0));
    }
    if facts.last_attempt_at.is_none() {
        return stands(Standing::Unknown, "no delivery was attempted yet");
    }
    match rate {
        Some(_) => stands(Standing::Healthy, format!("success {n_ok} of {total} in 1 h")),
        None if facts.streak > 0 => {
            let few = format!(
                "{n_ok} of {total} in 1 h, too few to judge ({ENOUGH}); {} in a row",
                if facts.streak == 1 { "1 failure".to_owned() } else { format!("{} failures", facts.streak) }
            );
            stands(Standing::Unknown, few)
        }
        None => {
            let few = format!("the latest arrived; {n_ok} of {total} in 1 h, too few to judge ({ENOUGH})");
            stands(Standing::Healthy, few)
        }
    }
}

/// Facts about a subscription on a platform without a Portal, where only the list of subscriptions is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listing {
    /// Whether the subscription is enabled.
    pub is_enabled: bool,
    /// Reason for which the subscription is disabled, if reported.
    pub reason: Option<Disabled>,
    /// Number of failures in a row, if reported.
    pub streak: Option<u32>,
    /// Last time observed enabled and first time observed disabled; `None` if the change was not observed.
    pub went_off: Option<(Timestamp, Timestamp)>,
}

/// Assesses the health of a subscription that is known only from a list.
#[must_use]
pub fn judge_listed(listing: &Listing) -> Judgement {
    if listing.is_enabled {
        return match listing.streak {
            Some(n) if n >= STREAKS.1 => {
                stands(Standing::Failing, format!("{n} consecutive failures (limit {}); trips at {FUSE}", STREAKS.1))
            }
            Some(n) if n >= STREAKS.0 => {
                stands(Standing::Attention, format!("{n} consecutive failures (limit {}); trips at {FUSE}", STREAKS.0))
            }
            Some(n) => stands(Standing::Healthy, format!("enabled, {n} consecutive failures (limit {})", STREAKS.0)),
            None => stands(
                Standing::Unknown,
                "enabled; whether deliveries arrive is not told: send a test, or use crow listen",
            ),
        };
    }
    let when = listing.went_off.map_or_else(
        || "off since before it was first seen".to_owned(),
        |(after, before)| {
            format!("went off between {} and {} UTC", after.format("%H:%M:%S"), before.format("%H:%M:%S"))
        },
    );
    match (listing.reason, listing.went_off) {
        (Some(Disabled::Breaker), _) => stands(Standing::Tripped, format!("breaker tripped; {when}")),
        (Some(Disabled::Manual), _) => stands(Standing::Off, format!("disabled by hand; {when}")),
        (None, Some(_)) => stands(Standing::Failing, format!("{when}; breaker or by hand is not told")),
        (None, None) => stands(Standing::Off, format!("{when}; breaker or by hand is not told")),
    }
}

/// Facts about a key that are known only from calls made with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Reason for which the platform rejects the key, in the platform's words.
    pub refused: Option<String>,
    /// Time of the last successful call made with the key.
    pub used_at: Option<Timestamp>,
    /// Number of scopes not yet known to be granted or missing.
    pub n_unknown: usize,
}

/// Assesses the health of a key that is known only from calls made with it.
#[must_use]
pub fn judge_held(held: &Held) -> Judgement {
    match (&held.refused, held.used_at, held.n_unknown) {
        (Some(why), ..) => stands(Standing::Failing, format!("the platform does not take it: {why}")),
        (None, None, _) => stands(Standing::Unknown, "no call of ours with it was answered yet"),
        (None, Some(_), 0) => stands(Standing::Healthy, "our calls with it are answered; who else uses it is not told"),
        (None, Some(_), n) => {
            stands(Standing::Healthy, format!("our calls with it are answered; {n} scopes are not yet asked after"))
        }
    }
}

/// Facts that determine the health of a rate limit window.
#[derive(Debug, Clone, Copy)]
pub struct WindowFacts {
    /// Limit in calls per minute.
    pub limit: u32,
    /// Number of calls admitted in the window.
    pub used: u32,
    /// Number of calls rejected in the window.
    pub n_refused: u64,
}

/// Assesses the health of a rate limit window.
#[must_use]
pub fn judge_window(facts: &WindowFacts) -> Judgement {
    let WindowFacts { limit, used, n_refused } = *facts;
    let left = limit.saturating_sub(used);
    if n_refused > 0 {
        return stands(
            Standing::Failing,
            format!("{n_refused} calls answered 429 in this window; {used} of {limit} used"),
        );
    }
    if u64::from(left) * 100 < u64::from(limit) * u64::from(HEADROOM) {
        return stands(
            Standing::Attention,
            format!("{left} of {limit} calls left in this window (limit {HEADROOM} %)"),
        );
    }
    stands(Standing::Healthy, format!("{left} of {limit} calls left in this window"))
}

/// Forecast of whether a rate limit window will be exhausted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forecast {
    /// No forecast: no calls were made, or the window is so young that a burst looks like a pace.
    Unknown,
    /// The window resets before it is exhausted.
    ResetsFirst,
    /// The window is exhausted after this time.
    EmptyAfter(Duration),
}

/// Minimum age of a window for a forecast, unless half of the limit is used already.
const PACE_AFTER: Duration = Duration::from_secs(5);

/// Forecasts when the first call is rejected if calls continue at the pace of the window so far.
#[must_use]
pub fn foretell(facts: &WindowFacts, started_at: Timestamp, reset_at: Timestamp, now: Timestamp) -> Forecast {
    let gone = now.since(started_at);
    if facts.used == 0 || gone.is_zero() || (gone < PACE_AFTER && facts.used * 2 < facts.limit) {
        return Forecast::Unknown;
    }
    let left = facts.limit.saturating_sub(facts.used);
    let wait = gone / facts.used * left;
    if now.plus(wait) < reset_at { Forecast::EmptyAfter(wait) } else { Forecast::ResetsFirst }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(100 * 86_400_000);

    fn key(idle_days: u64) -> KeyFacts {
        let last = NOW.minus(Duration::from_secs(idle_days * 86_400));
        KeyFacts {
            created_at: Timestamp::default(),
            last_used_at: Some(last),
            revoked_at: None,
            n_limited: 0,
            n_broken: 0,
        }
    }

    #[test]
    fn keys_grow_dormant_at_thirty_and_ninety_days() {
        assert_eq!(judge_key(&key(29), NOW).standing, Standing::Healthy);
        let dormant = judge_key(&key(30), NOW);
        assert_eq!(
            (dormant.standing, dormant.why.as_str()),
            (Standing::Attention, "dormant: not used for 30 d (limit 30 d)")
        );
        assert!(judge_key(&key(97), NOW).why.contains("limit 90 d"));
        let revoked = KeyFacts { revoked_at: Some(NOW), ..key(97) };
        assert_eq!(judge_key(&revoked, NOW).standing, Standing::Off);
        let fresh = KeyFacts { created_at: NOW, last_used_at: None, ..key(0) };
        assert_eq!(judge_key(&fresh, NOW).standing, Standing::Unknown);
        assert_eq!(judge_key(&KeyFacts { n_limited: 3, ..key(0) }, NOW).standing, Standing::Attention);
        assert_eq!(judge_key(&KeyFacts { n_broken: 1, ..key(0) }, NOW).standing, Standing::Failing);
    }

    fn subscription(streak: u32, n_ok: u64, n_failed: u64) -> SubscriptionFacts {
        let hour = Tally { n_ok, n_failed };
        SubscriptionFacts {
            disabled: None,
            disabled_at: None,
            is_intended: false,
            streak,
            hour,
            last_attempt_at: Some(NOW),
        }
    }

    #[test]
    fn subscriptions_are_judged_by_streak_and_rate_but_not_by_too_few_attempts() {
        let cases = [
            (subscription(0, 20, 0), Standing::Healthy),
            (subscription(0, 18, 2), Standing::Attention),
            (subscription(0, 9, 11), Standing::Failing),
            (subscription(0, 3, 2), Standing::Healthy),
            (subscription(3, 0, 3), Standing::Unknown),
            (subscription(9, 100, 0), Standing::Healthy),
            (subscription(10, 100, 0), Standing::Attention),
            (subscription(14, 100, 0), Standing::Failing),
            (SubscriptionFacts { last_attempt_at: None, ..subscription(0, 0, 0) }, Standing::Unknown),
            (SubscriptionFacts { disabled: Some(Disabled::Manual), ..subscription(19, 0, 99) }, Standing::Attention),
            (
                SubscriptionFacts { disabled: Some(Disabled::Manual), is_intended: true, ..subscription(19, 0, 99) },
                Standing::Off,
            ),
            (SubscriptionFacts { disabled: Some(Disabled::Breaker), ..subscription(20, 0, 99) }, Standing::Tripped),
        ];
        for (facts, standing) in cases {
            assert_eq!(judge_subscription(&facts).standing, standing, "{facts:?}");
        }
    }

    #[test]
    fn windows_warn_below_ten_percent_and_fail_on_a_refusal() {
        let window = |used, n_refused| judge_window(&WindowFacts { limit: 60, used, n_refused }).standing;
        assert_eq!([window(0, 0), window(54, 0), window(55, 0), window(60, 2)], {
            [Standing::Healthy, Standing::Healthy, Standing::Attention, Standing::Failing]
        });
    }

    #[test]
    fn the_first_refusal_is_foretold_only_if_it_comes_before_the_reset_and_there_is_a_pace() {
        let start = Timestamp::from_millis(0);
        let reset = start.plus(Duration::from_secs(60));
        let at = |seconds, used| {
            let facts = WindowFacts { limit: 60, used, n_refused: 0 };
            foretell(&facts, start, reset, start.plus(Duration::from_secs(seconds)))
        };
        assert_eq!(at(20, 40), Forecast::EmptyAfter(Duration::from_secs(10)));
        assert_eq!(at(20, 10), Forecast::ResetsFirst);
        assert_eq!([at(20, 0), at(0, 9), at(2, 8)], [Forecast::Unknown; 3], "a few calls at once are no pace");
        assert_eq!(at(2, 30), Forecast::EmptyAfter(Duration::from_secs(2) / 30 * 30));
    }
}
