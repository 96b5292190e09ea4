//! Health statuses of the console and the rules that assign one to a key, a subscription or a rate limit window.

use super::disabled_reason::DisabledReason;
use super::reason::Reason;
use super::success_rate::SuccessCounts;
use super::time::Timestamp;
use std::time::Duration;

/// Health status of a subject, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HealthStatus {
    /// The breaker disabled the subscription.
    Tripped,
    /// Calls or deliveries are failing now.
    Failing,
    /// An operator will have to act soon.
    Warning,
    /// Too little is known to assess the subject.
    Unknown,
    /// The subject works as expected.
    Healthy,
    /// Disabled or revoked by hand.
    Off,
}

impl HealthStatus {
    /// All six statuses, worst first.
    pub const ALL: [Self; 6] = [Self::Tripped, Self::Failing, Self::Warning, Self::Unknown, Self::Healthy, Self::Off];

    /// Looks up a status by its code or its name.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.code() == word || standing.name() == word)
    }

    /// Name of the status as one word, in lines and tables for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tripped => "tripped",
            Self::Failing => "failing",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
            Self::Off => "off",
        }
    }

    /// Returns whether an operator needs to act.
    #[must_use]
    pub const fn needs_action(self) -> bool {
        matches!(self, Self::Tripped | Self::Failing | Self::Warning)
    }

    /// Code of the status on the wire and in queries: the console's label in lower case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Tripped => "trp",
            Self::Failing => "err",
            Self::Warning => "wrn",
            Self::Unknown => "unk",
            Self::Healthy => "ok",
            Self::Off => "off",
        }
    }
}

/// Health status with its reason. The reason of a healthy status says what was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthAssessment<R = Reason> {
    /// Health status that was assigned.
    pub status: HealthStatus,
    /// Reason for the status: rule and values, or its wording.
    pub reason: R,
}

/// Builds an assessment from a status and a reason.
const fn assessment(standing: HealthStatus, why: Reason) -> HealthAssessment {
    HealthAssessment { status: standing, reason: why }
}

/// Days without use after which a key is dormant.
pub const DORMANT_DAYS: u64 = 30;
/// Days without use after which revoking a dormant key is suggested.
pub const ABANDONED_DAYS: u64 = 90;
/// Failures in a row from which a subscription needs attention, and from which it is failing.
pub const FAILURES_IN_A_ROW_LIMITS: (u32, u32) = (3, 14);
/// Hourly success rates in percent below which a subscription needs attention, and below which it is failing.
pub const SUCCESS_PERCENT_LIMITS: (u64, u64) = (95, 50);
/// Refused calls of a key in a minute from which on it needs attention if no call succeeds.
pub const MIN_REFUSED_CALLS: u64 = 3;
/// Calls of a key in a minute from which on a third of them refused needs attention.
pub const MIN_CALLS_FOR_SHARE: u64 = 10;
/// Delay above which the oldest due delivery needs attention.
pub const OVERDUE_THRESHOLD: Duration = Duration::from_secs(300);
/// Headroom in percent below which a rate limit window needs attention.
pub const MIN_HEADROOM_PERCENT: u32 = 10;

/// Remaining share of a rate limit in percent; 0 for a limit of zero.
#[must_use]
pub fn headroom_percent(limit: u32, used: u32) -> u64 {
    (u64::from(limit.saturating_sub(used)) * 100).checked_div(u64::from(limit)).unwrap_or(0)
}

/// Facts that determine the health of a key.
#[derive(Debug, Clone, Copy)]
pub struct KeyFacts {
    /// Creation time of the key; `None` if it is not known.
    pub created_at: Option<Timestamp>,
    /// Time of the last authenticated call.
    pub last_used_at: Option<Timestamp>,
    /// Time of revocation; `None` while active.
    pub revoked_at: Option<Timestamp>,
    /// Calls of the last minute rejected by the rate limit.
    pub n_limited: u64,
    /// Calls of the last minute answered with 5xx.
    pub n_server_errors: u64,
    /// Calls of the last minute answered with 4xx other than 429.
    pub n_refused: u64,
    /// All calls of the last minute.
    pub n_calls: u64,
}

