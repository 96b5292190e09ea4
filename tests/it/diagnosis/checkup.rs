//! What `crow check` says of each scenario: the grade, the probes that are not content, and the words.

use crate::support::platform::Platform;
use crow::diagnose::checkup::{CheckGrade, HealthCheckReport};
use crow::diagnose::health_check::checks::{HEALTH_CHECKS, HealthCheck};
use crow::diagnose::health_check::{CheckThresholds, run_checks};
use std::process::Command;

/// Expected result of a check; `None` where the platform cannot see a fault.
type Said = Option<(CheckGrade, &'static str, &'static str)>;

/// Expected result for a scenario; scenarios with a common prefix share one.
fn expected(scenario: &str) -> Said {
    let refused = |words| Some((CheckGrade::Warning, "refused", words));
    let failing = Some((CheckGrade::Warning, "streak", "in a row; trips at 20"));
    match scenario {
        // Nothing is wrong, or the events are not subscribed to.
        "healthy" | "quiet-company" | "type-not-subscribed" | "events-not-happened" => None,
        "events-filtered" => {
            Some((CheckGrade::Warning, "pollers", "3 polls in a row asked only for events before 2020"))
        }
        "key-revoked" => refused("401 revoked_key"),
        "key-truncated" | "key-spaces" => refused("401 malformed_key"),
        "key-wrong-company" | "key-unknown" => refused("401 unknown_key"),
        "key-wrong-header" => refused("401 missing_key"),
        "scope-missing" | "events-no-scope" => refused("403 insufficient_scope"),
        "other-company" => refused("403 other_company"),
        "managed-zapier" => refused("403 managed_subscription"),
        "endpoint-private" => refused("400 validation_failed"),
        "sub-disabled" => Some((CheckGrade::Warning, "missed", "missed while a subscription was off")),
        "breaker-tripped" | "breaker-fixed" => Some((CheckGrade::Critical, "tripped", "breaker tripped")),
        "channel-gap" => Some((CheckGrade::Warning, "missed", "3 missed while a subscription was off")),
        "bulk-contended" => Some((CheckGrade::Warning, "contended", "503 contended")),
        "lost-secret" => failing,
        other if other.starts_with("endpoint-") || other.starts_with("sig-") => failing,
        other if other.starts_with("rate-") => Some((CheckGrade::Warning, "limited", "429 rate_limited")),
        other => panic!("no expected result of crow check for {other}"),
    }
}

/// The checkup of a platform by its own clock.
pub(super) async fn asked(platform: &Platform) -> HealthCheckReport {
    let probes: Vec<&HealthCheck> = HEALTH_CHECKS.iter().collect();
    run_checks(&platform.operator(), &platform.ambient, &probes, &CheckThresholds::default()).await
}

/// Returns the difference between a checkup and the expected one, if any.
pub(super) fn faults(scenario: &str, checkup: &HealthCheckReport) -> Option<String> {
    let alarming: Vec<_> = checkup.readings.iter().filter(|reading| reading.grade != CheckGrade::Ok).collect();
    let is_right = match expected(scenario) {
        None => checkup.grade == CheckGrade::Ok,
        Some((grade, name, words)) => {
            let is_said = alarming.iter().any(|reading| reading.name == name && reading.said.contains(words));
            // A caller that is refused for calling too much has used up the window; a subscription that is off misses events.
            let follows = |other: &str| match name {
                "limited" => other == "headroom",
                "tripped" => other == "missed",
                _ => false,
            };
            let is_alone = alarming.iter().all(|reading| reading.name == name || follows(&reading.name));
            checkup.grade == grade && is_said && is_alone
        }
    };
    (!is_right).then(|| format!("{scenario}: crow check says {:?}: {alarming:?}", checkup.grade))
}

#[test]
fn crow_check_answers_a_monitor_on_one_line_in_every_scenario() {
    let ask = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_crow")).arg("check").args(arguments).output().expect("the binary runs");
        (output.status.code(), String::from_utf8(output.stdout).expect("text"))
    };
    let (code, said) = ask(&["--no-such"]);
    assert_eq!(code, Some(3), "2 would be trouble of the platform: {said}");
    assert!(said.starts_with("CROW UNKNOWN - ") && said.lines().count() == 1, "{said}");
    let remote = ["--url", "http://127.0.0.1:9", "--token-file", "/none"];
    assert_eq!(ask(&remote).0, Some(3));
    let dir = tempfile::tempdir().expect("a directory");
    let token = dir.path().join("token");
    std::fs::write(&token, "wlop_0123456789").expect("written");
    let (code, said) = ask(&["--url", "http://127.0.0.1:9", "--token-file", &token.to_string_lossy()]);
    assert_eq!(code, Some(2));
    assert!(said.starts_with("CROW CRITICAL - platform: cannot reach http://127.0.0.1:9"), "{said}");
    let (code, said) = ask(&[["--list"].as_slice(), &remote].concat());
    assert_eq!((code, said.lines().count()), (Some(0), HEALTH_CHECKS.len()));
    assert_eq!(ask(&["--warn", "nobody=1"]).0, Some(3));
}
