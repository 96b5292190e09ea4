//! Playbook for faults of the platform itself: errors of its own, paused or late deliveries, full storage, its clock.

use super::calls::{
    CallCount, GoodCalls, call_evidence, code, counted_result, join_groups, n_calls, newest, refused, remark,
    route_text,
};
use crate::diagnose::call_count::{call_count, of_class, of_status};
use crate::diagnose::cause_subject::CauseSubject;
use crate::diagnose::clocks::{ClockVerdict, clock_finding, judge_clocks};
use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::evidence_set::{CallGroup, EvidenceSet};
use crate::diagnose::finding::{CauseFinding, ExplainedUnit, Occurrence};
use crate::diagnose::playbook::{CheckResult, Playbook, PlaybookCheck};
use crate::diagnose::playbook_topic::PlaybookTopic;
use crate::diagnose::report::CheckVerdict;
use crate::domain::cause::{CauseKind, CauseState};
use crate::text::number;
use crate::wire::requests::RequestRow;
use std::time::Duration;

/// Checks, in order: errors, dispatch, storage, clock.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::Platform,
    checks: &[
        PlaybookCheck {
            id: "own-errors",
            text: "Does the platform answer without errors of its own (5xx except contention)?",
            check: own_errors,
        },
        PlaybookCheck { id: "dispatching", text: "Does the platform send deliveries in time?", check: dispatching },
        PlaybookCheck { id: "storage", text: "Does the platform have free disk space?", check: storage },
        PlaybookCheck { id: "own-clock", text: "Is the platform's clock correct?", check: clock },
    ],
};

/// Delay of the oldest due delivery after which dispatch counts as late.
const LATE: Duration = Duration::from_secs(300);

/// Returns whether a call was answered 5xx by a fault of the platform: contention and full storage have causes of their
/// own.
fn is_own_error(row: &RequestRow) -> bool {
    row.is_server_error() && !matches!(code(row), "contended" | "storage_full") && !row.has_status(501)
}

/// Checks whether the platform answers without errors of its own.
pub(super) fn own_errors(set: &EvidenceSet) -> CheckResult {
    if let Err(why) = set.refused.result() {
        return CheckResult::unknown(why);
    }
    let groups = refused(set, is_own_error);
    let by_route = join_groups(groups.iter().copied(), |group| route_text(&group.newest));
    let mut by_state = std::collections::BTreeMap::<CauseState, Vec<(String, Vec<&CallGroup>, Occurrence)>>::new();
    for (route, groups) in by_route {
        let occurrence = super::calls::occurrence(set, &groups, GoodCalls::SameRoute);
        by_state.entry(occurrence.state).or_default().push((route, groups, occurrence));
    }
    let findings = by_state.into_values().map(|routes| error_finding(set, &routes)).collect();
    let what = "calls answered 5xx by a fault of the platform";
    counted_result(set, CallCount::new(what, &groups, of_class("5xx")), findings)
}

fn error_finding(set: &EvidenceSet, routes: &[(String, Vec<&CallGroup>, Occurrence)]) -> CauseFinding {
    let groups: Vec<&CallGroup> = routes.iter().flat_map(|(_, groups, _)| groups.iter().copied()).collect();
    let parts = || routes.iter().map(|(.., of)| of);
    let occurrence = Occurrence {
        n: n_calls(&groups),
        of: None,
        unit: ExplainedUnit::Calls,
        is_at_least: set.refused.is_incomplete,
        first: parts().filter_map(|of| of.first).min(),
        last: parts().filter_map(|of| of.last).max(),
        n_good_since: parts().filter_map(|of| of.n_good_since).reduce(|a, b| a + b),
        state: parts().map(|of| of.state).min().unwrap_or(CauseState::Unknown),
    };
    let named: Vec<String> =
        routes.iter().take(3).map(|(route, groups, _)| format!("{route} \u{d7}{}", n_calls(groups))).collect();
    let more = routes.len().saturating_sub(named.len());
    let more = if more > 0 { format!(" and {more} more routes") } else { String::new() };
    let mut finding = CauseFinding::new(CauseKind::PlatformErrors, CauseSubject::Platform, "platform", occurrence);
    finding.said = newest(&groups).and_then(|row| row.detail.clone());
    finding.detail(format!("{}{more}", named.join(", "))).evidence(call_evidence(set, &groups))
}