/// Assesses the health of a key.
#[must_use]
pub fn assess_key(key: &KeyFacts, now: Timestamp) -> HealthAssessment {
    if let Some(at) = key.revoked_at {
        return assessment(HealthStatus::Off, Reason::Revoked { at });
    }
    if key.n_server_errors > 0 {
        return assessment(HealthStatus::Failing, Reason::ServerErrors { n: key.n_server_errors });
    }
    if key.n_limited > 0 {
        return assessment(HealthStatus::Warning, Reason::RateLimited { n: key.n_limited });
    }
    let (n, of) = (key.n_refused, key.n_calls);
    if n >= MIN_REFUSED_CALLS && (n >= of || of >= MIN_CALLS_FOR_SHARE && n * 3 >= of) {
        return assessment(HealthStatus::Warning, Reason::CallsRefused { n, of });
    }
    let days = key.last_used_at.or(key.created_at).map_or(0, |since| now.since(since).as_secs() / 86_400);
    if let Some(limit) = [ABANDONED_DAYS, DORMANT_DAYS].into_iter().find(|limit| days >= *limit) {
        return assessment(HealthStatus::Warning, Reason::Dormant { days, limit, is_used: key.last_used_at.is_some() });
    }
    match key.last_used_at {
        Some(_) => assessment(HealthStatus::Healthy, Reason::InUse),
        None => assessment(HealthStatus::Unknown, Reason::NeverUsed),
    }
}

/// Facts that determine the health of a subscription.
#[derive(Debug, Clone, Copy)]
pub struct SubscriptionFacts {
    /// Reason for which the subscription is disabled; `None` while enabled.
    pub disabled: Option<DisabledReason>,
    /// Time at which the subscription was disabled.
    pub disabled_at: Option<Timestamp>,
    /// Whether a reason was given for disabling the subscription by hand.
    pub has_reason: bool,
    /// Number of failures in a row.
    pub streak: u32,
    /// Scheduled attempts of the last hour.
    pub hour: SuccessCounts,
    /// Time of the last attempt; `None` if never attempted.
    pub last_attempt_at: Option<Timestamp>,
}

/// Assesses the health of a subscription.
#[must_use]
pub fn assess_subscription(facts: &SubscriptionFacts) -> HealthAssessment {
    let at = facts.disabled_at;
    match facts.disabled {
        Some(DisabledReason::Breaker) => return assessment(HealthStatus::Tripped, Reason::Tripped { at }),
        Some(DisabledReason::Manual) => {
            let is_intended = facts.has_reason;
            let standing = if is_intended { HealthStatus::Off } else { HealthStatus::Warning };
            return assessment(standing, Reason::Disabled { at, is_intended });
        }
        None => {}
    }
    let hour = facts.hour;
    let rate = hour.percent_if_significant();
    let failures = |limit| Reason::FailuresInARow { n: facts.streak, limit };
    let low = |limit| Reason::LowSuccess { hour, limit };
    if facts.streak >= FAILURES_IN_A_ROW_LIMITS.1 {
        return assessment(HealthStatus::Failing, failures(FAILURES_IN_A_ROW_LIMITS.1));
    }
    if rate.is_some_and(|rate| rate < SUCCESS_PERCENT_LIMITS.1) {
        return assessment(HealthStatus::Failing, low(SUCCESS_PERCENT_LIMITS.1));
    }
    if facts.streak >= FAILURES_IN_A_ROW_LIMITS.0 {
        return assessment(HealthStatus::Warning, failures(FAILURES_IN_A_ROW_LIMITS.0));
    }
    if rate.is_some_and(|rate| rate < SUCCESS_PERCENT_LIMITS.0) {
        return assessment(HealthStatus::Warning, low(SUCCESS_PERCENT_LIMITS.0));
    }
    if facts.last_attempt_at.is_none() {
        return assessment(HealthStatus::Unknown, Reason::NeverAttempted);
    }
    let few = Reason::TooFewAttempts { hour, streak: facts.streak };
    match rate {
        Some(_) => assessment(HealthStatus::Healthy, Reason::Success { hour }),
        None if facts.streak > 0 => assessment(HealthStatus::Unknown, few),
        None => assessment(HealthStatus::Healthy, few),
    }
}

/// Facts about a subscription on a platform without a Portal, where only the list of subscriptions is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListingFacts {
    /// Whether the subscription is enabled.
    pub is_enabled: bool,
    /// Reason for which the subscription is disabled, if reported.
    pub reason: Option<DisabledReason>,
    /// Whether an operator gave a reason for disabling the subscription.
    pub has_reason: bool,
    /// Number of failures in a row, if reported.
    pub streak: Option<u32>,
    /// Last time observed enabled and first time observed disabled; `None` if the change was not observed.
    pub disabled_between: Option<(Timestamp, Timestamp)>,
}

