//! Limits: which side, which of two, and limits set by the caller.

use super::checks::HEALTH_CHECKS;
use super::{CheckThresholds, HealthCheck, evaluate, run_checks};
use crate::client::connection::{ClientCredential, PlatformClient};
use crate::clock::RuntimeEnv;
use crate::diagnose::checkup::{CheckGrade, ThresholdSide};
use crate::diagnose::health_check::facts::HealthFacts;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::wire::coverage::{CoverageExtent, CoveredNoun, NounCoverage, PlatformCoverage};
use crate::wire::overview::{PipelineCounts, PlatformStatus};
use crate::wire::readable::UnreadableRows;
use std::time::Duration;

fn facts(late: u64) -> HealthFacts {
    let at = Timestamp::from_millis(10_000_000);
    let unknown = || "no answer".to_owned();
    HealthFacts {
        unreadable: UnreadableRows::default(),
        at,
        skew: Duration::from_secs(2),
        platform: Some(PlatformStatus { version: "1".to_owned(), private_targets: false, dispatch_paused: None }),
        conditions: Vec::new(),
        pipeline: PipelineCounts {
            oldest_due_utc: Some(at.minus(Duration::from_secs(late))),
            ..PipelineCounts::default()
        },
        coverage: None,
        ready: Ok(()),
        keys: Err(unknown()),
        subscriptions: Ok(Vec::new()),
        windows: Ok(Vec::new()),
        answers: Ok(Vec::new()),
    }
}

#[test]
fn limits_are_passed_and_not_reached() {
    let probe = HealthCheck::named("due").expect("a probe");
    let grade = |late, limits: &CheckThresholds| evaluate(probe, &facts(late), limits).grade;
    let usual = CheckThresholds::default();
    assert_eq!(
        [300, 301, 900, 901].map(|late| grade(late, &usual)),
        [CheckGrade::Ok, CheckGrade::Warning, CheckGrade::Warning, CheckGrade::Critical]
    );
    let set = CheckThresholds { warn: vec![("due", 5), ("clock", 0)], crit: vec![("due", 6)] };
    assert_eq!([5, 6, 7].map(|late| grade(late, &set)), [CheckGrade::Ok, CheckGrade::Warning, CheckGrade::Critical]);
    let reading = evaluate(probe, &facts(7), &set);
    assert_eq!(reading.performance_data().as_deref(), Some("due=7s;5;6;0"));
}

#[test]
fn what_is_not_known_is_no_pass_and_what_cannot_be_counted_is_no_alarm() {
    let of = |name| evaluate(HealthCheck::named(name).expect("a probe"), &facts(0), &CheckThresholds::default());
    assert_eq!((of("keys").grade, of("keys").said.as_str()), (CheckGrade::Unknown, "no answer"));
    assert_eq!(
        (of("success").grade, of("success").value, of("success").performance_data()),
        (CheckGrade::Ok, None, None)
    );
    assert!(CheckGrade::Critical > CheckGrade::Unknown && CheckGrade::Unknown > CheckGrade::Warning);
}

#[test]
fn that_no_call_was_refused_is_said_of_the_calls_that_are_known() {
    let mut facts = facts(0);
    let said = |facts: &HealthFacts| {
        let probe = HealthCheck::named("limited").expect("a probe");
        evaluate(probe, facts, &CheckThresholds::default()).said
    };
    assert_eq!(said(&facts), "no call got 429 in 1 h");
    for reason in ["calls of crow", "calls of crow, and calls that passed crow relay"] {
        let requests = NounCoverage {
            extent: CoverageExtent::Partial,
            reason: Some(reason.into()),
            ..NounCoverage::full(CoveredNoun::Requests)
        };
        facts.coverage = Some(PlatformCoverage { nouns: vec![requests], source: None });
        assert_eq!(said(&facts), format!("no call got 429 in 1 h among those known: {reason}"));
    }
}

#[test]
fn what_did_not_arrive_is_counted_whoever_it_was_for_and_no_count_is_no_pass() {
    let probe = HealthCheck::named("missed").expect("a probe");
    let of = |n_skipped_24h, n_exhausted_24h| {
        let mut facts = facts(0);
        (facts.pipeline.n_skipped_24h, facts.pipeline.n_exhausted_24h) = (n_skipped_24h, n_exhausted_24h);
        let reading = evaluate(probe, &facts, &CheckThresholds::default());
        (reading.grade, reading.value)
    };
    assert_eq!(of(Some(0), Some(0)), (CheckGrade::Ok, Some(0)));
    assert_eq!(of(Some(240), Some(0)), (CheckGrade::Warning, Some(240)));
    assert_eq!(of(Some(0), Some(1)), (CheckGrade::Warning, Some(1)));
    assert_eq!([of(None, Some(0)), of(Some(0), None)], [(CheckGrade::Unknown, None); 2]);
}

#[test]
fn every_probe_has_a_name_of_its_own_and_limits_in_order() {
    for (position, probe) in HEALTH_CHECKS.iter().enumerate() {
        assert!(HEALTH_CHECKS[..position].iter().all(|other| other.name != probe.name));
        if let (Some(warn), Some(crit)) = (probe.warn, probe.crit) {
            assert_eq!(warn < crit, probe.side == ThresholdSide::Above, "{}", probe.name);
        }
        assert!(probe.warn.or(probe.crit).is_some());
    }
}

#[tokio::test]
async fn a_platform_that_cannot_be_reached_is_critical() {
    let client = PlatformClient::new("http://127.0.0.1:9", ClientCredential::Operator(Secret::new("none".to_owned())))
        .expect("a client");
    let probes: Vec<&HealthCheck> = HEALTH_CHECKS.iter().collect();
    let checkup = run_checks(&client, &RuntimeEnv::real(), &probes, &CheckThresholds::default()).await;
    assert_eq!((checkup.grade, checkup.readings.len()), (CheckGrade::Critical, 1));
    assert!(checkup.readings[0].said.starts_with("cannot reach http://127.0.0.1:9"));
}
