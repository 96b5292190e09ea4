//! Playbook for the breaker: whether it tripped or is close to it, why, whether the endpoint works again, what was
//! missed, and whether enabling is safe.

use super::deliveries::{endpoint_findings, off_findings, off_since, subscriptions, works_again};
use super::webhooks_not_arriving::no_subscription;
use crate::diagnose::endpoint_findings::subscription_name;
use crate::diagnose::evidence_set::{CallerVisibility, EvidenceSet, known_health};
use crate::diagnose::playbook::{CheckResult, Playbook, PlaybookCheck};
use crate::diagnose::playbook_topic::PlaybookTopic;
use crate::diagnose::report::{CheckVerdict, Evidence};
use crate::domain::breaker::FAILURE_THRESHOLD;
use crate::domain::delivery::AttemptKind;
use crate::domain::disabled_reason::DisabledReason;
use crate::text::or_unknown;
use crate::wire::coverage::CoveredNoun;
use crate::wire::subscriptions::SubscriptionRow;

/// Checks, in order: state, failures, endpoint now, missed events, safety of enabling.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::Breaker,
    checks: &[
        PlaybookCheck {
            id: "breaker-state",
            text: "Are the subscriptions enabled, with fewer than 5 failures in a row?",
            check: state,
        },
        PlaybookCheck { id: "failure-cause", text: "Do the endpoints return 2xx?", check: failures },
        PlaybookCheck {
            id: "endpoint-now",
            text: "Do the endpoints of disabled subscriptions work?",
            check: endpoint_now,
        },
        PlaybookCheck {
            id: "missed-events",
            text: "Did no subscription that is off miss an event?",
            check: missed_events,
        },
        PlaybookCheck {
            id: "safe-to-enable",
            text: "Is it safe to enable the disabled subscriptions?",
            check: safe_to_enable,
        },
    ],
};

/// Failures in a row from which on a breaker counts as close to tripping: a quarter of the threshold.
const NEAR_TRIP_FAILURES: u32 = 5;
/// Maximum number of subscriptions that a check names.
const MAX_NAMED: usize = 16;

fn state(set: &EvidenceSet) -> CheckResult {
    if let Some(unknown) = no_subscription(set) {
        return unknown;
    }
    let (findings, remarks) = off_findings(set);
    let near: Vec<&SubscriptionRow> = subscriptions(set)
        .iter()
        .filter(|row| row.subscription.is_enabled && row.failures_in_a_row() >= NEAR_TRIP_FAILURES)
        .collect();
    let most = subscriptions(set).iter().map(SubscriptionRow::failures_in_a_row).max().unwrap_or(0);
    let limit = format!("below {NEAR_TRIP_FAILURES}; trips at {FAILURE_THRESHOLD}");
    let n_off = off(set).len().to_string();
    let mut evidence = vec![
        set.subscriptions.evidence("subscriptions that are off", n_off, Some("0")),
        set.subscriptions.evidence("most failures in a row", most.to_string(), Some(&limit)),
    ];
    for row in near.iter().take(MAX_NAMED) {
        let left = FAILURE_THRESHOLD.saturating_sub(row.failures_in_a_row());
        let what = format!("{}: more failures in a row until the breaker trips", subscription_name(row));
        evidence.push(set.subscriptions.evidence(&what, left.to_string(), None));
    }
    let result = CheckResult::from_findings(findings, evidence);
    let verdict = if near.is_empty() { result.verdict } else { CheckVerdict::Fail };
    CheckResult { verdict, ..result }.with_remarks(remarks)
}

fn failures(set: &EvidenceSet) -> CheckResult {
    if let Some(unknown) = no_subscription(set) {
        return unknown;
    }
    match endpoint_findings(set) {
        Ok(_) if set.visibility == CallerVisibility::KeyOnly => {
            CheckResult::unknown(set.why_partial(CoveredNoun::Attempts))
        }
        Ok(findings) => {
            let n_failed: u64 = subscriptions(set).iter().map(|row| known_health(row).last_1h.n_failed).sum();
            let n_succeeded: u64 = subscriptions(set).iter().map(|row| known_health(row).last_1h.n_succeeded).sum();
            if findings.is_empty() && subscriptions(set).iter().all(|row| row.subscription.last_attempt_utc.is_none()) {
                return CheckResult::unknown("nothing was sent to these endpoints yet");
            }
            let value = format!("{n_failed} of {}", n_failed + n_succeeded);
            let evidence = vec![set.subscriptions.evidence("failed attempts in 1 h", value, None)];
            CheckResult::from_findings(findings, evidence)
        }
        Err(why) => CheckResult::unknown(why),
    }
}