/// Assesses the health of a subscription that is known only from a list.
#[must_use]
pub fn assess_listing(listing: &ListingFacts) -> HealthAssessment {
    if listing.is_enabled {
        let failures = |n, limit| Reason::FailuresInARow { n, limit };
        return match listing.streak {
            Some(n) if n >= FAILURES_IN_A_ROW_LIMITS.1 => {
                assessment(HealthStatus::Failing, failures(n, FAILURES_IN_A_ROW_LIMITS.1))
            }
            Some(n) if n >= FAILURES_IN_A_ROW_LIMITS.0 => {
                assessment(HealthStatus::Warning, failures(n, FAILURES_IN_A_ROW_LIMITS.0))
            }
            Some(n) => assessment(HealthStatus::Healthy, Reason::ListedOn { streak: Some(n) }),
            None => assessment(HealthStatus::Unknown, Reason::ListedOn { streak: None }),
        };
    }
    let standing = match (listing.reason, listing.disabled_between) {
        (Some(DisabledReason::Breaker), _) => HealthStatus::Tripped,
        (_, _) if listing.has_reason => HealthStatus::Off,
        (Some(DisabledReason::Manual), _) | (None, None) => HealthStatus::Off,
        (None, Some(_)) => HealthStatus::Failing,
    };
    assessment(standing, Reason::ListedOff { by: listing.reason, went_off: listing.disabled_between })
}

/// Facts about a key that are known only from calls made with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbedKeyFacts {
    /// Reason for which the platform rejects the key, in the platform's words.
    pub refused: Option<String>,
    /// Time of the last successful call made with the key.
    pub used_at: Option<Timestamp>,
    /// Number of scopes not yet known to be granted or missing.
    pub n_unknown: usize,
}

