//! Wording of the reasons for health statuses: rule, value, limit and window in one line.

use super::count;
use crate::domain::alert_rule::AlertRule;
use crate::domain::breaker::FAILURE_THRESHOLD;
use crate::domain::disabled_reason::DisabledReason;
use crate::domain::event_gap::{GAP_MULTIPLIER, GAP_SAMPLE_COUNT, MIN_EVENT_GAP};
use crate::domain::event_poll::PollStall;
use crate::domain::health_status::{
    ABANDONED_DAYS, FAILURES_IN_A_ROW_LIMITS, HealthAssessment, MIN_CALLS_FOR_SHARE, MIN_HEADROOM_PERCENT,
    MIN_REFUSED_CALLS,
};
use crate::domain::reason::Reason;
use crate::domain::success_rate::{MIN_RATE_SAMPLES, SuccessCounts};
use crate::domain::time::Timestamp;
use std::time::Duration;

/// Puts the reason of an assessment into words.
#[must_use]
pub fn worded(judgement: &HealthAssessment) -> HealthAssessment<String> {
    HealthAssessment { status: judgement.status, reason: why(&judgement.reason) }
}

/// Way to the playbooks that explain an alert, as the console words it.
pub const PLAYBOOK_HINT: &str = "; P finds out why";

/// Command with the same result, for a notification, whose reader may have no console open.
pub const COMMAND_HINT: &str = "; crow diagnose finds out why";

/// Puts the reason of an assessment into words, with the way to the playbooks if there is something to explain.
#[must_use]
pub fn worded_with_hint(judgement: &HealthAssessment) -> HealthAssessment<String> {
    let rule = AlertRule::of(&judgement.reason);
    let hint = if rule.is_some_and(AlertRule::is_fault) { PLAYBOOK_HINT } else { "" };
    HealthAssessment { status: judgement.status, reason: format!("{}{hint}", why(&judgement.reason)) }
}

/// Words a reason in one line.
#[must_use]
pub fn why(reason: &Reason) -> String {
    match reason {
        Reason::Revoked { at } => format!("revoked {}", at.format("%Y-%m-%d %H:%M UTC")),
        Reason::ServerErrors { n } => format!("{} got 5xx in the last minute (limit 0)", count(*n, "call")),
        Reason::RateLimited { n } => format!("{} got 429 in the last minute (limit 0)", count(*n, "call")),
        Reason::CallsRefused { n, of } => {
            let limit = format!("all of {MIN_REFUSED_CALLS}, or a third of {MIN_CALLS_FOR_SHARE}");
            format!("{n} of {} rejected with 4xx in the last minute (limit {limit})", count(*of, "call"))
        }
        Reason::RevokedKeyUsed { n, within } => {
            format!("revoked and still in use: {} in {} min", refused(*n), minutes(*within))
        }
        Reason::CallersRefused { n, within } => {
            format!("{} without a valid key in {} min", refused(*n), minutes(*within))
        }
        Reason::Dormant { days, limit, is_used } => {
            let age = if *is_used {
                format!("unused for {days} days")
            } else {
                format!("never used, created {days} days ago")
            };
            let advice = if *limit >= ABANDONED_DAYS { ": consider revoking it" } else { "" };
            format!("{age} (limit {limit}){advice}")
        }
        Reason::InUse => "in use; no 429 or 5xx in the last minute".to_owned(),
        Reason::NeverUsed => "never used".to_owned(),
        Reason::Tripped { at } => format!("breaker tripped: {FAILURE_THRESHOLD} failures in a row{}", off_since(*at)),
        Reason::Disabled { at, is_intended: true } => format!("disabled by hand with a reason{}", off_since(*at)),
        Reason::Disabled { at, is_intended: false } => format!("disabled by hand, no reason given{}", off_since(*at)),
        Reason::FailuresInARow { n, limit } => {
            format!("{} in a row (limit {limit}); trips at {FAILURE_THRESHOLD}", count(*n, "failure"))
        }
        Reason::LowSuccess { hour, limit } => format!("{} (limit {limit} %)", attempts(*hour)),
        Reason::NeverAttempted => "no delivery attempted yet".to_owned(),
        Reason::Success { hour } => attempts(*hour),
        Reason::TooFewAttempts { hour, streak } => format!(
            "{} in a row; {} of {} succeeded in 1 h (a rate needs {MIN_RATE_SAMPLES})",
            count(*streak, "failure"),
            hour.n_ok,
            hour.total()
        ),
        Reason::ListedOn { streak: Some(n) } => {
            format!("enabled; {} in a row (limit {})", count(*n, "failure"), FAILURES_IN_A_ROW_LIMITS.0)
        }
        Reason::ListedOn { streak: None } => {
            "enabled; a key cannot see delivery results; a test or crow listen shows some".to_owned()
        }
        Reason::ListedOff { by, went_off } => listed_off(*by, *went_off),
        Reason::Rejected { why } => format!("rejected by the platform: {why}"),
        Reason::NotCalled => "crow has made no successful call with this key yet".to_owned(),
        Reason::CallsSucceed { n_unknown: 0 } => "crow's calls succeed; calls by others are not visible".to_owned(),
        Reason::CallsSucceed { n_unknown } => {
            format!("crow's calls succeed; {} not checked yet", count(*n_unknown as u64, "scope"))
        }
        Reason::LimitExceeded { n_refused, used, limit } => {
            format!("{} got 429 this minute; {used} of {limit} used", count(*n_refused, "call"))
        }
        Reason::LittleHeadroom { left, limit } => {
            format!("{left} of {limit} calls left this minute (limit {MIN_HEADROOM_PERCENT} %)")
        }
        Reason::Headroom { left, limit } => format!("{left} of {limit} calls left this minute"),
        Reason::WindowNotSeen => "no response seen in this window; calls left unknown".to_owned(),
        Reason::PollerStuck { fault, n, n_others } => poller_stuck(*fault, *n, *n_others),
        Reason::EventsMissing { since_last, usual_gap } => {
            let limit = (*usual_gap * GAP_MULTIPLIER).max(MIN_EVENT_GAP);
            format!(
                "no events for {} min (limit {} min); the longest of the last {GAP_SAMPLE_COUNT} gaps was {} min",
                minutes(*since_last),
                minutes(limit),
                minutes(*usual_gap)
            )
        }
        Reason::Overdue { late, limit } => {
            format!("oldest due delivery is {} s late (limit {} s)", late.as_secs(), limit.as_secs())
        }
        Reason::ClockSkew { by, limit } => format!(
            "clocks of the platform and this machine differ by {} s (limit {} s)",
            by.as_secs(),
            limit.as_secs()
        ),
    }
}

