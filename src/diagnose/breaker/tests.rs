//! The breaker's playbook over pictures made by hand.

use super::*;
use crate::diagnose::evidence_set::CallerVisibility;
use crate::domain::delivery::AttemptKind;
use crate::domain::disabled_reason::DisabledReason;
use crate::domain::ids::{AttemptId, CompanyId, TripId};
use crate::domain::time::Timestamp;
use crate::wire::attempts::AttemptRow;
use crate::wire::subscriptions::{DeliveryHealth, Subscription, SubscriptionRow};
use crate::wire::trips::{CauseCount, TripRow};

const ID: SubscriptionId = SubscriptionId(7);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + seconds * 1_000)
}

fn attempt(id: i64, seconds: i64, kind: AttemptKind, word: &str) -> AttemptRow {
    let status_code = word.parse().ok();
    AttemptRow {
        id: AttemptId(id),
        started_utc: at(seconds),
        company_id: Some(CompanyId(92)),
        subscription_id: Some(ID),
        target_url: Some("https://hooks.example/orders".into()),
        delivery_id: None,
        event_id: None,
        event_type: "invoice.created".into(),
        kind: Some(kind),
        number: Some(1),
        of: Some(11),
        elapsed_ms: 40,
        status_code,
        cause: status_code.is_none().then(|| word.into()),
        error: None,
    }
}

fn row(streak: u32, disabled: Option<DisabledReason>) -> SubscriptionRow {
    let subscription = Subscription {
        event_types: vec!["invoice.created".into()],
        is_enabled: disabled.is_none(),
        consecutive_failures: Some(streak),
        disabled_reason: disabled,
        disabled_utc: disabled.map(|_| at(100)),
        ..Subscription::new(ID, CompanyId(92), "https://hooks.example/orders".into(), at(0))
    };
    SubscriptionRow {
        subscription,
        disabled_after_utc: None,
        health: Some(DeliveryHealth::default()),
        disabled_note: None,
    }
}

fn known(row: SubscriptionRow, attempts: Vec<AttemptRow>) -> evidence::BreakerEvidence {
    evidence::BreakerEvidence {
        at: at(200),
        visibility: CallerVisibility::Full,
        row: Ok(row),
        attempts: Ok(attempts),
        trip: Ok(None),
    }
}

fn trip(causes: &[(&str, u32)]) -> TripRow {
    let count = |(cause, n): &(&str, u32)| CauseCount { cause: (*cause).into(), n: *n };
    TripRow {
        id: TripId(1),
        subscription_id: ID,
        company_id: CompanyId(92),
        target_url: "https://hooks.example/orders".into(),
        tripped_utc: at(100),
        causes: Some(causes.iter().map(count).collect()),
        enabled_utc: None,
        enabled_by: None,
        n_missed: Some(3),
    }
}

fn verdicts(report: &DiagnosisReport) -> Vec<&'static str> {
    report.steps.iter().map(|step| step.verdict.name()).collect()
}

fn causes(report: &DiagnosisReport) -> Vec<&str> {
    report.causes.iter().map(|cause| cause.id.as_str()).collect()
}

fn streak(n: i64, word: &str) -> Vec<AttemptRow> {
    (0..n).map(|n| attempt(n, n, AttemptKind::Scheduled, word)).collect()
}

#[test]
fn a_healthy_subscription_has_no_cause() {
    let report = check_breaker(ID, &known(row(1, None), streak(1, "200")));
    assert_eq!(verdicts(&report), ["pass", "pass", "skipped", "skipped", "skipped"]);
    assert_eq!(causes(&report), [""; 0]);
}

#[test]
fn nothing_sent_yet_is_unknown_and_not_a_pass() {
    let report = check_breaker(ID, &known(row(0, None), Vec::new()));
    assert_eq!(verdicts(&report)[1], "unknown");
    assert_eq!(causes(&report), [""; 0]);
}

#[test]
fn a_filling_fuse_is_explained_by_the_failures_since_the_last_success() {
    let mut attempts =
        vec![attempt(100, -10, AttemptKind::Scheduled, "timeout"), attempt(101, -5, AttemptKind::Scheduled, "200")];
    attempts.extend(streak(6, "401"));
    let report = check_breaker(ID, &known(row(6, None), attempts));
    assert_eq!(verdicts(&report), ["fail", "fail", "fail", "skipped", "skipped"]);
    assert_eq!(causes(&report), ["endpoint-rejects-signature"]);
    assert!(report.causes[0].title.contains("401 ×6"), "{}", report.causes[0].title);
}

