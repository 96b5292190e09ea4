//! Causes of the circuit breaker playbook, most likely first.

use super::facts::{Facts, State};
use crate::api::remedy::{Guide, Remedy};
use crate::api::report::{Cause, Evidence, Offer, Step, Subject, Verdict};
use crate::api::runbook::Runbook;
use crate::diagnose::endpoint::Group;
use crate::domain::breaker::FUSE;
use crate::domain::ids::SubscriptionId;

/// Ranks the causes that the steps found. A breaker that has tripped comes before the endpoint's own failures.
#[must_use]
pub fn ranked(facts: &Facts<'_>, steps: &[Step]) -> Vec<Cause> {
    let endpoint = || -> Vec<Cause> {
        facts.failures().unwrap_or_default().iter().map(|group| endpoint_cause(facts, group)).collect()
    };
    match facts.state {
        State::Holds => Vec::new(),
        State::SwitchedOff(_) => vec![switched_off(facts, steps)],
        State::Fills => endpoint(),
        State::Tripped(_) if verdict(steps, "endpoint-now") == Some(&Verdict::Pass) => {
            std::iter::once(fixed(facts, steps)).chain(endpoint()).collect()
        }
        State::Tripped(_) => std::iter::once(tripped(facts, steps)).chain(endpoint()).collect(),
    }
}

fn verdict<'s>(steps: &'s [Step], id: &str) -> Option<&'s Verdict> {
    steps.iter().find(|step| step.id == id).map(|step| &step.verdict)
}

fn evidence(steps: &[Step], ids: &[&str]) -> Vec<Evidence> {
    steps.iter().filter(|step| ids.contains(&step.id.as_str())).flat_map(|step| step.evidence.clone()).collect()
}

fn endpoint_cause(facts: &Facts<'_>, group: &Group) -> Cause {
    let mut evidence = vec![facts.of_failures("failed attempts of the streak", group.seen.clone())];
    let began = facts.row.health.streak_began_utc;
    evidence.extend(began.map(|at| facts.of_subscription("streak began", at.to_string(), None)));
    let latest = facts.latest_failure();
    evidence.extend(latest.map(|row| {
        facts.evidence(
            format!("delivery log: attempt {}", row.id),
            format!("{}: {}", row.started_utc, row.outcome()),
            None,
        )
    }));
    let said = latest.and_then(|row| row.error.clone().map(|error| (row.id, error)));
    evidence
        .extend(said.map(|(id, error)| facts.evidence(format!("delivery log: error of attempt {id}"), error, None)));
    Cause {
        id: group.fault.id().to_owned(),
        title: format!("subscription {}: {}", facts.row.subscription.id, group.fault.title(&group.seen)),
        evidence,
        resolution: group.fault.resolution().to_owned(),
        offers: offers([Remedy::Test(facts.row.subscription.id)]),
    }
}

fn tripped(facts: &Facts<'_>, steps: &[Step]) -> Cause {
    let id = facts.row.subscription.id;
    let seen: Vec<String> = facts.failures().iter().flatten().map(|group| group.seen.clone()).collect();
    let seen = if seen.is_empty() { "causes not recorded".to_owned() } else { seen.join(", ") };
    Cause {
        id: "breaker-tripped".to_owned(),
        title: format!("the breaker switched subscription {id} off after {FUSE} consecutive failures ({seen})"),
        evidence: evidence(steps, &["breaker-state", "endpoint-now", "missed-events"]),
        resolution: "Repair the endpoint first, send a test until it succeeds, then enable the subscription and choose what to do with the \
                     events that passed by."
            .to_owned(),
        offers: offers([Remedy::Test(id), Remedy::Enable(id), recovery(id)]),
    }
}

fn fixed(facts: &Facts<'_>, steps: &[Step]) -> Cause {
    let id = facts.row.subscription.id;
    Cause {
        id: "breaker-fixed".to_owned(),
        title: format!("the endpoint answers again, and subscription {id} is still off"),
        evidence: evidence(steps, &["breaker-state", "endpoint-now", "missed-events"]),
        resolution: "Enable the subscription; deliver the events that passed by if the receiver needs them. Receivers recognise repeats by \
                     the event's id."
            .to_owned(),
        offers: offers([Remedy::Enable(id), recovery(id)]),
    }
}

fn switched_off(facts: &Facts<'_>, steps: &[Step]) -> Cause {
    let id = facts.row.subscription.id;
    Cause {
        id: "sub-disabled".to_owned(),
        title: format!("subscription {id} was switched off by hand, not by the breaker"),
        evidence: evidence(steps, &["breaker-state", "missed-events"]),
        resolution: "Find out who switched it off and why; if it is wanted, send a test and enable it.".to_owned(),
        offers: offers([Remedy::Test(id), Remedy::Enable(id)]),
    }
}

fn offers(remedies: impl IntoIterator<Item = Remedy>) -> Vec<Offer> {
    remedies.into_iter().map(Offer::from).collect()
}

fn recovery(id: SubscriptionId) -> Remedy {
    Remedy::Runbook(Guide { runbook: Runbook::BreakerRecovery, subject: Subject::Subscription(id) })
}