fn poller_stuck(fault: PollStall, n: u64, n_others: u64) -> String {
    let what = match fault {
        PollStall::SamePage => "read the same page, although more events follow".to_owned(),
        PollStall::InvalidCursor => "sent an invalid cursor".to_owned(),
        PollStall::PastWindow(until) => {
            format!("asked only for events before {}; newer ones exist", until.format("%Y-%m-%d %H:%M UTC"))
        }
        PollStall::FutureWindow => "asked only for events after a future time; events exist now".to_owned(),
    };
    let others = match n_others {
        0 => String::new(),
        1 => "; so does 1 more system with this key".to_owned(),
        n => format!("; so do {n} more systems with this key"),
    };
    format!("{n} polls in a row {what} (limit {}){others}", fault.limit())
}

/// Refused calls, with the number from which on they are worth an alert.
fn refused(n: u64) -> String {
    format!("{} got 401 (limit {MIN_REFUSED_CALLS})", count(n, "call"))
}

fn off_since(at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| format!("; off since {}", at.format("%H:%M:%S UTC")))
}

fn attempts(hour: SuccessCounts) -> String {
    format!("{} of {} attempts succeeded in 1 h", hour.n_ok, hour.total())
}

fn listed_off(by: Option<DisabledReason>, went_off: Option<(Timestamp, Timestamp)>) -> String {
    let when = went_off.map_or_else(
        || "off since before crow first saw it".to_owned(),
        |(after, before)| {
            format!("disabled between {} and {} UTC", after.format("%H:%M:%S"), before.format("%H:%M:%S"))
        },
    );
    match by {
        Some(DisabledReason::Breaker) => format!("breaker tripped; {when}"),
        Some(DisabledReason::Manual) => format!("disabled by hand; {when}"),
        None => format!("{when}; cause unknown (breaker or by hand)"),
    }
}

const fn minutes(duration: Duration) -> u64 {
    duration.as_secs() / 60
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_names_value_limit_and_window() {
        let at = Some(Timestamp::from_millis(0));
        let hour = SuccessCounts { n_ok: 32, n_failed: 8 };
        let cases = [
            (
                Reason::Dormant { days: 97, limit: 90, is_used: true },
                "unused for 97 days (limit 90): consider revoking it",
            ),
            (Reason::Dormant { days: 30, limit: 30, is_used: false }, "never used, created 30 days ago (limit 30)"),
            (Reason::ServerErrors { n: 1 }, "1 call got 5xx in the last minute (limit 0)"),
            (Reason::Tripped { at }, "breaker tripped: 20 failures in a row; off since 00:00:00 UTC"),
            (Reason::Disabled { at: None, is_intended: false }, "disabled by hand, no reason given"),
            (Reason::LowSuccess { hour, limit: 95 }, "32 of 40 attempts succeeded in 1 h (limit 95 %)"),
            (
                Reason::TooFewAttempts { hour: SuccessCounts { n_ok: 0, n_failed: 8 }, streak: 8 },
                "8 failures in a row; 0 of 8 succeeded in 1 h (a rate needs 20)",
            ),
            (
                Reason::PollerStuck { fault: PollStall::SamePage, n: 9, n_others: 0 },
                "9 polls in a row read the same page, although more events follow (limit 5)",
            ),
            (
                Reason::PollerStuck { fault: PollStall::InvalidCursor, n: 3, n_others: 1 },
                "3 polls in a row sent an invalid cursor (limit 3); so does 1 more system with this key",
            ),
            (
                Reason::EventsMissing { since_last: Duration::from_secs(1_500), usual_gap: Duration::from_secs(480) },
                "no events for 25 min (limit 24 min); the longest of the last 20 gaps was 8 min",
            ),
        ];
        for (reason, text) in cases {
            assert_eq!(why(&reason), text);
        }
    }
}