#[test]
fn two_faults_at_once_are_both_found_the_more_frequent_first() {
    let mut attempts = streak(6, "timeout");
    attempts.push(attempt(50, 50, AttemptKind::Scheduled, "500"));
    let report = check_breaker(ID, &known(row(7, None), attempts));
    assert_eq!(causes(&report), ["endpoint-slow", "endpoint-500"]);
}

#[test]
fn a_tripped_breaker_without_an_attempt_since_is_not_known_to_be_safe() {
    let mut tripped = row(20, Some(DisabledReason::Breaker));
    tripped.health.as_mut().expect("its health").n_skipped = 3;
    let mut known = known(tripped, streak(20, "500"));
    known.trip = Ok(Some(trip(&[("500", 18), ("refused", 2)])));
    let report = check_breaker(ID, &known);
    assert_eq!(verdicts(&report), ["fail", "fail", "unknown", "fail", "unknown"]);
    assert!(report.steps[2].verdict.why().is_some_and(|why| why.contains("send a test")));
    assert_eq!(causes(&report), ["breaker-tripped", "endpoint-500", "endpoint-refused"]);
}

#[test]
fn a_test_that_succeeds_after_the_trip_makes_enabling_safe() {
    let mut attempts = streak(20, "500");
    attempts.push(attempt(60, 130, AttemptKind::Test, "200"));
    let report = check_breaker(ID, &known(row(20, Some(DisabledReason::Breaker)), attempts));
    assert_eq!(verdicts(&report), ["fail", "fail", "pass", "pass", "pass"]);
    assert_eq!(causes(&report), ["breaker-fixed", "endpoint-500"]);
}

#[test]
fn a_test_that_fails_after_an_earlier_one_succeeded_counts() {
    let mut attempts = streak(20, "500");
    attempts.push(attempt(60, 130, AttemptKind::Test, "200"));
    attempts.push(attempt(61, 140, AttemptKind::Test, "500"));
    let report = check_breaker(ID, &known(row(20, Some(DisabledReason::Breaker)), attempts));
    assert_eq!(verdicts(&report), ["fail", "fail", "fail", "pass", "fail"]);
    assert_eq!(causes(&report), ["breaker-tripped", "endpoint-500"]);
}

#[test]
fn a_success_before_the_trip_says_nothing_about_now() {
    let mut attempts = streak(20, "500");
    attempts.push(attempt(60, 99, AttemptKind::Test, "200"));
    let report = check_breaker(ID, &known(row(20, Some(DisabledReason::Breaker)), attempts));
    assert_eq!(verdicts(&report)[2], "unknown");
}

#[test]
fn an_earlier_trip_that_is_over_does_not_explain_a_later_one() {
    let mut known = known(row(20, Some(DisabledReason::Breaker)), streak(20, "timeout"));
    known.trip = Ok(Some(TripRow { enabled_utc: Some(at(20)), ..trip(&[("500", 20)]) }));
    assert_eq!(causes(&check_breaker(ID, &known)), ["breaker-tripped", "endpoint-slow"]);
}

#[test]
fn one_switched_off_by_hand_is_named_as_such() {
    let report = check_breaker(ID, &known(row(0, Some(DisabledReason::Manual)), streak(2, "200")));
    assert_eq!(verdicts(&report), ["fail", "skipped", "unknown", "pass", "unknown"]);
    assert_eq!(causes(&report), ["sub-disabled"]);
}

#[test]
fn what_could_not_be_read_is_unknown_with_the_reason() {
    let mut half = known(row(20, Some(DisabledReason::Breaker)), Vec::new());
    half.attempts = Err("no answer".to_owned());
    let report = check_breaker(ID, &half);
    assert_eq!(verdicts(&report), ["fail", "unknown", "unknown", "pass", "unknown"]);
    assert_eq!(causes(&report), ["breaker-tripped"]);
    let none = evidence::BreakerEvidence { row: Err("no answer".to_owned()), ..half };
    let report = check_breaker(ID, &none);
    assert_eq!(verdicts(&report), ["unknown"; 5]);
    assert!(report.steps.iter().all(|step| step.verdict.why().is_some_and(|why| why.contains("no answer"))));
    assert_eq!(report.conclusion(), crate::diagnose::report::DiagnosisConclusion::NotRun);
}

#[test]
fn trouble_of_the_platform_itself_is_held_against_nobody() {
    let mut attempts = streak(6, "500");
    attempts.push(attempt(60, 60, AttemptKind::Scheduled, "local"));
    let report = check_breaker(ID, &known(row(6, None), attempts));
    assert_eq!(causes(&report), ["endpoint-500"]);
}
