//! Health statuses of the console and the rules that assign one to a key, a subscription or a rate limit window.

use super::health::Tally;
use super::reason::Reason;
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

/// Health status with its reason. The reason of a healthy status says what was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement<R = Reason> {
    /// Health status that was assigned.
    pub standing: Standing,
    /// Reason for the status: rule and values, or its wording.
    pub why: R,
}

/// Builds an assessment from a status and a reason.
const fn stands(standing: Standing, why: Reason) -> Judgement {
    Judgement { standing, why }
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
    if let Some(at) = key.revoked_at {
        return stands(Standing::Off, Reason::Revoked { at });
    }
    if key.n_broken > 0 {
        return stands(Standing::Failing, Reason::ServerErrors { n: key.n_broken });
    }
    if key.n_limited > 0 {
        return stands(Standing::Attention, Reason::RateLimited { n: key.n_limited });
    }
    let idle_since = key.last_used_at.unwrap_or(key.created_at);
    let days = now.since(idle_since).as_secs() / 86_400;
    if let Some(limit) = [ABANDONED_DAYS, DORMANT_DAYS].into_iter().find(|limit| days >= *limit) {
        return stands(Standing::Attention, Reason::Dormant { days, limit, is_used: key.last_used_at.is_some() });
    }
    match key.last_used_at {
        Some(_) => stands(Standing::Healthy, Reason::InUse),
        None => stands(Standing::Unknown, Reason::NeverUsed),
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
    let at = facts.disabled_at;
    match facts.disabled {
        Some(Disabled::Breaker) => return stands(Standing::Tripped, Reason::Tripped { at }),
        Some(Disabled::Manual) => {
            let is_intended = facts.is_intended;
            let standing = if is_intended { Standing::Off } else { Standing::Attention };
            return stands(standing, Reason::Disabled { at, is_intended });
        }
        None => {}
    }
    let hour = facts.hour;
    let rate = hour.judged_percent();
    let failures = |limit| Reason::FailuresInARow { n: facts.streak, limit };
    let low = |limit| Reason::LowSuccess { hour, limit };
    if facts.streak >= STREAKS.1 {
        return stands(Standing::Failing, failures(STREAKS.1));
    }
    if rate.is_some_and(|rate| rate < SUCCESS.1) {
        return stands(Standing::Failing, low(SUCCESS.1));
    }
    if facts.streak >= STREAKS.0 {
        return stands(Standing::Attention, failures(STREAKS.0));
    }
    if rate.is_some_and(|rate| rate < SUCCESS.0) {
        return stands(Standing::Attention, low(SUCCESS.0));
    }
    if facts.last_attempt_at.is_none() {
        return stands(Standing::Unknown, Reason::NeverAttempted);
    }
    let few = Reason::TooFewAttempts { hour, streak: facts.streak };
    match rate {
        Some(_) => stands(Standing::Healthy, Reason::Success { hour }),
        None if facts.streak > 0 => stands(Standing::Unknown, few),
        None => stands(Standing::Healthy, few),
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
        let failures = |n, limit| Reason::FailuresInARow { n, limit };
        return match listing.streak {
            Some(n) if n >= STREAKS.1 => stands(Standing::Failing, failures(n, STREAKS.1)),
            Some(n) if n >= STREAKS.0 => stands(Standing::Attention, failures(n, STREAKS.0)),
            Some(n) => stands(Standing::Healthy, Reason::ListedOn { streak: Some(n) }),
            None => stands(Standing::Unknown, Reason::ListedOn { streak: None }),
        };
    }
    let standing = match (listing.reason, listing.went_off) {
        (Some(Disabled::Breaker), _) => Standing::Tripped,
        (Some(Disabled::Manual), _) | (None, None) => Standing::Off,
        (None, Some(_)) => Standing::Failing,
    };
    stands(standing, Reason::ListedOff { by: listing.reason, went_off: listing.went_off })
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
    match (&held.refused, held.used_at) {
        (Some(why), _) => stands(Standing::Failing, Reason::Rejected { why: why.clone() }),
        (None, None) => stands(Standing::Unknown, Reason::NotCalled),
        (None, Some(_)) => stands(Standing::Healthy, Reason::CallsSucceed { n_unknown: held.n_unknown }),
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
        return stands(Standing::Failing, Reason::LimitExceeded { n_refused, used, limit });
    }
    if u64::from(left) * 100 < u64::from(limit) * u64::from(HEADROOM) {
        return stands(Standing::Attention, Reason::LittleHeadroom { left, limit });
    }
    stands(Standing::Healthy, Reason::Headroom { left, limit })
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
            (dormant.standing, dormant.why),
            (Standing::Attention, Reason::Dormant { days: 30, limit: DORMANT_DAYS, is_used: true })
        );
        assert!(matches!(judge_key(&key(97), NOW).why, Reason::Dormant { limit: ABANDONED_DAYS, .. }));
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