/// Subscriptions that are off, as far as their endpoint matters.
fn off(set: &EvidenceSet) -> Vec<&SubscriptionRow> {
    subscriptions(set).iter().filter(|row| !row.subscription.is_enabled).collect()
}

fn latest_attempt(set: &EvidenceSet, row: &SubscriptionRow) -> Option<Evidence> {
    let (of, off) = (set.endpoint(row.subscription.id)?, off_since(set, row)?);
    let rows = [&of.successes, &of.failures];
    let newest = rows.iter().flat_map(|rows| EvidenceSet::rows(rows)).max_by_key(|row| (row.started_utc, row.id))?;
    if newest.started_utc <= off {
        return None;
    }
    let value = format!(
        "attempt {} ({}) at {}: {}",
        newest.id,
        or_unknown(newest.kind.map(AttemptKind::name)),
        newest.started_utc,
        newest.outcome()
    );
    Some(of.failures.evidence(&format!("{}: latest attempt", subscription_name(row)), value, Some("2xx")))
}

fn endpoint_now(set: &EvidenceSet) -> CheckResult {
    if let Some(unknown) = no_subscription(set) {
        return unknown;
    }
    let off = off(set);
    if off.is_empty() {
        return CheckResult::skipped("no subscription is off");
    }
    if let Some(why) = off.iter().find_map(|row| set.endpoint(row.subscription.id)?.failures.result().err()) {
        return CheckResult::unknown(why);
    }
    let evidence: Vec<Evidence> = off.iter().take(MAX_NAMED).filter_map(|row| latest_attempt(set, row)).collect();
    let works: Vec<Option<bool>> = off.iter().map(|row| works_again(set, row)).collect();
    let verdict = if works.contains(&Some(false)) {
        CheckVerdict::Fail
    } else if works.contains(&None) {
        let what = match set.visibility {
            CallerVisibility::Full => "nothing was sent to some of them",
            CallerVisibility::KeyOnly => "no delivery to some of them is known",
        };
        CheckVerdict::Unknown(format!("{what} since they went off; send a test"))
    } else {
        CheckVerdict::Pass
    };
    CheckResult { evidence, ..CheckResult::of(verdict) }
}

fn missed_events(set: &EvidenceSet) -> CheckResult {
    if let Some(unknown) = no_subscription(set) {
        return unknown;
    }
    let off = off(set);
    if off.is_empty() {
        return CheckResult::skipped("no subscription is off");
    }
    if set.visibility == CallerVisibility::KeyOnly {
        return CheckResult::unknown(set.why_partial(CoveredNoun::Health));
    }
    let n: u64 = off.iter().map(|row| known_health(row).n_missed_or_held().unwrap_or(0)).sum();
    let evidence = off.iter().take(MAX_NAMED).map(|row| {
        let health = known_health(row);
        let value = format!("{} missed, {} on hold", or_unknown(health.n_skipped), or_unknown(health.n_parked));
        set.subscriptions.evidence(&format!("{}: events", subscription_name(row)), value, Some("0"))
    });
    let verdict = if n == 0 { CheckVerdict::Pass } else { CheckVerdict::Fail };
    CheckResult { evidence: evidence.collect(), ..CheckResult::of(verdict) }
}

fn safe_to_enable(set: &EvidenceSet) -> CheckResult {
    if let Some(unknown) = no_subscription(set) {
        return unknown;
    }
    let is_tripped = |row: &&SubscriptionRow| row.subscription.disabled_reason == Some(DisabledReason::Breaker);
    if off(set).iter().filter(|row| is_tripped(row)).count() == 0 {
        return CheckResult::skipped("no breaker has tripped");
    }
    let now = endpoint_now(set);
    let verdict = match now.verdict {
        CheckVerdict::Unknown(why) | CheckVerdict::Skipped(why) => {
            CheckVerdict::Unknown(format!("endpoint state unknown: {why}"))
        }
        known => known,
    };
    CheckResult::of(verdict)
}