/// Checks whether the platform sends deliveries.
pub(super) fn dispatching(set: &EvidenceSet) -> CheckResult {
    let overview = match set.overview.result() {
        Ok(overview) => overview,
        Err(why) => return CheckResult::unknown(why),
    };
    if matches!(set.scope.subject, DiagnosisSubject::Key(_)) {
        return CheckResult::skipped("deliveries do not depend on a key");
    }
    let late = overview.pipeline.oldest_due_utc.map(|due| set.at.since(due)).unwrap_or_default();
    let paused = overview.platform.as_ref().and_then(|status| status.dispatch_paused.as_ref());
    let said = paused.map_or_else(|| "not paused".to_owned(), Clone::clone);
    let evidence = vec![
        set.overview.evidence("dispatch", said, Some("not paused")),
        set.overview.evidence("oldest due delivery is late by", format!("{} s", late.as_secs()), Some("at most 300 s")),
    ];
    let waiting = overview.pipeline.n_pending;
    let occurrence = Occurrence::lasting(waiting.unwrap_or(0), ExplainedUnit::Events, overview.pipeline.oldest_due_utc);
    let subject = CauseSubject::Platform;
    let finding = match paused {
        Some(why) => {
            let mut finding = CauseFinding::new(CauseKind::DispatchPaused, subject, "platform", occurrence);
            finding.said = Some(why.as_str().into());
            Some(finding.detail(crate::domain::text::Untrusted::new(why.as_str()).sanitized()))
        }
        None if late > LATE => {
            let finding = CauseFinding::new(CauseKind::DispatchLate, subject, "platform", occurrence);
            Some(finding.detail(format!("the oldest by {} s", number(late.as_secs()))))
        }
        None => None,
    };
    CheckResult::from_findings(finding.map(|of| of.evidence(evidence.clone())).into_iter().collect(), evidence)
}

/// Words by which a platform that is not ready says that it has no room.
const NO_ROOM: [&str; 4] = ["disk", "storage", "full", "space"];

/// Checks whether the platform has room to write.
pub(super) fn storage(set: &EvidenceSet) -> CheckResult {
    if let Err(why) = set.overview.result() {
        return CheckResult::unknown(why);
    }
    let groups = refused(set, |row| row.has_status(507) || code(row) == "storage_full");
    let mut evidence = vec![call_count(set, &set.refused, "calls answered 507", &groups, of_status(507))];
    evidence[0].limit = groups.is_empty().then(|| "0".to_owned());
    // A platform whose dispatch is paused says that it is not ready, which is no lack of room.
    let is_paused = set
        .overview
        .found
        .as_ref()
        .is_ok_and(|overview| overview.platform.as_ref().is_some_and(|status| status.dispatch_paused.is_some()));
    let readiness = set.readiness.found.as_ref().err().filter(|why| !(is_paused && why.contains("dispatch")));
    let ready = readiness.map_or_else(|| "yes".to_owned(), Clone::clone);
    evidence.push(set.readiness.evidence("ready", ready, Some("yes")));
    let mut findings = Vec::new();
    let lacks_room = |why: &&String| NO_ROOM.iter().any(|word| why.to_lowercase().contains(word));
    if !groups.is_empty() || readiness.filter(lacks_room).is_some() {
        let occurrence = if groups.is_empty() {
            Occurrence::lasting(0, ExplainedUnit::Calls, None)
        } else {
            super::calls::occurrence(set, &groups, GoodCalls::SameRoute)
        };
        let state = if readiness.is_some() { CauseState::Now } else { occurrence.state };
        let occurrence = Occurrence { state, ..occurrence };
        let mut finding = CauseFinding::new(CauseKind::StorageFull, CauseSubject::Platform, "platform", occurrence);
        finding.said = newest(&groups).and_then(|row| row.detail.clone());
        findings.push(finding.evidence([evidence.clone(), call_evidence(set, &groups)].concat()));
    } else if let Some(why) = readiness {
        let occurrence = Occurrence::lasting(0, ExplainedUnit::Calls, None);
        let finding = CauseFinding::new(CauseKind::PlatformErrors, CauseSubject::Platform, "platform", occurrence);
        let why = crate::domain::text::Untrusted::new(why.as_str()).sanitized();
        findings.push(finding.detail(format!("it is not ready: {why}")).evidence(evidence.clone()));
    }
    CheckResult::from_findings(findings, evidence)
}

/// Checks whether the platform's clock is correct.
pub(super) fn clock(set: &EvidenceSet) -> CheckResult {
    let Some(ahead) = set.clock_ahead_ms else {
        return CheckResult::unknown(set.overview.result().err().unwrap_or_else(|| "not asked".to_owned()));
    };
    let evidence = set.overview.evidence(
        "platform's clock ahead of this machine's",
        format!("{:+} s", ahead / 1_000),
        Some("\u{b1} 30 s"),
    );
    let result = CheckResult::from_findings(clock_finding(set).into_iter().collect(), vec![evidence.clone()]);
    let result = match result.verdict {
        CheckVerdict::Unknown(_) => CheckResult {
            verdict: CheckVerdict::Unknown("the clocks differ, and no third clock tells which is wrong".to_owned()),
            ..result
        },
        _ => result,
    };
    match judge_clocks(set) {
        ClockVerdict::OursWrong(ahead) => {
            let title =
                format!("this machine's clock is wrong by {:+} s: the endpoints agree with the platform", -ahead);
            result.with_remarks(vec![remark(CauseKind::PlatformClock, title, vec![evidence])])
        }
        _ => result,
    }
}