/// Assesses the health of a key that is known only from calls made with it.
#[must_use]
pub fn assess_probed_key(held: &ProbedKeyFacts) -> HealthAssessment {
    match (&held.refused, held.used_at) {
        (Some(why), _) => assessment(HealthStatus::Failing, Reason::Rejected { why: why.clone() }),
        (None, None) => assessment(HealthStatus::Unknown, Reason::NotCalled),
        (None, Some(_)) => assessment(HealthStatus::Healthy, Reason::CallsSucceed { n_unknown: held.n_unknown }),
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
pub fn assess_window(facts: &WindowFacts) -> HealthAssessment {
    let WindowFacts { limit, used, n_refused } = *facts;
    let left = limit.saturating_sub(used);
    if n_refused > 0 {
        return assessment(HealthStatus::Failing, Reason::LimitExceeded { n_refused, used, limit });
    }
    if u64::from(left) * 100 < u64::from(limit) * u64::from(MIN_HEADROOM_PERCENT) {
        return assessment(HealthStatus::Warning, Reason::LittleHeadroom { left, limit });
    }
    assessment(HealthStatus::Healthy, Reason::Headroom { left, limit })
}

/// Forecast of whether a rate limit window will be exhausted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExhaustionForecast {
    /// No forecast: no calls were made, or the window is so young that a burst looks like a pace.
    Unknown,
    /// The window resets before it is exhausted.
    ResetsFirst,
    /// The window is exhausted after this time.
    ExhaustedAfter(Duration),
}

/// Minimum age of a window for a forecast, unless half of the limit is used already.
const MIN_FORECAST_AGE: Duration = Duration::from_secs(5);

/// Forecasts when the first call is rejected if calls continue at the pace of the window so far.
#[must_use]
pub fn forecast_exhaustion(
    facts: &WindowFacts,
    started_at: Timestamp,
    reset_at: Timestamp,
    now: Timestamp,
) -> ExhaustionForecast {
    let gone = now.since(started_at);
    if facts.used == 0 || gone.is_zero() || (gone < MIN_FORECAST_AGE && facts.used * 2 < facts.limit) {
        return ExhaustionForecast::Unknown;
    }
    let left = facts.limit.saturating_sub(facts.used);
    let wait = gone / facts.used * left;
    if now.plus(wait) < reset_at { ExhaustionForecast::ExhaustedAfter(wait) } else { ExhaustionForecast::ResetsFirst }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(100 * 86_400_000);

    fn key(idle_days: u64) -> KeyFacts {
        let last = NOW.minus(Duration::from_secs(idle_days * 86_400));
        KeyFacts {
            created_at: Some(Timestamp::default()),
            last_used_at: Some(last),
            revoked_at: None,
            n_limited: 0,
            n_server_errors: 0,
            n_refused: 0,
            n_calls: 0,
        }
    }

    #[test]
    fn keys_grow_dormant_at_thirty_and_ninety_days() {
        assert_eq!(assess_key(&key(29), NOW).status, HealthStatus::Healthy);
        let dormant = assess_key(&key(30), NOW);
        assert_eq!(
            (dormant.status, dormant.reason),
            (HealthStatus::Warning, Reason::Dormant { days: 30, limit: DORMANT_DAYS, is_used: true })
        );
        assert!(matches!(assess_key(&key(97), NOW).reason, Reason::Dormant { limit: ABANDONED_DAYS, .. }));
        let revoked = KeyFacts { revoked_at: Some(NOW), ..key(97) };
        assert_eq!(assess_key(&revoked, NOW).status, HealthStatus::Off);
        let fresh = KeyFacts { created_at: Some(NOW), last_used_at: None, ..key(0) };
        assert_eq!(assess_key(&fresh, NOW).status, HealthStatus::Unknown);
        assert_eq!(assess_key(&KeyFacts { n_limited: 3, ..key(0) }, NOW).status, HealthStatus::Warning);
        assert_eq!(assess_key(&KeyFacts { n_server_errors: 1, ..key(0) }, NOW).status, HealthStatus::Failing);
        let refused = |n_refused, n_calls| assess_key(&KeyFacts { n_refused, n_calls, ..key(0) }, NOW).status;
        assert_eq!([refused(3, 3), refused(4, 10)], [HealthStatus::Warning; 2], "all of three, or a third of ten");
        assert_eq!([refused(2, 2), refused(3, 9), refused(3, 10)], [HealthStatus::Healthy; 3]);
    }

    fn subscription(streak: u32, n_ok: u64, n_failed: u64) -> SubscriptionFacts {
        let hour = SuccessCounts { n_ok, n_failed };
        SubscriptionFacts {
            disabled: None,
            disabled_at: None,
            has_reason: false,
            streak,
            hour,
            last_attempt_at: Some(NOW),
        }
    }

    #[test]
    fn subscriptions_are_judged_by_streak_and_rate_but_not_by_too_few_attempts() {
        let cases = [
            (subscription(0, 20, 0), HealthStatus::Healthy),
            (subscription(0, 18, 2), HealthStatus::Warning),
            (subscription(0, 9, 11), HealthStatus::Failing),
            (subscription(0, 3, 2), HealthStatus::Healthy),
            (subscription(2, 0, 2), HealthStatus::Unknown),
            (subscription(3, 0, 3), HealthStatus::Warning),
            (subscription(2, 100, 0), HealthStatus::Healthy),
            (subscription(3, 100, 0), HealthStatus::Warning),
            (subscription(14, 100, 0), HealthStatus::Failing),
            (SubscriptionFacts { last_attempt_at: None, ..subscription(0, 0, 0) }, HealthStatus::Unknown),
            (
                SubscriptionFacts { disabled: Some(DisabledReason::Manual), ..subscription(19, 0, 99) },
                HealthStatus::Warning,
            ),
            (
                SubscriptionFacts {
                    disabled: Some(DisabledReason::Manual),
                    has_reason: true,
                    ..subscription(19, 0, 99)
                },
                HealthStatus::Off,
            ),
            (
                SubscriptionFacts { disabled: Some(DisabledReason::Breaker), ..subscription(20, 0, 99) },
                HealthStatus::Tripped,
            ),
        ];
        for (facts, standing) in cases {
            assert_eq!(assess_subscription(&facts).status, standing, "{facts:?}");
        }
    }

    #[test]
    fn windows_warn_below_ten_percent_and_fail_on_a_refusal() {
        let window = |used, n_refused| assess_window(&WindowFacts { limit: 60, used, n_refused }).status;
        assert_eq!([window(0, 0), window(54, 0), window(55, 0), window(60, 2)], {
            [HealthStatus::Healthy, HealthStatus::Healthy, HealthStatus::Warning, HealthStatus::Failing]
        });
    }

    #[test]
    fn the_first_refusal_is_foretold_only_if_it_comes_before_the_reset_and_there_is_a_pace() {
        let start = Timestamp::from_millis(0);
        let reset = start.plus(Duration::from_secs(60));
        let at = |seconds, used| {
            let facts = WindowFacts { limit: 60, used, n_refused: 0 };
            forecast_exhaustion(&facts, start, reset, start.plus(Duration::from_secs(seconds)))
        };
        assert_eq!(at(20, 40), ExhaustionForecast::ExhaustedAfter(Duration::from_secs(10)));
        assert_eq!(at(20, 10), ExhaustionForecast::ResetsFirst);
        assert_eq!(
            [at(20, 0), at(0, 9), at(2, 8)],
            [ExhaustionForecast::Unknown; 3],
            "a few calls at once are no pace"
        );
        assert_eq!(at(2, 30), ExhaustionForecast::ExhaustedAfter(Duration::from_secs(2) / 30 * 30));
    }
}
