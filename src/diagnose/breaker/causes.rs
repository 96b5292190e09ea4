//! Causes of the circuit breaker playbook, most likely first.

use super::facts::{BreakerFacts, BreakerState};
use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::endpoint::FaultGroup;
use crate::diagnose::remedy::OfferedAction;
use crate::diagnose::remedy::{RemediationAction, RunbookTarget};
use crate::diagnose::report::{CheckVerdict, DiagnosedCause, Evidence, ReportedCheck};
use crate::diagnose::runbook_kind::Runbook;
use crate::domain::breaker::FAILURE_THRESHOLD;
use crate::domain::ids::SubscriptionId;

/// Ranks the causes that the steps found. A breaker that has tripped comes before the endpoint's own failures.
#[must_use]
pub fn ranked_causes(facts: &BreakerFacts<'_>, steps: &[ReportedCheck]) -> Vec<DiagnosedCause> {
    let endpoint = || -> Vec<DiagnosedCause> {
        facts.failures().unwrap_or_default().iter().map(|group| endpoint_cause(facts, group)).collect()
    };
    match facts.state {
        BreakerState::Closed => Vec::new(),
        BreakerState::DisabledManually(_) => vec![disabled_by_hand(facts, steps)],
        BreakerState::NearThreshold => endpoint(),
        BreakerState::Tripped(_) if step_verdict(steps, "endpoint-now") == Some(&CheckVerdict::Pass) => {
            std::iter::once(endpoint_recovered(facts, steps)).chain(endpoint()).collect()
        }
        BreakerState::Tripped(_) => std::iter::once(breaker_tripped(facts, steps)).chain(endpoint()).collect(),
    }
}

fn step_verdict<'s>(steps: &'s [ReportedCheck], id: &str) -> Option<&'s CheckVerdict> {
    steps.iter().find(|step| step.id == id).map(|step| &step.verdict)
}

fn step_evidence(steps: &[ReportedCheck], ids: &[&str]) -> Vec<Evidence> {
    steps.iter().filter(|step| ids.contains(&step.id.as_str())).flat_map(|step| step.evidence.clone()).collect()
}

fn endpoint_cause(facts: &BreakerFacts<'_>, group: &FaultGroup) -> DiagnosedCause {
    let mut evidence = vec![facts.failures_evidence("failed attempts in a row", group.outcomes.clone())];
    let began = facts.row.health.and_then(|health| health.streak_began_utc);
    evidence.extend(began.map(|at| facts.subscription_evidence("failing since", at.to_string(), None)));
    let latest = facts.latest_failure();
    evidence.extend(latest.map(|row| {
        facts.log_evidence(
            format!("delivery log: attempt {}", row.id),
            format!("{}: {}", row.started_utc, row.outcome()),
            None,
        )
    }));
    let said = latest.and_then(|row| row.error.clone().map(|error| (row.id, error)));
    evidence.extend(
        said.map(|(id, error)| facts.log_evidence(format!("delivery log: error of attempt {id}"), error, None)),
    );
    DiagnosedCause {
        id: group.fault.id().to_owned(),
        title: format!("subscription {}: {}", facts.row.subscription.id, group.fault.title(&group.outcomes)),
        evidence,
        resolution: group.fault.resolution().to_owned(),
        offers: offers([RemediationAction::Test(facts.row.subscription.id)]),
    }
}

fn breaker_tripped(facts: &BreakerFacts<'_>, steps: &[ReportedCheck]) -> DiagnosedCause {
    let id = facts.row.subscription.id;
    let seen: Vec<String> = facts.failures().iter().flatten().map(|group| group.outcomes.clone()).collect();
    let seen = if seen.is_empty() { "causes not recorded".to_owned() } else { seen.join(", ") };
    DiagnosedCause {
        id: "breaker-tripped".to_owned(),
        title: format!("subscription {id}: the breaker tripped after {FAILURE_THRESHOLD} failures in a row ({seen})"),
        evidence: step_evidence(steps, &["breaker-state", "endpoint-now", "missed-events"]),
        resolution: "Fix the endpoint, send tests until one succeeds, then enable the subscription and choose whether to resend missed \
                     events."
            .to_owned(),
        offers: offers([RemediationAction::Test(id), RemediationAction::Enable(id), recovery(id)]),
    }
}

fn endpoint_recovered(facts: &BreakerFacts<'_>, steps: &[ReportedCheck]) -> DiagnosedCause {
    let id = facts.row.subscription.id;
    DiagnosedCause {
        id: "breaker-fixed".to_owned(),
        title: format!("subscription {id} is still off, but its endpoint works again"),
        evidence: step_evidence(steps, &["breaker-state", "endpoint-now", "missed-events"]),
        resolution: "Enable the subscription, and resend missed events if the receiver needs them. Receivers drop duplicates by event \
                     id."
            .to_owned(),
        offers: offers([RemediationAction::Enable(id), recovery(id)]),
    }
}

fn disabled_by_hand(facts: &BreakerFacts<'_>, steps: &[ReportedCheck]) -> DiagnosedCause {
    let id = facts.row.subscription.id;
    DiagnosedCause {
        id: "sub-disabled".to_owned(),
        title: format!("subscription {id} was disabled by hand, not by the breaker"),
        evidence: step_evidence(steps, &["breaker-state", "missed-events"]),
        resolution: "Find out who disabled it and why. If it is still needed, send a test and enable it.".to_owned(),
        offers: offers([RemediationAction::Test(id), RemediationAction::Enable(id)]),
    }
}

fn offers(remedies: impl IntoIterator<Item = RemediationAction>) -> Vec<OfferedAction> {
    remedies.into_iter().map(OfferedAction::from).collect()
}

fn recovery(id: SubscriptionId) -> RemediationAction {
    RemediationAction::Runbook(RunbookTarget {
        runbook: Runbook::BreakerRecovery,
        subject: DiagnosisSubject::Subscription(id),
    })
}
